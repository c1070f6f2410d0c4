"""Shapes with attributes, in the state in which offices publish them."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely

from loaders.formats import BATCH_SIZE, Batch, FileFault, open_layer
from loaders.formats.vector import crs_code

NAMES = ["Средец", "Лозенец", "Люлин"]


def write(path: Path, *, names: list[str] | None = None, **options: Any) -> Path:
    """Write one square for each name, 10 m wide and side by side, in Bulgaria's metric CRS."""
    names = NAMES if names is None else names
    squares = [
        shapely.to_wkb(shapely.box(x, 4731000, x + 10, 4731010)) for x in range(321000, 321000 + len(names))
    ]
    pyogrio.raw.write(
        str(path),
        np.array(squares, dtype=object),
        [np.array(names, dtype=object), np.arange(len(names))],
        np.array(["име", "етажи"]),
        geometry_type="Polygon",
        **{"crs": "EPSG:7801", **options},
    )
    return path


def geojson(*features: dict[str, Any], **more: Any) -> str:
    return json.dumps({"type": "FeatureCollection", "features": list(features), **more}, ensure_ascii=False)


def point(x: float, y: float, **properties: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "properties": properties,
        "geometry": {"type": "Point", "coordinates": [x, y]},
    }


def read(path: Path, **options: Any) -> tuple[str | None, list[Batch]]:
    with open_layer(path, "vector", **options) as layer:
        return layer.crs, list(layer.batches)


def read_one(path: Path, **options: Any) -> tuple[str | None, Batch]:
    crs, [batch] = read(path, **options)
    return crs, batch


def test_geojson_gives_columns_shapes_and_positions(tmp_path: Path) -> None:
    file = tmp_path / "stops.geojson"
    file.write_text(
        geojson(point(23.32, 42.69, име="Орлов мост", код=7), point(23.33, 42.7, име=None, код=8))
    )
    with open_layer(file, "vector") as layer:
        assert layer.columns == ("име", "код")
        assert layer.crs == "EPSG:4326"
        [batch] = layer.batches
    assert batch.columns == {"име": ["Орлов мост", None], "код": [7, 8]}
    assert batch.positions == ["record 1", "record 2"]
    assert batch.geometry is not None
    assert [(each.x, each.y) for each in batch.geometry] == [(23.32, 42.69), (23.33, 42.7)]
    assert batch.problems == []


def test_nested_properties_stay_readable_as_json(tmp_path: Path) -> None:
    file = tmp_path / "a.geojson"
    file.write_text(
        geojson(point(23, 42, tags={"shop": ["a", "b"]}, mixed=1), point(23, 42, tags=None, mixed="x"))
    )
    _, batch = read_one(file)
    assert json.loads(batch.columns["tags"][0]) == {"shop": ["a", "b"]}
    assert batch.columns["mixed"] == ["1", "x"]


def test_a_record_without_geometry_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "a.geojson"
    file.write_text(
        geojson({"type": "Feature", "properties": {"n": 1}, "geometry": None}, point(23, 42, n=2))
    )
    _, batch = read_one(file)
    assert batch.geometry is not None
    assert batch.geometry[0] is None
    assert batch.columns["n"] == [1, 2]
    assert batch.problems == []


def test_heights_are_kept_and_the_crs_is_that_of_the_plane(tmp_path: Path) -> None:
    feature = point(23, 42, n=1)
    feature["geometry"]["coordinates"].append(550)
    file = tmp_path / "a.geojson"
    file.write_text(geojson(feature))
    crs, batch = read_one(file)
    assert crs == "EPSG:4326"
    assert batch.geometry is not None
    assert batch.geometry[0].z == 550


def test_geojson_in_the_metric_crs_keeps_easting_first(tmp_path: Path) -> None:
    file = tmp_path / "a.geojson"
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::7801"}}
    file.write_text(geojson(point(321559.18, 4731436.07, n=1), crs=crs))
    found, batch = read_one(file)
    assert found == "EPSG:7801"
    assert batch.geometry is not None
    assert batch.geometry[0].x == 321559.18


def test_geojson_inside_a_script_is_read(tmp_path: Path) -> None:
    file = tmp_path / "trams.geojson"
    file.write_text(f"var tramsData = {geojson(point(23, 42, ЛИНИЯ='1'))};\n")
    assert read_one(file)[1].columns == {"ЛИНИЯ": ["1"]}


