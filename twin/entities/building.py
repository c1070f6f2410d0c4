"""Buildings, as the cadastre or OpenStreetMap records them, and their 3D shapes from city models."""

from __future__ import annotations

import datetime as dt
from typing import Any

from geoalchemy2 import Geometry
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import Mapped

from twin.entities.base import CityEntity, SpatialEntity
from twin.fields import area, field, geometry, link, many, perimeter, rendition, text_field
from twin.terms import GEO, INSPIRE


class Building(SpatialEntity):
    """A building (INSPIRE Building, CityGML Building): its footprint, use and size as recorded."""

    __tablename__ = "building"
    __term__ = INSPIRE + "Building"
    __label__ = ("name", "name_latin")
    __geometry__ = "footprint"

    cadastral_id: Mapped[str | None] = text_field(
        "Cadastral identifier: EKATTE.region.parcel.building; never reused", identifier="CADASTRE", index=True
    )
    osm_id: Mapped[str | None] = text_field(
        "OpenStreetMap object, such as way/123", identifier="OSM_BUILDING", index=True
    )
    wikidata: Mapped[str | None] = text_field(
        "Wikidata item, such as Q1234", identifier="WIKIDATA_BUILDING", index=True
    )
    name: Mapped[str | None] = text_field("Name, where the building has one")
    name_latin: Mapped[str | None] = text_field("Name in Latin script", latin_of="name")
    name_folded: Mapped[str | None] = text_field("Folded name", folded_of="name", hidden=True)
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

    footprint_area_m2 = area("footprint", "Area of the footprint")
    footprint_perimeter_m = perimeter("footprint", "Perimeter (courtyards included)")
    addresses = many("Address", "Addresses that lead to it", by="building")
    sites = many("Site", "Where organisations are in it", by="building")
    facilities = many("Facility", "Public facilities in it", by="building")
    permits = many("Permit", "Building permits for it, by their best link", by="building")
    solids = many("BuildingSolid", "Its 3D shapes, one for each level of detail", by="building")


class BuildingSolid(CityEntity):
    """The 3D shape of a building at one level of detail (CityGML Building lodXSolid), its parts included."""

    __tablename__ = "building_solid"
    __label__ = ("lod", "lod")

    building: Mapped[str | None] = link("Building", "The building that it is the shape of", derived=False)
    lod: Mapped[str] = text_field(
        "Level of detail as the city model says it, such as 1.2 or 2.2", scalar="Lod"
    )
    volume_m3: Mapped[float | None] = field(
        "Volume, down to its lowest point where it has no floor; null where it is open elsewhere",
        unit="m3",
        index=True,
        term=GEO + "hasMetricVolume",
    )
    ground_area_m2: Mapped[float | None] = field(
        "Area of its ground surfaces; null where the model does not tell what its surfaces are", unit="m2"
    )
    roof_area_m2: Mapped[float | None] = field("Area of its roof surfaces, slopes as they are", unit="m2")
    wall_area_m2: Mapped[float | None] = field("Area of its walls", unit="m2")
    lowest_m: Mapped[float] = field("Height of its lowest point, above height_datum", unit="m")
    highest_m: Mapped[float] = field("Height of its highest point, above height_datum", unit="m")
    height_datum: Mapped[str | None] = text_field(
        "What its heights are measured from, such as NAP height (EPSG:5709), for they are never converted; "
        "null where the model does not say"
    )
    solid: Mapped[Any] = field(
        "Its surfaces in the city's metric CRS: POLYHEDRALSURFACE Z for one plain solid, else MULTIPOLYGON Z",
        Geometry("GEOMETRYZ", srid=0, dimension=3, spatial_index=True),
        geometry="GEOMETRYZ", hidden=True, nullable=False,
    )  # fmt: skip
    cityjson: Mapped[Any] = field(
        "It as a CityJSON 2.0 document: the building with its parts, and what each surface is",
        JSON(), scalar="CityJSON", nullable=False,
    )  # fmt: skip
