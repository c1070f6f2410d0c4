"""Downloads from a server that misbehaves: what is kept is whole and as promised, or there is a reason."""

from __future__ import annotations

import gzip
import io
import random
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from loaders.catalogue import catalogue
from loaders.signatures import Promise, check_content
from loaders.web import Clock, Downloaded, Known, Limits, Policy, Refusal, Web, _check_hop
from tests.loaders.portal import GEOJSON, Answer, Asked, Portal, StoppedClock
from twin.settings import Settings

QUICK = Policy(attempts=3, pause_s=0.0, silence_s=5.0)
LIMITS = Limits(max_bytes=10_000, timeout_s=60.0)


@pytest.fixture
def portal() -> Iterator[Portal]:
    with Portal() as portal:
        yield portal


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
def web(clock: StoppedClock) -> Iterator[Web]:
    web = Web(QUICK, clock=clock, chance=random.Random(1))
    yield web
    web.close()


def download(
    web: Web, portal: Portal, folder: Path, path: str = "/a", name: str = "a.geojson", **more: Any
) -> Downloaded:
    format_ = more.pop("format", "vector")
    limits = more.pop("limits", LIMITS)
    return web.download(
        f"{portal.url}{path}", folder / name, Promise(Path(name).suffix, format_), limits, **more
    )


def zipped(*names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, "x" * 200)
    return stream.getvalue()


def test_a_file_is_kept_with_what_its_server_says(web: Web, portal: Portal, tmp_path: Path) -> None:
    portal.routes["/a"] = Answer(
        GEOJSON,
        headers={
            "Last-Modified": "Tue, 24 Nov 2026 05:00:00 GMT",
            "Link": '<https://l.example/cc0>; rel="license"',
        },
        etag='"1"',
    )
    done = download(web, portal, tmp_path / "deep" / "er")
    assert (tmp_path / "deep" / "er" / "a.geojson").read_bytes() == GEOJSON
    assert (done.size, done.etag, done.last_modified) == (
        len(GEOJSON),
        '"1"',
        "Tue, 24 Nov 2026 05:00:00 GMT",
    )
    assert done.licence == "https://l.example/cc0"
    assert len(done.checksum) == 32
    assert portal.asked[0].headers["accept-encoding"] == "identity"
    assert portal.asked[0].headers["user-agent"].startswith("Mozilla/5.0 (compatible; city-twin")


def test_what_has_not_changed_is_not_sent(web: Web, portal: Portal, tmp_path: Path) -> None:
    portal.routes["/a"] = Answer(GEOJSON, etag='"1"')
    since = "Tue, 24 Nov 2026 05:00:00 GMT"
    done = download(web, portal, tmp_path, known=Known('"1"', since))
    assert not done.changed
    assert portal.asked[0].headers["if-modified-since"] == since
    assert list(tmp_path.iterdir()) == []


def test_a_304_that_nobody_asked_for_is_no_file(web: Web, portal: Portal, tmp_path: Path) -> None:
    portal.routes["/a"] = Answer(status=304)
    with pytest.raises(Refusal, match="it answered 304"):
        download(web, portal, tmp_path)


def test_what_may_pass_is_tried_again_after_longer_waits(
    web: Web, portal: Portal, tmp_path: Path, clock: StoppedClock
) -> None:
    portal.routes["/a"] = [Answer(status=500), Answer(status=503), Answer(GEOJSON)]
    assert download(web, portal, tmp_path).changed
    first, second = clock.sleeps
    assert 0.5 <= first <= 1.0 <= second <= 2.0


def test_after_the_last_attempt_the_reason_is_said(web: Web, portal: Portal, tmp_path: Path) -> None:
    portal.routes["/a"] = Answer(status=502)
    with pytest.raises(
        Refusal, match=r"^http://127\.0\.0\.1:\d+/a: it answered 502 Bad Gateway; tried 3 times$"
    ):
        download(web, portal, tmp_path)
    assert len(portal.asked) == 3


def test_what_will_not_pass_is_tried_once(web: Web, portal: Portal, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"it answered 404 Not Found$"):
        download(web, portal, tmp_path)
    assert len(portal.asked) == 1


