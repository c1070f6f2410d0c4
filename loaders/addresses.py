"""From a catalogue entry to the addresses of its files: one small reader for each kind of portal.

`loaders/fetch.py` asks `addresses_of`. What a portal answers is matched tolerantly, because none of it is
versioned; what is missing where it was expected is said in one sentence.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit

from loaders.catalogue import Dataset
from loaders.catalogue.fetching import Fetch, holds_owners
from loaders.web import Refusal, Web, is_private

_PAGE = 50
_PAGES = 1000
_TOKEN = (
    re.compile(r'name="csrf-token"\s+content="([^"]+)"'),
    re.compile(r'name="__RequestVerificationToken"[^>]*\bvalue="([^"]+)"'),
)
_LICENCE = ("license_title", "licence", "license", "license_name", "terms_of_use_name", "license_id")
#: how days are written in the names of resources; the first that makes a day of the calendar counts
_DAYS = (
    (re.compile(r"(?<!\d)(?P<y>20\d\d)(?P<m>\d\d)(?P<d>\d\d)(?!\d)"), "20220901"),
    (re.compile(r"(?<!\d)(?P<y>20\d\d)[\W_]+(?P<m>\d{1,2})[\W_]+(?P<d>\d{1,2})(?!\d)"), "2022-09-01"),
    (re.compile(r"(?<!\d)(?P<d>\d\d)[\W_]*(?P<m>\d\d)[\W_]*(?P<y>20\d\d)(?!\d)"), "05..10.2024, 12.12 2023"),
    (re.compile(r"(?<!\d)(?P<d>\d{1,2})[\W_]+(?P<m>\d{1,2})[\W_]+(?P<y>20\d\d)(?!\d)"), "5.1.2023"),
)


@dataclass(frozen=True)
class Address:
    """One file on the web and the path, below a data folder, that it is kept under."""

    url: str
    path: str
    licence: str | None = None
    stamp: str | None = (
        None  #: what the portal's list says of its version; the same stamp means the same file
    )


@dataclass(frozen=True)
class Found:
    """The addresses of a data set, and what was odd about finding them."""

    addresses: tuple[Address, ...]
    remarks: tuple[str, ...] = ()


def addresses_of(dataset: Dataset, web: Web) -> Found:
    """Ask the portal that the catalogue names where the files of a data set are now."""
    fetch = dataset.fetch
    if fetch is None:
        raise Refusal("the catalogue states no address to fetch it from", where=dataset.key)
    found = _READERS[fetch.kind](fetch, dataset.file, web)
    if not found.addresses:
        raise Refusal("nothing is listed there that fits the catalogue's entry", where=fetch.url)
    return replace(found, addresses=tuple(_apart(found.addresses)))


def day_in(name: str) -> dt.date | None:
    """The day that a resource's name states, however it is written; None where it states none."""
    for pattern, _ in _DAYS:
        for match in pattern.finditer(name):
            try:
                return dt.date(int(match["y"]), int(match["m"]), int(match["d"]))
            except ValueError:
                continue
    return None


def _file(fetch: Fetch, file: str, web: Web) -> Found:
    return Found((Address(fetch.url, file),))


def _sofiaplan(fetch: Fetch, file: str, web: Web) -> Found:
    """The address itself; its licence from the list of all data sets, where that says one."""
    list_url, _, key = fetch.url.rstrip("/").rpartition("/")
    try:
        entries = _rows(web.listing(list_url), "datasets", "data")
    except Refusal as refused:
        return Found((Address(fetch.url, file),), (f"its licence could not be looked up: {refused}",))
    entry = next((each for each in entries if str(each.get("id")) == key), {})
    return Found((Address(fetch.url, file, _licence(entry)),))


def _egov(fetch: Fetch, file: str, web: Web) -> Found:
    """Every resource of a data set, named by the day in its name."""
    remarks, addresses = [], []
    licence = _egov_licence(fetch, web)
    for resource in _egov_resources(fetch, web):
        uri, name = str(resource["uri"]), str(resource.get("name") or "")
        day = day_in(name)
        if not fnmatchcase(name, fetch.match) or (day and fetch.since and day < fetch.since):
            continue
        if day is None:
            remarks.append(f'no day can be read from the name "{name}"; it is kept under its identifier')
        version = (resource.get("version"), resource.get("updated_at"))
        addresses.append(
            Address(
                f"{fetch.url}/resource/download/{quote(uri, safe='')}/{fetch.resource_format}",
                _named(file, str(day or _part(uri))),
                licence,
                " ".join(str(each) for each in version) if version[1] else None,
            )
        )
    return Found(tuple(addresses), tuple(remarks))


