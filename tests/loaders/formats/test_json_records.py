"""Records inside JSON, one file or one line each."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from loaders.formats import BATCH_SIZE, Batch, FileFault, open_layer


def file_of(tmp_path: Path, content: Any, name: str = "outlets.json") -> Path:
    file = tmp_path / name
    file.write_text(content if isinstance(content, str) else json.dumps(content, ensure_ascii=False))
    return file


def read_all(file: Path, **options: Any) -> list[Batch]:
    with open_layer(file, "json_records", **options) as layer:
        assert layer.columns == ()
        assert layer.crs is None
        return list(layer.batches)


def read(file: Path, **options: Any) -> Batch:
    [batch] = read_all(file, **options)
    return batch


def test_nested_objects_become_dotted_columns_and_lists_stay_whole(tmp_path: Path) -> None:
    record = {
        "atp": {"tags": {"addr:street_address": "ул. Шипка 6"}},
        "days": [1, 2],
        "dist": 19.7,
        "open": True,
    }
    batch = read(file_of(tmp_path, {"metadata": {}, "data": [record, {"dist": None}]}), records="data")
    assert batch.columns == {
        "atp.tags.addr:street_address": ["ул. Шипка 6", None],
        "days": [[1, 2], None],
        "dist": [19.7, None],
        "open": [True, None],
    }
    assert batch.positions == ["record 1", "record 2"]


def test_a_null_in_place_of_an_object_is_no_column(tmp_path: Path) -> None:
    batch = read(file_of(tmp_path, [{"osm": None, "id": 1}, {"osm": {"id": 5}, "id": 2}]))
    assert batch.columns == {"id": [1, 2], "osm.id": [None, 5]}


def test_points_come_from_the_first_column_that_is_filled(tmp_path: Path) -> None:
    records = [
        {"atp": {"at": [42.5, 23.1]}, "osm": {"at": [42.6, 23.2]}},
        {"atp": None, "osm": {"at": [42.6, 23.2]}},
        {"atp": {"at": []}, "osm": None},
        {"atp": {"at": [42.5]}},
    ]
    batch = read(file_of(tmp_path, {"data": records}), records="data", latlon=["atp.at", "osm.at"])
    assert batch.geometry is not None
    assert [(each.x, each.y) if each else None for each in batch.geometry] == [
        (23.1, 42.5),
        (23.2, 42.6),
        None,
        None,
    ]
    assert [(each.position, each.rule) for each in batch.problems] == [("record 4", "bad-coordinate")]


def test_points_come_from_two_columns(tmp_path: Path) -> None:
    batch = read(file_of(tmp_path, [{"lon": 23.1, "lat": "42.5"}, {"lon": 23.1}]), lonlat=["lon", "lat"])
    assert batch.geometry is not None
    assert (batch.geometry[0].x, batch.geometry[0].y) == (23.1, 42.5)
    assert batch.geometry[1] is None


@pytest.mark.parametrize("name", ["permits.jsonl", "permits.json", "permits.jsonl.gz"])
def test_json_lines_are_read_by_line(tmp_path: Path, name: str) -> None:
    text = '{"id": 1, "x": {"y": 2}}\n\n{"id": 2}\nnot json\n[1]\n'
    file = tmp_path / name
    file.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    batch = read(file)
    assert batch.columns == {"id": [1, 2], "x.y": [2, None]}
    assert batch.positions == ["line 1", "line 3"]
    assert [(each.position, each.rule) for each in batch.problems] == [
        ("line 4", "broken-json"),
        ("line 5", "not-a-record"),
    ]


def test_problems_of_a_file_without_records_are_still_told(tmp_path: Path) -> None:
    batch = read(file_of(tmp_path, "{oops}\n", "a.jsonl"))
    assert len(batch) == 0
    assert [each.rule for each in batch.problems] == ["broken-json"]


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_bytes(b"\xef\xbb\xbf" + b'{"data": [{"id": 1}]}')
    assert read(file, records="data").columns == {"id": [1]}


def test_a_large_file_comes_in_batches(tmp_path: Path) -> None:
    batches = read_all(file_of(tmp_path, [{"id": number} for number in range(BATCH_SIZE + 1)]))
    assert [(len(batch), batch.positions[-1]) for batch in batches] == [
        (BATCH_SIZE, f"record {BATCH_SIZE}"),
        (1, f"record {BATCH_SIZE + 1}"),
    ]


def test_an_object_asks_where_its_records_are(tmp_path: Path) -> None:
    file = file_of(tmp_path, {"meta": {"keys": ["a"]}, "data": [{"id": 1, "l": [1]}]})
    with pytest.raises(FileFault, match=r"say where the records are: records = 'meta\.keys' or 'data'"):
        read(file)
    with pytest.raises(
        FileFault, match=r"there is no list at records = 'rows'; lists are at \['meta\.keys', 'data'\]"
    ):
        read(file, records="rows")


def test_an_empty_list_is_no_fault(tmp_path: Path) -> None:
    assert read_all(file_of(tmp_path, {"data": []}), records="data") == []
    assert read_all(file_of(tmp_path, [])) == []


@pytest.mark.parametrize("text", ['{"data": [{"id": 1}, {"id"', '{"data": [{"id": 1} {"id": 2}]}'])
def test_broken_json_says_how_far_it_could_be_read(tmp_path: Path, text: str) -> None:
    with pytest.raises(FileFault, match=r"outlets\.json: the JSON is broken or cut off after record 1"):
        read(file_of(tmp_path, text), records="data")


def test_a_table_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(FileFault, match="this is plain text; wanted is JSON"):
        read(file_of(tmp_path, "id,name\n1,a\n"))


def test_json_nested_without_end_is_refused_before_it_takes_all_memory(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text('[{"a": ' + "[" * 200_000 + "]" * 200_000 + "}]")
    with pytest.raises(FileFault, match="the JSON is nested deeper than 500 levels"):
        read(file)


def test_brackets_within_texts_are_no_levels(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text(json.dumps([{"a": '"[{\\' * 400}] * 500))
    assert len(read(file)) == 500


def test_text_that_is_no_utf_8_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_bytes(b'[{"a": 1}, {"\xff": 2}]')
    with pytest.raises(FileFault, match="the JSON is broken or cut off after record 1"):
        read(file)
