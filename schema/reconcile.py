"""The W3C Reconciliation Service API 0.2: what OpenRefine asks, answered for one city.

Candidates come from twin/reconcile.py; previews and data extension are GraphQL questions, so that what
GraphQL withholds is withheld here. Routes are in app.py.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson
from graphql import (
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
)
from psycopg.sql import SQL
from starlette.exceptions import HTTPException

from schema.execute import Engine
from twin.database import City, Reader
from twin.entities import BY_NAME
from twin.errors import BadRequest
from twin.identity import public_id, split_id
from twin.reconcile import (
    COLUMNS,
    MOST_QUERIES,
    PROPERTIES,
    TYPES,
    Query,
    asked,
    read_query,
    statement,
)
from twin.text import storable

VERSIONS = ["0.2"]
MOST_IDS = 100
MOST_EXTENDED = 30
SUGGESTED = 10
SUGGESTIONS = ("entity", "type", "property")
_PREVIEW = {"width": 400, "height": 220}
_CALLBACK = re.compile(r"[A-Za-z_$][\w$.]{0,99}", re.ASCII)


class TooMany(BadRequest):
    """More in one request than the manifest allows; the status is 413."""


def manifest(city: City, root: str) -> dict[str, Any]:
    """What the service can do and where; `root` is the server's own address, without a slash at its end."""
    here = f"{root}/{city.name}"
    service = f"{here}/reconcile"

    def suggest(kind: str) -> dict[str, str]:
        return {
            "service_url": service,
            "service_path": f"/suggest/{kind}",
            "flyout_service_url": service,
            "flyout_service_path": f"/flyout/{kind}?id=${{id}}",
        }

    return {
        "versions": VERSIONS,
        "name": f"{city.title}: city twin",
        "identifierSpace": f"{here}/id/",
        "schemaSpace": f"{here}/graphql",
        "defaultTypes": [_type(name) for name in TYPES],
        "documentation": f"{here}/graphql",
        "view": {"url": f"{here}/id/{{{{id}}}}"},
        "preview": {"url": f"{service}/preview?id={{{{id}}}}", **_PREVIEW},
        "suggest": {kind: suggest(kind) for kind in SUGGESTIONS},
        "extend": {
            "propose_properties": {"service_url": service, "service_path": "/properties"},
            "property_settings": [],
        },
        "batchSize": MOST_QUERIES,
    }


def _type(name: str) -> dict[str, str]:
    return {"id": name, "name": TYPES[name]}


# --- candidates -----------------------------------------------------------------------------------------
async def batch(reader: Reader, city: City, said: str) -> dict[str, Any]:
    """A query batch as JSON text -> its result batch."""
    queries = _json_object(said, "queries")
    if len(queries) > MOST_QUERIES:
        raise TooMany(f"has {len(queries)} queries; send at most {MOST_QUERIES} at once", where="queries")
    read = [read_query(query, f"queries.{name}") for name, query in queries.items()]
    found = await candidates(reader, city, read)
    return {name: {"result": each} for name, each in zip(queries, found, strict=True)}


async def single(reader: Reader, city: City, said: str) -> dict[str, Any]:
    """One query, as JSON or as plain text: how versions before 0.2 asked."""
    query = _json_object(said, "query") if said.lstrip().startswith("{") else {"query": said}
    (found,) = await candidates(reader, city, [read_query(query, "query")])
    return {"result": found}


async def candidates(reader: Reader, city: City, queries: Sequence[Query]) -> list[list[dict[str, Any]]]:
    """For each query its candidates, the best first: one statement for all."""
    found: list[list[dict[str, Any]]] = [[] for _ in queries]
    if not queries:
        return found
    (answer,) = await reader.fetch(_candidates_sql(city), [asked(queries).encode(errors="replace")])
    for row in orjson.loads(answer or b"[]"):
        said = dict(zip(COLUMNS, row, strict=True))
        name = said["candidate_type"]
        candidate = {
            "id": public_id(name, said["candidate_key"]),
            "name": said["name"],
            "type": [_type(name)],
            "score": said["score"],
            "match": said["match"],
            "features": said["features"],
        }
        if said["description"]:
            candidate["description"] = said["description"]
        found[said["n"]].append(candidate)
    return found


@lru_cache(maxsize=64)
def _candidates_sql(city: City) -> bytes:
    inner = statement(SQL("$1"), city.name).as_string()
    columns = ", ".join(f"c.{name}" for name in COLUMNS)
    return (
        f"SELECT COALESCE(json_agg(json_build_array({columns}) ORDER BY n, rank), '[]') FROM ({inner}) AS c"
    ).encode()


