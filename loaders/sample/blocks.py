"""Where buildings may stand in a city block, and the shape each one takes there.

A block is a rectangle between streets. It holds slots: disjoint rectangles, each for one building, which
stays inside its slot. That, and a gap at the slot's sides, is why no two footprints ever overlap.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np

from loaders.sample.land import Floats, Ints


class Role(IntEnum):
    """What a slot is for; decides the building's shape, size and use."""

    CORNER = 0
    ROW = 1
    YARD = 2
    SLAB = 3
    TOWER = 4
    SERVICE = 5
    HOUSE = 6
    SHED = 7
    VILLA = 8
    HALL = 9
    CIVIC = 10


class Side(IntEnum):
    """The side of the block that a slot faces."""

    SOUTH = 0
    EAST = 1
    NORTH = 2
    WEST = 3


class Kind(IntEnum):
    """What a block is filled with."""

    PERIMETER = 0
    SLABS_ALONG = 1
    SLAB_AND_TOWERS = 2
    SLABS_ACROSS = 3
    HOUSES = 4
    VILLAS = 5
    HALLS = 6
    CIVIC = 7
    PARK = 8


class Slot(NamedTuple):
    """Room for one building: a rectangle whose front lies towards one side of the block.

    (x, y) is the slot's own origin in the block; from it the front runs `width` metres anticlockwise around
    the block and the slot reaches `depth` metres inwards. Slots with equal `parcel` share a land parcel.
    """

    x: float
    y: float
    width: float
    depth: float
    side: Side
    role: Role
    parcel: int
    chance: float


# Quarter turns of the local axes: front direction and inward direction for each side
FRONT = np.array([(1, 0), (0, 1), (-1, 0), (0, -1)], dtype=np.float64)
INWARD = np.array([(0, 1), (-1, 0), (0, -1), (1, 0)], dtype=np.float64)

# Which kinds of block a neighbourhood of each letter has, and how often
KIND_CHANCES: dict[str, dict[Kind, float]] = {
    "C": {
        Kind.PERIMETER: 0.83,
        Kind.CIVIC: 0.05,
        Kind.PARK: 0.06,
        Kind.SLAB_AND_TOWERS: 0.03,
        Kind.HOUSES: 0.03,
    },
    "E": {
        Kind.SLABS_ALONG: 0.30,
        Kind.SLAB_AND_TOWERS: 0.24,
        Kind.SLABS_ACROSS: 0.21,
        Kind.CIVIC: 0.08,
        Kind.PARK: 0.11,
        Kind.PERIMETER: 0.06,
    },
    "H": {Kind.HOUSES: 0.87, Kind.CIVIC: 0.03, Kind.PARK: 0.05, Kind.SLABS_ALONG: 0.03, Kind.HALLS: 0.02},
    "V": {Kind.VILLAS: 0.90, Kind.PARK: 0.10},
    "I": {Kind.HALLS: 0.86, Kind.HOUSES: 0.06, Kind.PARK: 0.05, Kind.SLAB_AND_TOWERS: 0.03},
}


def block_slots(width: float, height: float, density: float) -> dict[Kind, tuple[Slot, ...]]:
    """The slots of each kind of block, for blocks of this size; `density` runs from 0 to 1."""
    block = _Block(width, height, density)
    return {
        Kind.PERIMETER: block.perimeter(),
        Kind.SLABS_ALONG: block.slabs_along(),
        Kind.SLAB_AND_TOWERS: block.slab_and_towers(),
        Kind.SLABS_ACROSS: block.slabs_across(),
        Kind.HOUSES: block.houses(),
        Kind.VILLAS: block.villas(),
        Kind.HALLS: block.halls(),
        Kind.CIVIC: (block.slot(Side.SOUTH, 9, 9, width - 18, height - 18, Role.CIVIC, 0, 1.0),),
        Kind.PARK: (),
    }


