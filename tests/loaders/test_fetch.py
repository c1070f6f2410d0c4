"""A city's downloads: dated folders, what is kept from the day before, and an honest report."""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console

from loaders import fetch as fetching
from loaders.catalogue import Catalogue, catalogue
from loaders.fetch import FetchReport, Status, fetch
from loaders.fetched import fetch_of
from loaders.opening import open_file
from loaders.run import load
from loaders.web import Clock, Policy, Web
from tests.loaders.portal import GEOJSON, Answer, Asked, Portal, StoppedClock
from tests.loaders.test_addresses import Egov, egov
from tests.loaders.test_catalogue import CITY, TARGET
from tests.loaders.town import LoadTown
from twin.cli import main
from twin.errors import BadRequest

CHANGED = GEOJSON.replace(b"[]", b"[ ]")
DEEDS = b"<Message><Body/></Message>"


@pytest.fixture
def portal() -> Iterator[Portal]:
    with Portal() as portal:
        portal.routes["/a"] = Answer(GEOJSON, etag='"1"')
        yield portal


def dataset(key: str, file: str, fetch_table: str = "", more: str = "") -> str:
    return (
        f'[[dataset]]\nkey = "{key}"\ntitle = "T"\npublisher = "P"\nformat = "vector"\nfile = "{file}"\n{more}'
        f"{fetch_table and f'[dataset.fetch]{chr(10)}{fetch_table}{chr(10)}'}{TARGET}"
    )


def city(tmp_path: Path, *datasets: str) -> Catalogue:
    path = tmp_path / "x.toml"
    path.write_text(CITY + "".join(datasets), encoding="utf-8")
    return catalogue(path)


def run(entries: Catalogue, data: Path, day: str = "2026-11-24", *only: str) -> FetchReport:
    web = Web(Policy(attempts=1, pause_s=0.0), clock=StoppedClock(day))
    try:
        return fetch(entries, data, only=only, web=web)
    finally:
        web.close()


def state(folder: Path) -> Any:
    return json.loads((folder / "fetched.json").read_text(encoding="utf-8"))["files"]


def shown(report: FetchReport) -> str:
    console = Console(file=io.StringIO(), width=200)
    console.print(report.table)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_days_folder_is_what_a_load_expects(portal: Portal, tmp_path: Path) -> None:
    entries = city(tmp_path, dataset("a", "deep/a.geojson", f'url = "{portal.url}/a"'))
    report = run(entries, tmp_path / "data")
    folder = tmp_path / "data" / "2026-11-24"
    assert (report.exit_code, report.folder, report["a"].status) == (0, folder, Status.FETCHED)
    assert [path.relative_to(folder).as_posix() for path in entries.dataset("a").find(folder)] == [
        "deep/a.geojson"
    ]
    assert (tmp_path / "data" / "latest").resolve() == folder.resolve()
    row = state(folder)["deep/a.geojson"]
    assert row["url"] == f"{portal.url}/a"
    assert (row["etag"], row["size"], row["dataset"]) == ('"1"', len(GEOJSON), "a")
    assert row["fetched_at"] == "2026-11-24T06:00:00+00:00"
    assert len(row["checksum"]) == 32


def test_what_has_not_changed_is_linked_from_the_day_before(portal: Portal, tmp_path: Path) -> None:
    entries = city(tmp_path, dataset("a", "a.geojson", f'url = "{portal.url}/a"'))
    data = tmp_path / "data"
    run(entries, data)
    report = run(entries, data, "2026-11-25")
    assert (report["a"].status, report["a"].unchanged) == (Status.UNCHANGED, 1)
    assert (data / "2026-11-24/a.geojson").samefile(data / "2026-11-25/a.geojson")
    assert state(data / "2026-11-25")["a.geojson"]["fetched_at"].startswith("2026-11-24")
    assert (data / "latest").resolve().name == "2026-11-25"


def test_the_same_bytes_without_an_etag_are_linked_too(portal: Portal, tmp_path: Path) -> None:
    portal.routes["/a"] = Answer(GEOJSON)
    entries = city(tmp_path, dataset("a", "a.geojson", f'url = "{portal.url}/a"'))
    data = tmp_path / "data"
    run(entries, data)
    assert run(entries, data, "2026-11-25")["a"].status is Status.UNCHANGED
    assert (data / "2026-11-24/a.geojson").samefile(data / "2026-11-25/a.geojson")


