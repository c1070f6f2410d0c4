"""Connections, roles, limits and migrations: with cluster.py the only file that reaches PostgreSQL.

Loaders take a writing connection from `connect`; the server takes `Reader`, which sends prepared
statements and hands PostgreSQL's JSON text on as the bytes it came in.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import re
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import psycopg
from alembic import command
from alembic.config import Config
from psycopg import pq
from psycopg import sql as pgsql
from psycopg.pq.abc import PGconn
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from twin.cluster import DATABASE, embedded
from twin.errors import BadRequest, TwinFault
from twin.settings import Settings

log = logging.getLogger(__name__)

READER_ROLE = "twin_reader"
MIGRATIONS = Path(__file__).parent / "migrations"
RESERVED = ("graphql", "id", "reconcile", "healthz", "readyz", "metrics", "twin", "public")
#: a prepared statement costs a backend about a hundred times its text: longer ones are run once,
#: and one connection keeps no more than so much text prepared
_LONGEST_PREPARED_BYTES = 16_000
_PREPARED_BYTES = 256_000
#: how long PostgreSQL may take to end a statement that nobody waits for, before its connection is given up
_ENDED_WITHIN_S = 2.0
#: of a stream: how many rows are fetched first, and about how many bytes at a time once rows are known
_FIRST_ROWS = 50
_STREAMED_BYTES = 250_000

#: what to do about a fault of the database; the first kind that fits counts
_REMEDIES: tuple[tuple[type[psycopg.Error], str], ...] = (
    (psycopg.errors.DiskFull, "Make room on the disk of the database, then run it again"),
    (psycopg.errors.OutOfMemory, "Give the database more memory or lower its work_mem, then run it again"),
    (psycopg.errors.QueryCanceled, "Somebody, or a time limit of the database, ended it: run it again"),
    (
        psycopg.errors.AdminShutdown,
        "The database, or its end of the connection, was stopped: run it again when it is up",
    ),
    (psycopg.OperationalError, "Run it again when the database is well; its log says what happened to it"),
)

_GLOBAL = f"""
CREATE EXTENSION IF NOT EXISTS postgis;
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE SCHEMA IF NOT EXISTS twin;
CREATE TABLE IF NOT EXISTS twin.city (
    name text PRIMARY KEY,
    title text NOT NULL,
    srid integer NOT NULL,
    bounds double precision[] NOT NULL,
    registered_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS twin.version (
    city text,
    part text,
    version uuid NOT NULL DEFAULT gen_random_uuid(),
    PRIMARY KEY (city, part)
);
INSERT INTO twin.version (city, part) SELECT name, 'data' FROM twin.city ON CONFLICT DO NOTHING;
INSERT INTO spatial_ref_sys (srid, auth_name, auth_srid, srtext, proj4text)
VALUES (
    9391, 'EPSG', 9391,
    'PROJCS["BGS2005 / UTM zone 35N",GEOGCS["BGS2005",DATUM["Bulgaria_Geodetic_System_2005",SPHEROID["GRS 1980",6378137,298.257222101]],PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]],PROJECTION["Transverse_Mercator"],PARAMETER["latitude_of_origin",0],PARAMETER["central_meridian",27],PARAMETER["scale_factor",0.9996],PARAMETER["false_easting",500000],PARAMETER["false_northing",0],UNIT["metre",1],AUTHORITY["EPSG","9391"]]',
    '+proj=utm +zone=35 +ellps=GRS80 +towgs84=0,0,0,0,0,0,0 +units=m +no_defs'
) ON CONFLICT DO NOTHING;
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{READER_ROLE}') THEN
        CREATE ROLE {READER_ROLE} NOLOGIN;
    END IF;
    EXECUTE format('GRANT %I TO CURRENT_USER', '{READER_ROLE}');
END $$;
GRANT USAGE ON SCHEMA twin TO {READER_ROLE};
GRANT SELECT ON ALL TABLES IN SCHEMA twin TO {READER_ROLE};
"""  # noqa: E501  (one WKT, one line)


@dataclass(frozen=True)
class City:
    """A city that the database holds: its schema is `name`, its geometries are in EPSG:`srid`."""

    name: str
    title: str
    srid: int
    bounds: tuple[float, float, float, float]  #: west, south, east, north in EPSG:4326


def prepare(settings: Settings) -> str:
    """Make the database ready for cities, starting the embedded cluster where none is given; its URL."""
    url = settings.database_url
    if url is None:
        cluster = embedded(settings)
        cluster.up()
        with connect(cluster.url("postgres")) as connection:
            connection.autocommit = True
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(pgsql.SQL("CREATE DATABASE {}").format(pgsql.Identifier(DATABASE)))
        url = cluster.url()
    with connect(url) as connection:
        try:
            ready = connection.execute("SELECT to_regclass('twin.version') IS NOT NULL").fetchone()
            if not (ready and ready[0]):
                connection.execute(_GLOBAL)
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction) as refused:
            raise BadRequest(
                "the database is not ready for this version of the twin, and its user may not change it "
                f"({refused.diag.message_primary}): run `twin up` once as a user who may",
                where="TWIN_DATABASE_URL",
            ) from refused
    return url


def connect(url: str, *, city: str | None = None) -> psycopg.Connection[Any]:
    """A writing connection; with `city` its search_path is that city's schema."""
    try:
        connection = psycopg.connect(url, application_name="twin")
    except (psycopg.OperationalError, psycopg.ProgrammingError) as refused:
        reason = " ".join(str(refused).split())
        raise BadRequest(f"the database cannot be reached: {reason}", where="TWIN_DATABASE_URL") from refused
    # to compile a statement to machine code takes longer than most of ours, and linking's by minutes
    connection.execute("SET jit = off", prepare=False)
    if city:
        connection.execute(
            pgsql.SQL("SET search_path TO {}, public").format(pgsql.Identifier(city)), prepare=False
        )
    connection.commit()
    return connection


def lock_city(connection: psycopg.Connection[Any], city: str) -> bool:
    """Whether the connection got the right to load and link a city, which it holds until it is closed."""
    row = connection.execute(
        "SELECT pg_try_advisory_lock(hashtext('twin.load'), hashtext(%s))", [city]
    ).fetchone()
    return bool(row and row[0])


def in_words(fault: psycopg.OperationalError, doing: str = "") -> str:
    """What the database could not do, why in its own words, and what to do now; for a load or a link."""
    reason = fault.diag.message_primary or str(fault).strip().splitlines()[0]
    remedy = next(said for kind, said in _REMEDIES if isinstance(fault, kind))
    return f"the database failed{doing} ({reason.strip()}); nothing of it was kept. {remedy}"


def register_city(url: str, city: City) -> None:
    """Create the city's schema or bring it up to date, and enter it in the list of cities."""
    with connect(url) as connection:
        # two loads at once must not both create it; held until this connection closes, after the migration
        connection.execute("SELECT pg_advisory_lock(hashtext('twin.city'))")
        _is_known(connection, city)
        _enter(connection, city)
        connection.commit()
        # granting again while another load makes and drops its staging tables could fail
        if _migrate(url, city) or not _readable(connection, city):
            for grant in (
                "GRANT USAGE ON SCHEMA {} TO {}",
                "GRANT SELECT ON ALL TABLES IN SCHEMA {} TO {}",
            ):
                connection.execute(
                    pgsql.SQL(grant).format(pgsql.Identifier(city.name), pgsql.Identifier(READER_ROLE))
                )


@contextmanager
def rehearsal(url: str, city: City) -> Iterator[psycopg.Connection[Any]]:
    """A connection to the city as register_city would make it; all that is done on it is undone."""
    config = migration_config(url, city)
    with engine_of(url).connect() as lent, lent.begin() as undone:
        connection = lent.connection.dbapi_connection
        assert isinstance(connection, psycopg.Connection)
        if not _is_known(connection, city):
            _enter(connection, city)
        connection.execute(
            pgsql.SQL("SET LOCAL search_path TO {}, public").format(pgsql.Identifier(city.name)),
            prepare=False,
        )
        if not _is_current(connection):
            config.attributes["connection"] = lent
            command.upgrade(config, "head")
        try:
            yield connection
        finally:
            undone.rollback()


def _is_known(connection: psycopg.Connection[Any], city: City) -> bool:
    """Whether the database has the city; BadRequest where it cannot hold it as it is described."""
    if city.name in RESERVED or city.name.startswith("pg_") or not re.fullmatch("[a-z][a-z0-9_]*", city.name):
        raise BadRequest(
            f'"{city.name}" cannot name a city: use lower-case letters, digits and _, and none of '
            f"{', '.join(RESERVED)}, pg_*"
        )
    known = connection.execute("SELECT srid FROM twin.city WHERE name = %s", [city.name]).fetchone()
    if known and known[0] != city.srid:
        raise BadRequest(
            f"{city.name} is stored in EPSG:{known[0]}; its profile now says EPSG:{city.srid}. "
            "Load it under another name, or remove the old one first"
        )
    return known is not None


def _enter(connection: psycopg.Connection[Any], city: City) -> None:
    connection.execute(pgsql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(pgsql.Identifier(city.name)))
    connection.execute(
        "INSERT INTO twin.city AS c (name, title, srid, bounds) VALUES (%s, %s, %s, %s) "
        "ON CONFLICT (name) DO UPDATE SET title = excluded.title, bounds = excluded.bounds "
        "WHERE (c.title, c.bounds) IS DISTINCT FROM (excluded.title, excluded.bounds)",
        [city.name, city.title, city.srid, list(city.bounds)],
    )


def _readable(connection: psycopg.Connection[Any], city: City) -> bool:
    row = connection.execute(
        "SELECT has_table_privilege(%s, format('%%I.alembic_version', %s::text), 'SELECT')",
        [READER_ROLE, city.name],
    ).fetchone()
    return bool(row and row[0])


def cities(url: str) -> dict[str, City]:
    """The cities that the database holds, by name."""
    with connect(url) as connection:
        rows = connection.execute("SELECT name, title, srid, bounds FROM twin.city ORDER BY registered_at")
        return {row[0]: City(row[0], row[1], row[2], tuple(row[3])) for row in rows}


def migration_config(url: str, city: City) -> Config:
    """Alembic's configuration for one city's schema."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["url"] = url
    config.attributes["city"] = city
    return config


def _migrate(url: str, city: City) -> bool:
    """Bring the city's tables up to date; whether there was anything to do."""
    config = migration_config(url, city)
    with connect(url, city=city.name) as connection:
        if _is_current(connection):
            return False
    command.upgrade(config, "head")
    return True


def newest_migration() -> str:
    """The last revision, told by the files' names: to ask Alembic means to compile all of them, 25 ms."""
    return max(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("*.py"))


def _is_current(connection: psycopg.Connection[Any]) -> bool:
    """Whether the tables on the search path are as the newest migration makes them."""
    at = connection.execute("SELECT to_regclass('alembic_version') IS NOT NULL").fetchone()
    if not (at and at[0]):
        return False
    version = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return bool(version and version[0] == newest_migration())


def engine_of(url: str) -> Any:
    """A SQLAlchemy engine for migrations; no pool, they run once."""
    return create_engine(re.sub("^postgres(ql)?://", "postgresql+psycopg://", url), poolclass=NullPool)


class Unreachable(TwinFault):
    """The database does not answer at all; the cause is for the log only."""


class Refused(TwinFault):
    """PostgreSQL refused a statement: its code and words, for the caller to translate."""

    def __init__(self, sqlstate: str, message: str) -> None:
        super().__init__(f"{sqlstate} {message}")
        self.sqlstate = sqlstate
        self.message = message


class Overloaded(TwinFault):
    """More requests wait for a connection than may, or this one has waited for too long: try again later."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("the server has more requests than it can answer; try again later")
        self.retry_after_s = retry_after_s


#: a statement, its values, and whether its plan is kept
_Asked: TypeAlias = tuple[bytes, tuple[bytes | None, ...], bool]


class Reader:
    """The read-only connections of one server process, and the bounded queue in front of them.

    Where it has more than one, those that sum up many records have a few of them, with a queue of their own:
    more of them at once would be done no sooner, and others would wait for them. Who waits for the same is
    answered together.
    """

    def __init__(
        self, url: str, settings: Settings, *, size: int | None = None, longest_wait_s: float | None = None
    ) -> None:
        options = (
            f"-c role={READER_ROLE} -c default_transaction_read_only=on "
            f"-c statement_timeout={int(settings.statement_timeout_s * 1000)} "
            # a server that was killed leaves nothing running
            "-c client_connection_check_interval=1000 -c jit=off"
        )
        self._conninfo = psycopg.conninfo.make_conninfo(
            url, options=options, application_name="twin-reader", client_encoding="UTF8"
        )
        self._size = size or settings.connections
        self._sums: Reader | None = None
        if size is None and 0 < settings.sums < self._size:
            # whoever asks for what may take so long has the patience
            patience_s = settings.statement_timeout_s
            self._sums = Reader(url, settings, size=settings.sums, longest_wait_s=patience_s)
            self._size -= settings.sums
        self._most_waiting = settings.waiting_ceiling
        self._longest_wait_s = longest_wait_s or settings.waiting_timeout_s
        self._free: list[_Wire] = []
        self._turns: OrderedDict[asyncio.Future[_Wire], None] = OrderedDict()
        self._shared: dict[_Asked, _Shared] = {}  #: what waits for its turn
        self._all: set[_Wire] = set()
        self._ending: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Connect; Unreachable when the database does not answer."""
        for _ in range(self._size):
            self._free.append(await self._connect())
        if self._sums is not None:
            await self._sums.open()

    async def close(self) -> None:
        if self._sums is not None:
            await self._sums.close()
        for task in list(self._ending):
            task.cancel()
        for wire in self._all:
            wire.close()
        self._all.clear()

    async def fetch(
        self, sql: bytes, values: Sequence[bytes | None], *, prepare: bool = True, sums: bool = False
    ) -> tuple[bytes | None, ...]:
        """The first row, each column in PostgreSQL's text format.

        `sums` says that it sums up many records.

        With `prepare` the statement's plan is kept and used again; without, these values get a plan of their
        own. `sql` numbers its parameters $1, $2...; `values` are in text format, None for null.
        Raises Refused with PostgreSQL's code when the statement fails, Unreachable when nobody answers,
        Overloaded when too many wait already or the wait was too long. Who is cancelled leaves the queue; a
        statement that nobody wants any more is ended.
        """
        if sums and self._sums is not None:
            return await self._sums.fetch(sql, values, prepare=prepare)
        if self._free:
            return await self._ask(self._free.pop(), sql, values, prepare)
        return await self._ask_together((sql, tuple(values), prepare))

    async def _ask(
        self, wire: _Wire, sql: bytes, values: Sequence[bytes | None], prepare: bool
    ) -> tuple[bytes | None, ...]:
        """The first row of a statement on a connection, which is then the next caller's."""
        try:
            if not wire.broken:
                try:
                    return await wire.fetch(sql, values, prepare=prepare)
                except ConnectionResetError:
                    log.info("a database connection was lost; asking again on a new one")
            wire = await self._replace(wire)
            try:
                return await wire.fetch(sql, values, prepare=prepare)
            except ConnectionResetError as gone:
                raise Unreachable(str(gone)) from gone
        finally:
            if wire.busy:
                # cancelled: the answer is still under way and must not reach the next caller
                ending = asyncio.ensure_future(self._end(wire))
                self._ending.add(ending)
                ending.add_done_callback(self._ending.discard)
            else:
                self._release(wire)

    @property
    def waiting(self) -> int:
        """How many wait for a connection."""
        return sum(len(shared.askers) for shared in self._shared.values())

    def admit(self, beside: int = 0) -> None:
        """Overloaded where nobody more may wait for a connection, when so many will soon who do not yet."""
        if self.waiting + beside >= self._most_waiting:
            raise self._overloaded()

    def _overloaded(self) -> Overloaded:
        return Overloaded(math.ceil(self._longest_wait_s))

    async def _ask_together(self, asked: _Asked) -> tuple[bytes | None, ...]:
        """The row for all who ask for the same before its turn has come.

        It is read after each of them has asked, so nobody is told less than what was there by then.
        """
        self.admit()
        shared = self._shared.get(asked)
        if shared is None:
            shared = self._shared[asked] = _Shared(asyncio.ensure_future(self._in_turn(asked)))
        try:
            async with asyncio.timeout(self._longest_wait_s) as patience:
                shared.askers.add(patience)
                return await asyncio.shield(shared.row)
        except TimeoutError:
            raise self._overloaded() from None
        finally:
            shared.askers.discard(patience)
            if not shared.askers:
                shared.row.cancel()
                if self._shared.get(asked) is shared:
                    del self._shared[asked]  # who comes now must not wait for what is given up

    async def _in_turn(self, asked: _Asked) -> tuple[bytes | None, ...]:
        shared = self._shared[asked]
        try:
            wire = await self._turn()
        finally:
            if self._shared.get(asked) is shared:
                del self._shared[asked]
        for patience in shared.askers:
            if not patience.expired():
                patience.reschedule(None)  # it has begun
        return await self._ask(wire, *asked)

    async def _turn(self) -> _Wire:
        """The next connection that is free, first come, first served."""
        if self._free:
            return self._free.pop()
        turn: asyncio.Future[_Wire] = asyncio.get_running_loop().create_future()
        self._turns[turn] = None
        try:
            return await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self._release(turn.result())  # it came just as the last caller left
            raise
        finally:
            self._turns.pop(turn, None)

    def _release(self, wire: _Wire) -> None:
        while self._turns:
            first, _ = self._turns.popitem(last=False)
            if not first.done():
                first.set_result(wire)
                return
        self._free.append(wire)

    async def _end(self, wire: _Wire) -> None:
        """Have the statement that a connection runs ended, and give the connection to the next caller."""
        try:
            await asyncio.wait_for(wire.end(), _ENDED_WITHIN_S)
        except (TimeoutError, ConnectionResetError):
            wire.close()
        finally:
            self._release(wire)

    async def stream(
        self, sql: bytes, values: Sequence[bytes | None], *, timeout_s: float
    ) -> AsyncGenerator[list[bytes | None], None]:
        """The first column of every row, some rows at a time, on a connection beside the others.

        While some are handed on the next are fetched, and no more: memory stays flat whatever the whole is,
        and a slow caller slows PostgreSQL. Each fetch may take `timeout_s`. Whoever stops asking ends the
        statement. Raises as fetch() does.
        """
        wire = await self._connect()
        coming: asyncio.Task[Any] | None = None
        try:
            await wire.run(b"BEGIN")
            await wire.run(b"SET LOCAL statement_timeout = %d" % int(timeout_s * 1000))
            await wire.run(b"DECLARE streamed NO SCROLL CURSOR FOR " + sql, values)
            size = _FIRST_ROWS
            coming = asyncio.ensure_future(wire.run(b"FETCH %d FROM streamed" % size))
            while True:
                result = await coming
                rows = [result.get_value(row, 0) for row in range(result.ntuples)]
                if len(rows) < size:
                    if rows:
                        yield rows
                    return
                held = sum(len(row) for row in rows if row is not None)
                size = max(1, min(2 * size, size * _STREAMED_BYTES // max(held, 1)))
                coming = asyncio.ensure_future(wire.run(b"FETCH %d FROM streamed" % size))
                yield rows
        except ConnectionResetError as gone:
            raise Unreachable(str(gone)) from gone
        finally:
            if coming is not None:
                coming.cancel()
            wire.close()  # PostgreSQL notices within a second
            self._all.discard(wire)

    async def _replace(self, wire: _Wire) -> _Wire:
        fresh = await self._connect()
        wire.close()
        self._all.discard(wire)
        return fresh

    async def _connect(self) -> _Wire:
        wire = await asyncio.to_thread(_Wire.connect, self._conninfo)
        wire.attach(asyncio.get_running_loop())
        self._all.add(wire)
        return wire


@dataclass(eq=False)
class _Shared:
    """What comes of a statement, and how long each who wants it waits for its turn."""

    row: asyncio.Task[tuple[bytes | None, ...]]
    askers: set[asyncio.Timeout] = field(default_factory=set)


class _Wire:
    """One libpq connection under the event loop: one statement at a time, no decoding."""

    def __init__(self, connection: PGconn) -> None:
        self._connection = connection
        self._loop: asyncio.AbstractEventLoop | None = None
        self._descriptor: int | None = None
        self._waiting: asyncio.Future[Any] | None = None
        self._prepared: OrderedDict[bytes, bytes] = OrderedDict()
        self._prepared_bytes = 0
        self._count = 0
        self._lost = False

    @classmethod
    def connect(cls, conninfo: str) -> _Wire:
        connection = pq.PGconn.connect(conninfo.encode())
        if connection.status != pq.ConnStatus.OK:
            reason = connection.get_error_message().strip()
            connection.finish()
            raise Unreachable(reason)
        connection.nonblocking = 1
        return cls(connection)

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let the loop watch it, on a descriptor of our own: libpq closes a lost socket by itself, and the
        loop must not go on watching a number that may soon be another's."""
        self._loop = loop
        self._descriptor = os.dup(self._connection.socket)
        loop.add_reader(self._descriptor, self._readable)

    @property
    def broken(self) -> bool:
        return self._lost or self._connection.status != pq.ConnStatus.OK

    def close(self) -> None:
        """Give it up; may be called more than once."""
        self._lose("the connection was closed")
        self._connection.finish()

    @property
    def busy(self) -> bool:
        """Whether an answer is under way."""
        return self._waiting is not None

    async def end(self) -> None:
        """Ask PostgreSQL to end the statement that runs, and wait until it has."""
        if self._waiting is None:
            return  # it has ended by itself
        # whoever asked has left and cancelled the future: what comes is dropped
        self._waiting = dropped = asyncio.get_running_loop().create_future()
        # PostgreSQL hears of it on a connection of its own, and must have before the next statement is sent
        await asyncio.to_thread(_cancel, self._connection.get_cancel())
        await dropped

    async def fetch(
        self, sql: bytes, values: Sequence[bytes | None], *, prepare: bool
    ) -> tuple[bytes | None, ...]:
        name = self._prepared.get(sql) if prepare else None
        if name is not None:
            self._prepared.move_to_end(sql)
        elif prepare and len(sql) <= _LONGEST_PREPARED_BYTES:
            name = await self._prepare(sql)
        if name is None:
            result = await self._ask(lambda: self._connection.send_query_params(sql, values))
        else:
            result = await self._ask(lambda: self._connection.send_query_prepared(name, values))
        if result.status != pq.ExecStatus.TUPLES_OK:
            raise self._refusal(result)
        return tuple(result.get_value(0, column) for column in range(result.nfields))

    async def run(self, command: bytes, values: Sequence[bytes | None] = ()) -> Any:
        """The result of one command that is sent as it is; Refused where PostgreSQL does not carry it out."""
        result = await self._ask(lambda: self._connection.send_query_params(command, values))
        if result.status not in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK):
            raise self._refusal(result)
        return result

    async def _prepare(self, sql: bytes) -> bytes:
        while self._prepared and self._prepared_bytes + len(sql) > _PREPARED_BYTES:
            text, oldest = self._prepared.popitem(last=False)
            self._prepared_bytes -= len(text)
            forget = b"DEALLOCATE " + oldest
            await self._ask(partial(self._connection.send_query, forget))
        self._count += 1
        name = b"s%d" % self._count
        result = await self._ask(lambda: self._connection.send_prepare(name, sql))
        if result.status != pq.ExecStatus.COMMAND_OK:
            raise self._refusal(result)
        self._prepared[sql] = name
        self._prepared_bytes += len(sql)
        return name

    def _ask(self, send: Callable[[], None]) -> asyncio.Future[Any]:
        """Send, and the result to wait for; ConnectionResetError when nobody is there any more."""
        assert self._loop is not None
        self._waiting = waiting = self._loop.create_future()
        try:
            send()
            if self._connection.flush() and self._descriptor is not None:
                self._loop.add_writer(self._descriptor, self._writable)
        except psycopg.OperationalError as gone:
            self._lose(str(gone))
        return waiting

    def _writable(self) -> None:
        assert self._loop is not None
        try:
            if not self._connection.flush() and self._descriptor is not None:
                self._loop.remove_writer(self._descriptor)
        except psycopg.OperationalError as gone:
            self._lose(str(gone))

    def _readable(self) -> None:
        connection, waiting = self._connection, self._waiting
        try:
            connection.consume_input()
        except psycopg.OperationalError as gone:
            self._lose(str(gone))
            return
        if waiting is None or connection.is_busy():
            return
        result = connection.get_result()
        while (more := connection.get_result()) is not None:
            result = more
        if connection.status != pq.ConnStatus.OK:
            self._lose("the database closed the connection")
            return
        self._waiting = None
        if not waiting.done():
            waiting.set_result(result)

    def _lose(self, why: str) -> None:
        """Whoever waits is told, and the loop watches no longer."""
        self._lost = True
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_exception(ConnectionResetError(why))
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            if self._loop is not None and not self._loop.is_closed():
                self._loop.remove_reader(descriptor)
                self._loop.remove_writer(descriptor)
            os.close(descriptor)

    @staticmethod
    def _refusal(result: Any) -> Refused:
        state = result.error_field(pq.DiagnosticField.SQLSTATE) or b"XX000"
        words = result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or b""
        return Refused(state.decode(), words.decode(errors="replace"))


def _cancel(stop: Any) -> None:
    try:
        stop.cancel()
    except psycopg.OperationalError as gone:
        log.info("a statement that nobody waits for could not be ended: %s", gone)
