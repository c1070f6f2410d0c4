"""`python -m tests.bench.addresses`: how much of a city's real addresses is understood, how rightly, and how fast.

The city is Sofia: its register of building permits, whose district and address are written independently. The
neighbourhood that an address names lies in a district by its boundary; the two are compared.
"""

from __future__ import annotations

import gzip
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import click
import shapely
from shapely.geometry import shape

from tests.bench.loads.runs import Bar
from twin.address_words import words_of
from twin.addresses import AddressKey, Known, parse_address
from twin.settings import Settings

#: a neighbourhood speaks for a district that holds so much of it
MOST = 0.9
#: bars: understood whole; district of the text that of the register; addresses a second
UNDERSTOOD, AGREEING, FAST = 0.97, 0.97, 20_000
#: where one name is a villa zone's and a housing estate's, an address means the one whose kind it says
_VILLAS = frozenset(("vz", "m", "so"))


@dataclass(frozen=True)
class Places:
    """Where the named places of a city lie: (is a villa zone or locality, name) -> the district of it."""

    known: Known
    areas: Mapping[tuple[bool, str], str]
    settlements: Mapping[str, str]
    districts: frozenset[str]

    def district(self, key: AddressKey) -> str | None:
        """The district that an address tells by naming it, its neighbourhood or its village; None where none."""
        if key.district:
            return key.district if key.district in self.districts else None
        if key.area:
            villas = key.area_kind in _VILLAS
            return self.areas.get((villas, key.area)) or self.areas.get((not villas, key.area))
        return self.settlements.get(key.settlement)


def places(folder: Path) -> Places:
    """The places of the municipality, from its districts and neighbourhoods as published."""
    boundaries = {
        AddressKey.from_parts(district=each["properties"]["obns_cyr"]).district: _shape(each)
        for each in _features(folder / "sofia/districts/districts_2023.geojson")
    }
    areas: dict[tuple[bool, str], list[Any]] = {}
    settlements: dict[str, list[Any]] = {}
    for each in _features(folder / "sofia/neighbourhoods/neighbourhoods_309.geojson"):
        key = AddressKey.from_parts(area=each["properties"]["kvname"])
        if key.settlement:
            settlements.setdefault(key.settlement, []).append(_shape(each))
        elif key.area:
            villas = key.area_kind in _VILLAS
            areas.setdefault((villas, key.area), []).append(_shape(each))
            whole, _, part = key.area.rpartition(" ")
            if whole and part[0].isdigit() and not villas:
                # 'Люлин' is all of Люлин 1 to 10
                areas.setdefault((False, whole), []).append(_shape(each))
    return Places(
        Known(frozenset({"sofia", *settlements}), frozenset(name for _, name in areas)),
        dict(_within(areas, boundaries)),
        dict(_within(settlements, boundaries)),
        frozenset(boundaries),
    )


def _features(file: Path) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] = json.loads(file.read_bytes())["features"]
    return found


def _shape(feature: Mapping[str, Any]) -> Any:
    return shapely.make_valid(shape(feature["geometry"]))


_Name = TypeVar("_Name")


def _within(
    named: Mapping[_Name, Sequence[Any]], boundaries: Mapping[str, Any]
) -> Iterator[tuple[_Name, str]]:
    for name, shapes in named.items():
        whole = shapely.union_all(shapes)
        for district, boundary in boundaries.items():
            if whole.intersection(boundary).area >= MOST * whole.area:
                yield name, district


def permit_addresses(folder: Path) -> dict[str, str | None]:
    """Every distinct address of the register, and the district that the register has for it."""
    found: dict[str, str | None] = {}
    with gzip.open(folder / "sofia/permits/building_permits_1991_2018.jsonl.gz") as lines:
        for line in lines:
            record = json.loads(line)
            if record["Address"]:
                found.setdefault(record["Address"], record["Region"])
    return found


@dataclass(frozen=True)
class Reading:
    """What became of some addresses."""

    keys: Mapping[str, AddressKey]
    #: (district of the register, district of the text) -> addresses where both speak
    districts: Counter[tuple[str, str]]

    @cached_property
    def left_over(self) -> list[tuple[str, str]]:
        """Addresses with words that were not understood, and those."""
        return [(text, key.rest) for text, key in self.keys.items() if key.rest]

    @property
    def understood(self) -> float:
        """The share with nothing left over."""
        return 1 - len(self.left_over) / len(self.keys)

    @property
    def agreeing(self) -> float:
        """Of the addresses that tell a district, the share that tells the register's."""
        return sum(n for (one, other), n in self.districts.items() if one == other) / self.districts.total()