def _json_object(said: str, where: str) -> dict[str, Any]:
    try:
        read = orjson.loads(said)
    except orjson.JSONDecodeError as broken:
        raise BadRequest(f"is no JSON: {broken}", where=where) from None
    if not isinstance(read, dict):
        raise BadRequest("is no JSON object", where=where)
    return read


# --- suggest and flyout ---------------------------------------------------------------------------------
async def suggest(
    engine: Engine, reader: Reader, city: City, kind: str, asked_for: Mapping[str, str]
) -> dict[str, Any]:
    """What a person who types `prefix` may mean: records, types or properties."""
    prefix = asked_for.get("prefix", "").strip()
    skipped = _number(asked_for, "cursor", least=0, default=0)
    if kind == "entity":
        if not prefix:
            return {"result": []}
        said = read_query({"query": prefix, "type": asked_for.get("type") or None}, "prefix")
        query = Query(said.text, said.types, limit=min(skipped + SUGGESTED, 25), prefix=True)
        (found,) = await candidates(reader, city, [query])
        kept = ("id", "name", "description")
        result = [{k: one[k] for k in kept if k in one} | {"notable": one["type"]} for one in found[skipped:]]
        return {"result": result}
    if kind == "type":
        known = [{**_type(name), "description": BY_NAME[name].doc} for name in TYPES]
    else:
        name = asked_for.get("schema") or asked_for.get("type")
        known = _known_properties(engine, name if name in TYPES else None)
    wanted = prefix.casefold()
    matching = [one for one in known if wanted in one["id"].casefold() or wanted in one["name"].casefold()]
    return {"result": matching[skipped:]}


def _known_properties(engine: Engine, name: str | None) -> list[dict[str, str]]:
    """The properties that queries may say, then those that data extension gives."""
    known = {each: {"id": each, "name": _words(each), "description": doc} for each, doc in PROPERTIES.items()}
    for type_ in [name] if name else TYPES:
        for each, (_, doc) in extendable(engine.schema, type_).items():
            known.setdefault(each, {"id": each, "name": _words(each), "description": doc})
    return list(known.values())


async def flyout(engine: Engine, reader: Reader, city: City, kind: str, name: str) -> dict[str, Any]:
    """A small piece of HTML about a record, type or property."""
    if kind == "entity":
        return {"id": name, "html": await _summary(engine, reader, city, name)}
    if kind == "type":
        if name not in TYPES:
            raise BadRequest(f'there is no type "{name}"; there are {", ".join(TYPES)}', where="id")
        return {"id": name, "html": f"<p><b>{_h(TYPES[name])}</b></p><p>{_h(BY_NAME[name].doc)}</p>"}
    known = {each["id"]: each for each in _known_properties(engine, None)}
    if name not in known:
        raise BadRequest(f'there is no property "{name}"; there are {", ".join(known)}', where="id")
    return {
        "id": name,
        "html": f"<p><b>{_h(known[name]['name'])}</b></p><p>{_h(known[name]['description'])}</p>",
    }


async def preview(engine: Engine, reader: Reader, city: City, name: str) -> str:
    """A page about a record that fits into a small frame."""
    body = await _summary(engine, reader, city, name)
    return (
        '<!doctype html><html><head><meta charset="utf-8"><title>' + _h(name) + "</title>"
        "<style>body{font:14px sans-serif;margin:8px}"
        "dl{display:grid;grid-template-columns:auto 1fr;gap:2px 10px}dt{color:#666}dd{margin:0}</style>"
        "</head><body>" + body + "</body></html>"
    )


#: lines of a summary at most
_LINES = 8


async def _summary(engine: Engine, reader: Reader, city: City, identifier: str) -> str:
    name, _ = split_id(identifier)
    if name not in TYPES:
        raise BadRequest(f'"{identifier}" is no id of {", ".join(TYPES)}', where="id")
    properties = [each for each in extendable(engine.schema, name) if each not in _CENTROID]
    said = (await _values(engine, reader, city, [identifier], properties))[identifier]
    if said is None:
        raise HTTPException(404, f'{city.name} has no "{identifier}"')
    label, *shown = [(each, _shown(said[each])) for each in properties if said[each] or each == "label"]
    lines = [f"<dt>{_h(_words(each))}</dt><dd>{_h(text)}</dd>" for each, text in shown[:_LINES]]
    head = f"<h3>{_h(label[1] or identifier)}</h3><p>{_h(TYPES[name])} {_h(identifier)}</p>"
    return f"{head}<dl>{''.join(lines)}</dl>"


