"""The command line: the composition root, and the only file that imports all three packages.

Each command imports what it needs when it runs, so that `twin status` does not wait for GDAL.
"""

from __future__ import annotations

import asyncio
import csv
import getpass
import json
import logging
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import IO, Any, NoReturn

import click
from rich.console import Console
from rich.table import Table

from twin.errors import BadRequest, Interrupted, TwinError
from twin.settings import Settings

#: answers go to stdout, everything about how the work goes to stderr
out = Console(soft_wrap=True, highlight=False, width=None if sys.stdout.isatty() else 160)
err = Console(stderr=True, soft_wrap=True, highlight=False)

#: exit codes
PARTLY, WRONG = 1, 2
#: and where a signal stopped the command, as shells count: 130 or 143
SIGNALLED = 128


#: what the column with the addresses is called where nobody says it
_ADDRESS_COLUMNS = ("address", "адрес", "address_text", "adres")


class Terminated(KeyboardInterrupt):
    """SIGTERM came, which is to be taken as Ctrl-C is."""


def command_errors(command: Callable[..., Any]) -> Callable[..., Any]:
    """What the caller can mend is said in one sentence, and the exit code is 2."""

    @wraps(command)
    def run(*args: Any, **options: Any) -> Any:
        try:
            return command(*args, **options)
        except BadRequest as wrong:
            _stop(str(wrong))
        except Interrupted as stopped:
            _stop(str(stopped), SIGNALLED + _signal_of(stopped.__cause__))
        except TwinError as fault:
            _stop(f"the twin failed: {fault}")
        except KeyboardInterrupt as stop:
            _stop("stopped; what was under way was left as it was", SIGNALLED + _signal_of(stop))

    return run


def _stop(message: str, code: int = WRONG) -> NoReturn:
    err.print(message, style="red", markup=False)
    sys.exit(code)


def _signal_of(stop: BaseException | None) -> int:
    return signal.SIGTERM if isinstance(stop, Terminated) else signal.SIGINT


@contextmanager
def stoppable() -> Iterator[None]:
    """While SIGTERM ends what is under way as Ctrl-C does, in order; a second one is ignored."""

    def stop(number: int, _: object) -> None:
        signal.signal(number, signal.SIG_IGN)
        raise Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _city_of(settings: Settings, url: str, named: str | None) -> Any:
    """The city that is meant: the named one, TWIN_CITY, or the only one loaded."""
    from twin.database import cities

    known = cities(url)
    name = named or settings.city
    if name is None:
        if len(known) == 1:
            return next(iter(known.values()))
        listed = ", ".join(known) or "none"
        raise BadRequest(f"which city is meant? Loaded: {listed}", where="--city")
    if name not in known:
        raise BadRequest(f'"{name}" is not loaded; loaded: {", ".join(known) or "none"}', where="--city")
    return known[name]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="city-twin", prog_name="twin")
def main() -> None:
    """An open city digital twin: registers in, one linked spatial model out through GraphQL."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")


@main.command()
@command_errors
def up() -> None:
    """Start the twin's own PostGIS, making it first where there is none."""
    from twin.cluster import embedded
    from twin.database import prepare

    settings = Settings.from_environment()
    if settings.database_url:
        prepare(settings)
        out.print("the database given by TWIN_DATABASE_URL is ready")
        return
    cluster = embedded(settings)
    done = cluster.up()
    prepare(settings)
    out.print(f"PostGIS {done}: {cluster.url()}", markup=False)


@main.command()
@command_errors
def down() -> None:
    """Stop the twin's own PostGIS; its data stay."""
    from twin.cluster import embedded

    settings = Settings.from_environment()
    if settings.database_url:
        raise BadRequest("the database given by TWIN_DATABASE_URL is not the twin's to stop")
    out.print("PostGIS stopped" if embedded(settings).down() else "PostGIS was not running")


