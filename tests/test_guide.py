"""The README's guide 'Add a data set' works as it stands: its files, its commands and what they print.

After a change on purpose: `pytest tests/test_guide.py --rewrite-goldens`, then read the diff.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / "README.md"
GUIDE = re.compile(r"^## Add a data set\n.*?(?=^## )", re.DOTALL | re.MULTILINE)
#: a file with its name, or what a shell shows
BLOCK = re.compile(
    r"<!-- file: (?P<name>\S+) -->\n```\w+\n(?P<content>.*?)^```|```console\n(?P<shown>.*?)^```",
    re.DOTALL | re.MULTILINE,
)
COMMAND = re.compile(r"^\$ (?P<line>.*)\n(?P<printed>(?:(?!\$ ).*\n)*)", re.MULTILINE)
#: how long a load took, which may also make its column wider
SECONDS = re.compile(r"\d+\.\d (?=│$)", re.MULTILINE)
WIDTHS = re.compile(r"([━─ ])\1+")


def test_the_guide_does_what_it_says(
    database_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    text = README.read_text(encoding="utf-8")
    guide = GUIDE.search(text)
    assert guide
    environment = {
        **os.environ,
        "TWIN_DATABASE_URL": database_url,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH")))),
    }
    new, commands = guide[0], 0
    for block in BLOCK.finditer(guide[0]):
        if block["name"]:
            file = tmp_path / block["name"]
            file.parent.mkdir(exist_ok=True)
            file.write_text(block["content"], encoding="utf-8")
            if file.name == "pyproject.toml":
                install(file)
            continue
        for command in COMMAND.finditer(block["shown"]):
            commands += 1
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", command["line"]],
                env=environment, cwd=tmp_path, capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert done.returncode == 0, (command["line"], done.stdout, done.stderr)
            if request.config.getoption("--rewrite-goldens"):
                new = new.replace(command[0], f"$ {command['line']}\n{SECONDS.sub('0.1 ', done.stdout)}")
            else:
                assert timeless(done.stdout) == timeless(command["printed"])
    assert commands == 4
    if new != guide[0]:
        README.write_text(text.replace(guide[0], new), encoding="utf-8")


def timeless(printed: str) -> str:
    return WIDTHS.sub(r"\1", SECONDS.sub("0.1 ", printed))


def install(pyproject: Path) -> None:
    """What pip leaves of such a project beside its modules: its name and entry points."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    folder = pyproject.parent / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n", encoding="utf-8"
    )
    lines = [
        line
        for group, entries in project["entry-points"].items()
        for line in (f"[{group}]", *(f"{name} = {module}" for name, module in entries.items()))
    ]
    (folder / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
