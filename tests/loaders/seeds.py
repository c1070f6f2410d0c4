"""Whole files of every format, small enough to be damaged and read many times a second."""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
import shapely

from loaders.sample import write_sample
from tests.loaders.formats import test_cityjson as cityjson
from tests.loaders.formats import test_excel as excel
from tests.loaders.formats import test_gtfs as gtfs
from tests.loaders.formats import test_osm as osm
from tests.loaders.formats import test_parquet as parquet
from tests.loaders.formats import test_register_xml as register
from tests.loaders.formats import test_vector as vector

#: larger files take too long to be read many times
LARGEST_BYTES = 300_000


class Seed(NamedTuple):
    """A file that a reader takes, and the options to read it with."""

    name: str
    content: bytes
    options: dict[str, Any]


def seeds(format: str, real: Path | None = None) -> list[Seed]:
    """Valid files of a format, with some as really published where a folder of them is given."""
    with tempfile.TemporaryDirectory(prefix="twin-") as folder:
        made = [Seed(path.name, path.read_bytes(), options) for path, options in _MADE[format](Path(folder))]
    for name, options in _REAL.get(format, {}).items() if real else ():
        assert real is not None
        content = (real / name).read_bytes()
        if len(content) <= LARGEST_BYTES:
            made.append(Seed(Path(name).name, content, options))
    return made


Made = Iterator[tuple[Path, dict[str, Any]]]


def _sample(folder: Path) -> Path:
    write_sample(folder / "sample", buildings=1000, businesses=0, seed=1)
    return folder / "sample"


