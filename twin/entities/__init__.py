"""Every entity, each declared once in its own file; a new one is a file and a line in ENTITIES."""

from __future__ import annotations

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import ARRAY

from twin.entities.address import Address
from twin.entities.air_quality import AirQualityStation, Observation
from twin.entities.base import Base, CityEntity, Entity, Node, SpatialEntity
from twin.entities.building import Building, BuildingSolid
from twin.entities.business import (
    ActivityEdition,
    Business,
    EditionBasis,
    Ownership,
    Proceedings,
    Site,
    SiteKind,
)
from twin.entities.city_furniture import CityFurniture, FurnitureCondition, FurnitureFunction
from twin.entities.district import District
from twin.entities.facility import Facility, FacilityKind, FacilityStatus
from twin.entities.named_place import NamedPlace
from twin.entities.neighbourhood import Neighbourhood
from twin.entities.parking import ParkingTariff, ParkingZone
from twin.entities.permit import Permit, PermitStatus, PermitWorks
from twin.entities.planning_unit import PlanningUnit
from twin.entities.provenance import (
    NOTICE_RULE,
    CodeValue,
    ImportRun,
    Link,
    LinkMethod,
    LinkStatus,
    LinkType,
    LoadedFile,
    LoadMode,
    Notice,
    Record,
    RunStatus,
    Severity,
    Source,
    Succession,
)
from twin.entities.quality import QualityMeasurement, QualityMetric, QualityOutcome
from twin.entities.street import StreetSegment
from twin.entities.transit import TransitLink, TransitMode, TransitRoute, TransitStop
from twin.errors import BadRequest
from twin.schemes import SCHEMES

#: in the order in which a load must fill them: areas first, then what lies in them, then what links to that
ENTITIES: tuple[Entity, ...] = tuple(
    Entity(cls)
    for cls in (
        District,
        Neighbourhood,
        NamedPlace,
        PlanningUnit,
        Building,
        BuildingSolid,
        Address,
        StreetSegment,
        Facility,
        CityFurniture,
        ParkingZone,
        AirQualityStation,
        Observation,
        TransitStop,
        TransitRoute,
        TransitLink,
        Business,
        Site,
        Permit,
        Succession,
        Source,
        ImportRun,
        LoadedFile,
        Notice,
        QualityMeasurement,
        Link,
    )
)
BY_NAME: dict[str, Entity] = {entity.name: entity for entity in ENTITIES}
#: identifier scheme -> where byIdentifier looks
IDENTIFIERS: dict[str, tuple[Entity, str]] = {
    known.identifier: (entity, name)
    for entity in ENTITIES
    for name, known in entity.fields.items()
    if known.identifier
}


def entity(name: str) -> Entity:
    """The entity of that name; BadRequest lists the names there are."""
    try:
        return BY_NAME[name]
    except KeyError:
        raise BadRequest(f'there is no "{name}"; there are {", ".join(BY_NAME)}') from None


def _check_registry() -> None:
    """A misspelt target or attribute fails here, at import, not in a query."""
    for one in ENTITIES:
        for name, target in one.links.items():
            if target not in BY_NAME:
                raise TypeError(f"{one.name}.{name} links to unknown {target}")
        for name, many in one.lists.items():
            target_entity = BY_NAME[many.target]
            if many.by and target_entity.links.get(many.by) != one.name:
                raise TypeError(f"{one.name}.{name}: {many.target}.{many.by} does not link to {one.name}")
            if many.keys and many.keys not in one.fields:
                raise TypeError(f"{one.name}.{name}: there is no {one.name}.{many.keys}")
        for name, known in one.fields.items():
            if known.identifier and known.identifier not in SCHEMES:
                raise TypeError(f"{one.name}.{name}: {known.identifier} is no scheme of twin/schemes.py")
            for other in (known.latin_of, known.folded_of):
                if other and other not in one.fields:
                    raise TypeError(f"{one.name}.{name} derives from unknown {other}")


def _index_folded_names() -> None:
    """Every folded name gets the trigram index that TextOp.search reads."""
    for one in ENTITIES:
        for name, known in one.fields.items():
            if known.folded_of:
                Index(
                    f"{one.table.name}_{name}_trgm",
                    one.table.c[name],
                    postgresql_using="gin",
                    postgresql_ops={name: "gin_trgm_ops"},
                )


def _index_lists() -> None:
    """Every public list of texts gets the index that TextListOp.has reads."""
    for one in ENTITIES:
        for name, known in one.fields.items():
            column = one.table.c[name]
            if isinstance(column.type, ARRAY) and not known.hidden:
                Index(f"{one.table.name}_{name}_gin", column, postgresql_using="gin")


_check_registry()
_index_folded_names()
_index_lists()

__all__ = [
    "BY_NAME",
    "ENTITIES",
    "IDENTIFIERS",
    "NOTICE_RULE",
    "ActivityEdition",
    "Address",
    "AirQualityStation",
    "Base",
    "Building",
    "BuildingSolid",
    "Business",
    "CityEntity",
    "CityFurniture",
    "CodeValue",
    "District",
    "EditionBasis",
    "Entity",
    "Facility",
    "FacilityKind",
    "FacilityStatus",
    "FurnitureCondition",
    "FurnitureFunction",
    "ImportRun",
    "Link",
    "LinkMethod",
    "LinkStatus",
    "LinkType",
    "LoadMode",
    "LoadedFile",
    "NamedPlace",
    "Neighbourhood",
    "Node",
    "Notice",
    "Observation",
    "Ownership",
    "ParkingTariff",
    "ParkingZone",
    "Permit",
    "PermitStatus",
    "PermitWorks",
    "PlanningUnit",
    "Proceedings",
    "QualityMeasurement",
    "QualityMetric",
    "QualityOutcome",
    "Record",
    "RunStatus",
    "Severity",
    "Site",
    "SiteKind",
    "Source",
    "SpatialEntity",
    "StreetSegment",
    "Succession",
    "TransitLink",
    "TransitMode",
    "TransitRoute",
    "TransitStop",
    "entity",
]
