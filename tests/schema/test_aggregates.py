"""Numbers of connections agree with what Python and shapely work out from the same records."""

from __future__ import annotations

import datetime as dt
import math
import random
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import shapely
from graphql import GraphQLInputObjectType, GraphQLObjectType
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.sql import SQL, Identifier
from shapely.geometry.base import BaseGeometry

from schema.aggregates import nullable, summed
from schema.declare import camel
from schema.filters import operators_for
from schema.groups import keyed
from schema.ordering import sortable
from schema.places import project
from tests.schema.conftest import Asked
from tests.town import CITY, ORIGIN, Town
from twin.database import connect
from twin.entities import BY_NAME, Entity

DISTRICTS = {
    f"d{i}": shapely.box(ORIGIN[0] + i * 1000, ORIGIN[1], ORIGIN[0] + (i + 1) * 1000, ORIGIN[1] + 3000)
    for i in range(3)
}
#: they cover a part of the town, and their edges cross buildings
PLACES = {
    "p1": shapely.box(ORIGIN[0] + 205, ORIGIN[1] + 205, ORIGIN[0] + 1405, ORIGIN[1] + 1805),
    "p2": shapely.box(ORIGIN[0] + 1405, ORIGIN[1] + 205, ORIGIN[0] + 2805, ORIGIN[1] + 1805),
}


@dataclass(frozen=True)
class Building:
    key: str
    district: str | None
    current_use: str | None
    storeys_above_ground: int | None
    height_m: float | None
    date_of_construction: dt.date | None
    footprint: BaseGeometry
    sources: list[str]


@dataclass(frozen=True)
class Site:
    key: str
    kind: str
    business: str | None
    building: str | None
    district: str | None
    position: BaseGeometry | None


def _drawn() -> tuple[list[Building], list[Site], dict[str, str | None]]:
    drawn = random.Random(5)
    buildings = []
    for i in range(600):
        x, y = ORIGIN[0] + drawn.uniform(0, 3000), ORIGIN[1] + drawn.uniform(0, 3000)
        place = shapely.box(x - 8, y - 5, x + 8, y + 5)
        district = next((k for k, area in DISTRICTS.items() if area.covers(place)), None)
        buildings.append(
            Building(
                f"b{i}", district, drawn.choice(["100", "110", "120", None]),
                drawn.choice([None, *range(1, 30)]), drawn.choice([None, round(drawn.uniform(2, 60), 1)]),
                drawn.choice([None, dt.date(drawn.randrange(1900, 2026), drawn.randrange(1, 13), 17)]),
                place, drawn.choice([["old"], ["new"], ["old", "new"]]),
            )
        )  # fmt: skip
    businesses = {f"{i:09}": drawn.choice(["OOD", "EOOD", None]) for i in range(40)}
    sites = []
    for i in range(300):
        building = drawn.choice(buildings) if drawn.random() < 0.5 else None
        sites.append(
            Site(
                f"s{i}", drawn.choice(["SEAT", "OUTLET"]), drawn.choice([None, *businesses]),
                building.key if building else None, building.district if building else None,
                building.footprint.centroid if building else None,
            )
        )  # fmt: skip
    return buildings, sites, businesses


BUILDINGS, SITES, BUSINESSES = _drawn()
LOADED = {"old": "2024-01-01T00:00:00+00:00", "new": "2026-01-01T00:00:00+00:00"}


@pytest.fixture(scope="module")
def town(database_url: str) -> Town:
    """Three districts, of which one has no building, and what stands in and across them."""
    town = Town(database_url)
    for name, loaded in LOADED.items():
        town.add("Source", name, title=name, publisher="Town", entities="Building", format="vector",
                 file=name, loaded_at=loaded)  # fmt: skip
    for key, area in DISTRICTS.items():
        town.add("District", key, code=key, name_bg=f"Район {key}", boundary=area)
    town.add("District", "empty", code="empty", boundary=shapely.box(0, 0, 1, 1))
    for key, area in PLACES.items():
        town.add("NamedPlace", key, name=f"място {key}", boundary=area)
    _insert(town, "building", BUILDINGS)
    _insert(town, "site", SITES)
    for eik, form in BUSINESSES.items():
        town.add("Business", eik, eik=eik, legal_form=form)
    town.add("CityFurniture", "c1", function="WASTE_CONTAINER", count=3, position=shapely.Point(ORIGIN))
    town.add("CityFurniture", "c2", function="WASTE_CONTAINER", count=4, position=shapely.Point(ORIGIN))
    town.run(
        "INSERT INTO code_value (key, scheme, code, label_bg, label_en) VALUES "
        "('building_use/100', 'building_use', '100', 'Жилищна сграда', 'Dwelling')"
    )
    town.run("ANALYZE")
    return town


