"""Is a downloaded file what was promised: its first and last bytes against the declared format.

`loaders/web.py` asks before it keeps a file, so that an error page never becomes a city's data.
"""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

from loaders.catalogue.fetching import holds_owners
from loaders.formats.sniff import kind_of

_HEAD_BYTES = 1 << 16
_HTML = re.compile(rb"<(?:!doctype\s+html|html)\b", re.IGNORECASE)
_TITLE = re.compile(rb"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_FEATURES = re.compile(rb'"(?:features|FeatureCollection|Feature)"')

#: ending of the file's name -> what it is called, the bytes that it begins with
_BEGINNINGS: dict[str, tuple[str, tuple[bytes, ...]]] = {
    ".zip": ("a zip archive", (b"PK\x03\x04",)),
    ".xlsx": ("an Excel workbook", (b"PK\x03\x04",)),
    ".xls": ("an Excel workbook", (b"\xd0\xcf\x11\xe0",)),
    ".gz": ("a gzip file", (b"\x1f\x8b",)),
    ".gpkg": ("a GeoPackage", (b"SQLite format 3\x00",)),
    ".fgb": ("a FlatGeobuf file", (b"fgb",)),
    ".parquet": ("a Parquet file", (b"PAR1",)),
    ".xml": ("XML", (b"<",)),
    ".json": ("JSON", (b"{", b"[")),
    ".geojson": ("GeoJSON", (b"{",)),
    ".jsonl": ("JSON lines", (b"{", b"[")),
}
#: text formats that end as they began; what ends otherwise was cut off
_ENDINGS: dict[str, tuple[bytes, ...]] = {
    ".xml": (b">",),
    ".json": (b"}", b"]"),
    ".geojson": (b"}",),
    ".parquet": (b"PAR1",),
}


class WrongContent(Exception):
    """The file is something else than was promised; another try would not help."""


class CutOff(Exception):
    """The file begins well and ends too early; another try may help."""


@dataclass(frozen=True)
class Promise:
    """What a data set's file should be, told from its entry in the catalogue."""

    suffix: str
    format: str

    @property
    def name(self) -> str:
        if self.suffix == ".json" and self.format == "vector":
            return "GeoJSON"
        return _BEGINNINGS[self.suffix][0] if self.suffix in _BEGINNINGS else f"a {self.suffix} file"


def check_content(path: Path, promise: Promise, content_type: str = "") -> None:
    """Raise WrongContent or CutOff, with the end of a sentence that says what the file is instead."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
        stream.seek(max(0, size - 64))
        tail = stream.read().rstrip()
    body = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not body:
        raise WrongContent("answered with an empty file")
    # many servers call everything text/html: that counts only where the bytes tell nothing
    labelled = content_type.startswith("text/html") and promise.suffix not in _BEGINNINGS
    if labelled or (body.startswith(b"<") and _HTML.search(body[:1024])):
        raise WrongContent(f"answered with a web page{_titled(body)} where {promise.name} was expected")
    if promise.name == "GeoJSON" and kind_of(body) == "javascript-json":
        # map pages publish it as a script, which the reader looks into
        body, tail = body[max(body.find(b"{"), 0) :], tail.removesuffix(b";").rstrip()
    beginning = _BEGINNINGS.get(promise.suffix)
    raw = body if beginning and beginning[1][0] in (b"<", b"{") else head
    if beginning and not raw.startswith(beginning[1]):
        raise WrongContent(f"answered with {_shown(raw)} where {promise.name} was expected")
    if promise.suffix == ".pbf" and b"OSMHeader" not in head[:64]:
        raise WrongContent("answered with something else than an OpenStreetMap extract (.pbf)")
    if not beginning and promise.suffix in (".csv", ".tsv", ".txt") and b"\x00" in head:
        raise WrongContent("answered with binary content where text was expected")
    if promise.suffix in _ENDINGS and not tail.endswith(_ENDINGS[promise.suffix]):
        raise CutOff(f"sent {promise.name} that ends in the middle")
    if promise.name == "GeoJSON" and not _FEATURES.search(head):
        raise WrongContent(f"answered with {_shown(body)} where GeoJSON features were expected")
    if promise.suffix == ".zip":
        _check_zip(path, promise)


def _check_zip(path: Path, promise: Promise) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, EOFError) as error:
        raise CutOff("sent a zip archive whose end is missing") from error
    if any(holds_owners(f"{each}.zip") for name in names for each in (name, _from_dos(name))):
        raise WrongContent("answered with an archive of owners' personal data, which is never kept")
    if promise.format == "gtfs" and not any(name.rpartition("/")[2] == "stops.txt" for name in names):
        raise WrongContent("answered with an archive that holds no GTFS timetable (no stops.txt)")


def _from_dos(name: str) -> str:
    """A Cyrillic name that an archive keeps in DOS's code page, which zipfile reads as another."""
    try:
        return name.encode("cp437").decode("cp866")
    except UnicodeError:
        return name


def _titled(body: bytes) -> str:
    found = _TITLE.search(body)
    title = " ".join(found[1].decode("utf-8", "replace").split()) if found else ""
    return f' titled "{_printable(title, 80)}"' if title else ""


def _shown(body: bytes) -> str:
    return f'"{_printable(body[:60].decode("utf-8", "replace"), 60)}"'


def _printable(text: str, most: int) -> str:
    return "".join(each if each.isprintable() else "." for each in text)[:most]
