"""The sample's buildings: their footprints and attributes, as the cadastre's zipped shapefiles hold them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pyogrio
import shapely

from loaders.sample.archive import add_file, new_archive
from loaders.sample.blocks import FRONT, INWARD, Role, outlines
from loaders.sample.land import METRIC_CRS, Floats, Ints
from loaders.sample.names import Names
from loaders.sample.plan import BLOCK_ROLES, NUMBERED_ROLES, STREET_M, Plan

CHUNK = 8_000
ENTRANCES = "АБВГДЕЖЗ"

# funccode -> functype, the texts of Наредба РД-02-20-5/2016, annex 4
PURPOSES = {
    100: "Жилищна сграда - еднофамилна",
    110: "Жилищна сграда - многофамилна",
    120: "Жилищна сграда със смесено предназначение",
    130: "Вилна сграда - еднофамилна",
    140: "Вилна сграда - многофамилна",
    150: "Общежитие",
    160: "Хотел",
    180: "Постройка на допълващото застрояване",
    200: "Сграда за търговия",
    210: "Сграда за обществено хранене",
    220: "Сграда за битови услуги",
    230: "Сграда за детско заведение",
    240: "Сграда за образование",
    250: "Здравно заведение",
    260: "Сграда за социални грижи",
    280: "Сграда за култура и изкуство",
    290: "Спортна сграда, база",
    300: "Административна, делова сграда",
    340: "Култова, религиозна сграда",
    400: "Промишлена сграда",
    410: "Сграда за енергопроизводство",
    460: "Складова база, склад",
    470: "Хангар, депо",
    475: "Гараж",
    480: "Друг вид производствена, складова, инфраструктурна сграда",
    490: "Сграда със смесено предназначение",
}
DWELLING_CODES = (100, 110, 120, 130, 140)
SHOP_CODES = (120, 200, 210, 220, 300, 400, 460, 490)


class _Use(NamedTuple):
    """What buildings of a role are used for (code and weight), and how many storeys they have."""

    codes: dict[int, float]
    storeys: tuple[int, ...]


_TOWN = {110: 0.50, 120: 0.21, 300: 0.11, 490: 0.07, 200: 0.05, 210: 0.02, 160: 0.02, 240: 0.01, 280: 0.01}
_USES = {
    Role.CORNER: _Use(_TOWN, (4, 5, 5, 6, 6, 7, 8)),
    Role.ROW: _Use(_TOWN, (3, 4, 4, 5, 5, 6, 7)),
    Role.YARD: _Use({180: 0.5, 475: 0.35, 460: 0.15}, (1, 1, 1, 2)),
    Role.SLAB: _Use({110: 0.93, 120: 0.07}, (4, 5, 6, 8, 8, 8, 8, 9)),
    Role.TOWER: _Use({110: 0.84, 120: 0.10, 150: 0.06}, (10, 12, 14, 16, 17, 18)),
    Role.SERVICE: _Use(
        {200: 0.42, 210: 0.14, 220: 0.12, 250: 0.06, 300: 0.13, 475: 0.08, 340: 0.05}, (1, 1, 2, 2, 3)
    ),
    Role.HOUSE: _Use({100: 0.87, 110: 0.08, 120: 0.05}, (1, 2, 2, 2, 3)),
    Role.SHED: _Use({180: 0.7, 475: 0.3}, (1,)),
    Role.VILLA: _Use({130: 0.9, 100: 0.08, 140: 0.02}, (1, 1, 2)),
    Role.HALL: _Use({400: 0.40, 460: 0.32, 470: 0.10, 480: 0.10, 300: 0.06, 410: 0.02}, (1, 1, 1, 2)),
    Role.CIVIC: _Use({240: 0.38, 230: 0.38, 250: 0.10, 290: 0.05, 280: 0.05, 260: 0.04}, (2, 2, 3, 4)),
}


@dataclass(frozen=True)
class Buildings:
    """A chunk of one district's buildings, as parallel columns.

    Footprints and doors are EPSG:7801 metres; a door row is (building, entrance label, x, y), several for a
    building with several entrances, none where a building has no address of its own. `units` is -1 and
    `storeys` 0 where the register would leave them blank.
    """

    plan: Plan
    names: Names
    footprint: npt.NDArray[np.object_]
    hood: Ints
    role: Ints
    code: Ints
    storeys: Ints
    units: Ints
    parcel: Ints
    building: Ints
    street: Ints
    number: list[str]
    block: list[str]
    door_building: Ints
    door_label: list[str]
    door: Floats

    @property
    def cadnum(self) -> list[str]:
        """Cadastral identifiers: settlement, cadastral region (a neighbourhood), parcel, building."""
        first = 100 * self.plan.district.number + 1
        parts = zip(self.hood.tolist(), self.parcel.tolist(), self.building.tolist(), strict=True)
        return [f"68134.{first + hood}.{parcel}.{building}" for hood, parcel, building in parts]


def raise_buildings(plan: Plan, names: Names, seed: Sequence[int]) -> Iterator[Buildings]:
    """Build a plan, a chunk at a time."""
    for start in range(0, plan.buildings, CHUNK):
        rng = np.random.default_rng([*seed, start])
        yield _raise_chunk(plan, names, slice(start, start + CHUNK), rng)


def _raise_chunk(plan: Plan, names: Names, part: slice, rng: np.random.Generator) -> Buildings:
    slots = [(slot.x, slot.y, slot.width, slot.depth) for slot in plan.slots]
    x, y, width, depth = np.array(slots)[plan.plot_slot[part]].T
    role, side = (
        np.array([getattr(slot, name) for slot in plan.slots])[plan.plot_slot[part]]
        for name in ("role", "side")
    )
    shape = outlines(role, width, depth, rng)
    cell = plan.cell[plan.plot_cell[part]]
    origin = cell * plan.grid.pitch + STREET_M / 2 + np.column_stack((x, y))

    def to_city(u: Floats, v: Floats, who: Any) -> Floats:
        """A position in the slot's own axes as EPSG:7801 metres."""
        shift = u[..., None] * FRONT[side[who]] + v[..., None] * INWARD[side[who]]
        return plan.grid.to_city(origin[who] + shift)

    corners = np.stack(
        [to_city(shape.corners[:, k, 0], shape.corners[:, k, 1], slice(None)) for k in range(8)], axis=1
    )
    footprint = np.empty(len(role), dtype=object)
    for count in (4, 6, 8):
        chosen = shape.sizes == count
        footprint[chosen] = shapely.polygons(corners[chosen, :count])

    hood = plan.cell_hood[plan.plot_cell[part]]
    number, block = plan.plot_number[part], plan.plot_block[part]
    lettered = rng.random(len(role)) < 0.05
    entrances = _entrances(role, shape.right - shape.left, rng)
    storeys, code = _uses(role, rng)
    area = shapely.area(footprint)
    flats = np.maximum(1, np.round(area * storeys * 0.8 / 82)).astype(np.int64)
    units = np.where(np.isin(code, (110, 120, 140)), flats, np.where(np.isin(code, (100, 130)), 1, -1))

    who = np.repeat(np.arange(len(role)), entrances)
    first = np.cumsum(entrances) - entrances
    nth = np.arange(len(who)) - first[who]
    across = (nth + 0.5) / entrances[who]
    along = shape.left[who] + (shape.right - shape.left)[who] * across
    single = (entrances == 1)[who].tolist()
    return Buildings(
        plan=plan,
        names=names,
        footprint=footprint,
        hood=hood,
        role=role,
        code=code,
        # a few records lack their storeys, as in the real register
        storeys=np.where(rng.random(len(role)) < 0.015, 0, storeys),
        units=units,
        parcel=plan.plot_parcel[part],
        building=plan.plot_building[part],
        street=plan.plot_street[part],
        # 14А is the lot after 14: on the same side of the street the number before is two less
        number=_lettered(number, 2, lettered),
        block=_lettered(np.where(block > 0, block + 100 * (hood + 1), 0), 1, lettered & (block > 1)),
        door_building=who,
        door_label=["" if one else ENTRANCES[k] for one, k in zip(single, nth.tolist(), strict=True)],
        door=to_city(along, shape.door[who], who),
    )


