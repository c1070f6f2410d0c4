"""A city loaded from its real files, for tests marked `real`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from loaders.catalogue import catalogue
from loaders.report import LoadReport
from loaders.run import load
from twin.database import connect


class Loaded:
    """A city loaded from real files."""

    def __init__(self, url: str, name: str, folder: Path) -> None:
        self.url, self.name, self.folder = url, name, folder
        self.report: LoadReport = self.load()

    def load(self) -> LoadReport:
        return load(self.url, catalogue(self.name), self.folder, again=True)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with connect(self.url, city=self.name) as connection:
            return connection.execute(statement.encode()).fetchall()

    def found(self, dataset: str) -> dict[str, int]:
        """How many notices of each rule a data set has."""
        rows = self.rows(
            f"SELECT rule, sum(occurrences) FROM notice WHERE source = '{dataset}' GROUP BY 1 ORDER BY 1"
        )
        return {rule: int(count) for rule, count in rows}

    def written(self) -> dict[str, list[tuple[Any, ...]]]:
        """Where each row lies and which transaction wrote it."""
        tables = [
            row[0]
            for row in self.rows(
                "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
                " AND tablename NOT IN ('import_run', 'loaded_file', 'source', 'alembic_version')"
            )
        ]
        return {table: self.rows(f'SELECT ctid::text, xmin::text FROM "{table}"') for table in tables}
