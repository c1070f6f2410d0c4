"""A web server for the tests of fetching, which answers as well or as badly as a test wants."""

from __future__ import annotations

import datetime as dt
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from loaders.web import Clock

GEOJSON = b'{"type": "FeatureCollection", "features": []}'


@dataclass
class Asked:
    """A request as the server got it."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}


@dataclass
class Answer:
    """What it gets back; `announced` lies about the length, `drip_s` pauses before each of the last bytes."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    announced: int | None = None
    drip_s: float = 0.0
    etag: str | None = None

    @classmethod
    def json(cls, content: Any) -> Answer:
        return cls(json.dumps(content).encode(), headers={"Content-Type": "application/json"})


Route = Answer | list[Answer] | Callable[[Asked], Answer]


class Portal:
    """Routes by path: an answer, answers one after the other (the last for ever), or a function."""

    def __init__(self) -> None:
        self.routes: dict[str, Route] = {}
        self.asked: list[Asked] = []
        portal = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                split = urlsplit(self.path)
                length = int(self.headers.get("Content-Length") or 0)
                asked = Asked(
                    self.command,
                    unquote(split.path),
                    parse_qs(split.query),
                    {name.lower(): value for name, value in self.headers.items()},
                    self.rfile.read(length),
                )
                portal.asked.append(asked)
                portal.answer(asked, self)

            do_POST = do_GET  # noqa: N815 - the names are http.server's

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, asked: Asked, handler: BaseHTTPRequestHandler) -> None:
        route = self.routes.get(asked.path, Answer(b"no such page", 404))
        if isinstance(route, list):
            route = route.pop(0) if len(route) > 1 else route[0]
        answer = route if isinstance(route, Answer) else route(asked)
        if answer.etag and asked.headers.get("if-none-match") == answer.etag:
            answer = Answer(status=304, etag=answer.etag)
        handler.send_response(answer.status)
        for name, value in answer.headers.items():
            handler.send_header(name, value)
        if answer.etag:
            handler.send_header("ETag", answer.etag)
        if answer.status != 304:
            length = len(answer.body) if answer.announced is None else answer.announced
            handler.send_header("Content-Length", str(length))
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.close_connection = True
        try:
            if answer.drip_s:
                for byte in answer.body:
                    handler.wfile.write(bytes([byte]))
                    handler.wfile.flush()
                    time.sleep(answer.drip_s)
            else:
                handler.wfile.write(answer.body)
        except OSError:
            pass  # the client had enough


class StoppedClock(Clock):
    """A clock on which only sleeping takes time, and that remembers each sleep."""

    def __init__(self, day: str = "2026-11-24") -> None:
        self.started = dt.datetime.fromisoformat(f"{day}T06:00:00+00:00")
        self.sleeps: list[float] = []

    def now(self) -> dt.datetime:
        return self.started + dt.timedelta(seconds=sum(self.sleeps))

    def monotonic(self) -> float:
        return sum(self.sleeps)

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
