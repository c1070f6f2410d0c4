"""The Commercial Register's daily open-data export, deed by deed.

Only what is named in the tables below is ever read: an allow-list, because about seventy elements of this
format hold data of persons. Contacts, managers, partners and owners are never looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lxml import etree

from loaders.formats import Batch, FileFault, Layer, Problem
from loaders.formats.columns import Item, as_columns, gather
from loaders.formats.plain_text import open_bytes
from loaders.formats.sniff import head, kind_of, refuse

WANTED = "the Commercial Register's XML export"

# Column <- attribute of the deed, in lower case: the export itself writes both CompanyName and CompanyNAme.
DEED = {
    "uic": "uic",
    "company_name": "companyname",
    "legal_form": "legalform",
    "deed_status": "deedstatus",
    "liquidation_or_insolvency": "liquidationorinsolvency",
}
# As the schema spells them.
SPELLINGS = frozenset({"UIC", "CompanyName", "LegalForm", "DeedStatus", "LiquidationOrInsolvency"})
# Column <- element of the seat's address, in lower case.
ADDRESS = {
    "seat.country": "country",
    "seat.district": "district",
    "seat.municipality": "municipality",
    "seat.municipality_ekatte": "municipalityekatte",
    "seat.settlement": "settlement",
    "seat.settlement_ekatte": "settlementekatte",
    "seat.area": "area",
    "seat.area_ekatte": "areaekatte",
    "seat.post_code": "postcode",
    "seat.housing_estate": "housingestate",
    "seat.street": "street",
    "seat.street_number": "streetnumber",
    "seat.block": "block",
    "seat.entrance": "entrance",
    "seat.floor": "floor",
    "seat.apartment": "apartment",
}
# Columns that each field keeps about its own entry.
ENTRY = {"entry_number": "fieldentrynumber", "action_date": "fieldactiondate", "operation": "fieldoperation"}

Values = dict[str, str | None]


def _text(column: str) -> Callable[[etree._Element], Values]:
    return lambda element: {column: _filled(element.text)}


def _attributes(**columns: str) -> Callable[[etree._Element], Values]:
    def read_attributes(element: etree._Element) -> Values:
        found = _lowered(element)
        return {column: found.get(attribute) for column, attribute in columns.items()}

    return read_attributes


def _address(seat: etree._Element) -> Values:
    values: Values = {}
    for child in seat:
        if _local(child) == "address":
            parts = {_local(part): _filled(part.text) for part in child if _local(part) in ADDRESS.values()}
            values.update({column: parts.get(name) for column, name in ADDRESS.items()})
    return values


# Field of the register's main part -> prefix of its columns, how its values are read.
FIELDS: dict[str, tuple[str, Callable[[etree._Element], Values]]] = {
    "company": ("company", _text("company")),
    "legalform": ("legal_form", _attributes(legal_form_code="code", legal_form_name="text")),
    "transliteration": ("transliteration", _text("transliteration")),
    "seat": ("seat", _address),
    "subjectofactivity": ("activity_text", _text("activity_text")),
    "subjectofactivitynkid": (
        "activity_code",
        _attributes(activity_code="codenkid", activity_name="textnkid"),
    ),
    "addemptionoftrader": ("struck_off", _text("struck_off")),
}
VALUE_COLUMNS = {
    "company": ("company",),
    "legal_form": ("legal_form_code", "legal_form_name"),
    "transliteration": ("transliteration",),
    "seat": tuple(ADDRESS),
    "activity_text": ("activity_text",),
    "activity_code": ("activity_code", "activity_name"),
    "struck_off": ("struck_off",),
}
COLUMNS = (
    *DEED,
    *(
        column
        for prefix, values in VALUE_COLUMNS.items()
        for column in (*values, *(f"{prefix}.{part}" for part in ENTRY))
    ),
)


@contextmanager
def read(path: Path) -> Iterator[Layer]:
    """Open a daily export; each deed is one record, and a field it does not mention is None.

    Beside a field's values stand '<field>.operation' (Add, Erase, Current), '<field>.entry_number' and
    '<field>.action_date', so that days can be merged in any order. Of a field that a deed mentions more than
    once, the latest entry counts. The seat is that of the main circumstances only.
    """
    if (kind := kind_of(head(path))) != "xml":
        raise refuse(path, kind, WANTED)
    with open_bytes(path) as stream:
        yield Layer(COLUMNS, None, _batches(_deeds(path, stream)))


def _batches(deeds: Iterator[Item]) -> Iterator[Batch]:
    for positions, records, problems in gather(deeds):
        yield Batch(as_columns(records, COLUMNS), None, positions, problems)


def _deeds(path: Path, stream: Any) -> Iterator[Item]:
    number = 0
    try:
        # Entities and the network stay off: the file comes from outside.
        for _, deed in etree.iterparse(
            stream, events=("end",), tag="{*}Deed", resolve_entities=False, no_network=True, load_dtd=False
        ):
            # The field about the old Bulstat register has an element Deed too (the court's case number);
            # empty or not, it is no record.
            if any(_local(above) == "deed" for above in deed.iterancestors()):
                continue
            number += 1
            position = f"deed {number}"
            if not deed.attrib:
                yield Problem(position, "deed-without-attributes", f"line {deed.sourceline}")
            for name in deed.attrib:
                if str(name).lower() in DEED.values() and name not in SPELLINGS:
                    yield Problem(position, "misspelt-attribute", str(name))
            yield position, _record(deed)
            deed.clear()
            while (before := deed.getprevious()) is not None:
                deed.getparent().remove(before)
    except etree.XMLSyntaxError as error:
        raise FileFault(
            f"the XML is broken or cut off after deed {number}: {error.msg}", where=path.name
        ) from error
    if not number:
        raise FileFault(f"there is no deed in it; wanted is {WANTED}", where=path.name)


def _record(deed: etree._Element) -> dict[str, Any]:
    attributes = _lowered(deed)
    record: dict[str, Any] = {column: attributes.get(name) for column, name in DEED.items()}
    latest: dict[str, tuple[str, str]] = {}
    for part in deed:
        if _local(part) != "subdeed" or _lowered(part).get("subuictype") != "MainCircumstances":
            continue
        for element in part:
            if (field := FIELDS.get(_local(element))) is None:
                continue
            prefix, values = field
            entry = _lowered(element)
            order = (entry.get(ENTRY["action_date"]) or "", entry.get(ENTRY["entry_number"]) or "")
            if order < latest.get(prefix, ("", "")):
                continue
            latest[prefix] = order
            record.update(values(element))
            record.update({f"{prefix}.{part_name}": entry.get(name) for part_name, name in ENTRY.items()})
    return record


def _local(element: etree._Element) -> str:
    """An element's name without namespace, in lower case; '' for comments and the like."""
    tag = element.tag
    return tag.rpartition("}")[2].lower() if isinstance(tag, str) else ""


def _lowered(element: etree._Element) -> Values:
    return {name.rpartition("}")[2].lower(): _filled(value) for name, value in element.attrib.items()}


def _filled(text: str | None) -> str | None:
    """Published text without the blanks around it, None when nothing is left."""
    return (text or "").strip() or None
