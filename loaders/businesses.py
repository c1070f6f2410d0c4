"""Businesses and where they are: deeds of the Commercial Register, and chains' outlets.

The register's deeds become a business and its seat; what could name a person never leaves this file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ijson

from loaders.formats import Batch
from twin.identifiers import is_eik

#: legal forms whose name and seat may be a natural person's, as the register's four editions write them:
#: sole trader, and the legacy trader of a foreign natural person (domain reference, parts 1.3 and 9)
PERSON_LIKE = frozenset({"ET", "ЕТ", "1", "CHDF", "ЧФЛ", "23"})
PERSON_LIKE_NAME = "ЕДНОЛИЧЕН ТЪРГОВЕЦ"
ERASED = "Erase"
#: the deed's fields whose entry dates a whole deed has
_MAIN_FIELDS = ("company", "legal_form", "seat")
_FIELDS = (*_MAIN_FIELDS, "transliteration", "activity_text", "activity_code", "struck_off")
_SEAT = (
    ("settlement", ""), ("housing_estate", ""), ("street", ""), ("street_number", "№ "), ("block", "бл. "),
    ("entrance", "вх. "),
)  # fmt: skip
#: what a deed no longer says when a field is erased
_ATTRIBUTES = {
    "company": ("legal_name", "name"),
    "transliteration": ("legal_name_latin",),
    "legal_form": ("legal_form",),
    "activity_code": ("activity",),
    "seat": ("address_text", "match_key", "district_hint"),
}


def prepare_deeds(batch: Batch, _file: Path) -> Batch:
    """Columns of a business and of its seat from the columns of its deed.

    Sole traders keep their number, form, state, activity and the district of their seat; their name and
    address are a person's and stop here. Floors and flats of any seat stop here too.
    """
    deeds = batch.columns
    form = _first(deeds["legal_form"], deeds["legal_form_code"])
    person_like = [
        _person_like(*said)
        for said in zip(*(deeds[f"legal_form{one}"] for one in ("", "_code", "_name")), strict=True)
    ]
    withheld = [one is not False for one in person_like]
    name = _unless(_erased("company", deeds), _first(deeds["company"], deeds["company_name"]))
    latin = _unless(_erased("transliteration", deeds), deeds["transliteration"])
    seat = {part: _unless(_erased("seat", deeds), deeds[f"seat.{part}"]) for part, _ in _SEAT}
    area = _unless(_erased("seat", deeds), deeds["seat.area_ekatte"])
    valid = [one is not None and is_eik(one) for one in deeds["uic"]]
    # an erased seat is still spoken of, so that what earlier deeds say of it goes
    spoken_of = [any(parts) for parts in zip(area, *seat.values(), _erased("seat", deeds), strict=True)]
    seated = [good and said for good, said in zip(valid, spoken_of, strict=True)]
    columns: dict[str, list[Any]] = {
        "uic": deeds["uic"],
        "legal_name": _unless(withheld, name),
        "legal_name_latin": _unless(withheld, latin),
        "legal_form": form,
        "deed_status": deeds["deed_status"],
        "activity_code": _unless(_erased("activity_code", deeds), deeds["activity_code"]),
        "natural_person_like": person_like,
        "registered_on": _registered_on(deeds),
        "version": _version(deeds),
        "erased": _erased_attributes(deeds, withheld),
        "seat.key": [f"{uic}-seat" if here else None for uic, here in zip(deeds["uic"], seated, strict=True)],
        "seat.name": _unless(withheld, name),
        "seat.address": _unless(withheld, _address_line(seat)),
        "seat.district": area,
        **{f"seat.{part}": _unless(withheld, values) for part, values in seat.items()},
    }
    return Batch(columns, batch.geometry, batch.positions, batch.problems)


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


def _first(*columns: Sequence[str | None]) -> list[str | None]:
    return [next((one for one in values if one), None) for values in zip(*columns, strict=True)]


def _person_like(*forms: str | None) -> bool | None:
    """Whether the deed's word for its legal form, or that of the field about it, says so; None: neither."""
    said = [form.strip().upper() for form in forms if form]
    if not said:
        return None
    return any(form in PERSON_LIKE or form.startswith(PERSON_LIKE_NAME) for form in said)


def _unless(withheld: Sequence[bool], values: Sequence[Any]) -> list[Any]:
    return [None if hide else value for hide, value in zip(withheld, values, strict=True)]


def _erased(field: str, deeds: Mapping[str, list[Any]]) -> list[bool]:
    return [operation == ERASED for operation in deeds[f"{field}.operation"]]


def _registered_on(deeds: Mapping[str, list[Any]]) -> list[str | None]:
    """The earliest entry of a deed that says everything; of a change alone the first entry is not known."""
    dates = zip(*(deeds[f"{field}.action_date"] for field in _MAIN_FIELDS), strict=True)
    return [min(entries)[:10] if all(entries) else None for entries in dates]


def _version(deeds: Mapping[str, list[Any]]) -> list[str]:
    """What orders the deeds of one business: the latest action, then the latest entry."""
    dates = zip(*(deeds[f"{field}.action_date"] for field in _FIELDS), strict=True)
    numbers = zip(*(deeds[f"{field}.entry_number"] for field in _FIELDS), strict=True)
    return [
        f"{max((one or '' for one in date), default='')} {max((one or '' for one in number), default='')}"
        for date, number in zip(dates, numbers, strict=True)
    ]


def _erased_attributes(deeds: Mapping[str, list[Any]], withheld: Sequence[bool]) -> list[list[str]]:
    """What each deed takes back: its erased fields, and what an earlier deed said of one now person-like."""
    marks = {field: _erased(field, deeds) for field in _ATTRIBUTES}
    personal = [name for field in ("company", "transliteration") for name in _ATTRIBUTES[field]]
    personal += ["address_text", "match_key"]
    return [
        [name for field, names in _ATTRIBUTES.items() if marks[field][row] for name in names]
        + (personal if withheld[row] else [])
        for row in range(len(deeds["uic"]))
    ]


def _address_line(seat: Mapping[str, list[str | None]]) -> list[str | None]:
    """A seat on one line, as the cadastre writes addresses."""
    lines = []
    for values in zip(*seat.values(), strict=True):
        settlement, estate, street, number, block, entrance = (
            f"{mark}{value}" if value and not value.startswith(mark.strip() or "\0") else value
            for (_, mark), value in zip(_SEAT, values, strict=True)
        )
        house = " ".join(one for one in (street, number) if one)
        lines.append(", ".join(one for one in (settlement, estate, house, block, entrance) if one) or None)
    return lines


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
