"""Notices as CSV: whole, safe to open in a spreadsheet, the same over HTTP and from the command line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from schema import notices
from schema.app import create
from tests.town import Town
from twin.cli import main
from twin.settings import Settings

HEADER = [
    "source",
    "rule",
    "severity",
    "occurrences",
    "file",
    "position",
    "field",
    "value",
    "message",
    "meaning",
]


@pytest.fixture(scope="module")
def client(town: Town) -> Iterator[TestClient]:
    for key in ("schools", "stops"):
        town.add("Source", key, title="T", publisher="P", entities="Facility", format="tabular", file="f.csv")
    town.run(
        "INSERT INTO code_value (key, scheme, code, label_en) VALUES"
        " ('notice_rule/no-key', 'notice_rule', 'no-key', 'A record has no key.'),"
        " ('notice_rule/no-value', 'notice_rule', 'no-value', 'A record lacks a value.')"
    )
    for number, value in enumerate(VALUES):
        town.add(
            "Notice", f"schools/no-key/{number}", source="schools", rule="no-key", severity="ERROR",
            occurrences=number + 1, file="f.csv", position=f"line {number}", field="kind", value=value,
            message=f"The value is {value}.",
        )  # fmt: skip
    town.add("Notice", "stops/no-value/1", source="stops", rule="no-value", severity="ERROR", occurrences=1,
             message="-1 is no number.")  # fmt: skip
    with TestClient(create(Settings(database_url=town.url, connections=2))) as client:
        yield client


HARMLESS = ["Люлин", 'а "b"', "a,b;c", "two\r\nlines", "5-6", "'=1", None]
FORMULAS = ["=1+1", "+359 2", "-5", "@SUM(A1)", "\tx", "\n=1", "＝1"]
VALUES = HARMLESS + FORMULAS


def table(body: bytes) -> list[list[str]]:
    text = body.decode("utf-8-sig")
    assert body.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


@pytest.mark.parametrize("path", ["/notices.csv", "/town/notices.csv"])
def test_all_notices_come_with_what_their_rule_means(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert answer.headers["content-disposition"] == 'attachment; filename="town-notices.csv"'
    header, *rows = table(answer.content)
    assert header == HEADER
    assert len(rows) == len(VALUES) + 1
    assert rows[0] == [
        "schools", "no-key", "ERROR", "1", "f.csv", "line 0", "kind", "Люлин", "The value is Люлин.",
        "A record has no key.",
    ]  # fmt: skip
    assert answer.content.count(b"\r\n") > len(rows)


def test_a_spreadsheet_takes_no_value_for_a_formula(client: TestClient) -> None:
    _, *rows = table(client.get("/notices.csv").content)
    values = [row[7] for row in rows if row[0] == "schools"]
    assert sorted(values) == sorted(
        [*(value or "" for value in HARMLESS), *(f"'{value}" for value in FORMULAS)]
    )
    assert rows[-1][8] == "'-1 is no number."
    assert not [cell for row in rows for cell in row if cell.startswith(tuple("=+-@\t\r\n＝"))]


def test_they_can_be_narrowed(client: TestClient) -> None:
    _, *rows = table(client.get("/notices.csv", params={"source": "stops"}).content)
    assert [row[:2] for row in rows] == [["stops", "no-value"]]
    assert len(table(client.get("/notices.csv", params={"rule": "no-key"}).content)) == len(VALUES) + 1
    nothing = client.get("/notices.csv", params={"rule": "no-key", "source": "stops"})
    assert table(nothing.content) == [HEADER]


def test_pages_are_joined_without_loss(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = client.get("/notices.csv").content
    for size in (1, 4, len(VALUES) + 1):
        monkeypatch.setattr(notices, "PAGE_ROWS", size)
        assert client.get("/notices.csv").content == whole


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("source=nobody", 'source: there is no source "nobody"; there are schools, stops, town'),
        ("rule=x' OR true --", 'rule: there is no rule "x\' OR true --"; there are no-key, no-value'),
        ("sourc=stops", '"sourc" means nothing here; allowed are source, rule'),
    ],
)
def test_a_filter_that_names_nothing_is_refused(client: TestClient, query: str, complaint: str) -> None:
    answer = client.get(f"/notices.csv?{query}")
    assert answer.status_code == 400
    assert answer.json() == {"errors": [{"message": complaint}]}


def test_a_city_that_is_not_there(client: TestClient) -> None:
    assert client.get("/nowhere/notices.csv").status_code == 404


def test_the_command_line_gives_the_same(
    client: TestClient, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWIN_DATABASE_URL", town.url)
    asked = CliRunner().invoke(main, ["notices", "--city", "town", "--source", "schools"])
    assert asked.exit_code == 0
    assert asked.stdout_bytes == client.get("/notices.csv?source=schools").content
    wrong = CliRunner().invoke(main, ["notices", "--city", "town", "--rule", "nothing"])
    assert (wrong.exit_code, "there are no-key, no-value" in wrong.stderr) == (2, True)
