"""What puts load on a peer and says how it did: wrk for GraphQL over HTTP, pgbench for SQL alone."""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from tests.bench.questions import Question, Values
from twin.errors import BadRequest

#: with fewer answers per connection than this, counting them is too coarse to give a rate
_ENOUGH = 20
_VALUES = "bench_values"


@dataclass(frozen=True)
class Round:
    """One round of load: answers per second, the median time to an answer, bytes per answer."""

    per_s: float
    p50_ms: float
    answers: int
    answer_bytes: float = 0.0


# --- wrk ------------------------------------------------------------------------------------------------
_SCRIPT = """-- written by the benchmark: asks for one set of values after another
local requests = {}
function init(_)
  local headers = { ["content-type"] = "application/json" }
  for line in io.lines("%(bodies)s") do
    requests[#requests + 1] = wrk.format("POST", "%(path)s", headers, line)
  end
end
local n = %(start)d
function request()
  n = n %% #requests + 1
  return requests[n]
end
function done(summary, latency, _)
  local e = summary.errors
  io.write(string.format(
    "RESULT {\\"answers\\": %%d, \\"bytes\\": %%d, \\"us\\": %%d, \\"p50_us\\": %%f, \\"mean_us\\": %%f, \\"failed\\": %%d}\\n",
    summary.requests, summary.bytes, summary.duration, latency:percentile(50), latency.mean,
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""


class Wrk:
    """Rounds of one question to one server, over connections that stay open."""

    def __init__(self, folder: Path, url: str, bodies: Sequence[bytes]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._url = url
        self._path = "/" + url.split("/", 3)[3]
        self._asked = 0
        self._variants = len(bodies)
        (folder / "bodies.jsonl").write_bytes(b"\n".join(bodies) + b"\n")

    def run(self, seconds: float, connections: int) -> Round:
        """One round; BadRequest when any answer failed."""
        script = self._folder / "ask.lua"
        script.write_text(
            _SCRIPT
            % {
                "bodies": self._folder / "bodies.jsonl",
                "path": self._path,
                "start": self._asked % self._variants,
            }
        )
        done = subprocess.run(
            [
                "wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{round(seconds)}s",
                "--timeout", "60s", "--script", str(script), self._url,
            ],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        said = re.search(r"^RESULT (.*)$", done.stdout, re.M)
        if done.returncode or said is None:
            raise BadRequest(f"wrk failed: {(done.stderr or done.stdout).strip()[-600:]}")
        seen = json.loads(said[1])
        if not seen["answers"] and not seen["failed"]:
            # so slow that not one answer was whole in time
            return self.run(2 * seconds, connections)
        if seen["failed"]:
            raise BadRequest(f"{self._url}: {seen['failed']} of {seen['answers']} requests failed")
        # the next round goes on with other values
        self._asked += seen["answers"]
        per_s = seen["answers"] / (seen["us"] / 1e6)
        if seen["answers"] < _ENOUGH * connections:
            # each connection asks again as soon as it has its answer, so this says the same, less coarsely
            per_s = connections / (seen["mean_us"] / 1e6)
        return Round(per_s, seen["p50_us"] / 1e3, seen["answers"], seen["bytes"] / seen["answers"])


# --- pgbench --------------------------------------------------------------------------------------------
class Pgbench:
    """Rounds of the statement that a question becomes, prepared, with nothing between it and PostgreSQL.

    Its values are fetched from a table by a statement of its own, which is left out of the result.
    """

    def __init__(
        self,
        folder: Path,
        programs: Path,
        url: str,
        question: Question,
        statement: bytes,
        values: Sequence[Sequence[bytes | None]],
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._program = programs / "pgbench"
        self._url = url
        self._per_lookup = question.per_lookup
        sets = [
            [value for one in values[i : i + self._per_lookup] for value in one]
            for i in range(0, len(values) - self._per_lookup + 1, self._per_lookup)
        ]
        names = [f"v{k}_{n + 1}" for k in range(self._per_lookup) for n in range(len(values[0]))]
        table = sql.Identifier("peer", f"{_VALUES}_{question.name}")
        columns = sql.SQL(", ").join(sql.Identifier(name) for name in names)
        with psycopg.connect(url) as connection, connection.cursor() as cursor:
            typed = [
                sql.SQL("i int PRIMARY KEY"),
                *(sql.SQL("{} text").format(sql.Identifier(n)) for n in names),
            ]
            cursor.execute(sql.SQL("CREATE TABLE {} ({})").format(table, sql.SQL(", ").join(typed)))
            with cursor.copy(sql.SQL("COPY {} FROM STDIN").format(table)) as copy:
                for i, one in enumerate(sets):
                    copy.write_row([i, *(None if value is None else value.decode() for value in one)])
            lookup = sql.SQL("SELECT {} FROM {} WHERE i = :i").format(columns, table).as_string(connection)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(sql.SQL("VACUUM ANALYZE {}").format(table))
        text = " ".join(statement.decode().split("\n"))
        lines = [rf"\set i random(0, {len(sets) - 1})", rf"{lookup} \gset"] if names else []
        self._looking_up = len(lines)
        lines += [
            re.sub(r"(?<!\w)\$(\d+)", lambda found, k=k: f":v{k}_{found[1]}", text) + ";"  # type: ignore[misc]
            for k in range(self._per_lookup)
        ]
        (folder / "ask.sql").write_text("\n".join(lines) + "\n")

    def run(self, seconds: float, connections: int) -> Round:
        """One round; BadRequest when pgbench fails."""
        for old in self._folder.glob("log.*"):
            old.unlink()
        done = subprocess.run(
            [
                str(self._program), "--no-vacuum", "--protocol=prepared", f"--client={connections}", "--jobs=1",
                f"--time={round(seconds)}", "--report-per-command", "--log", "--log-prefix=log",
                "--file=ask.sql", self._url,
            ],
            capture_output=True, text=True, check=False, cwd=self._folder,
            env={**os.environ, "PGOPTIONS": "-c jit=off"},
        )  # fmt: skip
        report = done.stdout.partition("statement latencies")[2].splitlines()[1:]
        latencies = [float(found[1]) for line in report if (found := re.match(r" +(\d+\.\d+) ", line))]
        if done.returncode or len(latencies) != self._per_lookup + self._looking_up:
            raise BadRequest(f"pgbench failed: {(done.stderr + done.stdout).strip()[-600:]}")
        lookup, statements = sum(latencies[: self._looking_up]), latencies[self._looking_up :]
        taken = [
            int(line.split()[2]) / 1e3
            for log in self._folder.glob("log.*")
            for line in log.open(encoding="ascii")
        ]
        return Round(
            per_s=connections / (statistics.mean(statements) / 1e3),
            p50_ms=(statistics.median(taken) - lookup) / self._per_lookup,
            answers=len(taken) * self._per_lookup,
        )


def bodies(question: Question, peer: str, values: Sequence[Values]) -> list[bytes]:
    """The requests that ask a peer a question for each set of values."""
    words = " ".join(question.words[peer].split())
    return [
        json.dumps({"query": words, "variables": question.variables(peer, one)}).encode() for one in values
    ]
