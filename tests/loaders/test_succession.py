"""Merged, split and renumbered ids, from a register's own words and from a curated table."""

from __future__ import annotations

from tests.loaders.town import LoadTown, lonlat
from tests.town import Grid

GRID = Grid("""
    . a b . e f .
    . d c . h g .
""")

BUILDINGS = """
key = "buildings"
format = "vector"
file = "buildings.geojson"
crs = "EPSG:4326"
[dataset.Building]
key = "id"
footprint = "geometry"
[dataset.Succession]
when = { was = true }
key = { format = "Building/{was}/{id}" }
entity = { value = "Building" }
old_key = "was"
new_key = "id"
reason = { value = "renumbered" }
"""
CURATED = """
key = "successions"
format = "tabular"
file = "curated/successions.csv"
[dataset.Succession]
key = { format = "{entity}/{old}/{new}" }
entity = "entity"
old_key = "old"
new_key = "new"
valid_from = "since"
reason = "reason"
"""


def test_who_took_whose_place_is_loaded_from_a_register_and_from_a_table(town: LoadTown) -> None:
    town.features(
        "buildings.geojson",
        ({"id": "n1", "was": "o1"}, lonlat(GRID["abcd"])),
        ({"id": "n2", "was": None}, lonlat(GRID["efgh"])),
    )
    town.describe(BUILDINGS)
    town.write(
        "curated/successions.csv",
        "entity,old,new,since,reason\nBuilding,o2,n1,2026-03-01,merged\nBuilding,o3,n1,2026-03-01,merged\n",
    )
    town.describe(CURATED)
    report = town.load()
    assert report.exit_code == 0
    assert town.rows(
        "SELECT entity, old_key, new_key, valid_from::text, reason FROM succession ORDER BY old_key"
    ) == [
        ("Building", "o1", "n1", None, "renumbered"),
        ("Building", "o2", "n1", "2026-03-01", "merged"),
        ("Building", "o3", "n1", "2026-03-01", "merged"),
    ]
    town.write("curated/successions.csv", "entity,old,new,since,reason\nBuilding,o2,n1,2026-03-01,merged\n")
    town.load("successions")
    assert town.rows("SELECT old_key FROM succession ORDER BY 1") == [("o1",), ("o2",)]


OSM = """<osm version="0.6">
<node id="1" lat="42.69" lon="23.32"/><node id="2" lat="42.69" lon="23.33"/><node id="3" lat="42.70" lon="23.33"/>
<way id="7"><nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="1"/>
<tag k="building" v="church"/><tag k="wikidata" v="Q43282"/></way>
<way id="8"><nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="1"/>
<tag k="building" v="yes"/><tag k="wikidata" v="Q1;Q2"/></way>
</osm>"""
OSM_BUILDINGS = """
key = "osm"
format = "osm"
file = "town.osm"
[[dataset.read]]
options = { select = "areas", tags = { building = true }, columns = ["wikidata"] }
[dataset.read.Building]
key = { from = "@id", replace = { "/" = "-" } }
osm_id = "@id"
wikidata = { from = "wikidata", match = "^(Q[1-9][0-9]*)$" }
footprint = "geometry"
"""


def test_a_wikidata_item_is_taken_from_openstreetmap_where_it_is_one(town: LoadTown) -> None:
    town.write("town.osm", OSM)
    town.describe(OSM_BUILDINGS)
    assert town.load().exit_code == 0
    assert town.rows("SELECT osm_id, wikidata FROM building ORDER BY key") == [
        ("way/7", "Q43282"),
        ("way/8", None),
    ]
