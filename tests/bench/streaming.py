"""`make bench`, the streams: all buildings of a large city as NDJSON, how fast and with how much memory.

The buildings are made up and lie in the table in no order, so that key order is the dearest there is.
"""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import click
import httpx2
import psycopg
from rich.console import Console

from tests.bench import report
from tests.bench.city import Ground, cluster
from tests.bench.peers import Server, twin_server
from twin.database import City, register_city
from twin.errors import BadRequest

CITY = City("stream_bench", "A city to stream", 7801, (23.20, 42.60, 23.45, 42.75))
ROWS_PER_S = 20_000
MEMORY_MB = 300.0
_NDJSON = {"accept": "application/x-ndjson"}
#: what is asked of each building, from little to much
SELECTIONS = {
    "id and use": "id currentUse { code }",
    "id, use, size, geometry": "id currentUse { code } storeysAboveGround heightM footprintAreaM2 geometry",
    "the same in gzip": "id currentUse { code } storeysAboveGround heightM footprintAreaM2 geometry",
    "with district and 5 sites": "id geometry district { nameBg } sites(first: 5) { nodes { id name } }",
}
err = Console(stderr=True, highlight=False)


@dataclass(frozen=True)
class Streamed:
    """One stream: rows, bytes on the wire, seconds to the first row and to the last, server's memory in MB."""

    rows: int
    size: int
    first_s: float
    seconds: float
    before_mb: float
    tenth_mb: float  #: the most until a tenth of the rows had come
    most_mb: float


@click.command()
@click.option("--buildings", default=200_000, show_default=True, help="Size of the city.")
def main(buildings: int) -> None:
    """Stream every building of a made-up city; exit code 1 where that is slow or takes much memory."""
    with cluster() as running:
        url, machine = running.tcp_url(), report.machine()
        make(url, buildings)
        ground = Ground(url, CITY, 0)
        click.echo(f"{buildings:,} buildings; {machine['cpu']}, {machine['cores']} cores\n")
        click.echo("| each line | rows/s | MB/s | first row | server's memory before, at a tenth, at most |")
        click.echo("|---|--:|--:|--:|--:|")
        met = True
        for name, selection in SELECTIONS.items():
            # a server for each: its memory is that of this stream
            with twin_server(ground) as server:
                one = stream(server, selection, buildings, gzip="gzip" in name)
            met &= one.rows == buildings and one.most_mb < MEMORY_MB
            if "sites" not in name:
                met &= one.rows / one.seconds >= ROWS_PER_S
            click.echo(
                f"| {name} | {one.rows / one.seconds:,.0f} | {one.size / one.seconds / 1e6:.1f} |"
                f" {one.first_s * 1000:.0f} ms |"
                f" {one.before_mb:.0f}, {one.tenth_mb:.0f}, {one.most_mb:.0f} MB |"
            )
    sys.exit(0 if met else 1)


def make(url: str, buildings: int) -> None:
    """The city with so many buildings, two sites in every third of them; kept for the next run."""
    with psycopg.connect(url) as connection:
        said = connection.execute(
            "SELECT obj_description(to_regnamespace(%s), 'pg_namespace')", [CITY.name]
        ).fetchone()
    if said is not None and said[0] == str(buildings):
        return
    with psycopg.connect(url) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {CITY.name} CASCADE".encode())
        connection.execute("DELETE FROM twin.city WHERE name = %s", [CITY.name])
    register_city(url, CITY)
    with (
        err.status(f"making a city of {buildings:,} buildings"),
        psycopg.connect(url, autocommit=True) as connection,
    ):
        connection.execute(f"SET search_path TO {CITY.name}, public".encode())
        for statement in (
            "INSERT INTO district (key, code, name_bg, name_folded, boundary, recorded_at, sources)"
            " SELECT 'd' || i, 'd' || i, 'Район ' || i, 'rayon ' || i, ST_Multi(ST_MakeEnvelope("
            " 310000 + i * 1000, 4720000, 311000 + i * 1000, 4750000, 7801)), now(), '{s}'"
            " FROM generate_series(0, 23) i",
            "INSERT INTO building (key, cadastral_id, current_use, storeys_above_ground, height_m, footprint,"
            " district, recorded_at, sources) SELECT '68134.' || i, '68134.' || i, (100 + i % 50)::text, i % 9,"
            " 3 * (i % 9), ST_Multi(ST_MakeEnvelope(x, y, x + 10, y + 10, 7801)), 'd' || (x - 310000) / 1000,"
            " now(), '{s}' FROM (SELECT i, 310000 + (i % 1000) * 23 AS x, 4720000 + (i / 1000) * 23 AS y"
            f" FROM generate_series(0, {buildings - 1}) i ORDER BY md5(i::text)) b",
            "INSERT INTO site (key, kind, name, building, recorded_at, sources)"
            " SELECT i || '/' || j, 'OUTLET', 'Обект ' || j, '68134.' || i, now(), '{s}'"
            f" FROM generate_series(0, {buildings - 1}, 3) i, generate_series(1, 2) j",
            "VACUUM ANALYZE",
            f"COMMENT ON SCHEMA {CITY.name} IS '{buildings}'",
        ):
            connection.execute(statement.encode())


def stream(server: Server, selection: str, rows: int, *, gzip: bool) -> Streamed:
    """Read a stream to its end, as fast as it comes, while the server's memory is watched."""
    encoding = "gzip" if gzip else "identity"
    query = {"query": f"{{ buildings {{ nodes {{ {selection} }} }} }}"}
    before = memory_mb(server.pid)
    most = tenth = before
    ended = threading.Event()

    def watch() -> None:
        nonlocal most
        while not ended.wait(0.05):
            most = max(most, memory_mb(server.pid))

    watching = threading.Thread(target=watch)
    watching.start()
    found, first_s = 0, 0.0
    start = time.perf_counter()
    try:
        with (
            httpx2.Client(timeout=600) as client,
            client.stream(
                "POST", server.url, json=query, headers=_NDJSON | {"accept-encoding": encoding}
            ) as answer,
        ):
            if answer.status_code != 200:
                raise BadRequest(f"the server answered {answer.status_code}")
            for piece in answer.iter_bytes(1 << 18):
                first_s = first_s or time.perf_counter() - start
                found += piece.count(b"\n")
                if found < rows / 10:
                    tenth = most
            size = answer.num_bytes_downloaded
    finally:
        seconds = time.perf_counter() - start
        ended.set()
        watching.join()
    return Streamed(found, size, first_s, seconds, before, tenth, most)


def memory_mb(pid: int) -> float:
    """What a process holds in memory now."""
    (line,) = [
        line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS:")
    ]
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
