"""Businesses and where they are: deeds of the Commercial Register, and chains' outlets.

The register's deeds become a business and its seat; what could name a person never leaves this file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ijson

from loaders.activities import edition_of
from loaders.formats import Batch, Problem
from loaders.legal_forms import PERSON_LIKE, legal_form
from loaders.versions import ERASED
from twin.identifiers import is_eik, is_ekatte, scrub_personal_numbers

#: the fields whose entries date a deed that has no entry about its registration
_MAIN_FIELDS = ("company", "legal_form", "seat")
_SEAT = (
    ("settlement", ""), ("housing_estate", ""), ("street", ""), ("street_number", "№ "), ("block", "бл. "),
    ("entrance", "вх. "),
)  # fmt: skip
_FREE_TEXT = (
    "company",
    "company_name",
    "transliteration",
    "branch_firm",
    *(f"seat.{name}" for name, _ in _SEAT),
)
#: proceedings <- what stands at the end of a company's name
_SUFFIX = re.compile(r"\bв\s+(ликвидация|несъстоятелност|стабилизация)\W*$", re.IGNORECASE)
_PROCEEDINGS = {
    "ликвидация": "Liquidation",
    "несъстоятелност": "Insolvency",
    "стабилизация": "Stabilization",
}
_DISTRICT_CODE = re.compile(r"([0-9]{5})-[0-9]{2}")
#: a version that no other one exceeds
FOR_GOOD = "for good"
_NINES = str.maketrans("0123456789", "9876543210")

Deed = Mapping[str, str | None]
#: attribute -> the version of what a deed says of it
Versions = dict[str, str]


def prepare_deeds(batch: Batch, _file: Path) -> Batch:
    """Columns of a business and of its seat, or of a branch, from the columns of a deed.

    Each says in 'versions' of which attributes it speaks, and as of when (`versions.py`). Sole traders keep
    their number, form, state, activity and the district of their seat; their name and address are a person's
    and stop here. Floors and flats of any seat stop here too, and so do personal numbers in typed text.
    """
    problems = list(batch.problems)
    columns = {**batch.columns, **_without_personal_numbers(batch, problems)}
    businesses: list[tuple[str | None, ...]] = []
    sites: list[tuple[str | None, ...]] = []
    for position, values in zip(batch.positions, zip(*columns.values(), strict=True), strict=True):
        deed = dict(zip(columns, values, strict=True))
        person_like = _person_like(deed["legal_form"], deed["legal_form_code"], deed["legal_form_name"])
        business = (
            _business(deed, person_like, position, problems) if deed["branch"] is None else _NO_BUSINESS
        )
        businesses.append(business)
        sites.append(_site(deed, person_like, position, problems))
    made = {
        name: [row[place] for row in rows]
        for names, rows in ((_BUSINESS, businesses), (_SITE, sites))
        for place, name in enumerate(names)
    }
    return Batch(made, batch.geometry, batch.positions, problems)


_BUSINESS = (
    "uic", "branch", "legal_name", "legal_name_latin", "legal_form", "deed_status", "proceedings",
    "activity_code", "activity_edition", "activity_edition_basis", "natural_person_like", "registered_on",
    "struck_off_on", "versions",
)  # fmt: skip
_NO_BUSINESS = tuple("branch" if name == "branch" else None for name in _BUSINESS)
_SITE = (
    "site.key", "site.kind", "site.business", "site.eik", "site.name", "site.name_latin", "site.address",
    "site.district", *(f"site.{part}" for part, _ in _SEAT), "site.versions",
)  # fmt: skip
_NO_SITE = (None,) * len(_SITE)


def _business(
    deed: Deed, person_like: bool | None, position: str, problems: list[Problem]
) -> tuple[str | None, ...]:
    versions: Versions = {}
    of_deed = deed["version"] or ""
    name = _said_name(deed, "legal_name", person_like, versions)
    latin = _said(deed, "transliteration", ("legal_name_latin",), person_like, versions)
    form = deed["legal_form"]
    if form:
        form = _form(form)
        versions["legal_form"] = of_deed
    else:
        form = _said(deed, "legal_form", ("legal_form",), False, versions, deed["legal_form_code"])
        form = form and _form(form)
    if deed["deed_status"]:
        versions["status"] = of_deed
    proceedings = deed["liquidation_or_insolvency"]
    if not proceedings and (published := deed["company"] or deed["company_name"]):
        suffix = _SUFFIX.search(published)
        proceedings = _PROCEEDINGS[suffix[1].lower()] if suffix else None
    if proceedings or deed["company"] or deed["company_name"]:
        versions["proceedings"] = of_deed
    activity = _said(
        deed, "activity", ("activity", "activity_edition", "activity_edition_basis"), False, versions,
        deed["activity_code"],
    )  # fmt: skip
    edition = edition_of(activity, deed["activity_name"], deed["activity.action_date"]) if activity else None
    if activity and not edition:
        problems.append(Problem(position, "unknown-edition", f"activity_code {activity}"))
    if person_like is not None:
        # a number never passes from a person to a company: what was a person's once is so for good
        versions["natural_person_like"] = FOR_GOOD if person_like else of_deed
    registered_on = _registered_on(deed)
    if registered_on:
        # the earliest claim is to win, so that the version falls as the day rises
        versions["registered_on"] = registered_on.translate(_NINES)
    struck_off = _said(deed, "struck_off", ("valid_to",), False, versions, deed["struck_off.action_date"])
    return (
        deed["uic"], None, name, latin, form, deed["deed_status"], proceedings, activity,
        *(edition or (None, None)),
        None if person_like is None else str(person_like).lower(), registered_on,
        struck_off[:10] if struck_off else None, json.dumps(versions),
    )  # fmt: skip


def _site(
    deed: Deed, person_like: bool | None, position: str, problems: list[Problem]
) -> tuple[str | None, ...]:
    """The seat that a deed speaks of, or its branch."""
    uic, branch = deed["uic"], deed["branch"]
    if uic is None or len(uic) != 9 or not is_eik(uic):
        return _NO_SITE
    versions: Versions = {}
    area = _settlement_code(deed, "seat.area_ekatte", position, problems)
    _settlement_code(deed, "seat.settlement_ekatte", position, problems)
    address = _said(deed, "seat", ("address_text", "match_key"), person_like, versions, _address_line(deed))
    district = _said(deed, "seat", ("district_hint",), False, versions, area)
    if branch is None:
        if not (
            deed["seat.operation"]
            or deed["company.operation"]
            or deed["transliteration.operation"]
            or person_like
        ):
            return _NO_SITE
        key, eik = f"{uic}-seat", None
        name = _said_name(deed, "name", person_like, versions)
        latin = _said(deed, "transliteration", ("name_latin",), person_like, versions)
        kind = _said(deed, "seat", ("kind",), False, versions, "SEAT")
    else:
        key = f"{uic}-branch-{branch}"
        eik = _said(deed, "branch_identifier", ("eik",), False, versions)
        if eik and not (len(eik) == 13 and eik.startswith(uic) and is_eik(eik)):
            problems.append(Problem(position, "bad-identifier", f"branch_identifier {_shown(eik)}"))
            eik = None
        name, latin = _said(deed, "branch_firm", ("name",), person_like, versions), None
        kind = _branch_kind(deed, versions)
    return (
        key, kind, uic, eik, name, latin, address, district,
        *(deed[f"seat.{part}"] if address else None for part, _ in _SEAT), json.dumps(versions),
    )  # fmt: skip


def _said(
    deed: Deed,
    field: str,
    attributes: Sequence[str],
    withheld: bool | None,
    versions: Versions,
    value: str | None = None,
) -> str | None:
    """What a field of the deed says of some attributes; `value` is by default the field's own column.

    `withheld`: True takes back what other deeds say of them, None (nobody knows) says nothing.
    """
    if withheld:
        versions.update(dict.fromkeys(attributes, ERASED))
        return None
    operation = deed[f"{field}.operation"]
    version = deed[f"{field}.version"]
    if withheld is None or version is None:
        return None
    if operation == "Erase":
        versions.update(dict.fromkeys(attributes, version + ERASED))
        return None
    value = value or deed.get(field)
    # what is unchanged and empty was left out to save space
    if value or operation != "Current":
        versions.update(dict.fromkeys(attributes, version))
    return value


def _said_name(deed: Deed, attribute: str, withheld: bool | None, versions: Versions) -> str | None:
    """The name that a deed has a field about, else the one in its heading, which any field's word beats."""
    name = _said(deed, "company", (attribute,), withheld, versions)
    if name is None and attribute not in versions and withheld is False and deed["company_name"]:
        versions[attribute] = f" {deed['version'] or ''}"
        name = deed["company_name"]
    return name


