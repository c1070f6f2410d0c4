"""The Commercial Register's daily open-data export, deed by deed.

Only what is named in the tables below is ever read: an allow-list, because about seventy elements of this
format hold data of persons. Of contacts, managers, partners and owners nothing is kept: the parser walks over
them event by event, and no tree of them is built, however long a deed's list of partners is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO
from xml.parsers import expat

from loaders.formats import Batch, FileFault, Layer, Preparation, Problem, prepared
from loaders.formats.apart import Apart
from loaders.formats.plain_text import open_bytes
from loaders.formats.sniff import head, kind_of, refuse

WANTED = "the Commercial Register's XML export"
# Records in one batch: each is fifty texts, twice over while they are prepared.
LOT = 2_000
#: and batches of some 2 MB that may wait for their check, while two files are read on two processors
_LOTS_AHEAD = 6
_BLOCK_BYTES = 1 << 17
#: to parse takes three times as long as to check what was parsed: of more than this, both are done at once.
#: To start another process takes 0.3 s
_LARGE_FILE_BYTES = 10_000_000

# Column <- attribute of the deed, in lower case: the export itself writes both CompanyName and CompanyNAme.
DEED = {
    "uic": "uic",
    "company_name": "companyname",
    "legal_form": "legalform",
    "deed_status": "deedstatus",
    "liquidation_or_insolvency": "liquidationorinsolvency",
}
# As the schema spells them.
SPELLINGS = frozenset({"UIC", "CompanyName", "LegalForm", "DeedStatus", "LiquidationOrInsolvency"})
# Column <- element of an address, in lower case.
ADDRESS = {
    "settlement": "settlement",
    "settlement_ekatte": "settlementekatte",
    "area_ekatte": "areaekatte",
    "housing_estate": "housingestate",
    "street": "street",
    "street_number": "streetnumber",
    "block": "block",
    "entrance": "entrance",
}
# Element of a part of the deed -> prefix of its columns, and what is read of it: its text, some attributes
# (column <- attribute in lower case), or its address.
TEXT, ADDRESSED = "text", "address"
Reading = str | Mapping[str, str]
MAIN: dict[str, tuple[str, Reading]] = {
    "uic": ("registration", {}),
    "company": ("company", TEXT),
    "legalform": ("legal_form", {"legal_form_code": "code", "legal_form_name": "text"}),
    "transliteration": ("transliteration", TEXT),
    "seat": ("seat", ADDRESSED),
    "subjectofactivitynkid": ("activity", {"activity_code": "codenkid", "activity_name": "textnkid"}),
    "addemptionoftrader": ("struck_off", {}),
}
BRANCH: dict[str, tuple[str, Reading]] = {
    "branchseat": ("seat", ADDRESSED),
    "branchfirm": ("branch_firm", TEXT),
    "branchidentifier": ("branch_identifier", TEXT),
    "branchclosure": ("branch_closure", {}),
}
PARTS = {"maincircumstances": MAIN, "b2_branch": BRANCH}
# What is known of the entry of each field.
ENTRY = ("operation", "action_date", "version")


def _columns() -> tuple[str, ...]:
    fields = dict.fromkeys(field for part in PARTS.values() for field in part.values() if field[1] is TEXT)
    texts = [prefix for prefix, _ in fields]
    attributes = [name for prefix, read in MAIN.values() if not isinstance(read, str) for name in read]
    prefixes = dict.fromkeys(prefix for part in PARTS.values() for prefix, _ in part.values())
    return (
        *DEED, "version", "branch", *texts, *attributes, *(f"seat.{name}" for name in ADDRESS),
        *(f"{prefix}.{fact}" for prefix in prefixes for fact in ENTRY),
    )  # fmt: skip


COLUMNS = _columns()
_AT = {name: place for place, name in enumerate(COLUMNS)}
_ADDRESS_AT = {element: _AT[f"seat.{name}"] for name, element in ADDRESS.items()}
_ENTRY_AT = {
    prefix: tuple(_AT[f"{prefix}.{fact}"] for fact in ENTRY)
    for part in PARTS.values()
    for prefix, _ in part.values()
}
# What a branch's record repeats of its deed's: whose it is, and whether that is a person.
_SHARED = tuple(_AT[name] for name in ("uic", "legal_form", "legal_form_code", "legal_form_name", "version"))
# Facts about an entry are kept where they are dates and numbers, and nothing else.
_PLAIN = re.compile(r"[0-9T:.+-]{1,40}")
Row = list[str | None]


def read(path: Path, *, prepare: Preparation | None = None) -> AbstractContextManager[Layer]:
    """Open a daily export, which may be empty; each deed is one record, and so is each of its branches.

    A field that a deed does not mention is None. Beside a field's values stand '<field>.operation' (Add,
    Erase, Current), '<field>.action_date', and '<field>.version', a text whose byte order is the order of
    actions, so that days can be merged in any order; 'version' alone is that of the latest field of any kind.
    Of a field that a deed mentions more than once, the latest entry counts. The seat is that of the main
    circumstances, or the branch's own; 'branch' is the branch's number, None for the deed itself.
    """
    if (kind := kind_of(head(path))) != "xml":
        raise refuse(path, kind, WANTED)
    if path.stat().st_size > _LARGE_FILE_BYTES:
        return Apart(path, __name__, prepare=prepare, ahead=_LOTS_AHEAD)
    return prepared(read_here(path), prepare, path)


@contextmanager
def read_here(path: Path) -> Iterator[Layer]:
    """The same, in the process that calls it."""
    with open_bytes(path) as stream:
        yield Layer(COLUMNS, None, _batches(path, stream))


def _batches(path: Path, stream: BinaryIO) -> Iterator[Batch]:
    deeds = _Deeds(path.name)
    while block := stream.read(_BLOCK_BYTES):
        deeds.feed(block)
        while len(deeds.rows) >= LOT:
            yield deeds.take()
    deeds.feed(b"", last=True)
    if deeds.rows or deeds.problems:
        yield deeds.take()


class _Deeds:
    """Deeds on their way out of the parser, as rows in the order of COLUMNS."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.count = 0
        self.enveloped = False  #: whether it is an export, be there deeds in it or not
        self.rows: list[Row] = []
        self.positions: list[str] = []
        self.problems: list[Problem] = []
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.ordered_attributes = True
        self._parser.EntityDeclHandler = self._refuse_entities
        self._listen()

    def feed(self, block: bytes, *, last: bool = False) -> None:
        try:
            self._parser.Parse(block, last)
        except (expat.ExpatError, LookupError) as error:
            # its message names lines and no content
            raise FileFault(
                f"the XML is broken or cut off after deed {self.count}: {error}", where=self.file
            ) from error
        if last and not self.count and not self.enveloped:
            raise FileFault(f"there is no deed in it; wanted is {WANTED}", where=self.file)

    def take(self) -> Batch:
        """The next records as a batch."""
        rows, self.rows = self.rows[:LOT], self.rows[LOT:]
        positions, self.positions = self.positions[:LOT], self.positions[LOT:]
        problems, self.problems = self.problems, []
        columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in COLUMNS]
        return Batch(dict(zip(COLUMNS, columns, strict=True)), None, positions, problems)

    def _refuse_entities(self, *_: object) -> None:
        raise FileFault("it declares entities, which the register's export never does", where=self.file)

    def _begin_deed(self, attributes: Sequence[str]) -> Row:
        if not attributes or all(name.startswith("xmlns") for name in attributes[::2]):
            line = self._parser.CurrentLineNumber
            self._problem("deed-without-attributes", f"line {line}")
        for name in attributes[::2]:
            if name.lower() in DEED.values() and name not in SPELLINGS:
                self._problem("misspelt-attribute", name)
        facts = _lowered(attributes)
        row: Row = [None] * len(COLUMNS)
        for column, name in DEED.items():
            row[_AT[column]] = _filled(facts.get(name, ""))
        return row

    def _problem(self, rule: str, detail: str) -> None:
        self.problems.append(Problem(f"deed {self.count + 1}", rule, detail))

    def _end_deed(self, deed: Row, branches: list[Row]) -> None:
        self.count += 1
        position = f"deed {self.count}"
        self.rows.append(deed)
        self.positions.append(position)
        for branch in branches:
            number = branch[_AT["branch"]]
            if number is None:
                self.problems.append(Problem(position, "branch-without-number", "B2_Branch"))
                continue
            for place in _SHARED:
                branch[place] = deed[place]
            self.rows.append(branch)
            self.positions.append(f"{position}, branch {number}")

    def _listen(self) -> None:
        """Give the parser its handlers; local names, for there are some hundred events to a deed."""
        parser = self._parser
        depth = deed_depth = ignored = 0
        deed: Row = []
        row: Row = []
        branches: list[Row] = []
        part: Mapping[str, tuple[str, Reading]] = {}
        addressed = False
        latest = ""
        wanted = -1  # the place in the row of the text that is being read
        texts: list[str] = []
        root = ""
        version_at, branch_at = _AT["version"], _AT["branch"]

        def start(tag: str, attributes: list[str]) -> None:
            nonlocal depth, deed_depth, ignored, deed, row, branches, part, addressed, latest, wanted, root
            if ignored:
                ignored += 1
                return
            depth += 1
            if not deed_depth:
                name = _local(tag)
                if depth == 1:
                    root = name
                if name == "deed":
                    deed_depth, branches, latest = depth, [], ""
                    deed = self._begin_deed(attributes)
                elif root == "message" and name in ("body", "deeds"):
                    self.enveloped = True
                return
            level = depth - deed_depth
            if level == 3 and addressed:
                if _local(tag) == "address":
                    return
            elif level == 4 and addressed:
                place = _ADDRESS_AT.get(_local(tag))
                if place is not None:
                    wanted = place
                    parser.CharacterDataHandler = texts.append
                    return
            elif level == 2:
                facts = _lowered(attributes)
                version = _version(
                    facts.get("fieldactiondate", ""),
                    facts.get("fieldentrynumber", ""),
                    facts.get("recordid", ""),
                )
                if version > latest:
                    latest = version
                prefix, read = part.get(_local(tag), ("", TEXT))
                if prefix and _supersedes(row, prefix, version):
                    self._begin_field(row, prefix, read, facts, version)
                    addressed = read is ADDRESSED
                    if addressed:
                        return
                    if read is TEXT:
                        wanted = _AT[prefix]
                        parser.CharacterDataHandler = texts.append
                        return
            elif level == 1 and _local(tag) == "subdeed":
                facts = _lowered(attributes)
                part = PARTS.get(facts.get("subuictype", "").strip().lower(), {})
                row = deed
                if part is BRANCH:
                    row = [None] * len(COLUMNS)
                    row[branch_at] = _branch_number(deed[_AT["uic"]], _filled(facts.get("subuic", "")))
                    branches.append(row)
                return
            depth -= 1
            ignored = 1
            parser.CharacterDataHandler = None

        def end(_: str) -> None:
            nonlocal depth, deed_depth, ignored, addressed, wanted
            if ignored:
                ignored -= 1
                if not ignored and wanted >= 0:
                    parser.CharacterDataHandler = texts.append
                return
            if wanted >= 0:
                row[wanted] = _filled("".join(texts))
                texts.clear()
                wanted = -1
                parser.CharacterDataHandler = None
            if depth - deed_depth == 2:
                addressed = False
            elif depth == deed_depth:
                deed_depth = 0
                deed[version_at] = latest
                self._end_deed(deed, branches)
            depth -= 1

        parser.StartElementHandler = start
        parser.EndElementHandler = end

    @staticmethod
    def _begin_field(row: Row, prefix: str, read: Reading, facts: Mapping[str, str], version: str) -> None:
        """Note a field's entry, and empty what an earlier entry of it said."""
        operation, action_date, version_at = _ENTRY_AT[prefix]
        row[operation] = _filled(facts.get("fieldoperation", ""))
        row[action_date] = _plain(facts.get("fieldactiondate", "")) or None
        row[version_at] = version
        if read is TEXT:
            row[_AT[prefix]] = None
        elif read is ADDRESSED:
            for place in _ADDRESS_AT.values():
                row[place] = None
        elif not isinstance(read, str):
            for column, name in read.items():
                row[_AT[column]] = _filled(facts.get(name, ""))


