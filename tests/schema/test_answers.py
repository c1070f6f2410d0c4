"""What a query gets back: the sketch's questions on the little town, each one statement."""

from __future__ import annotations

import pytest

from tests.schema.conftest import Asked


def test_lists_count_page_and_follow_links_both_ways(ask: Asked) -> None:
    ask.statements.clear()
    data = ask("""
        { districts { totalCount nodes { id code nameBg population
            buildings(first: 1) { totalCount nodes { id currentUse { code scheme label label_en: label(lang: EN) }
              sites { nodes { name business { eik sites { totalCount } } } } } } } } }
    """)
    assert len(ask.statements) == 1
    districts = data["districts"]
    assert districts["totalCount"] == 3
    first = districts["nodes"][0]
    assert list(first) == ["id", "code", "nameBg", "population", "buildings"]
    assert first["id"] == "District:68134-01"
    assert first["buildings"]["totalCount"] == 2
    (building,) = first["buildings"]["nodes"]
    assert building["id"] == "Building:b.1"
    assert building["currentUse"] == {
        "code": "100", "scheme": "building_use", "label": "Жилищна сграда", "label_en": "Dwelling",
    }  # fmt: skip
    assert districts["nodes"][2]["buildings"] == {"totalCount": 0, "nodes": []}


def test_a_record_is_found_by_id_and_by_the_registers_identifier(ask: Asked) -> None:
    data = ask("""
        query($id: ID!) {
          node(id: $id) { id __typename ... on Site { label building { cadastralId } district { nameLatin } } }
          none: node(id: "Site:nowhere") { id }
          business: byIdentifier(scheme: EIK, value: "000695146") { label ... on Business { sites { totalCount } } }
        }
    """, id="Site:s0")  # fmt: skip
    assert data["node"] == {
        "id": "Site:s0", "__typename": "Site", "label": "Обект 0", "building": {"cadastralId": "b.2"},
        "district": {"nameLatin": "Sredets"},
    }  # fmt: skip
    assert data["none"] is None
    assert data["business"] == {"label": "Пробна АД", "sites": {"totalCount": 3}}


def test_a_building_shows_its_levels_of_detail_and_each_as_cityjson(ask: Asked) -> None:
    ask.statements.clear()
    data = ask(
        """query($level: Lod!) { buildings { nodes { lods coarse: lod(level: "1.2") asked: lod(level: $level)
        none: lod(level: "9") solids(orderBy: [{volumeM3: DESC}]) { nodes { id lod highestM cityjson } } } } }""",
        level="2.2",
    )
    assert len(ask.statements) == 1
    first, *others = data["buildings"]["nodes"]
    coarse, fine = ({"type": "CityJSON", "version": "2.0", "lod": lod} for lod in ("1.2", "2.2"))
    solids = [
        {"id": "BuildingSolid:b.1/2.2", "lod": "2.2", "highestM": 552.5, "cityjson": fine},
        {"id": "BuildingSolid:b.1/1.2", "lod": "1.2", "highestM": 552, "cityjson": coarse},
    ]
    assert first == {
        "lods": ["1.2", "2.2"], "coarse": coarse, "asked": fine, "none": None, "solids": {"nodes": solids}
    }  # fmt: skip
    nothing: dict[str, object] = {
        "lods": [],
        "coarse": None,
        "asked": None,
        "none": None,
        "solids": {"nodes": []},
    }
    assert others == [nothing, nothing]
    found = ask("""
        { buildings(where: {solids: {some: {lod: {eq: "2.2"}, volumeM3: {gt: 200}}}}) { nodes { id } } }
    """)
    assert found["buildings"]["nodes"] == [{"id": "Building:b.1"}]