def _insert(town: Town, table: str, rows: Iterable[Any]) -> None:
    made = [
        {
            "recorded_at": "2026-01-01T00:00:00Z",
            "sources": ["old"],
            **{
                name: f"SRID={CITY.srid};{(shapely.MultiPolygon([v]) if v.geom_type == 'Polygon' else v).wkt}"
                if isinstance(v, BaseGeometry)
                else v
                for name, v in vars(row).items()
            },
        }
        for row in rows
    ]
    names = list(made[0])
    statement = SQL("INSERT INTO {} ({}) VALUES ({})").format(
        Identifier(table),
        SQL(", ").join(map(Identifier, names)),
        SQL(", ").join([SQL("%s")] * len(names)),
    )
    with connect(town.url, city=CITY.name) as connection, connection.cursor() as cursor:
        cursor.executemany(statement, [list(row.values()) for row in made])


def _grouped(rows: Iterable[Any], key: Callable[[Any], Hashable]) -> dict[Any, list[Any]]:
    groups: dict[Any, list[Any]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return dict(groups)


def _known(rows: Iterable[Any], name: str) -> list[Any]:
    return [getattr(row, name) for row in rows if getattr(row, name) is not None]


def test_every_measure_of_a_list(ask: Asked) -> None:
    ask.statements.clear()
    found = ask("""{ buildings { aggregate { count
      storeysAboveGround { count sum avg min max median distinct } heightM { sum avg min max median distinct }
      dateOfConstruction { count min max median distinct } currentUse { count distinct }
      district { count distinct } footprintAreaM2 { min max } } } }""")["buildings"]["aggregate"]
    assert len(ask.statements) == 1
    storeys, heights = _known(BUILDINGS, "storeys_above_ground"), _known(BUILDINGS, "height_m")
    dates = sorted(_known(BUILDINGS, "date_of_construction"))
    uses, districts = _known(BUILDINGS, "current_use"), _known(BUILDINGS, "district")
    assert found == {
        "count": 600,
        "storeysAboveGround": {
            "count": len(storeys), "sum": sum(storeys), "avg": pytest.approx(statistics.mean(storeys)),
            "min": 1, "max": 29, "median": statistics.median(storeys), "distinct": 29,
        },
        "heightM": {
            "sum": pytest.approx(sum(heights)), "avg": pytest.approx(statistics.mean(heights)),
            "min": min(heights), "max": max(heights), "median": pytest.approx(statistics.median(heights)),
            "distinct": len(set(heights)),
        },
        "dateOfConstruction": {
            "count": len(dates), "min": str(dates[0]), "max": str(dates[-1]),
            "median": str(statistics.median_low(dates)), "distinct": len(set(dates)),
        },
        "currentUse": {"count": len(uses), "distinct": 3},
        "district": {"count": len(districts), "distinct": 3},
        "footprintAreaM2": {"min": pytest.approx(160), "max": pytest.approx(160)},
    }  # fmt: skip


def test_an_aggregate_is_of_what_where_leaves(ask: Asked) -> None:
    found = ask("""{ buildings(where: {currentUse: {eq: "110"}}, first: 1) { totalCount nodes { id }
      aggregate { count heightM { avg } } } }""")["buildings"]
    wanted = [b for b in BUILDINGS if b.current_use == "110"]
    assert found["aggregate"]["count"] == found["totalCount"] == len(wanted)
    assert found["aggregate"]["heightM"]["avg"] == pytest.approx(statistics.mean(_known(wanted, "height_m")))
    assert len(found["nodes"]) == 1


def test_no_rows_give_nulls_and_zeros(ask: Asked) -> None:
    found = ask("""{ district: node(id: "District:empty") { ... on District { buildings {
      aggregate { count storeysAboveGround { count sum avg min max median distinct } footprint { extent convexHull } }
      coverage { share { heightM } oldestSource }
      groupBy(by: [{currentUse: true}]) { aggregate { count } } } } } }""")["district"]["buildings"]
    nothing = dict.fromkeys(("sum", "avg", "min", "max", "median"))
    assert found == {
        "aggregate": {
            "count": 0,
            "storeysAboveGround": {"count": 0, **nothing, "distinct": 0},
            "footprint": {"extent": None, "convexHull": None},
        },
        "coverage": {"share": {"heightM": None}, "oldestSource": None},
        "groupBy": [],
    }


@pytest.mark.parametrize(
    ("which", "districts"),
    [
        ("", 4),
        ("(first: 3)", 3),
        ('(where: {code: {ne: "d2"}})', 3),
        ("(orderBy: [{code: DESC}], last: 4)", 4),
    ],
)
def test_numbers_of_nested_lists(ask: Asked, which: str, districts: int) -> None:
    """Per district: buildings, businesses, mean storeys; whether of all districts at once or of each."""
    ask.statements.clear()
    found = ask(
        """{ districts%s { edges { node { code buildings { aggregate { count storeysAboveGround { avg } } }
      sites { aggregate { business { distinct } } } } } } }"""
        % which
    )["districts"]["edges"]
    assert len(ask.statements) == 1
    found = [edge["node"] for edge in found]
    assert len(found) == districts
    for one in found:
        mine = [b for b in BUILDINGS if b.district == one["code"]]
        storeys = _known(mine, "storeys_above_ground")
        sites = [s for s in SITES if s.district == one["code"]]
        assert one["buildings"]["aggregate"] == {
            "count": len(mine),
            "storeysAboveGround": {"avg": pytest.approx(statistics.mean(storeys)) if storeys else None},
        }
        assert one["sites"]["aggregate"]["business"]["distinct"] == len(set(_known(sites, "business")))


def test_extent_and_convex_hull_are_shapelys(ask: Asked) -> None:
    found = ask("""{ buildings(where: {district: {code: {eq: "d1"}}}) { aggregate { footprint { extent
      metric: extent(crs: 7801) convexHull(precision: 15) mine: convexHull(crs: 7801) } } } }""")
    geometry = found["buildings"]["aggregate"]["footprint"]
    all_ = shapely.union_all([b.footprint for b in BUILDINGS if b.district == "d1"])
    assert geometry["metric"] == pytest.approx(all_.bounds, abs=1e-6)
    assert geometry["extent"] == pytest.approx(project(all_, 7801, 4326).bounds, abs=1e-9)
    hull = all_.convex_hull
    assert shapely.geometry.shape(geometry["mine"]).symmetric_difference(hull).area < 1e-3
    served = project(shapely.geometry.shape(geometry["convexHull"]), 4326, 7801)
    assert served.symmetric_difference(hull).area < 1e-3
    assert geometry["mine"]["crs"]["properties"]["name"] == "EPSG:7801"


@pytest.mark.parametrize(
    ("by", "key", "of", "said"),
    [
        ("{district: true}", "district { code }", lambda b: b.district, lambda k: k and k["code"]),
        ("{currentUse: true}", "currentUse { code }", lambda b: b.current_use, lambda k: k and k["code"]),
        (
            "{storeysAboveGround: {width: 5}}", "storeysAboveGround { from below }",
            lambda b: b.storeys_above_ground and b.storeys_above_ground // 5 * 5.0,
            lambda k: k and k["from"],
        ),
        (
            "{heightM: {width: 2.5, from: 1}}", "heightM { from below }",
            lambda b: b.height_m and (b.height_m - 1) // 2.5 * 2.5 + 1,
            lambda k: k and k["from"],
        ),
        (
            "{dateOfConstruction: DECADE}", "dateOfConstruction { label from below }",
            lambda b: b.date_of_construction and f"{b.date_of_construction.year // 10}0s",
            lambda k: k and k["label"],
        ),
        (
            "{dateOfConstruction: MONTH}", "dateOfConstruction { label from below }",
            lambda b: b.date_of_construction and f"{b.date_of_construction:%Y-%m-01}",
            lambda k: k and k["from"],
        ),
    ],
)  # fmt: skip
def test_groups_of_buildings(ask: Asked, by: str, key: str, of: Any, said: Any) -> None:
    ask.statements.clear()
    found = ask(
        "{ buildings { groupBy(by: [%s]) { key { %s } aggregate { count heightM { avg } } } } }" % (by, key)
    )
    assert len(ask.statements) == 1
    groups = _grouped(BUILDINGS, of)
    answered = {}
    for group in found["buildings"]["groupBy"]:
        (value,) = group["key"].values()
        answered[said(value)] = group["aggregate"]
    assert answered.keys() == groups.keys()
    for value, aggregate in answered.items():
        assert aggregate["count"] == len(groups[value])
        heights = _known(groups[value], "height_m")
        assert aggregate["heightM"]["avg"] == (pytest.approx(statistics.mean(heights)) if heights else None)


def _heights_by_range(ask: Asked, width: float, origin: float) -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = ask(
        """query ($w: Float!, $o: Float!) { buildings { groupBy(by: [{heightM: {width: $w, from: $o}}]) {
      key { heightM { from below } } aggregate { count heightM { min max } } } } }""",
        w=width,
        o=origin,
    )["buildings"]["groupBy"]
    return groups


@settings(max_examples=40, deadline=None)
@given(
    width=st.one_of(
        st.sampled_from([0.1, 0.3, 0.7, 1.1, 0.001]), st.floats(0.05, 100), st.decimals("0.05", 9, places=2)
    ).map(float),
    origin=st.one_of(st.sampled_from([0, 1000, -0.1, 1 / 3]), st.floats(-1000, 1000)).map(float),
)
def test_a_range_holds_its_own_numbers(ask: Asked, width: float, origin: float) -> None:
    """What lies from `from` to `below` are the group's records and no others, at edges too."""
    heights = _known(BUILDINGS, "height_m")
    known = 0
    for group in _heights_by_range(ask, width, origin):
        if (span := group["key"]["heightM"]) is None:
            continue
        count, measured = group["aggregate"]["count"], group["aggregate"]["heightM"]
        assert span["from"] <= measured["min"] <= measured["max"] < span["below"]
        assert count == sum(span["from"] <= height < span["below"] for height in heights)
        known += count
    assert known == len(heights)


@pytest.mark.parametrize(("width", "origin"), [(0.1, 0), (0.3, 1000)])
def test_the_records_of_a_range_are_found_by_its_edges(ask: Asked, width: float, origin: float) -> None:
    groups = [g for g in _heights_by_range(ask, width, origin) if g["key"]["heightM"]]
    assert len(groups) > 100
    asked = " ".join(
        "g%d: buildings(where: {heightM: {gte: %r, lt: %r}}) { totalCount }"
        % (i, group["key"]["heightM"]["from"], group["key"]["heightM"]["below"])
        for i, group in enumerate(groups[:150])
    )
    found = ask("{ %s }" % asked)
    assert [one["totalCount"] for one in found.values()] == [g["aggregate"]["count"] for g in groups[:150]]
    # decimals, as people write them
    edges = {g["key"]["heightM"]["from"] for g in groups}
    assert edges == {round(edge, 1) for edge in edges}


def test_groups_by_an_area_that_no_link_leads_to(ask: Asked) -> None:
    """A building belongs to the place that holds more than half of it, though its edge crosses it."""
    ask.statements.clear()
    found = ask("""{ buildings(where: {district: {code: {in: ["d0", "d1"]}}}) {
      groupBy(by: [{namedPlace: true}]) { key { namedPlace { name } } geometry(crs: 7801) aggregate { count } } } }""")
    assert len(ask.statements) == 1
    buildings = [b for b in BUILDINGS if b.district in ("d0", "d1")]

    def place(building: Building) -> str | None:
        for key, area in PLACES.items():
            if area.intersection(building.footprint).area > building.footprint.area / 2:
                return f"място {key}"
        return None

    split = [b for b in buildings for area in PLACES.values() if area.boundary.intersects(b.footprint)]
    assert len(split) > 3
    answered = {}
    for group in found["buildings"]["groupBy"]:
        named = group["key"]["namedPlace"]
        answered[named and named["name"]] = group["aggregate"]["count"]
        assert named is None or shapely.geometry.shape(group["geometry"]).equals(PLACES[named["name"][-2:]])
    assert answered == Counter(map(place, buildings))


def test_points_by_an_area_in_a_nested_list(ask: Asked) -> None:
    found = ask("""{ districts { nodes { code sites { groupBy(by: [{namedPlace: true}]) {
      key { namedPlace { id } } aggregate { count } } } } } }""")["districts"]["nodes"]
    for district in found:
        wanted = Counter(
            next(
                (f"NamedPlace:{k}" for k, area in PLACES.items() if s.position and area.covers(s.position)),
                None,
            )
            for s in SITES
            if s.district == district["code"]
        )
        groups = district["sites"]["groupBy"]
        answered = {
            g["key"]["namedPlace"] and g["key"]["namedPlace"]["id"]: g["aggregate"]["count"] for g in groups
        }
        assert answered == wanted


@pytest.mark.parametrize(
    ("where", "arguments", "value", "means"),
    [
        ("", "", 600, "EXACT"),
        ("", "mode: CAPPED, upTo: 600", 600, "EXACT"),
        ("", "mode: CAPPED, upTo: 599", 599, "AT_LEAST"),
        ("", "mode: ESTIMATED, upTo: 1000", 600, "EXACT"),
        ("", "mode: ESTIMATED, upTo: 100", 600, "ESTIMATE"),
        ("(where: {currentUse: {isNull: false}})", "mode: CAPPED, upTo: 10", 10, "AT_LEAST"),
        # a town this small is looked at as a whole
        ("(where: {currentUse: {isNull: false}})", "mode: ESTIMATED, upTo: 10", None, "ESTIMATE"),
        ('(where: {currentUse: {eq: "none"}})', "mode: ESTIMATED", 0, "EXACT"),
    ],
)
def test_counts_say_what_they_are(
    ask: Asked, where: str, arguments: str, value: int | None, means: str
) -> None:
    arguments = f"({arguments})" if arguments else ""
    found = ask(f"{{ buildings{where} {{ count{arguments} {{ value means }} totalCount }} }}")["buildings"]
    assert found["count"] == {"value": found["totalCount"] if value is None else value, "means": means}


def test_groups_through_a_link(ask: Asked) -> None:
    found = ask("""{ sites { groupBy(by: [{businessLegalForm: true}, {kind: true}], orderBy: [{count: DESC}]) {
      key { businessLegalForm { code } kind } aggregate { count } } } }""")["sites"]["groupBy"]
    wanted = Counter((s.business and BUSINESSES[s.business], s.kind) for s in SITES)
    answered = {
        (g["key"]["businessLegalForm"] and g["key"]["businessLegalForm"]["code"], g["key"]["kind"]): g[
            "aggregate"
        ]["count"]
        for g in found
    }
    assert answered == wanted
    counts = [g["aggregate"]["count"] for g in found]
    assert counts == sorted(counts, reverse=True)


@pytest.mark.parametrize("form", ["square", "hexagon"])
def test_cells_hold_the_middles_of_their_buildings(ask: Asked, form: str) -> None:
    found = ask(
        "{ buildings { groupBy(by: [{%s: {edgeM: 250}}]) { key { %s { column row edgeM } } geometry(crs: 7801)"
        " served: geometry aggregate { count heightM { max } } } } }" % (form, form)
    )["buildings"]["groupBy"]
    cells = [shapely.geometry.shape(group["geometry"]) for group in found]
    assert len({(g["key"][form]["column"], g["key"][form]["row"]) for g in found}) == len(found) > 20
    corners = 5 if form == "square" else 7
    for group, cell in zip(found, cells, strict=True):
        edges = [
            math.dist(a, b) for a, b in zip(cell.exterior.coords, cell.exterior.coords[1:], strict=False)
        ]
        assert len(cell.exterior.coords) == corners
        assert edges == pytest.approx([250] * len(edges), abs=1e-3)
        mine = [b for b in BUILDINGS if cell.covers(b.footprint.centroid)]
        assert group["aggregate"]["count"] == len(mine)
        assert group["aggregate"]["heightM"]["max"] == max(_known(mine, "height_m"), default=None)
        moved = project(shapely.geometry.shape(group["served"]), 4326, 7801)
        assert moved.symmetric_difference(cell).area < 10  # a centimetre along its edges
    assert sum(group["aggregate"]["count"] for group in found) == len(BUILDINGS)
    assert shapely.union_all(cells).area == pytest.approx(sum(cell.area for cell in cells))


def test_records_without_a_place_are_a_group_of_their_own(ask: Asked) -> None:
    found = ask(
        "{ sites { groupBy(by: [{square: {edgeM: 500}}]) { key { square { row } } geometry aggregate { count } } } }"
    )
    (without,) = [g for g in found["sites"]["groupBy"] if g["key"]["square"] is None]
    assert without["aggregate"]["count"] == len([s for s in SITES if s.position is None])
    assert without["geometry"] is None


def test_having_and_order_of_groups(ask: Asked) -> None:
    found = ask(
        """query ($least: Int!) { buildings { groupBy(by: [{district: true}, {currentUse: true}],
      having: {count: {gte: $least}, or: [{heightM: {avg: {gt: 31}}}, {storeysAboveGround: {median: {gt: 13.5}}}],
        not: {heightM: {min: {lt: 2.5}}}},
      orderBy: [{storeysAboveGround: {avg: DESC}}, {key: ASC}], first: 5) {
        key { district { code } currentUse { code } } aggregate { count storeysAboveGround { avg } } } } }""",
        least=45,
    )["buildings"]["groupBy"]
    groups = _grouped(BUILDINGS, lambda b: (b.district, b.current_use))
    conditions: list[Callable[[list[Building]], bool]] = [
        lambda rows: len(rows) >= 45,
        lambda rows: (
            statistics.mean(_known(rows, "height_m")) > 31
            or statistics.median(_known(rows, "storeys_above_ground")) > 13.5
        ),
        lambda rows: not min(_known(rows, "height_m")) < 2.5,
    ]
    kept = [{key for key, rows in groups.items() if condition(rows)} for condition in conditions]
    all_hold = set.intersection(*kept)
    for i in range(len(kept)):  # each condition excludes groups that the others would keep
        assert set.intersection(*kept[:i], *kept[i + 1 :]) > all_hold
    wanted = sorted(
        all_hold, key=lambda key: -statistics.mean(_known(groups[key], "storeys_above_ground"))
    )[:5]  # fmt: skip
    assert len(wanted) == 5 < len(all_hold)
    answered = [
        (
            g["key"]["district"] and g["key"]["district"]["code"],
            g["key"]["currentUse"] and g["key"]["currentUse"]["code"],
        )
        for g in found
    ]
    assert answered == wanted
    assert [g["aggregate"]["count"] for g in found] == [len(groups[key]) for key in wanted]


def test_having_takes_every_comparison_that_where_takes(ask: Asked) -> None:
    counts = {code: len(rows) for code, rows in _grouped(BUILDINGS, lambda b: b.district).items()}
    one = sorted(counts.values())[len(counts) // 2]
    comparisons: dict[str, Callable[[int], bool]] = {
        f"eq: {one}": lambda n: n == one,
        f"ne: {one}": lambda n: n != one,
        f"in: [{one}]": lambda n: n == one,
        f"notIn: [{one}]": lambda n: n != one,
        f"lt: {one}": lambda n: n < one,
        f"lte: {one}": lambda n: n <= one,
        f"gt: {one}": lambda n: n > one,
        f"gte: {one}": lambda n: n >= one,
    }
    for said, holds in comparisons.items():
        found = ask(
            "{ buildings { groupBy(by: [{district: true}], having: {count: {%s}}) { key { district { code } } } } }"
            % said
        )["buildings"]["groupBy"]
        codes = {group["key"]["district"] and group["key"]["district"]["code"] for group in found}
        assert codes == {code for code, count in counts.items() if holds(count)}, said


def test_a_key_that_is_a_code_has_its_label(ask: Asked) -> None:
    found = ask(
        "{ buildings { groupBy(by: [{currentUse: true}]) { key { currentUse { code label(lang: EN) } } } } }"
    )
    keys = [group["key"]["currentUse"] for group in found["buildings"]["groupBy"]]
    assert {key["code"]: key["label"] for key in keys if key} == {"100": "Dwelling", "110": None, "120": None}


def test_groups_are_in_the_order_of_their_keys_with_null_last(ask: Asked) -> None:
    found = ask("{ buildings { groupBy(by: [{currentUse: true}]) { key { currentUse { code } } } } }")
    codes = [g["key"]["currentUse"] and g["key"]["currentUse"]["code"] for g in found["buildings"]["groupBy"]]
    assert codes == ["100", "110", "120", None]


def test_a_group_has_its_areas_geometry(ask: Asked) -> None:
    found = ask("""{ buildings { groupBy(by: [{currentUse: true}, {district: true}]) { key { district { code geometry } }
      geometry metric: geometry(crs: 7801, precision: 2) } } }""")["buildings"]["groupBy"]
    for group in found:
        district = group["key"]["district"]
        assert group["geometry"] == (district and district["geometry"])
        if district:
            assert shapely.geometry.shape(group["metric"]).equals(DISTRICTS[district["code"]])
    assert ask("{ buildings { groupBy(by: [{currentUse: true}]) { geometry } } }")["buildings"]["groupBy"][
        0
    ] == {"geometry": None}


def test_coverage_beside_every_group(ask: Asked) -> None:
    found = ask("""{ buildings { coverage { share { heightM district } oldestSource newestSource }
      groupBy(by: [{currentUse: true}]) { key { currentUse { code } }
        coverage { share { heightM district } oldestSource newestSource } } } }""")["buildings"]
    groups = _grouped(BUILDINGS, lambda b: b.current_use)
    assert len(found["groupBy"]) == len(groups)
    for group in found["groupBy"]:
        rows = groups[group["key"]["currentUse"] and group["key"]["currentUse"]["code"]]
        assert group["coverage"] == _coverage(rows)
    assert found["coverage"] == _coverage(BUILDINGS)


def _coverage(rows: list[Building]) -> Any:
    ages = [LOADED[source] for row in rows for source in row.sources]
    return {
        "share": {
            name: pytest.approx(len(_known(rows, attribute)) / len(rows))
            for name, attribute in (("heightM", "height_m"), ("district", "district"))
        },
        "oldestSource": min(ages),
        "newestSource": max(ages),
    }


def test_the_share_that_has_others_hanging_from_it(ask: Asked) -> None:
    found = ask(
        "{ buildings { coverage { share { sites addresses } } } transitStops { coverage { share { routes } } } }"
    )
    with_sites = {s.building for s in SITES if s.building}
    assert found["buildings"]["coverage"]["share"] == {
        "sites": pytest.approx(len(with_sites) / len(BUILDINGS)),
        "addresses": 0,
    }
    assert found["transitStops"]["coverage"]["share"] == {"routes": None}


def test_how_many_groups_there_are(ask: Asked) -> None:
    found = ask("""{ buildings { groupCount(by: [{district: true}, {currentUse: true}])
      large: groupCount(by: [{district: true}, {currentUse: true}], having: {count: {gte: 40}})
      groupBy(by: [{district: true}, {currentUse: true}], first: 2) { aggregate { count } } } }""")[
        "buildings"
    ]
    groups = Counter((b.district, b.current_use) for b in BUILDINGS)
    assert found["groupCount"] == len(groups)
    assert found["large"] == len([count for count in groups.values() if count >= 40])
    assert len(found["groupBy"]) == 2


def test_how_many_groups_there_are_below_a_record_of_which_nothing_else_is_asked(
    ask: Asked, town: Town
) -> None:
    town.add("Source", "groups", title="g", publisher="p", entities="Site", format="tabular", file="*.csv")
    for metric in ("COMPLETENESS", "RANGE", "COUNT"):
        town.add("QualityMeasurement", f"groups/{metric}", source="groups", entity="Site", metric=metric,
                 value=1.0, outcome="MET" if metric == "COUNT" else "BELOW")  # fmt: skip
    alone = ask("{ sources { quality { groupCount(by: [{outcome: true}]) } } }")["sources"]
    told = ask("{ sources { id quality { groupCount(by: [{outcome: true}]) } } }")["sources"]
    assert [one["quality"] for one in alone] == [one["quality"] for one in told]
    assert {"id": "Source:groups", "quality": {"groupCount": 2}} in told


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            "aggregate { storeysAboveGround { __typename } }",
            {"aggregate": {"storeysAboveGround": {"__typename": "IntSummary"}}},
        ),
        ("coverage { share { __typename } }", {"coverage": {"share": {"__typename": "BuildingShare"}}}),
    ],
)
def test_measures_of_which_only_the_typename_is_asked(ask: Asked, asked: str, said: Any) -> None:
    assert ask("{ buildings { %s } }" % asked)["buildings"] == said
    (group,) = ask("{ buildings { groupBy(by: [{district: true}], first: 1) { %s } } }" % asked)["buildings"][
        "groupBy"
    ]
    assert group == said


