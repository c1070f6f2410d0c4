"""The command itself; what its subcommands do is tested where that is."""

from __future__ import annotations

import subprocess
import sys


def test_run_as_a_module_it_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "twin.cli", "rules"], capture_output=True, text=True, check=True
    )
    assert "invalid-geometry" in done.stdout
