"""Ends the work for a caller who has left: a browser that was closed, a client whose patience is over.

A caller who stays but takes nothing of the answer is made to leave: uvicorn runs with the Protocol.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from starlette.requests import ClientDisconnect
from starlette.types import Receive
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

T = TypeVar("T")

#: most answers are there sooner, and pay nothing for being watched
_WATCHED_AFTER_S = 0.02


async def gone(receive: Receive) -> None:
    """Waits until the caller has left. `receive` is the request's, and its body must have been read."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def unless_gone(receive: Receive, work: Awaitable[T]) -> T:
    """What `work` gives; ClientDisconnect, and the work cancelled, when the caller leaves meanwhile.

    `receive` is as gone() takes it.
    """
    loop = asyncio.get_running_loop()
    working = asyncio.current_task()
    assert working is not None
    watch: asyncio.Task[None] | None = None
    has_left = False

    async def watched() -> None:
        nonlocal has_left
        await gone(receive)
        has_left = True
        working.cancel()

    def begin() -> None:
        nonlocal watch
        watch = loop.create_task(watched())

    timer = loop.call_later(_WATCHED_AFTER_S, begin)
    try:
        return await work
    except asyncio.CancelledError:
        if not has_left:
            raise
        working.uncancel()
        raise ClientDisconnect from None
    finally:
        timer.cancel()
        if watch is not None:
            watch.cancel()


class Protocol(HttpToolsProtocol):
    """A connection that is ended when its caller takes nothing of what was sent for `write_timeout_s`.

    That is in the application's lifespan state. Without it, whoever does not read would keep whole answers in
    our memory, and streams from others, for as long as they stay connected.
    """

    _watch: asyncio.TimerHandle | None = None
    _left_bytes = 0  #: what the caller had not taken when the watch began

    def pause_writing(self) -> None:
        """The caller takes less than is sent."""
        super().pause_writing()
        self._begin()

    def resume_writing(self) -> None:
        """The caller has taken what there was."""
        self._end()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """The caller has left, or was made to."""
        self._end()
        super().connection_lost(exc)

    def _begin(self) -> None:
        self._left_bytes = self.transport.get_write_buffer_size()
        self._watch = self.loop.call_later(self.app_state["write_timeout_s"], self._look)

    def _end(self) -> None:
        if self._watch is not None:
            self._watch.cancel()

    def _look(self) -> None:
        if self.transport.get_write_buffer_size() < self._left_bytes:
            self._begin()
        else:
            self.transport.abort()  # to close it would wait for the caller
