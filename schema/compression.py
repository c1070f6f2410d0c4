"""Answers and streams made smaller for callers who say that they can read it so: zstd, else gzip."""

from __future__ import annotations

import asyncio
import zlib
from contextlib import suppress
from functools import lru_cache
from typing import Protocol

import zstandard

#: below this the headers weigh as much as what is saved
_LEAST_BYTES = 1_000
#: from here on another thread does it: to compress this much holds up everybody else for some 0.3 ms
_LARGE_BYTES = 64_000
#: GeoJSON gets hardly smaller by higher levels, which take many times as long
_GZIP_LEVEL, _ZSTD_LEVEL = 1, 1
_GZIP_WINDOW = 31  #: zlib's largest, with gzip's header


class Compressor(Protocol):
    """Makes what comes piece by piece smaller."""

    def compress(self, data: bytes, /) -> bytes:
        """What can be sent by now, which may be nothing."""

    def flush(self) -> bytes:
        """The rest."""


def coding_for(size: int, accept: bytes) -> str | None:
    """The coding for a body of so many bytes, as an Accept-Encoding wants it; None: as it is."""
    return coding_of(accept) if size >= _LEAST_BYTES else None


async def compressed(body: bytes, coding: str) -> bytes:
    """A body in a coding that coding_for() gives."""
    if len(body) < _LARGE_BYTES:
        return _whole(coding, body)
    return await asyncio.to_thread(_whole, coding, body)


def compressor(coding: str) -> Compressor:
    """One for a stream in a coding that coding_of() gives."""
    if coding == "zstd":
        return zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compressobj()
    return zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP_WINDOW)


@lru_cache(256)
def coding_of(accept: bytes) -> str | None:
    """The coding that an Accept-Encoding wishes for most, of those there are; None where it wants none."""
    wishes: dict[str, float] = {}
    for one in accept.decode("latin-1").lower().split(","):
        name, _, wish = one.partition(";")
        with suppress(ValueError):
            wishes[name.strip()] = float(wish.strip().removeprefix("q=") or 1)
    wanted = {name: wishes.get(name, wishes.get("*", 0.0)) for name in ("zstd", "gzip")}
    best = max(wanted, key=wanted.__getitem__)
    return best if wanted[best] > 0 and wanted[best] >= wishes.get("identity", 0) else None


def _whole(coding: str, body: bytes) -> bytes:
    if coding == "zstd":
        # unlike a stream, its header says how long the whole is
        return zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress(body)
    return zlib.compress(body, _GZIP_LEVEL, _GZIP_WINDOW)