def test_the_nearest_come_first_and_the_edge_says_how_far(ask: Asked) -> None:
    data = ask("""
        { transitStops(orderBy: [{distance: {entity: "Facility:f1"}}]) { edges { distanceM node { name } } } }
    """)
    assert data["transitStops"]["edges"] == [
        {"distanceM": 0, "node": {"name": "ОРЛОВ МОСТ"}},
        {"distanceM": pytest.approx(41.23, abs=0.01), "node": {"name": "НДК"}},
    ]


def test_sites_without_a_place_come_last_when_ordered_by_distance(ask: Asked) -> None:
    data = ask(
        """{ sites(orderBy: [{distance: {entity: "Facility:f1"}}]) { edges { distanceM node { id } } } }"""
    )
    assert data["sites"]["edges"][-1] == {"distanceM": None, "node": {"id": "Site:s9"}}


def test_a_route_lists_its_stops_in_the_order_of_travel(ask: Asked) -> None:
    data = ask("""{ transitRoutes(where: {shortName: {eq: "1"}}) { nodes { mode stops { nodes { gtfsId
        routes { nodes { shortName } } } } } } }""")
    (route,) = data["transitRoutes"]["nodes"]
    assert route["mode"] == "TRAM"
    assert [stop["gtfsId"] for stop in route["stops"]["nodes"]] == ["2", "1"]
    assert [r["shortName"] for r in route["stops"]["nodes"][1]["routes"]["nodes"]] == ["94", "1"]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("{}", ["b.1", "b.2", "b.3"]),
        ("{storeysAboveGround: {gte: 2, lt: 8}}", ["b.1"]),
        ("{storeysAboveGround: {in: [8, 9]}}", ["b.2"]),
        ("{storeysAboveGround: {isNull: true}}", ["b.3"]),
        ("{storeysAboveGround: {ne: 2}}", ["b.2", "b.3"]),
        ("{not: {storeysAboveGround: {eq: 2}}}", ["b.2", "b.3"]),
        ("{or: [{storeysAboveGround: {eq: 2}}, {cadastralId: {startsWith: \"b.3\"}}]}", ["b.1", "b.3"]),
        ("{and: [{storeysAboveGround: {gt: 1}}, {currentUse: {eq: \"110\"}}]}", ["b.2"]),
        ("{district: {nameLatin: {eq: \"Sredets\"}}}", ["b.1", "b.2"]),
        ("{district: {buildings: {some: {storeysAboveGround: {eq: 8}}}}}", ["b.1", "b.2"]),
        ("{sites: {some: {name: {eq: \"Обект 0\"}}}}", ["b.2"]),
        ("{sites: {none: {}}}", ["b.1", "b.3"]),
        ("{sites: {every: {name: {contains: \"бект\"}}}}", ["b.1", "b.2", "b.3"]),
        ("{sites: {every: {name: {contains: \"кт 0\"}}}}", ["b.1", "b.3"]),
        ("{footprintAreaM2: {gt: 150}}", ["b.3"]),
        ("{id: {in: [\"Building:b.3\", \"Building:b.1\"]}}", ["b.1", "b.3"]),
        ("{footprint: {intersects: {entity: \"District:68134-01\"}}}", ["b.1", "b.2", "b.3"]),
        ("{footprint: {within: {entity: \"District:68134-01\"}}}", ["b.1", "b.2"]),
        ("{footprint: {touches: {entity: \"District:68134-01\"}}}", ["b.3"]),
        ("{footprint: {dwithin: {of: {entity: \"Facility:f1\"}, withinM: 20.5}}}", ["b.1"]),
        ("{footprint: {intersects: {buffer: {of: {entity: \"Facility:f1\"}, metres: 25}}}}", ["b.1", "b.3"]),
    ],
)  # fmt: skip
def test_where(ask: Asked, where: str, expected: list[str]) -> None:
    data = ask(f"{{ buildings(where: {where}) {{ totalCount nodes {{ cadastralId }} }} }}")
    assert [node["cadastralId"] for node in data["buildings"]["nodes"]] == expected
    assert data["buildings"]["totalCount"] == len(expected)


