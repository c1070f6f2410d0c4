"""Zones in which parking in the street is paid for."""

from __future__ import annotations

import enum
from typing import Any

from sqlalchemy import Double, func
from sqlalchemy.orm import Mapped

from twin.entities.base import SpatialEntity
from twin.fields import computed, field, geometry, link, rendition, text_field


class ParkingTariff(enum.Enum):
    """The tariff of a paid parking zone, by the colour of its signs."""

    BLUE = "BLUE"
    GREEN = "GREEN"


class ParkingZone(SpatialEntity):
    """A subzone of paid parking (INSPIRE ManagementRestrictionOrRegulationZone)."""

    __tablename__ = "parking_zone"
    __label__ = ("number", "number")
    __geometry__ = "boundary"

    number: Mapped[str] = text_field("Number of the subzone")
    tariff: Mapped[str | None] = field("Its tariff, by colour", enumeration=ParkingTariff, index=True)
    boundary: Mapped[Any] = geometry("Boundary", "MULTIPOLYGON")
    geojson: Mapped[Any] = rendition("boundary")
    district: Mapped[str | None] = link("District", "The district that holds most of it; none when none does")

    area_m2 = computed(
        "Area in the city's metric CRS", Double(), lambda t: func.ST_Area(t.c.boundary), unit="m2"
    )