def _entrances(role: Ints, length: Floats, rng: np.random.Generator) -> Ints:
    """How many addressed entrances each building has: none for outbuildings, one per staircase in slabs."""
    stairs = np.clip(np.round(length / 17), 1, len(ENTRANCES)).astype(np.int64)
    two = 1 + (np.isin(role, (Role.ROW, Role.CORNER)) & (rng.random(len(role)) < 0.2))
    addressed = np.isin(role, (*NUMBERED_ROLES, *BLOCK_ROLES))
    return np.where(role == Role.SLAB, stairs, np.where(addressed, two, 0)).astype(np.int64)


def _uses(role: Ints, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Storeys above ground and purpose code of each building."""
    storeys, code = np.ones(len(role), dtype=np.int64), np.zeros(len(role), dtype=np.int64)
    draw = rng.random((2, len(role)))
    for of_role, use in _USES.items():
        here = role == of_role
        bounds = np.cumsum(list(use.codes.values()))
        picked = np.searchsorted(bounds / bounds[-1], draw[0, here], side="right")
        code[here] = np.array(list(use.codes))[np.minimum(picked, len(use.codes) - 1)]
        storeys[here] = np.array(use.storeys)[(draw[1, here] * len(use.storeys)).astype(np.int64)]
    storeys[code == 340] = 1
    return storeys, code


def _lettered(numbers: Ints, step: int, lettered: npt.NDArray[np.bool_]) -> list[str]:
    """Numbers as text, some as the number before with the letter А; blank for 0."""
    pairs = zip(numbers.tolist(), lettered.tolist(), strict=True)
    return ["" if n <= 0 else f"{n - step}А" if letter and n > step else str(n) for n, letter in pairs]


class BuildingsFile:
    """One district's shapefile under way: chunks go in, and closing it leaves sgradi_NN.zip.

    As the cadastre's own archive it has the members сгради.shp, .shx, .dbf, .prj and .cpg, UTF-8 text and
    EPSG:7801 with x = east and y = north.
    """

    def __init__(self, folder: Path, district: int) -> None:
        self._zip = folder / f"sgradi_{district:02d}.zip"
        self._temporary = tempfile.TemporaryDirectory(dir=folder)
        self._shape = Path(self._temporary.name) / "сгради.shp"
        self._started = False
        self.count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._archive()
        finally:
            self._temporary.cleanup()

    @property
    def path(self) -> Path:
        """The archive that is being written."""
        return self._zip

    def write(self, buildings: Buildings) -> None:
        """Append a chunk."""
        columns = building_columns(buildings)
        pyogrio.raw.write(
            self._shape,
            shapely.to_wkb(buildings.footprint),
            list(columns.values()),
            list(columns),
            driver="ESRI Shapefile",
            geometry_type="Polygon",
            crs=METRIC_CRS,
            encoding="UTF-8",
            append=self._started,
        )
        self._started = True
        self.count += len(buildings.footprint)

    def _archive(self) -> None:
        table = self._shape.with_suffix(".dbf")
        with table.open("r+b") as file:
            # the header's date of last change would make two runs differ: 2024-01-01, years from 1900
            file.seek(1)
            file.write(bytes((124, 1, 1)))
        with new_archive(self._zip) as archive:
            for suffix in (".shp", ".shx", ".dbf", ".prj", ".cpg"):
                add_file(archive, self._shape.with_suffix(suffix))


def building_columns(buildings: Buildings) -> dict[str, npt.NDArray[Any]]:
    """The cadastre's columns for a chunk of buildings; blank text where the register has none."""
    plan, names = buildings.plan, buildings.names
    count = len(buildings.footprint)
    region = f"район {plan.district.name}"
    first = 100 * plan.district.number + 1
    hoods = [names.hoods[k] for k in buildings.hood.tolist()]
    streets = [
        (names.street_types[k], names.streets[k]) if k >= 0 else ("", "") for k in buildings.street.tolist()
    ]
    quarters = [hood.address for hood in hoods]
    head = f"гр. София, {region}"
    places = zip(quarters, streets, buildings.number, buildings.block, strict=True)
    addresses = [
        head
        + (f", {quarter}" if quarter else "")
        + (f', {kind} "{street}" №{number}' if number else "")
        + (f", бл. {block}" if block else "")
        for quarter, (kind, street), number, block in places
    ]
    public = np.isin(buildings.code, (230, 240, 250, 260, 280, 290))

    def same(value: str) -> npt.NDArray[np.object_]:
        return np.full(count, value, dtype=object)

    def text(values: list[str]) -> npt.NDArray[np.object_]:
        return np.array(values, dtype=object)

    return {
        "cadnum": text(buildings.cadnum),
        "AREA": shapely.area(buildings.footprint).round(2),
        "PERIM": shapely.length(buildings.footprint).round(2),
        "ekatte": same("68134"),
        "ekattefn": same("гр. София"),
        "cadreg": text([str(first + k) for k in buildings.hood.tolist()]),
        "cadimm": text([str(k) for k in buildings.parcel.tolist()]),
        "cadbuild": text([str(k) for k in buildings.building.tolist()]),
        "cadapp": same(""),
        "immaddr": text(addresses),
        "regname": same(region),
        "quarname": text(quarters),
        "strename": text([f"{kind} {street}".strip() for kind, street in streets]),
        "strnum": text(buildings.number),
        "place": same(""),
        "oldident": same(""),
        "propcode": same(""),
        "proptype": text(np.where(public, "Общинска публична", "Частна").tolist()),
        "validate": same(""),
        "flrcount": text([str(k) if k else "" for k in buildings.storeys.tolist()]),
        "appcount": text([str(k) if k >= 0 else "" for k in buildings.units.tolist()]),
        "functype": text([PURPOSES[k] for k in buildings.code.tolist()]),
        "funccode": text([str(k) for k in buildings.code.tolist()]),
    }