class _Block:
    """Lays the slots out; lengths in metres."""

    def __init__(self, width: float, height: float, density: float) -> None:
        self.width, self.height, self.density = width, height, density

    def slot(
        self,
        side: Side,
        along: float,
        setback: float,
        width: float,
        depth: float,
        role: Role,
        parcel: int,
        chance: float,
    ) -> Slot:
        """A slot `along` metres from the side's first corner (anticlockwise), `setback` metres inwards."""
        x, y = {
            Side.SOUTH: (along, setback),
            Side.EAST: (self.width - setback, along),
            Side.NORTH: (self.width - along, self.height - setback),
            Side.WEST: (setback, self.height - along),
        }[side]
        # a denser city leaves fewer lots empty
        return Slot(x, y, width, depth, side, role, parcel, chance + (1 - chance) * 0.7 * self.density)

    def perimeter(self) -> tuple[Slot, ...]:
        """Buildings in a closed row around a courtyard, L-shaped at the corners."""
        corner, row = 22.0, 20.0
        slots = [self.slot(side, 0, 0, corner, corner, Role.CORNER, side, 0.96) for side in Side]
        parcel = len(slots)
        for side in Side:
            length = (self.width if side in (Side.SOUTH, Side.NORTH) else self.height) - 2 * corner
            lots = max(1, round(length / 17))
            for lot in range(lots):
                along, width = corner + lot * length / lots, length / lots
                slots.append(self.slot(side, along, 0, width, row, Role.ROW, parcel, 0.93))
                parcel += 1
        # what stands in the courtyard belongs to the parcels at the block's southern and northern rows
        width, depth = (self.width - 2 * corner) / 3, self.height - 2 * corner
        for k in range(3):
            slots.append(
                self.slot(
                    Side.SOUTH,
                    corner + k * width + 1,
                    corner + 1,
                    width - 2,
                    depth - 2,
                    Role.YARD,
                    4 + k,
                    0.3,
                )
            )
        return tuple(slots)

    def slabs_along(self) -> tuple[Slot, ...]:
        """Two long panel blocks beside a low building of shops or services."""
        length = self.width * 0.7
        return (
            self.slot(Side.SOUTH, 3, 5, length, 18.5, Role.SLAB, 0, 0.97),
            self.slot(Side.NORTH, self.width - 3 - length, 5, length, 18.5, Role.SLAB, 0, 0.97),
            self.slot(Side.EAST, 10, 4, 30, self.width * 0.3 - 12, Role.SERVICE, 1, 0.65),
        )

    def slab_and_towers(self) -> tuple[Slot, ...]:
        """A panel block in front of two tower blocks."""
        half = self.width / 2
        return (
            self.slot(Side.SOUTH, 4, 5, self.width - 8, 18.5, Role.SLAB, 0, 0.97),
            self.slot(Side.NORTH, 6, 5, 25, 25, Role.TOWER, 0, 0.9),
            self.slot(Side.NORTH, half + 6, 5, 25, 25, Role.TOWER, 0, 0.9),
        )

    def slabs_across(self) -> tuple[Slot, ...]:
        """Parallel panel blocks across the block."""
        step = (self.width - 6) / 3
        return tuple(
            self.slot(Side.EAST, 5, 5 + k * step, self.height - 10, 18.5, Role.SLAB, 0, 0.92)
            for k in range(3)
        )

    def houses(self) -> tuple[Slot, ...]:
        """Two rows of lots, back to back: a house towards the street, sometimes an outbuilding behind it."""
        lots = int(self.width / (20 - 4 * self.density))
        width, half = self.width / lots, self.height / 2
        slots = []
        for side, first in ((Side.SOUTH, 0), (Side.NORTH, lots)):
            for lot in range(lots):
                along, parcel = lot * width, first + lot
                slots.append(self.slot(side, along + 1.5, 3, width - 3, half - 13, Role.HOUSE, parcel, 0.9))
                slots.append(self.slot(side, along + 1, half - 8.5, width / 2, 7.5, Role.SHED, parcel, 0.3))
        return tuple(slots)

    def villas(self) -> tuple[Slot, ...]:
        """Large green lots with a small villa on most."""
        lots = int(self.width / (27 - 6 * self.density))
        width, half = self.width / lots, self.height / 2
        return tuple(
            self.slot(side, lot * width + 3, 5, width - 6, half - 10, Role.VILLA, first + lot, 0.75)
            for side, first in ((Side.SOUTH, 0), (Side.NORTH, lots))
            for lot in range(lots)
        )

    def halls(self) -> tuple[Slot, ...]:
        """Industrial halls, four to a block at most."""
        width, depth = (self.width - 14) / 2, self.height / 2 - 9
        return tuple(
            self.slot(side, 5 + lot * (width + 4), 5, width, depth, Role.HALL, 2 * first + lot, 0.75)
            for first, side in enumerate((Side.SOUTH, Side.NORTH))
            for lot in range(2)
        )


class _Form(NamedTuple):
    """How a role fills its slot: parts of the slot's width and depth, and how often each outline is used.

    `front` is the thickness in metres of what stands along the street (0: the whole depth); `rect`, `ell` and
    `yu` are the chances of a rectangle, an L and a U, and the rest is a slab shifted half way along.
    """

    width: tuple[float, float]
    depth: tuple[float, float]
    front: float
    rect: float
    ell: float
    yu: float
    centred: bool


