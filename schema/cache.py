"""What is kept to be used again: execute.py keeps documents and statements, persisted.py texts."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class Cache(Generic[T]):
    """The entries used last, within a budget of sizes; what would take a tenth of it is not kept."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._held = 0
        self._entries: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable) -> T | None:
        """The entry, which is now the one used last."""
        with self._lock:
            found = self._entries.get(key)
            if found is None:
                return None
            self._entries.move_to_end(key)
            return found[0]

    def put(self, key: Hashable, value: T, size: int) -> None:
        """Keep an entry of this size, unless there is one."""
        with self._lock:
            if size > self._budget // 10 or key in self._entries:
                return
            self._entries[key] = value, size
            self._held += size
            while self._held > self._budget:
                _, (_, dropped) = self._entries.popitem(last=False)
                self._held -= dropped
