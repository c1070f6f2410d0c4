"""A tile of 3DBAG repeated 200 times, its solids kept: beside cjdb, which keeps CityJSON in PostGIS too."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import orjson
from psycopg.conninfo import conninfo_to_dict

from loaders.catalogue import FOLDER as CATALOGUES
from tests.bench.city import HOME
from tests.bench.loads.runs import FOLDER, Absent, Bar, Ground, run, took
from twin.errors import BadRequest
from twin.settings import Settings

CITY, DATASET = "delft", "delft-3dbag"
PEER = "cjdb"
#: cjdb 2.3 does not start with SQLAlchemy 2.1
PACKAGES = ("cjdb==2.3.*", "sqlalchemy<2.1")
#: a tile's buildings stand within so many of the file's units, which are millimetres
_STEP = 400_000
_NUMBER = re.compile(rb"\b0503(?=\d{12}\b)")
_PATIENCE_S = 600


def measure(ground: Ground) -> Sequence[Bar]:
    """One load of the repeated tile, and one import of the same file by cjdb."""
    real = Settings.from_environment().real_data
    if real is None:
        raise Absent("TWIN_REAL_DATA names no folder, and the tile is one of the real files")
    program = _peer()
    times = 4 if ground.small else 200
    folder = FOLDER / f"tile-{times}"
    file, buildings = _repeated(real / "cityjson" / "3dbag_tile_901.city.jsonl", folder, times)
    catalogue = _catalogue(folder, buildings)
    ground.forget(CITY)
    ours = ground.load(str(catalogue), folder, DATASET)
    ground.forget(CITY)
    solids = ours.rows["BuildingSolid"]["added"]
    theirs = _cjdb(ground, program, file, buildings)
    return [
        Bar(
            "CityJSONSeq beside cjdb: rate", theirs / ours.seconds, 1, " x", at_least=True,
            detail=f"{buildings / ours.seconds:,.0f} to {buildings / theirs:,.0f} buildings/s, "
            f"{ours.seconds:.1f} s to {theirs:.1f} s for {buildings:,} with {solids:,} solids",
        ),
        Bar("CityJSONSeq: peak memory", ours.peak_mb, 400, " MB"),
    ]  # fmt: skip


def _repeated(tile: Path, folder: Path, times: int) -> tuple[Path, int]:
    """The tile many times over, each time with other identifiers and at another place; its buildings."""
    folder.mkdir(parents=True, exist_ok=True)
    header, *lines = tile.read_bytes().splitlines()
    file = folder / tile.name
    with file.open("wb") as copy:
        copy.write(header + b"\n")
        for number in range(times):
            east, north = (number % 20) * _STEP, (number // 20) * _STEP
            for line in lines:
                feature = orjson.loads(_NUMBER.sub(b"%04d" % number, line))
                feature["vertices"] = [[x + east, y + north, z] for x, y, z in feature["vertices"]]
                copy.write(orjson.dumps(feature) + b"\n")
    return file, times * len(lines)


def _catalogue(folder: Path, buildings: int) -> Path:
    """Delft's catalogue as it is, but for the number of records that are expected of the tile."""
    text = (CATALOGUES / f"{CITY}.toml").read_text(encoding="utf-8")
    [dataset] = [one for one in tomllib.loads(text)["dataset"] if one["key"] == DATASET]
    for entity, each in (("Building", 1), ("BuildingSolid", 3)):
        low, high = dataset[entity]["expect"]
        text = text.replace(
            f"expect = [{low}, {high}]", f"expect = [{buildings * each}, {buildings * each}]", 1
        )
    path = folder / f"{CITY}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def _peer() -> Path:
    """cjdb's program, in an environment of its own that is made on first use."""
    home = HOME / PEER
    program = home / "bin" / PEER
    try:
        if not program.exists():
            run(sys.executable, "-m", "venv", "--clear", str(home))
            run(str(home / "bin" / "pip"), "install", "--quiet", *PACKAGES, timeout_s=_PATIENCE_S)
    except BadRequest as failed:
        raise Absent(f"cjdb cannot be installed here: {failed}") from failed
    return program


def _cjdb(ground: Ground, program: Path, file: Path, buildings: int) -> float:
    """The seconds of cjdb's import into a database of its own."""
    ground.execute(f"DROP DATABASE IF EXISTS {PEER}", f"CREATE DATABASE {PEER}")
    where = conninfo_to_dict(ground.url)
    here = Ground(ground.url.replace(f"/{where['dbname']}", f"/{PEER}"), ground.console, ground.small)
    try:
        here.execute("CREATE EXTENSION postgis")
        # its own packages only; without a password it asks for one, which this server does not want
        seconds = took(
            str(program), "import", "-H", str(where["host"]), "-p", str(where["port"]), "-U", str(where["user"]),
            "-P", "none", "-d", PEER, "-s", PEER, "-f", str(file), env={"PYTHONPATH": ""},
        )  # fmt: skip
        [(found,)] = here.execute(f"SELECT count(*) FROM {PEER}.city_object WHERE type = 'Building'")
    finally:
        ground.execute(f"DROP DATABASE IF EXISTS {PEER} WITH (FORCE)")
    if found != buildings:
        raise BadRequest(f"cjdb imported {found:,} of {buildings:,} buildings")
    return seconds