def test_geojson_may_be_gzipped_and_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "a.geojson.gz"
    file.write_bytes(gzip.compress(b"\xef\xbb\xbf" + geojson(point(23, 42, n=1)).encode()))
    assert read_one(file)[1].columns == {"n": [1]}


def test_a_ring_left_open_is_closed_and_reported(tmp_path: Path) -> None:
    ring = [[23.0, 42.0], [23.1, 42.0], [23.1, 42.1], [23.0, 42.1]]
    feature = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    file = tmp_path / "zones.geojson"
    file.write_text(geojson(feature))
    _, batch = read_one(file)
    assert batch.geometry is not None
    assert batch.geometry[0].area == pytest.approx(0.01)
    assert ("record 1", "unclosed-ring") in [(each.position, each.rule) for each in batch.problems]


def test_a_large_layer_comes_in_batches_with_running_positions(tmp_path: Path) -> None:
    file = write(
        tmp_path / "a.fgb", names=["x"] * (BATCH_SIZE * 2 + 5), driver="FlatGeobuf", SPATIAL_INDEX="NO"
    )
    _, batches = read(file)
    assert [len(batch) for batch in batches] == [BATCH_SIZE, BATCH_SIZE, 5]
    assert batches[2].positions[-1] == f"record {BATCH_SIZE * 2 + 5}"
    assert batches[2].columns["етажи"][-1] == BATCH_SIZE * 2 + 4


@pytest.mark.parametrize("encoding", ["UTF-8", "cp1251"])
@pytest.mark.parametrize("said", [True, False])
def test_a_shapefile_keeps_its_cyrillic_letters(tmp_path: Path, encoding: str, said: bool) -> None:
    file = write(tmp_path / "сгради.shp", encoding=encoding)
    if not said:
        file.with_suffix(".cpg").unlink()
    crs, batch = read_one(file)
    assert crs == "EPSG:7801"
    assert batch.columns == {"име": NAMES, "етажи": [0, 1, 2]}


def test_an_encoding_overrides_what_a_shapefile_says(tmp_path: Path) -> None:
    file = write(tmp_path / "a.shp", encoding="cp1251")
    file.with_suffix(".cpg").write_text("ISO-8859-1")
    assert read_one(file, encoding="cp1251")[1].columns["име"] == NAMES
    with pytest.raises(FileFault, match="encoding 'klingon' is unknown; try utf-8 or cp1251"):
        read(file, encoding="klingon")
    other = tmp_path / "a.geojson"
    other.write_text(geojson(point(23, 42)))
    with pytest.raises(FileFault, match="only a Shapefile has an encoding to choose"):
        read(other, encoding="cp1251")


def test_a_shapefile_without_prj_says_nothing_about_its_crs(tmp_path: Path) -> None:
    file = write(tmp_path / "a.shp")
    file.with_suffix(".prj").unlink()
    assert read_one(file)[0] is None


@pytest.mark.parametrize("suffix", [".shx", ".dbf"])
def test_a_shapefile_with_a_part_missing_is_refused(tmp_path: Path, suffix: str) -> None:
    file = write(tmp_path / "a.shp")
    file.with_suffix(suffix).unlink()
    with pytest.raises(FileFault, match=rf"a\.shp: the Shapefile lacks its \{suffix} part"):
        read(file)


@pytest.mark.parametrize("suffix", [".shp", ".dbf"])
def test_a_shapefile_cut_off_is_refused(tmp_path: Path, suffix: str) -> None:
    file = write(tmp_path / "a.shp")
    part = file.with_suffix(suffix)
    part.write_bytes(part.read_bytes()[:-40])
    with pytest.raises(FileFault, match=rf"the Shapefile's \{suffix} part is cut off"):
        read(file)


def archive(tmp_path: Path, *stems: str, drop: tuple[str, ...] = ()) -> Path:
    shape = write(tmp_path / "plain.shp")
    packed = tmp_path / "сгради.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for stem in stems:
            for suffix in (".shp", ".shx", ".dbf", ".prj", ".cpg"):
                if suffix not in drop:
                    file.write(shape.with_suffix(suffix), f"{stem}{suffix}")
    return packed


MANGLED = "сгради".encode("cp866").decode("cp437")


@pytest.mark.parametrize("stem", ["сгради", MANGLED, "София/сгради", "BUILDINGS"])
def test_a_zipped_shapefile_is_found_whatever_its_name(tmp_path: Path, stem: str) -> None:
    crs, batch = read_one(archive(tmp_path, stem))
    assert crs == "EPSG:7801"
    assert batch.columns["име"] == NAMES


