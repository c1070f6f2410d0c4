"""Public facilities: schools, hospitals, metro stations and the like."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Mapped

from twin.entities.base import SpatialEntity
from twin.fields import Choice, area, field, geometry, link, rendition, text_field, texts_field
from twin.terms import INSPIRE


class FacilityKind(Choice):
    """What a facility is for."""

    SCHOOL = "SCHOOL", "A school"
    KINDERGARTEN = "KINDERGARTEN", "A kindergarten or nursery"
    UNIVERSITY = "UNIVERSITY", "A university or college"
    LIBRARY = "LIBRARY", "A library"
    HOSPITAL = "HOSPITAL", "A hospital"
    CLINIC = "CLINIC", "A clinic or a doctor's practice"
    PHARMACY = "PHARMACY", "A pharmacy"
    PLACE_OF_WORSHIP = "PLACE_OF_WORSHIP", "A church, mosque, synagogue or other place of worship"
    CEMETERY = "CEMETERY", "A cemetery"
    COMMUNITY_CENTRE = "COMMUNITY_CENTRE", "A community centre (читалище)"
    CULTURE = "CULTURE", "A theatre, museum, gallery or other place of culture"
    SPORT = "SPORT", "A place for sport"
    PLAYGROUND = "PLAYGROUND", "A playground"
    TOWN_HALL = "TOWN_HALL", "A town hall or district administration"
    PUBLIC_BUILDING = "PUBLIC_BUILDING", "Another public building"
    POLICE = "POLICE", "A police station"
    FIRE_STATION = "FIRE_STATION", "A fire station"
    POST_OFFICE = "POST_OFFICE", "A post office"
    METRO_STATION = "METRO_STATION", "A metro station"
    BUS_STATION = "BUS_STATION", "A bus station"
    PARKING = "PARKING", "A car park"
    FUEL_STATION = "FUEL_STATION", "A fuel station"
    CHARGING_STATION = "CHARGING_STATION", "A charging station for electric vehicles"
    RECYCLING = "RECYCLING", "A place where things are collected for recycling"
    DRINKING_WATER = "DRINKING_WATER", "A tap of drinking water"
    TOILETS = "TOILETS", "Public toilets"
    SHELTER = "SHELTER", "A shelter"
    BENCH = "BENCH", "A bench"
    FOUNTAIN = "FOUNTAIN", "A fountain"
    POST_BOX = "POST_BOX", "A post box"
    TELEPHONE = "TELEPHONE", "A public telephone"
    BICYCLE_PARKING = "BICYCLE_PARKING", "A place to park bicycles"
    WASTE_BASKET = "WASTE_BASKET", "A waste basket"
    BARBECUE = "BARBECUE", "A place to grill"
    SOCIAL = "SOCIAL", "A social service"
    METRO_ENTRANCE = "METRO_ENTRANCE", "An entrance of a metro station"
    PARK = "PARK", "A park"
    GREEN_SPACE = "GREEN_SPACE", "Another green space"


class FacilityStatus(Choice):
    """Whether it is there yet."""

    EXISTING = "EXISTING", "It is there"
    PLANNED = "PLANNED", "It is planned or being built"


class Facility(SpatialEntity):
    """A public facility and its place: a school, a metro station (INSPIRE GovernmentalService)."""

    __tablename__ = "facility"
    __term__ = INSPIRE + "GovernmentalService"
    __label__ = ("name", "name_latin")
    __geometry__ = "position"

    kind: Mapped[str] = field("What it is for", enumeration=FacilityKind, index=True)
    name: Mapped[str | None] = text_field("Name, where the source gives one")
    name_latin: Mapped[str | None] = text_field("Name in Latin script", latin_of="name")
    name_folded: Mapped[str | None] = text_field("Folded name", folded_of="name", hidden=True)
    status: Mapped[str | None] = field("Whether it is there yet", enumeration=FacilityStatus)
    operator: Mapped[str | None] = text_field("Who runs it")
    operator_folded: Mapped[str | None] = text_field("Folded operator", folded_of="operator", hidden=True)
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
    footprint_area_m2 = area("footprint", "Area of the footprint")
    district: Mapped[str | None] = link("District", "The district it lies in")
    neighbourhood: Mapped[str | None] = link("Neighbourhood", "The neighbourhood it lies in")
    building: Mapped[str | None] = link("Building", "The building it is in, by its best link")
