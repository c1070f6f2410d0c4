"""Starlette routes and lifespan: the map's tiles and pages, ids that can be followed, reconciliation."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from schema import reconcile, tiles
from schema.compression import coding_for, compressed
from schema.http import JSON, GraphQLOverHTTP, read_body
from schema.notices import FILTERS, MEDIA_TYPE, notices_csv
from schema.record import Fate, fate_of, record_query
from schema.served import Served
from schema.versions import holds
from twin.database import City, Overloaded, Refused, Unreachable, prepare
from twin.entities import entity
from twin.errors import BadRequest, TwinFault
from twin.identity import public_id, split_id, uri_path
from twin.settings import Settings

log = logging.getLogger(__name__)

PAGES = Path(__file__).parent / "web" / "dist"
_FORM = "application/x-www-form-urlencoded"
_TILE_AGE_S = 300


#: the data are open: pages of any site may ask, and no cookie is involved, for a curator sends a token
OPEN_TO_ALL_SITES = Middleware(
    CORSMiddleware,
    allow_origins=["*"],
    allow_methods=["GET", "POST"],
    allow_headers=["*"],
)


class Assets(StaticFiles):
    """The pages' scripts and styles: their names carry a hash of their content, so they never change."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["cache-control"] = "public, max-age=31536000, immutable"
        return response


def _served(request: Request) -> Served:
    served: Served = request.app.state.served
    return served


async def _city(request: Request) -> City:
    return await _served(request).city(request.path_params.get("city"))


# --- pages, tiles, ids ----------------------------------------------------------------------------------
def _page(name: str) -> Response:
    if not (PAGES / name).exists():
        return PlainTextResponse("the web pages are not built: run `make setup`", 404)
    return FileResponse(PAGES / name, headers={"cache-control": "no-cache"})


async def graphiql_page(request: Request) -> Response:
    """GraphiQL, for a city."""
    await _city(request)
    return _page("graphiql.html")


async def map_page(request: Request) -> Response:
    """The map of a city."""
    await _city(request)
    return _page("index.html")


async def city_json(request: Request) -> Response:
    """What the pages need to know of a city."""
    city = await _city(request)
    return _json(
        {
            "name": city.name,
            "title": city.title,
            "bounds": list(city.bounds),
            "graphql": f"/{city.name}/graphql",
            "tiles": f"/{city.name}/tiles/{{z}}/{{x}}/{{y}}.mvt",
            "cities": [
                {"name": one.name, "title": one.title, "path": f"/{one.name}/"}
                for one in _served(request).cities.values()
            ],
        }
    )


async def tile(request: Request) -> Response:
    """One vector tile."""
    served, city = _served(request), await _city(request)
    z, x, y = (int(request.path_params[name]) for name in ("z", "x", "y"))
    # what a cache keeps serves the pages of any site
    headers = {"cache-control": f"public, max-age={_TILE_AGE_S}", "access-control-allow-origin": "*"}
    headers["vary"] = "accept-encoding"
    tag = served.versions.tag(city.name, b"tile", f"{z}/{x}/{y}".encode())
    if tag:
        headers["etag"] = tag
        if holds(request.headers.get("if-none-match", ""), tag):
            return Response(status_code=304, headers=headers)
    body = await served.departures.unless_gone(request.receive, tiles.tile(served.reader, city, z, x, y))
    coding = coding_for(len(body), request.headers.get("accept-encoding", "").encode("latin-1"))
    if coding:
        body = await compressed(body, coding)
        headers["content-encoding"] = coding
    return Response(body, media_type="application/vnd.mapbox-vector-tile", headers=headers)


async def notices_table(request: Request) -> Response:
    """What is wrong with a city's data, as CSV for the data's owner."""
    served, city = _served(request), await _city(request)
    for name in request.query_params:
        if name not in FILTERS:
            raise BadRequest(f'"{name}" means nothing here; allowed are {", ".join(FILTERS)}')
    pieces = notices_csv(served.reader, city, **request.query_params)
    # what can be refused is refused before the answer begins
    first = await anext(pieces)

    async def body() -> AsyncIterator[bytes]:
        yield first
        async for piece in pieces:
            yield piece

    return StreamingResponse(
        body(),
        media_type=MEDIA_TYPE,
        headers={"content-disposition": f'attachment; filename="{city.name}-notices.csv"'},
    )