def _shown(values: Sequence[Mapping[str, Any]]) -> str:
    """The first of some values as text."""
    return str(values[0].get("name", next(iter(values[0].values())))) if values else ""


def _h(text: str) -> str:
    return html.escape(text)


def _words(public: str) -> str:
    """`storeysAboveGround` is 'storeys above ground'."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda m: f" {m.group(1).lower()}", public)


def _number(said: Mapping[str, str], name: str, *, least: int, default: int) -> int:
    text = said.get(name)
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or int(text[:9]) < least:
        raise BadRequest(f'is "{text[:20]}"; give a whole number of at least {least}', where=name)
    return int(text[:9])


# --- data extension -------------------------------------------------------------------------------------
_PLAIN, _CODED, _LINKED = "", " { label }", " { id label }"
#: a property that is no field of the type -> what is asked instead
_CENTROID = {"lon": 0, "lat": 1}
#: where a business is: what its sites lead to
_OF_SITES = ("address", "building", "district", "neighbourhood")
_HIDDEN = frozenset(("id", "uri", "geometry", "bbox", "pointOnSurface", "distance", "lods"))


@lru_cache(maxsize=64)
def extendable(schema: GraphQLSchema, name: str) -> dict[str, tuple[str, str]]:
    """The properties whose values a type can give: what stands behind each in GraphQL, and what it says."""
    type_ = schema.type_map[name]
    assert isinstance(type_, GraphQLObjectType)
    found: dict[str, tuple[str, str]] = {"label": (_PLAIN, "What people call it")}
    for field_name, field in type_.fields.items():
        named = get_named_type(field.type)
        if field_name in _HIDDEN or any(str(a.type).endswith("!") for a in field.args.values()):
            continue
        if is_list_type(get_nullable_type(field.type)) and not is_leaf_type(named):
            continue
        if named.name in ("GeoJSON", "CityJSON", "JSON"):
            continue
        doc = field.description or ""
        if is_leaf_type(named):
            found[field_name] = _PLAIN, doc
        elif named.name == "CodedValue":
            found[field_name] = _CODED, doc
        elif named.name in TYPES:
            found[field_name] = _LINKED, doc
    if "centroid" in type_.fields:
        found |= {each: ("", f"{each} of its centre (EPSG:4326)") for each in _CENTROID}
    if name == "Business":
        for each in _OF_SITES:
            found[each] = _LINKED, f"The {each} of its sites"
    return found


def propose(engine: Engine, asked_for: Mapping[str, str]) -> dict[str, Any]:
    """The properties that can be fetched for records of a type; for any type those that all have."""
    name, limit = asked_for.get("type"), _number(asked_for, "limit", least=1, default=0) or None
    if name and name not in TYPES:
        raise BadRequest(f'there is no type "{name}"; there are {", ".join(TYPES)}', where="type")
    each_has = [extendable(engine.schema, each) for each in ([name] if name else TYPES)]
    proposed = [each for each in each_has[0] if all(each in one for one in each_has)]
    answer: dict[str, Any] = {
        "type": name or "",
        "properties": [{"id": each, "name": _words(each)} for each in proposed[:limit]],
    }
    return answer if limit is None else {**answer, "limit": limit}


async def extend(engine: Engine, reader: Reader, city: City, said: str) -> dict[str, Any]:
    """The values of some properties of some records, as a data extension query asks for them."""
    query = _json_object(said, "extend")
    ids, properties = query.get("ids"), query.get("properties")
    if not isinstance(ids, list) or not all(isinstance(each, str) for each in ids):
        raise BadRequest("is no list of texts", where="extend.ids")
    if not isinstance(properties, list) or not all(
        isinstance(each, dict) and isinstance(each.get("id"), str) for each in properties
    ):
        raise BadRequest('is no list of {"id": ...}', where="extend.properties")
    if len(ids) > MOST_IDS:
        raise TooMany(f"has {len(ids)} ids; send at most {MOST_IDS} at once", where="extend.ids")
    if len(properties) > MOST_EXTENDED:
        raise TooMany(f"has {len(properties)}; send at most {MOST_EXTENDED}", where="extend.properties")
    wanted = list(dict.fromkeys(each["id"] for each in properties))
    known = {each: what for name in TYPES for each, what in extendable(engine.schema, name).items()}
    for each in wanted:
        if each not in known:
            raise BadRequest(f'there is no property "{each}"; there are {", ".join(known)}', where="extend")
    rows = await _values(engine, reader, city, list(dict.fromkeys(ids)), wanted)
    meta = []
    for each in wanted:
        column: dict[str, Any] = {"id": each, "name": _words(each)}
        target = _target(engine.schema, each)
        meta.append({**column, "type": _type(target)} if target else column)
    return {"meta": meta, "rows": {key: row or {each: [] for each in wanted} for key, row in rows.items()}}


def _target(schema: GraphQLSchema, property_: str) -> str | None:
    """The type of a property's values, where they are records."""
    name = property_[:1].upper() + property_[1:]
    linked = any(extendable(schema, each).get(property_, ("", ""))[0] == _LINKED for each in TYPES)
    return name if linked and name in TYPES else None


