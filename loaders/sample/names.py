"""What a district's neighbourhoods and streets are called, and the neighbourhoods' file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from loaders.sample.land import polygon_degrees
from loaders.sample.plan import Area, Plan
from loaders.sample.words import neighbourhood_names, street_names

# letter of the mix: prefix as the neighbourhoods' file writes it, as addresses write it, type_kv
_PREFIXES = {
    "C": ("КВ.", "кв.", "1"),
    "E": ("ЖК.", "ж.к.", "1"),
    "H": ("КВ.", "кв.", "1"),
    "V": ("В.З.", "в.з.", "4"),
    "I": ("---", "", "2"),
}


@dataclass(frozen=True)
class Hood:
    """One neighbourhood's name in the spellings that the files use.

    `address` is how an address names it, such as ж.к. "Бели липи 2"; it is empty where addresses name none
    (the centre, and industrial areas).
    """

    id: int
    letter: str
    name: str
    prefix: str
    kind: str
    short: str
    address: str

    @property
    def official(self) -> str:
        """The name with its prefix as addresses write it, without quotes."""
        return f"{self.short} {self.name}".strip()


@dataclass(frozen=True)
class Names:
    """The names of one district's neighbourhoods and streets, by their index in its plan."""

    hoods: tuple[Hood, ...]
    street_types: tuple[str, ...]
    streets: tuple[str, ...]


class Namer:
    """Gives out names: a neighbourhood's once in the city, a street's once in a district.

    A very large city has more streets than there are names; it then has two streets of one name in
    different districts, as real cities do.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._streets = street_names(rng)
        self._hoods = neighbourhood_names(rng)
        self._streets_given = self._hoods_given = 0
        self._hood_id = 0

    def name(self, plan: Plan) -> Names:
        """Name everything in a planned district."""
        boulevard = np.zeros(plan.streets.streets, dtype=bool)
        boulevard[plan.streets.street] = plan.streets.boulevard
        first = self._streets_given
        self._streets_given += len(boulevard)
        return Names(
            hoods=tuple(self._name_hoods(plan.hood_letters)),
            street_types=tuple("бул." if wide else "ул." for wide in boulevard.tolist()),
            streets=tuple(self._streets[(first + k) % len(self._streets)] for k in range(len(boulevard))),
        )

    def boulevard(self) -> str:
        """One more street name, for a road between districts."""
        self._streets_given += 1
        return self._streets[(self._streets_given - 1) % len(self._streets)]

    def _name_hoods(self, letters: str) -> Iterator[Hood]:
        # the estates of one district are phases of one estate: Бели липи 1, Бели липи 2...
        estate, phase = "", 0
        for letter in letters:
            if letter == "E" and phase:
                name = f"{estate} {phase + 1}"
            else:
                name = self._hoods[self._hoods_given]
                self._hoods_given += 1
            if letter == "E":
                estate, phase = (estate, phase + 1) if phase else (name, 1)
                name = f"{estate} {phase}"
            if letter == "I":
                name = f"Промишлена зона {name}"
            prefix, short, kind = _PREFIXES[letter]
            self._hood_id += 1
            yield Hood(
                id=self._hood_id,
                letter=letter,
                name=name,
                prefix=prefix,
                kind=kind,
                short=short,
                address=f'{short} "{name}"' if letter in "EHV" else "",
            )


def hood_features(names: Names, areas: list[Area]) -> Iterator[dict[str, Any]]:
    """The district's neighbourhoods as GeoJSON features, in the real layer's columns."""
    for hood, area in zip(names.hoods, areas, strict=True):
        yield {
            "type": "Feature",
            "properties": {
                "id": hood.id,
                "prefname": hood.prefix,
                "kvname": (hood.name if hood.prefix == "---" else f"{hood.prefix} {hood.name}").upper(),
                "type_kv": hood.kind,
            },
            "geometry": {
                "type": "MultiPolygon",
                "coordinates": [polygon_degrees(part) for part in shapely.get_parts(area)],
            },
        }