def read(addresses: Mapping[str, str | None], where: Places) -> Reading:
    """Read all addresses."""
    keys = {text: parse_address(text, where.known) for text in addresses}
    districts: Counter[tuple[str, str]] = Counter()
    for text, region in addresses.items():
        told = where.district(keys[text])
        if told and region:
            districts[AddressKey.from_parts(district=region).district, told] += 1
    return Reading(keys, districts)


def speed(addresses: Collection[str], where: Places) -> float:
    """Addresses read in a second on one core; words are to be remembered from an earlier reading."""
    start = time.process_time()
    for text in addresses:
        parse_address(text, where.known)
    return len(addresses) / (time.process_time() - start)


def kind_of_rest(rest: str) -> str:
    """What sort of words were left over."""
    words, _ = words_of(rest)
    if any(each.relation for each in words):
        return "beside something that is no address"
    if any(each.unit or each.landmark or each.attribute or each.no_name or each.floor for each in words):
        return "a description of the spot or the house"
    if all(each.code or each.bare.isdigit() for each in words):
        return "numbers and letters alone"
    if len(words) <= 3:
        return "a name that nothing announces"
    return "several names, or a sentence"


@click.command()
@click.option("--examples", default=3, show_default=True, help="Addresses to show of each kind of leftover.")
@click.option(
    "--look", default=0, help="Only print so many random addresses and what was understood of each."
)
@click.option("--seed", default=1, show_default=True, help="Of the random choice.")
def main(examples: int, look: int, seed: int) -> None:
    """Read the addresses of the register of building permits; exit code 1 when a bar is missed."""
    folder = Settings.from_environment().real_data
    if folder is None:
        sys.exit("TWIN_REAL_DATA is not set: no real files to read")
    where = places(folder)
    chance = random.Random(seed)
    addresses = permit_addresses(folder)
    if look:
        for text in chance.sample(list(addresses), look):
            told = {part: value for part, value in asdict(parse_address(text, where.known)).items() if value}
            click.echo(f"{text}\n    {' '.join(f'{part}={value!r}' for part, value in told.items())}")
        return
    found = read(addresses, where)
    kinds: dict[str, list[tuple[str, str]]] = {}
    for text, rest in found.left_over:
        kinds.setdefault(kind_of_rest(rest), []).append((text, rest))
    click.echo(f"{len(found.keys):,} addresses; left over by kind:")
    for kind, of_kind in sorted(kinds.items(), key=lambda each: -len(each[1])):
        click.echo(f"{len(of_kind):6,}  {kind}")
        for text, rest in chance.sample(of_kind, min(examples, len(of_kind))):
            click.echo(f"        {text}  ->  {rest}")
    click.echo("\n" + confusion(found.districts) + "\n")
    bars = (
        Bar("understood with nothing left over", 100 * found.understood, 100 * UNDERSTOOD, "%", at_least=True),
        Bar(
            "district of the text is the register's", 100 * found.agreeing, 100 * AGREEING, "%", at_least=True,
            detail=f"{found.districts.total():,} addresses tell one",
        ),
        Bar("addresses a second on one core", speed(addresses, where), FAST, at_least=True),
    )  # fmt: skip
    for bar in bars:
        click.echo(str(bar))
    sys.exit(0 if all(bar.met for bar in bars) else 1)


def confusion(districts: Counter[tuple[str, str]]) -> str:
    """A table: for each district of the register how many addresses tell it, and which others they tell."""
    lines = ["register             tells   right   instead"]
    for district in sorted({one for one, _ in districts}):
        told = {other: n for (one, other), n in districts.items() if one == district}
        right = told.pop(district, 0)
        others = ", ".join(f"{other} {n}" for other, n in sorted(told.items(), key=lambda each: -each[1]))
        total = right + sum(told.values())
        lines.append(f"{district:20} {total:5,}  {100 * right / total:5.1f} %  {others}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
