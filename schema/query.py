"""The front door: every question starts at one of these fields."""

from __future__ import annotations

import enum

import strawberry
from graphql import GraphQLInputObjectType

from schema import lookups, reads
from schema.declare import REQUIRED, Argument, Member, enum_type, object_type
from schema.federation import root_members
from schema.filters import GeometryInput
from schema.mutations import Mutation
from schema.scalars import CONFIGURATION
from schema.types import declare_types, page_arguments
from twin import search
from twin.entities import IDENTIFIERS
from twin.reconcile import MOST_QUERIES
from twin.schemes import SCHEMES

IdentifierScheme = enum.Enum("IdentifierScheme", {scheme: scheme for scheme in IDENTIFIERS})  # type: ignore[misc]
IdentifierScheme.__doc__ = "Whose identifier it is: the register or publisher that gave it"
enum_type(IdentifierScheme, {scheme: SCHEMES[scheme].form.capitalize() for scheme in IDENTIFIERS})


def _connection(name: str, target: str, doc: str) -> Member:
    return Member(name, f"{target}Connection!", doc, reads.Root(target), page_arguments(target))


def build() -> strawberry.Schema:
    """The schema, once per process."""
    types = declare_types()
    query = object_type(
        "Query",
        "Questions to the city twin",
        [
            Member(
                "node", "Node",
                "One record by its public id, or by that of one whose place it took; null when there is none "
                "or several took it (see successions)",
                reads.RootNode(),
                [Argument("id", strawberry.ID, "Such as District:68134-09", default=REQUIRED)],
            ),
            Member(
                "byIdentifier", "CityEntity",
                "One record by an identifier that a register gives it, or gave it or one whose place it took",
                reads.RootIdentifier(),
                [
                    Argument("scheme", "IdentifierScheme!", "Whose identifier it is", default=REQUIRED),
                    Argument("value", str, "The identifier, as written there or as a URI", default=REQUIRED),
                ],
            ),
            Member(
                "reconcile", "[ReconcileResult!]!",
                "The records that are meant by what somebody else's table says, a result for each query",
                lookups.RootReconcile(),
                [
                    Argument(
                        "queries", "[ReconcileQuery!]!", f"At most {MOST_QUERIES}", default=REQUIRED
                    )
                ],
            ),
            Member(
                "geocode", "[GeocodeMatch!]!",
                "Where an address is: the best first, the exacter ones only where one is sure enough",
                lookups.RootGeocode(),
                [
                    Argument("text", str, "Such as гр. София, ж.к. Люлин 8, бл. 819", default=REQUIRED),
                    Argument("first", int, "At most this many", default=5),
                ],
            ),
            Member(
                "reverseGeocode", "[GeocodeMatch!]!",
                "What stands at a place: addresses and buildings, else a street, else the areas it lies in",
                lookups.RootGeocode(),
                [
                    Argument("at", GeometryInput, "The place", default=REQUIRED),
                    Argument("withinM", float, "How far off it may be, in metres", default=50.0),
                    Argument("first", int, "At most this many", default=5),
                ],
            ),
            Member(
                "search", "SearchConnection!",
                "Records by what people call them: names, addresses and identifiers, in Cyrillic or Latin, "
                "with typing mistakes, the last word only begun",
                lookups.RootSearch(),
                [
                    Argument(
                        "text", str,
                        f"Such as шипка 14, lyulin or 000695146; at most {search.LONGEST_TEXT} characters",
                        default=REQUIRED,
                    ),
                    Argument("types", "[EntityType!]", "Only of these entities; of all when left out"),
                    Argument("near", "GeometryInput", "Of what matches as well, the nearest to it first"),
                    Argument("first", int, f"At most this many, up to {lookups.SEARCH_CEILING}", default=10),
                ],
            ),
            _connection("districts", "District", "Districts of the municipality"),
            _connection("neighbourhoods", "Neighbourhood", "Neighbourhoods, housing estates and villages"),
            _connection("namedPlaces", "NamedPlace", "Areas with a name, which cover all land"),
            _connection("planningUnits", "PlanningUnit", "Planning units with what a census counted"),
            _connection("buildings", "Building", "Buildings"),
            _connection("buildingSolids", "BuildingSolid", "3D shapes of buildings, by level of detail"),
            _connection("addresses", "Address", "Addresses"),
            _connection("streetSegments", "StreetSegment", "Carriageways, pavements and paths"),
            _connection("facilities", "Facility", "Public facilities: schools, hospitals, metro stations..."),
            _connection("transitStops", "TransitStop", "Stops of the public transport"),
            _connection("transitRoutes", "TransitRoute", "Routes of the public transport"),
            _connection("transitLinks", "TransitLink", "Tram tracks, trolleybus wires and metro lines"),
            _connection("cityFurniture", "CityFurniture", "Waste containers and other city furniture"),
            _connection("parkingZones", "ParkingZone", "Zones of paid parking"),
            _connection("airQualityStations", "AirQualityStation", "Stations that measure the air"),
            _connection("observations", "Observation", "What stations measured"),
            _connection("businesses", "Business", "Registered organisations"),
            _connection("sites", "Site", "Where organisations are"),
            _connection("permits", "Permit", "Building permits"),
            _connection("successions", "Succession", "Which records took the place of which"),
            _connection("links", "Link", "Claims that tie records together, with how sure they are"),
            _connection("importRuns", "ImportRun", "Loads of data sets"),
            _connection("qualityMeasurements", "QualityMeasurement", "How good the data sets are"),
            Member("sources", "[Source!]!", "The data sets that the model is of", reads.RootList("Source")),
            Member(
                "notices", "NoticeConnection!", "What is wrong with published records, for their owners",
                reads.RootNotices(),
                [
                    Argument("source", strawberry.ID, "Only of this data set"),
                    Argument("rule", str, "Only where this rule was broken"),
                    *page_arguments("Notice"),
                ],
            ),
            *root_members(types),
        ],
    )  # fmt: skip
    schema = strawberry.Schema(query=query, mutation=Mutation, types=types, config=CONFIGURATION)
    for type_ in schema._schema.type_map.values():
        if isinstance(type_, GraphQLInputObjectType):
            # Strawberry checks values only; graphql-core's rules for documents go by this
            type_.is_one_of = type_.extensions["strawberry-definition"].is_one_of
    return schema


def sdl(schema: strawberry.Schema) -> str:
    """The schema in GraphQL's own language, as it is committed in schema.graphql."""
    return schema.as_str() + "\n"


__all__ = ["IdentifierScheme", "build", "sdl"]
