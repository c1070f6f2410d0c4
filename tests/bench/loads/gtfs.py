"""A timetable of 600,000 stop times: beside psql's \\copy of the same files into bare tables."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from tests.bench.loads.runs import FOLDER, Bar, Ground, took
from twin.settings import Settings

DATASET = "sofia-gtfs"
ROUNDS = 5


def measure(ground: Ground) -> Sequence[Bar]:
    """Loads of the timetable and copies of its files, in turn: each is over in a moment."""
    folder, catalogue, dataset = _timetable(ground)
    archive = next((folder / "transit").glob("*.zip"))
    ours, copied = [], []
    for _ in range(ROUNDS):
        ground.forget(catalogue)
        # the stops are given their districts too
        ground.load(catalogue, folder, f"{catalogue}-districts")
        ours.append(ground.load(catalogue, folder, dataset))
        seconds, rows = _copy(ground, archive)
        copied.append(seconds)
    ground.forget(catalogue)
    ground.execute("DROP SCHEMA IF EXISTS peer CASCADE")
    twin, psql = median(one.seconds for one in ours), median(copied)
    return [
        Bar(
            "a timetable beside \\copy of its files", twin / psql, 2, " x",
            detail=f"{twin:.2f} s to {psql:.2f} s for {rows:,} stop times, medians of {ROUNDS}",
        ),
        Bar("a timetable: peak memory", max(one.peak_mb for one in ours), 400, " MB"),
    ]  # fmt: skip


def _timetable(ground: Ground) -> tuple[Path, str, str]:
    """The real one where it is at hand, else the sample city's."""
    real = Settings.from_environment().real_data
    if real is not None and not ground.small:
        return real / "sofia", "sofia", DATASET
    from loaders.sample import write_sample

    folder = FOLDER / "sample-timetable"
    if not (folder / "README.txt").exists():
        write_sample(folder, buildings=20_000, businesses=1_000, seed=1)
    return folder, "sample", "sample-gtfs"


def _copy(ground: Ground, archive: Path) -> tuple[float, int]:
    """The seconds that psql takes for all tables of an archive, and how many stop times there are."""
    folder = FOLDER / "timetable"
    folder.mkdir(parents=True, exist_ok=True)
    ground.execute("DROP SCHEMA IF EXISTS peer CASCADE", "CREATE SCHEMA peer")
    commands: list[str] = []
    with zipfile.ZipFile(archive) as timetable:
        for name in timetable.namelist():
            with timetable.open(name) as table:
                columns = table.readline().decode("utf-8-sig").strip().replace('"', "").split(",")
            path, made = folder / name, f'peer."{Path(name).stem}"'
            timetable.extract(name, folder)
            texts = ", ".join(f'"{column}" text' for column in columns)
            ground.execute(f"CREATE TABLE {made} ({texts})")
            commands += ["-c", f"\\copy {made} from '{path}' with (format csv, header)"]
    seconds = took(ground.program("psql"), ground.url, "-X", "-q", *commands)
    [(rows,)] = ground.execute("SELECT count(*) FROM peer.stop_times")
    return seconds, rows
