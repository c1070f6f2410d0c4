"""A file's coordinate system is declared, told by the city's bounds, or refused; what was repaired is said."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import pyogrio
import pytest
import shapely

from loaders.catalogue import CityProfile, Read
from loaders.formats import Batch, Layer
from loaders.notices import Notices
from loaders.report import Status
from loaders.whereabouts import Whereabouts
from tests.loaders.town import LoadTown
from twin.errors import BadRequest
from twin.geometry import WGS84, transform

ENTRY = """
key = "a"
format = "vector"
file = "a.gpkg"
{crs}
[dataset.Facility]
key = "id"
kind = {{ value = "SCHOOL" }}
position = "geometry"
"""
FOREIGN = """
[[city.foreign_systems]]
title = "КС 1970"
advice = "Convert it with BGSTrans."
x = [8.3e6, 9.7e6]
y = [4.4e6, 5.0e6]
[[city.foreign_systems]]
title = "a local system"
advice = "Convert it with BGSTrans."
x = [1e4, 1e5]
y = [1e4, 1e5]
"""
#: one place in Sofia in all the coordinate systems that files of it are met in
PLACE = {
    "EPSG:4326": (23.3219, 42.6977),
    "EPSG:7801": (321559.18, 4731436.07),
    "EPSG:32634": (690183.66, 4729859.76),
    "EPSG:32635": (198721.72, 4733808.21),
    "EPSG:9391": (198721.72, 4733808.21),
    "EPSG:3857": (2596182.03, 5266071.32),
}

Place = tuple[float, float]


def load(town: LoadTown, *places: Place, says: str | None, catalogue: str | None = None) -> Status:
    """Load points from a file that says its coordinate system, with or without the catalogue's word."""
    path = town.folder / "data" / "a.gpkg"
    with warnings.catch_warnings(action="ignore"):  # pyogrio advises against a file without a CRS
        pyogrio.raw.write(
            path, geometry=shapely.to_wkb(shapely.points(np.array(places))), field_data=[np.arange(len(places))],
            fields=["id"], geometry_type="Point", crs=says,
        )  # fmt: skip
    town.head = FOREIGN
    town.describe(ENTRY.format(crs=f"crs = '{catalogue}'" if catalogue else ""))
    return town.load()["a"].status


def at_the_place(town: LoadTown, within_m: float = 2) -> bool:
    """Whether every row lies at the place of the control values."""
    there = shapely.Point(PLACE["EPSG:7801"]).wkt
    return all(
        near
        for (near,) in town.rows(
            "SELECT ST_DWithin(position, ST_GeomFromText(%s, 7801), %s) FROM facility", there, within_m
        )
    ) and town.rows("SELECT count(*) > 0 FROM facility") == [(True,)]


def said(town: LoadTown) -> dict[str, str]:
    """The notices about the coordinate system, by rule."""
    return dict(
        town.rows("SELECT rule, message FROM notice WHERE rule LIKE %s OR rule = %s", "crs-%", "axes-swapped")
    )


def failure(town: LoadTown) -> str:
    assert town.rows("SELECT count(*) FROM facility") == [(0,)]
    [(failure,)] = town.rows("SELECT failure FROM import_run WHERE status = 'FAILED'")
    return str(failure)


@pytest.mark.parametrize("crs", PLACE)
def test_what_a_file_declares_is_believed(town: LoadTown, crs: str) -> None:
    assert load(town, PLACE[crs], says=crs) is Status.LOADED
    assert at_the_place(town)
    assert said(town) == {}


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:7801", "EPSG:32634", "EPSG:32635", "EPSG:3857"])
def test_a_file_that_says_nothing_is_read_in_the_one_way_that_puts_it_in_the_city(
    town: LoadTown, crs: str
) -> None:
    assert load(town, PLACE[crs], says=None) is Status.LOADED
    assert at_the_place(town)
    assert said(town) == {
        "crs-guessed": f"The file states no coordinate system. {crs} was taken, so that all its places lie in Test town."
    }


