"""How well addresses alone tell where things are: real outlets, each found without its own chain's help.

`python -m tests.bench.geocoding` loads what the twin knows of Sofia's names and prints how many outlets' addresses
say enough and how many of their districts are right. Streets are known from district Люлин and from what other
chains' outlets say of theirs: of each chain all outlets are taken out before its addresses are geocoded.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests.bench.loads.runs import ground
from twin.database import connect
from twin.gazetteer import refresh_gazetteer
from twin.geocode import Level, Match, geocode

#: what the addresses of the outlets are found by
DATASETS = (
    "sofia-districts", "sofia-district-codes", "sofia-neighbourhoods", "sofia-named-places",
    "sofia-named-place-names", "sofia-lyulin-network", "sofia-outlets",
)  # fmt: skip
#: from that level on an address says enough to tell the district, if it is told so surely
ENOUGH = (Level.BUILDING, Level.ADDRESS, Level.STREET, Level.NEIGHBOURHOOD)
LEAST_SCORE = 0.8
FOLDS = 10


@dataclass(frozen=True)
class Tried:
    """An outlet: its address, the district of its position, and what was found by the address."""

    text: str
    district: str
    found: Match | None

    @property
    def says_enough(self) -> bool:
        return (
            self.found is not None
            and self.found.level in ENOUGH
            and self.found.district is not None
            and self.found.score >= LEAST_SCORE
        )

    @property
    def is_right(self) -> bool:
        return self.found is not None and self.found.district == self.district


def outlets(connection: psycopg.Connection[Any], *, folds: int = FOLDS) -> Iterator[Tried]:
    """Every outlet of a loaded city with an address and a position in a district, found without its chain.

    A chain is whoever the source says runs the outlet. Nothing of what is done on the connection is kept.
    """
    chains = connection.execute(
        "SELECT operator, count(*) FROM site WHERE position IS NOT NULL AND operator IS NOT NULL"
        " GROUP BY operator ORDER BY 2 DESC, 1"
    ).fetchall()
    for fold in range(folds):
        left_out = [chain for number, (chain, _) in enumerate(chains) if number % folds == fold]
        asked = connection.execute(
            "SELECT address_text, district FROM site WHERE operator = ANY(%s) AND position IS NOT NULL"
            " AND address_text IS NOT NULL AND district IS NOT NULL ORDER BY key",
            [left_out],
        ).fetchall()
        connection.execute("DELETE FROM site WHERE operator = ANY(%s)", [left_out])
        refresh_gazetteer(connection)
        matches = geocode(connection, [text for text, _ in asked], first=1)
        for (text, district), found in zip(asked, matches, strict=True):
            yield Tried(text, district, found[0] if found else None)
        connection.rollback()


def table(tried: Sequence[Tried]) -> Iterator[str]:
    """What came of it, line by line: by level, and all that say enough."""
    levels = Counter(one.found.level.name if one.found else "nothing" for one in tried)
    for level in [*(level.name for level in Level), "nothing"]:
        of_level = [one for one in tried if (one.found.level.name if one.found else "nothing") == level]
        told = [one for one in of_level if one.found and one.found.district]
        right = sum(one.is_right for one in told)
        share = f"{right / len(told):7.1%}" if told else "      -"
        yield f"{level:14}{levels[level]:6,}  tell a district{len(told):6,}  right {share}"
    enough = [one for one in tried if one.says_enough]
    right = sum(one.is_right for one in enough)
    yield (
        f"of {len(tried):,} outlets with an address and a position {len(enough):,} say enough"
        f" ({len(enough) / max(1, len(tried)):.1%}); the district of {right:,} is right"
        f" ({right / max(1, len(enough)):.2%})"
    )


def main() -> None:
    """Load, try, print."""
    from rich.console import Console

    from loaders.catalogue import catalogue
    from loaders.run import load

    folder = os.environ.get("TWIN_REAL_DATA")
    if folder is None:
        sys.exit("TWIN_REAL_DATA is not set: no real files to read")
    with ground(Console(stderr=True), small=False) as found:
        load(found.url, catalogue("sofia"), Path(folder) / "sofia", only=DATASETS)
        with connect(found.url, city="sofia") as connection:
            tried = list(outlets(connection))
    print("\n".join(table(tried)))  # noqa: T201


if __name__ == "__main__":
    main()