def test_names_are_found_in_either_script(ask: Asked) -> None:
    for text in ("Лозен", "lozen", "ЛОЗЕНЕЦ"):
        data = ask(
            "query($t: String!) { districts(where: {nameBg: {search: $t}}) { nodes { code } } }", t=text
        )
        assert data["districts"]["nodes"] == [{"code": "68134-02"}]


def test_a_page_can_be_walked_forwards_and_backwards(ask: Asked) -> None:
    query = """query($after: String, $first: Int!) { buildings(first: $first, after: $after,
        orderBy: [{storeysAboveGround: DESC}]) { nodes { cadastralId }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""
    seen, after = [], None
    while True:
        page = ask(query, first=1, after=after)["buildings"]
        seen += [node["cadastralId"] for node in page["nodes"]]
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == ["b.2", "b.1", "b.3"]

    back = """query($before: String) { buildings(last: 2, before: $before,
        orderBy: [{storeysAboveGround: DESC}]) { edges { cursor node { cadastralId } }
        pageInfo { hasNextPage hasPreviousPage startCursor } } }"""
    page = ask(back)["buildings"]
    assert [edge["node"]["cadastralId"] for edge in page["edges"]] == ["b.1", "b.3"]
    assert page["pageInfo"]["hasPreviousPage"] is True
    page = ask(back, before=page["pageInfo"]["startCursor"])["buildings"]
    assert [edge["node"]["cadastralId"] for edge in page["edges"]] == ["b.2"]
    assert page["pageInfo"] == {
        "hasNextPage": True, "hasPreviousPage": False, "startCursor": page["edges"][0]["cursor"],
    }  # fmt: skip


def test_an_empty_page_has_no_cursors(ask: Asked) -> None:
    data = ask("""{ buildings(where: {storeysAboveGround: {gt: 99}}) { edges { cursor } nodes { id }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }""")
    assert data["buildings"] == {
        "edges": [],
        "nodes": [],
        "pageInfo": {
            "hasNextPage": False, "hasPreviousPage": False, "startCursor": None, "endCursor": None,
        },
    }  # fmt: skip


def test_links_carry_their_evidence_and_both_ends(ask: Asked) -> None:
    data = ask("""{ node(id: "Site:s0") { ... on Site { links { totalCount nodes { type method score status
        evidence subject { __typename id } object { __typename label ... on Building { cadastralId } } } } } }
        building: node(id: "Building:b.2") { ... on CityEntity { links { nodes { id } } } } }""")
    (link,) = data["node"]["links"]["nodes"]
    assert link["evidence"] == {"metres": 12.5}
    assert link["subject"] == {"__typename": "Site", "id": "Site:s0"}
    assert link["object"] == {"__typename": "Building", "label": None, "cadastralId": "b.2"}
    assert data["building"]["links"]["nodes"] == [{"id": "Link:IN_BUILDING/Site/s0/b.2"}]


def test_a_permit_is_found_by_any_identifier_that_it_names(ask: Asked) -> None:
    query = """query ($id: String!) { permits(where: {cadastralIds: {has: $id}}) {
        nodes { id cadastralIds cadastralParcel building { permits { nodes { number } } } } }
        byIdentifier(scheme: PERMIT, value: "h=") { id } }"""
    data = ask(query, id="68134.1.3")
    assert data["permits"]["nodes"] == [
        {
            "id": "Permit:h=",
            "cadastralIds": ["68134.1.2", "68134.1.3"],
            "cadastralParcel": "68134.1.2",
            "building": {"permits": {"nodes": [{"number": "1/09.11.2018"}]}},
        }
    ]
    assert data["byIdentifier"] == {"id": "Permit:h="}
    assert ask(query, id="68134.1")["permits"]["nodes"] == []
    assert (
        ask("{ permits(where: {cadastralIds: {isNull: true}}) { totalCount } }")["permits"]["totalCount"] == 0
    )


def test_a_station_gives_its_measurements_in_the_order_of_time(ask: Asked) -> None:
    query = """query ($from: DateTime!, $order: Direction!) { airQualityStations(where: {name: {eq: "Павлово"}}) { nodes {
        all: observations { nodes { id } }
        observations(where: {phenomenonTime: {gte: $from}}, orderBy: [{phenomenonTime: $order}]) {
            totalCount nodes { value unit observedProperty { code } phenomenonTime } } } } }"""
    (station,) = ask(query, **{"from": "2017-11-17T06:00:00Z", "order": "DESC"})["airQualityStations"][
        "nodes"
    ]
    assert [one["id"] for one in station["all"]["nodes"]] == [f"Observation:a1/{hour}" for hour in (5, 6, 7)]
    humidity = {"unit": "%", "observedProperty": {"code": "HUMIDITY"}}
    assert station["observations"] == {
        "totalCount": 2,
        "nodes": [
            {"value": None, **humidity, "phenomenonTime": "2017-11-17T07:00:00+00:00"},
            {"value": 84.0, **humidity, "phenomenonTime": "2017-11-17T06:00:00+00:00"},
        ],
    }


def test_the_network_is_asked_for_by_line(ask: Asked) -> None:
    data = ask(
        '{ transitLinks(where: {lines: {has: "22"}, mode: {eq: TRAM}}) { nodes { id lines lengthM } } }'
    )
    assert data["transitLinks"]["nodes"] == [
        {"id": "TransitLink:tram", "lines": ["20", "22"], "lengthM": 50.0}
    ]
    assert (
        ask('{ transitLinks(where: {lines: {has: "2"}}) { totalCount } }')["transitLinks"]["totalCount"] == 0
    )
    # nobody has a name for it
    assert ask('{ node(id: "TransitLink:tram") { ... on CityEntity { label } } }') == {
        "node": {"label": None}
    }


def test_geometry_comes_in_the_form_asked_for(ask: Asked) -> None:
    data = ask("""{ node(id: "Building:b.1") { ... on Building { geometry
        metric: geometry(crs: 7801, precision: 1) rough: geometry(precision: 2) simple: footprint(simplifyM: 100)
        centroid(crs: 7801) bbox(crs: 7801) footprintAreaM2
        distance(to: {entity: "Facility:f1"}) sources { title publisher } uri validFrom } } }""")
    node = data["node"]
    assert node["geometry"]["type"] == "MultiPolygon"
    lon, lat = node["geometry"]["coordinates"][0][0][0]
    assert 23.2 < lon < 23.45
    assert 42.6 < lat < 42.75
    assert node["metric"]["coordinates"] == [
        [[[321010, 4731080], [321020, 4731080], [321020, 4731070], [321010, 4731070], [321010, 4731080]]]
    ]
    assert node["metric"]["crs"]["properties"]["name"] == "EPSG:7801"
    assert node["rough"]["coordinates"][0][0][0] == [round(lon, 2), round(lat, 2)]
    assert node["centroid"]["coordinates"] == [321015, 4731075]
    assert node["bbox"] == [321010, 4731070, 321020, 4731080]
    assert node["footprintAreaM2"] == pytest.approx(100)
    assert node["distance"] == pytest.approx(20)
    assert node["sources"] == [{"title": "Town register", "publisher": "Town hall"}]
    assert node["uri"] == "/town/id/Building/b.1"
    assert node["validFrom"] is None


def test_variables_of_another_shape_get_another_plan_and_other_values_do_not(ask: Asked) -> None:
    query = "query($w: BuildingFilter) { buildings(where: $w) { nodes { cadastralId } } }"

    def found(where: object) -> list[str]:
        return [node["cadastralId"] for node in ask(query, w=where)["buildings"]["nodes"]]

    ask.statements.clear()
    assert found({"storeysAboveGround": {"eq": 2}}) == ["b.1"]
    assert found({"storeysAboveGround": {"eq": 8}}) == ["b.2"]
    assert found({"storeysAboveGround": {"in": [2, 8]}}) == ["b.1", "b.2"]
    assert found({"storeysAboveGround": {"isNull": False}}) == ["b.1", "b.2"]
    assert found({"storeysAboveGround": {"isNull": True}}) == ["b.3"]
    assert found(None) == ["b.1", "b.2", "b.3"]
    assert found({"or": [{"storeysAboveGround": {"eq": 2}}, {"sites": {"some": {}}}]}) == ["b.1", "b.2"]
    assert found({"or": [{"sites": {"some": {}}}]}) == ["b.2"]
    assert len(set(ask.statements)) == 7


def test_an_empty_list_of_conditions_and_one_empty_condition_are_told_apart(ask: Asked) -> None:
    query = "query($w: BuildingFilter) { buildings(where: $w) { totalCount } }"
    assert ask(query, w={"or": []})["buildings"]["totalCount"] == 0
    assert ask(query, w={"or": {}})["buildings"]["totalCount"] == 3


def test_directives_fragments_and_aliases(ask: Asked) -> None:
    query = """
        query($deep: Boolean!, $n: Int = 1) {
          few: districts(first: $n) { nodes { ...Short __typename } }
          all: districts(first: 2) { nodes { ...Short extra: nameLatin @skip(if: $deep)
            buildings(first: 1) @include(if: $deep) { nodes { ... on SpatialEntity { id } } } } }
        }
        fragment Short on District { code ...Named }
        fragment Named on District { nameBg }
    """
    shallow, deep = ask(query, deep=False), ask(query, deep=True)
    assert shallow["few"]["nodes"] == [{"code": "68134-01", "nameBg": "Средец", "__typename": "District"}]
    assert shallow["all"]["nodes"][1] == {"code": "68134-02", "nameBg": "Лозенец", "extra": "Lozenets"}
    assert deep["all"]["nodes"][0] == {
        "code": "68134-01", "nameBg": "Средец", "buildings": {"nodes": [{"id": "Building:b.1"}]},
    }  # fmt: skip


def test_introspection_and_data_in_one_operation(ask: Asked) -> None:
    data = ask("""{ __schema { queryType { name } } __type(name: "District") { kind }
        node(id: "District:68134-01") { ... on District { code } } }""")
    assert data == {
        "__schema": {"queryType": {"name": "Query"}},
        "__type": {"kind": "OBJECT"},
        "node": {"code": "68134-01"},
    }


def test_long_and_many_response_keys_keep_their_names_and_order(ask: Asked) -> None:
    long = "k" * 70
    many = " ".join(f"f{i}: code" for i in range(60))
    data = ask(f"{{ districts(first: 1) {{ nodes {{ z: code {long}: nameBg {many} a: id }} }} }}")
    (node,) = data["districts"]["nodes"]
    assert list(node) == ["z", long, *(f"f{i}" for i in range(60)), "a"]
    assert node[long] == "Средец"
    data = ask(f"{{ districts(first: 1) {{ edges {{ node {{ {many} id }} }} }} }}")
    assert list(data["districts"]["edges"][0]["node"]) == [*(f"f{i}" for i in range(60)), "id"]


def test_a_buffer_is_as_round_around_a_record_as_around_a_place(ask: Asked) -> None:
    place = ask('{ node(id: "Facility:f1") { ... on Facility { geometry(precision: 15) } } }')["node"][
        "geometry"
    ]
    query = """query($of: GeometryInput!) { buildings {
        nodes { distance(to: {buffer: {of: $of, metres: 25}}) } } }"""
    far = [
        [node["distance"] for node in ask(query, of=of)["buildings"]["nodes"]]
        for of in ({"entity": "Facility:f1"}, {"geojson": place})
    ]
    assert far[0] == pytest.approx(far[1], abs=1e-6)
    assert max(far[0]) > 1