@pytest.mark.parametrize("around", ["aggregate", "groupBy(by: [{district: true}]) { aggregate"])
def test_more_measures_than_a_row_of_postgresql_has_columns(ask: Asked, around: str) -> None:
    def query(measures: int) -> str:
        counts = " ".join(f"c{i}: count" for i in range(measures // 10))
        aliased = " ".join(f"a{i}: storeysAboveGround {{ ...F }}" for i in range(10))
        return (
            '{ node(id: "District:empty") { ... on District { buildings { %s { %s } %s } } } }'
            " fragment F on IntSummary { %s }" % (around, aliased, "}" if "groupBy" in around else "", counts)
        )

    ask(query(500))
    said = ask.refused(query(510))
    assert said == f"{around.partition('(')[0]}: has more than 500 measures; ask for them in several"


def test_groups_by_more_keys_of_an_order_than_a_row_has_columns(ask: Asked) -> None:
    query = (
        "query ($o: [BuildingGroupOrder!]) { buildings {"
        " groupBy(by: [{district: true}], orderBy: $o) { aggregate { count } } } }"
    )
    assert len(ask(query, o=[{"count": "ASC"}] * 10)["buildings"]["groupBy"]) == 4
    assert "has 2000 keys; give at most 10" in ask.refused(query, o=[{"count": "ASC"}] * 2000)


@pytest.mark.parametrize(("how", "groups"), [("or", 0), ("and", 4)])
def test_an_empty_list_of_conditions_on_groups_is_as_in_where(ask: Asked, how: str, groups: int) -> None:
    found = ask(
        "{ buildings { groupCount(by: [{district: true}], having: {%s: []}) } none: buildings(where: {%s: []}) "
        "{ totalCount } }" % (how, how)
    )
    assert found["buildings"]["groupCount"] == groups
    assert bool(found["none"]["totalCount"]) == bool(groups)


def test_a_field_called_count_does_not_hide_the_number_of_records(ask: Asked) -> None:
    found = ask("{ cityFurniture { aggregate { count countValue { sum } } } }")["cityFurniture"]["aggregate"]
    assert found == {"count": 2, "countValue": {"sum": 7}}


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("by: []", "has 0 keys; give 1 to 4"),
        ("by: [{district: true}, {district: true}]", "district is there twice"),
        ("by: [{district: false}]", "say true"),
        ("by: [{currentUse: true}], first: 1001", "ask for 0 to 1000 groups"),
        ("by: [{storeysAboveGround: {width: 0}}]", "width: is 0; give a number from 0.001 to 1,000,000,000"),
        ("by: [{storeysAboveGround: {width: 1e308}}]", "width: is 1e+308; give a number from"),
        (
            "by: [{storeysAboveGround: {width: 1, from: 1e300}}]",
            "from: is 1e+300; give a number from -1e+09 to 1,000,000,000",
        ),
        ("by: [{square: {edgeM: 1}}]", "at most 1,000,000 cells cover the city"),
        ("by: [{hexagon: {edgeM: -5}}]", "metres: at most"),
        ("by: [{hexagon: {edgeM: 1e300}}]", "metres: at most"),
        ("by: [{currentUse: true}], having: {count: {gt: null}}", "isNull"),
        ("by: [{currentUse: true}], orderBy: [{heightM: {avg: null}}]", "must be non-null"),
    ],
)
def test_groupings_that_are_refused(ask: Asked, asked: str, words: str) -> None:
    assert words in ask.refused("{ buildings { groupBy(%s) { aggregate { count } } } }" % asked)


