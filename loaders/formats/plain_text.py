"""Opening text files that may be packed, may begin with a byte-order mark and may be in an old encoding."""

from __future__ import annotations

import codecs
import gzip
import io
import lzma
import re
import struct
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO, TextIO, cast

import ijson
import numpy as np

from loaders.formats import FileFault

# Bulgarian offices that do not write UTF-8 write Windows Cyrillic.
LEGACY_ENCODING = "cp1251"
BOM = codecs.BOM_UTF8

#: what Python's own library raises on a zip archive that is damaged, encrypted or packed in an unusual way
ZIP_DAMAGE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError, RuntimeError, ValueError,
    OverflowError,
)  # fmt: skip

#: what ijson raises on JSON that is none
JSON_DAMAGE = (ijson.JSONError, UnicodeDecodeError)
#: JSON is refused when it is nested deeper: ijson names each place by all that is above it, and 200,000
#: brackets in a row took all memory
DEEPEST_LEVEL = 500

_JSON_TEXT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_STEPS = np.zeros(256, np.int8)
_STEPS[[ord("["), ord("{")]], _STEPS[[ord("]"), ord("}")]] = 1, -1
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def open_bytes(path: Path) -> BinaryIO:
    """Open a file for reading bytes, unpacking it when it is gzipped."""
    with path.open("rb") as stream:
        zipped = stream.read(2) == b"\x1f\x8b"
    return cast(BinaryIO, gzip.open(path) if zipped else path.open("rb"))


def open_text(path: Path, encoding: str) -> TextIO:
    """Open a file for reading text with its line ends untouched, unpacking it when it is gzipped."""
    return io.TextIOWrapper(open_bytes(path), encoding=encoding, newline="")


def encoding_of(path: Path, start: bytes, asked: str | None) -> str:
    """The character encoding of a text: the one asked for, else its mark's, else UTF-8 where that fits."""
    if asked is not None:
        try:
            name = codecs.lookup(asked).name
        except LookupError as error:
            raise FileFault(
                f"encoding {asked!r} is unknown; try utf-8 or {LEGACY_ENCODING}", where=path.name
            ) from error
        return "utf-8-sig" if name == "utf-8" else name
    for mark, name in _BOMS:
        if start.startswith(mark):
            return name
    try:
        # The first bytes may end within a character, so the last one may stay open.
        codecs.getincrementaldecoder("utf-8")().decode(start, final=False)
    except UnicodeDecodeError:
        return LEGACY_ENCODING
    return "utf-8-sig"


def check_depth(path: Path) -> None:
    """Refuse JSON that is nested more deeply than anything that is published."""
    depth = 0
    with open_bytes(path) as stream:
        try:
            while block := stream.read(8192):
                opened = block.count(b"[") + block.count(b"{")
                depth = max(depth + opened - block.count(b"]") - block.count(b"}"), 0)
                # brackets within texts count here, so this is only a suspicion
                if depth > DEEPEST_LEVEL:
                    break
            else:
                return
            stream.seek(0)
            if _deepest(stream) > DEEPEST_LEVEL:
                raise FileFault(f"the JSON is nested deeper than {DEEPEST_LEVEL} levels", where=path.name)
        except (OSError, EOFError, zlib.error) as error:
            raise FileFault("the gzip archive is damaged or cut off", where=path.name) from error


def _deepest(stream: BinaryIO) -> int:
    """How deeply a JSON document is nested, texts left out."""
    depth = deepest = 0
    rest = b""
    while (block := stream.read(1 << 16)) and len(rest) < 16 << 20:
        bare = _JSON_TEXT.sub(b"", rest + block)
        whole, quote, rest = bare.partition(b'"')
        rest = quote + rest
        levels = depth + np.cumsum(_STEPS[np.frombuffer(whole, np.uint8)], dtype=np.int64)
        if len(levels):
            depth, deepest = int(levels[-1]), max(deepest, int(levels.max()))
    return deepest
