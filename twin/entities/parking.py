"""Zones in which parking in the street is paid for."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Mapped

from twin.entities.base import SpatialEntity
from twin.fields import Choice, area, field, geometry, link, perimeter, rendition, text_field
from twin.terms import INSPIRE


class ParkingTariff(Choice):
    """The tariff of a paid parking zone, by the colour of its signs."""

    BLUE = "BLUE", "The blue zone"
    GREEN = "GREEN", "The green zone"


class ParkingZone(SpatialEntity):
    """A subzone of paid parking (INSPIRE ManagementRestrictionOrRegulationZone)."""

    __tablename__ = "parking_zone"
    __term__ = INSPIRE + "ManagementRestrictionOrRegulationZone"
    __label__ = ("number", "number")
    __geometry__ = "boundary"

    number: Mapped[str] = text_field("Number of the subzone")
    tariff: Mapped[str | None] = field("Its tariff, by colour", enumeration=ParkingTariff, index=True)
    boundary: Mapped[Any] = geometry("Boundary", "MULTIPOLYGON")
    geojson: Mapped[Any] = rendition("boundary")
    district: Mapped[str | None] = link("District", "The district that holds most of it; none when none does")

    area_m2 = area("boundary", "Area")
    perimeter_m = perimeter("boundary", "Perimeter (holes included)")
