"""@term: which published term a type or field stands for, and which unit its numbers have."""

from __future__ import annotations

import strawberry
from strawberry.schema_directive import Location

from twin.terms import UNITS


@strawberry.schema_directive(
    locations=[Location.OBJECT, Location.INTERFACE, Location.FIELD_DEFINITION],
    name="term",
    description="The term of a published vocabulary that this stands for, and the unit of its numbers (QUDT)",
)
class TermDirective:
    """A term's URI, a unit's URI, or both."""

    uri: str | None = strawberry.directive_field(name="uri", default=strawberry.UNSET)
    unit: str | None = strawberry.directive_field(name="unit", default=strawberry.UNSET)


def term(uri: str | None, unit: str | None = None) -> list[object]:
    """The directive, where there is anything to say; `unit` is a UCUM symbol."""
    if uri is None and unit is None:
        return []
    return [TermDirective(uri=uri or strawberry.UNSET, unit=UNITS[unit] if unit else strawberry.UNSET)]
