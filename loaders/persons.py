"""What the twin once held of a business that is now a natural person's, and must hold no longer.

A sole trader's name is a person's and the seat may be a home. `businesses.py` keeps both from coming in; this
removes what came in while the business had another legal form: from the merge's records, from history, from
the link ledger. `run.py` calls `forget` in the transaction of a load, `merge.py` calls `strip_records`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import psycopg
from psycopg.sql import SQL, Composed, Identifier, Literal

from loaders.checks import MADE

#: what says who a person is or where a person lives; the district of a seat is coarse enough to stay
PERSONAL = {
    "Business": ("legal_name", "legal_name_latin", "legal_name_folded"),
    "Site": (
        "name", "name_latin", "name_folded", "operator", "address_text", "match_key", "osm_id", "position",
        "building", "address", "neighbourhood",
    ),
}  # fmt: skip


def strip_records(connection: psycopg.Connection[Any], affected: Identifier) -> None:
    """Take persons' names out of what any data set says of the affected businesses."""
    names = [name for each in PERSONAL["Business"] for name in (each, MADE + each)]
    connection.execute(
        SQL(
            "UPDATE record AS r SET fields = r.fields - %(names)s::text[] FROM {affected} AS a"
            " WHERE r.entity = 'Business' AND r.key = a.key AND r.fields ?| %(names)s::text[]"
            " AND EXISTS (SELECT FROM record AS p WHERE p.entity = r.entity AND p.key = r.key"
            "  AND p.fields ->> 'natural_person_like' = 'true')"
        ).format(affected=affected),
        {"names": names},
    )


def forget(connection: psycopg.Connection[Any], touched: Collection[str]) -> None:
    """Erase the earlier names, addresses and links of the persons among the rows that this transaction wrote.

    Called before linking, so that no link of a seat stays, and after it, which moves some to history.
    """
    if not set(PERSONAL) & set(touched):
        return
    connection.execute(
        SQL(
            "WITH person AS MATERIALIZED ("
            " SELECT b.key FROM business AS b WHERE b.natural_person_like AND (b.recorded_at = now()"
            "  OR EXISTS (SELECT FROM site AS s WHERE s.business = b.key AND s.recorded_at = now()))"
            "), seat AS MATERIALIZED ("
            " SELECT s.key FROM site AS s JOIN person AS p ON p.key = s.business WHERE s.kind = 'SEAT'"
            " UNION"
            " SELECT s.key FROM site_history AS s JOIN person AS p ON p.key = s.business"
            " WHERE s.kind = 'SEAT'"
            "), named AS ({business}), housed AS ({site}), unlinked AS ("
            " DELETE FROM link AS l USING seat AS s WHERE l.subject_type = 'Site' AND l.subject_key = s.key"
            "), unremembered AS ("
            " DELETE FROM link_history AS l USING seat AS s"
            " WHERE l.subject_type = 'Site' AND l.subject_key = s.key"
            ") SELECT"
        ).format(business=_emptied("Business", "person"), site=_emptied("Site", "seat"))
    )


def _emptied(entity: str, of: str) -> Composed:
    """A statement that empties the personal columns of all earlier versions."""
    names = PERSONAL[entity]
    return SQL("UPDATE {} AS h SET {} FROM {} AS p WHERE h.key = p.key AND num_nonnulls({}) > {}").format(
        Identifier(f"{entity.lower()}_history"),
        SQL(", ").join(SQL("{} = NULL").format(Identifier(name)) for name in names),
        Identifier(of),
        SQL(", ").join(Identifier("h", name) for name in names),
        Literal(0),
    )
