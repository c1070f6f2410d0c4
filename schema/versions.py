"""What the server knows of each city's last change, so that an answer that still holds is not made again.

The versions are read in the background, never for a request. http.py makes ETags of them,
and app.py those of tiles.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

import orjson

import twin
from twin.database import Reader
from twin.errors import TwinFault
from twin.settings import Settings
from twin.versions import VERSIONS

log = logging.getLogger(__name__)

#: a change is known so long after its commit at the latest; what is known for longer counts for nothing
BOUND_S = 1.0
_EVERY_S = BOUND_S / 2


class Versions:
    """The versions of the cities as they were less than BOUND_S ago, on a connection of their own."""

    def __init__(self, url: str, settings: Settings) -> None:
        self._reader = Reader(url, settings, size=1)
        self._of_answers = _program(settings)
        self._known: dict[str, str] = {}
        self._as_of = float("-inf")
        self._clock = time.monotonic
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        await self._reader.open()
        await self.read()
        self._task = asyncio.create_task(self._keep_reading())

    async def close(self) -> None:
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self._reader.close()

    async def read(self) -> None:
        """Read the versions as they are now."""
        # whatever was committed before this moment is in what comes
        asked = self._clock()
        (found,) = await self._reader.fetch(VERSIONS, [])
        self._known = orjson.loads(found or b"{}")
        self._as_of = asked

    def tag(self, city: str, *parts: bytes) -> str | None:
        """An ETag of the answer to what `parts` ask, which another version of the city's data, or of the
        program, has another of; None while the version is not known."""
        version = self._known.get(city)
        if version is None or self._clock() - self._as_of > BOUND_S:
            return None
        digest = blake2b(self._of_answers, digest_size=16)
        for part in (city.encode(), version.encode(), *parts):
            digest.update(b"%d:" % len(part))
            digest.update(part)
        # weak: between a commit and the next reading, answers of old and of new data have the same
        return f'W/"{digest.hexdigest()}"'

    async def _keep_reading(self) -> None:
        reached = True
        while True:
            await asyncio.sleep(_EVERY_S)
            try:
                await self.read()
                reached = True
            except TwinFault as failed:
                # answers have no ETag meanwhile
                if reached:
                    log.warning("the versions of the cities could not be read: %s", failed)
                reached = False


def holds(known: str, tag: str) -> bool:
    """Whether a caller's If-None-Match has the tag, as weak as caches between may have made it."""
    return tag[2:] in [one.strip().removeprefix("W/") for one in known.split(",")]


def _program(settings: Settings) -> bytes:
    """What else decides how a question is answered: the program that runs, and how it is set."""
    digest = blake2b(repr(settings.page_default).encode())
    for file in sorted([*Path(twin.__file__).parent.rglob("*.py"), *Path(__file__).parent.glob("*.py")]):
        digest.update(file.read_bytes())
    return digest.digest()
