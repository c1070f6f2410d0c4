"""Where the model's records come from, and how surely they are tied: sources, runs, notices, links."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    DateTime,
    Double,
    Integer,
    Text,
    cast,
    extract,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import JSON, JSONB
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql import FromClause
from sqlalchemy.sql.elements import ColumnElement

from twin.entities.base import Base, CityEntity, Node
from twin.fields import KEY, Choice, computed, field, link, many, text_field
from twin.terms import DCAT, DCT, PROV

#: the code list whose labels say what the rules of notices mean
NOTICE_RULE = "notice_rule"


class RunStatus(Choice):
    """How a load ended."""

    RUNNING = "RUNNING", "It has not ended yet, or was cut off"
    LOADED = "LOADED", "The data set was loaded"
    UNCHANGED = "UNCHANGED", "Nothing had changed, so that nothing was read"
    FAILED = "FAILED", "It failed, and the old state stays"


class LoadMode(Choice):
    """What a data set's files say of what they do not mention."""

    FULL = "FULL", "The files hold all there is: what they do not mention is no more"
    DELTA = "DELTA", "The files hold what has changed: the rest stays as it was"
    APPEND = "APPEND", "The files hold what is new, and it never changes"


class Severity(Choice):
    """What a notice means for the record it speaks of."""

    ERROR = "ERROR", "The record was left out"
    WARNING = "WARNING", "The record was kept, and something of it mended or left out"
    INFO = "INFO", "The record was kept as it is"


class LinkType(Choice):
    """What a link says: its subject is in a building (IN_BUILDING), at an address (AT_ADDRESS), a permit for
    a building (CONCERNS), a site of a business (SITE_OF, as org:siteOf), or a stop on a street (ON_STREET).
    """

    IN_BUILDING = "IN_BUILDING", "The subject is in the building"
    AT_ADDRESS = "AT_ADDRESS", "The subject is at the address"
    CONCERNS = "CONCERNS", "The permit is for the building"
    SITE_OF = "SITE_OF", "The site is one of the business (org:siteOf)"
    ON_STREET = "ON_STREET", "The stop is on the street"


class LinkMethod(Choice):
    """How a link was found: the source names the object (SAME_KEY), the object contains the subject
    (CONTAINMENT) or is the nearest (NEAREST), their addresses (ADDRESS_MATCH) or names (NAME_MATCH) agree,
    or a person decided (CURATED).
    """

    SAME_KEY = "SAME_KEY", "The source names the object"
    CONTAINMENT = "CONTAINMENT", "The object contains the subject"
    NEAREST = "NEAREST", "The object is the nearest"
    ADDRESS_MATCH = "ADDRESS_MATCH", "Their addresses agree"
    NAME_MATCH = "NAME_MATCH", "Their names agree"
    CURATED = "CURATED", "A person decided"


class LinkStatus(Choice):
    """Whether queries walk a link: of the accepted ones (ACCEPTED) the best is walked. What is too unsure
    (CANDIDATE) and what a person refused (REJECTED) can be asked for."""

    ACCEPTED = "ACCEPTED", "Queries walk it, where it is the best"
    CANDIDATE = "CANDIDATE", "Too unsure to be walked"
    REJECTED = "REJECTED", "A person refused it"


def _age_days(source: FromClause) -> ColumnElement[Any]:
    since = func.coalesce(source.c.fetched_at, source.c.loaded_at)
    return cast(extract("day", func.now() - since), Integer)


def _meaning(notice: FromClause) -> ColumnElement[Any]:
    rules = CodeValue.__table__.alias("rule")
    key = literal_column(f"'{NOTICE_RULE}/'", Text()).concat(notice.c.rule)
    return select(rules.c.label_en).where(rules.c.key == key).scalar_subquery()


