"""What the README says is so: its questions have the answers it shows, and its commands run.

After a change on purpose: `pytest tests/test_readme.py --rewrite-goldens`, then read the diff.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.processes import Served

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
ANSWERED = re.compile(
    r"<!-- answered -->\n```graphql\n(?P<query>.*?)```\n\n```json\n(?P<answer>.*?)```", re.DOTALL
)
SHELL = re.compile(r"```sh\n(.*?)```", re.DOTALL)
#: a program to be run, not a file of the guide: see test_guide
PYTHON = re.compile(r"(?<! -->\n)```python\n(.*?)```", re.DOTALL)
TWIN = Path(sys.executable).parent / "twin"


@pytest.fixture(scope="module")
def environment(database_url: str) -> dict[str, str]:
    """The demo's own city, loaded by the command line."""
    path = f"{TWIN.parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "TWIN_DATABASE_URL": database_url}


@pytest.fixture(scope="module")
def demo(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("demo")
    run(["twin", "sample", str(folder), "--buildings", "20000"], environment, folder)
    run(["twin", "load", "--city", "sample", "--data", str(folder)], environment, folder)
    return environment


def run(command: list[str], environment: dict[str, str], folder: Path, given: str = "") -> str:
    done = subprocess.run(
        command, env=environment, cwd=folder, input=given, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout


def test_questions_have_the_answers_shown(
    demo: dict[str, str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    text = README.read_text(encoding="utf-8")
    found = list(ANSWERED.finditer(text))
    assert len(found) == 7
    for match in found:
        answer = _rounded(
            json.loads(run(["twin", "query", "-"], demo, tmp_path, given=match["query"]))["data"]
        )
        shown = json.dumps(answer, ensure_ascii=False, indent=2) + "\n"
        if request.config.getoption("--rewrite-goldens"):
            text = text.replace(
                match[0], match[0].replace(f"```json\n{match['answer']}```", f"```json\n{shown}```")
            )
            README.write_text(text, encoding="utf-8")
        else:
            assert json.loads(match["answer"]) == answer


def _rounded(value: Any) -> Any:
    """Metres to a decimal: what is behind differs between versions of PROJ."""
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_rounded(inner) for inner in value]
    return round(value, 2) if isinstance(value, float) else value


def test_the_app_developers_program_runs(demo: dict[str, str], tmp_path: Path) -> None:
    (program,) = PYTHON.findall(README.read_text(encoding="utf-8"))
    with Served(demo) as served:
        program = program.replace("http://127.0.0.1:8000", served.url)
        said = run([sys.executable, "-c", program], demo, tmp_path)
        assert "District:68134-01" in said
        with urllib.request.urlopen(f"{served.url}/sample/id/District/68134-09") as answer:
            assert json.load(answer)["code"] == "68134-09"


def test_commands_run(environment: dict[str, str], tmp_path: Path) -> None:
    """Every `twin` line of the README, in its order, in an empty folder; serving is tested elsewhere."""
    (tmp_path / "question.graphql").write_text("{ districts { totalCount } }", encoding="utf-8")
    (tmp_path / "list.csv").write_text("address\nгр. София, ул. Шипка 6\n", encoding="utf-8")
    lines = [
        line.partition("  #")[0].strip()
        for block in SHELL.findall(README.read_text(encoding="utf-8"))
        for line in block.splitlines()
    ]
    twin = [line for line in lines if "twin " in line and "twin serve" not in line]
    assert len(twin) > 10
    for line in twin:
        if line == "twin down":
            continue  # the database is not the twin's own here: see test_cluster
        run(["bash", "-euo", "pipefail", "-c", line], environment, tmp_path)


def test_make_targets_exist() -> None:
    make = shutil.which("make")
    assert make
    for target in re.findall(r"(?:`|^)make ([a-z]+)", README.read_text(encoding="utf-8"), re.MULTILINE):
        subprocess.run([make, "-n", target], cwd=ROOT, check=True, capture_output=True)