def test_a_key_that_groups_do_not_have_is_refused(ask: Asked) -> None:
    said = ask.refused("{ buildings { groupBy(by: [{currentUse: true}]) { key { district { id } } } } }")
    assert "groups have no district" in said


def test_hidden_fields_are_barred(ask: Asked) -> None:
    """What is not shown of a record is not shown of many either."""
    types = ask.engine.schema.type_map
    for type_ in ("SiteAggregate", "SiteGroupBy", "SiteHaving", "SiteGroupOrder", "SiteShare"):
        known = types[type_]
        assert isinstance(known, GraphQLObjectType | GraphQLInputObjectType)
        assert not {"matchKey", "businessLinked", "sources", "nameFolded"} & known.fields.keys()


@pytest.mark.parametrize("barred", ["personal", "hidden"])
def test_a_field_marked_personal_is_barred_from_numbers_groups_filters_and_orders(barred: str) -> None:
    """No field of today's entities is: those of people are empty in the database. The mark must hold anyway."""

    def offered(entity: Entity) -> list[set[str]]:
        known = entity.fields.items()
        return [
            set(summed.__wrapped__(entity)),
            set(keyed.__wrapped__(entity)),
            {public for public, *_ in nullable(entity)},
            {camel(name) for name, field in known if operators_for(entity, name, field) is not None},
            {camel(name) for name in sortable(entity)},
        ]

    site, marked = Entity(BY_NAME["Site"].cls), Entity(BY_NAME["Site"].cls)
    vars(marked)["fields"] = {
        name: replace(known, personal=barred == "personal", hidden=barred == "hidden")
        if name == "name"
        else known
        for name, known in site.fields.items()
    }
    for before, after in zip(offered(site), offered(marked), strict=True):
        assert "name" in before
        assert "name" not in after