@pytest.mark.parametrize("asked", ["7", "Tue, 24 Nov 2026 06:00:07 GMT"])
def test_retry_after_is_honoured(
    web: Web, portal: Portal, tmp_path: Path, clock: StoppedClock, asked: str
) -> None:
    portal.routes["/a"] = [Answer(status=429, headers={"Retry-After": asked}), Answer(GEOJSON)]
    assert download(web, portal, tmp_path).changed
    assert clock.sleeps == [7.0]


def test_a_retry_after_of_hours_is_not_waited_for(
    web: Web, portal: Portal, tmp_path: Path, clock: StoppedClock
) -> None:
    portal.routes["/a"] = Answer(status=429, headers={"Retry-After": "7200"})
    with pytest.raises(Refusal, match=r"429 Too Many Requests, and asks to come back in 2\.0 h"):
        download(web, portal, tmp_path)
    assert clock.sleeps == []


def test_a_nonsensical_retry_after_is_passed_over(web: Web, portal: Portal, tmp_path: Path) -> None:
    portal.routes["/a"] = [Answer(status=503, headers={"Retry-After": "soon"}), Answer(GEOJSON)]
    assert download(web, portal, tmp_path).changed


def test_a_truncated_download_is_noticed_and_tried_again(web: Web, portal: Portal, tmp_path: Path) -> None:
    portal.routes["/a"] = [Answer(GEOJSON[:20], announced=len(GEOJSON)), Answer(GEOJSON)]
    assert download(web, portal, tmp_path).changed
    assert (tmp_path / "a.geojson").read_bytes() == GEOJSON
    portal.routes["/a"] = Answer(GEOJSON[:20], announced=len(GEOJSON))
    with pytest.raises(Refusal, match=r"the connection ended before the file did .*; tried 3 times"):
        download(web, portal, tmp_path, name="b.geojson")
    assert [each.name for each in tmp_path.iterdir()] == ["a.geojson"]


def test_a_file_cut_off_before_it_was_announced_is_noticed_by_its_end(
    web: Web, portal: Portal, tmp_path: Path
) -> None:
    portal.routes["/a"] = Answer(GEOJSON[:-3])
    with pytest.raises(Refusal, match="it sent GeoJSON that ends in the middle; tried 3 times"):
        download(web, portal, tmp_path)
    portal.routes["/z"] = Answer(zipped("a.shp")[:-30])
    with pytest.raises(Refusal, match="it sent a zip archive whose end is missing; tried 3 times"):
        download(web, portal, tmp_path, "/z", "z.zip")


def test_a_failed_download_leaves_the_file_of_before(web: Web, portal: Portal, tmp_path: Path) -> None:
    (tmp_path / "a.geojson").write_bytes(b"before")
    portal.routes["/a"] = Answer(GEOJSON[:20], announced=len(GEOJSON))
    with pytest.raises(Refusal):
        download(web, portal, tmp_path)
    assert (tmp_path / "a.geojson").read_bytes() == b"before"


def test_too_much_is_refused_when_announced_and_when_it_comes(
    web: Web, portal: Portal, tmp_path: Path
) -> None:
    portal.routes["/a"] = Answer(b"{" * 20_000)
    with pytest.raises(Refusal, match=r"the file has 0\.0 MB; allowed are 0\.0 MB \(max_mb\)"):
        download(web, portal, tmp_path)
    # packed on the way, so that the announced length is small
    bomb = gzip.compress(b" " * 1_000_000)
    portal.routes["/b"] = Answer(bomb, headers={"Content-Encoding": "gzip"})
    with pytest.raises(Refusal, match="the file is larger than"):
        download(web, portal, tmp_path, "/b")
    assert len(portal.asked) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_drips_is_left(portal: Portal, tmp_path: Path) -> None:
    portal.routes["/a"] = Answer(GEOJSON, drip_s=0.02)
    web = Web(Policy(attempts=1, pause_s=0.0, page_s=0.1), clock=Clock())
    with pytest.raises(Refusal, match=r"it took longer than 0\.1 s; tried once"):
        web.json(f"{portal.url}/a")
    with pytest.raises(Refusal, match=r"it took longer than 0\.1 s; tried once"):
        download(web, portal, tmp_path, limits=Limits(10_000, 0.1))
    web.close()