async def _values(
    engine: Engine, reader: Reader, city: City, ids: Sequence[str], wanted: Sequence[str]
) -> dict[str, dict[str, list[Any]] | None]:
    """For each id the values of each property; None where there is no such record."""
    names = {identifier: _type_of(identifier) for identifier in ids}
    asked_for = [identifier for identifier, name in names.items() if name]
    rows: dict[str, dict[str, list[Any]] | None] = dict.fromkeys(ids)
    if not asked_for or not wanted:
        return rows
    fragments = " ".join(
        f"fragment of{name} on {name} {{ {_selection(engine.schema, name, wanted)} }}"
        for name in sorted({name for name in names.values() if name})
    )
    variables = ", ".join(f"$i{n}: ID!" for n in range(len(asked_for)))
    nodes = " ".join(f"r{n}: node(id: $i{n}) {{ ...of{names[i]} }}" for n, i in enumerate(asked_for))
    document = f"query({variables}) {{ {nodes} }} {fragments}"
    answer = await engine.answer(
        reader, city, document, {f"i{n}": identifier for n, identifier in enumerate(asked_for)}
    )
    body = orjson.loads(answer.body)
    if answer.status != 200:
        raise BadRequest(body["errors"][0]["message"], where="extend")
    for n, identifier in enumerate(asked_for):
        record = body["data"][f"r{n}"]
        if record is not None:
            rows[identifier] = {each: _found(record, each) for each in wanted}
    return rows


def _type_of(identifier: str) -> str | None:
    """The type of the record that an id names; None where it can be the id of none."""
    try:
        name, _ = split_id(storable(identifier, where="id"))
    except BadRequest:
        return None
    return name if name in TYPES else None


def _selection(schema: GraphQLSchema, name: str, wanted: Sequence[str]) -> str:
    """What to ask of a record of a type for those of the properties that it has."""
    known = extendable(schema, name)
    here = [each for each in wanted if each in known]
    of_sites = [each for each in here if name == "Business" and each in _OF_SITES]
    parts = [
        "__typename",
        *(f"{each}{known[each][0]}" for each in here if each not in (*_CENTROID, *of_sites)),
    ]
    if of_sites:
        parts.append(f"sites(first: 10) {{ nodes {{ {' '.join(each + _LINKED for each in of_sites)} }} }}")
    if any(each in _CENTROID for each in here):
        parts.append("centroid")
    return " ".join(parts)


def _found(record: Mapping[str, Any], property_: str) -> list[dict[str, Any]]:
    """A property's values as the protocol writes them; empty where the record has none."""
    if property_ in _CENTROID:
        point = record.get("centroid")
        return [{"float": point["coordinates"][_CENTROID[property_]]}] if point else []
    if property_ in record:
        said = record[property_]
        values = said if isinstance(said, list) else [said]
    else:
        values = [site.get(property_) for site in record.get("sites", {}).get("nodes", ())]
    written = [_written(value) for value in values if value is not None]
    return [each for i, each in enumerate(written) if each not in written[:i]]


def _written(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        if "id" in value:
            return {"id": value["id"], "name": value["label"] or value["id"]}
        return {"str": value["label"] or ""}
    if isinstance(value, bool):
        return {"str": "true" if value else "false"}  # 0.2's schema knows no truth value
    if isinstance(value, int):
        return {"int": value}
    return {"float": value} if isinstance(value, float) else {"str": str(value)}


# --- over HTTP ------------------------------------------------------------------------------------------
def written(answer: Any, callback: str | None) -> tuple[bytes, str]:
    """The bytes of an answer and their media type: JSON, or a script that hands it to `callback` (JSONP)."""
    body = orjson.dumps(answer)
    if callback is None:
        return body, "application/json"
    if not _CALLBACK.fullmatch(callback):
        raise BadRequest("is no name of a function", where="callback")
    # U+2028 and U+2029 end a line in older scripts
    safe = body.replace("\u2028".encode(), b"\\u2028").replace("\u2029".encode(), b"\\u2029")
    return b"/**/" + callback.encode() + b"(" + safe + b");", "application/javascript"