def _branch_kind(deed: Deed, versions: Versions) -> str | None:
    """A branch is there from the first word on it until it is closed; in one action, closing counts."""
    said = [deed[f"{field}.version"] for field in ("seat", "branch_firm", "branch_identifier")]
    latest = max((_action(version) for version in said if version is not None), default=None)
    closing = deed["branch_closure.version"]
    if closing is not None:
        withdrawn = deed["branch_closure.operation"] == "Erase"
        closed = _action(closing) + ("" if withdrawn else " closed")
        if latest is None or closed > latest:
            versions["kind"] = closed
            return "BRANCH" if withdrawn else None
    if latest is None:
        return None
    versions["kind"] = latest
    return "BRANCH"


def _action(version: str) -> str:
    """A version without the record's number, by which one action's words differ."""
    return version.rpartition(" ")[0]


def _person_like(*forms: str | None) -> bool | None:
    """Whether any of the deed's words for its legal form is a person's; None where none of them is known."""
    known = {code for form in forms if form and (code := legal_form(form))}
    return bool(known & PERSON_LIKE) if known else None


def _registered_on(deed: Deed) -> str | None:
    """The day of the entry about the registration, else the earliest of a deed that says everything."""
    if deed["registration.operation"] != "Erase" and (day := deed["registration.action_date"]):
        return day[:10]
    dates = [deed[f"{field}.action_date"] for field in _MAIN_FIELDS]
    found = [date for date in dates if date]
    return min(found)[:10] if len(found) == len(dates) else None