@main.command()
@command_errors
def status() -> None:
    """Say what runs and which cities are loaded; exit code 1 when the database is down."""
    from twin.cluster import embedded
    from twin.database import cities

    settings = Settings.from_environment()
    url = settings.database_url
    if url is None:
        cluster = embedded(settings)
        if not cluster.running():
            out.print("PostGIS is not running: `twin up` starts it")
            sys.exit(PARTLY)
        url = cluster.url()
        out.print(f"PostGIS runs in {cluster.folder}", markup=False)
    for city in cities(url).values():
        out.print(f"{city.name}: {city.title}, EPSG:{city.srid}", markup=False)


@main.command()
@click.option("--city", help="The city whose catalogue is shown.")
@command_errors
def sources(city: str | None) -> None:
    """The catalogue of a city, with what is loaded and how old it is."""
    from loaders.catalogue import catalogue
    from twin.database import cities, connect, prepare

    settings = Settings.from_environment()
    url = prepare(settings)
    name = city or settings.city or _city_of(settings, url, None).name
    entries = catalogue(name)
    loaded: dict[str, tuple[Any, ...]] = {}
    if name in cities(url):
        with connect(url, city=name) as connection:
            rows = connection.execute("SELECT key, records, loaded_at FROM source")
            loaded = {row[0]: row for row in rows}
    table = Table("data set", "publisher", "licence", "records", "loaded", title=entries.city.title)
    for dataset in entries.datasets:
        _, records, when = loaded.get(dataset.key, (None, None, None))
        table.add_row(
            dataset.key,
            dataset.publisher,
            dataset.licence or "not stated",
            "-" if records is None else f"{records:,}",
            when.strftime("%Y-%m-%d %H:%M") if when else "-",
        )
    out.print(table)


@main.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--buildings", default=20_000, show_default=True, help="How many, 1,000 to 1,000,000.")
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same city.")
@command_errors
def sample(folder: Path, buildings: int, seed: int) -> None:
    """Write a whole sample city into FOLDER, in the formats that registers really publish."""
    from loaders.sample import write_sample

    try:
        with err.status("writing the sample city") as shown:
            summary = write_sample(
                folder,
                buildings=buildings,
                seed=seed,
                progress=lambda what, done, of: shown.update(f"writing {what}: {done:,} of {of:,}"),
            )
    except ValueError as wrong:
        raise BadRequest(str(wrong), where="--buildings") from wrong
    out.print(
        f"wrote {summary.buildings:,} buildings, {summary.addresses:,} addresses and "
        f"{summary.businesses:,} businesses in {len(summary.records)} files below {folder}",
        markup=False,
    )


@main.command()
@click.argument("only", nargs=-1, metavar="[SOURCE]...")
@click.option("--city", help="A city of the catalogue, or a catalogue file of your own.")
@click.option(
    "--data", type=click.Path(file_okay=False, path_type=Path),
    help="The folder that gets a folder for each day.  [default: fetched/CITY in TWIN_HOME]",
)  # fmt: skip
@command_errors
def fetch(only: tuple[str, ...], city: str | None, data: Path | None) -> None:
    """Download published files into a folder of today: all that have an address, or only the named ones."""
    from loaders.catalogue import catalogue
    from loaders.fetch import fetch as run_fetch

    settings = Settings.from_environment()
    name = city or settings.city
    if name is None:
        raise BadRequest("say which city's files to fetch, such as --city sofia", where="--city")
    entries = catalogue(name)
    folder = data or settings.home / "fetched" / entries.city.name
    report = run_fetch(entries, folder, only=only, console=err)
    out.print(report.table)
    for remark in report.remarks:
        err.print(remark, markup=False)
    out.print(str(report.folder), markup=False)
    sys.exit(report.exit_code)


