"""The dependency rule: schema -> twin <- loaders, checked from the imports themselves."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
#: the composition root may import everything
ROOT_MODULE = Path("twin/cli.py")
FORBIDDEN = {
    "twin": {
        "schema",
        "loaders",
        "strawberry",
        "graphql",
        "starlette",
        "pyogrio",
        "osmium",
        "lxml",
        "pyarrow",
        "ijson",
    },
    "schema": {"loaders"},
    "loaders": {"schema", "strawberry", "starlette"},
}
CONNECTS = {Path("twin/database.py"), Path("twin/cluster.py")}


MODULES = [
    path.relative_to(ROOT)
    for package in FORBIDDEN
    for path in sorted((ROOT / package).rglob("*.py"))
    if "node_modules" not in path.parts
]


def _imports(path: Path) -> set[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_no_package_imports_what_it_must_not_know(path: Path) -> None:
    if path != ROOT_MODULE:
        assert not _imports(path) & FORBIDDEN[path.parts[0]]


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_only_two_files_open_connections_and_one_reads_the_environment(path: Path) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    if path not in CONNECTS:
        assert "psycopg.connect(" not in text
        assert "PGconn.connect(" not in text
    if path != Path("twin/settings.py"):
        assert "os.environ" not in text
        assert "os.getenv" not in text
