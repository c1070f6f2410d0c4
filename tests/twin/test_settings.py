"""Settings come from the environment, once, and a wrong one is named."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from twin.errors import BadRequest
from twin.settings import Settings


def test_every_setting_has_its_variable() -> None:
    texts = {known.name: "7" for known in fields(Settings)} | {
        "curators": "ana:a-token-of-ana-42, b:0123456789abcdef",
        "callers": "ana:a-token-of-ana-42:2000000",
        "only_operations": "yes",
    }
    read = Settings.from_environment({f"TWIN_{name.upper()}": text for name, text in texts.items()})
    assert read.port == 7
    assert read.statement_timeout_s == 7.0
    assert read.city == "7"
    assert read.curators == (("ana", "a-token-of-ana-42"), ("b", "0123456789abcdef"))
    assert read.callers == (("ana", "a-token-of-ana-42", 2_000_000.0),)
    assert read.home == Path("7").absolute()
    assert all(
        getattr(read, name) not in (None, getattr(Settings(), name)) for name in texts if name != "workers"
    )


def test_nothing_set_gives_the_defaults() -> None:
    read = Settings.from_environment({"TWIN_PORT": ""})
    assert read == Settings(home=Path(".twin").absolute())


@pytest.mark.parametrize("text", ["x", "-1", "0", "1.5", "inf", "1e9", "'; --"])
def test_a_wrong_number_is_named(text: str) -> None:
    with pytest.raises(BadRequest, match=r"TWIN_PORT: .* is not a whole number above 0"):
        Settings.from_environment({"TWIN_PORT": text})


def test_what_is_neither_yes_nor_no_is_named() -> None:
    assert not Settings.from_environment({"TWIN_ONLY_OPERATIONS": "False"}).only_operations
    with pytest.raises(BadRequest, match='TWIN_ONLY_OPERATIONS: "maybe" is neither 1, true, yes, on nor 0,'):
        Settings.from_environment({"TWIN_ONLY_OPERATIONS": "maybe"})
