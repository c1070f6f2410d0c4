"""Identifier schemes: how a written identifier is read, and the URI that the web knows it by.

Fields name theirs as `identifier="OSM_BUILDING"`; `byIdentifier`, `identifiers` and `sameAs` follow.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from twin.errors import BadRequest
from twin.identifiers import cadastral_parts, eik_from_damaged, is_eik

_BLANKS = re.compile(r"[\s\u00a0\u200b]+")
_EIK_LABEL = re.compile(r"^(?:BG|ЕИК|EIK|БУЛСТАТ|BULSTAT)[:№\s]*", re.IGNORECASE)
_DISTRICT = re.compile(r"([0-9]{5})[-–]([0-9]{1,2})")
_OSM = re.compile(
    r"(?:https?://(?:www\.)?(?:openstreetmap|osm)\.org/|osm:)?(node|way|relation|[nwr])/?([1-9][0-9]{0,18})(?:[/?#].*)?",
    re.IGNORECASE,
)
_OSM_KINDS = {"n": "node", "w": "way", "r": "relation"}
_WIKIDATA = re.compile(
    r"(?:https?://(?:www\.|m\.)?wikidata\.org/(?:wiki|entity)/|wd:)?(Q[1-9][0-9]{0,11})(?:[?#].*)?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Scheme:
    """A register's or publisher's way to name things."""

    form: str  #: what its identifiers look like, for whoever writes one otherwise
    read: Callable[[str], str | None]  #: a written identifier as the twin keeps it; None: it is none
    uri: str | None = None  #: what stands before an identifier in its URI; None: the scheme has none

    def normalised(self, text: str, *, where: str) -> str:
        """The identifier as the twin keeps it; BadRequest says what one looks like."""
        found = self.read(text)
        if found is None:
            raise BadRequest(f'"{text[:80]}" is none; expected is {self.form}', where=where)
        return found


def _eik(text: str) -> str | None:
    """An organisation's number; of a branch's 13 digits those of its organisation."""
    digits = _EIK_LABEL.sub("", _BLANKS.sub("", text))
    restored = digits if is_eik(digits) else eik_from_damaged(digits)
    return restored[:9] if restored else None


def _eik_branch(text: str) -> str | None:
    digits = _EIK_LABEL.sub("", _BLANKS.sub("", text))
    return digits if len(digits) == 13 and is_eik(digits) else None


def _building(text: str) -> str | None:
    """A building's cadastral identifier; of a unit within it the building's."""
    parts = cadastral_parts(_BLANKS.sub("", text).strip("."))
    if parts is None or parts.building is None:
        return None
    return str(parts._replace(unit=None))


def _district(text: str) -> str | None:
    """A district's code; only the Bulgarian ones have a form that is known."""
    bare = _BLANKS.sub("", text)
    found = _DISTRICT.fullmatch(bare)
    return f"{found[1]}-{found[2].zfill(2)}" if found else bare or None


def _osm(text: str) -> str | None:
    found = _OSM.fullmatch(_BLANKS.sub("", text))
    if found is None:
        return None
    kind = found[1].lower()
    return f"{_OSM_KINDS.get(kind, kind)}/{found[2]}"


def _wikidata(text: str) -> str | None:
    found = _WIKIDATA.fullmatch(_BLANKS.sub("", text))
    return found[1].upper() if found else None


def _as_written(text: str) -> str | None:
    return text.strip() or None


EIK = Scheme("9 digits of which the last is a check digit, or a branch's 13 that begin with them", _eik)
EIK_BRANCH = Scheme("13 digits that begin with its organisation's 9, check digits right", _eik_branch)
CADASTRE = Scheme("a building's EKATTE.region.parcel.building, such as 68134.100.33.2", _building)
DISTRICT_CODE = Scheme("EKATTE of the settlement and the district's number, such as 68134-09", _district)
OSM = Scheme(
    "node/123, way/123 or relation/123, or its address on openstreetmap.org",
    _osm,
    uri="https://www.openstreetmap.org/",
)
WIKIDATA = Scheme("Q42, or its address on wikidata.org", _wikidata, uri="http://www.wikidata.org/entity/")
AS_WRITTEN = Scheme("some text, as its publisher writes it", _as_written)

#: what fields say as `identifier` -> its scheme. Only OpenStreetMap and Wikidata have URIs that stay and
#: can be followed: the Commercial Register, the cadastre and the NSI's classifiers offer searches only.
SCHEMES: dict[str, Scheme] = {
    "DISTRICT_CODE": DISTRICT_CODE,
    "CADASTRE": CADASTRE,
    "EIK": EIK,
    "EIK_BRANCH": EIK_BRANCH,
    "PERMIT": AS_WRITTEN,
    "GTFS_STOP": AS_WRITTEN,
    "GTFS_ROUTE": AS_WRITTEN,
    "OSM_BUILDING": OSM,
    "OSM_STREET": OSM,
    "OSM_FACILITY": OSM,
    "OSM_SITE": OSM,
    "WIKIDATA_DISTRICT": WIKIDATA,
    "WIKIDATA_BUILDING": WIKIDATA,
    "WIKIDATA_FACILITY": WIKIDATA,
}