def test_a_silent_server_is_left(portal: Portal, tmp_path: Path) -> None:
    portal.routes["/a"] = Answer(GEOJSON, drip_s=0.4)
    web = Web(Policy(attempts=1, pause_s=0.0, silence_s=0.1), clock=Clock())
    with pytest.raises(Refusal, match="it did not answer in time; tried once"):
        download(web, portal, tmp_path)
    web.close()


def test_nobody_listening_is_said(web: Web, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"the connection failed .*; tried 3 times"):
        web.download("http://127.0.0.1:1/a", tmp_path / "a.json", Promise(".json", "vector"), LIMITS)


def test_a_few_redirects_are_followed(web: Web, portal: Portal, tmp_path: Path) -> None:
    portal.routes["/a"] = Answer(status=302, headers={"Location": "/b"})
    portal.routes["/b"] = Answer(status=307, headers={"Location": "/c"})
    portal.routes["/c"] = Answer(GEOJSON)
    assert download(web, portal, tmp_path).changed
    portal.routes["/c"] = Answer(status=301, headers={"Location": "/a"})
    with pytest.raises(Refusal, match="it redirects more than 5 times"):
        download(web, portal, tmp_path)


@pytest.mark.parametrize("to", ["ftp://files.example/a", "file:///etc/passwd"])
def test_redirects_lead_to_the_web_only(web: Web, portal: Portal, tmp_path: Path, to: str) -> None:
    portal.routes["/a"] = Answer(status=302, headers={"Location": to})
    with pytest.raises(Refusal, match="which is no http"):
        download(web, portal, tmp_path)
    assert len(portal.asked) == 1


@pytest.mark.parametrize(
    ("first", "to", "said"),
    [
        ("https://a.example/", "http://a.example/", "not encrypted"),
        ("https://a.example/", "https://169.254.169.254/", "inside a private network"),
        ("http://a.example/", "http://localhost/", "inside a private network"),
    ],
)
def test_redirects_do_not_lead_somewhere_worse(first: str, to: str, said: str) -> None:
    with pytest.raises(Refusal, match=said):
        _check_hop(httpx2.URL(first), httpx2.URL(to))


def test_requests_to_one_host_keep_a_pause(portal: Portal, tmp_path: Path, clock: StoppedClock) -> None:
    portal.routes["/a"] = Answer(GEOJSON)
    web = Web(Policy(pause_s=2.0), clock=clock)
    for _ in range(3):
        download(web, portal, tmp_path)
    assert clock.sleeps == [2.0, 2.0]
    web.close()


@pytest.mark.parametrize(
    ("name", "format_", "body", "label", "said"),
    [
        (
            "a.geojson", "vector", b"<!DOCTYPE html><title>\n Site is\x1b down </title>", "text/html",
            r'it answered with a web page titled "Site is\. down" where GeoJSON was expected; nothing of it',
        ),
        ("a.csv", "tabular", b"Please log in", "text/html; charset=utf-8", "a web page where a .csv file was"),
        ("a.csv", "tabular", b"a,b\n\x00\x01", "text/csv", "binary content where text was expected"),
        ("a.json", "vector", b'{"error": "no such set"}', "", 'answered with "{"error": "no such set"}" where'),
        ("a.geojson", "vector", b"[1, 2]", "", r'answered with "\[1, 2\]" where GeoJSON was expected'),
        ("a.zip", "vector", b'{"success": false}', "", "where a zip archive was expected"),
        ("a.xml", "register_xml", b"Not found", "", 'answered with "Not found" where XML was expected'),
        ("a.xml", "register_xml", b"<html><body>x</body></html>", "", "a web page where XML was expected"),
        ("a.pbf", "osm", b"\x00\x00\x00\x0d\x0a\x09Nonsense", "", "something else than an OpenStreetMap extract"),
        ("a.geojson", "vector", b"  \n", "", "answered with an empty file"),
        ("a.zip", "gtfs", zipped("readme.txt"), "", r"holds no GTFS timetable \(no stops\.txt\)"),
        ("a.zip", "vector", zipped("собственост А.shp"), "", "owners' personal data, which is never kept"),
        (
            "a.zip", "vector", zipped("собственост.shp".encode("cp866").decode("cp437")), "",
            "owners' personal data, which is never kept",
        ),
    ],
)  # fmt: skip
def test_what_is_not_as_promised_is_refused_at_once(
    web: Web, portal: Portal, tmp_path: Path, name: str, format_: str, body: bytes, label: str, said: str
) -> None:
    portal.routes["/a"] = Answer(body, headers={"Content-Type": label} if label else {})
    with pytest.raises(Refusal, match=said):
        download(web, portal, tmp_path, name=name, format=format_)
    assert len(portal.asked) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "format_", "body", "label"),
    [
        (
            "a.xml",
            "register_xml",
            b"\xef\xbb\xbf<Message><Header/><Body><Deeds/></Body></Message>",
            "text/html",
        ),
        ("a.geojson", "vector", GEOJSON, "text/html"),
        ("a.json", "json_records", b'[{"a": "<html>"}]\n', "text/plain"),
        ("a.zip", "gtfs", zipped("feed/stops.txt"), "application/octet-stream"),
        ("a.zip", "vector", zipped("сгради.shp"), "text/html"),
        ("a.csv", "tabular", "а;б\n1;2\n".encode("cp1251"), "application/x-download"),
        # as map pages publish it
        ("a.geojson", "vector", b'var x = {"features": []};\n', "application/javascript"),
    ],
)
def test_a_wrong_label_on_the_right_content_does_no_harm(
    web: Web, portal: Portal, tmp_path: Path, name: str, format_: str, body: bytes, label: str
) -> None:
    portal.routes["/a"] = Answer(body, headers={"Content-Type": label})
    assert download(web, portal, tmp_path, name=name, format=format_).changed
    assert (tmp_path / name).read_bytes() == body


