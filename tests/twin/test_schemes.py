"""Identifiers as people write them, and what is told of those that are none."""

from __future__ import annotations

import pytest

from twin.entities import IDENTIFIERS
from twin.errors import BadRequest
from twin.schemes import SCHEMES


@pytest.mark.parametrize(
    ("scheme", "written", "kept"),
    [
        ("EIK", "000695146", "000695146"),
        ("EIK", "BG000695146", "000695146"),
        ("EIK", " BG 000 695 146 ", "000695146"),
        ("EIK", "ЕИК: 000695146", "000695146"),
        ("EIK", "1750747520019", "175074752"),  # a branch's begins with its organisation's
        ("EIK", "695146", "000695146"),  # a spreadsheet took the zeros
        ("EIK_BRANCH", "1750747520019", "1750747520019"),
        ("CADASTRE", "68134.100.33.2", "68134.100.33.2"),
        ("CADASTRE", " 68134. 100. 33 .2\u00a0", "68134.100.33.2"),
        ("CADASTRE", "68134.100.33.2.15", "68134.100.33.2"),  # a unit's building
        ("DISTRICT_CODE", "68134-9", "68134-09"),
        ("DISTRICT_CODE", "relation-1155955", "relation-1155955"),
        ("OSM_BUILDING", "way/123", "way/123"),
        ("OSM_BUILDING", "https://www.openstreetmap.org/way/123", "way/123"),
        ("OSM_BUILDING", "http://openstreetmap.org/way/123/history#map=19/42.6/23.3", "way/123"),
        ("OSM_SITE", "n123", "node/123"),
        ("OSM_SITE", "Relation 5", "relation/5"),
        ("WIKIDATA_DISTRICT", "q472", "Q472"),
        ("WIKIDATA_DISTRICT", "http://www.wikidata.org/entity/Q472", "Q472"),
        ("WIKIDATA_DISTRICT", "https://www.wikidata.org/wiki/Q472", "Q472"),
        ("GTFS_STOP", " 1234 ", "1234"),
    ],
)
def test_an_identifier_is_read_in_the_forms_that_people_write(scheme: str, written: str, kept: str) -> None:
    assert SCHEMES[scheme].normalised(written, where="value") == kept


@pytest.mark.parametrize(
    ("scheme", "written", "told"),
    [
        ("EIK", "000695147", "9 digits of which the last is a check digit"),
        ("EIK", "", "9 digits"),
        ("EIK_BRANCH", "000695146", "13 digits"),
        ("CADASTRE", "68134.100.33", "68134.100.33.2"),  # a parcel
        ("CADASTRE", "68135.100.33.2", "68134.100.33.2"),  # no settlement
        ("OSM_STREET", "123", "way/123"),
        ("OSM_STREET", "https://example.org/way/123", "openstreetmap.org"),
        ("WIKIDATA_BUILDING", "P31", "Q42"),
        ("PERMIT", "  ", "some text"),
    ],
)
def test_what_is_none_is_told_the_form_expected(scheme: str, written: str, told: str) -> None:
    with pytest.raises(BadRequest, match="value: ") as wrong:
        SCHEMES[scheme].normalised(written, where="value")
    assert told in str(wrong.value)


def test_every_scheme_is_some_fields() -> None:
    assert set(SCHEMES) == set(IDENTIFIERS)
