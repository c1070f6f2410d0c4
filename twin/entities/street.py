"""The network that people walk and drive on."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Mapped

from twin.entities.base import SpatialEntity
from twin.fields import field, geometry, length, link, many, rendition, text_field
from twin.terms import INSPIRE


class StreetSegment(SpatialEntity):
    """A stretch of carriageway, pavement, crossing or path (INSPIRE RoadLink)."""

    __tablename__ = "street_segment"
    __term__ = INSPIRE + "RoadLink"
    __label__ = ("name", "name_latin")
    __geometry__ = "centreline"

    name: Mapped[str | None] = text_field("Street name, where it has one")
    name_latin: Mapped[str | None] = text_field("Street name in Latin script", latin_of="name")
    name_folded: Mapped[str | None] = text_field("Folded name", folded_of="name", hidden=True)
    osm_id: Mapped[str | None] = text_field(
        "OpenStreetMap object, such as way/123", identifier="OSM_STREET", index=True
    )
    function: Mapped[str | None] = field(
        "What it is: carriageway, pavement, ...", codes="street_function", index=True
    )
    surface: Mapped[str | None] = field("What it is covered with", codes="street_surface")
    centreline: Mapped[Any] = geometry("Centre line", "MULTILINESTRING")
    geojson: Mapped[Any] = rendition("centreline")
    district: Mapped[str | None] = link("District", "The district that holds most of it; none when none does")
    neighbourhood: Mapped[str | None] = link(
        "Neighbourhood", "The neighbourhood that holds most of it; none when none does"
    )

    length_m = length("centreline", "Length")
    stops = many(
        "TransitStop", "Stops of the public transport that are on it, by their best link", by="street"
    )
