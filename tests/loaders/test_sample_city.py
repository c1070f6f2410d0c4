"""The sample city through all stations: what `make demo` does, in small."""

from __future__ import annotations

from pathlib import Path

import pytest

from loaders.catalogue import catalogue
from loaders.report import LoadReport, Status
from loaders.run import load
from loaders.sample import write_sample
from twin.database import connect

BUILDINGS = 1000


class Sample:
    """A loaded sample city."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        self.written = write_sample(folder, buildings=BUILDINGS, seed=7).records
        self.report = self.load()

    def load(self) -> LoadReport:
        return load(self.url, catalogue("sample"), self.folder, again=True)

    def one(self, statement: str) -> int:
        with connect(self.url, city="sample") as connection:
            row = connection.execute(statement.encode()).fetchone()
        assert row is not None
        return int(row[0])


@pytest.fixture(scope="module")
def sample(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return Sample(database_url, tmp_path_factory.mktemp("sample"))


def test_every_record_that_was_written_is_loaded(sample: Sample) -> None:
    assert sample.report.exit_code == 0, sample.report
    rows = {one.key: one.entities for one in sample.report.datasets}
    written = sample.written
    assert rows["sample-buildings"]["Building"].rows == BUILDINGS
    assert rows["sample-addresses"]["Address"].rows == written["addresses/addresses.csv"]
    assert rows["sample-register"]["Business"].rows == written["businesses/register_1.xml"]
    seats = sample.one("SELECT count(*) FROM site WHERE kind = 'SEAT'")
    branches = sample.one("SELECT count(*) FROM site WHERE kind = 'BRANCH' AND eik IS NOT NULL")
    assert seats == written["businesses/register_1.xml"]
    assert branches > 0
    assert rows["sample-register"]["Site"].rows == seats + branches
    assert rows["sample-outlets"]["Site"].rows == written["businesses/outlets.json"]
    assert rows["sample-streets"]["StreetSegment"].rows == written["streets/streets.geojson"]
    assert rows["sample-districts"]["District"].rows == 24


def test_a_sound_city_gives_few_notices(sample: Sample) -> None:
    rules = {rule for one in sample.report.datasets for rule in one.notices}
    # padded names, an unknown district, night buses and activities without an edition, as real files have them
    assert rules == {"padded-value", "unknown-value", "no-key", "time-past-midnight", "unknown-edition"}


def test_buildings_lie_in_districts_and_addresses_in_buildings(sample: Sample) -> None:
    assert sample.one("SELECT count(*) FROM building WHERE district IS NULL") == 0
    assert sample.one("SELECT count(*) FROM address WHERE building IS NULL") == 0
    assert sample.one("SELECT count(*) FROM address WHERE building <> building_hint") == 0


def test_most_seats_find_their_building_by_their_address(sample: Sample) -> None:
    seats = sample.one("SELECT count(*) FROM site WHERE match_key IS NOT NULL AND kind = 'SEAT'")
    found = sample.one("SELECT count(*) FROM site WHERE building IS NOT NULL AND kind = 'SEAT'")
    # of the others some name a street that is nowhere, and some are in another town
    assert found / seats > 0.88
    assert sample.one("SELECT count(*) FROM site WHERE kind = 'OUTLET' AND building IS NULL") == 0


def test_sole_traders_are_known_by_number_and_district_alone(sample: Sample) -> None:
    traders = "FROM business WHERE natural_person_like"
    assert sample.one(f"SELECT count(*) {traders}") > 50
    assert sample.one(f"SELECT count(*) {traders} AND (legal_name IS NOT NULL OR legal_form <> 'ET')") == 0
    hidden = "FROM site AS s JOIN business AS b ON b.key = s.business WHERE b.natural_person_like"
    assert (
        sample.one(f"SELECT count(*) {hidden} AND num_nonnulls(s.name, s.address_text, s.match_key) > 0") == 0
    )
    assert sample.one(f"SELECT count(*) {hidden} AND s.district IS NOT NULL") > 50


def test_loading_again_changes_nothing(sample: Sample) -> None:
    assert {one.status for one in sample.load().datasets} == {Status.UNCHANGED}
    assert sample.one("SELECT count(*) FROM site_history") == 0
    assert sample.one("SELECT count(*) FROM link_history") == 0
