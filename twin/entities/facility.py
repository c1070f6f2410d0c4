"""Public facilities: schools, hospitals, metro stations and the like."""

from __future__ import annotations

import enum
from typing import Any

from sqlalchemy.orm import Mapped

from twin.entities.base import SpatialEntity
from twin.fields import field, geometry, link, rendition, text_field, texts_field


class FacilityKind(enum.Enum):
    """What a facility is for."""

    SCHOOL = "SCHOOL"
    KINDERGARTEN = "KINDERGARTEN"
    UNIVERSITY = "UNIVERSITY"
    LIBRARY = "LIBRARY"
    HOSPITAL = "HOSPITAL"
    CLINIC = "CLINIC"
    PHARMACY = "PHARMACY"
    PLACE_OF_WORSHIP = "PLACE_OF_WORSHIP"
    CEMETERY = "CEMETERY"
    COMMUNITY_CENTRE = "COMMUNITY_CENTRE"
    CULTURE = "CULTURE"
    SPORT = "SPORT"
    PLAYGROUND = "PLAYGROUND"
    TOWN_HALL = "TOWN_HALL"
    PUBLIC_BUILDING = "PUBLIC_BUILDING"
    POLICE = "POLICE"
    FIRE_STATION = "FIRE_STATION"
    POST_OFFICE = "POST_OFFICE"
    METRO_STATION = "METRO_STATION"
    BUS_STATION = "BUS_STATION"
    PARKING = "PARKING"
    FUEL_STATION = "FUEL_STATION"
    CHARGING_STATION = "CHARGING_STATION"
    RECYCLING = "RECYCLING"
    DRINKING_WATER = "DRINKING_WATER"
    TOILETS = "TOILETS"
    SHELTER = "SHELTER"
    BENCH = "BENCH"
    FOUNTAIN = "FOUNTAIN"
    POST_BOX = "POST_BOX"
    TELEPHONE = "TELEPHONE"
    BICYCLE_PARKING = "BICYCLE_PARKING"
    WASTE_BASKET = "WASTE_BASKET"
    BARBECUE = "BARBECUE"
    SOCIAL = "SOCIAL"
    METRO_ENTRANCE = "METRO_ENTRANCE"
    PARK = "PARK"
    GREEN_SPACE = "GREEN_SPACE"


class FacilityStatus(enum.Enum):
    """Whether it is there yet."""

    EXISTING = "EXISTING"
    PLANNED = "PLANNED"


class Facility(SpatialEntity):
    """A public facility and its place: a school, a metro station (INSPIRE GovernmentalService)."""

    __tablename__ = "facility"
    __label__ = ("name", "name_latin")
    __geometry__ = "position"

    kind: Mapped[str] = field("What it is for", enumeration=FacilityKind, index=True)
    name: Mapped[str | None] = text_field("Name, where the source gives one")
    name_latin: Mapped[str | None] = text_field("Name in Latin script", latin_of="name")
    name_folded: Mapped[str | None] = text_field("Folded name", folded_of="name", hidden=True)
    status: Mapped[str | None] = field("Whether it is there yet", enumeration=FacilityStatus)
    operator: Mapped[str | None] = text_field("Who runs it")
    capacity: Mapped[int | None] = field("How many it holds: places, beds, spaces", minimum=0)
    activities: Mapped[list[str] | None] = texts_field("What is done there, such as Йога")
    wheelchair: Mapped[bool | None] = field("Whether a wheelchair gets in")
    osm_id: Mapped[str | None] = text_field(
        "OpenStreetMap object, such as node/123", identifier="OSM_FACILITY", index=True
    )
    wikidata: Mapped[str | None] = text_field(
        "Wikidata item, such as Q1234", identifier="WIKIDATA_FACILITY", index=True
    )
    address_text: Mapped[str | None] = text_field("Address as the source writes it")
    position: Mapped[Any] = geometry("Where it is; inside the footprint where there is one", "POINT")
    geojson: Mapped[Any] = rendition("position")
    footprint: Mapped[Any] = geometry("Footprint, where the source draws one", "MULTIPOLYGON", nullable=True)
    district: Mapped[str | None] = link("District", "The district it lies in")
    neighbourhood: Mapped[str | None] = link("Neighbourhood", "The neighbourhood it lies in")
    building: Mapped[str | None] = link("Building", "The building it is in, by its best link")