def _egov_resources(fetch: Fetch, web: Web) -> Iterator[Mapping[str, Any]]:
    seen: set[str] = set()
    for number in range(1, _PAGES + 1):
        question = {
            # the oldest first, so that what is added meanwhile moves no page
            "criteria": {"dataset_uri": fetch.dataset, "order": {"field": "created_at", "type": "asc"}},
            "records_per_page": _PAGE,
            "page_number": number,
        }
        answer = web.json(f"{fetch.url}/api/listResources", method="POST", json=question)
        if not isinstance(answer, dict) or answer.get("success") is False:
            raise Refusal(f"it answered {str(answer)[:120]}", where=f"{fetch.url}/api/listResources")
        rows = [row for row in _rows(answer, "resources") if row.get("uri") and str(row["uri"]) not in seen]
        for row in rows:
            seen.add(str(row["uri"]))
            yield row
        if not rows or len(seen) >= int(answer.get("total_records") or 1 << 30):
            return


def _egov_licence(fetch: Fetch, web: Web) -> str | None:
    """The name of the terms that the data set's page states; the list of resources does not carry them."""
    try:
        answer = web.json(
            f"{fetch.url}/api/getDatasetDetails", method="POST", json={"dataset_uri": fetch.dataset}
        )
        details = answer.get("data") or {}
        terms = details.get("terms_of_use_id")
        if stated := _licence(details):
            return stated
        if terms is None:
            return None
        answer = web.json(f"{fetch.url}/api/getTermsOfUseDetails", method="POST", json={"terms_id": terms})
        return str((answer.get("data") or {}).get("name") or f"terms of use {terms}")
    except (Refusal, AttributeError):
        return None


def _ckan(fetch: Fetch, file: str, web: Web) -> Found:
    """The resources of a package that have the format, and a name that fits."""
    url = f"{fetch.url}/api/3/action/package_show?{urlencode({'id': fetch.dataset})}"
    answer = web.json(url)
    package = answer.get("result") if isinstance(answer, dict) and answer.get("success") else None
    if not isinstance(package, dict):
        raise Refusal(f"it answered {str(answer)[:120]}", where=url)
    fitting = [
        row
        for row in _rows(package, "resources")
        if str(row.get("format") or "").strip().lstrip(".").casefold()
        == str(fetch.resource_format).casefold()
        and fnmatchcase(str(row.get("name") or ""), fetch.match)
        and row.get("url")
    ]
    if len(fitting) > 1 and "*" not in file:
        names = ", ".join(f'"{row.get("name")}"' for row in fitting)
        raise Refusal(f"several resources fit ({names}); say which with match", where=url)
    for row in fitting:
        _check_led(fetch.url, str(row["url"]))
    return Found(
        tuple(
            Address(
                urljoin(f"{fetch.url}/", str(row["url"])),
                _named(file, _part(str(row.get("name") or row.get("id")))),
                _licence(row) or _licence(package),
                _stamp(row, "hash", "last_modified", "metadata_modified"),
            )
            for row in fitting
        )
    )


def _check_led(portal: str, to: str) -> None:
    """An address that a portal lists may lead anywhere on the web, and nowhere inside our own network."""
    try:
        host, own = urlsplit(urljoin(portal, to)).hostname or "", urlsplit(portal).hostname or ""
    except ValueError as error:
        raise Refusal(f'it lists "{to}", which is no address', where=portal) from error
    if is_private(host) and not is_private(own):
        raise Refusal(f"it lists {to}, inside a private network", where=portal)


