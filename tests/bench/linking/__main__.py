"""`make bench`, the linking: a noisy sample city, loaded and linked; exit code 1 when a bar is missed."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click
import orjson
from rich.console import Console

from loaders.sample import write_sample
from tests.bench import report
from tests.bench.city import HOME
from tests.bench.linking.once import CITY
from tests.bench.loads.runs import Bar, Ground, ground, run
from tests.linkage import Linkage, judge
from tests.noise import Seat, type_anew
from twin.database import connect
from twin.errors import BadRequest

#: buildings and businesses
SMALL, USUAL, FULL = (1_000, 4_000), (20_000, 40_000), (200_000, 400_000)
FOLDER = HOME / "linking"
_MISTAKES_KEPT = 10_000


@click.command()
@click.option("--small", is_flag=True, help="Only see that it works: a village.")
@click.option("--full", is_flag=True, help="400,000 businesses: what the bars of time are about.")
@click.option("--seed", default=1, show_default=True, help="Of the city and of the noise.")
def main(small: bool, full: bool, seed: int) -> None:
    """Link the businesses of a noisy sample city, and see how many found their building and how long it took."""
    console = Console(stderr=True, highlight=False)
    size = FULL if full else SMALL if small else USUAL
    machine = report.machine()
    try:
        with ground(console, small=small) as found:
            seats = _written(console, *size, seed)
            with console.status("loading and linking"):
                loaded = _once(found, "load", str(FOLDER))
            with console.status("linking again what has not changed"):
                again = _once(found, "link")
            with connect(found.url, city=CITY) as connection:
                linkage = judge(connection, seats)
            bars = [*_quality(linkage), *(_times(loaded, again, size) if full else ())]
    except BadRequest as wrong:
        sys.exit(str(wrong))
    results = {
        "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "machine": machine,
        "buildings": size[0],
        "businesses": size[1],
        "seed": seed,
        "bars": [{**asdict(bar), "met": bar.met} for bar in bars],
        "load": loaded,
        "link unchanged": again,
        "calibration": [asdict(one) for one in linkage.bins],
        "kinds": {name: asdict(one) for name, one in linkage.kinds.items()},
        "mistakes": _mistakes(linkage),
    }
    (HOME / "linking.json").write_bytes(orjson.dumps(results, option=orjson.OPT_INDENT_2) + b"\n")
    for line in (*linkage.table(), "", *linkage.calibration(), ""):
        click.echo(line)
    for name, took in (("load", loaded), ("link unchanged", again)):
        click.echo(", ".join((name, *(f"{what}: {value:,.1f}" for what, value in took.items()))))
    for bar in bars:
        click.echo(str(bar))
    sys.exit(0 if all(bar.met for bar in bars) else 1)


def _written(console: Console, buildings: int, businesses: int, seed: int) -> list[Seat]:
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    with console.status(f"writing {businesses:,} businesses with noise"):
        write_sample(FOLDER, buildings=buildings, businesses=businesses, seed=seed)
        return type_anew(FOLDER, seed=seed)


def _once(found: Ground, *what: str) -> dict[str, Any]:
    answer = run(
        sys.executable, "-m", "tests.bench.linking.once", *what, env={"TWIN_DATABASE_URL": found.url}
    )  # fmt: skip
    said: dict[str, Any] = json.loads(answer.splitlines()[-1])
    return said


def _quality(linkage: Linkage) -> Sequence[Bar]:
    tally = linkage.all
    return [
        Bar(
            "businesses to buildings: precision", tally.precision, 0.98, at_least=True,
            detail=f"{tally.right:,} of {tally.linked:,} links are right",
        ),
        Bar(
            "businesses to buildings: recall", tally.recall, 0.95, at_least=True,
            detail=f"{tally.found:,} of {tally.counting:,} whose text determines the building",
        ),
        Bar("businesses to buildings: calibration error", linkage.calibration_error, 0.05),
    ]  # fmt: skip


def _times(loaded: dict[str, Any], again: dict[str, Any], size: tuple[int, int]) -> Sequence[Bar]:
    return [
        Bar(f"{size[1]:,} businesses linked", loaded["link_seconds"], 240, " s"),
        Bar("linked again, unchanged", again["seconds"], 15, " s"),
    ]


def _mistakes(linkage: Linkage) -> list[dict[str, Any]]:
    """What went wrong, with the least noise first, as far as anybody would read."""
    worst = sorted(linkage.mistakes, key=lambda one: (one.linked is None, len(one.seat.kinds)))
    return [
        {
            **one._asdict(),
            "seat": {**one.seat._asdict(), "kinds": sorted(one.seat.kinds)},
            "claims": [claim._asdict() for claim in one.claims],
        }
        for one in worst[:_MISTAKES_KEPT]
    ]


if __name__ == "__main__":
    main()
