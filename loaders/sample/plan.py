"""How one district is laid out: its street grid, its neighbourhoods, and a plot for every building.

Everything here is numbers; the buildings themselves are raised from a plan in chunks, so that memory stays
flat whatever the size of the city.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import shapely
from shapely import MultiPolygon, Polygon

from loaders.sample.blocks import KIND_CHANCES, Kind, Role, Side, Slot, block_slots
from loaders.sample.land import District, Floats, Ints

STREET_M = 14.0
NEIGHBOURHOODS = 10
# so many blocks on, a street continues under another name
BLOCKS_PER_STREET = 20
NUMBERED_ROLES = (Role.CORNER, Role.ROW, Role.SERVICE, Role.HOUSE, Role.VILLA, Role.HALL, Role.CIVIC)
BLOCK_ROLES = (Role.SLAB, Role.TOWER)


Area: TypeAlias = Polygon | MultiPolygon


@dataclass(frozen=True)
class Grid:
    """A district's street grid: metres along its own axes, turned and moved into EPSG:7801."""

    x0: float
    y0: float
    turn: float
    pitch_x: float
    pitch_y: float

    def to_city(self, points: Floats) -> Floats:
        """Grid metres (..., 2) as EPSG:7801 metres, to the millimetre."""
        cos, sin = math.cos(self.turn), math.sin(self.turn)
        x, y = points[..., 0], points[..., 1]
        city = np.stack((self.x0 + cos * x - sin * y, self.y0 + sin * x + cos * y), axis=-1)
        return city.round(3)

    @property
    def pitch(self) -> Floats:
        """The grid's step along each axis, in metres."""
        return np.array([self.pitch_x, self.pitch_y])


@dataclass(frozen=True)
class Streets:
    """The street segments between neighbouring crossings.

    A segment with axis 0 runs along x from (at, line) to (at + 1, line) in grid steps; axis 1 along y from
    (line, at) to (line, at + 1). `street` is the index of the street that it is part of.
    """

    axis: Ints
    line: Ints
    at: Ints
    street: Ints
    streets: int
    boulevard: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Plan:
    """A district ready to be built: cells (blocks with their half of the streets) and plots (buildings).

    Cells are ordered from the district's core outwards and only the first `built_cells` carry anything; the
    others are land that its neighbourhoods reach over. A plot's `number` and `block_number` are 0 where it
    has none, its `street` then -1.
    """

    district: District
    grid: Grid
    slots: tuple[Slot, ...]
    cell: Ints
    built_cells: int
    cell_hood: Ints
    hood_letters: str
    streets: Streets
    plot_cell: Ints
    plot_slot: Ints
    plot_parcel: Ints
    plot_building: Ints
    plot_street: Ints
    plot_number: Ints
    plot_block: Ints

    @property
    def buildings(self) -> int:
        """How many buildings the plan has."""
        return len(self.plot_cell)

    def hood_polygons(self) -> list[Area]:
        """The land of each neighbourhood in EPSG:7801; borders run along the middle of streets."""
        boxes = _cell_boxes(self.cell, self.grid)
        merged = [
            shapely.coverage_union_all(boxes[self.cell_hood == k]) for k in range(len(self.hood_letters))
        ]
        return [shapely.transform(area, self.grid.to_city) for area in merged]


def rank_within(group: Ints, order: npt.NDArray[np.generic] | None = None) -> Ints:
    """1, 2, 3... for the members of each group, in the given order or in that of appearance."""
    by = np.lexsort((np.arange(len(group)) if order is None else order, group))
    sorted_group = group[by]
    position = np.arange(len(group))
    first = np.concatenate(([True], sorted_group[1:] != sorted_group[:-1])) if len(group) else position
    start = np.maximum.accumulate(np.where(first, position, 0))
    ranks = np.empty(len(group), dtype=np.int64)
    ranks[by] = position - start + 1
    return ranks


