"""What Sofia publishes beside the data sets of test_real_cities.py: counts, defects, and what is tied to what."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.loaders.real import Loaded

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def sofia(database_url: str, real_data: Path) -> Loaded:
    return Loaded(database_url, "sofia", real_data / "sofia")


@pytest.mark.parametrize(
    ("dataset", "entity", "rows"),
    [
        ("sofia-building-permits", "Permit", 66_200 - 537),
    ],
)
def test_the_counts_match_the_files(sofia: Loaded, dataset: str, entity: str, rows: int) -> None:
    assert sofia.report[dataset].entities[entity].rows == rows


@pytest.mark.parametrize(
    ("dataset", "defects"),
    [
        (
            "sofia-building-permits",
            {"bad-cadastral-id": 18, "exact-duplicate": 537, "no-cadastral-id": 6842, "padded-value": 3841},
        ),
    ],
)
def test_every_defect_is_a_notice(sofia: Loaded, dataset: str, defects: dict[str, int]) -> None:
    assert sofia.found(dataset) == defects


def test_permits_have_dates_kinds_districts_and_cadastral_identifiers(sofia: Loaded) -> None:
    assert sofia.rows(
        "SELECT count(issued_on), count(took_effect_on), count(works), count(district), count(cadastral_parcel),"
        " count(match_key), min(issued_on)::text, max(took_effect_on)::text FROM permit"
    ) == [(65_663, 2_472, 58_816, 60_888, 4_486, 29_550, "1990-02-19", "2018-11-27")]
    # parcels, buildings and units, alone and several together
    assert sofia.rows(
        "SELECT length(i) - length(replace(i, '.', '')), count(*) FROM permit, unnest(cadastral_ids) AS i"
        " GROUP BY 1 ORDER BY 1"
    ) == [(2, 3_790), (3, 561), (4, 371)]
    assert sofia.rows("SELECT count(*) FROM permit WHERE address_text ~* '\\m(ап|ет)\\.'") == [(0,)]
