"""What a loader is told when a file cannot be opened, whatever its format."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import loaders.formats
from loaders.formats import RULES, FileFault, open_layer
from loaders.formats.sniff import kind_of
from twin.errors import BadRequest


def test_a_file_fault_is_something_the_caller_can_mend() -> None:
    assert issubclass(FileFault, BadRequest)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileFault, match=r"districts\.csv: there is no such file in"):
        open_layer(tmp_path / "districts.csv", "tabular")


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "districts.csv"
    file.touch()
    with pytest.raises(FileFault, match=r"districts\.csv: the file is empty"):
        open_layer(file, "tabular")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFault, match="this is a folder"):
        open_layer(tmp_path, "vector")


def test_an_unknown_format_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(FileFault, match=r"format is 'dwg'; allowed are vector, tabular"):
        open_layer(tmp_path / "plan.dwg", "dwg")


def test_an_unknown_option_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(FileFault, match=r"vector has no option layr; it has layer, encoding"):
        open_layer(tmp_path / "a.gpkg", "vector", layr="x")


def test_a_needed_option_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(FileFault, match="gtfs needs the option table"):
        open_layer(tmp_path / "a.zip", "gtfs")


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"PK\x03\x04rest", "zip"),
        (b"SQLite format 3\x00", "geopackage"),
        (b"fgb\x03fgb\x00", "flatgeobuf"),
        (b"\x00\x00\x27\x0a\x00", "shapefile"),
        (b"\x00\x00\x00\x0d\x0a\x09OSMHeader", "osm-pbf"),
        (b'<?xml version="1.0"?>\n<osm version="0.6">', "osm-xml"),
        (b'\xef\xbb\xbf<?xml version="1.0"?><Message><Header/><Body/></Message>', "xml"),
        (b"<!DOCTYPE html><html>", "html"),
        (b'\n {"type": 1}', "json"),
        (b"var lines = {", "javascript-json"),
        (b"id,name\n", "text"),
        ("id;име\n".encode("utf-16"), "text"),
        (b"\x01\x00\x02", "binary"),
    ],
)
def test_a_file_is_known_by_its_first_bytes(start: bytes, kind: str) -> None:
    assert kind_of(start) == kind


def test_every_rule_that_a_reader_reports_is_explained() -> None:
    folder = Path(loaders.formats.__file__).parent
    used = {
        rule
        for file in folder.glob("*.py")
        for rule in re.findall(
            r'(?:Problem\([^,()]+(?:\([^()]*\))?|_ragged\()(?:, )?"([a-z-]+)"', file.read_text()
        )
    }
    assert used <= RULES.keys()
    assert {"ragged-line", "bad-coordinate", "area-not-assembled"} <= used
