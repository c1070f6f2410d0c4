"""The front door: every question starts at one of these fields."""

from __future__ import annotations

import enum

import strawberry

from schema import reads
from schema.declare import Argument, InputMember, Member, enum_type, input_type, object_type
from schema.filters import GeometryInput
from schema.mutations import Mutation
from schema.plan import SEARCH_CEILING
from schema.scalars import CONFIGURATION, GeoJSON, JSONValue
from schema.types import POINT_ARGUMENTS, REQUIRED, declare_types, page_arguments
from twin import search
from twin.entities import IDENTIFIERS
from twin.geocode import PART_DOCS, Level
from twin.reconcile import (
    DEFAULT_CANDIDATES,
    FEATURES,
    LONGEST_TEXT,
    MOST_CANDIDATES,
    MOST_QUERIES,
    PROPERTIES,
    TYPES,
)

IdentifierScheme = enum.Enum("IdentifierScheme", {scheme: scheme for scheme in IDENTIFIERS})  # type: ignore[misc]
IdentifierScheme.__doc__ = "Whose identifier it is: the register or publisher that gave it"
enum_type(IdentifierScheme)


input_type(
    "ReconcileProperty",
    "Something else that is known of what is meant",
    [
        InputMember("pid", str, f"One of {', '.join(PROPERTIES)}", required=True),
        InputMember(
            "v", JSONValue, 'A text, a number, a record as {"id": ...}, or a list of these', required=True
        ),
    ],
)
input_type(
    "ReconcileQuery",
    "A name, address or identifier as somebody wrote it (W3C Reconciliation Service API 0.2)",
    [
        InputMember("query", str, f"What was written, at most {LONGEST_TEXT} characters"),
        InputMember("type", list[str], f"Only of these types: {', '.join(TYPES)}"),
        InputMember(
            "limit",
            int,
            f"At most so many candidates, up to {MOST_CANDIDATES}; {DEFAULT_CANDIDATES} by default",
        ),
        InputMember("properties", "[ReconcileProperty!]", "What else is known"),
    ],
)
object_type(
    "ReconcileFeature",
    "What speaks for or against a candidate. "
    + ". ".join(f"{name}: {doc}" for name, doc in FEATURES.items()),
    [
        Member("id", str, "Which it is", reads.Part("id")),
        Member("value", JSONValue, "A number or a truth value", reads.Part("value")),
    ],
)
object_type(
    "ReconcileCandidate",
    "A record that may be meant",
    [
        Member("id", strawberry.ID, "The record's public id", reads.Part("id")),
        Member("name", str, "What people call it", reads.Part("name")),
        Member("description", str | None, "What tells it from its namesakes", reads.Part("description")),
        Member("score", float, "How surely it is meant, 0 to 100", reads.Part("score")),
        Member("match", bool, "Whether it is sure enough to be taken unasked", reads.Part("match")),
        Member("features", "[ReconcileFeature!]!", "What the score is made of", reads.Part("features")),
        Member("record", "CityEntity!", "The record", reads.Part("record")),
    ],
)
object_type(
    "ReconcileResult",
    "What may be meant by a query",
    [Member("candidates", "[ReconcileCandidate!]!", "The best first", reads.Part("candidates"))],
)
EntityType = enum.Enum("EntityType", {name: name for name in search.TYPES})  # type: ignore[misc]
EntityType.__doc__ = "What can be searched for"
enum_type(EntityType)
enum_type(search.MatchKind)
enum_type(Level)
object_type(
    "AddressParts",
    "The parts of an address as they were read, in small Latin letters; null where it does not have them",
    [Member(part, str | None, doc, reads.Part(part)) for part, doc in PART_DOCS.items()],
)
object_type(
    "GeocodeMatch",
    "A place that an address text may mean, or what stands at a place",
    [
        Member("level", Level, "How exactly it is found", reads.Value("level")),
        Member("score", float, "How likely it is the right one at its level, 0 to 1", reads.Value("score")),
        Member(
            "expectedErrorM", float,
            "Metres from the position within which nine of ten such places lie; of a place how far off it is "
            "(unit: m)",
            reads.Value("expected_error_m"),
        ),
        Member("reason", str, "Which parts matched and how", reads.Value("reason")),
        Member("position", GeoJSON, "Where it is", reads.Shape("position"), POINT_ARGUMENTS),
        Member("address", "Address", "The address", reads.ToOne("address", "Address")),
        Member("building", "Building", "The building", reads.ToOne("building", "Building")),
        Member(
            "neighbourhood", "Neighbourhood", "The neighbourhood",
            reads.ToOne("neighbourhood", "Neighbourhood"),
        ),
        Member("district", "District", "The district", reads.ToOne("district", "District")),
        Member("understood", "AddressParts", "What was read of the text", reads.Understood()),
        Member("leftOver", str | None, "The words that were not understood", reads.Value("left_over")),
    ],
)  # fmt: skip
object_type(
    "SearchMatch",
    "How a record answers a search",
    [
        Member("field", str, "The field that says it, such as legalName", reads.Part("field")),
        Member("how", search.MatchKind, "How well it says it", reads.Part("how")),
    ],
)
object_type(
    "SearchEdge",
    "A record that a search found",
    [
        Member("node", "CityEntity!", "The record", reads.Part("node")),
        Member(
            "score", float,
            "From 0 to 1: how it matched above all, then what it is and how near",
            reads.Part("score"),
        ),
        Member("matched", "SearchMatch!", "What of it matched, and how", reads.Part("matched")),
        Member(
            "distanceM", float | None,
            "Metres from the middle of it to the place asked for; null without one, or where it has no place",
            reads.Part("distanceM"),
        ),
    ],
)  # fmt: skip
object_type(
    "SearchConnection",
    "What a search found, the best first; no list to page through: ask for more with first, or type more",
    [
        Member("edges", "[SearchEdge!]!", "The records, and how they match", reads.Part("edges")),
        Member("nodes", "[CityEntity!]!", "The records only", reads.Part("nodes")),
    ],
)


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
                reads.RootReconcile(),
                [
                    Argument(
                        "queries", "[ReconcileQuery!]!", f"At most {MOST_QUERIES}", default=REQUIRED
                    )
                ],
            ),
            Member(
                "geocode", "[GeocodeMatch!]!",
                "Where an address is: the best first, the exacter ones only where one is sure enough",
                reads.RootGeocode(),
                [
                    Argument("text", str, "Such as гр. София, ж.к. Люлин 8, бл. 819", default=REQUIRED),
                    Argument("first", int, "At most this many", default=5),
                ],
            ),
            Member(
                "reverseGeocode", "[GeocodeMatch!]!",
                "What stands at a place: addresses and buildings, else a street, else the areas it lies in",
                reads.RootReverseGeocode(),
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
                reads.RootSearch(),
                [
                    Argument(
                        "text", str,
                        f"Such as шипка 14, lyulin or 000695146; at most {search.LONGEST_TEXT} characters",
                        default=REQUIRED,
                    ),
                    Argument("types", "[EntityType!]", "Only of these entities; of all when left out"),
                    Argument("near", "GeometryInput", "Of what matches as well, the nearest to it first"),
                    Argument("first", int, f"At most this many, up to {SEARCH_CEILING}", default=10),
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
        ],
    )  # fmt: skip
    return strawberry.Schema(query=query, mutation=Mutation, types=types, config=CONFIGURATION)


def sdl(schema: strawberry.Schema) -> str:
    """The schema in GraphQL's own language, as it is committed in schema.graphql."""
    return schema.as_str() + "\n"


__all__ = ["IdentifierScheme", "build", "sdl"]