class Source(Node):
    """A data set as its publisher offers it: who, where, under which licence (dcat:Dataset)."""

    __tablename__ = "source"
    __term__ = DCAT + "Dataset"
    __label__ = ("title", "title")

    title: Mapped[str] = text_field("Title", term=DCT + "title")
    publisher: Mapped[str] = text_field("Who publishes it", term=DCT + "publisher")
    licence: Mapped[str | None] = text_field(
        "Licence as the publisher states it; null when none is stated", term=DCT + "license"
    )
    url: Mapped[str | None] = text_field("Where it is published", term=DCAT + "landingPage")
    entities: Mapped[str] = text_field("The entities that it describes, separated by commas")
    format: Mapped[str] = text_field("File format", term=DCT + "format")
    file: Mapped[str] = text_field("File or files, below the data folder")
    stated_licence: Mapped[str | None] = text_field(
        "Licence that its publisher's site stated when the files were fetched"
    )
    refresh: Mapped[str | None] = text_field("How often it is published anew, in words")
    refresh_days: Mapped[int | None] = field(
        "Days after which it is published anew; null where that is not regular", unit="d", minimum=1
    )
    records: Mapped[int | None] = field("Records of it that the twin holds now")
    loaded_at: Mapped[dt.datetime | None] = field("When it was last loaded", DateTime(timezone=True))
    fetched_at: Mapped[dt.datetime | None] = field(
        "When its publisher's site last gave these files, or said that they are unchanged; null where they "
        "came by hand",
        DateTime(timezone=True),
    )

    age_days = computed(
        "Whole days since it was fetched, or where it came by hand since it was loaded",
        Integer(), _age_days, unit="d",
    )  # fmt: skip
    stale = computed(
        "Whether it is older than the time after which it is published anew; null where that is not known",
        Boolean(), lambda source: _age_days(source) > source.c.refresh_days,
    )  # fmt: skip
    runs = many("ImportRun", "Its loads", by="source")
    notices = many("Notice", "What was wrong with it at its last load", by="source")
    quality = many("QualityMeasurement", "How good it was at its last load", by="source")


class ImportRun(Node):
    """One load of one data set, or of the next of its files where it comes in many."""

    __tablename__ = "import_run"
    __term__ = PROV + "Activity"

    source: Mapped[str | None] = link("Source", "What was loaded", derived=False)
    status: Mapped[str] = field("How it ended", enumeration=RunStatus)
    started_at: Mapped[dt.datetime] = field(
        "When it began", DateTime(timezone=True), term=PROV + "startedAtTime"
    )
    finished_at: Mapped[dt.datetime | None] = field(
        "When it ended", DateTime(timezone=True), term=PROV + "endedAtTime"
    )
    mode: Mapped[str | None] = field(
        "Whether its files hold all there is (FULL), what changed (DELTA), or what is new and never changes"
        " (APPEND)",
        enumeration=LoadMode,
    )
    record_limit: Mapped[int | None] = field(
        "It was a trial that read only so many records; null: all were read"
    )
    file: Mapped[str] = text_field("The file or files")
    checksum: Mapped[str] = text_field("BLAKE2b of the file's bytes; of several files, of their checksums")
    bytes_read: Mapped[int] = field("Bytes of the files", BigInteger())
    records_read: Mapped[int] = field("Records read; 0 where the files were the same as at the load before")
    records_refused: Mapped[int] = field("Records that became notices only")
    rows_added: Mapped[int] = field("Rows that were new")
    rows_changed: Mapped[int] = field("Rows whose content changed; the old version went to history")
    rows_unchanged: Mapped[int] = field("Rows that were as before and were left alone")
    rows_closed: Mapped[int] = field("Rows that the file holds no more; they went to history")
    failure: Mapped[str | None] = text_field("Why it failed")
    fingerprint: Mapped[str | None] = text_field(
        "What the result depends on: a data set of which this is still the same need not be read again",
        hidden=True,
    )

    files = many("LoadedFile", "The files that it read", by="run")


