"""What `orderBy` accepts: fields, those of what is linked, and distance where an entity has a place."""

from __future__ import annotations

from schema.declare import InputMember, camel, enum_type, input_type
from schema.filters import JSON_OP, TEXT_LIST_OP, GeometryInput, sql_operators
from twin.entities import ENTITIES, Entity
from twin.fields import Choice


class Direction(Choice):
    """Which way to sort. Nulls come last either way, unless they are to come first."""

    ASC = "ASC", "The smallest or earliest first"
    DESC = "DESC", "The largest or latest first"
    ASC_NULLS_FIRST = "ASC_NULLS_FIRST", "Nulls, then the smallest or earliest"
    DESC_NULLS_FIRST = "DESC_NULLS_FIRST", "Nulls, then the largest or latest"

    @property
    def descending(self) -> bool:
        return self in (Direction.DESC, Direction.DESC_NULLS_FIRST)

    @property
    def nulls_first(self) -> bool:
        return self in (Direction.ASC_NULLS_FIRST, Direction.DESC_NULLS_FIRST)


enum_type(Direction)


def sortable(entity: Entity) -> dict[str, str]:
    """Attribute name -> doc of what an entity can be ordered by."""
    fields = {
        name: known.doc
        for name, known in entity.fields.items()
        if not (known.hidden or known.personal or known.link or known.geometry)
        and sql_operators(entity.table.c[name].type) not in (None, TEXT_LIST_OP, JSON_OP)
    }
    return fields | {name: computed.doc for name, computed in entity.computed.items()}


def declare_orders() -> None:
    """Declare `<Entity>Order` for every entity."""
    for entity in ENTITIES:
        members = [InputMember("id", Direction, "By public id")]
        members += [
            InputMember(camel(name), Direction, f"By this: {doc}") for name, doc in sortable(entity).items()
        ]
        members += [
            InputMember(camel(name), f"{known.link}Order", f"By what is said of this: {known.doc}")
            for name, known in entity.fields.items()
            if known.link and not (known.hidden or known.personal)
        ]
        if entity.geometry:
            members.append(
                InputMember(
                    "distance",
                    GeometryInput,
                    "Nearest to this place first; the edge says how far (distanceM)",
                )
            )
        input_type(
            f"{entity.name}Order",
            f"What to order {entity.name} by; the first that differs decides",
            members,
            one_of=True,
        )
