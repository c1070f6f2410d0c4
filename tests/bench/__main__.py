"""`make bench`: one run of the benchmark; exit code 1 when a bar is missed."""

from __future__ import annotations

import contextlib
import datetime as dt
import shutil
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import click
import httpx2
import orjson
import psycopg
from rich.console import Console

from schema.execute import Engine
from schema.query import build
from tests.bench import report
from tests.bench.city import HOME, Ground, ground
from tests.bench.cpu import cpu_seconds, settle
from tests.bench.generators import Pgbench, Round, Wrk, bodies
from tests.bench.peers import SERVERS, Absent, Server, make_peer_schema, postgraphile_versions
from tests.bench.plans import large_tables_read_whole
from tests.bench.questions import PGBENCH, POSTGRAPHILE, QUESTIONS, TWIN, Question, Values, content
from tests.bench.unseen import Unseen, ask_unseen
from twin.cluster import find_programs
from twin.errors import BadRequest
from twin.settings import Settings

err = Console(stderr=True, highlight=False)

CONNECTIONS = 16
_COMPARED = 3
#: a round is long enough for each connection to be answered so many times, within reason
_ANSWERS, _LONGEST_S = 2.5, 10.0
_ANSWERS_ALONE, _LONGEST_ALONE_S = 40.0, 2.0
_ANSWERS_WARM_UP, _WARM_UP_S = 1.5, 2.0

Generator = Wrk | Pgbench


@click.command()
@click.option("--buildings", default=200_000, show_default=True, help="Size of the sample city.")
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1))
@click.option("--seconds", default=3.0, show_default=True, help="Length of a round.")
@click.option(
    "--only", multiple=True, type=click.Choice([q.name for q in QUESTIONS]), help="Questions to ask."
)
@click.option("--without", multiple=True, type=click.Choice([*SERVERS, PGBENCH]), help="Peers to leave out.")
@click.option("--city", help="A city that the benchmark's cluster holds, in place of the sample.")
@click.option("--fresh", is_flag=True, help="Make the sample city anew.")
@click.option("--quick", is_flag=True, help="One short round of a small city: does all of it run?")
def main(
    buildings: int, rounds: int, seconds: float, only: Sequence[str], without: Sequence[str], city: str | None,
    fresh: bool, quick: bool,
) -> None:  # fmt: skip
    """Time the twin beside other ways to answer the same questions from the same cluster."""
    if quick:
        buildings, rounds, seconds = min(buildings, 20_000), 1, 1.0
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing: `make bench` installs it, or run `apt-get install wrk`")
    # so that the servers end with the run whatever ends it
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    questions = [q for q in QUESTIONS if not only or q.name in only]
    try:
        with ground(buildings, err, named=city, fresh=fresh) as found:
            met = _run(found, questions, rounds, seconds, without)
    except BadRequest as wrong:
        sys.exit(str(wrong))
    sys.exit(0 if met else 1)


