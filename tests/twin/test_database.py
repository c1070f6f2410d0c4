"""Cities in one database, their migrations, and the server's read-only connections."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Coroutine
from typing import Any

import psycopg
import pytest
import uvloop
from alembic import command
from alembic.script import ScriptDirectory

from twin import database
from twin.cluster import Cluster
from twin.database import City, Overloaded, Reader, Refused, Unreachable
from twin.errors import BadRequest
from twin.settings import Settings
from twin.text import fold

BOUNDS = (23.0, 42.4, 23.7, 42.9)


def test_two_cities_stand_beside_each_other_each_in_its_own_crs(database_url: str) -> None:
    database.register_city(database_url, City("sofia", "София", 7801, BOUNDS))
    database.register_city(database_url, City("vaduz", "Vaduz", 2056, (9.4, 47.0, 9.7, 47.3)))
    database.register_city(database_url, City("vaduz", "Vaduz", 2056, (9.4, 47.0, 9.7, 47.3)))
    assert {c.name: c.srid for c in database.cities(database_url).values()} == {"sofia": 7801, "vaduz": 2056}
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT DISTINCT f_table_schema, srid FROM geometry_columns ORDER BY 1"
        ).fetchall()
    assert rows == [("sofia", 7801), ("vaduz", 2056)]


def test_the_migrations_make_what_the_entities_declare(database_url: str) -> None:
    city = City("checked", "Checked", 7801, BOUNDS)
    database.register_city(database_url, city)
    config = database.migration_config(database_url, city)
    command.check(config)
    assert database.newest_migration() == ScriptDirectory.from_config(config).get_current_head()


def test_names_that_were_loaded_before_they_were_folded_are_found(database_url: str) -> None:
    city = City("older", "Older", 7801, BOUNDS)
    database.register_city(database_url, city)
    command.downgrade(database.migration_config(database_url, city), "0003")
    with database.connect(database_url, city="older") as connection:
        connection.execute(
            "INSERT INTO air_quality_station (key, name, position, recorded_at, sources)"
            " VALUES ('1', 'Хиподрума „Юг“', ST_SetSRID(ST_Point(320000, 4730000), 7801), now(), '{a}')"
        )
    database.register_city(database_url, city)
    with database.connect(database_url, city="older") as connection:
        [(folded,)] = connection.execute("SELECT name_folded FROM air_quality_station").fetchall()
    assert folded == fold("Хиподрума „Юг“")


@pytest.mark.parametrize("name", ["twin", "public", "graphql", "pg_x", "New York", "1st", "Robert'); --"])
def test_a_name_that_cannot_be_a_schema_is_refused(database_url: str, name: str) -> None:
    with pytest.raises(BadRequest, match="cannot name a city"):
        database.register_city(database_url, City(name, "x", 7801, BOUNDS))


def test_a_city_keeps_its_crs(database_url: str) -> None:
    database.register_city(database_url, City("kept", "x", 7801, BOUNDS))
    with pytest.raises(BadRequest, match="stored in EPSG:7801; its profile now says EPSG:32634"):
        database.register_city(database_url, City("kept", "x", 32634, BOUNDS))


def test_the_crs_that_old_postgis_lacks_is_there(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            "SELECT round(ST_X(p)::numeric), round(ST_Y(p)::numeric) FROM ST_Transform("
            "ST_SetSRID(ST_MakePoint(23.3219, 42.6977), 4326), 9391) p"
        ).fetchone()
    assert row == (198722, 4733808)  # as EPSG:32635 within a metre


def test_an_unreachable_database_is_named(database_url: str) -> None:
    with pytest.raises(BadRequest, match="TWIN_DATABASE_URL: the database cannot be reached"):
        database.connect("postgresql://nobody@127.0.0.1:1/none")


def read(url: str, use: Any, **settings: Any) -> Any:
    async def run() -> Any:
        reader = Reader(url, Settings(connections=2, **settings))
        await reader.open()
        try:
            return await use(reader)
        finally:
            await reader.close()

    return asyncio.run(run())


def test_the_reader_cannot_write(database_url: str) -> None:
    async def use(reader: Reader) -> None:
        with pytest.raises(Refused) as refused:
            await reader.fetch(b"CREATE TABLE x (y int)", [])
        assert refused.value.sqlstate in ("25006", "42501")
        with pytest.raises(Refused):
            await reader.fetch(b"DELETE FROM twin.city RETURNING 1", [])

    read(database_url, use)


def test_every_statement_is_the_read_only_role_s_and_limited(database_url: str) -> None:
    async def use(reader: Reader) -> None:
        limits = (
            b"SELECT current_user, current_setting('transaction_read_only'),"
            b" current_setting('statement_timeout'), current_setting('client_connection_check_interval')"
        )
        assert await reader.fetch(limits, []) == (b"twin_reader", b"on", b"7s", b"1s")

    read(database_url, use, statement_timeout_s=7.0)


def test_a_statement_that_takes_too_long_is_ended(database_url: str) -> None:
    async def use(reader: Reader) -> None:
        with pytest.raises(Refused) as refused:
            await reader.fetch(b"SELECT pg_sleep(30)", [])
        assert refused.value.sqlstate == "57014"
        assert await reader.fetch(b"SELECT 1", []) == (b"1",)

    read(database_url, use, statement_timeout_s=0.1)


def test_a_lost_connection_is_replaced_without_the_caller_noticing(
    database_url: str, cluster: Cluster
) -> None:
    async def use(reader: Reader) -> None:
        for _ in range(4):
            assert await reader.fetch(b"SELECT 1", []) == (b"1",)
        with psycopg.connect(cluster.url("postgres"), autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'twin-reader'"
            )
        await asyncio.sleep(0.2)
        for _ in range(4):
            assert await reader.fetch(b"SELECT $1::text", [b"x"]) == (b"x",)

    read(database_url, use)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_connection_lost_while_much_is_being_sent_is_replaced(
    database_url: str, cluster: Cluster, loop: str
) -> None:
    """More than a socket's buffer holds: the loop is waiting to write when the server goes."""
    much = b"x" * 8_000_000

    async def use() -> None:
        reader = Reader(database_url, Settings(connections=1))
        await reader.open()
        (pid,) = await reader.fetch(b"SELECT pg_backend_pid()", [])
        assert pid is not None
        os.kill(int(pid), signal.SIGSTOP)
        asked = asyncio.ensure_future(reader.fetch(b"SELECT length($1::text)", [much]))
        await asyncio.sleep(0.2)
        with psycopg.connect(cluster.url("postgres"), autocommit=True) as admin:
            admin.execute("SELECT pg_terminate_backend(%s)", [int(pid)])
        os.kill(int(pid), signal.SIGCONT)
        assert await asyncio.wait_for(asked, 30) == (b"8000000",)
        for _ in range(3):
            assert await reader.fetch(b"SELECT 1", []) == (b"1",)
        await reader.close()

    run(use, loop)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_caller_who_leaves_while_much_is_being_sent_breaks_nothing(database_url: str, loop: str) -> None:
    much = b"x" * 8_000_000

    async def use() -> None:
        reader = Reader(database_url, Settings(connections=1))
        await reader.open()
        for _ in range(5):
            asked = asyncio.ensure_future(reader.fetch(b"SELECT length($1::text)", [much]))
            await asyncio.sleep(0)
            asked.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asked
            assert await reader.fetch(b"SELECT 1", []) == (b"1",)
        await reader.close()

    run(use, loop)