def _supersedes(row: Row, prefix: str, version: str) -> bool:
    held = row[_ENTRY_AT[prefix][-1]]
    return held is None or version >= held


@lru_cache(maxsize=64)
def _version(date: str, number: str, record: str) -> str:
    """When a field's entry was made: the action's date, the entry's number, the record's number.

    The last two are padded, so that byte order is the order of numbers. The fields of a deed often share one.
    """
    date, number = _plain(date), _plain(number)
    if not date and not number:
        return ""
    return f"{date[:19]} {number:0>14} {_plain(record):0>12}"


def _plain(text: str) -> str:
    return text if _PLAIN.fullmatch(text := text.strip()) else ""


def _branch_number(uic: str | None, sub_uic: str | None) -> str | None:
    """A branch's number within its business: some editions write it after the business's own."""
    if uic and sub_uic and sub_uic != uic:
        sub_uic = sub_uic.removeprefix(uic)
    return sub_uic if sub_uic and sub_uic.isalnum() and sub_uic.isascii() else None


@lru_cache(maxsize=4096)
def _local(tag: str) -> str:
    """A name without its namespace's prefix, in lower case."""
    return tag.rpartition(":")[2].lower()


def _lowered(attributes: Sequence[str]) -> dict[str, str]:
    """Attributes by their names in lower case."""
    return dict(zip(map(_local, attributes[::2]), attributes[1::2], strict=True))


def _filled(text: str) -> str | None:
    """Published text without the blanks around it, None when nothing is left."""
    return text.strip() or None