def test_an_archive_may_lack_cpg_and_prj(tmp_path: Path) -> None:
    crs, batch = read_one(archive(tmp_path, "a", drop=(".cpg", ".prj")))
    assert crs is None
    assert batch.columns["име"] == NAMES


def test_one_of_several_shapefiles_is_chosen_by_its_real_name(tmp_path: Path) -> None:
    packed = archive(tmp_path, MANGLED, "parcels")
    with pytest.raises(FileFault, match=r"holds 2 layers; say layer = one of сгради\.shp, parcels\.shp"):
        read(packed)
    assert read_one(packed, layer="сгради")[1].columns["име"] == NAMES


def test_an_archive_without_its_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFault, match=r"сгради\.zip: the Shapefile lacks its \.dbf part"):
        read(archive(tmp_path, "a", drop=(".dbf",)))


def test_an_archive_of_something_else_says_what_it_holds(tmp_path: Path) -> None:
    packed = tmp_path / "a.zip"
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("readme.txt", "hello")
    with pytest.raises(FileFault, match=r"the archive holds readme\.txt; wanted is GeoJSON"):
        read(packed)


def test_a_truncated_archive_is_refused(tmp_path: Path) -> None:
    packed = archive(tmp_path, "a")
    packed.write_bytes(packed.read_bytes()[:400])
    with pytest.raises(FileFault, match=r"сгради\.zip: the zip archive is damaged or cut off"):
        read(packed)


def test_nothing_unpacked_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = archive(tmp_path, "a")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    read(packed)
    assert list(scratch.iterdir()) == []


