"""How answers keep their time while the city grows: `python -m tests.bench.growth`; takes some minutes to load.

Cities of each size stand beside each other in the benchmark's cluster, each in a schema of its own, and are made
once: districts and buildings by the loaders, and sites in place of those that the register's businesses have,
which to load and link takes an hour. The twin alone is asked: each round asks every size in turn.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence

import click
import psycopg
from rich.console import Console

from tests.bench import city as grounds
from tests.bench.city import HOME, Ground
from tests.bench.generators import Round, Wrk, bodies
from tests.bench.peers import twin_server
from tests.bench.questions import QUESTIONS, TWIN
from twin.database import cities
from twin.errors import BadRequest

err = Console(stderr=True, highlight=False)

SIZES = (20_000, 200_000, 1_000_000)
ASKED = ("building_by_id", "buildings_in_box", "many_buildings")
_LOADED = ("sample-districts", "sample-district-codes", "sample-neighbourhoods", "sample-buildings")
_SITES = """
INSERT INTO site (key, kind, name, building, recorded_at, sources)
SELECT b.key || '/' || n, 'OUTLET', 'Обект ' || n, b.key, now(), '{sample}'
FROM building AS b, generate_series(1, abs(hashtext(b.key)) % 5) AS n
"""
#: the most that an answer of the largest city may take, as a multiple of the smallest's
MOST = 1.2
_CONNECTIONS = 16


@click.command()
@click.option("--sizes", default=",".join(map(str, SIZES)), show_default=True, help="Buildings of each city.")
@click.option("--rounds", default=9, show_default=True, type=click.IntRange(1))
@click.option("--seconds", default=2.0, show_default=True, help="Length of a round.")
def main(sizes: str, rounds: int, seconds: float) -> None:
    """Ask the same of cities of several sizes: the median of the rounds' ratios tells the growth."""
    try:
        grown = _run([int(size) for size in sizes.split(",")], rounds, seconds)
    except BadRequest as wrong:
        sys.exit(str(wrong))
    sys.exit(0 if grown else 1)


def _run(sizes: Sequence[int], rounds: int, seconds: float) -> bool:
    questions = [q for q in QUESTIONS if q.name in ASKED]
    seen: dict[tuple[str, int], list[Round]] = {(q.name, size): [] for q in questions for size in sizes}
    with grounds.cluster() as running:
        url = running.tcp_url()
        for size in sizes:
            grounds.make_sample(url, size, err, name=_name(size), only=_LOADED, more=_SITES)
        known = cities(url)
        first = Ground(url, known[_name(sizes[0])], 0)
        with twin_server(first) as server:
            wrk = {}
            with psycopg.connect(url) as connection, err.status("choosing what to ask for"):
                for q in questions:
                    for size in sizes:
                        values = q.find(connection, known[_name(size)], q.variants)
                        if not values:
                            raise BadRequest(f"{size:,} buildings are too few for {q.title}")
                        path = server.url.replace("/graphql", f"/{_name(size)}/graphql")
                        folder = HOME / "asked" / q.name / str(size)
                        wrk[q.name, size] = Wrk(folder, path, bodies(q, TWIN, values))
            with err.status("warming up") as status:
                for generator in wrk.values():
                    generator.run(seconds, _CONNECTIONS)
                for n in range(rounds):
                    for q in questions:
                        # one after the other, in turn upwards and downwards: what a shared machine gives drifts
                        for size in sizes if n % 2 == 0 else reversed(sizes):
                            status.update(f"round {n + 1} of {rounds}: {q.title}, {size:,} buildings")
                            seen[q.name, size].append(wrk[q.name, size].run(seconds, _CONNECTIONS))
    met = True
    for q in questions:
        took = [1e3 / statistics.median(one.per_s for one in seen[q.name, size]) for size in sizes]
        pairs = zip(seen[q.name, sizes[0]], seen[q.name, sizes[-1]], strict=True)
        growth = statistics.median(small.per_s / large.per_s for small, large in pairs)
        met = met and growth <= MOST
        told = ", ".join(f"{size:,}: {ms:.3f} ms" for size, ms in zip(sizes, took, strict=True))
        verdict = "met" if growth <= MOST else "MISSED"
        click.echo(f"{verdict}: {q.title}: {growth:.2f} x the time, at most {MOST:g} x wanted ({told})")
    return met


def _name(size: int) -> str:
    return f"sample_{size}"


if __name__ == "__main__":
    main()
