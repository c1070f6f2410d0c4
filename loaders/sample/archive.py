"""Zip archives that come out the same, byte for byte, whenever they are written."""

from __future__ import annotations

import shutil
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from loaders.sample.land import NOTICE

# the first moment that a zip entry can name, so that no clock shows in the archive
_FIXED_TIME = (1980, 1, 1, 0, 0, 0)


def new_archive(path: Path) -> ZipFile:
    """An empty archive to write members into; its comment says that the data are a sample."""
    archive = ZipFile(path, "w", compression=ZIP_DEFLATED)
    archive.comment = NOTICE.encode()
    return archive


def member(name: str) -> ZipInfo:
    """The entry for a member of this name, dated to a fixed time."""
    entry = ZipInfo(name, _FIXED_TIME)
    entry.compress_type = ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    entry.create_system = 3
    return entry


def add_file(archive: ZipFile, path: Path) -> None:
    """Add a file under its own name, without holding it in memory."""
    with path.open("rb") as source, archive.open(member(path.name), "w", force_zip64=True) as target:
        shutil.copyfileobj(source, target, 1 << 20)