def _address_line(deed: Deed) -> str | None:
    """A seat on one line, as the cadastre writes addresses."""
    settlement, estate, street, number, block, entrance = (
        f"{mark}{value}" if value and mark and not value.startswith(mark.strip()) else value
        for value, mark in ((deed[f"seat.{part}"], mark) for part, mark in _SEAT)
    )
    house = " ".join(one for one in (street, number) if one)
    return ", ".join(one for one in (settlement, estate, house, block, entrance) if one) or None


def _settlement_code(deed: Deed, column: str, position: str, problems: list[Problem]) -> str | None:
    """A settlement's code, or a district's within one, when its check digit holds."""
    code = deed[column]
    if code is None:
        return None
    district = _DISTRICT_CODE.fullmatch(code)
    if is_ekatte(district[1] if district else code):
        return code
    problems.append(Problem(position, "bad-settlement-code", f"{column} {_shown(code)}"))
    return None


def _form(published: str) -> str:
    """The code of a legal form; an unknown one as published, unless it is a text, which may name a person."""
    return legal_form(published) or (
        published if re.fullmatch(r"\w{1,10}", published) else "a text, not repeated here"
    )


def _shown(code: str) -> str:
    """A wrong code as a notice may show it: where it is a text instead, that may be a person's."""
    return code if re.fullmatch(r"[0-9-]{1,14}", code) else "a text, not repeated here"


def _without_personal_numbers(batch: Batch, problems: list[Problem]) -> dict[str, list[Any]]:
    """The columns of free text without personal numbers, where there were any."""
    cleaned: dict[str, list[Any]] = {}
    for name in _FREE_TEXT:
        for row, text in enumerate(batch.columns[name]):
            if text is not None and len(text) > 5:
                clean, removed = scrub_personal_numbers(text)
                if removed:
                    cleaned.setdefault(name, list(batch.columns[name]))[row] = clean
                    problems += [Problem(batch.positions[row], "personal-number", name)] * removed
    return cleaned


def prepare_outlets(batch: Batch, file: Path) -> Batch:
    """Name, chain, line of business and address of outlets: the chain's own word first, then OpenStreetMap's.

    The chain's name is at the head of its file, beside the list of outlets.
    """
    chain = _chain(file)
    empty: list[Any] = [None] * len(batch)
    columns = batch.columns
    atp, osm = (_side(columns, side, empty) for side in ("atp", "osm"))
    objects = zip(columns.get("osm.type", empty), columns.get("osm.id", empty), strict=True)
    prepared = {
        **columns,
        "outlet.chain": [chain] * len(batch),
        "outlet.address": [
            _outlet_address(atp, row) or _outlet_address(osm, row) for row in range(len(batch))
        ],
        "outlet.osm": [f"{kind}/{number}" if kind and number else None for kind, number in objects],
    }
    return Batch(prepared, batch.geometry, batch.positions, batch.problems)


def _chain(file: Path) -> str | None:
    """The name in the metadata of an outlets file, which stand before the outlets."""
    with file.open("rb") as stream:
        return next((str(name) for name in ijson.items(stream, "metadata.name") if name), None)


_ADDRESS_TAGS = ("full", "street_address", "street", "place", "housenumber", "city")


def _side(columns: Mapping[str, list[Any]], side: str, empty: list[Any]) -> dict[str, list[Any]]:
    return {tag: columns.get(f"{side}.tags.addr:{tag}", empty) for tag in _ADDRESS_TAGS}


def _outlet_address(tags: Mapping[str, list[Any]], row: int) -> str | None:
    """An address on one line; a town alone is none."""
    full, street_address, street, place, number, city = (
        str(values[row]).strip() if values[row] else "" for values in (tags[tag] for tag in _ADDRESS_TAGS)
    )
    if full:
        return full
    thoroughfare = street or place
    line = street_address or (f"{thoroughfare} {number}".strip() if thoroughfare else "")
    if not line:
        return None
    return f"{line}, {city}" if city and city not in line else line
