"""Notices are grouped, capped and counted, hold no personal number, and every rule is documented."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from click.testing import CliRunner

import loaders
from loaders.notices import RULES, VALUE_LENGTH, Notices
from twin.cli import main

ROOT = Path(loaders.__file__).parent


def used_rules() -> dict[str, str]:
    """Every rule that the loaders' code names, with a place where it does."""
    found: dict[str, str] = {}
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            # notices.add("rule", ...), selected.note("rule", ...), Problem(position, "rule", ...)
            place = {"add": 0, "note": 0, "more": 0, "Problem": 1}.get(name)
            if place is None or len(node.args) <= place:
                continue
            for constant in ast.walk(node.args[place]):
                if isinstance(constant, ast.Constant) and isinstance(constant.value, str):
                    found[constant.value] = f"{path.name}:{node.lineno}"
    return found


def test_every_rule_that_is_used_is_documented() -> None:
    used = used_rules()
    assert {"bad-identifier", "ragged-line", "exact-duplicate"} <= set(used) | {"exact-duplicate"}
    assert not {rule: place for rule, place in used.items() if "-" in rule and rule not in RULES}


def test_every_documentation_is_a_sentence() -> None:
    for name, rule in RULES.items():
        assert rule.doc[0].isupper(), name
        assert rule.doc.endswith("."), name


def test_an_unknown_rule_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        Notices().add("no-such-rule", "x")


def test_the_first_cases_are_kept_one_by_one_and_the_rest_counted() -> None:
    notices = Notices()
    for number in range(120):
        notices.add("no-value", f"record {number}", file="a.csv", position=f"line {number}", field="kind")
    rows = notices.rows
    assert len(rows) == 51
    assert [row.position for row in rows[:2]] == ["line 0", "line 1"]
    assert rows[-1].position is None
    assert (rows[-1].occurrences, rows[-1].message[:28]) == (70, "70 more like the 50 shown. A")
    assert sum(row.occurrences for row in rows) == notices.counts["no-value"] == 120


def test_unknown_codes_are_grouped_by_the_code() -> None:
    notices = Notices()
    for code in ["x"] * 3 + ["y"]:
        notices.add("unknown-code", f'kind is "{code}"', position="line 2", field="kind", value=code)
    assert [(row.value, row.occurrences) for row in notices.rows] == [("x", 3), ("y", 1)]


def test_rows_can_be_asked_for_twice() -> None:
    notices = Notices()
    for _ in range(3):
        notices.add("unknown-code", "x", field="kind", value="x")
    first = [row.occurrences for row in notices.rows]
    assert [row.occurrences for row in notices.rows] == first == [3]


def test_a_personal_number_never_gets_into_a_notice() -> None:
    notices = Notices()
    # a made-up citizen's number whose check digit and date hold
    notices.add("bad-identifier", 'eik is "7523169263"', field="eik", value="7523169263")
    [row] = notices.rows
    assert "7523169263" not in f"{row.value} {row.message}"


def test_long_values_are_shortened() -> None:
    notices = Notices()
    notices.add("unknown-value", "x", value="a" * 500)
    assert len(notices.rows[0].value or "") == VALUE_LENGTH


def test_the_command_line_lists_every_rule() -> None:
    done = CliRunner().invoke(main, ["rules"])
    assert done.exit_code == 0
    assert [line.split()[0] for line in done.output.splitlines()] == sorted(RULES)
