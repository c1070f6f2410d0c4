"""What lies around a record and what overlaps it, as users ask for it."""

from __future__ import annotations

from typing import Any

import pytest

from schema.spatial import AREAS, CEILING, SPATIAL
from tests.schema.conftest import GRID, Asked
from tests.town import Town


@pytest.fixture(scope="module", autouse=True)
def units(town: Town) -> None:
    """Planning units: over a strip of both districts, beyond both, and over all there is."""
    town.add("PlanningUnit", "pu1", name="Горе", boundary=GRID["at"].envelope)
    town.add("PlanningUnit", "pu2", name="Отвън", boundary=GRID["FEz"])
    town.add("PlanningUnit", "pu3", name="Всичко", boundary=GRID["ACyz"])


def near(ask: Asked, of: str, arguments: str, what: str = "distanceM node { id }", **variables: Any) -> Any:
    head = "query($k: [SpatialType!]!)" if variables else ""
    query = f"""{head} {{ node(id: "{of}") {{ ... on SpatialEntity {{ nearby({arguments}) {{
        edges {{ {what} }} }} }} }} }}"""
    ask.statements.clear()
    edges = ask(query, **variables)["node"]["nearby"]["edges"]
    assert len(ask.statements) == 1
    return edges


def test_the_nearest_of_several_kinds_come_in_one_order_with_their_distance(ask: Asked) -> None:
    edges = near(ask, "Building:b.1", "kinds: [Facility, TransitStop, Building]")
    assert [(edge["node"]["id"], round(edge["distanceM"], 2)) for edge in edges] == [
        ("Facility:f1", 20.0), ("TransitStop:g/1", 20.0), ("Building:b.2", 20.0), ("Building:b.3", 36.04),
        ("TransitStop:g/2", 60.0),
    ]  # fmt: skip


def test_what_ties_comes_in_the_order_of_the_kinds_that_were_asked_for(ask: Asked) -> None:
    for kinds in ("[TransitStop, Facility]", "[Facility, TransitStop, Facility]"):
        edges = near(ask, "Building:b.1", f"kinds: {kinds}, first: 1")
        assert edges[0]["node"]["id"].startswith(kinds[1:9])
    kinds_in_a_variable = near(ask, "Building:b.1", "kinds: $k, first: 1", k=["TransitStop", "Facility"])
    assert kinds_in_a_variable == near(ask, "Building:b.1", "kinds: [TransitStop, Facility], first: 1")


def test_only_what_is_within_so_many_metres_is_near(ask: Asked) -> None:
    assert [e["node"]["id"] for e in near(ask, "Building:b.1", "kinds: [TransitStop], withinM: 59.9")] == [
        "TransitStop:g/1"
    ]
    assert near(ask, "Building:b.1", "kinds: [TransitStop], withinM: 0") == []


def test_each_kind_can_be_narrowed_by_its_own_filter(ask: Asked) -> None:
    where = '{facility: {kind: {eq: SCHOOL}}, transitStop: {name: {search: "ndk"}}}'
    edges = near(ask, "Building:b.1", f"kinds: [Facility, TransitStop], where: {where}")
    assert [edge["node"]["id"] for edge in edges] == ["Facility:f1", "TransitStop:g/2"]
    query = "{ buildings { nodes { nearby(kinds: [Facility], where: {site: {}}) { nodes { id } } } } }"
    assert ask.refused(query) == "nearby.where.site: Site is not asked for, only Facility"


def test_a_record_without_a_place_is_near_nothing_and_nothing_is_near_it(ask: Asked) -> None:
    assert near(ask, "Site:s9", "kinds: [Building, Site]") == []
    assert "Site:s9" not in {e["node"]["id"] for e in near(ask, "Site:s0", "kinds: [Site], first: 100")}


def test_what_is_near_shows_all_that_its_kind_can(ask: Asked) -> None:
    what = """__typename far: distanceM node { __typename id label(lang: EN) geometry ... on TransitStop { routes { totalCount } }
        ... on Facility { kind district { code } nearby(kinds: [Building], first: 1) { __typename nodes { id } } } }"""
    school, stop = near(ask, "Building:b.1", "kinds: [Facility, TransitStop], first: 2", what)
    assert school["__typename"] == stop["__typename"] == "NearbyEdge"
    assert school["node"]["kind"] == "SCHOOL"
    assert school["node"]["district"] == {"code": "68134-01"}
    assert school["node"]["nearby"] == {"__typename": "NearbyConnection", "nodes": [{"id": "Building:b.1"}]}
    assert stop["node"]["routes"] == {"totalCount": 2}
    assert stop["node"]["geometry"]["type"] == "Point"


def test_neighbours_of_every_row_of_a_list_are_still_one_statement(ask: Asked) -> None:
    ask.statements.clear()
    data = ask("""{ transitStops { nodes { gtfsId a: nearby(kinds: [Building], first: 1) { nodes { id } }
        nearby(kinds: [Site, Facility], first: 2, withinM: 40) { __typename n: nodes { id } edges { distanceM } } } } }""")
    assert len(ask.statements) == 1
    assert data["transitStops"]["nodes"][0] == {
        "gtfsId": "1",
        "a": {"nodes": [{"id": "Building:b.1"}]},
        "nearby": {
            "__typename": "NearbyConnection", "n": [{"id": "Site:s2"}, {"id": "Facility:f1"}],
            "edges": [{"distanceM": 0}, {"distanceM": 0}],
        },
    }  # fmt: skip


