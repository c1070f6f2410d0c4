"""How well businesses were linked to buildings: precision, recall and calibration, beside the known truth."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import psycopg

from tests.noise import Seat

BINS = 10


class Claim(NamedTuple):
    """What the ledger says of a seat and a building: the highest score of the claims that lead there."""

    building: str
    score: float
    accepted: bool


@dataclass
class Tally:
    """Counts of some seats: how many count for recall and were found, how many were linked, and how many well."""

    seats: int = 0
    counting: int = 0
    found: int = 0
    linked: int = 0
    right: int = 0

    def add(self, seat: Seat, building: str | None) -> None:
        """One more seat, and the building that it was linked to."""
        right = building is not None and building == seat.building
        self.seats += 1
        self.counting += seat.counts
        self.found += seat.counts and right
        self.linked += building is not None
        self.right += right

    @property
    def precision(self) -> float:
        """The share of the links that are right."""
        return self.right / self.linked if self.linked else 1.0

    @property
    def recall(self) -> float:
        """The share of the seats whose text determines their building that are linked to it."""
        return self.found / self.counting if self.counting else 1.0


@dataclass
class Bin:
    """The claims whose scores lie in a tenth of the scale."""

    claims: int = 0
    right: int = 0
    scores: float = 0.0

    @property
    def error(self) -> float:
        """How far the mean score is from the share that is right."""
        return abs(self.scores - self.right) / self.claims if self.claims else 0.0


class Mistake(NamedTuple):
    """A seat that was linked wrongly, or not linked although its text determines its building."""

    seat: Seat
    key: str | None  #: by which it was joined
    true_key: str | None  #: of an address of its building
    linked: str | None
    claims: Sequence[Claim]


@dataclass
class Linkage:
    """The quality of a city's links from businesses to buildings."""

    all: Tally = field(default_factory=Tally)
    kinds: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))  #: by kind of noise
    #: the same, of seats with no other kind
    alone: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    bins: list[Bin] = field(default_factory=lambda: [Bin() for _ in range(BINS)])
    mistakes: list[Mistake] = field(default_factory=list)

    @property
    def calibration_error(self) -> float:
        """The expected calibration error: that of the bins, weighed by their claims."""
        claims = sum(one.claims for one in self.bins)
        return sum(one.error * one.claims for one in self.bins) / claims if claims else 0.0

    def calibration(self) -> list[str]:
        """The calibration as lines of a table: what scores promise and what they keep."""
        rows = [
            f"{k / BINS:.1f} to {(k + 1) / BINS:.1f} | {one.claims:9,} | {one.scores / one.claims:10.3f} |"
            f" {one.right / one.claims:11.3f}"
            for k, one in enumerate(self.bins)
            if one.claims
        ]
        return ["score      |    claims | mean score | share right", *rows]

    def table(self) -> list[str]:
        """Precision and recall by kind of noise, as lines of a table; the kinds that cost most come first."""
        lost = sorted(
            self.kinds.items(),
            key=lambda of: of[1].found - of[1].counting + of[1].right - of[1].linked,
        )
        return [
            f"{'kind of noise':30} |   seats |    recall of |        alone | precision of",
            *(
                f"{name:30} | {one.seats:7,} | {_share(one.recall, one.counting)} |"
                f" {_share(self.alone[name].recall, self.alone[name].counting)} |"
                f" {_share(one.precision, one.linked)}"
                for name, one in (("all", self.all), *lost)
            ),
        ]


def _share(share: float, of: int) -> str:
    return f"{share:.3f}{of:7,}" if of else f"{'-':>12}"


def judge(connection: psycopg.Connection[Any], seats: Iterable[Seat]) -> Linkage:
    """Compare the links of a loaded city with where its businesses truly are."""
    linkage = Linkage()
    sites = {
        key: (building, said)
        for key, building, said in connection.execute(
            "SELECT business, building, match_key FROM site WHERE kind = 'SEAT'"
        )
    }
    claims: dict[str, list[Claim]] = defaultdict(list)
    for key, building, score, accepted in connection.execute(_CLAIMS):
        claims[key].append(Claim(building, float(score), accepted))
    keys = dict(connection.execute("SELECT building, min(match_key) FROM address GROUP BY 1").fetchall())
    for seat in seats:
        linked, key = sites.get(seat.eik, (None, None))
        linkage.all.add(seat, linked)
        for kind in seat.kinds:
            linkage.kinds[kind].add(seat, linked)
            if len(seat.kinds) == 1:
                linkage.alone[kind].add(seat, linked)
        for claim in claims.get(seat.eik, ()):
            one = linkage.bins[min(int(claim.score * BINS), BINS - 1)]
            one.claims += 1
            one.right += claim.building == seat.building
            one.scores += claim.score
        if (linked is not None or seat.counts) and linked != seat.building:
            linkage.mistakes.append(
                Mistake(seat, key, keys.get(seat.building), linked, claims.get(seat.eik, []))
            )
    return linkage


# that a seat is at an address and that it is in the address's building is one claim about the building
_CLAIMS = """
SELECT s.business, COALESCE(a.building, b.key), max(l.score), bool_or(l.status = 'ACCEPTED')
FROM link AS l JOIN site AS s ON s.key = l.subject_key
LEFT JOIN address AS a ON l.object_type = 'Address' AND a.key = l.object_key
LEFT JOIN building AS b ON l.object_type = 'Building' AND b.key = l.object_key
WHERE l.subject_type = 'Site' AND l.type IN ('AT_ADDRESS', 'IN_BUILDING') AND s.kind = 'SEAT'
    AND COALESCE(a.building, b.key) IS NOT NULL
GROUP BY 1, 2
"""
