"""Districts: the areas that a municipality administers itself by."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Mapped

from twin.entities.base import SpatialEntity
from twin.fields import area, field, geometry, many, perimeter, rendition, text_field
from twin.terms import INSPIRE


class District(SpatialEntity):
    """A district of the municipality (район; INSPIRE AdministrativeUnit): what the city reports by."""

    __tablename__ = "district"
    __term__ = INSPIRE + "AdministrativeUnit"
    __label__ = ("name_bg", "name_latin")
    __geometry__ = "boundary"

    code: Mapped[str] = text_field(
        "Official code: EKATTE of the settlement and the district's number, such as 68134-09",
        identifier="DISTRICT_CODE", unique=True,
    )  # fmt: skip
    wikidata: Mapped[str | None] = text_field(
        "Wikidata item, such as Q472", identifier="WIKIDATA_DISTRICT", index=True
    )
    name_bg: Mapped[str | None] = text_field("Name in Cyrillic, as the official code list writes it")
    name_latin: Mapped[str | None] = text_field(
        "Name in Latin script: the source's own, else transliterated by the Act of 2009", latin_of="name_bg"
    )
    name_folded: Mapped[str | None] = text_field(
        "Folded name, for searching", folded_of="name_bg", hidden=True
    )
    population: Mapped[int | None] = field("Inhabitants, as the source estimates them", minimum=0)
    boundary: Mapped[Any] = geometry("Boundary", "MULTIPOLYGON")
    geojson: Mapped[Any] = rendition("boundary")

    area_m2 = area("boundary", "Area")
    perimeter_m = perimeter("boundary", "Perimeter (holes included)")
    neighbourhoods = many("Neighbourhood", "Neighbourhoods that lie mostly in it", by="district")
    named_places = many("NamedPlace", "Named places that lie mostly in it", by="district")
    planning_units = many("PlanningUnit", "Planning units that lie mostly in it", by="district")
    buildings = many("Building", "Buildings that lie mostly in it", by="district")
    addresses = many("Address", "Addresses in it", by="district")
    facilities = many("Facility", "Public facilities in it", by="district")
    transit_stops = many("TransitStop", "Stops of the public transport in it", by="district")
    street_segments = many("StreetSegment", "Parts of streets that lie mostly in it", by="district")
    sites = many("Site", "Where organisations are in it", by="district")
    city_furniture = many("CityFurniture", "City furniture in it", by="district")
    parking_zones = many("ParkingZone", "Zones of paid parking that lie mostly in it", by="district")
    air_quality_stations = many("AirQualityStation", "Air-quality stations in it", by="district")
    transit_links = many("TransitLink", "Tracks and wires that lie mostly in it", by="district")
    permits = many("Permit", "Building permits in it", by="district")
