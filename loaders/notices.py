"""What is wrong with the data and its owner can mend: rules, and a collector that groups and caps them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from loaders import formats
from twin.entities import Severity
from twin.identifiers import scrub_personal_numbers

ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO
VALUE_LENGTH = 120
#: a file and a position in it
Place = tuple[str | None, str | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of defect: what it means for the record, and a sentence for the reports.

    The first `examples` of it are kept one by one, the rest as a number; with `by_value` that holds for each
    value found.
    """

    severity: Severity
    doc: str
    examples: int = 50
    by_value: bool = False


#: what a reader's rule means for the record, where it is not a warning
_READERS = {
    "broken-json": ERROR,
    "deed-without-attributes": ERROR,
    "misspelt-attribute": INFO,
    "html-entity": INFO,
    "no-cadastral-id": INFO,
    "not-a-record": ERROR,
    "script-wrapped-json": INFO,
    "time-past-midnight": INFO,
    "trailing-separator": INFO,
    "unknown-edition": INFO,
}
#: every rule that a load may speak of
RULES: dict[str, Rule] = {
    "area-disagrees": Rule(
        WARNING, "A published area is not that of the published shape, by more than 5 %; the shape was kept."
    ),
    "bad-identifier": Rule(ERROR, "An identifier fails its form or its check digit."),
    "broken-character": Rule(
        WARNING, "A text holds NUL or half a character, which no text can; they were removed."
    ),
    "blank-value": Rule(INFO, "A value is only blanks; it was taken as empty."),
    "changed-after-all": Rule(
        WARNING, "A record of a data set whose records never change differs from before; the first was kept."
    ),
    "axes-swapped": Rule(
        WARNING, "A file gives y before x, so that its places lay elsewhere; they were exchanged."
    ),
    "crs-differs": Rule(WARNING, "The file states another coordinate system than the one its places are in."),
    "crs-false": Rule(
        WARNING, "A file states a coordinate system in which its places lie elsewhere; theirs was used."
    ),
    "crs-guessed": Rule(
        WARNING, "A file states no coordinate system; the only one that puts its places in the city was used."
    ),
    "crs-superseded": Rule(
        INFO, "A file states a withdrawn code of a coordinate system; its successor was used."
    ),
    "differing-duplicate": Rule(WARNING, "Records share a key and differ; the first was kept."),
    "exact-duplicate": Rule(INFO, "A record stands in the data more than once; one was kept."),
    "flattened-geometry": Rule(
        INFO, "A file's shapes have heights or measures (Z, M), which were left out: shapes are kept flat."
    ),
    "incomplete-entity": Rule(
        WARNING, "What all sources together say of a thing lacks something that it cannot be without."
    ),
    "invalid-geometry": Rule(ERROR, "A polygon crosses itself and cannot be mended without changing it."),
    "key-of-another-source": Rule(
        WARNING, "Another data set already describes this key, and the catalogue gives no precedence."
    ),
    "inverted-solid": Rule(WARNING, "A 3D solid is turned inside out; it was kept, with its volume."),
    "latin-disagrees": Rule(
        INFO, "A published Latin name is not the official transliteration; the official one was used."
    ),
    "name-in-capitals": Rule(INFO, "A name is written in capitals only; it was kept as published."),
    "no-changes": Rule(INFO, "A file of changes is whole and has none in it."),
    "no-floor": Rule(
        INFO, "A 3D solid has no floor; its volume was counted down to its lowest height.", examples=3
    ),
    "no-geometry": Rule(ERROR, "A record has no place on the ground and cannot be without one."),
    "no-key": Rule(ERROR, "A record has no key, so that nothing can be said of it the next time."),
    "no-value": Rule(ERROR, "A record lacks a value that it cannot be without."),
    "not-a-date": Rule(WARNING, "A value is no date; it was left empty."),
    "not-a-number": Rule(WARNING, "A value is no number; it was left empty."),
    "not-a-time": Rule(WARNING, "A value is no time; it was left empty."),
    "not-a-whole-number": Rule(WARNING, "A value is no whole number; it was left empty."),
    "not-text": Rule(WARNING, "A value is a list or an object where a text is expected; it was left empty."),
    "not-yes-or-no": Rule(WARNING, "A value is neither yes nor no; it was left empty."),
    "out-of-range": Rule(WARNING, "A number is outside what is possible; it was left empty."),
    "open-solid": Rule(WARNING, "A 3D solid does not close; it was kept, without a volume."),
    "outside-the-areas": Rule(
        INFO, "A record lies outside the areas that the city loads it for; it was left out.", examples=3
    ),
    "outside-the-city": Rule(WARNING, "A record lies outside the city's bounds; it was kept."),
    "padded-value": Rule(INFO, "A value has blanks around it; they were removed.", examples=20),
    "personal-number": Rule(WARNING, "A text holds a personal number; the number was removed."),
    "repaired-geometry": Rule(WARNING, "A polygon crossed itself; it was mended, its area hardly changed."),
    "repeated-value": Rule(INFO, "A column that should name each record once repeats a value."),
    "same-shape": Rule(INFO, "Two records have the very same line or area under two keys; both were kept."),
    "sliver": Rule(INFO, "An area is less than 10 cm wide (twice its area by its edge); it was kept."),
    "unclaimed-column": Rule(INFO, "The file has a column that the catalogue neither maps nor ignores."),
    "unclaimed-record": Rule(
        INFO, "No entity of the catalogue takes this record.", by_value=True, examples=1
    ),
    "uneven-face": Rule(WARNING, "A face of a 3D shape is more than 0.1 m off its plane; it was kept."),
    "unexpected-count": Rule(WARNING, "A data set holds fewer or more records than its catalogue expects."),
    "unexpected-values": Rule(
        WARNING, "A field is filled more seldom, or its values go further, than the catalogue expects."
    ),
    "unknown-code": Rule(
        WARNING, "A code is in no list that the catalogue knows.", by_value=True, examples=1
    ),
    "unknown-value": Rule(INFO, "A value says that the publisher does not know; it was taken as empty."),
    "wrong-geometry-type": Rule(
        ERROR, "A record's shape is of a kind that it cannot be, such as a line for a building."
    ),
    **{name: Rule(_READERS.get(name, WARNING), doc) for name, doc in formats.RULES.items()},
}  # fmt: skip


