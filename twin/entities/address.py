"""Addresses, and what they lead to."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Mapped

from twin.entities.base import SpatialEntity
from twin.fields import geometry, link, many, rendition, text_field
from twin.terms import INSPIRE, LOCN


class Address(SpatialEntity):
    """A postal or cadastral address with its place (INSPIRE Address)."""

    __tablename__ = "address"
    __term__ = INSPIRE + "Address"
    __label__ = ("text", "text_latin")
    __geometry__ = "position"

    text: Mapped[str] = text_field("The whole address on one line", term=LOCN + "fullAddress")
    text_latin: Mapped[str | None] = text_field("The address in Latin script", latin_of="text")
    street: Mapped[str | None] = text_field("Thoroughfare, such as ул. Шипка", term=LOCN + "thoroughfare")
    house_number: Mapped[str | None] = text_field(
        "House number with its letter, such as 14А", term=LOCN + "locatorDesignator"
    )
    block: Mapped[str | None] = text_field("Block (бл.) of a housing estate")
    entrance: Mapped[str | None] = text_field("Entrance (вх.)")
    estate: Mapped[str | None] = text_field(
        "Housing estate or quarter that the address names", term=LOCN + "addressArea"
    )
    settlement: Mapped[str | None] = text_field("Town or village", term=LOCN + "postName")
    postcode: Mapped[str | None] = text_field("Postcode", term=LOCN + "postCode")
    match_key: Mapped[str | None] = text_field(
        "What two spellings of this address have in common", hidden=True, index=True
    )
    building_hint: Mapped[str | None] = text_field(
        "Key of the building that the source itself ties the address to", hidden=True
    )
    position: Mapped[Any] = geometry("Where it is", "POINT")
    geojson: Mapped[Any] = rendition("position")
    district: Mapped[str | None] = link("District", "The district it lies in")
    neighbourhood: Mapped[str | None] = link("Neighbourhood", "The neighbourhood it lies in")
    building: Mapped[str | None] = link("Building", "The building it leads to")

    sites = many("Site", "Where organisations are at it", by="address")
    permits = many("Permit", "Building permits for it, by their best link", by="address")