async def entity_by_uri(request: Request) -> Response:
    """A record by its URI: its plain fields as JSON, or for a browser its place on the map.

    An old URI leads on to the record that took its place (301) or says which did (300), and what is there no
    more is gone (410), not unknown.
    """
    served, city = _served(request), await _city(request)
    name, key = request.path_params["type"], request.path_params["key"]
    if ":" in name:  # a public id as it is, as reconciliation gives it
        return RedirectResponse(_uri(city, f"{name}/{key}"), 301)
    identifier = public_id(name, key)
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse(f"/{city.name}/#select={quote(identifier, safe='')}", 303)
    answer = await served.engine.answer(
        served.reader, city, record_query(served.engine.schema, name), {"id": identifier}
    )
    if answer.status != 200:
        return Response(answer.body, answer.status, media_type=JSON)
    record = orjson.loads(answer.body)["data"]["node"]
    if record is None:
        return await _gone(served, city, name, key)
    if record["id"] != identifier:
        return RedirectResponse(_uri(city, record["id"]), 301)
    return _json(record)


async def entity_by_id(request: Request) -> Response:
    """Lead from a public id, as reconciliation gives it, to the record's URI."""
    return RedirectResponse(_uri(await _city(request), request.path_params["id"]), 301)


def _uri(city: City, identifier: str) -> str:
    return quote(uri_path(city.name, *split_id(identifier)), safe="/:")


async def _gone(served: Served, city: City, name: str, key: str) -> Response:
    fate = Fate((), None)
    if entity(name).is_city_entity:
        fate = await fate_of(served.reader, city, name, key)
    identifier = public_id(name, key)
    if fate.heirs:
        choices = [{"id": heir, "uri": _uri(city, heir)} for heir in fate.heirs]
        return _json({"id": identifier, "successors": choices}, 300)
    if fate.known_until:
        raise HTTPException(410, f'"{identifier}" is no more; {city.name} last held it on {fate.known_until}')
    raise HTTPException(404, f'{city.name} has no "{identifier}"')


def _json(value: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, media_type=JSON)


# --- reconciliation (W3C) -------------------------------------------------------------------------------
#: the answer is what its media type says: a caller names a function of a script, a register what a page shows
_NOSNIFF = {"X-Content-Type-Options": "nosniff"}


async def reconcile_service(request: Request) -> Response:
    """The endpoint: its manifest, query batches (`queries`), data extension (`extend`)."""
    served, city = _served(request), await _city(request)
    said = dict(request.query_params)
    if request.method == "POST":
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != _FORM:
            raise HTTPException(415, f'content-type is "{kind}"; send {_FORM}')
        body = await read_body(request.receive, served.settings.request_bytes_ceiling)
        try:
            said |= dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=20))
        except ValueError as broken:
            raise BadRequest(f"the body is no form: {broken}") from None
    if "queries" in said:
        return _reconciled(request, await reconcile.batch(served.reader, city, said["queries"]))
    if "query" in said:
        return _reconciled(request, await reconcile.single(served.reader, city, said["query"]))
    if "extend" in said:
        return _reconciled(
            request, await reconcile.extend(served.engine, served.reader, city, said["extend"])
        )
    if request.method == "POST":
        raise BadRequest("neither queries nor extend is in the form")
    return _reconciled(request, reconcile.manifest(city, str(request.base_url).rstrip("/")))


async def reconcile_suggest(request: Request) -> Response:
    """What a person may mean who has typed `prefix`."""
    served, city = _served(request), await _city(request)
    kind = _kind_of_suggestion(request)
    found = await reconcile.suggest(served.engine, served.reader, city, kind, request.query_params)
    return _reconciled(request, found)


async def reconcile_flyout(request: Request) -> Response:
    """A few words of HTML about a record, type or property."""
    served, city = _served(request), await _city(request)
    kind, identifier = _kind_of_suggestion(request), request.query_params.get("id", "")
    return _reconciled(request, await reconcile.flyout(served.engine, served.reader, city, kind, identifier))


async def reconcile_preview(request: Request) -> Response:
    """A page about a record that fits into a small frame."""
    served, city = _served(request), await _city(request)
    identifier = request.query_params.get("id", "")
    page = await reconcile.preview(served.engine, served.reader, city, identifier)
    return HTMLResponse(page, headers=_NOSNIFF)