def _kais(fetch: Fetch, file: str, web: Web) -> Found:
    """The cadastre's files below a pattern of folders; lists of owners are never among them."""
    page = web.text(fetch.url)
    token = next((found[1] for each in _TOKEN if (found := each.search(page))), None)
    headers = {"X-CSRF-TOKEN": token, "RequestVerificationToken": token} if token else {}

    def listing(folder: str) -> list[Mapping[str, Any]]:
        form = {"target": folder} | ({"__RequestVerificationToken": token} if token else {})
        return _rows(web.json(f"{fetch.url}/Read", method="POST", data=form, headers=headers), "Data", "data")

    addresses: list[Address] = []
    left_out = 0
    *folders, last = str(fetch.path).split("/")
    for folder, parts in _folders(folders, listing):
        for row in listing(folder):
            name = _name(row)
            caught = _caught(last, name)
            if caught is None or row.get("IsDirectory"):
                continue
            path = str(row.get("Path") or f"{folder}/{name}")
            if holds_owners(f"{path}/{name}.zip"):
                left_out += 1
                continue
            addresses.append(
                Address(
                    f"{fetch.url}/Download?{urlencode({'path': path})}",
                    _named(file, _part(" ".join([*parts, *caught])) or _part(name)),
                    None,
                    _stamp(row, "ModifiedUtc", "Modified", "Size"),
                )
            )
    remarks = (f"lists of owners, which are personal data, left out: {left_out}",) if left_out else ()
    return Found(tuple(addresses), remarks)


def _folders(
    patterns: list[str], listing: Callable[[str], list[Mapping[str, Any]]]
) -> Iterator[tuple[str, list[str]]]:
    """The folders that fit, each with what its `*` stand for; only folders with a `*` are looked up."""
    found: list[tuple[str, list[str]]] = [("", [])]
    for pattern in patterns:
        deeper = []
        for folder, parts in found:
            if "*" not in pattern:
                deeper.append((f"{folder}/{pattern}".lstrip("/"), parts))
                continue
            for row in listing(folder):
                caught = _caught(pattern, _name(row))
                if caught is not None and row.get("IsDirectory", True):
                    path = str(row.get("Path") or f"{folder}/{_name(row)}").replace("\\", "/").strip("/")
                    deeper.append((path, [*parts, *caught]))
        found = deeper
    return iter(found)


def _caught(pattern: str, name: str) -> list[str] | None:
    """What the `*` of a pattern stand for in a name; None where it does not fit."""
    if "*" not in pattern:
        return [] if unicodedata.normalize("NFC", name) == unicodedata.normalize("NFC", pattern) else None
    matched = re.fullmatch("(.*)".join(re.escape(each) for each in pattern.split("*")), name, re.DOTALL)
    return list(matched.groups()) if matched else None


def _name(row: Mapping[str, Any]) -> str:
    return str(row.get("Name") or str(row.get("Path") or "").rstrip("/").rpartition("/")[2])


def _rows(answer: Any, *names: str) -> list[Mapping[str, Any]]:
    """The objects of a list, which may stand alone or under one of some names."""
    if isinstance(answer, dict):
        answer = next((answer[name] for name in names if isinstance(answer.get(name), list)), [])
    return [row for row in answer if isinstance(row, dict)] if isinstance(answer, list) else []


def _licence(entry: Mapping[str, Any]) -> str | None:
    return (
        next((str(entry[name]).strip() for name in _LICENCE if isinstance(entry.get(name), str | int)), None)
        or None
    )


def _stamp(row: Mapping[str, Any], *names: str) -> str | None:
    said = [str(row[name]) for name in names if row.get(name)]
    return " ".join(said) or None


def _named(file: str, part: str) -> str:
    """The path of one of many files: its part of the name in place of the `*`."""
    before, _, after = file.partition("*")
    return f"{before}{'_' if before[-1:].isalnum() else ''}{part}{after}" if "*" in file else file


def _part(text: str) -> str:
    """A text as part of a file's name: letters, digits and hyphens, no longer than a file system takes."""
    words = re.sub(r"[^\w-]+", "-", unicodedata.normalize("NFC", text)).strip("-_")
    return words[:60]


def _apart(addresses: Iterable[Address]) -> Iterator[Address]:
    """Files of one name (two corrections of a day, say) get a number; each address comes once."""
    counts: dict[str, int] = {}
    urls: set[str] = set()
    for one in addresses:
        if one.url in urls:
            continue
        urls.add(one.url)
        number = counts.get(one.path, 0)
        counts[one.path] = number + 1
        if number:
            stem, dot, suffix = one.path.rpartition(".")
            yield replace(one, path=f"{stem}_{number}{dot}{suffix}")
        else:
            yield one


_READERS: Mapping[str, Callable[[Fetch, str, Web], Found]] = {
    "file": _file,
    "sofiaplan": _sofiaplan,
    "egov": _egov,
    "ckan": _ckan,
    "kais": _kais,
}