def _run(
    found: Ground, questions: Sequence[Question], rounds: int, seconds: float, without: Sequence[str]
) -> bool:
    machine = report.machine()
    engine = Engine(build(), Settings())
    make_peer_schema(found)
    with psycopg.connect(found.url) as connection, err.status("choosing what to ask for"):
        values = {q.name: q.find(connection, found.city, q.variants) for q in questions}
    for q in questions:
        if len(values[q.name]) < min(q.variants, 16):
            raise BadRequest(f"{found.city.name} has only {len(values[q.name])} places to ask for {q.title}")
    statements = {
        q.name: engine.statement(found.city, q.words[TWIN], q.variables(TWIN, values[q.name][0]))
        for q in questions
    }
    scans = _check_plans(found, questions, statements, values)
    absent: dict[str, str] = {}
    others: dict[str, str] = {}
    with contextlib.ExitStack() as running:
        servers: dict[str, Server] = {}
        for peer, start in SERVERS.items():
            if peer in without:
                continue
            try:
                with err.status(f"starting {peer}"):
                    servers[peer] = running.enter_context(start(found))
            except Absent as reason:
                absent[peer] = str(reason)
        if POSTGRAPHILE in servers:
            others = postgraphile_versions()
        took = {q.name: _compare(q, servers, values[q.name]) for q in questions}
        generators: dict[tuple[str, str], Generator] = {}
        for q in questions:
            for peer, server in servers.items():
                folder = HOME / "asked" / q.name / peer.replace(" ", "-")
                generators[q.name, peer] = Wrk(folder, server.url, bodies(q, peer, values[q.name]))
            if PGBENCH not in without:
                bound = [statements[q.name].values(q.variables(TWIN, one)) for one in values[q.name]]
                folder = HOME / "asked" / q.name / "pgbench"
                statement = statements[q.name].sql
                generators[q.name, PGBENCH] = Pgbench(folder, find_programs(), found.url, q, statement, bound)
                took[q.name][PGBENCH] = took[q.name].get(TWIN, 0.0)
        pids = {peer: server.pid for peer, server in servers.items()}
        measured = _measure(questions, generators, pids, found.pid, took, rounds, seconds)
        unseen = None
        if TWIN in servers and len(questions) == len(QUESTIONS):
            with err.status("asking what was never asked before"):
                unseen = ask_unseen(servers[TWIN].url, values, rounds)
        versions = report.versions(found.url, others)
    seen = report.bars(measured) + ([unseen.bar] if unseen else [])
    _write(found, machine, versions, questions, measured, seen, scans, absent, rounds, seconds, unseen)
    click.echo(
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gb']} GB; PostgreSQL {versions['postgresql']}, "
        f"PostGIS {versions['postgis']}; load before: {machine['load_before']:.1f}\n"
    )
    click.echo(report.table(measured, absent, CONNECTIONS) + "\n")
    if unseen:
        click.echo(f"{unseen}\n")
    for line in (*seen, *scans):
        click.echo(str(line))
    return all(bar.met for bar in seen) and not scans


def _check_plans(
    found: Ground,
    questions: Sequence[Question],
    statements: Mapping[str, Any],
    values: Mapping[str, list[Values]],
) -> list[str]:
    with psycopg.connect(found.url) as connection:
        return [
            f"MISSED: {q.title}: {scan}"
            for q in questions
            if q.rows is not None  # what counts everything reads everything
            for scan in large_tables_read_whole(
                connection, found.city, statements[q.name], q.variables(TWIN, values[q.name][0])
            )
        ]


def _compare(question: Question, servers: Mapping[str, Server], values: Sequence[Values]) -> dict[str, float]:
    """See that all peers answer the same, and in full; gives the seconds that each took for one answer."""
    took: dict[str, float] = {}
    with httpx2.Client(timeout=60) as client:
        for one in values[:_COMPARED]:
            said: dict[str, Any] = {}
            for peer, server in servers.items():
                (body,) = bodies(question, peer, [one])
                started = time.monotonic()
                answer = client.post(server.url, content=body, headers={"content-type": "application/json"})
                took[peer] = time.monotonic() - started
                said[peer] = content(question, orjson.loads(answer.content))
                if said[peer] != said[next(iter(said))]:
                    raise BadRequest(
                        f"{question.title}: {peer} answers otherwise than {next(iter(said))} for {one}"
                    )
            for peer, root in said.items():
                rows = len(root) if isinstance(root, list) else int(root is not None)
                if question.rows is not None and rows != question.rows:
                    raise BadRequest(f"{question.title}: {peer} answers {rows} rows, not {question.rows}")
    return took


