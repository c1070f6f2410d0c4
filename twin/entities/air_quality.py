"""Stations that measure the air, and what they measured."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import DateTime, Double, Index
from sqlalchemy.orm import Mapped

from twin.entities.base import CityEntity, SpatialEntity
from twin.fields import field, geometry, link, many, rendition, text_field
from twin.terms import INSPIRE, SOSA


class AirQualityStation(SpatialEntity):
    """A station that measures the air (INSPIRE EnvironmentalMonitoringFacility)."""

    __tablename__ = "air_quality_station"
    __term__ = INSPIRE + "EnvironmentalMonitoringFacility"
    __label__ = ("name", "name")
    __geometry__ = "position"

    name: Mapped[str] = text_field("Name as the source writes it")
    name_folded: Mapped[str | None] = text_field("Folded name", folded_of="name", hidden=True)
    position: Mapped[Any] = geometry("Where it is", "POINT")
    geojson: Mapped[Any] = rendition("position")
    district: Mapped[str | None] = link("District", "The district it lies in")
    neighbourhood: Mapped[str | None] = link("Neighbourhood", "The neighbourhood it lies in")

    observations = many("Observation", "What it measured, in the order of time", by="station")


class Observation(CityEntity):
    """One measured value (OGC Observations and Measurements, OM_Measurement)."""

    __tablename__ = "observation"
    __term__ = SOSA + "Observation"
    __table_args__ = (Index("observation_station_time_idx", "station", "phenomenon_time"),)

    station: Mapped[str | None] = link("AirQualityStation", "Where it was measured", derived=False)
    observed_property: Mapped[str] = field(
        "What was measured", codes="observed_property", index=True, term=SOSA + "observedProperty"
    )
    value: Mapped[float | None] = field(
        "The value; null where the published one is impossible", Double(), term=SOSA + "hasSimpleResult"
    )
    unit: Mapped[str | None] = text_field("Unit of the value (UCUM); null where it is not known")
    phenomenon_time: Mapped[dt.datetime] = field(
        "The hour that it is of; the source states no time zone, and it is given as if in UTC",
        DateTime(timezone=True), index=True, term=SOSA + "phenomenonTime",
    )  # fmt: skip