@dataclass(slots=True)
class Noted:
    """One notice: an example of a defect, with how often it was found."""

    rule: str
    severity: Severity
    file: str | None
    position: str | None
    field: str | None
    value: str | None
    message: str
    occurrences: int = 1


@dataclass
class Notices:
    """The notices of one load of one data set."""

    _kept: dict[tuple[str, str | None, str | None], list[Noted]] = field(default_factory=dict)
    _rest: Counter[tuple[str, str | None, str | None]] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    #: file and position of what is spoken of -> entity and key, of records that may be erased
    records: dict[Place, set[tuple[str, str]]] = field(default_factory=dict)

    def add(
        self,
        rule: str,
        message: str,
        *,
        file: str | None = None,
        position: str | None = None,
        field: str | None = None,
        value: object = None,
        severity: Severity | None = None,
        occurrences: int = 1,
    ) -> None:
        """Note a defect; personal numbers never get into a notice."""
        known = RULES[rule]
        shown = None if value is None else shorten(value)
        group = (rule, field, shown if known.by_value else None)
        self.counts[rule] += occurrences
        kept = self._kept.setdefault(group, [])
        if len(kept) >= known.examples:
            self._rest[group] += occurrences
            return
        kept.append(
            Noted(
                rule, severity or known.severity, file, position, field,
                shown, sentence(scrub_personal_numbers(message)[0], field), occurrences,
            )
        )  # fmt: skip

    def more(self, rule: str, *, field: str | None, occurrences: int) -> None:
        """Count further cases of a defect of which enough examples are kept."""
        if occurrences:
            self.counts[rule] += occurrences
            self._rest[(rule, field, None)] += occurrences

    def room(self, rule: str, field: str | None) -> int:
        """How many more examples of a defect of this field would be kept."""
        return RULES[rule].examples - len(self._kept.get((rule, field, None), ()))

    @property
    def places(self) -> set[Place]:
        """Where the records stand of which examples are kept."""
        return {(one.file, one.position) for kept in self._kept.values() for one in kept}

    def erase(self, gone: Collection[tuple[str, str]]) -> None:
        """Forget what is quoted of records that are erased, each an entity and a key.

        A code that many records have stays; that this record has it does not.
        """
        places = {place for place, records in self.records.items() if not records.isdisjoint(gone)}
        for (rule, *_), kept in self._kept.items():
            for one in kept:
                if (one.file, one.position) not in places:
                    continue
                if RULES[rule].by_value:
                    one.file = one.position = None
                else:
                    one.value = None
                    one.message = f"{RULES[rule].doc} What it was about has been erased since."

    @property
    def rows(self) -> Sequence[Noted]:
        """The examples, each group followed by how many more there were."""
        found: list[Noted] = []
        for group, kept in self._kept.items():
            rest = self._rest[group]
            if rest and RULES[group[0]].examples == 1:
                # the one example stands for all
                kept[0].occurrences += rest
                self._rest[group] = 0
                rest = 0
            found.extend(kept)
            if rest:
                like = kept[-1]
                found.append(
                    Noted(
                        like.rule, like.severity, like.file, None, like.field, None,
                        f"{rest:,} more like the {len(kept)} shown. {RULES[like.rule].doc}", rest,
                    )
                )  # fmt: skip
        return found


def sentence(message: str, field: str | None) -> str:
    """A message as a sentence: a column's name at its head keeps its spelling."""
    text = printable(message)
    if field and text.startswith(field):
        text = f"The value of {text}"
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "…")) else f"{text}."


def printable(text: str) -> str:
    """A text without NUL and halves of characters, which the database cannot keep."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode()


def shorten(value: object) -> str:
    """A published value as a notice may show it: not too long, without personal numbers."""
    text = scrub_personal_numbers(printable(str(value)))[0]
    return text if len(text) <= VALUE_LENGTH else text[: VALUE_LENGTH - 1] + "…"
