"""Neighbourhoods: what people say they live in."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Mapped

from twin.entities.base import SpatialEntity
from twin.fields import area, geometry, link, many, perimeter, rendition, text_field


class Neighbourhood(SpatialEntity):
    """A neighbourhood, housing estate or village (кв., ж.к., с.). Not all land has one."""

    __tablename__ = "neighbourhood"
    __label__ = ("name", "name_latin")
    __geometry__ = "boundary"

    name: Mapped[str | None] = text_field("Name as published, such as кв. Манастирски ливади")
    name_latin: Mapped[str | None] = text_field("Name in Latin script", latin_of="name")
    name_folded: Mapped[str | None] = text_field("Folded name", folded_of="name", hidden=True)
    boundary: Mapped[Any] = geometry("Boundary", "MULTIPOLYGON")
    geojson: Mapped[Any] = rendition("boundary")
    district: Mapped[str | None] = link("District", "The district that holds most of it; none when none does")

    area_m2 = area("boundary", "Area")
    perimeter_m = perimeter("boundary", "Perimeter (holes included)")
    buildings = many("Building", "Buildings that lie mostly in it", by="neighbourhood")
    addresses = many("Address", "Addresses in it", by="neighbourhood")
    facilities = many("Facility", "Public facilities in it", by="neighbourhood")
    transit_stops = many("TransitStop", "Stops of the public transport in it", by="neighbourhood")
    sites = many("Site", "Where organisations are in it", by="neighbourhood")
    city_furniture = many("CityFurniture", "City furniture in it", by="neighbourhood")
    permits = many("Permit", "Building permits for what is in it", by="neighbourhood")