def test_a_geopackage_of_several_layers_asks_which(tmp_path: Path) -> None:
    file = write(tmp_path / "a.gpkg", layer="сгради")
    assert read_one(file)[1].columns["име"] == NAMES
    write(file, layer="имоти", names=["едно"])
    with pytest.raises(FileFault, match="it has several layers; say layer = one of сгради, имоти"):
        read(file)
    with pytest.raises(FileFault, match="it has no layer 'улици'"):
        read(file, layer="улици")
    assert read_one(file, layer="имоти")[1].columns["име"] == ["едно"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"id,name\n1,a\n", "this is plain text; wanted is GeoJSON"),
        (b"<!DOCTYPE html><html>404</html>", "this is a web page; wanted is GeoJSON"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "this is an old Excel or Word document"),
        (b'{"records": []}', "it is JSON, but not whole GeoJSON"),
        (
            b'{"type": "FeatureCollection", "features": [{"type": "Feature", "prop',
            "it is JSON, but not whole GeoJSON",
        ),
    ],
)
def test_a_file_of_another_kind_is_refused_in_words(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "a.geojson"
    file.write_bytes(content)
    with pytest.raises(FileFault, match=said):
        read(file)


def line(number: int, **more: Any) -> str:
    return json.dumps(point(23 + number / 1000, 42, n=number, **more), ensure_ascii=False)


@pytest.mark.parametrize("before", ["", "\x1e", "\ufeff", "\ufeff\x1e"])
@pytest.mark.parametrize("name", ["stops.geojsonl", "stops.geojsons", "stops.json", "stops.geojson", "stops"])
def test_geojson_may_be_a_sequence(tmp_path: Path, before: str, name: str) -> None:
    file = tmp_path / name
    separator = "\x1e" if "\x1e" in before else ""
    file.write_text(before + f"\n{separator}".join([line(1, име="а"), line(2, име="б"), line(3)]) + "\n")
    crs, batch = read_one(file)
    assert crs == "EPSG:4326"
    assert batch.columns == {"n": [1, 2, 3], "име": ["а", "б", None]}
    assert batch.geometry is not None
    assert batch.geometry[2].x == 23.003
    assert batch.problems == []


def test_a_sequence_may_be_gzipped_and_spread_over_lines(tmp_path: Path) -> None:
    file = tmp_path / "a.geojsons.gz"
    spread = [json.dumps(point(23, 42, n=n), indent=1) for n in (1, 2)]
    file.write_bytes(gzip.compress("".join(f"\x1e{each}\n" for each in spread).encode()))
    assert read_one(file)[1].columns == {"n": [1, 2]}


@pytest.mark.parametrize("separator", ["", "\x1e"])
def test_what_is_broken_in_a_sequence_is_reported_not_swallowed(tmp_path: Path, separator: str) -> None:
    file = tmp_path / "a.geojsonl"
    texts = [line(1), '{"type": "Feature", "prop', line(3), '{"a": 1}', "[1, 2]", line(6), line(7)[:-20]]
    file.write_text("".join(f"{separator}{each}\n" for each in texts))
    _, batch = read_one(file)
    assert batch.columns["n"] == [1, 3, 6]
    assert batch.positions == ["record 1", "record 3", "record 6"]
    assert [(each.position, each.rule) for each in batch.problems] == [
        ("record 2", "broken-json"),
        ("record 4", "not-a-record"),
        ("record 5", "not-a-record"),
        ("record 7", "broken-json"),
    ]


def test_lines_that_are_no_features_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.geojsonl"
    file.write_text('{"a": 1}\n{"a": 2}\n')
    with pytest.raises(FileFault, match="it holds no GeoJSON feature; wanted is GeoJSON"):
        read(file)


@pytest.mark.parametrize("driver", ["GPKG", "GeoJSONSeq", "GeoJSON"])
def test_every_kind_comes_in_batches(tmp_path: Path, driver: str) -> None:
    suffix = {"GPKG": "gpkg", "GeoJSONSeq": "geojsonl", "GeoJSON": "geojson"}[driver]
    crs = {} if driver == "GPKG" else {"crs": "EPSG:4326"}
    file = write(tmp_path / f"a.{suffix}", names=["x"] * (BATCH_SIZE + 5), driver=driver, **crs)
    _, batches = read(file)
    assert [len(batch) for batch in batches] == [BATCH_SIZE, 5]
    assert batches[1].columns["етажи"][-1] == BATCH_SIZE + 4
    assert batches[1].positions[-1] == f"record {BATCH_SIZE + 5}"


@pytest.mark.parametrize("size", [30_000, 100_000])
def test_a_flatgeobuf_cut_off_is_refused(tmp_path: Path, size: int) -> None:
    file = write(tmp_path / "a.fgb", names=["x"] * 1000, driver="FlatGeobuf")
    file.write_bytes(file.read_bytes()[:size])
    with pytest.raises(FileFault, match=r"a\.fgb: it is (damaged|cut off) after record"):
        read(file)


@pytest.mark.parametrize(
    ("declared", "code"),
    [
        ("OGC:CRS84", "EPSG:4326"),
        ("EPSG:7415", "EPSG:28992"),
        (
            'PROJCS["BGS_2005_KK",GEOGCS["GCS_BGS2005",DATUM["Bulgaria_Geodetic_System_2005",SPHEROID["GRS_1980",'
            '6378137.0,298.257222101]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],'
            'PROJECTION["Lambert_Conformal_Conic"],PARAMETER["False_Easting",500000.0],'
            'PARAMETER["False_Northing",4725824.3591],PARAMETER["Central_Meridian",25.5],'
            'PARAMETER["Standard_Parallel_1",42.0],PARAMETER["Standard_Parallel_2",43.3333333333333],'
            'PARAMETER["Latitude_Of_Origin",42.6678756833333],UNIT["Meter",1.0]]',
            "EPSG:7801",
        ),
        ("an unknown grid", "an unknown grid"),
        (None, None),
    ],
)
def test_a_declared_crs_becomes_its_code(declared: str | None, code: str | None) -> None:
    assert crs_code(declared) == code


def test_a_text_that_a_shapefile_cut_within_a_letter_is_kept_and_reported(tmp_path: Path) -> None:
    file = write(tmp_path / "a.shp", names=["Шипка" * 20])
    table = file.with_suffix(".dbf")
    content = table.read_bytes()
    # as software leaves it that counts bytes
    table.write_bytes(content.replace("Шип".encode(), b"x" + "Шип".encode()[:-1], 1))
    _, batch = read_one(file)
    assert batch.columns["име"][0].startswith("xШи")
    assert [(each.rule, each.field) for each in batch.problems] == [("broken-encoding", "име")]


def test_a_gzipped_line_with_a_false_checksum_is_refused(tmp_path: Path) -> None:
    feature = {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [23.3, 42.7]},
        "properties": {},
    }
    packed = bytearray(gzip.compress(json.dumps(feature).encode() + b"\n"))
    packed[-6] ^= 1
    (tmp_path / "a.geojson.gz").write_bytes(packed)
    with (
        pytest.raises(FileFault, match="gzip archive is damaged"),
        open_layer(tmp_path / "a.geojson.gz", "vector"),
    ):
        pass
