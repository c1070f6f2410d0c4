"""GraphQL over HTTP, whole: app.py puts it in front of Starlette, so that a request meets nothing else.

The rules are those of the GraphQL over HTTP specification; `make test` runs its audits against a server.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import lru_cache, partial
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from schema import stream
from schema.callers import Caller
from schema.compression import coding_for, coding_of, compressed
from schema.execute import Answer, Prepared
from schema.mutations import NotAllowed, curator_of
from schema.persisted import Listed, NotListed, Operations
from schema.served import Served
from schema.versions import holds
from twin.database import City, Overloaded, Unreachable
from twin.errors import BadRequest

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"
_PATH = "/graphql"
#: the data are open: pages of any site may ask, and an answer kept by a cache serves them too
_FOR_ALL = [(b"access-control-allow-origin", b"*"), (b"vary", b"accept, accept-encoding")]
_NOT_KEPT = (b"cache-control", b"no-store")
#: of more bytes, to put a body together takes longer than to send its pieces one by one
_LONG = 100_000
_TYPES = {kind: (b"content-type", kind.encode()) for kind in (JSON, GRAPHQL)}
_READS = ("GET", "HEAD")
#: a GET names few parameters; more are no request of ours
_MOST_PARAMETERS = 20

_NAMES_A_DOCUMENT = re.compile(rb"(?:^|&)(?:query|extensions|documentId|operation)=")

Headers = Mapping[bytes, bytes]


class Refusal(HTTPException):
    """A request that is not carried out; `code` is the GraphQL error's, where clients know one."""

    def __init__(
        self, status: int, message: str, *, code: str | None = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(status, message, headers)
        self.code = code


class Request(NamedTuple):
    """What a caller asks, as sent: its parts have the kinds that GraphQL over HTTP says."""

    query: str
    variables: dict[str, Any] | None
    operation: str | None
    dry_run: bool = False  #: whether only to say what it would take
    tell_cost: bool = False  #: whether to say what it may have cost


class Exchange(NamedTuple):
    """A request, who sends it how, and the city that it means."""

    served: Served
    city: City
    scope: Scope
    headers: Headers
    kind: str  #: the media type of the answer
    asked: Request
    caller: Caller
    receive: Receive

    @property
    def posted(self) -> bool:
        """Whether it came by POST."""
        return bool(self.scope["method"] == "POST")


class Reply(NamedTuple):
    """What goes back. Not to be kept, unless its headers say so."""

    status: int
    pieces: tuple[bytes, ...]
    headers: Mapping[str, str] | None = None
    sure: bool = False  #: whether 400 is 400 also for those who do not accept GraphQL's media type


class GraphQLOverHTTP:
    """The ASGI application that answers at /graphql and /{city}/graphql, and leaves all else to another.

    That other also gets what is for people, the GraphiQL page, and a browser's question whether it may ask.
    """

    def __init__(self, app: Starlette) -> None:
        self.app = app
        self.state = app.state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        city = _city_of(scope["path"]) if scope["type"] == "http" else None
        if city is None:
            await self.app(scope, receive, send)
            return
        method, headers = scope["method"], _headers_of(scope["headers"])
        for_a_browser = (
            _is_for_people(scope, headers)
            if method in _READS
            else b"access-control-request-method" in headers
        )
        if for_a_browser:
            await self.app(scope, receive, send)
            return
        served: Served = self.state.served
        kind = media_type(headers.get(b"accept", b""))
        streams = kind == stream.NDJSON
        if streams:
            kind = GRAPHQL  # of what is wrong before the first line
        try:
            if kind is None:
                raise Refusal(406, f"accept names none of {GRAPHQL}, {JSON} and {stream.NDJSON}")
            if method == "POST":
                asked = _request(served.operations, await _json(served, headers, receive))
            elif streams and method == "HEAD":
                raise Refusal(405, "a stream is read by GET or POST", headers={"allow": "GET, POST"})
            elif method in _READS:
                asked = _request(served.operations, _parameters(scope["query_string"]))
            else:
                raise Refusal(405, f"{method} means nothing here", headers={"allow": "GET, HEAD, POST"})
            caller = _caller(served, scope, headers)
            of_city = await served.city(city or None)
            exchange = Exchange(served, of_city, scope, headers, kind, asked, caller, receive)
            if streams:
                streamed = await _stream(exchange, send)
                if streamed is None:
                    return
                reply = _reply(streamed)
            else:
                reply = await _answer(exchange)
        except ClientDisconnect:
            return
        except (HTTPException, NotListed, BadRequest) as refused:
            reply = _refused(refused)
        except (Overloaded, Unreachable) as unable:
            reply = _reply(served.engine.failure(unable))
        await _send(send, reply, kind or JSON, headers.get(b"accept-encoding", b""))


def _caller(served: Served, scope: Scope, headers: Headers) -> Caller:
    """Who asks, by token or address; Refusal 401 where the token is nobody's."""
    address = scope["client"][0] if scope.get("client") else ""
    try:
        return served.callers.of(headers.get(b"authorization", b"").decode("latin-1"), address)
    except NotAllowed as refused:
        raise _not_allowed(refused) from None


def _not_allowed(refused: NotAllowed) -> Refusal:
    challenge = {"www-authenticate": "Bearer"} if refused.status == 401 else None
    return Refusal(refused.status, str(refused), code=refused.code, headers=challenge)


async def _stream(exchange: Exchange, send: Send) -> Answer | None:
    """Send a connection line by line; what is wrong before its first line is given back."""
    served, city, _, headers, _, asked, caller, receive = exchange
    pieces = stream.lines(
        served.engine, served.reader, city, asked.query, asked.variables, asked.operation, caller=caller
    )
    coding = coding_of(headers.get(b"accept-encoding", b""))
    sent = [*_FOR_ALL, _NOT_KEPT]
    return await stream.respond(served, pieces, coding=coding, headers=sent, receive=receive, send=send)


async def _answer(exchange: Exchange) -> Reply:
    served, city, asked = exchange.served, exchange.city, exchange.asked
    engine = served.engine
    try:
        prepared = await engine.prepared(
            served.reader, asked.query, asked.variables, asked.operation, mutating=partial(_curator, exchange)
        )
    except HTTPException:
        raise
    except Exception as wrong:
        return _reply(engine.failure(wrong))
    if prepared.document.mutates(asked.operation):
        author = _curator(exchange)
        return _reply(await engine.mutate(served.reader, served.url, city, author, prepared))
    if exchange.posted:
        return _reply(await _query(exchange, prepared))
    return await _got(exchange, prepared)


def _curator(exchange: Exchange) -> str:
    """Who sends a mutation; Refusal where nobody may send it so."""
    if not exchange.posted:
        raise Refusal(405, "a mutation is sent by POST", headers={"allow": "POST"})
    token = exchange.headers.get(b"authorization", b"").decode("latin-1")
    try:
        author = curator_of(exchange.served.settings, token)
    except NotAllowed as refused:
        raise _not_allowed(refused) from None
    if exchange.asked.dry_run:
        raise Refusal(400, "a dry run is of a query; a mutation would be carried out")
    return author


async def _query(exchange: Exchange, prepared: Prepared) -> Answer:
    served, city, _, _, _, asked, caller, receive = exchange
    engine = served.engine
    if asked.dry_run:
        answering = engine.explain(served.reader, city, prepared, caller)
    else:
        answering = engine.carry_out(served.reader, city, prepared, caller, tell_cost=asked.tell_cost)
    return await served.departures.unless_gone(receive, answering)


async def _got(exchange: Exchange, prepared: Prepared) -> Reply:
    """What is asked by GET may be kept, and whoever has kept it is told when it still holds."""
    served, city, scope, headers, kind, asked, _, _ = exchange
    age = served.settings.cache_max_age_s
    keeping = {"cache-control": f"public, max-age={age}" if age else "public, no-cache"}
    # the version from before the answer: data that come in between are asked for once more, never missed
    tag = served.versions.tag(city.name, kind.encode(), asked.query.encode(), scope["query_string"])
    if tag:
        keeping["etag"] = tag
        if holds(headers.get(b"if-none-match", b"").decode("latin-1"), tag):
            return Reply(304, (), keeping)
    answer = await _query(exchange, prepared)
    return Reply(answer.status, answer.pieces, keeping) if answer.lasting else _reply(answer)


# --- in -------------------------------------------------------------------------------------------------
def _city_of(path: str) -> str | None:
    """The city whose GraphQL a path names, "" for the default one; None where it is another path."""
    if path == _PATH:
        return ""
    city = path[1 : -len(_PATH)]
    return city if path.endswith(_PATH) and city and "/" not in city else None


def _headers_of(pairs: Iterable[tuple[bytes, bytes]]) -> Headers:
    """The headers by name; one that is sent in several lines is one list."""
    found: dict[bytes, bytes] = {}
    for name, value in pairs:
        found[name] = found[name] + b", " + value if name in found else value
    return found


def _is_for_people(scope: Scope, headers: Headers) -> bool:
    """Whether a browser asks for the page rather than for an answer."""
    return b"text/html" in headers.get(b"accept", b"") and not _NAMES_A_DOCUMENT.search(scope["query_string"])


@lru_cache(256)
def media_type(accept: bytes) -> str | None:
    """Which of GraphQL's two media types to answer in, or NDJSON; None where the caller accepts none.

    NDJSON and GraphQL's own only for those who name it. Equal wishes are decided for it.
    """
    wishes: dict[str, float] = {}
    for one in (accept.decode("latin-1") or "*/*").lower().split(","):
        name, said = _with_parameters(one)
        if said.get("charset", "utf-8") == "utf-8":
            with suppress(ValueError):
                wishes[name] = float(said.get("q", "1"))
    graphql = wishes.get(GRAPHQL, 0)
    json = next((wishes[name] for name in (JSON, "application/*", "*/*") if name in wishes), 0)
    if wishes.get(stream.NDJSON, 0) > 0:
        return stream.NDJSON
    if graphql > 0 and graphql >= json:
        return GRAPHQL
    return JSON if json > 0 else None


def _with_parameters(value: str) -> tuple[str, dict[str, str]]:
    """A media type, or a wish for one, and its parameters."""
    name, *parameters = (part.strip() for part in value.split(";"))
    pairs = (part.partition("=") for part in parameters)
    return name, {key.strip(): said.strip(' "') for key, _, said in pairs}


@lru_cache(256)
def _problem_of_type(content_type: bytes) -> str | None:
    kind, said = _with_parameters(content_type.decode("latin-1").lower())
    if kind != JSON:
        return f'content-type is "{kind}"; send {JSON}'
    charset = said.get("charset", "utf-8")
    return None if charset in ("utf-8", "utf8") else f'charset is "{charset}"; send utf-8'


async def _json(served: Served, headers: Headers, receive: Receive) -> Any:
    problem = _problem_of_type(headers.get(b"content-type", b""))
    if problem:
        raise Refusal(415, problem)
    body = await read_body(receive, served.settings.request_bytes_ceiling)
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as broken:
        raise Refusal(400, f"the body is no JSON: {broken}") from None


async def read_body(receive: Receive, ceiling: int) -> bytes:
    """The bytes of a request; Refusal 413 where there are too many."""
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refusal(400, "the request was cut off")  # nobody is left to read it
        body += bytes(message["body"])
        if len(body) > ceiling:
            raise Refusal(413, f"the request has more than the {ceiling} bytes allowed")
        if not message.get("more_body"):
            return body


def _parameters(query_string: bytes) -> Any:
    """The request that an address holds, as a POST's body would: objects are JSON in text."""
    try:
        said = dict(parse_qsl(query_string.decode("latin-1"), max_num_fields=_MOST_PARAMETERS))
    except ValueError:
        raise Refusal(400, f"the address has more than {_MOST_PARAMETERS} parameters") from None
    asked: dict[str, Any] = dict(said)
    for name in ("variables", "extensions"):
        if name in said:
            try:
                asked[name] = orjson.loads(said[name])
            except orjson.JSONDecodeError as broken:
                raise Refusal(400, f"{name} are no JSON: {broken}") from None
    return asked


def _request(operations: Operations, asked: Any) -> Request:
    if not isinstance(asked, dict):
        raise Refusal(400, 'the body is no object; send {"query": "...", "variables": {...}}')
    query, variables, operation = asked.get("query"), asked.get("variables"), asked.get("operationName")
    extensions = asked.get("extensions")
    if variables is not None and not isinstance(variables, dict):
        raise Refusal(400, "variables is no object")
    if operation is not None and not isinstance(operation, str):
        raise Refusal(400, "operationName is no text")
    if extensions is not None and not isinstance(extensions, dict):
        raise Refusal(400, "extensions is no object")
    if isinstance(query, str) and not extensions:
        operations.allow(query)
        return Request(query, variables, operation)
    named, said = _named(operations, asked), extensions or {}
    for name in ("dryRun", "cost"):
        if not isinstance(said.get(name, False), bool):
            raise Refusal(400, f"extensions.{name} is neither true nor false")
    operation = operation or named.operation
    return Request(named.document, variables, operation, said.get("dryRun", False), said.get("cost", False))


def _named(operations: Operations, asked: Mapping[str, Any]) -> Listed:
    """The document of a request that may name it."""
    query, persisted = asked.get("query"), (asked.get("extensions") or {}).get("persistedQuery")
    if not isinstance(query, str | None):
        raise Refusal(400, "query is no text")
    if persisted is not None:
        return operations.persisted(persisted, query)
    if query is not None:
        operations.allow(query)
        return Listed(query)
    name = asked.get("documentId") or asked.get("operation")
    if not isinstance(name, str):
        raise Refusal(400, "query is missing; send it, or name a listed one as documentId or operation")
    return operations.named(name)


# --- out ------------------------------------------------------------------------------------------------
def _reply(answer: Answer) -> Reply:
    if answer.retry_after_s is None:
        return Reply(answer.status, answer.pieces)
    return Reply(answer.status, answer.pieces, {"retry-after": str(answer.retry_after_s)})


def _refused(error: HTTPException | NotListed | BadRequest) -> Reply:
    match error:
        case Refusal():
            return Reply(error.status_code, _errors(error.detail, error.code), error.headers, sure=True)
        case HTTPException():
            return Reply(error.status_code, _errors(error.detail), error.headers, sure=True)
        case NotListed():
            # clients that persist queries expect what a document with mistakes is answered with
            return Reply(error.status, _errors(str(error), error.code))
        case BadRequest():
            return Reply(400, _errors(str(error), "BAD_REQUEST"), sure=True)


def _errors(message: str, code: str | None = None) -> tuple[bytes, ...]:
    error: dict[str, Any] = {"message": message}
    if code:
        error["extensions"] = {"code": code}
    return (orjson.dumps({"errors": [error]}),)


async def _send(send: Send, reply: Reply, kind: str, accept_encoding: bytes) -> None:
    status, pieces, headers, sure = reply
    sent = [*_FOR_ALL] if headers and "cache-control" in headers else [*_FOR_ALL, _NOT_KEPT]
    if status != 304:
        if status == 400 and kind == JSON and not sure:
            # the older media type says 200 for every request that is well-formed
            status = 200
        size = sum(map(len, pieces))
        coding = coding_for(size, accept_encoding)
        if coding:
            body = await compressed(b"".join(pieces), coding)
            pieces, size = (body,), len(body)
            sent.append((b"content-encoding", coding.encode()))
        sent += (_TYPES[kind], (b"content-length", b"%d" % size))
    if headers:
        sent += [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": sent})
    if len(pieces) > 1 and size > _LONG:
        for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        pieces = ()
    await send({"type": "http.response.body", "body": b"".join(pieces)})