def test_what_nobody_waits_for_is_ended_in_the_database(database_url: str) -> None:
    async def use(reader: Reader) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.fetch(b"SELECT pg_sleep(30)", []), 0.1)
        await asyncio.sleep(0.3)
        busy = b"SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(30)%' AND state = 'active'"
        assert await reader.fetch(busy, []) == (b"0",)

    read(database_url, use)


def test_a_database_that_is_away_is_said_so_and_found_again(database_url: str) -> None:
    async def use(reader: Reader) -> None:
        working = reader._conninfo
        reader._conninfo = "postgresql://nobody@127.0.0.1:1/none"
        for wire in list(reader._all):
            wire.close()
        for _ in range(3):
            with pytest.raises(Unreachable):
                await reader.fetch(b"SELECT 1", [])
        reader._conninfo = working
        assert await reader.fetch(b"SELECT 1", []) == (b"1",)

    read(database_url, use)


def run(use: Callable[[], Coroutine[Any, Any, None]], loop: str) -> None:
    made = uvloop.new_event_loop() if loop == "uvloop" else asyncio.new_event_loop()
    with asyncio.Runner(loop_factory=lambda: made) as runner:
        runner.run(use())


def test_many_callers_share_few_connections_and_get_their_own_answers(database_url: str) -> None:
    async def use(reader: Reader) -> None:
        answers = await asyncio.gather(
            *(reader.fetch(b"SELECT $1::text FROM pg_sleep(0.001)", [b"%d" % i]) for i in range(200))
        )
        assert answers == [(b"%d" % i,) for i in range(200)]

    read(database_url, use)


def test_who_waits_for_the_same_is_answered_together_and_not_by_what_was_before_it_asked(
    database_url: str,
) -> None:
    now = b"SELECT extract(epoch FROM clock_timestamp()) + $1::int"

    async def use(reader: Reader) -> None:
        busy = [asyncio.ensure_future(reader.fetch(b"SELECT pg_sleep(0.3)", [])) for _ in range(2)]
        await asyncio.sleep(0)
        asked = [asyncio.ensure_future(reader.fetch(now, [b"0"])) for _ in range(5)]
        other = asyncio.ensure_future(reader.fetch(now, [b"1000"]))
        await asyncio.sleep(0.1)
        assert reader.waiting == 6
        asked.append(asyncio.ensure_future(reader.fetch(now, [b"0"])))
        await asyncio.sleep(0)
        assert reader.waiting == 7
        last_asked = time.time()
        # the first to ask leaves; whoever stays has its answer
        asked.pop(0).cancel()
        (answer, *others), (much,) = await asyncio.gather(*asked), await other
        assert others == [answer] * 4
        assert float(answer[0] or b"") >= last_asked
        assert float(much or b"") > float(answer[0] or b"") + 900
        assert reader.waiting == 0
        await asyncio.gather(*busy)
        assert float((await reader.fetch(now, [b"0"]))[0] or b"") > float(answer[0] or b"")

    read(database_url, use)


