"""Programs of others, from npm: `make test` installs them, and the tests let them ask the running server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
#: the machine's Node, else the one that set-up has put beside Python
_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), str(Path(sys.executable).parent)])


def run(program: str, *arguments: str) -> Any:
    """What a program of this folder prints, which is JSON; fails with its complaint where it fails."""
    done = _done(program, *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def complaint(program: str, *arguments: str) -> str:
    """What a program of this folder has to say against something; nothing where all is well."""
    done = _done(program, *arguments)
    return done.stdout + done.stderr if done.returncode else ""


def _done(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    node = shutil.which("node", path=_PATH)
    assert node, "Node is missing: `make setup` installs it"
    assert (HERE / "node_modules").is_dir(), "the clients are not installed: `make test` installs them"
    return subprocess.run(
        [node, program, *arguments], cwd=HERE, capture_output=True, text=True, timeout=120, check=False
    )