@main.command()
@click.argument("only", nargs=-1, metavar="[SOURCE]...")
@click.option("--city", help="A city of the catalogue, or a catalogue file of your own.")
@click.option(
    "--data", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder that holds the files.",
)  # fmt: skip
@click.option("--atomic", is_flag=True, help="All data sets in one transaction: all or none.")
@click.option(
    "--accept-fewer",
    is_flag=True,
    help="Load a data set even where it holds far fewer records, or less, than expected.",
)
@click.option("--again", is_flag=True, help="Read also files that have not changed since they were loaded.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and keep nothing.")
@click.option(
    "--limit", type=click.IntRange(1), metavar="N",
    help="A trial: only the first N records of each data set; nothing is closed.",
)  # fmt: skip
@command_errors
def load(only: tuple[str, ...], city: str | None, data: Path, **manner: Any) -> None:
    """Load published files into a city: all data sets of its catalogue, or only the named ones.

    What has not changed since it was loaded is not read again. A command that was stopped goes on where it
    was when it is given once more.

    Exit code 0: all loaded; 1: a data set failed, was missing or refused; 2: wrong use; 130 or 143: stopped
    by Ctrl-C or SIGTERM, and nothing half-loaded.
    """
    from loaders.catalogue import catalogue
    from loaders.run import load as run_load
    from twin.database import prepare

    settings = Settings.from_environment()
    name = city or settings.city
    if name is None:
        raise BadRequest("say which city to load, such as --city sofia", where="--city")
    entries = catalogue(name)
    with stoppable():
        report = run_load(prepare(settings), entries, data, only=only, console=err, **manner)
    out.print(report.table)
    if report.dry_run:
        out.print(report.change_table)
    if any(one.notices for one in report.datasets):
        out.print(report.notice_table)
    sys.exit(report.exit_code)


@main.command()
@click.option("--city", help="The city to link.")
@click.option("--again", is_flag=True, help="Make all links anew, also those of what has not changed.")
@command_errors
def link(city: str | None, again: bool) -> None:
    """Bring the links of a city up to date; what people decided about links stays."""
    from loaders.run import link as run_link
    from twin.database import prepare

    settings = Settings.from_environment()
    url = prepare(settings)
    with stoppable():
        report = run_link(url, _city_of(settings, url, city).name, again=again)
    out.print(report.table)


@main.command()
@click.argument("decision", type=click.Choice(["accept", "reject", "withdraw"]))
@click.argument("link", nargs=-1, required=True)
@click.option("--city", help="The city that it is about.")
@click.option("--reason", default="", help="Why; it is public, so it names no person.")
@click.option("--author", default=getpass.getuser, help="Who decides; the name of your account by default.")
@command_errors
def curate(decision: str, link: tuple[str, ...], city: str | None, reason: str, author: str) -> None:
    """Decide about a link for as long as nobody withdraws it, whatever a linking finds.

    LINK is its id, or three words: type, subject and object, such as IN_BUILDING Site:1 Building:2.
    """
    from twin import curation
    from twin.database import prepare

    if len(link) not in (1, 3):
        raise BadRequest(f"LINK has {len(link)} words; give its id, or its type, subject and object")
    settings = Settings.from_environment()
    url = prepare(settings)
    which = curation.Claim(*link) if len(link) == 3 else link[0]
    of = _city_of(settings, url, city)
    if decision == "withdraw":
        key = curation.withdraw(url, of, which, author=author)
    else:
        decide = curation.accept if decision == "accept" else curation.reject
        key = decide(url, of, which, reason=reason, author=author)
    out.print(key, markup=False)


@main.command()
@click.option("--city", help="The city to look at.")
@click.option("--json", "as_json", is_flag=True, help="For a program: JSON in the API's names.")
@click.option(
    "--strict", is_flag=True,
    help="Exit with 1 where a load failed, a data set is stale or an expectation is broken.",
)  # fmt: skip
@command_errors
def quality(city: str | None, as_json: bool, strict: bool) -> None:
    """Counts against expectations, what is not filled or linked, notices, what is old."""
    from loaders.quality import quality as report_quality
    from twin.database import prepare

    settings = Settings.from_environment()
    url = prepare(settings)
    report = report_quality(url, _city_of(settings, url, city).name)
    if as_json:
        click.echo(json.dumps(report.json, ensure_ascii=False, indent=2))
    else:
        out.print(report.tables)
    for sentence in report.broken:
        err.print(sentence, markup=False)
    sys.exit(PARTLY if strict and report.broken else 0)