def plan_district(
    district: District, land: Polygon, target: int, density: float, rng: np.random.Generator
) -> Plan:
    """Lay out a district for `target` buildings, or for as many as its land holds."""
    grid = Grid(
        *district.centre,
        turn=rng.uniform(-0.45, 0.45),
        pitch_x=rng.uniform(98, 114),
        pitch_y=rng.uniform(78, 86),
    )
    kinds = block_slots(grid.pitch_x - STREET_M, grid.pitch_y - STREET_M, density)
    table = _SlotTable.of(kinds)
    chances = {letter: _kind_chances(letter, density) for letter in KIND_CHANCES}
    expected = {
        letter: sum(
            chances[letter][kind] * sum(slot.chance for slot in slots) for kind, slots in kinds.items()
        )
        for letter in KIND_CHANCES
    }
    mean = sum(expected[letter] for letter in district.mix) / len(district.mix)
    lobes = rng.uniform(0, 2 * np.pi, 3)
    state = rng.bit_generator.state
    wanted = math.ceil(max(40, 1.2 * target / mean + 12))
    while True:
        # each try starts from the same draws, so a larger try is the same district, further out
        rng.bit_generator.state = state
        cells, exhausted = _nearest_cells(grid, land, wanted, lobes)
        hood, letters = _neighbourhoods(cells * grid.pitch, district.mix, rng)
        kind = _draw_kinds(hood, letters, chances, rng)
        present = rng.random((len(cells), table.chance.shape[1])) < table.chance[kind]
        if exhausted or present.sum() >= target * 1.03:
            break
        wanted = math.ceil(wanted * 1.25)

    plot_cell, plot_position = (found[:target].astype(np.int64) for found in np.nonzero(present))
    built = int(plot_cell[-1]) + 1 if len(plot_cell) else 0
    slot = table.slot[kind[plot_cell], plot_position]
    streets, keys = _streets(cells[:built])
    street, number = _house_numbers(cells[plot_cell], table, slot, grid, keys)
    parcel_key, parcel_of = np.unique(plot_cell * 64 + table.parcel[slot], return_inverse=True)
    parcel = rank_within(hood[parcel_key // 64])[parcel_of]
    is_block = np.isin(table.role[slot], BLOCK_ROLES)
    block = np.zeros(len(slot), dtype=np.int64)
    block[is_block] = rank_within(hood[plot_cell][is_block])
    return Plan(
        district=district,
        grid=grid,
        slots=table.slots,
        cell=cells,
        built_cells=built,
        cell_hood=hood,
        hood_letters=letters,
        streets=streets,
        plot_cell=plot_cell,
        plot_slot=slot,
        plot_parcel=parcel,
        plot_building=rank_within(parcel_of),
        plot_street=street,
        plot_number=number,
        plot_block=block,
    )


@dataclass(frozen=True)
class _SlotTable:
    """The slots of all kinds of block as arrays: `slot[kind, position]` indexes the rest."""

    slots: tuple[Slot, ...]
    slot: Ints
    chance: Floats
    side: Ints
    role: Ints
    parcel: Ints
    middle: Floats

    @classmethod
    def of(cls, kinds: dict[Kind, tuple[Slot, ...]]) -> _SlotTable:
        slots = tuple(slot for kind in Kind for slot in kinds[kind])
        most = max(len(of_kind) for of_kind in kinds.values())
        index = np.zeros((len(Kind), most), dtype=np.int64)
        chance = np.zeros((len(Kind), most))
        start = 0
        for kind in Kind:
            for position, slot in enumerate(kinds[kind]):
                index[kind, position] = start + position
                chance[kind, position] = slot.chance
            start += len(kinds[kind])
        # how far along the grid's axis the middle of the slot's front is, for numbering houses in order
        middle = [
            {
                Side.SOUTH: slot.x + slot.width / 2,
                Side.EAST: slot.y + slot.width / 2,
                Side.NORTH: slot.x - slot.width / 2,
                Side.WEST: slot.y - slot.width / 2,
            }[slot.side]
            for slot in slots
        ]
        return cls(
            slots=slots,
            slot=index,
            chance=chance,
            side=np.array([slot.side for slot in slots], dtype=np.int64),
            role=np.array([slot.role for slot in slots], dtype=np.int64),
            parcel=np.array([slot.parcel for slot in slots], dtype=np.int64),
            middle=np.array(middle),
        )


def _kind_chances(letter: str, density: float) -> Floats:
    chances = np.array([KIND_CHANCES[letter].get(kind, 0.0) for kind in Kind])
    chances[Kind.PARK] *= 1 - 0.7 * density
    scaled: Floats = chances / chances.sum()
    return scaled


def _cell_boxes(cells: Ints, grid: Grid) -> npt.NDArray[np.object_]:
    """Each cell as a rectangle in grid metres."""
    low, high = cells * grid.pitch, (cells + 1) * grid.pitch
    boxes: npt.NDArray[np.object_] = shapely.box(low[:, 0], low[:, 1], high[:, 0], high[:, 1])
    return boxes


def _nearest_cells(grid: Grid, land: Polygon, wanted: int, lobes: Floats) -> tuple[Ints, bool]:
    """The cells wholly on the district's land, nearest first, and whether there are no more than these."""
    corners = shapely.get_coordinates(land.envelope) - (grid.x0, grid.y0)
    reach = float(np.hypot(*corners.T).max())
    # the built-up area grows as lobes rather than as a disc, so its rim is up to half again as far out
    radius = min(reach, 1.7 * math.sqrt(wanted * grid.pitch_x * grid.pitch_y / math.pi))
    inside = land.buffer(-6)
    shapely.prepare(inside)
    while True:
        columns = np.arange(-math.ceil(radius / grid.pitch_x), math.ceil(radius / grid.pitch_x))
        rows = np.arange(-math.ceil(radius / grid.pitch_y), math.ceil(radius / grid.pitch_y))
        cells = np.stack(np.meshgrid(columns, rows, indexing="ij"), axis=-1).reshape(-1, 2)
        x, y = ((cells + 0.5) * grid.pitch).T
        far, angle = np.hypot(x, y), np.arctan2(y, x)
        waves = np.array([0.2, 0.14, 0.1]) * np.cos(np.outer(angle, (2, 3, 5)) + lobes)
        cells = cells[far <= radius]
        rank = (far * (1 + waves.sum(axis=1)))[far <= radius]
        boxes = shapely.transform(_cell_boxes(cells, grid), grid.to_city)
        on_land = shapely.covers(inside, boxes)
        if on_land.sum() >= wanted or radius >= reach:
            break
        radius = min(reach, radius * 1.4)
    cells, rank = cells[on_land], rank[on_land]
    nearest = np.argsort(rank, kind="stable")[:wanted]
    return cells[nearest], len(cells) <= wanted


def _neighbourhoods(position: Floats, mix: str, rng: np.random.Generator) -> tuple[Ints, str]:
    """Share the cells out among compact neighbourhoods; the innermost takes the first letter of the mix."""
    count = min(NEIGHBOURHOODS, len(position))
    sites = position[np.sort(rng.choice(len(position), count, replace=False))]
    for _ in range(8):
        nearest = _nearest_site(position, sites)
        members = np.bincount(nearest, minlength=len(sites))
        sums = [np.bincount(nearest, weights=position[:, axis], minlength=len(sites)) for axis in (0, 1)]
        kept = members > 0
        sites = np.column_stack(sums)[kept] / members[kept, None]
    sites = sites[np.argsort(np.hypot(*sites.T), kind="stable")]
    nearest = _nearest_site(position, sites)
    used, hood = np.unique(nearest, return_inverse=True)
    return hood.astype(np.int64), "".join(mix[k] for k in used)


def _nearest_site(position: Floats, sites: Floats) -> Ints:
    gap = ((position[:, None, :] - sites[None, :, :]) ** 2).sum(axis=2)
    nearest: Ints = gap.argmin(axis=1)
    return nearest


def _draw_kinds(hood: Ints, letters: str, chances: dict[str, Floats], rng: np.random.Generator) -> Ints:
    """A kind of block for every cell, after the letter of its neighbourhood."""
    draw = rng.random(len(hood))
    kind = np.zeros(len(hood), dtype=np.int64)
    for k, letter in enumerate(letters):
        here = hood == k
        kind[here] = np.minimum(
            np.searchsorted(chances[letter].cumsum(), draw[here], side="right"), len(Kind) - 1
        )
    return kind


# A street's key packs axis, line and the stretch of BLOCKS_PER_STREET blocks into one whole number
_SHIFT = 1 << 20


def _street_key(axis: Ints, line: Ints, at: Ints) -> Ints:
    return (axis * _SHIFT + line + _SHIFT // 2) * _SHIFT + at // BLOCKS_PER_STREET + _SHIFT // 2


def _streets(cells: Ints) -> tuple[Streets, Ints]:
    """The streets around the built cells, and the sorted keys by which they are numbered."""
    x, y = cells.T
    none, one = np.zeros_like(x), np.ones_like(x)
    sides = [np.column_stack(side) for side in ((none, y, x), (none, y + 1, x), (one, x, y), (one, x + 1, y))]
    segments = np.unique(np.concatenate(sides), axis=0)
    axis, line, at = segments.T
    key = _street_key(axis, line, at)
    keys, street = np.unique(key, return_inverse=True)
    return Streets(axis, line, at, street, len(keys), line % 6 == 0), keys


def _house_numbers(cell: Ints, table: _SlotTable, slot: Ints, grid: Grid, keys: Ints) -> tuple[Ints, Ints]:
    """For each plot its street and number: odd on the left of the street, even on the right, in order."""
    side, role = table.side[slot], table.role[slot]
    axis = side % 2
    along = np.where(axis == 0, cell[:, 0], cell[:, 1])
    line = np.where(axis == 0, cell[:, 1], cell[:, 0]) + np.isin(side, (Side.EAST, Side.NORTH))
    street = np.searchsorted(keys, _street_key(axis, line, along))
    numbered = np.isin(role, NUMBERED_ROLES)
    even = np.isin(side, (Side.NORTH, Side.EAST)).astype(np.int64)
    position = along * np.where(axis == 0, grid.pitch_x, grid.pitch_y) + table.middle[slot]
    number = np.zeros(len(slot), dtype=np.int64)
    rank = rank_within((street * 2 + even)[numbered], position[numbered])
    number[numbered] = 2 * rank - 1 + even[numbered]
    return np.where(numbered, street, -1), number
