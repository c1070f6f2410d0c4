"""Buildings and streets of a large OpenStreetMap extract: what its memory grows with is the table of its points.

A way names its points by number, and they stand elsewhere in the file: whoever assembles ways keeps where all
of them are, which the library does in 16 bytes a point and some air.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import osmium

from tests.bench.loads.runs import FOLDER, Absent, Bar, Ground, Run
from twin.settings import Settings

FEW, MANY = 8, 80
POINTS = 65_733  #: of the extract
#: between the ids of two copies
_APART = 10_000_000_000
#: degrees between two copies, so that all stay in the country
_SHIFT = 0.00002
CATALOGUE = """
[city]
name = "extract"
title = "Copies of an extract"
crs = "EPSG:2056"
bounds = [9.4, 47.0, 9.7, 47.3]

[[dataset]]
key = "extract"
title = "Copies of an extract"
publisher = "OpenStreetMap contributors"
licence = "ODbL 1.0"
format = "osm"
file = "*.osm.pbf"

[[dataset.read]]
options = { select = "areas", tags = { building = true }, columns = ["name", "building"] }
[dataset.read.Building]
key = { from = "@id", replace = { "/" = "-" } }
osm_id = "@id"
name = "name"
current_use = { from = "building", nothing = "yes" }
footprint = "geometry"

[[dataset.read]]
options = { select = "ways", tags = { highway = true }, columns = ["name", "highway", "surface"] }
[dataset.read.StreetSegment]
key = { from = "@id", replace = { "/" = "-" } }
osm_id = "@id"
name = "name"
function = "highway"
surface = "surface"
centreline = "geometry"
"""


def measure(ground: Ground) -> Sequence[Bar]:
    """The real extract, copied a few times and ten times as often."""
    real = Settings.from_environment().real_data
    if real is None:
        raise Absent("TWIN_REAL_DATA is not set, and no extract is at hand")
    [extract] = (real / "liechtenstein").glob("*.osm.pbf")
    catalogue = FOLDER / "extract.toml"
    catalogue.parent.mkdir(parents=True, exist_ok=True)
    catalogue.write_text(CATALOGUE, encoding="utf-8")
    runs: list[Run] = []
    for copies in (FEW // 4, MANY // 4) if ground.small else (FEW, MANY):
        folder = _copied(extract, copies)
        ground.forget("extract")
        runs.append(ground.load(str(catalogue), folder, "extract"))
        ground.tell(f"{runs[-1].records:,} buildings and streets in {runs[-1].seconds:.1f} s")
    ground.forget("extract")
    small, large = runs
    points = POINTS * (MANY - FEW) // (4 if ground.small else 1)
    grown = (large.peak_mb - small.peak_mb) * 2**20 / points
    detail = (
        f"{small.peak_mb:,.0f} MB for {small.records:,} records, {large.peak_mb:,.0f} for {large.records:,}"
    )
    return [
        Bar("OpenStreetMap: peak memory", large.peak_mb, 400, " MB"),
        Bar("OpenStreetMap: growth of peak memory by each point", grown, 32, " bytes", detail=detail),
    ]


def _copied(extract: Path, copies: int) -> Path:
    """A folder with one extract that holds the given one several times, its objects sorted as they must be."""
    folder = FOLDER / f"extract-{copies}"
    file = folder / "copies.osm.pbf"
    if file.exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    begun = folder / "begun.osm.pbf"
    begun.unlink(missing_ok=True)
    with osmium.SimpleWriter(str(begun)) as writer:
        for kind in (osmium.osm.NODE, osmium.osm.WAY):
            for copy in range(copies):
                thing: Any
                for thing in osmium.FileProcessor(str(extract), kind):
                    moved = copy * _APART
                    if thing.is_node():
                        place = (thing.location.lon + copy * _SHIFT, thing.location.lat)
                        writer.add_node(thing.replace(id=thing.id + moved, location=place))
                    else:
                        nodes = [node.ref + moved for node in thing.nodes]
                        writer.add_way(thing.replace(id=thing.id + moved, nodes=nodes))
    begun.rename(file)
    return folder
