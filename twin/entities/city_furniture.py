"""City furniture: what stands in the streets to be used by everybody."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Mapped

from twin.entities.base import SpatialEntity
from twin.fields import Choice, field, geometry, link, rendition


class FurnitureFunction(Choice):
    """What a piece of city furniture is for."""

    WASTE_CONTAINER = "WASTE_CONTAINER", "A container for waste"
    ASH_CONTAINER = "ASH_CONTAINER", "A container for ash"


class FurnitureCondition(Choice):
    """The state that a piece of city furniture is in."""

    GOOD = "GOOD", "It is in good order"
    NEEDS_SERVICE = "NEEDS_SERVICE", "It needs to be mended or replaced"


class CityFurniture(SpatialEntity):
    """Waste containers and other things that stand in the street (CityGML CityFurniture)."""

    __tablename__ = "city_furniture"
    __geometry__ = "position"

    function: Mapped[str] = field("What it is for", enumeration=FurnitureFunction, index=True)
    count: Mapped[int | None] = field("How many of them stand there", minimum=0)
    volume_l: Mapped[int | None] = field("Volume of each in litres", unit="L", minimum=0)
    condition: Mapped[str | None] = field("State that they are in", enumeration=FurnitureCondition)
    position: Mapped[Any] = geometry("Where it is", "POINT")
    geojson: Mapped[Any] = rendition("position")
    district: Mapped[str | None] = link("District", "The district it lies in")
    neighbourhood: Mapped[str | None] = link("Neighbourhood", "The neighbourhood it lies in")
