"""Named places: the finer areas that people and plans call by name, all of the municipality among them."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Mapped

from twin.entities.base import SpatialEntity
from twin.fields import area, geometry, link, perimeter, rendition, text_field
from twin.terms import INSPIRE


class NamedPlace(SpatialEntity):
    """An area with a name: quarter, villa zone, village, park, industrial zone (INSPIRE NamedPlace). Together
    they cover all land; records lie in neighbourhoods, which are the built-up ones."""

    __tablename__ = "named_place"
    __term__ = INSPIRE + "NamedPlace"
    __label__ = ("name", "name_latin")
    __geometry__ = "boundary"

    name: Mapped[str | None] = text_field("Name as published, such as в.з. Братковица")
    name_latin: Mapped[str | None] = text_field("Name in Latin script", latin_of="name")
    name_folded: Mapped[str | None] = text_field("Folded name", folded_of="name", hidden=True)
    boundary: Mapped[Any] = geometry("Boundary", "MULTIPOLYGON")
    geojson: Mapped[Any] = rendition("boundary")
    district: Mapped[str | None] = link("District", "The district that holds most of it; none when none does")

    area_m2 = area("boundary", "Area")
    perimeter_m = perimeter("boundary", "Perimeter (holes included)")
