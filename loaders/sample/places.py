"""Places that other bodies publish: sensitive sites, and outlets of invented chains."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np

from loaders.sample.addresses import Addresses
from loaders.sample.blocks import Role
from loaders.sample.buildings import Buildings
from loaders.sample.land import NOTICE, PUBLISHER, Floats, degrees

SITE_TYPES = {240: "училище", 230: "детска градина", 250: "лечебно заведение", 340: "храм"}
FUEL_STATION = "бензиностанция"


class SensitiveSiteFile:
    """sensitive_sites.tsv under way: the schools, kindergartens, hospitals, churches and fuel stations."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8", newline="\n")
        self._file.write("lat\tlng\ttype\n")
        self.count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def write(self, buildings: Buildings, addresses: Addresses, rng: np.random.Generator) -> None:
        """Append a chunk's sites: a point at the door of a building that is used for one."""
        who, first = np.unique(buildings.door_building, return_index=True)
        code, role = buildings.code[who], buildings.role[who]
        # half the churches, clinics and small schools of a real city are on nobody's list either
        listed = np.isin(code, list(SITE_TYPES)) & ((role == Role.CIVIC) | (rng.random(len(who)) < 0.5))
        fuel = (role == Role.HALL) & (rng.random(len(who)) < 0.04)
        for k in np.flatnonzero(listed | fuel).tolist():
            lon, lat = addresses.position[first[k]].tolist()
            kind = FUEL_STATION if fuel[k] else SITE_TYPES[int(code[k])]
            self._file.write(f"{lat:.7f}\t{lon:.7f}\t{kind}\n")
            self.count += 1


class Brand(NamedTuple):
    """An invented chain: its name, its OpenStreetMap key and value, and the purposes it settles in."""

    name: str
    key: str
    value: str
    reference: str


BRANDS = (
    Brand("Кошница Примерна", "shop", "supermarket", "koshnitsa"),
    Brand("Хлебарница Троха", "shop", "bakery", "troha"),
    Brand("Аптеки Билкарче", "amenity", "pharmacy", "bilkarche"),
    Brand("Банка Образец", "amenity", "bank", "obrazets"),
    Brand("Горивко", "amenity", "fuel", "gorivko"),
    Brand("Пратко", "amenity", "parcel_locker", "pratko"),
    Brand("Мобилко", "shop", "telecommunication", "mobilko"),
    Brand("Кафе Махала", "amenity", "cafe", "mahala"),
)

_OUTLETS_PER_ENTRANCE = 0.012
_TRADE_CODES = (120, 200, 210, 220, 300, 490)


class OutletFile:
    """outlets.json under way, in the shape of a comparison between a chain's own list and OpenStreetMap."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8", newline="\n")
        metadata = {
            "name": "Примерни вериги",
            "key": "shop",
            "value": "*",
            "compare_keys": ["opening_hours", "phone", "website"],
            "publisher": PUBLISHER,
            "description": NOTICE,
        }
        self._file.write(f'{{"metadata": {json.dumps(metadata, ensure_ascii=False)}, "data": [')
        self.count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.write("\n]}\n")
        self._file.close()

    def write(self, addresses: Addresses, rng: np.random.Generator) -> None:
        """Append a chunk's outlets: some at the door, some a few metres inside or along the street."""
        chance = np.where(np.isin(addresses.code, _TRADE_CODES), 5.0, 0.4) * _OUTLETS_PER_ENTRANCE
        chosen = np.flatnonzero(rng.random(len(chance)) < chance)
        if not len(chosen):
            return
        brand = rng.integers(len(BRANDS), size=len(chosen)).tolist()
        draw = rng.random((len(chosen), 4))
        # mapped within a few metres; published by the chain up to some 80 m away, which real chains do too
        mapped = _moved(addresses.door[chosen], 3.0, draw[:, 0])
        published = _moved(
            addresses.door[chosen], np.where(draw[:, 1] < 0.12, 80.0, 12.0) * draw[:, 1], draw[:, 2]
        )
        for k, entrance in enumerate(chosen.tolist()):
            record = _outlet(
                BRANDS[brand[k]],
                self.count + 1,
                _street_address(addresses, entrance, float(draw[k, 0])),
                addresses.district.postcode,
                mapped[k].tolist(),
                published[k].tolist(),
                float(draw[k, 3]),
            )
            self._file.write(",\n" if self.count else "\n")
            self._file.write(json.dumps(record, ensure_ascii=False))
            self.count += 1


def _moved(metres: Floats, far: Floats | float, turn: Floats) -> Floats:
    """Positions moved by some metres in some direction, as [latitude, longitude]."""
    angle = 2 * np.pi * turn
    shift = np.column_stack((np.cos(angle), np.sin(angle))) * np.reshape(far, (-1, 1))
    return degrees(metres + shift)[:, ::-1]


def _street_address(addresses: Addresses, k: int, pick: float) -> str:
    """The address as a chain's web site might spell it."""
    if addresses.block[k]:
        entrance = f", вх. {addresses.entrance[k]}" if addresses.entrance[k] else ""
        return f"{addresses.hood[k].official}, бл. {addresses.block[k]}{entrance}"
    kind, street, number = addresses.street_type[k], addresses.street[k], addresses.number[k]
    if pick < 0.4:
        return f"{kind} {street} {number}"
    return f'{kind} "{street}" №{number}' if pick < 0.8 else f"{kind}{street} № {number}"


def _outlet(
    brand: Brand,
    number: int,
    address: str,
    postcode: str,
    mapped: list[float],
    published: list[float],
    pick: float,
) -> dict[str, Any]:
    """One outlet: what OpenStreetMap says, what the chain says, and the metres between the two."""
    osm: dict[str, Any] = {
        "type": "node",
        # far beyond any real node's number
        "id": 900_000_000_000 + number,
        "tags": {brand.key: brand.value, "brand": brand.name, "addr:city": "София"},
        "coordinates": mapped,
    }
    atp: dict[str, Any] = {
        "id": f"sample-{number}",
        "tags": {
            "ref": f"{brand.reference}-{number}",
            brand.key: brand.value,
            "@spider": f"{PUBLISHER}_{brand.reference}",
            "addr:street_address": address,
            "addr:city": "София",
            "addr:postcode": postcode,
            "addr:country": "BG",
            "brand": brand.name,
            "website": f"https://{brand.reference}.invalid/{number}",
        },
        "coordinates": published,
    }
    # most outlets are only in the chain's list, few only on the map
    if pick < 0.05:
        return {"osm": osm, "atp": False, "tags_mismatch": False}
    if pick < 0.55:
        return {"osm": False, "atp": atp, "tags_mismatch": False, "dist": 0}
    return {"osm": osm, "atp": atp, "dist": round(_metres(mapped, published), 3), "tags_mismatch": pick > 0.9}


def _metres(a: list[float], b: list[float]) -> float:
    """Great-circle metres between two [latitude, longitude] pairs."""
    lat_a, lat_b = math.radians(a[0]), math.radians(b[0])
    half = math.sin((lat_b - lat_a) / 2) ** 2
    half += math.cos(lat_a) * math.cos(lat_b) * math.sin(math.radians(b[1] - a[1]) / 2) ** 2
    return 2 * 6_371_008.8 * math.asin(math.sqrt(half))
