"""Text tables as offices export them: marks, separators, ragged lines, coordinates."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from loaders.formats import BATCH_SIZE, Batch, FileFault, open_layer


def table(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    file = tmp_path / "table.csv"
    file.write_bytes(text.encode(encoding))
    return file


def read(file: Path, **options: Any) -> Batch:
    with open_layer(file, "tabular", **options) as layer:
        [batch] = layer.batches
    return batch


def test_values_stay_as_published_and_header_names_lose_their_padding(tmp_path: Path) -> None:
    batch = read(table(tmp_path, "name   ,code \nСредец  ,68134-01\n"))
    assert batch.columns == {"name": ["Средец  "], "code": ["68134-01"]}
    assert batch.positions == ["line 2"]
    assert batch.geometry is None


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found_out(tmp_path: Path, separator: str) -> None:
    lines = [["id", "name"], ["1", '"a,b;c"' if separator != "\t" else "x"], ["2", "y"]]
    batch = read(table(tmp_path, "\n".join(separator.join(line) for line in lines)))
    assert list(batch.columns) == ["id", "name"]


def test_the_separator_may_be_given(tmp_path: Path) -> None:
    assert list(read(table(tmp_path, "a,b;c,d\n1,2;3,4\n"), separator=";").columns) == ["a,b", "c,d"]


def test_one_column_needs_no_separator(tmp_path: Path) -> None:
    assert read(table(tmp_path, "name\nСредец\nЛюлин\n")).columns == {"name": ["Средец", "Люлин"]}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1251"])
def test_the_encoding_is_found_out(tmp_path: Path, encoding: str) -> None:
    assert read(table(tmp_path, "име,код\r\nСредец,1\r\n", encoding)).columns == {
        "име": ["Средец"],
        "код": ["1"],
    }


def test_an_encoding_may_be_given(tmp_path: Path) -> None:
    file = table(tmp_path, "име,код\nСредец,1\n", "cp866")
    assert read(file, encoding="cp866").columns["име"] == ["Средец"]
    with pytest.raises(FileFault, match="encoding 'klingon' is unknown"):
        read(file, encoding="klingon")


def test_a_letter_that_does_not_fit_is_named_by_its_line(tmp_path: Path) -> None:
    lines = "id,name\n" + "1,a\n" * 30_000
    file = tmp_path / "table.csv"
    file.write_bytes(lines.encode() + "2,Средец\n".encode("cp1251"))
    wrong = pytest.raises(FileFault, match=r"after line \d+ the text is not utf-8; say which encoding")
    with wrong, open_layer(file, "tabular") as layer:
        list(layer.batches)


def test_short_and_long_lines_are_kept_and_reported(tmp_path: Path) -> None:
    batch = read(table(tmp_path, "a,b,c\n1,2,3\n4\n5,6,7,8\n"))
    assert batch.columns == {"a": ["1", "4", "5"], "b": ["2", None, "6"], "c": ["3", None, "7"]}
    assert batch.problems == [
        ("line 3", "ragged-line", "1 field under 3 headers"),
        ("line 4", "ragged-line", "4 fields under 3 headers"),
    ]


def test_separators_at_the_end_of_every_line_are_reported_once(tmp_path: Path) -> None:
    batch = read(table(tmp_path, "Lat,Long\r\n42.7,23.3,\r\n42.8,23.4,\r\n"))
    assert batch.columns == {"Lat": ["42.7", "42.8"], "Long": ["23.3", "23.4"]}
    assert batch.problems == [("line 2", "trailing-separator", "3 fields under 2 headers")]


def test_nameless_and_repeated_columns_get_names(tmp_path: Path) -> None:
    batch = read(table(tmp_path, "Танци,,Танци\n1,2,3\n"))
    assert batch.columns == {"Танци": ["1"], "column_2": ["2"], "Танци_2": ["3"]}
    assert batch.problems == [("line 1", "duplicate-column", "Танци")]


def test_a_header_of_very_many_repeated_columns_is_read_like_any_other(tmp_path: Path) -> None:
    columns = 50_000
    batch = read(table(tmp_path, f"{',a' * columns}\n{',1' * columns}\n"))
    assert list(batch.columns)[-1] == f"a_{columns}"
    assert len(batch.problems) == columns - 1


def test_a_record_over_several_lines_stands_where_it_begins(tmp_path: Path) -> None:
    batch = read(table(tmp_path, 'id,text\n1,"two\nlines"\n\n2,x\n'))
    assert batch.columns["text"] == ["two\nlines", "x"]
    assert batch.positions == ["line 2", "line 5"]


def test_captions_above_the_header_can_be_skipped(tmp_path: Path) -> None:
    batch = read(table(tmp_path, "ЕКАТТЕ към 2014 г.\nekatte,name\n68134,София\n"), skip_lines=1)
    assert batch.columns == {"ekatte": ["68134"], "name": ["София"]}
    assert batch.positions == ["line 3"]


def test_a_quote_left_open_is_named_by_its_line(tmp_path: Path) -> None:
    text = 'a,b\n1,2\n3,"' + "x" * 200_000 + "\n"
    with pytest.raises(FileFault, match=r"line 3 cannot be read: .*is a quote left open"):
        read(table(tmp_path, text))


def test_points_are_made_of_two_columns(tmp_path: Path) -> None:
    batch = read(
        table(tmp_path, "lat,lng\n42.66,23.41\n,\n42.66,изток\n42.66,\n991,23\nnan,23\n"),
        lonlat=["lng", "lat"],
    )
    assert batch.geometry is not None
    assert (batch.geometry[0].x, batch.geometry[0].y) == (23.41, 42.66)
    assert list(batch.geometry[1:]) == [None] * 5
    assert [(each.position, each.rule) for each in batch.problems] == [
        (f"line {number}", "bad-coordinate") for number in (4, 5, 6, 7)
    ]


def test_points_are_made_of_one_column_with_the_latitude_first(tmp_path: Path) -> None:
    batch = read(table(tmp_path, 'firm;geo\na;"43.45330,28.55529"\nb;\nc;near the sea\n'), latlon="geo")
    assert batch.geometry is not None
    assert (batch.geometry[0].x, batch.geometry[0].y) == (28.55529, 43.4533)
    assert list(batch.geometry[1:]) == [None, None]
    assert [each.position for each in batch.problems] == ["line 4"]


def test_a_missing_coordinate_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileFault, match=r"table\.csv: there is no column lng; there are lat, lon"):
        read(table(tmp_path, "lat,lon\n1,2\n"), lonlat=["lng", "lat"])


def test_a_large_table_comes_in_batches(tmp_path: Path) -> None:
    file = table(tmp_path, "id\n" + "\n".join(str(number) for number in range(BATCH_SIZE + 1)))
    with open_layer(file, "tabular") as layer:
        assert layer.columns == ("id",)
        sizes = [(len(batch), batch.positions[0]) for batch in layer.batches]
    assert sizes == [(BATCH_SIZE, "line 2"), (1, f"line {BATCH_SIZE + 2}")]


def test_a_table_may_be_gzipped(tmp_path: Path) -> None:
    file = tmp_path / "a.csv.gz"
    file.write_bytes(gzip.compress(b"id,n\n1,2\n"))
    assert read(file).columns == {"id": ["1"], "n": ["2"]}


def test_a_gzip_cut_off_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.csv.gz"
    packed = gzip.compress("".join(f"{number * 7919}\n" for number in range(200_000)).encode())
    file.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(FileFault, match="damaged or cut off"), open_layer(file, "tabular") as layer:
        list(layer.batches)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04....", "this is a zip archive; wanted is a table of text"),
        (b"\xd0\xcf\x11\xe0....", "this is an old Excel or Word document"),
        (b"<html></html>", "this is a web page"),
        (b'{"a": 1}', "this is JSON"),
        (b"\x00\x01\x02", "this is binary data"),
        (b"\n\n", "there is no header line"),
    ],
)
def test_a_file_of_another_kind_is_refused_in_words(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(content)
    with pytest.raises(FileFault, match=said):
        read(file)