def test_a_connection_that_comes_free_just_as_somebody_asks_is_theirs(database_url: str) -> None:
    async def use(reader: Reader) -> None:
        wires = [reader._free.pop(), reader._free.pop()]
        asked = asyncio.ensure_future(reader.fetch(b"SELECT 1", []))
        asyncio.get_running_loop().call_soon(reader._release, wires.pop())
        assert await asyncio.wait_for(asked, 3) == (b"1",)
        reader._release(wires.pop())

    read(database_url, use)


def test_each_who_waits_for_the_same_waits_as_long_as_any_other(database_url: str) -> None:
    async def use(reader: Reader) -> None:
        busy = [asyncio.ensure_future(reader.fetch(b"SELECT pg_sleep(1.5)", [])) for _ in range(2)]
        await asyncio.sleep(0)
        first = asyncio.ensure_future(reader.fetch(b"SELECT 1", []))
        await asyncio.sleep(0.9)
        second = asyncio.ensure_future(reader.fetch(b"SELECT 1", []))
        with pytest.raises(Overloaded):
            await first
        assert reader.waiting == 1
        assert await second == (b"1",)
        await asyncio.gather(*busy)
        # what has begun may take longer than anybody waits for it to begin
        busy = [asyncio.ensure_future(reader.fetch(b"SELECT pg_sleep(0.2)", [])) for _ in range(2)]
        await asyncio.sleep(0)
        assert await reader.fetch(b"SELECT 2 FROM pg_sleep(1.2)", []) == (b"2",)
        await asyncio.gather(*busy)

    read(database_url, use, waiting_timeout_s=1.0)


def test_what_all_who_waited_for_have_left_is_not_asked(database_url: str) -> None:
    lock = b"SELECT pg_advisory_lock(77)::text"
    locks = b"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 77"

    async def use(reader: Reader) -> None:
        async def leave_at_once() -> None:
            """While others have the connections."""
            leaving = [asyncio.ensure_future(reader.fetch(lock, [])) for _ in range(3)]
            await asyncio.sleep(0.05)
            assert reader.waiting == 3
            for one in leaving:
                one.cancel()
            await asyncio.wait(leaving)
            assert all(one.cancelled() for one in leaving)
            assert reader.waiting == 0

        busy = [asyncio.ensure_future(reader.fetch(b"SELECT pg_sleep(0.3)", [])) for _ in range(2)]
        await asyncio.sleep(0)
        await leave_at_once()
        await asyncio.gather(*busy)
        assert await reader.fetch(locks, []) == (b"0",)

        busy = [asyncio.ensure_future(reader.fetch(b"SELECT pg_sleep(0.3)", [])) for _ in range(2)]
        await asyncio.sleep(0)
        await leave_at_once()
        # who comes now does not wait for what was given up
        assert await reader.fetch(lock, []) == (b"",)
        await asyncio.gather(*busy)
        assert await reader.fetch(locks, []) == (b"1",)

    read(database_url, use)


def test_a_caller_who_leaves_does_not_leave_an_answer_behind(database_url: str) -> None:
    async def use(reader: Reader) -> None:
        def ask(sql: bytes) -> Coroutine[Any, Any, Any]:
            return reader.fetch(sql, [])

        for _ in range(4):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(ask(b"SELECT 'stale' FROM pg_sleep(0.3)"), 0.05)
        for _ in range(4):
            assert await ask(b"SELECT 'fresh'") == (b"fresh",)

    read(database_url, use)


def test_more_statements_than_are_kept_prepared_still_run(database_url: str) -> None:
    async def use(reader: Reader) -> None:
        long = b" " * (database._LONGEST_PREPARED_BYTES - 100)
        for i in range(3 * database._PREPARED_BYTES // len(long)):
            assert await reader.fetch(b"SELECT %d%s" % (i, long), []) == (b"%d" % i,)
        longer = b" " * database._LONGEST_PREPARED_BYTES
        assert await reader.fetch(b"SELECT $1::text" + longer, [b"once"]) == (b"once",)
        held = await reader.fetch(b"SELECT sum(length(statement)) FROM pg_prepared_statements", [])
        assert 0 < int(held[0] or 0) <= database._PREPARED_BYTES

    read(database_url, use)
