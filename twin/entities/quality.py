"""How good the data are, data set by data set: measurements in the terms of W3C's Data Quality Vocabulary."""

from __future__ import annotations

import enum

from sqlalchemy import Double
from sqlalchemy.orm import Mapped

from twin.entities.base import Node
from twin.fields import field, link, text_field


class QualityMetric(enum.Enum):
    """What is measured (dqv:Metric)."""

    RECORDS_READ = "RECORDS_READ"
    RECORDS_REFUSED = "RECORDS_REFUSED"
    COUNT = "COUNT"
    COMPLETENESS = "COMPLETENESS"
    SMALLEST = "SMALLEST"
    LARGEST = "LARGEST"
    LINKED = "LINKED"


class QualityOutcome(enum.Enum):
    """How a measurement stands to what the catalogue expects."""

    MET = "MET"
    BELOW = "BELOW"
    ABOVE = "ABOVE"


class QualityMeasurement(Node):
    """One measure of a data set as it was last loaded (dqv:QualityMeasurement): RECORDS_READ and
    RECORDS_REFUSED of the files; COUNT, the records kept; COMPLETENESS, the share of them in which a field is
    filled; SMALLEST and LARGEST of a field's values; LINKED, the share of the rows that are tied to another
    record."""

    __tablename__ = "quality_measurement"

    source: Mapped[str | None] = link("Source", "The data set that is measured", derived=False)
    entity: Mapped[str | None] = text_field("The entity that is measured; null: the data set as a whole")
    metric: Mapped[str] = field("What is measured", enumeration=QualityMetric)
    value: Mapped[float] = field("What was found: a number, or a share from 0 to 1", Double())
    least: Mapped[float | None] = field("The least that the catalogue expects", Double())
    most: Mapped[float | None] = field("The most that the catalogue expects", Double())
    outcome: Mapped[str | None] = field(
        "How it stands to that; null where nothing is expected", enumeration=QualityOutcome
    )
    # last: within the class, its name hides field()
    field: Mapped[str | None] = text_field(
        "The field that is measured, or for LINKED the one that leads to the other record"
    )