def test_a_change_does_not_touch_the_day_before(portal: Portal, tmp_path: Path) -> None:
    entries = city(tmp_path, dataset("a", "a.geojson", f'url = "{portal.url}/a"'))
    data = tmp_path / "data"
    run(entries, data)
    run(entries, data, "2026-11-25")
    portal.routes["/a"] = Answer(CHANGED, etag='"2"')
    assert run(entries, data, "2026-11-25")["a"].status is Status.FETCHED
    assert (data / "2026-11-24/a.geojson").read_bytes() == GEOJSON
    assert (data / "2026-11-25/a.geojson").read_bytes() == CHANGED


def test_a_copy_that_was_edited_is_fetched_anew(portal: Portal, tmp_path: Path) -> None:
    entries = city(tmp_path, dataset("a", "a.geojson", f'url = "{portal.url}/a"'))
    data = tmp_path / "data"
    run(entries, data)
    (data / "2026-11-24/a.geojson").write_bytes(b"{}")
    assert run(entries, data, "2026-11-25")["a"].status is Status.FETCHED
    assert (data / "2026-11-25/a.geojson").read_bytes() == GEOJSON
    assert "if-none-match" not in portal.asked[-1].headers


def test_a_broken_account_of_the_day_before_costs_a_download_only(portal: Portal, tmp_path: Path) -> None:
    entries = city(tmp_path, dataset("a", "a.geojson", f'url = "{portal.url}/a"'))
    data = tmp_path / "data"
    run(entries, data)
    (data / "2026-11-24/fetched.json").write_text('{"files": {"a.geojson": {"url"', encoding="utf-8")
    assert run(entries, data, "2026-11-25")["a"].status is Status.FETCHED