@main.command()
@command_errors
def rules() -> None:
    """Every defect that a load can speak of, how severe it is, and what becomes of the record."""
    from loaders.notices import RULES

    for name, rule in sorted(RULES.items()):
        click.echo(f"{name:28}{rule.severity.name:9}{rule.doc}")


@main.command()
@click.option("--city", help="The city to look at.")
@click.option("--source", help="Only of this data set.")
@click.option("--rule", help="Only where this rule was broken.")
@command_errors
def notices(city: str | None, source: str | None, rule: str | None) -> None:
    """What is wrong with the data, as CSV for their owner on stdout."""
    from schema.notices import notices_csv
    from twin.database import Reader, prepare

    settings = Settings.from_environment()
    url = prepare(settings)
    chosen = _city_of(settings, url, city)

    async def write() -> None:
        reader = Reader(url, settings, size=1)
        await reader.open()
        try:
            async for piece in notices_csv(reader, chosen, source=source, rule=rule):
                click.echo(piece, nl=False)
        finally:
            await reader.close()

    asyncio.run(write())


@main.command()
@click.argument("file", type=click.File(encoding="utf-8"))
@click.option("--variables", help="The query's variables, as JSON.")
@click.option("--city", help="The city to ask.")
@click.option("--stream", is_flag=True, help="One connection, however long, as NDJSON: a record a line.")
@command_errors
def query(file: Any, variables: str | None, city: str | None, stream: bool) -> None:
    """Answer the GraphQL query in FILE (- for stdin) on stdout; exit code 1 when the answer has errors."""
    from schema import stream as streaming
    from schema.execute import Engine
    from schema.query import build
    from twin.database import Reader, prepare

    settings = Settings.from_environment()
    url = prepare(settings)
    chosen = _city_of(settings, url, city)
    try:
        asked = file.read()
    except UnicodeDecodeError as broken:
        raise BadRequest(f"the question is not UTF-8: {broken}", where=file.name) from broken
    try:
        given = json.loads(variables) if variables else {}
    except json.JSONDecodeError as broken:
        raise BadRequest(f"no JSON: {broken}", where="--variables") from broken
    if not isinstance(given, dict):
        raise BadRequest('give an object such as {"id": "District:68134-09"}', where="--variables")

    async def ask() -> Any:
        reader, engine = Reader(url, settings, size=1), Engine(build(), settings)
        await reader.open()
        try:
            if not stream:
                return await engine.answer(reader, chosen, asked, given)
            try:
                piece = b""
                async for piece in streaming.lines(engine, reader, chosen, asked, given):
                    click.echo(piece, nl=False)
                return PARTLY if piece.startswith(b'{"errors":') else 0
            except Exception as wrong:
                return engine.failure(wrong)
        finally:
            await reader.close()

    answer = asyncio.run(ask())
    if isinstance(answer, int):
        sys.exit(answer)
    click.echo(json.dumps(json.loads(answer.body), ensure_ascii=False, indent=2))
    sys.exit(0 if answer.status == 200 else PARTLY)