OWNERS = "област София/гр. София (68134) - район Студентски/собственост А.zip"


@pytest.mark.parametrize(
    "path",
    [
        OWNERS,
        OWNERS.upper(),
        OWNERS.replace("с", "c").replace("о", "o"),
        "%D1%81%D0%BE%D0%B1%D1%81%D1%82%D0%B2%D0%B5%D0%BD%D0%BE%D1%81%D1%82+B.zip",
        "%25D1%2581%25D0%25BE%25D0%25B1%25D1%2581%25D1%2582%25D0%25B2%25D0%25B5%25D0%25BD%25D0%25BE%25D1%2581%25D1%2582.zip",
    ],
)
def test_owners_personal_data_are_never_asked_for(
    web: Web, portal: Portal, tmp_path: Path, path: str
) -> None:
    with pytest.raises(Refusal, match="leads to owners' personal data, which are never fetched"):
        download(web, portal, tmp_path, f"/bg/OpenData/Download?path={path}", "a.zip")
    portal.routes["/b"] = Answer(
        status=302, headers={"Location": f"/d?path={httpx2.QueryParams({'p': path})}"}
    )
    with pytest.raises(Refusal, match="owners' personal data"):
        download(web, portal, tmp_path, "/b", "a.zip")
    assert [each.path for each in portal.asked] == ["/b"]


def test_owners_personal_data_are_not_taken_under_another_address(
    web: Web, portal: Portal, tmp_path: Path
) -> None:
    name = 'attachment; filename="собственост.zip"'.encode().decode("latin-1")
    portal.routes["/a"] = Answer(zipped("a.shp"), headers={"Content-Disposition": name})
    with pytest.raises(Refusal, match="it offers owners' personal data"):
        download(web, portal, tmp_path, name="a.zip")


@pytest.mark.real
def test_files_as_they_were_really_published_are_what_the_catalogues_promise() -> None:
    folder = Settings.from_environment().real_data
    if folder is None:
        pytest.skip("TWIN_REAL_DATA is not set")
    checked = 0
    for city in ("sofia", "liechtenstein"):
        for dataset in catalogue(city).datasets:
            for path in dataset.find(folder / city):
                check_content(path, Promise(path.suffix.lower(), dataset.reads[0].format))
                checked += 1
    assert checked >= 10


def test_a_list_that_is_no_json_is_said(web: Web, portal: Portal) -> None:
    def answer(asked: Asked) -> Answer:
        return Answer(b"<html>") if asked.method == "POST" else Answer(b"\xef\xbb\xbf[1]")

    portal.routes["/list"] = answer
    assert web.json(f"{portal.url}/list") == [1]
    with pytest.raises(Refusal, match="answered with something else than JSON"):
        web.json(f"{portal.url}/list", method="POST", json={})
