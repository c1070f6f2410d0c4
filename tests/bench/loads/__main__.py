"""`make bench`, the loads: one run of each measurement; exit code 1 when a bar is missed."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict

import click
import orjson
from rich.console import Console

from tests.bench import report
from tests.bench.city import HOME
from tests.bench.loads import buildings, cityjson, gtfs, osm, register
from tests.bench.loads.runs import Absent, Bar, Ground, ground
from twin.errors import BadRequest

#: measurement -> what does it; each gives its bars, or raises Absent
MEASUREMENTS: Mapping[str, Callable[[Ground], Sequence[Bar]]] = {
    "buildings": buildings.measure,
    "gtfs": gtfs.measure,
    "register": register.measure,
    "cityjson": cityjson.measure,
    "osm": osm.measure,
}


@click.command()
@click.option("--only", multiple=True, type=click.Choice(list(MEASUREMENTS)), help="What to measure.")
@click.option("--small", is_flag=True, help="Only see that it works: little data, figures that say nothing.")
def main(only: Sequence[str], small: bool) -> None:
    """Time the twin's loads beside other programs that read the same files."""
    console = Console(stderr=True, highlight=False)
    bars: list[Bar] = []
    absent: dict[str, str] = {}
    machine = report.machine()
    try:
        with ground(console, small=small) as found:
            for name in only or MEASUREMENTS:
                console.rule(name)
                try:
                    bars += MEASUREMENTS[name](found)
                except Absent as reason:
                    absent[name] = str(reason)
    except BadRequest as wrong:
        sys.exit(str(wrong))
    results = {
        "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "machine": machine,
        "small": small,
        "bars": [{**asdict(bar), "met": bar.met} for bar in bars],
        "told": found.told,
        "absent": absent,
    }
    (HOME / "loads.json").write_bytes(orjson.dumps(results, option=orjson.OPT_INDENT_2) + b"\n")
    for bar in bars:
        click.echo(str(bar))
    for name, why in absent.items():
        click.echo(f"{name}: not measured: {why}")
    sys.exit(0 if all(bar.met for bar in bars) else 1)


if __name__ == "__main__":
    main()