@main.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--column", help="The column with the addresses.  [default: one called address or адрес]")
@click.option("--city", help="The city to look in.")
@click.option(
    "--output", "-o", type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Where to write.  [default: stdout]",
)  # fmt: skip
@command_errors
def geocode(file: Path, column: str | None, city: str | None, output: Path | None) -> None:
    """Find the addresses in FILE, a text table, and write it as CSV with where they are.

    All columns stay; longitude, latitude, level, building, address, district, score, expected_error_m and
    reason follow, with twin_ before each that FILE has itself. Separator and encoding are found out. The
    output may be FILE: it is replaced when all is found.
    """
    from loaders.formats import tabular
    from twin.database import connect, prepare
    from twin.geocode import geocode as run_geocode
    from twin.geocode import written

    settings = Settings.from_environment()
    url = prepare(settings)
    chosen = _city_of(settings, url, city)
    with tabular.read(file) as layer, connect(url, city=chosen.name) as connection:
        names = layer.columns
        of = next((name for name in names if name.casefold() in _ADDRESS_COLUMNS), None)
        if column is not None or of is None:
            if column not in names:
                wanted = f'there is no column "{column}"' if column else "say which column has the addresses"
                raise BadRequest(f"{wanted}; there are {', '.join(names)}", where="--column")
            of = column
        with _written_whole(output) as stream:
            rows = csv.writer(stream, lineterminator="\n")
            rows.writerow([*names, *_besides(names, written(None))])
            for batch in layer.batches:
                table = zip(*(batch.columns[name] for name in names), strict=True)
                texts = [text or "" for text in batch.columns[of]]
                for row, found in zip(table, run_geocode(connection, texts, first=1), strict=True):
                    best = found[0] if found else None
                    rows.writerow([*row, *written(best).values()])


def _besides(names: Collection[str], added: Iterable[str]) -> Iterator[str]:
    """Names for columns beside those that a table has: twin_address where it has an address."""
    taken = {name.casefold() for name in names}
    for name in added:
        while name in taken:
            name = f"twin_{name}"
        taken.add(name)
        yield name


@contextmanager
def _written_whole(output: Path | None) -> Iterator[IO[str]]:
    """What to write to: a file is there only once all of it is, so that it may be the one that is read."""
    if output is None or (output.exists() and not output.is_file()):
        with click.open_file(str(output or "-"), "w", encoding="utf-8") as stream:
            yield stream
        return
    target = output.resolve()
    part = target.with_name(f".{target.name}.part")
    try:
        stream = part.open("w", encoding="utf-8")
    except OSError as fault:
        raise BadRequest(f"cannot write {output}: {fault.strerror}", where="--output") from fault
    try:
        with stream:
            yield stream
        if target.exists():
            shutil.copymode(target, part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


@main.command()
@command_errors
def schema() -> None:
    """Print the GraphQL schema (SDL)."""
    from schema.query import build, sdl

    click.echo(sdl(build()), nl=False)


@main.command()
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on.  [default: 8000]")
@click.option("--workers", type=click.IntRange(1, 64), help="Server processes.  [default: 1]")
@command_errors
def serve(host: str | None, port: int | None, workers: int | None) -> None:
    """Serve GraphQL, the map and GraphiQL over HTTP until stopped."""
    import uvicorn

    from schema.disconnect import Protocol
    from schema.persisted import read_operations
    from schema.query import build
    from twin.database import cities, prepare

    settings = Settings.from_environment()
    if settings.operations or settings.only_operations:
        # a mistake in them is told here in words; the server's processes read them again
        read_operations(settings, build()._schema)
    url = prepare(settings)
    host, port = host or settings.host, port or settings.port
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
        except OSError as taken:
            raise BadRequest(f"cannot listen on {host}:{port}: {taken.strerror}", where="--port") from taken
    address = f"http://{host}:{port}"
    for name in cities(url):
        err.print(f"{name}: map {address}/{name}/  GraphQL {address}/{name}/graphql", markup=False)
    err.print(f"map {address}/  GraphiQL {address}/graphql", markup=False)
    uvicorn.run(
        "schema.app:create",
        factory=True,
        host=host,
        port=port,
        workers=workers or settings.workers,
        loop="uvloop",
        http=Protocol,
        log_level="warning",
        access_log=False,
        server_header=False,
    )


if __name__ == "__main__":
    main()
