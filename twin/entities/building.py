"""Buildings, as the cadastre or OpenStreetMap records them."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import Double, func
from sqlalchemy.orm import Mapped

from twin.entities.base import SpatialEntity
from twin.fields import computed, field, geometry, link, many, rendition, text_field


class Building(SpatialEntity):
    """A building (INSPIRE Building, CityGML Building): its footprint, use and size as recorded."""

    __tablename__ = "building"
    __label__ = ("name", "name_latin")
    __geometry__ = "footprint"

    cadastral_id: Mapped[str | None] = text_field(
        "Cadastral identifier: EKATTE.region.parcel.building; never reused", identifier="CADASTRE", index=True
    )
    osm_id: Mapped[str | None] = text_field(
        "OpenStreetMap object, such as way/123", identifier="OSM_BUILDING", index=True
    )
    name: Mapped[str | None] = text_field("Name, where the building has one")
    name_latin: Mapped[str | None] = text_field("Name in Latin script", latin_of="name")
    current_use: Mapped[str | None] = field("What it is used for", codes="building_use", index=True)
    storeys_above_ground: Mapped[int | None] = field("Number of storeys above ground", minimum=0, maximum=200)
    height_m: Mapped[float | None] = field(
        "Height above ground, where it was measured", unit="m", minimum=0, maximum=1000
    )
    date_of_construction: Mapped[dt.date | None] = field("When it was built")
    dwellings: Mapped[int | None] = field("Number of self-contained units the cadastre records", minimum=0)
    address_text: Mapped[str | None] = text_field("Address as the source writes it")
    footprint: Mapped[Any] = geometry("Footprint on the ground", "MULTIPOLYGON")
    geojson: Mapped[Any] = rendition("footprint")
    district: Mapped[str | None] = link("District", "The district that holds most of it; none when none does")
    neighbourhood: Mapped[str | None] = link(
        "Neighbourhood", "The neighbourhood that holds most of it; none when none does"
    )

    footprint_area_m2 = computed(
        "Area of the footprint in the city's metric CRS",
        Double(), lambda t: func.ST_Area(t.c.footprint), unit="m2",
    )  # fmt: skip
    addresses = many("Address", "Addresses that lead to it", by="building")
    sites = many("Site", "Where organisations are in it", by="building")
    facilities = many("Facility", "Public facilities in it", by="building")
    permits = many("Permit", "Building permits for it, by their best link", by="building")
