"""Every setting of the twin, read once from the environment; the only file that reads it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from twin.errors import BadRequest


@dataclass(frozen=True)
class Settings:
    """What can be set, with its unit and default. Environment names are `TWIN_` + upper case."""

    database_url: str | None = None  #: a PostGIS to use; None means the embedded cluster
    home: Path = Path(".twin")  #: folder of the embedded cluster
    cluster_port: int | None = None  #: TCP port on 127.0.0.1 of the embedded cluster; None: socket only
    city: str | None = None  #: the city that a command or `/graphql` means when none is named
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    connections: int = 16  #: database connections of one server process
    sums: int = 4  #: how many of them are for statements that may sum up thousands of records
    waiting_ceiling: int = 200  #: most requests that may wait for a connection of either kind
    waiting_timeout_s: float = 5.0  #: longest that one of them waits, to sum up as long as it may take
    statement_timeout_s: float = 15.0  #: after this PostgreSQL ends a request's statement
    page_default: int = 50  #: rows in a page when `first` and `last` are absent
    page_ceiling: int = 10_000  #: most rows that one page may ask for
    depth_ceiling: int = 12  #: deepest nesting of fields in one operation
    rows_ceiling: int = 200_000  #: most rows that one operation may ask for, nested pages multiplied
    cost_budget: float = 500_000  #: most that one operation may cost; a record read by its key costs 1
    #: what each caller may spend in a second, over a minute; a limit for each address where it is set
    cost_rate: float | None = None
    #: who may ask for more: each one's secret token, and what one operation of theirs may cost
    callers: tuple[tuple[str, str, float], ...] = field(default=(), repr=False)
    streams: int = 4  #: most NDJSON streams of one server process at once, each with a connection of its own
    stream_timeout_s: float = 600.0  #: after this a stream is ended
    write_timeout_s: float = 30.0  #: after this a connection is ended whose client takes nothing of an answer
    request_bytes_ceiling: int = 1_000_000  #: largest request body
    #: how long whoever got an answer by GET may use it without asking again; None: not at all
    cache_max_age_s: int | None = None
    #: a manifest of operations, or a folder of manifests and .graphql files, that callers may name
    operations: Path | None = None
    only_operations: bool = False  #: whether no others are answered
    #: who may decide about links, and each one's secret token; nobody may where there are none
    curators: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    real_data: Path | None = None  #: the folder of real files that tests marked `real` need

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read `TWIN_*`; a value of the wrong kind is a BadRequest that names the variable."""
        env = os.environ if environment is None else environment
        given = {}
        for known in fields(cls):
            name = f"TWIN_{known.name.upper()}"
            if env.get(name):
                given[known.name] = _read(name, env[name], str(known.type))
        chosen = cls(**given)
        return replace(chosen, home=chosen.home.absolute())


#: a token that is shorter could be guessed
SHORTEST_TOKEN = 16


def _curators(name: str, text: str) -> tuple[tuple[str, str], ...]:
    """Names and tokens out of "name:token,name:token"; what is wrong is said without showing a token."""
    pairs = []
    for place, each in enumerate(text.split(","), 1):
        who, _, token = (part.strip() for part in each.partition(":"))
        if not who or len(token) < SHORTEST_TOKEN or not token.isascii():
            raise BadRequest(
                f"entry {place} is no name:token with a token of {SHORTEST_TOKEN} characters or more",
                where=name,
            )
        pairs.append((who, token))
    return tuple(pairs)


def _callers(name: str, text: str) -> tuple[tuple[str, str, float], ...]:
    """Names, tokens and budgets out of "name:token:budget,..."; what is wrong is said without a token."""
    known = []
    for place, each in enumerate(text.split(","), 1):
        who, _, rest = each.partition(":")
        pair, _, budget = rest.rpartition(":")
        try:
            ((_, token),) = _curators(name, f"{who}:{pair}")
            known.append((who.strip(), token, float(_read(name, budget, "float"))))
        except BadRequest:
            raise BadRequest(
                f"entry {place} is no name:token:budget with a token of {SHORTEST_TOKEN} characters or more",
                where=name,
            ) from None
    return tuple(known)


_YES, _NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


def _yes_or_no(name: str, text: str) -> bool:
    if text.lower() not in _YES + _NO:
        raise BadRequest(f'"{text}" is neither {", ".join(_YES)} nor {", ".join(_NO)}', where=name)
    return text.lower() in _YES


def _read(name: str, text: str, kind: str) -> Any:
    """A setting's text as what its annotation says."""
    if kind.startswith("tuple"):
        return _callers(name, text) if "float" in kind else _curators(name, text)
    if "Path" in kind:
        return Path(text)
    if kind == "bool":
        return _yes_or_no(name, text)
    if "str" in kind:
        return text
    number = float if "float" in kind else int
    try:
        value = number(text)
    except ValueError:
        value = number(0)
    if not 0 < value < float("inf"):
        whole = "number" if number is float else "whole number"
        raise BadRequest(f'"{text}" is not a {whole} above 0', where=name)
    return value