def swapped(places: Sequence[Place]) -> list[Place]:
    return [(y, x) for x, y in places]


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:7801", "EPSG:32634"])
@pytest.mark.parametrize("says", [True, False])
def test_axes_the_wrong_way_round_are_exchanged(town: LoadTown, crs: str, says: bool) -> None:
    assert load(town, *swapped([PLACE[crs]]), says=crs if says else None) is Status.LOADED
    assert at_the_place(town)
    assert said(town)["axes-swapped"].startswith(
        "Y stands before x in the file. They were exchanged, so that"
    )
    assert ("crs-guessed" in said(town)) is not says


@pytest.mark.parametrize(
    ("says", "really"),
    [
        ("EPSG:3857", "EPSG:4326"), ("EPSG:4326", "EPSG:7801"), ("EPSG:7801", "EPSG:32635"),
        ("EPSG:32635", "EPSG:7801"), ("EPSG:32634", "EPSG:32635"),
    ],
)  # fmt: skip
def test_a_false_declaration_is_seen_through(town: LoadTown, says: str, really: str) -> None:
    assert load(town, PLACE[really], says=says) is Status.LOADED
    assert at_the_place(town)
    assert said(town) == {
        "crs-false": f"The file states {says}. {really} was taken, so that all its places lie in Test town."
    }


def test_a_withdrawn_code_points_to_its_successor(town: LoadTown) -> None:
    """EPSG:7804 is called UTM zone 35N, and computed as zone 34."""
    assert load(town, PLACE["EPSG:9391"], says=None, catalogue="EPSG:7804") is Status.LOADED
    assert at_the_place(town)
    assert said(town) == {
        "crs-superseded": "The places are said to be in EPSG:7804, a code that was withdrawn; EPSG:9391 was used."
    }


@pytest.mark.parametrize("places", [[(8508858.179, 4547844.976)], [(4547844.976, 8508858.179)]])
@pytest.mark.parametrize("says", ["EPSG:7801", None])
def test_coordinates_that_nobody_can_convert_are_refused(
    town: LoadTown, places: list[Place], says: str | None
) -> None:
    assert load(town, *places, says=says) is Status.FAILED
    assert "Such numbers are of КС 1970. Convert it with BGSTrans." in failure(town)


def test_a_local_system_is_refused(town: LoadTown) -> None:
    assert load(town, (45420.988, 48276.705), says=None) is Status.FAILED
    assert failure(town).startswith(
        "a.gpkg: neither the file nor the catalogue says in which coordinate system its places are; "
        'say crs = "EPSG:..." in the catalogue. The middle one is at x 45,421, y 48,276.7. '
        "Such numbers are of a local system."
    )


def test_nothing_is_repaired_while_a_place_would_lie_outside(town: LoadTown) -> None:
    assert load(town, *swapped([PLACE[WGS84], (27.9, 43.2)]), says=WGS84) is Status.FAILED
    assert "none of its 2 places lies in Test town" in failure(town)


def test_a_file_with_places_elsewhere_is_left_as_it_says(town: LoadTown) -> None:
    assert load(town, PLACE[WGS84], (27.9, 43.2), says=WGS84) is Status.LOADED
    assert said(town) == {}


def test_two_ways_that_fit_are_too_many() -> None:
    """Where x and y are alike, nothing tells degrees from swapped ones."""
    city = CityProfile("a", "A", "EPSG:32636", (32.0, 32.0, 34.0, 34.0), ("en",))
    where = Whereabouts(city, Read("vector", {}, None, None, (), (), ()), Notices())
    where.begin(Layer((), None, iter(())), "a.gpkg")
    shapes = shapely.points(np.array([[33.0, 33.5]]))
    with pytest.raises(BadRequest, match="lie in A read as EPSG:4326 and as EPSG:4326 with x and y swapped"):
        where.settle(Batch({}, shapes, ["1"]))


@pytest.mark.parametrize("really", ["EPSG:7801", "EPSG:3857"])
def test_the_catalogues_word_is_not_overruled(town: LoadTown, really: str) -> None:
    assert load(town, PLACE[really], says=None, catalogue=WGS84) is Status.FAILED
    assert failure(town).endswith(f"Read as {really} they lie in it: say crs = '{really}' in the catalogue.")


def test_the_control_values_are_one_place() -> None:
    for crs, place in PLACE.items():
        [moved] = transform(np.array([shapely.Point(place)], dtype=np.object_), crs, "EPSG:7801")
        assert moved.distance(shapely.Point(PLACE["EPSG:7801"])) < 0.02
