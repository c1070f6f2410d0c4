"""Ends the work for a caller who has left: a browser that was closed, a client whose patience is over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from starlette.requests import ClientDisconnect
from starlette.types import Receive

T = TypeVar("T")

#: most answers are there sooner, and pay nothing for being watched
_WATCHED_AFTER_S = 0.02


async def unless_gone(receive: Receive, work: Awaitable[T]) -> T:
    """What `work` gives; ClientDisconnect, and the work cancelled, when the caller leaves meanwhile.

    `receive` is the request's, and its body must have been read.
    """
    loop = asyncio.get_running_loop()
    working = asyncio.current_task()
    assert working is not None
    watch: asyncio.Task[None] | None = None
    gone = False

    async def watched() -> None:
        nonlocal gone
        while (await receive())["type"] != "http.disconnect":
            pass
        gone = True
        working.cancel()

    def begin() -> None:
        nonlocal watch
        watch = loop.create_task(watched())

    timer = loop.call_later(_WATCHED_AFTER_S, begin)
    try:
        return await work
    except asyncio.CancelledError:
        if not gone:
            raise
        working.uncancel()
        raise ClientDisconnect from None
    finally:
        timer.cancel()
        if watch is not None:
            watch.cancel()
