"""Where a data set can be downloaded: the `[dataset.fetch]` table of a catalogue, read and checked.

    [dataset.fetch]                  kind = "file" and url = the data set's own, where they are not named
    kind = "file"                    the address is the file
    kind = "sofiaplan"               .../datasets/{id}, which answers with GeoJSON
    kind = "egov"                    data.egov.bg: every resource of `dataset`, in one resource_format
    kind = "ckan"                    a CKAN portal: the resources of `dataset` that have resource_format
    kind = "kais"                    the cadastre: the files that fit `path`, a pattern below its open data

`match` is a pattern for the names of resources, `since` the first day that is wanted (egov). Where one entry
stands for many files, the data set's `file` has one `*`, which becomes the day or the name. max_mb and
timeout_s bound one file. `loaders/addresses.py` makes the addresses of it.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from twin.errors import BadRequest

#: for each kind: what it needs beside the address, what else it understands
KINDS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "file": ((), ()),
    "sofiaplan": ((), ()),
    "egov": (("dataset", "resource_format"), ("match", "since")),
    "ckan": (("dataset", "resource_format"), ("match",)),
    "kais": (("path",), ()),
}
_COMMON = ("kind", "url", "max_mb", "timeout_s")
_MAX_MB = 500
_TIMEOUT_S = 900
_LOOKALIKES = str.maketrans("aceopxy", "асеорху")
_OWNERS = re.compile(r"собственост.*\.zip", re.DOTALL)


@dataclass(frozen=True)
class Fetch:
    """How the files of a data set are found on the web, and how large and slow one may be."""

    kind: str
    url: str
    dataset: str | None = None
    resource_format: str | None = None
    match: str = "*"
    since: dt.date | None = None
    path: str | None = None
    max_mb: int = _MAX_MB
    timeout_s: int = _TIMEOUT_S


def fetch_entry(entry: Mapping[str, Any], where: str) -> Fetch | None:
    """A data set's `fetch` table; None where the data set has none."""
    given = entry.get("fetch")
    if given is None:
        return None
    if not isinstance(given, dict):
        raise BadRequest("fetch must be a table", where=where)
    where = f"{where}.fetch"
    kind = given.get("kind", "file")
    if kind not in KINDS:
        raise BadRequest(f'kind is "{kind}"; allowed are {", ".join(KINDS)}', where=where)
    needed, understood = KINDS[kind]
    for name in given:
        if name not in (*_COMMON, *needed, *understood):
            raise BadRequest(
                f'"{name}" means nothing here; {kind} understands '
                f"{', '.join((*_COMMON, *needed, *understood))}",
                where=where,
            )
    for name in needed:
        if not given.get(name):
            raise BadRequest(f"{name} is missing", where=where)
    for name in ("dataset", "resource_format", "match", "path"):
        if name in given and not isinstance(given[name], str):
            raise BadRequest(f"{name} is {given[name]!r}; expected is a text", where=where)
    _check_file(kind, str(entry.get("file", "")), where)
    path = given.get("path")
    if path and "собственост" in folded(path):
        raise BadRequest(
            f'"{path}" names files with owners\' personal data; they are never fetched', where=where
        )
    since = given.get("since")
    if since is not None and type(since) is not dt.date:
        raise BadRequest(f"since is {since!r}; expected is a day such as 2022-09-01", where=where)
    return Fetch(
        kind=kind,
        url=_address(given.get("url") or entry.get("url"), where),
        dataset=given.get("dataset"),
        resource_format=given.get("resource_format"),
        match=given.get("match", "*"),
        since=since,
        path=path,
        max_mb=_above_zero(given, "max_mb", _MAX_MB, where),
        timeout_s=_above_zero(given, "timeout_s", _TIMEOUT_S, where),
    )


def holds_owners(name: str) -> bool:
    """Whether a path or address leads to the cadastre's lists of owners, however it is written."""
    return bool(_OWNERS.search(folded(name)))


def folded(name: str) -> str:
    """A path or address as its letters read: percent signs decoded, Latin look-alikes made Cyrillic."""
    plain = name
    for _ in range(5):
        decoded = unquote(plain.replace("+", " "))
        if decoded == plain:
            break
        plain = decoded
    plain = unicodedata.normalize("NFKC", plain).casefold()
    # the end of a file's name stays as it is: `.zip` has a look-alike in it
    return plain.translate(_LOOKALIKES).replace(".ziр", ".zip")


def _check_file(kind: str, file: str, where: str) -> None:
    stars = file.count("*")
    if any(each in file for each in "?[") or stars > 1:
        raise BadRequest(
            f'files cannot be saved as "{file}"; file must be a path with at most one *', where=where
        )
    if kind in ("file", "sofiaplan") and stars:
        raise BadRequest(f'one file cannot be saved as "{file}"; file must be a path without *', where=where)
    if kind in ("egov", "kais") and not stars:
        raise BadRequest(f'many files cannot be saved as "{file}"; file must have one *', where=where)


def _address(url: Any, where: str) -> str:
    if not url:
        raise BadRequest("url is missing, here and in the data set", where=where)
    try:
        parts = urlsplit(str(url))
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        raise BadRequest(f'url is "{url}"; expected is http://... or https://...', where=where)
    if holds_owners(str(url)):
        raise BadRequest(f'"{url}" leads to owners\' personal data; it is never fetched', where=where)
    return str(url).rstrip("/") if urlsplit(str(url)).path == "/" else str(url)


def _above_zero(entry: Mapping[str, Any], name: str, default: int, where: str) -> int:
    value = entry.get(name, default)
    if type(value) is not int or value <= 0:
        raise BadRequest(f"{name} is {value!r}; expected is a whole number above 0", where=where)
    return value