class LoadedFile(Node):
    """A file as a load read it."""

    __tablename__ = "loaded_file"

    run: Mapped[str | None] = link("ImportRun", "The load that read it", derived=False)
    name: Mapped[str] = text_field("Its path below the data folder")
    checksum: Mapped[str] = text_field("BLAKE2b of its bytes")
    bytes: Mapped[int] = field("How many bytes it has", BigInteger())


class Notice(Node):
    """Something wrong with a record that its data's owner can mend."""

    __tablename__ = "notice"

    source: Mapped[str | None] = link("Source", "The data set", derived=False)
    rule: Mapped[str] = text_field("The rule that was broken", index=True)
    severity: Mapped[str] = field("What it means for the record", enumeration=Severity)
    occurrences: Mapped[int] = field("How often the same thing was found; this is an example of it")
    file: Mapped[str | None] = text_field("File, below the data folder")
    position: Mapped[str | None] = text_field("Where in the file")
    field: Mapped[str | None] = text_field("Field or column")
    value: Mapped[str | None] = text_field("The value found there, shortened; personal numbers removed")
    message: Mapped[str] = text_field("What is wrong and what was done about it")

    meaning = computed("What the rule says of a record, in English", Text(), _meaning)


class Link(Node):
    """A claim that two records belong together, with how it was found and how sure it is."""

    __tablename__ = "link"

    type: Mapped[str] = field("What it says", enumeration=LinkType)
    subject_type: Mapped[str] = text_field("The subject's entity", hidden=True)
    subject_key: Mapped[str] = text_field("The subject's key", hidden=True, index=True)
    object_type: Mapped[str] = text_field("The object's entity", hidden=True)
    object_key: Mapped[str] = text_field("The object's key", hidden=True, index=True)
    method: Mapped[str] = field("How it was found", enumeration=LinkMethod)
    score: Mapped[float] = field("How sure it is, from 0 to 1", Double(), minimum=0, maximum=1)
    evidence: Mapped[Any] = field("What speaks for it: metres apart, words that matched", JSON())
    status: Mapped[str] = field("Whether queries walk it", enumeration=LinkStatus)
    decided_by: Mapped[str | None] = text_field("Who or what decided")
    decided_at: Mapped[dt.datetime | None] = field(
        "When a person decided; null where nobody did", DateTime(timezone=True)
    )
    reason: Mapped[str | None] = text_field("Why, in the words of the person who decided")
    recorded_at: Mapped[dt.datetime] = field("Since when the twin holds it so", DateTime(timezone=True))


class Succession(CityEntity):
    """That one record took the place of another: the old id answers with the new record. A merger has several
    old keys of one new, a split several new of one old; validFrom says since when."""

    __tablename__ = "succession"

    entity: Mapped[str] = text_field("The type of both, such as Building")
    old_key: Mapped[str] = text_field("Key of the record that is no more", index=True)
    new_key: Mapped[str] = text_field("Key of the record that took its place", index=True)
    reason: Mapped[str | None] = text_field("Why, as the source says it")


class CodeValue(Node):
    """A value of a code list, such as a building use, with its label."""

    __tablename__ = "code_value"

    scheme: Mapped[str] = text_field("The code list")
    code: Mapped[str] = text_field("The code as the register writes it")
    label_bg: Mapped[str | None] = text_field("What it means, in the city's language")
    label_en: Mapped[str | None] = text_field("What it means, in English")


class Record(Base):
    """What one source says of an entity that several sources describe; the entity is merged from these."""

    __tablename__ = "record"

    entity: Mapped[str] = mapped_column(KEY, primary_key=True)
    key: Mapped[str] = mapped_column(KEY, primary_key=True)
    source: Mapped[str] = mapped_column(KEY, primary_key=True, index=True)
    fields: Mapped[Any] = mapped_column(JSONB(), comment="The fields that this source fills")
    versions: Mapped[Any] = mapped_column(
        JSONB(), nullable=True,
        comment="Field -> version of the last word on it, of a source that publishes changes",
    )  # fmt: skip
