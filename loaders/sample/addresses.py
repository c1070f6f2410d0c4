"""The address file: one row for every addressed entrance of a building."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from loaders.sample.buildings import SHOP_CODES, Buildings
from loaders.sample.land import District, Floats, Ints, degrees
from loaders.sample.names import Hood

HEADER = "id,street,number,block,entrance,neighbourhood,district_code,postcode,lon,lat,cadnum\n"


@dataclass(frozen=True)
class Addresses:
    """A chunk of entrances of one district, as parallel columns; blank text where a part does not apply.

    `first` is the first one's number in the address file. `position` is longitude and latitude, `door` the
    same place in EPSG:7801 metres; `storeys` and `weight` (how many businesses such an entrance attracts)
    describe the building.
    """

    first: int
    district: District
    hood: list[Hood]
    street_type: list[str]
    street: list[str]
    number: list[str]
    block: list[str]
    entrance: list[str]
    cadnum: list[str]
    position: Floats
    door: Floats
    code: Ints
    storeys: Ints
    weight: Floats


def addresses_of(buildings: Buildings, first: int) -> Addresses:
    """The entrances of a chunk of buildings, numbered from `first` on."""
    who = buildings.door_building
    rows = who.tolist()
    names, cadnum = buildings.names, buildings.cadnum
    street = buildings.street[who].tolist()
    return Addresses(
        first=first,
        district=buildings.plan.district,
        hood=[names.hoods[k] for k in buildings.hood[who].tolist()],
        street_type=[names.street_types[k] if k >= 0 else "" for k in street],
        street=[names.streets[k] if k >= 0 else "" for k in street],
        number=[buildings.number[k] for k in rows],
        block=[buildings.block[k] for k in rows],
        entrance=buildings.door_label,
        cadnum=[cadnum[k] for k in rows],
        position=degrees(buildings.door),
        door=buildings.door,
        code=buildings.code[who],
        storeys=np.maximum(buildings.storeys[who], 1),
        weight=np.where(np.isin(buildings.code[who], SHOP_CODES), 3.0, 1.0),
    )


class AddressFile:
    """addresses.csv under way."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8", newline="\n")
        self._file.write(HEADER)
        self.count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def write(self, addresses: Addresses) -> None:
        """Append a chunk. No name holds a comma or a quote, so no field needs quoting."""
        district = addresses.district
        columns = zip(
            addresses.street_type,
            addresses.street,
            addresses.number,
            addresses.block,
            addresses.entrance,
            addresses.hood,
            addresses.position.tolist(),
            addresses.cadnum,
            strict=True,
        )
        self._file.writelines(
            f"{k},{f'{kind} {street}' if street else ''},{number},{block},{entrance},{hood.official},"
            f"{district.code},{district.postcode},{lon},{lat},{cadnum}\n"
            for k, (kind, street, number, block, entrance, hood, (lon, lat), cadnum) in enumerate(
                columns, addresses.first
            )
        )
        self.count += len(addresses.cadnum)
