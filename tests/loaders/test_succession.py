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
