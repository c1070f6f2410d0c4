"""CPU time of the processes that answer: it says what an answer costs, whatever else the machine does."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

#: a process that uses less of a core than this, looked at this often, is idle
_IDLE, _GLANCE_S = 0.1, 0.1
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """What a process and its children have used so far, those that have ended included."""
    total = 0.0
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            stat = (folder / "stat").read_text()
        except OSError:  # it has just ended, and its parent has inherited its time
            continue
        # behind the name in brackets: state, parent, ...; from the 12th on user and system time, then the same
        # of children that have ended
        fields = stat.rpartition(")")[2].split()
        if int(folder.name) == pid or int(fields[1]) == pid:
            total += sum(int(field) for field in fields[11:15]) / _TICKS_PER_S
    return total


def settle(pids: Sequence[int], *, patience_s: float = 30.0) -> None:
    """Wait until the processes have nothing left to do, such as answers that nobody waits for any more."""
    until = time.monotonic() + patience_s
    spent = [cpu_seconds(pid) for pid in pids]
    while time.monotonic() < until:
        time.sleep(_GLANCE_S)
        now = [cpu_seconds(pid) for pid in pids]
        if sum(now) - sum(spent) <= _IDLE * _GLANCE_S:
            return
        spent = now
