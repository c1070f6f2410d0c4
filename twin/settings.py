"""Every setting of the twin, read once from the environment; the only file that reads it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

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
    statement_timeout_s: float = 15.0  #: after this PostgreSQL ends a request's statement
    page_default: int = 50  #: rows in a page when `first` and `last` are absent
    page_ceiling: int = 10_000  #: most rows that one page may ask for
    depth_ceiling: int = 12  #: deepest nesting of fields in one operation
    rows_ceiling: int = 200_000  #: most rows that one operation may ask for, nested pages multiplied
    request_bytes_ceiling: int = 1_000_000  #: largest request body
    real_data: Path | None = None  #: the folder of real files that tests marked `real` need

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read `TWIN_*`; a value of the wrong kind is a BadRequest that names the variable."""
        env = os.environ if environment is None else environment
        return cls(
            database_url=env.get("TWIN_DATABASE_URL") or None,
            home=Path(env.get("TWIN_HOME") or cls.home).absolute(),
            cluster_port=_whole(env, "TWIN_CLUSTER_PORT", cls.cluster_port),
            city=env.get("TWIN_CITY") or None,
            host=env.get("TWIN_HOST") or cls.host,
            port=_whole(env, "TWIN_PORT", cls.port) or cls.port,
            workers=_whole(env, "TWIN_WORKERS", cls.workers) or cls.workers,
            connections=_whole(env, "TWIN_CONNECTIONS", cls.connections) or cls.connections,
            statement_timeout_s=float(
                _whole(env, "TWIN_STATEMENT_TIMEOUT_S", None) or cls.statement_timeout_s
            ),
            page_ceiling=_whole(env, "TWIN_PAGE_CEILING", cls.page_ceiling) or cls.page_ceiling,
            real_data=Path(env["TWIN_REAL_DATA"]) if env.get("TWIN_REAL_DATA") else None,
        )


def _whole(env: Mapping[str, str], name: str, default: int | None) -> int | None:
    text = env.get(name)
    if not text:
        return default
    if not text.isdigit() or int(text) < 1:
        raise BadRequest(f'"{text}" is not a whole number above 0', where=name)
    return int(text)
