"""GeoParquet files, with the layout of Overture's buildings as the example of nested columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from pyproj import CRS

from loaders.formats import BATCH_SIZE, Batch, FileFault, open_layer

SQUARE = shapely.box(23.32, 42.69, 23.33, 42.7)


def write(path: Path, table: pa.Table, geo: dict[str, Any] | None = None, **options: Any) -> Path:
    if geo is not None:
        table = table.replace_schema_metadata({"geo": json.dumps(geo)})
    pq.write_table(table, path, **options)
    return path


def geo(name: str = "geometry", **more: Any) -> dict[str, Any]:
    columns = {name: {"encoding": "WKB", "geometry_types": ["Polygon"], **more}}
    return {"version": "1.1.0", "primary_column": name, "columns": columns}


def plain(n: int = 1, shapes: list[bytes | None] | None = None) -> pa.Table:
    return pa.table(
        {"n": pa.array(range(n)), "geometry": pa.array(shapes or [shapely.to_wkb(SQUARE)] * n, pa.binary())}
    )


def overture(path: Path) -> Path:
    """Two buildings as Overture publishes them: one with everything, one with hardly anything."""
    source = pa.struct(
        [
            ("property", pa.string()),
            ("dataset", pa.string()),
            ("record_id", pa.string()),
            ("confidence", pa.float64()),
        ]
    )
    names = pa.struct(
        [
            ("primary", pa.string()),
            ("common", pa.map_(pa.string(), pa.string())),
            ("rules", pa.list_(pa.struct([("variant", pa.string()), ("value", pa.string())]))),
        ]
    )
    bbox = pa.struct([(name, pa.float32()) for name in ("xmin", "xmax", "ymin", "ymax")])
    schema = pa.schema(
        [
            ("id", pa.string()), ("geometry", pa.binary()), ("bbox", bbox), ("version", pa.int32()),
            ("sources", pa.list_(source)), ("level", pa.int32()), ("subtype", pa.string()), ("class", pa.string()),
            ("height", pa.float64()), ("names", names), ("has_parts", pa.bool_()), ("is_underground", pa.bool_()),
            ("num_floors", pa.int32()), ("facade_color", pa.string()),
        ]
    )  # fmt: skip
    rows: list[dict[str, Any]] = [
        {
            "id": "08b1e", "geometry": shapely.to_wkb(SQUARE), "version": 1, "subtype": "education", "class": "school",
            "bbox": {"xmin": 23.25, "xmax": 23.5, "ymin": 42.5, "ymax": 42.75}, "height": 12.5, "num_floors": 4,
            "sources": [{"property": "", "dataset": "OpenStreetMap", "record_id": "w1@2", "confidence": None}],
            "names": {"primary": "Първо училище", "common": [("en", "First School")], "rules": None},
            "has_parts": False, "is_underground": False,
        },
        {"id": "08b1f", "geometry": shapely.to_wkb(SQUARE), "version": 1, "sources": []},
    ]  # fmt: skip
    return write(path, pa.Table.from_pylist(rows, schema), geo(covering={"bbox": {"xmin": ["bbox", "xmin"]}}))


def read(path: Path, **options: Any) -> tuple[str | None, Batch]:
    with open_layer(path, "parquet", **options) as layer:
        [batch] = layer.batches
        assert tuple(batch.columns) == layer.columns
        return layer.crs, batch


def test_overtures_buildings_lie_flat(tmp_path: Path) -> None:
    crs, batch = read(overture(tmp_path / "part-0001.zstd.parquet"))
    assert crs == "EPSG:4326"
    assert batch.positions == ["record 1", "record 2"]
    assert batch.problems == []
    assert batch.geometry is not None
    assert [each.equals(SQUARE) for each in batch.geometry] == [True, True]
    assert batch.columns["id"] == ["08b1e", "08b1f"]
    assert batch.columns["names.primary"] == ["Първо училище", None]
    assert batch.columns["names.common"] == [{"en": "First School"}, None]
    assert batch.columns["height"] == [12.5, None]
    assert batch.columns["num_floors"] == [4, None]
    assert batch.columns["class"] == ["school", None]
    assert batch.columns["bbox.xmin"] == [23.25, None]
    assert [[each["dataset"] for each in sources] for sources in batch.columns["sources"]] == [
        ["OpenStreetMap"],
        [],
    ]
    assert "geometry" not in batch.columns


@pytest.mark.parametrize(
    ("more", "crs"),
    [
        ({}, "EPSG:4326"),
        ({"crs": None}, None),
        ({"crs": CRS.from_epsg(7801).to_json_dict()}, "EPSG:7801"),
        ({"crs": CRS.from_user_input("OGC:CRS84").to_json_dict()}, "EPSG:4326"),
        ({"crs": CRS.from_epsg(7415).to_json_dict()}, "EPSG:28992"),
    ],
)
def test_the_crs_is_what_the_metadata_say(tmp_path: Path, more: dict[str, Any], crs: str | None) -> None:
    assert read(write(tmp_path / "a.parquet", plain(), geo(**more)))[0] == crs


def test_row_groups_come_in_batches(tmp_path: Path) -> None:
    file = write(tmp_path / "a.parquet", plain(BATCH_SIZE * 2 + 5), geo(), row_group_size=BATCH_SIZE + 3)
    with open_layer(file, "parquet") as layer:
        lots = list(layer.batches)
    assert max(map(len, lots)) <= BATCH_SIZE
    assert [n for lot in lots for n in lot.columns["n"]] == list(range(BATCH_SIZE * 2 + 5))
    assert lots[-1].positions[-1] == f"record {BATCH_SIZE * 2 + 5}"


def test_a_shape_that_cannot_be_decoded_is_reported(tmp_path: Path) -> None:
    _, batch = read(
        write(tmp_path / "a.parquet", plain(3, [shapely.to_wkb(SQUARE), b"\x01\x03", None]), geo())
    )
    assert batch.geometry is not None
    assert [each is None for each in batch.geometry] == [False, True, True]
    assert [(each.position, each.rule) for each in batch.problems] == [
        ("record 2", "invalid-geometry-encoding")
    ]


def test_a_table_without_metadata_has_shapes_where_the_caller_says(tmp_path: Path) -> None:
    file = write(tmp_path / "a.parquet", plain())
    crs, batch = read(file)
    assert crs is None
    assert batch.geometry is None
    crs, batch = read(file, geometry="geometry")
    assert crs is None
    assert batch.geometry is not None
    assert batch.geometry[0].equals(SQUARE)
    with pytest.raises(FileFault, match="there is no column 'shape'; there are n, geometry"):
        read(file, geometry="shape")


def test_another_column_of_shapes_can_be_chosen(tmp_path: Path) -> None:
    table = plain().append_column("entrance", pa.array([shapely.to_wkb(shapely.Point(1, 2))]))
    said = geo()
    said["columns"]["entrance"] = {"encoding": "WKB", "geometry_types": [], "crs": None}
    file = write(tmp_path / "a.parquet", table, said)
    _, batch = read(file)
    assert batch.columns == {"n": [0]}
    crs, batch = read(file, geometry="entrance")
    assert crs is None
    assert batch.geometry is not None
    assert batch.geometry[0].equals(shapely.Point(1, 2))


def test_other_encodings_and_broken_metadata_are_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "a.parquet", plain(), geo(encoding="polygon"))
    with pytest.raises(FileFault, match="the shapes in 'geometry' are encoded as polygon; wanted is WKB"):
        read(file)
    table = plain().replace_schema_metadata({"geo": b"{"})
    with pytest.raises(FileFault, match="its 'geo' metadata cannot be read"):
        read(write(tmp_path / "b.parquet", table))


def test_what_is_no_parquet_or_cut_off_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "a.parquet", plain(5000), geo())
    content = file.read_bytes()
    file.write_bytes(content[:3000])
    with pytest.raises(FileFault, match=r"a\.parquet: it is damaged or cut off after record 0"):
        read(file)
    file.write_bytes(content[:300] + b"\xff" * 2000 + content[2300:])
    with pytest.raises(FileFault, match="it is damaged or cut off after record 0"):
        read(file)
    file.write_text("id,name\n")
    with pytest.raises(FileFault, match="this is plain text; wanted is a GeoParquet"):
        read(file)


def test_a_fault_of_the_caller_is_not_taken_for_the_files(tmp_path: Path) -> None:
    file = write(tmp_path / "a.parquet", plain(), geo())
    with pytest.raises(OSError, match="disk full"), open_layer(file, "parquet"):
        raise OSError("disk full")


def test_text_that_is_no_text_is_refused(tmp_path: Path) -> None:
    table = pa.table({"name": pa.array([b"\xa1"], pa.binary()).view(pa.string())})
    with pytest.raises(FileFault, match="it is damaged or cut off after record 0: 'utf-8' codec"):
        read(write(tmp_path / "a.parquet", table))
