"""Ends the work for a caller who has left: a browser that was closed, a client whose patience is over.

A caller who stays but takes nothing of the answer is made to leave: uvicorn runs with the Protocol.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect
from starlette.types import Receive
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

T = TypeVar("T")

#: whoever has waited for so long, or up to twice that, is listened to; most answers are there sooner
_HEARD_AFTER_S = 0.02


async def gone(receive: Receive) -> None:
    """Waits until the caller has left. `receive` is the request's, and its body must have been read."""
    while (await receive())["type"] != "http.disconnect":
        pass


class Departures:
    """Which of the callers that wait for an answer have left.

    Whoever has waited for a while is listened to from then on. One timer finds them all, so that an answer
    that is there sooner pays next to nothing for it.
    """

    def __init__(self) -> None:
        self._new: dict[asyncio.Task[Any], Receive] = {}  #: come since the timer last rang
        self._old: dict[asyncio.Task[Any], Receive] = {}  #: there when it rang
        self._listening: dict[asyncio.Task[Any], asyncio.Task[None]] = {}
        self._left: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def unless_gone(self, receive: Receive, work: Awaitable[T]) -> T:
        """What `work` gives; ClientDisconnect, and the work cancelled, when the caller leaves meanwhile.

        `receive` is as gone() takes it.
        """
        working = asyncio.current_task()
        assert working is not None
        self._new[working] = receive
        if self._timer is None:
            self._set_timer()
        try:
            return await work
        except asyncio.CancelledError:
            if working not in self._left:
                raise
            working.uncancel()
            raise ClientDisconnect from None
        finally:
            if not self._new.pop(working, None) and not self._old.pop(working, None):
                self._left.discard(working)
                self._listening.pop(working).cancel()

    def _set_timer(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(_HEARD_AFTER_S, self._ring) if self._new or self._old else None

    def _ring(self) -> None:
        for working, receive in self._old.items():
            self._listening[working] = asyncio.ensure_future(self._listen(working, receive))
        self._old, self._new = self._new, {}
        self._set_timer()

    async def _listen(self, working: asyncio.Task[Any], receive: Receive) -> None:
        await gone(receive)
        self._left.add(working)
        working.cancel()


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