def test_a_disk_without_links_gets_copies(
    portal: Portal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(1, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(Path, "symlink_to", refuse)
    entries = city(tmp_path, dataset("a", "a.geojson", f'url = "{portal.url}/a"'))
    run(entries, tmp_path / "data")
    report = run(entries, tmp_path / "data", "2026-11-25")
    assert report["a"].status is Status.UNCHANGED
    assert (report.folder / "a.geojson").read_bytes() == GEOJSON


def test_a_source_that_fails_keeps_its_files_and_not_the_others_from_coming(
    portal: Portal, tmp_path: Path
) -> None:
    portal.routes["/b"] = Answer(GEOJSON)
    entries = city(
        tmp_path,
        dataset("a", "a.geojson", f'url = "{portal.url}/a"'),
        dataset("b", "b.geojson", f'url = "{portal.url}/b"'),
    )
    data = tmp_path / "data"
    run(entries, data)
    portal.routes["/a"] = Answer(b"<!doctype html><title>404</title>")
    portal.routes["/b"] = Answer(CHANGED)
    report = run(entries, data, "2026-11-25")
    assert report.exit_code == 1
    assert (report["a"].status, report["b"].status) == (Status.FAILED, Status.FETCHED)
    assert (data / "2026-11-25/a.geojson").read_bytes() == GEOJSON
    assert state(data / "2026-11-25")["a.geojson"]["fetched_at"].startswith("2026-11-24")
    [remark] = report.remarks
    assert remark == (
        f'a: {portal.url}/a: it answered with a web page titled "404" where GeoJSON was expected; '
        "nothing of it was kept; kept from an earlier day: 1 file"
    )


def test_nothing_fetched_moves_nothing(portal: Portal, tmp_path: Path) -> None:
    entries = city(tmp_path, dataset("a", "a.geojson", f'url = "{portal.url}/gone"'))
    report = run(entries, tmp_path / "data")
    assert report.exit_code == 1
    assert not (tmp_path / "data" / "latest").exists()


def test_what_comes_by_hand_is_taken_over_and_may_be_edited(portal: Portal, tmp_path: Path) -> None:
    entries = city(
        tmp_path,
        dataset("a", "a.geojson", f'url = "{portal.url}/a"'),
        dataset("b", "hand/*.csv"),
        dataset("c", "c.csv"),
    )
    data = tmp_path / "data"
    run(entries, data)
    (data / "2026-11-24/hand").mkdir()
    (data / "2026-11-24/hand/b.csv").write_text("1", encoding="utf-8")
    report = run(entries, data, "2026-11-25")
    assert (report["b"].status, report["c"].status, report.exit_code) == (Status.KEPT, Status.BY_HAND, 0)
    (data / "2026-11-25/hand/b.csv").write_text("2", encoding="utf-8")
    assert (data / "2026-11-24/hand/b.csv").read_text(encoding="utf-8") == "1"


def test_only_the_named_source_is_fetched_and_the_folder_is_whole(portal: Portal, tmp_path: Path) -> None:
    portal.routes["/b"] = Answer(GEOJSON)
    entries = city(
        tmp_path,
        dataset("a", "a.geojson", f'url = "{portal.url}/a"'),
        dataset("b", "b.geojson", f'url = "{portal.url}/b"'),
    )
    data = tmp_path / "data"
    run(entries, data)
    portal.asked.clear()
    report = run(entries, data, "2026-11-25", "a")
    assert [one.key for one in report.datasets] == ["a"]
    assert [asked.path for asked in portal.asked] == ["/a"]
    assert (data / "latest" / "b.geojson").is_file()


def test_a_daily_register_fetches_only_the_new_days(portal: Portal, tmp_path: Path) -> None:
    names = ["Търговски регистър 04.10.2024", "05..10.2024", "12.12 2023"]
    Egov(portal, names)
    for n in range(4):
        portal.routes[f"/resource/download/uri-{n}/xml"] = Answer(DEEDS)
    entries = city(
        tmp_path,
        dataset("r", "r*.xml", egov(portal), 'licence = "CC BY 4.0"\n').replace("vector", "register_xml"),
    )
    data = tmp_path / "data"
    report = run(entries, data)
    assert (report["r"].new, report["r"].licences) == (3, ("CC0",))
    assert report.remarks == ('r: its source states the licence "CC0", the catalogue CC BY 4.0',)
    assert re.search(r"│ r +│ fetched +│ +3 │ .* CC0 +│", shown(report))
    assert state(report.folder)["r_2024-10-05.xml"]["licence"] == "CC0"
    Egov(portal, [*names, "06.10.2024"])
    portal.asked.clear()
    report = run(entries, data, "2026-11-25")
    assert (report["r"].new, report["r"].unchanged) == (1, 3)
    downloads = [asked.path for asked in portal.asked if "download" in asked.path]
    assert downloads == ["/resource/download/uri-3/xml"]
    assert len(list((data / "latest").glob("r*.xml"))) == 4


def test_some_files_of_many_may_fail(portal: Portal, tmp_path: Path) -> None:
    Egov(portal, ["01.10.2024", "02.10.2024", "03.10.2024"])
    portal.routes["/resource/download/uri-0/xml"] = Answer(DEEDS)
    portal.routes["/resource/download/uri-2/xml"] = Answer(DEEDS)
    report = run(city(tmp_path, dataset("r", "r*.xml", egov(portal))), tmp_path / "data")
    assert (report["r"].status, report["r"].new, report["r"].failed) == (Status.FAILED, 2, 1)
    assert (report["r"].failure or "").startswith("1 of 3 files: http")
    assert len(list(report.folder.glob("r*.xml"))) == 2


def test_a_portal_that_fails_every_file_is_left_alone(portal: Portal, tmp_path: Path) -> None:
    Egov(portal, [f"{day:02}.10.2024" for day in range(1, 20)])
    report = run(city(tmp_path, dataset("r", "r*.xml", egov(portal))), tmp_path / "data")
    assert (report["r"].failed, report["r"].remarks[0]) == (5, "given up after 5 failures in a row")


def test_what_was_fetched_survives_a_stop(portal: Portal, tmp_path: Path) -> None:
    def stop(_: Asked) -> Answer:
        raise KeyboardInterrupt

    Egov(portal, ["01.10.2024", "02.10.2024"])
    portal.routes["/resource/download/uri-0/xml"] = Answer(DEEDS, etag='"1"')
    entries = city(tmp_path, dataset("r", "r*.xml", egov(portal)))
    web = Web(Policy(attempts=1, pause_s=0.0), clock=StoppedClock())
    download = web.download

    def interrupted(url: str, *args: Any, **more: Any) -> Any:
        if "uri-1" in url:
            raise KeyboardInterrupt
        return download(url, *args, **more)

    web.download = interrupted  # type: ignore[method-assign]
    data = tmp_path / "data"
    with pytest.raises(KeyboardInterrupt):
        fetch(entries, data, web=web)
    web.close()
    (data / "2026-11-24/.r_2024-10-02.xml.part").write_bytes(b"<M")
    portal.routes["/resource/download/uri-1/xml"] = Answer(DEEDS)
    report = run(entries, data)
    assert (report["r"].new, report["r"].unchanged) == (1, 1)
    assert not list(data.rglob("*.part"))


def test_a_full_disk_is_said(portal: Portal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    entries = city(tmp_path, dataset("a", "a.geojson", f'url = "{portal.url}/a"'))
    with pytest.raises(
        BadRequest, match="cannot be written: No space left on device; what was fetched before is"
    ):
        run(entries, tmp_path / "data")
    assert not list((tmp_path / "data").rglob("a.geojson*"))


def test_two_fetches_do_not_write_into_one_folder(portal: Portal, tmp_path: Path) -> None:
    entries = city(tmp_path, dataset("a", "a.geojson", f'url = "{portal.url}/a"'))
    with (
        fetching._locked(tmp_path / "data"),
        pytest.raises(BadRequest, match="another fetch into this folder"),
    ):
        run(entries, tmp_path / "data")


def test_a_folder_called_latest_of_somebody_elses_stays(portal: Portal, tmp_path: Path) -> None:
    (tmp_path / "data/latest").mkdir(parents=True)
    run(city(tmp_path, dataset("a", "a.geojson", f'url = "{portal.url}/a"')), tmp_path / "data")
    assert not (tmp_path / "data/latest").is_symlink()


def test_the_command_prints_a_table_and_the_folder(
    portal: Portal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Clock, "sleep", lambda *_: None)
    city(
        tmp_path,
        dataset("a", "a.geojson", f'url = "{portal.url}/a"'),
        dataset("b", "b.geojson", f'url = "{portal.url}/gone"'),
        dataset("c", "c.csv", more='url = "https://c.example/page"\n'),
    )
    command = ["fetch", "--city", str(tmp_path / "x.toml"), "--data", str(tmp_path / "data")]
    good = CliRunner().invoke(main, [*command, "a"])
    assert good.exit_code == 0, good.output
    assert "fetched" in good.output
    assert "data/20" in good.output
    partly = CliRunner().invoke(main, command)
    assert partly.exit_code == 1
    assert "404 Not Found" in partly.output
    for wrong, said in (
        (["z"], 'no data set "z"'),
        (["c"], "c: the catalogue states no address to fetch it from"),
    ):
        refused = CliRunner().invoke(main, [*command, *wrong])
        assert (refused.exit_code, said in refused.output) == (2, True), refused.output
    assert CliRunner().invoke(main, ["fetch", "--city", "sample", "--data", str(tmp_path)]).exit_code == 2


def test_what_was_fetched_is_what_a_load_reads(portal: Portal, tmp_path: Path, town: LoadTown) -> None:
    school = {
        "type": "Feature",
        "properties": {"n": "1"},
        "geometry": {"type": "Point", "coordinates": [23.3, 42.7]},
    }
    portal.routes["/a"] = Answer(
        json.dumps({"type": "FeatureCollection", "features": [school]}).encode(),
        headers={"Link": '<https://l.example/cc0>; rel="license"'},
    )
    town.describe(
        'key = "a"\nformat = "vector"\nfile = "a.geojson"\ncrs = "EPSG:4326"\n'
        f'[dataset.fetch]\nurl = "{portal.url}/a"\n'
        '[dataset.Facility]\nkey = "n"\nkind = { value = "SCHOOL" }\nposition = "geometry"\n'
    )
    data = tmp_path / "fetched"
    for day, status in (("2026-11-24", "loaded"), ("2026-11-25", "unchanged")):
        assert run(town.catalogue, data, day).exit_code == 0
        report = load(town.url, town.catalogue, data / "latest")
        assert (report.exit_code, report["a"].status.value) == (0, status)
        assert town.rows("SELECT count(*) FROM facility") == [(1,)]
        # the source was asked again and has the same: the data are as fresh as the answer
        assert town.rows("SELECT fetched_at::date::text, stated_licence, licence FROM source") == [
            (day, "https://l.example/cc0", None)
        ]
    by_hand = data / "latest" / "a.geojson"
    fetched = by_hand.read_bytes()
    for replaced in (fetched.replace(b'"n": "1"', b'"n": "2"'), fetched + b"\n"):
        by_hand.unlink()
        by_hand.write_bytes(replaced)
        assert load(town.url, town.catalogue, data / "latest", accept_fewer=True).exit_code == 0
        assert town.rows("SELECT fetched_at, stated_licence FROM source") == [(None, None)]


def test_files_that_are_all_there_is_are_as_old_as_the_oldest_and_changes_as_the_youngest(
    portal: Portal, tmp_path: Path, town: LoadTown
) -> None:
    """One of two files cannot be fetched on the second day; it is taken over from the first."""
    for mode, day in (("full", "2026-11-24"), ("delta", "2026-11-25")):
        data = tmp_path / mode
        for name in ("1", "2"):
            portal.routes[f"/{name}"] = Answer(f"n,lon,lat\n{name},23.3,42.7\n".encode())
        entries = city(
            tmp_path,
            '[[dataset]]\nkey = "a"\ntitle = "T"\npublisher = "P"\nformat = "tabular"\nfile = "*.csv"\n'
            f'mode = "{mode}"\n[dataset.fetch]\nkind = "ckan"\nurl = "{portal.url}"\ndataset = "d"\n'
            f'resource_format = "CSV"\n{TARGET}',
        )
        resources = [{"format": "CSV", "name": n, "url": f"{portal.url}/{n}"} for n in ("1", "2")]
        portal.routes["/api/3/action/package_show"] = Answer.json(
            {"success": True, "result": {"resources": resources}}
        )
        assert run(entries, data).exit_code == 0
        portal.routes["/2"] = Answer(b"", 500)
        assert run(entries, data, "2026-11-25").exit_code == 1
        folder = data / "latest"
        files = [open_file(path, path.name) for path in entries.dataset("a").find(folder)]
        assert len(files) == 2
        found = fetch_of(entries.dataset("a"), files)
        assert found
        assert found.at.date().isoformat() == day


@pytest.mark.parametrize(
    ("file", "table", "said"),
    [
        ("a.csv", 'kind = "ftp"', r'x\.toml: dataset a\.fetch: kind is "ftp"; allowed are file, sofiaplan, egov'),
        ("a.csv", 'url = "ftp://x/a"', 'url is "ftp://x/a"; expected is http'),
        ("a.csv", 'url = "https://[x"', "expected is http"),
        ("a.csv", 'max_mb = 5', "url is missing, here and in the data set"),
        ("a.csv", 'url = "https://x/a"\nmatch = "*"', '"match" means nothing here; file understands kind, url'),
        ("a.csv", 'url = "https://x/a"\nmax_mb = 0', "max_mb is 0; expected is a whole number above 0"),
        ("a.csv", 'url = "https://x/a"\ntimeout_s = true', "timeout_s is True; expected is a whole number"),
        ("*.csv", 'url = "https://x/a"', r'one file cannot be saved as "\*\.csv"'),
        ("../a.csv", 'url = "https://x/a"', "one path or pattern below the data folder"),
        ("*_*.csv", 'kind = "ckan"\nurl = "https://x"\ndataset = "d"\nresource_format = "CSV"', "at most one"),
        ("*.xml", 'kind = "egov"\nurl = "https://x"\nresource_format = "xml"', "dataset is missing"),
        ("*.xml", 'kind = "egov"\nurl = "https://x"\ndataset = 5\nresource_format = "xml"', "dataset is 5; expected"),
        (
            "*.xml", 'kind = "egov"\nurl = "https://x"\ndataset = "d"\nresource_format = "xml"\nsince = "2022"',
            "since is '2022'; expected is a day such as 2022-09-01",
        ),
        ("a.xml", 'kind = "egov"\nurl = "https://x"\ndataset = "d"\nresource_format = "xml"', "must have one"),
        ("*.zip", 'kind = "kais"\nurl = "https://x"\npath = "обл/*/собственост *.zip"', "they are never fetched"),
        ("a.zip", 'url = "https://x/d?path=cобственост%20А.zip"', "owners' personal data; it is never fetched"),
    ],
)  # fmt: skip
def test_a_wrong_entry_is_named(tmp_path: Path, file: str, table: str, said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        city(tmp_path, dataset("a", file, table))


def test_the_tables_of_the_cities_that_come_with_the_twin_are_in_order() -> None:
    sofia = {one.key: one.fetch.kind for one in catalogue("sofia").datasets if one.fetch}
    assert sofia["sofia-districts"] == "sofiaplan"
    assert sofia["sofia-commercial-register"] == "egov"
    assert sofia["sofia-cadastre-buildings"] == "kais"
    assert sofia["sofia-gtfs"] == "file"
