"""Progress of a load or a download, drawn where somebody watches; silent elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import Progress as Bars
from rich.progress import SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn


class Progress:
    """One line for each data set under way: its records (or what else is counted) so far, and the time."""

    def __init__(self, console: Console | None, unit: str = "records") -> None:
        drawn = console is not None and console.is_terminal
        self._bars = (
            Bars(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                TextColumn(f"{{task.completed:,.0f}} {unit}"),
                TimeElapsedColumn(),
                console=console,
                transient=True,
            )
            if drawn
            else None
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        if self._bars:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars:
            self._bars.stop()

    def advance(self, name: str, count: int) -> None:
        """Say how many records of a data set were read, or how much of it came."""
        if self._bars:
            if name not in self._tasks:
                self._tasks[name] = self._bars.add_task(name, total=None)
            self._bars.update(self._tasks[name], completed=count)