async def reconcile_properties(request: Request) -> Response:
    """The properties that data extension can give for a type."""
    await _city(request)
    return _reconciled(request, reconcile.propose(_served(request).engine, request.query_params))


def _kind_of_suggestion(request: Request) -> str:
    kind: str = request.path_params["kind"]
    if kind not in reconcile.SUGGESTIONS:
        raise HTTPException(404, f'there is no "{kind}"; there are {", ".join(reconcile.SUGGESTIONS)}')
    return kind


def _reconciled(request: Request, answer: Any) -> Response:
    callback = request.query_params.get("callback") if request.method == "GET" else None
    body, kind = reconcile.written(answer, callback)
    return Response(body, media_type=kind, headers=_NOSNIFF)


# --- health ---------------------------------------------------------------------------------------------
async def healthz(_request: Request) -> Response:
    """The process is alive."""
    return PlainTextResponse("ok")


async def readyz(request: Request) -> Response:
    """The database answers and a city is loaded."""
    served = _served(request)
    try:
        await served.learn_cities()
    except (BadRequest, TwinFault, ConnectionError):
        return PlainTextResponse("the database does not answer", 503)
    if not served.cities:
        return PlainTextResponse("no city is loaded", 503)
    return PlainTextResponse("ready: " + ", ".join(served.cities))


# --- errors ---------------------------------------------------------------------------------------------
async def _on_http_exception(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return Response(
        orjson.dumps({"errors": [{"message": error.detail}]}),
        error.status_code,
        media_type=JSON,
        headers=error.headers,
    )


async def _on_bad_request(_request: Request, error: Exception) -> Response:
    status = 413 if isinstance(error, reconcile.TooMany) else 400
    return _json({"errors": [{"message": str(error)}]}, status)


async def _on_refused(_request: Request, error: Exception) -> Response:
    log.error("statement refused: %s", error)
    return _json({"errors": [{"message": "the database could not answer"}]}, 500)


async def _on_unable(request: Request, error: Exception) -> Response:
    answer = _served(request).engine.failure(error)
    response = Response(answer.body, answer.status, media_type=JSON)
    if answer.retry_after_s is not None:
        response.headers["retry-after"] = str(answer.retry_after_s)
    return response


async def _on_disconnect(_request: Request, _error: Exception) -> Response:
    return Response(status_code=400)  # nobody is left to read it


def _reconciliation(path: str) -> list[Route]:
    return [
        Route(path, reconcile_service, methods=["GET", "POST"]),
        Route(f"{path}/suggest/{{kind}}", reconcile_suggest),
        Route(f"{path}/flyout/{{kind}}", reconcile_flyout),
        Route(f"{path}/preview", reconcile_preview),
        Route(f"{path}/properties", reconcile_properties),
    ]


def create(settings: Settings | None = None) -> GraphQLOverHTTP:
    """The application; connections are opened when the server starts."""
    chosen = settings or Settings.from_environment()

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[Mapping[str, Any]]:
        served = Served(chosen, prepare(chosen))
        await served.open()
        app.state.served = served
        try:
            yield {"write_timeout_s": chosen.write_timeout_s}
        finally:
            await served.close()

    routes = [
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/", map_page),
        Route("/city.json", city_json),
        Route("/graphql", graphiql_page),
        Route("/notices.csv", notices_table),
        Route("/id/{type}/{key:path}", entity_by_uri),
        Route("/id/{id}", entity_by_id),
        *_reconciliation("/reconcile"),
        Route("/{city}/", map_page),
        Route("/{city}/city.json", city_json),
        Route("/{city}/graphql", graphiql_page),
        Route("/{city}/notices.csv", notices_table),
        Route("/{city}/id/{type}/{key:path}", entity_by_uri),
        Route("/{city}/id/{id}", entity_by_id),
        *_reconciliation("/{city}/reconcile"),
        Route("/{city}/tiles/{z:int}/{x:int}/{y:int}.mvt", tile),
    ]
    if (PAGES / "assets").exists():
        routes.insert(0, Mount("/assets", Assets(directory=PAGES / "assets")))  # type: ignore[arg-type]
    app = Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[OPEN_TO_ALL_SITES],
        exception_handlers={
            HTTPException: _on_http_exception,
            BadRequest: _on_bad_request,
            ClientDisconnect: _on_disconnect,
            Overloaded: _on_unable,
            Refused: _on_refused,
            Unreachable: _on_unable,
        },
    )
    return GraphQLOverHTTP(app)