def _measure(
    questions: Sequence[Question],
    generators: Mapping[tuple[str, str], Generator],
    pids: Mapping[str, int],
    cluster: int,
    took: Mapping[str, Mapping[str, float]],
    rounds: int,
    seconds: float,
) -> list[report.Measured]:
    loaded: dict[tuple[str, str], list[Round]] = {key: [] for key in generators}
    alone: dict[tuple[str, str], list[Round]] = {key: [] for key in generators}
    cpu: dict[tuple[str, str], list[tuple[float, float]]] = {key: [] for key in generators}
    keys = [(q.name, peer) for q in questions for name, peer in generators if name == q.name]
    with err.status("warming up") as status:
        for key in keys:
            one = took[key[0]][key[1]] * CONNECTIONS
            generators[key].run(min(max(_WARM_UP_S, _ANSWERS_WARM_UP * one), _LONGEST_S), CONNECTIONS)
            settle([*pids.values(), cluster])
        for n in range(rounds):
            # each question's peers follow each other closely, and every round begins with another of them
            for name, peer in _turned(keys, n):
                status.update(f"round {n + 1} of {rounds}: {name}, {peer}")
                one = took[name][peer]
                under_load = min(max(seconds, _ANSWERS * CONNECTIONS * one), _LONGEST_S)
                watched = [pid for pid in (pids.get(peer), cluster) if pid]
                before = {pid: cpu_seconds(pid) for pid in watched}
                seen = generators[name, peer].run(under_load, CONNECTIONS)
                settle(watched)
                # wrk leaves with a request under way on each connection, and those are answered too
                answers = seen.answers + (CONNECTIONS if peer != PGBENCH else 0)
                spent = {pid: 1e3 * (cpu_seconds(pid) - before[pid]) / answers for pid in watched}
                loaded[name, peer].append(seen)
                cpu[name, peer].append((spent.get(pids.get(peer, 0), 0.0), spent[cluster]))
                by_one = min(max(1.0, _ANSWERS_ALONE * one), _LONGEST_ALONE_S)
                alone[name, peer].append(generators[name, peer].run(by_one, 1))
                settle(watched)
    by_name = {q.name: q for q in questions}
    return [report.Measured(by_name[key[0]], key[1], loaded[key], alone[key], cpu[key]) for key in keys]


def _turned(keys: Sequence[tuple[str, str]], by: int) -> list[tuple[str, str]]:
    turned: list[tuple[str, str]] = []
    for name in dict.fromkeys(key[0] for key in keys):
        group = [key for key in keys if key[0] == name]
        cut = by % len(group)
        turned += group[cut:] + group[:cut]
    return turned


def _write(
    found: Ground,
    machine: Mapping[str, Any],
    versions: Mapping[str, str],
    questions: Sequence[Question],
    measured: Sequence[report.Measured],
    seen: Sequence[report.Bar],
    scans: Sequence[str],
    absent: Mapping[str, str],
    rounds: int,
    seconds: float,
    unseen: Unseen | None,
) -> None:
    with psycopg.connect(found.url) as connection:
        counts = {
            table: connection.execute(
                "SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass(%s)",
                [f"{found.city.name}.{table}"],
            ).fetchone()
            for table in ("building", "business", "site", "district")
        }
    results = {
        "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "machine": machine,
        "versions": versions,
        "city": {"name": found.city.name, **{table: row[0] for table, row in counts.items() if row}},
        "load": {
            "connections": CONNECTIONS,
            "rounds": rounds,
            "seconds": seconds,
            "transport": "TCP, 127.0.0.1",
        },
        "questions": {
            q.name: {
                "title": q.title,
                "peers": {one.peer: one.as_json() for one in measured if one.question is q},
            }
            for q in questions
        },
        "unseen_documents": unseen and unseen.as_json(),
        "bars": [{"question": b.of, "bar": b.said, "seen": round(b.seen, 3), "met": b.met} for b in seen],
        "large_tables_read_whole": list(scans),
        "absent": dict(absent),
    }
    (HOME / "results.json").write_bytes(orjson.dumps(results, option=orjson.OPT_INDENT_2) + b"\n")


if __name__ == "__main__":
    main()
