"""How good the data are, data set by data set: measurements in the terms of W3C's Data Quality Vocabulary."""

from __future__ import annotations

from sqlalchemy import Double
from sqlalchemy.orm import Mapped

from twin.entities.base import Node
from twin.fields import Choice, field, link, text_field
from twin.terms import DQV


class QualityMetric(Choice):
    """What is measured (dqv:Metric)."""

    RECORDS_READ = "RECORDS_READ", "Records that the files have"
    RECORDS_REFUSED = "RECORDS_REFUSED", "Records that became notices only"
    COUNT = "COUNT", "Records that the twin keeps"
    COMPLETENESS = "COMPLETENESS", "Share of the records in which a field is filled"
    SMALLEST = "SMALLEST", "Smallest of a field's values"
    LARGEST = "LARGEST", "Largest of a field's values"
    LINKED = "LINKED", "Share of the rows that are tied to another record"


class QualityOutcome(Choice):
    """How a measurement stands to what the catalogue expects."""

    MET = "MET", "As expected"
    BELOW = "BELOW", "Less than the least expected"
    ABOVE = "ABOVE", "More than the most expected"


class QualityMeasurement(Node):
    """One measure of a data set as it was last loaded (dqv:QualityMeasurement): RECORDS_READ and
    RECORDS_REFUSED of the files; COUNT, the records kept; COMPLETENESS, the share of them in which a field is
    filled; SMALLEST and LARGEST of a field's values; LINKED, the share of the rows that are tied to another
    record."""

    __tablename__ = "quality_measurement"
    __term__ = DQV + "QualityMeasurement"

    source: Mapped[str | None] = link(
        "Source", "The data set that is measured", derived=False, term=DQV + "computedOn"
    )
    entity: Mapped[str | None] = text_field("The entity that is measured; null: the data set as a whole")
    metric: Mapped[str] = field("What is measured", enumeration=QualityMetric, term=DQV + "isMeasurementOf")
    value: Mapped[float] = field(
        "What was found: a number, or a share from 0 to 1", Double(), term=DQV + "value"
    )
    least: Mapped[float | None] = field("The least that the catalogue expects", Double())
    most: Mapped[float | None] = field("The most that the catalogue expects", Double())
    outcome: Mapped[str | None] = field(
        "How it stands to that; null where nothing is expected", enumeration=QualityOutcome
    )
    # last: within the class, its name hides field()
    field: Mapped[str | None] = text_field(
        "The field that is measured, or for LINKED the one that leads to the other record"
    )
