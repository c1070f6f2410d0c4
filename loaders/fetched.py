"""fetched.json: what is known of each downloaded file. `twin fetch` writes it, a load reads it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from loaders.catalogue import Dataset, Mode
from loaders.opening import Opened

STATE = "fetched.json"


@dataclass(frozen=True)
class Fetched:
    """What is known of one downloaded file; a row of fetched.json."""

    dataset: str
    url: str
    checksum: str  #: BLAKE2b, 16 bytes
    size: int
    fetched_at: str
    confirmed_at: str | None = None  #: when its source last said that this is what it has
    etag: str | None = None
    last_modified: str | None = None
    stamp: str | None = None  #: the version by the portal's own list
    licence: str | None = None  #: as the source states it


@dataclass(frozen=True)
class Fetch:
    """What fetched.json says of a data set's files together."""

    at: dt.datetime
    licence: str | None


def read_state(folder: Path) -> dict[str, Fetched]:
    """What a folder's fetched.json says; a broken one only costs downloads."""
    names = set(Fetched.__dataclass_fields__)
    try:
        files = json.loads((folder / STATE).read_text(encoding="utf-8"))["files"]
        return {
            path: Fetched(**{name: value for name, value in row.items() if name in names})
            for path, row in files.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def write_state(folder: Path, city: str, state: Mapping[str, Fetched]) -> None:
    content = {"city": city, "files": {path: asdict(row) for path, row in sorted(state.items())}}
    part = folder / f".{STATE}.part"
    part.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    part.replace(folder / STATE)


def fetch_of(dataset: Dataset, files: Sequence[Opened]) -> Fetch | None:
    """When a data set's files were fetched, and under which licence.

    None where one of them came by hand, or is no longer what was fetched. Files that together hold all there
    is are as old as the oldest of them, those that each hold what changed as young as the youngest.
    """
    first = files[0]
    state = read_state(first.path.parents[len(PurePosixPath(first.name).parts) - 1])
    known = [row for one in files if (row := state.get(one.name)) and row.checksum == one.checksum]
    if len(known) < len(files):
        return None
    try:
        moments = [dt.datetime.fromisoformat(row.confirmed_at or row.fetched_at) for row in known]
        at = min(moments) if dataset.mode is Mode.FULL else max(moments)
    except (TypeError, ValueError):
        return None
    licences = dict.fromkeys(row.licence for row in known if row.licence)
    return Fetch(at if at.tzinfo else at.replace(tzinfo=dt.UTC), ", ".join(licences) or None)
