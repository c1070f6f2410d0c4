"""Golden cases: a query, the SQL that it becomes and the answer, side by side in tests/golden.

After a change on purpose: `pytest tests/schema/test_golden.py --rewrite-goldens`, then read the diff.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.schema.conftest import Asked

FOLDER = Path(__file__).parent.parent / "golden"
CASES = sorted(FOLDER.glob("*.graphql"))


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_golden(ask: Asked, case: Path, request: pytest.FixtureRequest) -> None:
    query = case.read_text(encoding="utf-8")
    ask.statements.clear()
    answer = json.dumps(ask(query), ensure_ascii=False, indent=2) + "\n"
    assert len(ask.statements) == 1
    sql = re.sub(r" ?\n", "\n", ask.statements[0].decode()) + "\n"
    for suffix, found in ((".sql", sql), (".json", answer)):
        kept = case.with_suffix(suffix)
        if request.config.getoption("--rewrite-goldens"):
            kept.write_text(found, encoding="utf-8")
        assert kept.read_text(encoding="utf-8") == found
