"""The two pages in a real browser, against the real server: they work, and ask no other host for anything."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import graphql
import pyproj
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.processes import Served
from tests.schema.conftest import GRID
from tests.town import CITY, Town

WEB = Path(__file__).parents[2] / "schema" / "web"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
#: drawing in software takes its time, the more so beside other tests
PATIENCE_MS = 60_000
SOFTWARE_GL = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]

expect.set_options(timeout=PATIENCE_MS)
browser_test = pytest.mark.browser


# --- what the pages ask, without a browser -----------------------------------------------------------------
def documents() -> dict[str, str]:
    """Every GraphQL document of the pages by its file name."""
    item = (WEB / "src" / "queries" / "item.graphql").read_text("utf-8")
    files = [*(WEB / "src" / "queries").glob("*.graphql"), *(WEB / "src" / "examples").glob("*.graphql")]
    texts = {file.name: file.read_text("utf-8") for file in files if file.name != "item.graphql"}
    return {name: text + item if "...Item" in text else text for name, text in texts.items()}


@pytest.fixture(scope="module")
def sdl() -> graphql.GraphQLSchema:
    return graphql.build_schema((WEB.parent / "schema.graphql").read_text("utf-8"))


@pytest.mark.parametrize("name", sorted(documents()))
def test_every_question_of_the_pages_fits_the_schema(name: str, sdl: graphql.GraphQLSchema) -> None:
    assert graphql.validate(sdl, graphql.parse(documents()[name])) == []


def test_every_kind_of_building_and_facility_has_a_colour(sdl: graphql.GraphQLSchema) -> None:
    coloured = (WEB / "src" / "map" / "colours.ts").read_text("utf-8")
    kinds = sdl.type_map["FacilityKind"]
    assert isinstance(kinds, graphql.GraphQLEnumType)
    assert [kind for kind in kinds.values if not re.search(rf"\b{kind}: \"#", coloured)] == []


def test_the_lock_file_names_no_registry() -> None:
    assert '"resolved"' not in (WEB / "package-lock.json").read_text("utf-8")


# --- the pages themselves ----------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def site(town: Town) -> Iterator[str]:
    """The address of a server over the town."""
    if not (WEB / "dist" / "index.html").exists():
        pytest.skip("the web pages are not built: run `make setup`")
    environment = {"TWIN_DATABASE_URL": town.url, "PATH": os.defpath, "TWIN_CONNECTIONS": "4"}
    with Served(environment) as served:
        yield served.url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("chromium is missing: install it with `apt-get install chromium`")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*SOFTWARE_GL, "--disable-background-networking"]
        )
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser, site: str) -> Iterator[Page]:
    """A page whose test fails when it asks another host, breaks its content policy or throws."""
    context = browser.new_context(viewport={"width": 1100, "height": 700}, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE_MS)
    tab = context.new_page()
    wrong: list[str] = []

    def on_request(request: Any) -> None:
        if not request.url.startswith((f"{site}/", "blob:", "data:")):
            wrong.append(f"asked {request.url}")

    def on_console(message: Any) -> None:
        # a search for a record that is not there is answered, not refused; so any error here is one
        if message.type == "error":
            wrong.append(f"said {message.text}")

    context.on("request", on_request)
    tab.on("console", on_console)
    tab.on("pageerror", lambda error: wrong.append(f"threw {error}"))
    yield tab
    context.close()
    assert wrong == []


def place(marks: str) -> tuple[float, float]:
    """Longitude and latitude of the middle of what the grid draws."""
    middle = GRID[marks].centroid
    lon, lat = pyproj.Transformer.from_crs(CITY.srid, 4326, always_xy=True).transform(middle.x, middle.y)
    return lon, lat


def look_at(page: Page, site: str, marks: str, *, turn: str = "0/0", select: str = "") -> None:
    """Open the map over a place and wait until it is drawn; `turn` is bearing and pitch."""
    lon, lat = place(marks)
    page.goto(f"{site}/{CITY.name}/#view=19/{lat:.6f}/{lon:.6f}/{turn}{select and f'&select={select}'}")
    expect(page.locator("main[aria-busy=false]")).to_be_attached()


def click_middle(page: Page) -> None:
    box = page.locator("#map").bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


@browser_test
# tilted from the north: from the south a taller building stands before this one
@pytest.mark.parametrize("turn", ["0/0", "180/50"])
def test_a_click_on_a_building_shows_its_record_and_leads_on(page: Page, site: str, turn: str) -> None:
    look_at(page, site, "abcd", turn=turn)
    click_middle(page)
    record = page.locator("#record")
    expect(record.get_by_role("heading", level=2)).to_have_text("Building b.1")
    expect(record).to_contain_text("Dwelling (100)")
    expect(record).to_contain_text("6.5 m")
    expect(page).to_have_url(re.compile(r"#view=.*&select=Building:b\.1$"))

    record.get_by_role("link", name="Средец").click()
    expect(record.get_by_role("heading", level=2)).to_have_text("Средец")
    expect(record).to_contain_text("Sredets")
    expect(record.get_by_role("link", name="ОРЛОВ МОСТ")).to_be_visible()

    page.go_back()
    expect(record.get_by_role("heading", level=2)).to_have_text("Building b.1")
    record.get_by_role("button", name="Close the record").click()
    expect(record).to_be_hidden()
    expect(page).not_to_have_url(re.compile("select="))


@browser_test
def test_a_building_shows_its_sites_and_how_they_were_linked(page: Page, site: str) -> None:
    look_at(page, site, "efgh", select="Building:b.2")
    record = page.locator("#record")
    sites = record.locator("section", has_text="Sites in it")
    expect(sites).to_contain_text("Обект 0")
    expect(sites).to_contain_text("Пробна АД, EIK 000695146")
    expect(record.locator("section", has_text="How it was linked")).to_contain_text("Nearest · score 0.70")
    sites.get_by_role("link", name="Обект 0").click()
    expect(record.get_by_role("heading", level=2)).to_have_text("Обект 0")
    expect(record.get_by_role("link", name="Пробна АД")).to_be_visible()


@browser_test
def test_the_map_works_by_keyboard(page: Page, site: str) -> None:
    look_at(page, site, "abcd")
    page.locator("#map canvas").focus()
    page.keyboard.press("Enter")
    record = page.locator("#record")
    expect(record.get_by_role("heading", level=2)).to_have_text("Building b.1")
    page.keyboard.press("Escape")
    expect(record).to_be_hidden()


@browser_test
def test_a_layer_can_be_switched_off(page: Page, site: str) -> None:
    look_at(page, site, "abcd")
    page.get_by_role("checkbox", name="Buildings").uncheck()
    expect(page.locator("main[aria-busy=false]")).to_be_attached()
    click_middle(page)
    expect(page.locator("#record").get_by_role("heading", level=2)).to_have_text("Средец")


@browser_test
def test_the_map_names_its_districts_and_its_sources(page: Page, site: str) -> None:
    page.goto(f"{site}/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Town")
    expect(page.locator(".label", has_text="Лозенец")).to_be_attached()
    page.get_by_role("checkbox", name="Names in Latin script").check()
    expect(page.locator(".label", has_text="Lozenets")).to_be_attached()
    expect(page.locator(".sources")).to_be_visible()


@browser_test
def test_the_way_in_from_afar_leads_to_the_buildings(page: Page, site: str) -> None:
    page.goto(f"{site}/")
    page.get_by_role("button", name="Take me there").click()
    expect(page.get_by_role("button", name="Take me there")).to_be_hidden()
    expect(page).to_have_url(re.compile(r"#view=15\.6/"))


@browser_test
def test_an_address_of_a_record_opens_it_on_the_map(page: Page, site: str) -> None:
    page.goto(f"{site}/{CITY.name}/id/Building/b.2")
    expect(page.locator("#record").get_by_role("heading", level=2)).to_have_text("Building b.2")


@browser_test
def test_a_record_that_is_not_there_is_said_to_be_missing(page: Page, site: str) -> None:
    look_at(page, site, "abcd", select="Building:nowhere")
    expect(page.locator("#record")).to_contain_text("holds no record with this id")


@browser_test
def test_a_fault_of_the_server_is_shown_and_can_be_tried_again(page: Page, site: str) -> None:
    fault = '{"errors": [{"message": "ours to fix, incident 7"}]}'
    page.route("**/graphql", lambda route: route.fulfill(body=fault, content_type="application/json"))
    look_at(page, site, "abcd", select="Building:b.1")
    record = page.locator("#record")
    expect(record.get_by_role("alert")).to_contain_text("ours to fix, incident 7")
    page.unroute("**/graphql")
    record.get_by_role("button", name="Try again").click()
    expect(record.get_by_role("heading", level=2)).to_have_text("Building b.1")


@browser_test
def test_the_colours_can_be_made_dark_and_stay_so(page: Page, site: str) -> None:
    look_at(page, site, "abcd", turn="0/50")
    page.get_by_role("button", name="Dark colours").click()
    page.reload()
    expect(page.locator("html[data-theme=dark]")).to_be_attached()
    expect(page.get_by_role("button", name="Light colours")).to_be_visible()
    page.get_by_role("button", name="Show the map flat").click()
    expect(page).to_have_url(re.compile(r"#view=19/[\d.]+/[\d.]+$"))


@browser_test
def test_graphiql_answers_an_example_question(page: Page, site: str) -> None:
    page.goto(f"{site}/{CITY.name}/graphql")
    # the editor loads after its buttons: a click before it shows its first question would be lost
    expect(page.get_by_label("Operation Editor")).to_contain_text("query Districts")
    page.get_by_role("button", name="The stops nearest to a place").click()
    expect(page.get_by_label("Operation Editor")).to_contain_text("NearestStops")
    page.get_by_role("button", name="Execute query").click()
    expect(page.get_by_label("Result Window")).to_contain_text("ОРЛОВ МОСТ")