@pytest.mark.parametrize("root", ["nearby(kinds: [Building])", "overlaps(with: Building)"])
def test_only_the_type_of_such_a_list_may_be_asked_for(ask: Asked, root: str) -> None:
    """More than one row was found for it, where one value can stand."""
    data = ask(f"{{ districts {{ nodes {{ x: {root} {{ __typename }} }} }} }}")
    assert {n["x"]["__typename"] for n in data["districts"]["nodes"]} <= {
        "NearbyConnection",
        "OverlapConnection",
    }
    assert ask('{ search(text: "обект") { __typename } }') == {"search": {"__typename": "SearchConnection"}}


def overlaps(ask: Asked, of: str, arguments: str) -> list[tuple[Any, ...]]:
    data = ask(f"""{{ node(id: "{of}") {{ ... on {of.partition(":")[0]} {{ overlaps({arguments}) {{
        edges {{ areaM2 share nodeShare node {{ id }} }} }} }} }} }}""")
    return [
        (e["node"]["id"].partition(":")[2], e["areaM2"], e["share"], e["nodeShare"])
        for e in data["node"]["overlaps"]["edges"]
    ]  # fmt: skip


def test_overlaps_tell_what_two_layers_share(ask: Asked) -> None:
    ask.statements.clear()
    assert overlaps(ask, "District:68134-01", "with: PlanningUnit") == [
        ("pu3", 4000, 1, 0.4),
        ("pu1", 1200, 0.3, 0.5),
    ]
    assert len(ask.statements) == 1
    assert overlaps(ask, "PlanningUnit:pu1", "with: District") == [
        ("68134-01", 1200, 0.5, 0.3),
        ("68134-02", 1200, 0.5, 0.3),
    ]


def test_an_area_that_only_touches_another_does_not_overlap_it(ask: Asked) -> None:
    assert [key for key, *_ in overlaps(ask, "District:68134-02", "with: District")] == []
    assert "pu2" not in [key for key, *_ in overlaps(ask, "District:68134-01", "with: PlanningUnit")]


def test_overlaps_can_be_narrowed(ask: Asked) -> None:
    everything = [key for key, *_ in overlaps(ask, "PlanningUnit:pu3", "with: Building")]
    assert everything == ["b.3", "b.1", "b.2"]
    assert [k for k, *_ in overlaps(ask, "PlanningUnit:pu3", "with: Building, minAreaM2: 100.5")] == ["b.3"]
    assert [k for k, *_ in overlaps(ask, "PlanningUnit:pu3", "with: Building, first: 2")] == ["b.3", "b.1"]
    where = '{building: {currentUse: {eq: "110"}}}'
    assert [k for k, *_ in overlaps(ask, "PlanningUnit:pu3", f"with: Building, where: {where}")] == ["b.2"]


def test_the_shared_area_itself_is_given_in_the_crs_asked_for(ask: Asked) -> None:
    data = ask("""{ node(id: "District:68134-01") { ... on District { overlaps(with: PlanningUnit, first: 1) {
        edges { geometry(crs: 7801, precision: 0) short: geometry(precision: 2) } } } } }""")
    (edge,) = data["node"]["overlaps"]["edges"]
    assert {tuple(point) for point in edge["geometry"]["coordinates"][0][0]} == {
        (x, y) for x in (321_000, 321_050) for y in (4_731_020, 4_731_100)
    }
    assert edge["short"]["coordinates"][0][0][0] == pytest.approx([23.8, 42.7], abs=0.9)


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("nearby(kinds: [])", "nearby.kinds: is empty; give some of District, "),
        ("nearby(kinds: [Site], first: 101)", f"nearby.first: is 101; ask for 0 to {CEILING} records"),
        ("nearby(kinds: [Site], withinM: -1)", "nearby.withinM: is -1.0; give a number of at least 0"),
        ("nearby(kinds: [Business])", "Value 'Business' does not exist in 'SpatialType' enum"),
        ("overlaps(with: Site)", "Value 'Site' does not exist in 'AreaType' enum"),
        ("overlaps(with: Building, first: 101)", f"overlaps.first: is 101; ask for 0 to {CEILING} areas"),
        ("overlaps(with: Building, minAreaM2: -1)", "minAreaM2: is -1.0; give a number of at least 0"),
    ],
)
def test_what_cannot_be_asked_of_what_lies_around_is_refused(ask: Asked, field: str, told: str) -> None:
    assert told in ask.refused(f"{{ districts {{ nodes {{ {field} {{ nodes {{ id }} }} }} }} }}")


def test_neighbours_count_against_the_rows_that_an_operation_may_read(ask: Asked) -> None:
    query = "{ buildings(first: 1000) { nodes { nearby(kinds: [%s], first: 100) { nodes { id } } } } }"
    assert "rows; 200,000 are allowed" in ask.refused(query % "Site, Facility")
    assert "rows; 200,000 are allowed" in ask.refused(
        "{ buildings(first: 1000) { nodes { overlaps(with: Building, first: 100) { edges { node { ... on Building { district { id } } } } } } } }"
    )


@pytest.mark.parametrize("kind", SPATIAL)
def test_every_kind_can_be_near_and_every_area_can_be_overlapped(ask: Asked, kind: str) -> None:
    near(ask, "Facility:f1", f"kinds: [{kind}], where: {{{kind[0].lower()}{kind[1:]}: {{}}}}")
    if kind in AREAS:
        overlaps(ask, "District:68134-01", f"with: {kind}")
