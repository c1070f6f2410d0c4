"""What a file really is, told from its first bytes; file names are often wrong or missing.

Every format asks this first, to refuse a wrong file in words instead of in a library's traceback.
"""

from __future__ import annotations

import gzip
import re
import zlib
from pathlib import Path

from loaders.formats import FileFault

HEAD_BYTES = 65_536

KINDS = {
    "zip": "a zip archive",
    "gzip": "a gzip archive",
    "geopackage": "an SQLite or GeoPackage database",
    "flatgeobuf": "a FlatGeobuf file",
    "shapefile": "a Shapefile",
    "osm-pbf": "an OpenStreetMap PBF extract",
    "osm-xml": "an OpenStreetMap XML extract",
    "parquet": "a Parquet file",
    "pdf": "a PDF document",
    "xls": "an old Excel or Word document",
    "html": "a web page",
    "xml": "an XML document",
    "json": "JSON",
    "javascript-json": "JSON assigned to a JavaScript variable",
    "text": "plain text",
    "binary": "binary data of an unknown kind",
}

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\x1f\x8b", "gzip"),
    (b"SQLite format 3\x00", "geopackage"),
    (b"fgb\x03", "flatgeobuf"),
    (b"\x00\x00\x27\x0a", "shapefile"),
    (b"PAR1", "parquet"),
    (b"%PDF", "pdf"),
    (b"\xd0\xcf\x11\xe0", "xls"),
)
_JAVASCRIPT = re.compile(rb"(?:(?:var|let|const)\s+)?[\w$.]+\s*=\s*[{\[]")
_HTML = re.compile(rb"<(?:!doctype\s+html|html)\b", re.IGNORECASE)


def head(path: Path) -> bytes:
    """The first bytes of a file, unpacked when it is gzipped."""
    with path.open("rb") as stream:
        start = stream.read(HEAD_BYTES)
    if not start.startswith(b"\x1f\x8b"):
        return start
    try:
        with gzip.open(path) as stream:
            return stream.read(HEAD_BYTES)
    except (OSError, EOFError, zlib.error) as error:
        raise FileFault("the gzip archive is damaged or cut off", where=path.name) from error


def kind_of(start: bytes) -> str:
    """Which of KINDS some first bytes belong to."""
    for magic, kind in _MAGIC:
        if start.startswith(magic):
            return kind
    if start[4:15] == b"\x0a\x09OSMHeader":
        return "osm-pbf"
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "text"
    # JSON text sequences begin with a record separator.
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n\x1e")
    if text.startswith(b"<"):
        if _HTML.search(text[:2048]):
            return "html"
        return "osm-xml" if re.search(rb"<osm\b", text[:2048]) else "xml"
    if text.startswith((b"{", b"[")):
        return "json"
    if _JAVASCRIPT.match(text):
        return "javascript-json"
    return "binary" if b"\x00" in start else "text"


def refuse(path: Path, kind: str, wanted: str) -> FileFault:
    """The fault to raise for a file of the wrong kind."""
    return FileFault(f"this is {KINDS[kind]}; wanted is {wanted}", where=path.name)
