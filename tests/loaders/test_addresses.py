"""From portals' lists, as dirty as they are, to the addresses of files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loaders.addresses import Found, _check_led, addresses_of, day_in
from loaders.catalogue import catalogue
from loaders.web import Policy, Refusal, Web
from tests.loaders.portal import Answer, Asked, Portal, StoppedClock
from tests.loaders.test_catalogue import CITY, TARGET

REGISTER = "2df0c2af-e769-4397-be33-fcbe269806f3"


@pytest.fixture
def portal() -> Iterator[Portal]:
    with Portal() as portal:
        yield portal


@pytest.fixture
def web() -> Iterator[Web]:
    web = Web(Policy(attempts=1, pause_s=0.0), clock=StoppedClock())
    yield web
    web.close()


def found(tmp_path: Path, web: Web, file: str, fetch: str) -> Found:
    path = tmp_path / "x.toml"
    head = f'[[dataset]]\nkey = "a"\ntitle = "A"\npublisher = "P"\nformat = "vector"\nfile = "{file}"\n'
    path.write_text(f"{CITY}{head}[dataset.fetch]\n{fetch}\n{TARGET}", encoding="utf-8")
    return addresses_of(catalogue(path).dataset("a"), web)


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("Търговски регистър 05.10.2024", "2024-10-05"),
        ("Търговски регистър 05..10.2024", "2024-10-05"),
        ("Търговски регистър 12.12 2023", "2023-12-12"),
        ("20220901", "2022-09-01"),
        ("2016/9/20160901_1.xml", "2016-09-01"),
        ("Търговски регистър 5.1.2023 г.", "2023-01-05"),
        ("Търговски регистър 05,01,2023", "2023-01-05"),
        ("Търговски_регистър_05_01_2023", "2023-01-05"),
        ("Търговски регистър 12.122023", "2023-12-12"),
        ("20122023", "2023-12-20"),
        ("2023-01-05", "2023-01-05"),
        ("Търговски регистър 31.02.2023", None),
        ("Търговски регистър", None),
        ("вх. 123456789", None),
    ],
)
def test_the_day_in_a_name_is_read_however_it_is_written(name: str, day: str | None) -> None:
    assert day_in(name) == (dt.date.fromisoformat(day) if day else None)


def test_a_plain_file_is_where_the_catalogue_says(tmp_path: Path, web: Web) -> None:
    [address] = found(tmp_path, web, "transit/gtfs.zip", 'url = "https://gtfs.example/static"').addresses
    assert (address.url, address.path) == ("https://gtfs.example/static", "transit/gtfs.zip")


def test_sofiaplans_licence_comes_from_its_list(portal: Portal, tmp_path: Path, web: Web) -> None:
    fetch = f'kind = "sofiaplan"\nurl = "{portal.url}/datasets/350"'
    portal.routes["/datasets"] = Answer.json([{"id": 34}, {"id": 350, "license": "CC BY 4.0"}])
    [address] = found(tmp_path, web, "a.geojson", fetch).addresses
    assert (address.url, address.licence) == (f"{portal.url}/datasets/350", "CC BY 4.0")
    [other] = found(tmp_path, web, "a.geojson", fetch.replace("350", "34")).addresses
    assert other.licence is None
    assert len(portal.asked) == 1  # the list is asked for once


def test_sofiaplan_without_its_list_is_fetched_all_the_same(portal: Portal, tmp_path: Path, web: Web) -> None:
    got = found(tmp_path, web, "a.geojson", f'kind = "sofiaplan"\nurl = "{portal.url}/datasets/350"')
    assert len(got.addresses) == 1
    assert "its licence could not be looked up" in got.remarks[0]


class Egov:
    """data.egov.bg with a daily register under dirty names, three to a page."""

    def __init__(self, portal: Portal, names: list[str]) -> None:
        self.rows = [
            {"uri": f"uri-{n}", "name": name, "version": "1", "updated_at": f"2024-01-{n + 1:02}"}
            for n, name in enumerate(names)
        ]
        portal.routes["/api/listResources"] = self.page
        portal.routes["/api/getDatasetDetails"] = Answer.json(
            {"success": True, "data": {"terms_of_use_id": 3}}
        )
        portal.routes["/api/getTermsOfUseDetails"] = Answer.json({"success": True, "data": {"name": "CC0"}})

    def page(self, asked: Asked) -> Answer:
        question = asked.json
        assert question["criteria"]["dataset_uri"] == REGISTER
        start = 3 * (question["page_number"] - 1)
        rows = self.rows[start : start + 3]
        return Answer.json({"success": True, "resources": rows, "total_records": len(self.rows)})


def egov(portal: Portal, more: str = "") -> str:
    return f'kind = "egov"\nurl = "{portal.url}/"\ndataset = "{REGISTER}"\nresource_format = "xml"\n{more}'


def test_egovs_pages_and_dirty_names_become_a_file_a_day(portal: Portal, tmp_path: Path, web: Web) -> None:
    Egov(
        portal,
        [
            "Търговски регистър 04.10.2024",
            "05..10.2024",
            "12.12 2023",
            "20220901",
            "20220901_1",
            "Без дата",
            "04.10.2024",
        ],
    )
    got = found(tmp_path, web, "businesses/commercial_register*.xml", egov(portal))
    assert [address.path.removeprefix("businesses/commercial_register_") for address in got.addresses] == [
        "2024-10-04.xml", "2024-10-05.xml", "2023-12-12.xml", "2022-09-01.xml", "2022-09-01_1.xml", "uri-5.xml",
        "2024-10-04_1.xml",
    ]  # fmt: skip
    assert got.addresses[0].url == f"{portal.url}/resource/download/uri-0/xml"
    assert {address.licence for address in got.addresses} == {"CC0"}
    assert got.addresses[1].stamp == "1 2024-01-02"
    assert got.remarks == ('no day can be read from the name "Без дата"; it is kept under its identifier',)


def test_egov_can_be_asked_from_a_day_on_and_by_name(portal: Portal, tmp_path: Path, web: Web) -> None:
    Egov(portal, ["Регистър 31.08.2022", "Регистър 01.09.2022", "Описание 02.09.2022"])
    more = 'since = 2022-09-01\nmatch = "Регистър*"'
    got = found(tmp_path, web, "r*.xml", egov(portal, more))
    assert [address.path for address in got.addresses] == ["r_2022-09-01.xml"]


def test_egov_that_refuses_or_repeats_itself_comes_to_an_end(
    portal: Portal, tmp_path: Path, web: Web
) -> None:
    Egov(portal, [])
    with pytest.raises(Refusal, match="nothing is listed there that fits the catalogue's entry"):
        found(tmp_path, web, "r*.xml", egov(portal))
    portal.routes["/api/listResources"] = Answer.json({"success": False, "error": {"message": "няма"}})
    with pytest.raises(Refusal, match=r"listResources: it answered .*няма"):
        found(tmp_path, web, "r*.xml", egov(portal))
    # the same page whatever is asked for, and no total
    portal.routes["/api/listResources"] = Answer.json({"resources": [{"uri": "a", "name": "01.01.2024"}]})
    portal.routes["/api/getDatasetDetails"] = Answer(status=404)
    got = found(tmp_path, web, "r*.xml", egov(portal))
    assert [(one.path, one.licence, one.stamp) for one in got.addresses] == [("r_2024-01-01.xml", None, None)]


def package(*resources: dict[str, Any], **more: Any) -> Answer:
    return Answer.json({"success": True, "result": {"resources": list(resources), **more}})


def ckan(portal: Portal, more: str = "") -> str:
    return f'kind = "ckan"\nurl = "{portal.url}"\ndataset = "trees"\nresource_format = "GeoJSON"\n{more}'


def test_ckan_gives_the_resources_of_a_format_with_their_licence(
    portal: Portal, tmp_path: Path, web: Web
) -> None:
    portal.routes["/api/3/action/package_show"] = package(
        {"name": "Дървета", "format": "CSV", "url": "/dump/1.csv"},
        {"name": "Дървета", "format": ".geojson ", "url": "/dump/1.geojson", "last_modified": "2026-01-01"},
        license_title="notspecified",
    )
    [address] = found(tmp_path, web, "trees.geojson", ckan(portal)).addresses
    assert portal.asked[0].query == {"id": ["trees"]}
    assert (address.url, address.path) == (f"{portal.url}/dump/1.geojson", "trees.geojson")
    assert (address.licence, address.stamp) == ("notspecified", "2026-01-01")


def test_ckan_with_several_fitting_resources_asks_which(portal: Portal, tmp_path: Path, web: Web) -> None:
    portal.routes["/api/3/action/package_show"] = package(
        {"name": "Север", "format": "geojson", "url": f"{portal.url}/n"},
        {"name": "Юг / 2", "format": "geojson", "url": f"{portal.url}/s"},
    )
    with pytest.raises(Refusal, match=r'several resources fit \("Север", "Юг / 2"\); say which with match'):
        found(tmp_path, web, "trees.geojson", ckan(portal))
    [one] = found(tmp_path, web, "trees.geojson", ckan(portal, 'match = "Юг*"')).addresses
    assert one.url.endswith("/s")
    both = found(tmp_path, web, "trees/*.geojson", ckan(portal)).addresses
    assert [address.path for address in both] == ["trees/Север.geojson", "trees/Юг-2.geojson"]


def test_ckan_that_does_not_know_the_set_is_said(portal: Portal, tmp_path: Path, web: Web) -> None:
    portal.routes["/api/3/action/package_show"] = Answer.json({"success": False, "error": "Not found"})
    with pytest.raises(Refusal, match=r"package_show.*it answered .*Not found"):
        found(tmp_path, web, "trees.geojson", ckan(portal))


@pytest.mark.parametrize("to", ["http://169.254.169.254/latest", "http://localhost:5432/", "http://[::1]/"])
def test_a_portal_cannot_lead_into_our_own_network(to: str) -> None:
    with pytest.raises(Refusal, match="inside a private network"):
        _check_led("https://portal.example", to)


TOWN = "област София (столица)/община Столична"
TREE = {
    TOWN: [
        {"Name": "гр. София (68134) - район Студентски", "IsDirectory": True},
        {"Name": "гр. София (68134) - район Средец", "IsDirectory": True},
        {"Name": "с. Панчарево (55419)", "IsDirectory": True},
    ],
    **{
        f"{TOWN}/гр. София (68134) - район {name}": [
            {"Name": "сгради.zip", "IsDirectory": False, "ModifiedUtc": "2026-11-01T00:00:00"},
            {"Name": "поземлени имоти.zip", "IsDirectory": False},
            {"Name": "собственост А.zip", "IsDirectory": False},
        ]
        for name in ("Студентски", "Средец")
    },
}


@pytest.fixture
def cadastre(portal: Portal) -> str:
    def read(asked: Asked) -> Answer:
        if asked.form.get("__RequestVerificationToken") != "t0k" or "af=1" not in asked.headers.get(
            "cookie", ""
        ):
            return Answer(status=400)
        return Answer.json({"Data": TREE.get(asked.form["target"], [])})

    portal.routes["/bg/OpenData"] = Answer(
        b'<input name="__RequestVerificationToken" type="hidden" value="t0k" />',
        headers={"Set-Cookie": "af=1; path=/"},
    )
    portal.routes["/bg/OpenData/Read"] = read
    return f'kind = "kais"\nurl = "{portal.url}/bg/OpenData"\n'


def test_the_cadastres_folders_are_walked(portal: Portal, cadastre: str, tmp_path: Path, web: Web) -> None:
    path = f'path = "{TOWN}/гр. София (68134) - район */сгради.zip"'
    got = found(tmp_path, web, "buildings/*.zip", cadastre + path)
    assert [address.path for address in got.addresses] == ["buildings/Студентски.zip", "buildings/Средец.zip"]
    assert got.addresses[0].url.startswith(f"{portal.url}/bg/OpenData/Download?path=%D0%BE%D0%B1")
    assert got.addresses[0].stamp == "2026-11-01T00:00:00"
    assert got.remarks == ()


def test_a_pattern_that_would_catch_lists_of_owners_leaves_them_out(
    cadastre: str, tmp_path: Path, web: Web
) -> None:
    got = found(tmp_path, web, "all/*.zip", f'{cadastre}path = "{TOWN}/гр. София (68134) - район Средец/*"')
    assert [address.path for address in got.addresses] == [
        "all/сгради-zip.zip",
        "all/поземлени-имоти-zip.zip",
    ]
    assert got.remarks == ("lists of owners, which are personal data, left out: 1",)
    with pytest.raises(Refusal, match="nothing is listed there"):
        found(
            tmp_path, web, "all/*.zip", f'{cadastre}path = "{TOWN}/гр. София (68134) - район Средец/*A.zip"'
        )