_FORMS = {
    Role.CORNER: _Form((1.0, 1.0), (1.0, 1.0), 12.5, 0.0, 1.0, 0.0, False),
    Role.ROW: _Form((1.0, 1.0), (0.75, 1.0), 11.5, 0.6, 0.22, 0.18, False),
    Role.YARD: _Form((0.4, 0.9), (0.2, 0.5), 0.0, 0.85, 0.15, 0.0, True),
    Role.SLAB: _Form((0.75, 1.0), (0.85, 1.0), 12.0, 0.65, 0.0, 0.0, False),
    Role.TOWER: _Form((0.75, 0.95), (0.75, 0.95), 0.0, 0.8, 0.2, 0.0, True),
    Role.SERVICE: _Form((0.5, 1.0), (0.6, 1.0), 0.0, 0.7, 0.3, 0.0, True),
    Role.HOUSE: _Form((0.5, 0.78), (0.42, 0.6), 0.0, 0.6, 0.4, 0.0, True),
    Role.SHED: _Form((0.4, 0.8), (0.45, 0.9), 0.0, 1.0, 0.0, 0.0, True),
    Role.VILLA: _Form((0.32, 0.5), (0.3, 0.45), 0.0, 0.75, 0.25, 0.0, True),
    Role.HALL: _Form((0.6, 1.0), (0.6, 1.0), 0.0, 0.75, 0.25, 0.0, True),
    Role.CIVIC: _Form((0.6, 0.95), (0.55, 0.9), 13.0, 0.2, 0.35, 0.45, True),
}

_GAP = 0.25


class Outlines(NamedTuple):
    """Footprints in their slots' own axes (u along the front, v inwards).

    `corners` is (n, 8, 2) of which the first `sizes` are used; an entrance lies anywhere from `left` to
    `right` along the line v = `door`, just inside the building.
    """

    corners: Floats
    sizes: Ints
    left: Floats
    right: Floats
    door: Floats


def outlines(role: Ints, width: Floats, depth: Floats, rng: np.random.Generator) -> Outlines:
    """A footprint for each slot, inside it."""
    forms = np.array([[*f.width, *f.depth, f.front, f.rect, f.ell, f.yu, f.centred] for f in _FORMS.values()])
    w_low, w_high, d_low, d_high, front, rect, ell, yu, centred = forms[role].T
    n = len(role)
    draw = rng.random((n, 8))
    w = (width - 2 * _GAP) * (w_low + (w_high - w_low) * draw[:, 0])
    d = (depth - 2 * _GAP) * (d_low + (d_high - d_low) * draw[:, 1])
    left = _GAP + np.where(centred > 0, (width - 2 * _GAP - w) * draw[:, 2], 0)
    base = _GAP + np.where(centred > 0, (depth - 2 * _GAP - d) * draw[:, 3], 0)
    pick = draw[:, 4]
    shape = (pick >= rect).astype(np.int64) + (pick >= rect + ell) + (pick >= rect + ell + yu)
    front = np.where(front > 0, np.minimum(front * (0.88 + 0.2 * draw[:, 5]), 0.8 * d), 0)
    wing = np.clip((0.3 + 0.15 * draw[:, 6]) * w, 0, np.where(role == Role.CORNER, front, 0.32 * w + 2))
    wing = np.where(role == Role.CORNER, front, wing)
    strip = np.where(front > 0, front, 0.55 * d)
    zero = np.zeros(n)
    corners = np.zeros((n, 8, 2))
    sizes = np.array([4, 6, 8, 8])[shape]

    height = np.where(front > 0, front, d)
    shift = np.minimum(d - strip, 0.45 * strip)
    bend = w * (0.35 + 0.3 * draw[:, 7])
    rings = (
        ((zero, zero), (w, zero), (w, height), (zero, height)),
        ((zero, zero), (w, zero), (w, strip), (wing, strip), (wing, d), (zero, d)),
        (
            (zero, zero),
            (w, zero),
            (w, d),
            (w - wing, d),
            (w - wing, strip),
            (wing, strip),
            (wing, d),
            (zero, d),
        ),
        (
            (zero, zero),
            (bend, zero),
            (bend, shift),
            (w, shift),
            (w, shift + strip),
            (bend, shift + strip),
            (bend, strip),
            (zero, strip),
        ),
    )
    for k, ring in enumerate(rings):
        chosen = shape == k
        for corner, (u, v) in enumerate(ring):
            corners[chosen, corner, 0] = u[chosen]
            corners[chosen, corner, 1] = v[chosen]
    # half of the Ls have their wing at the other end; mirroring turns the ring, so it is reversed as well
    flip = (shape == 1) & (role != Role.CORNER) & (draw[:, 7] < 0.5)
    corners[flip, :6, 0] = (w[flip, None] - corners[flip, :6, 0])[:, ::-1]
    corners[flip, :6, 1] = corners[flip, :6, 1][:, ::-1]

    corners[:, :, 0] += left[:, None]
    corners[:, :, 1] += base[:, None]
    door = base + 0.5 + np.where(shape == 3, shift, 0)
    return Outlines(corners, sizes, left, left + w, door)
