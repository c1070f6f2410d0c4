"""Opening text files that may be packed, may begin with a byte-order mark and may be in an old encoding."""

from __future__ import annotations

import codecs
import gzip
import io
import lzma
import struct
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from loaders.formats import FileFault

# Bulgarian offices that do not write UTF-8 write Windows Cyrillic.
LEGACY_ENCODING = "cp1251"
BOM = codecs.BOM_UTF8

#: what Python's own library raises on a zip archive that is damaged, encrypted or packed in an unusual way
ZIP_DAMAGE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError, RuntimeError, ValueError,
    OverflowError,
)  # fmt: skip

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