def _vector(folder: Path) -> Made:
    sample = _sample(folder)
    yield sample / "buildings" / "sgradi_01.zip", {}
    yield vector.write(folder / "a.gpkg", layer="l"), {}
    yield vector.write(folder / "a.fgb"), {}
    collection = vector.geojson(
        vector.point(23.3, 42.7, name="Шипка", height=2.5, more={"a": [1]}),
        {"type": "Feature", "properties": {"name": None}, "geometry": None},
        *(
            {
                "type": "Feature",
                "properties": {"name": "x"},
                "geometry": json.loads(shapely.to_geojson(shape)),
            }
            for shape in (
                shapely.box(23.3, 42.7, 23.4, 42.8).difference(shapely.box(23.32, 42.72, 23.33, 42.73)),
                shapely.LineString([(23.3, 42.7, 5), (23.4, 42.7, 6)]),
                shapely.MultiPolygon([shapely.box(23.3, 42.7, 23.4, 42.8)]),
                shapely.GeometryCollection([shapely.Point(23.3, 42.7)]),
            )
        ),
        crs={"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}},
    )
    for name, text in (
        ("a.geojson", collection),
        ("a.js", f"var x = {collection};"),
        ("a.geojsonl", "\n".join(json.dumps(each) for each in json.loads(collection)["features"])),
    ):
        (folder / name).write_text(text, encoding="utf-8")
        yield folder / name, {}
    (folder / "a.geojson.gz").write_bytes(gzip.compress(collection.encode()))
    yield folder / "a.geojson.gz", {}


def _tabular(folder: Path) -> Made:
    sample = _sample(folder)
    (folder / "addresses.csv").write_bytes((sample / "addresses" / "addresses.csv").read_bytes()[:9000])
    yield folder / "addresses.csv", {}
    yield sample / "facilities" / "sensitive_sites.tsv", {"lonlat": ["lng", "lat"]}
    (folder / "a.csv").write_bytes('id;име;geo\n1;"Св. ""Неделя""";42.69,23.32\n2;б;\n'.encode("cp1251"))
    yield folder / "a.csv", {"latlon": "geo"}
    (folder / "b.csv.gz").write_bytes(gzip.compress("\ufeffa,b,a\r\n1,2,3,\r\n4,5\r\n".encode()))
    yield folder / "b.csv.gz", {}


def _json_records(folder: Path) -> Made:
    records = [
        {"id": n, "at": {"lat": 42.7, "lon": 23.3}, "tags": ["a", {"b": 1}], "n": "Шипка"} for n in range(20)
    ]
    (folder / "a.json").write_text(json.dumps({"meta": 1, "data": {"items": records}}, ensure_ascii=False))
    yield folder / "a.json", {"records": "data.items", "lonlat": ["at.lon", "at.lat"]}
    (folder / "b.json").write_text(json.dumps(records))
    yield folder / "b.json", {}
    (folder / "c.jsonl").write_text("\n".join(map(json.dumps, records)))
    yield folder / "c.jsonl", {}
    (folder / "d.jsonl.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, records)).encode()))
    yield folder / "d.jsonl.gz", {"latlon": ["at"]}


def _osm(folder: Path) -> Made:
    for suffix in ("osm.pbf", "osm"):
        path = osm.extract(
            folder, suffix=suffix, nodes={"A": {"shop": "bakery", "name": "Хляб"}, "B": {"building": "entrance"}},
            ways=[("ABCDA", {"building": "yes"}), ("EFGHE", {}), ("AC", {"highway": "path"}), ("AZ", {"highway": "path"}),
                  ("ABC", {}), ("CDA", {})],
            relations=[([101, 102], {"type": "multipolygon", "building": "yes"}), ([105, 106], {"type": "boundary", "building": "x"})],
        )  # fmt: skip
        yield (
            path,
            {
                "select": "nodes+areas",
                "tags": [{"building": True}, {"shop": True}],
                "columns": ["name", "@version"],
            },
        )
        yield path, {"select": "ways", "tags": {"highway": True}}


def _gtfs(folder: Path) -> Made:
    path = gtfs.feed(
        folder,
        calendar_dates="service_id,date,exception_type\nwork,20260107,2\nsat,20260107,1\n",
        frequencies="trip_id,start_time,end_time,headway_secs\nt3,10:00:00,12:00:00,600\n",
    )
    yield path, {"table": "stops"}
    yield path, {"table": "routes"}


def _register(folder: Path) -> Made:
    parts = register.main_part(register.SEAT, register.PERSONS, f"<Company {register.ENTRY}>Тест</Company>")
    yield register.export(folder, register.deed(parts), register.deed(), register.deed(attributes="")), {}


def _parquet(folder: Path) -> Made:
    yield parquet.overture(folder / "a.parquet"), {}
    plain = parquet.write(folder / "b.parquet", parquet.plain(50), parquet.geo(), compression="none")
    yield plain, {}
    pq.write_table(
        parquet.plain(50), folder / "c.parquet", row_group_size=7, version="1.0", use_dictionary=False
    )
    yield folder / "c.parquet", {"geometry": "geometry"}


def _excel(folder: Path) -> Made:
    rows: list[list[Any]] = [
        ["код", "име", "lat", "lng", None],
        *([f"0{n}", "Шипка", 42.7, 23.3, True] for n in range(9)),
    ]
    yield excel.workbook(folder / "a.xlsx", лист=rows), {"lonlat": ["lng", "lat"]}
    yield excel.workbook(folder / "b.xlsx", a=rows, b=[]), {"skip_lines": 1}


def _cityjson(folder: Path) -> Made:
    house = cityjson.building(
        cityjson.solid("1"), cityjson.solid("2.2", semantics=cityjson.GROUND), cityjson.flat(0, 1, 2, 3)
    )
    parts = {
        "b": {**cityjson.building(), "children": ["p"], "attributes": {"h": 1.5, "n": None, "o": {"x": [1]}}},
        "p": {**house, "type": "BuildingPart", "parents": ["b"]},
    }
    template = {"type": "GeometryInstance", "template": 0, "boundaries": [1], "transformationMatrix": [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]}  # fmt: skip
    templates = {"templates": [cityjson.flat(0, 1, 2, 3)], "vertices-templates": cityjson.CORNERS}
    objects = {**parts, "c": house, "d": cityjson.building(template)}
    yield cityjson.document(folder / "a.city.json", objects, **{"geometry-templates": templates}), {}
    yield cityjson.sequence(folder / "a.city.jsonl", parts, {"c": house}, {"e": cityjson.building()}), {}
    yield cityjson.document(folder / "b.city.json.gz", parts), {"types": ["Building", "BuildingPart", "Road"]}


_MADE: dict[str, Callable[[Path], Made]] = {
    "vector": _vector, "tabular": _tabular, "json_records": _json_records, "osm": _osm, "gtfs": _gtfs,
    "register_xml": _register, "parquet": _parquet, "excel": _excel, "cityjson": _cityjson,
}  # fmt: skip
_REAL: dict[str, dict[str, dict[str, Any]]] = {
    "vector": {
        "sofia/parking/sinia-zona_zones.json": {},
        "sofia/metro/mgt_metro_26_sofpr_20210308.json": {},
        "sofia/transit/Trolleybusses.geojson": {},
    },
    "tabular": {"sofia/districts/district_codes.csv": {}, "sofia/waste/RPD.csv": {}},
    "register_xml": {"sofia/businesses/commercial_register_sample.xml": {}},
    "cityjson": {"cityjson/3dbag_tile_901.city.jsonl": {}},
    "excel": {f"sofia/classifiers/{name}.xls": {} for name in ("Ek_obst", "Ek_raion", "Sof_rai")},
}
