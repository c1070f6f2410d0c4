"""What the twin once held and must hold no longer: what a register erased, and what is a natural person's.

A register that erases a field wants it gone, not superseded: `purge` takes it out of history and of the link
ledger. A sole trader's name is a person's and the seat may be a home: `businesses.py` keeps both from coming
in, `forget` removes what came in while the number was taken for a company's, and `strip_records` what another
data set says; `erase_from_notices` removes what was quoted of either, `forget_matches` the links by a name
that is gone, off whose outlets it could be read. `merge.py` calls `purge` and `strip_records`, `run.py` the
others, all in a load's transaction.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import psycopg
from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from loaders.checks import MADE
from loaders.notices import Notices
from loaders.versions import ERASED, VERSIONS
from twin.entities import Entity, LinkMethod, LinkType

#: what says who a person is or where a person lives; the district of a seat is coarse enough to stay
PERSONAL = {
    "Business": ("legal_name", "legal_name_latin", "legal_name_folded"),
    "Site": (
        "name", "name_latin", "name_folded", "operator", "operator_folded", "address_text", "match_key",
        "osm_id", "position", "building", "address", "neighbourhood",
    ),
}  # fmt: skip
#: columns of a site that tell what another one told
_FOLLOWING = {
    "building": "address_text",
    "address": "address_text",
    "neighbourhood": "address_text",
    "district": "district_hint",
}


def purge(connection: psycopg.Connection[Any], entity: Entity, staged: Identifier) -> None:
    """Take what the staged records erase out of all earlier versions, and the links that followed from it."""
    history = Identifier(f"{entity.table.name}_history")
    told: dict[str, list[str]] = {}
    for column in entity.table.columns:
        known = entity.fields.get(column.key)
        if column.key != "key" and column.nullable and not column.computed and known:
            origins = (column.key, known.latin_of, known.folded_of, _FOLLOWING.get(column.key))
            told[column.key] = [name for name in origins if name]
    connection.execute(
        SQL(
            "WITH erased AS MATERIALIZED ("
            " SELECT s.key, array_agg(v.key) AS names"
            " FROM {staged} AS s CROSS JOIN jsonb_each_text(s.{versions}) AS v"
            " WHERE s.{versions}::text LIKE %(somewhere)s AND v.value LIKE %(at_the_end)s GROUP BY s.key"
            "), unlinked AS ("
            " DELETE FROM link AS l USING erased AS e"
            " WHERE l.subject_type = %(entity)s AND l.subject_key = e.key AND 'address_text' = ANY (e.names)"
            # a row that this load left alone has its address from a later word, and its links with it
            " AND NOT EXISTS (SELECT FROM site AS t WHERE t.key = l.subject_key"
            "  AND t.address_text IS NOT NULL AND t.recorded_at < now())"
            "), unremembered AS ("
            " DELETE FROM link_history AS l USING erased AS e"
            " WHERE l.subject_type = %(entity)s AND l.subject_key = e.key AND 'address_text' = ANY (e.names)"
            ") UPDATE {history} AS h SET {settings} FROM erased AS e WHERE h.key = e.key AND ({held})"
        ).format(
            staged=staged,
            versions=Identifier(VERSIONS),
            history=history,
            settings=SQL(", ").join(
                SQL("{name} = CASE WHEN e.names && {told} THEN NULL ELSE h.{name} END").format(
                    name=Identifier(name), told=Literal(origins)
                )
                for name, origins in told.items()
            ),
            held=SQL(" OR ").join(
                SQL("(h.{} IS NOT NULL AND e.names && {})").format(Identifier(name), Literal(origins))
                for name, origins in told.items()
            ),
        ),
        {"entity": entity.name, "somewhere": f'%{ERASED}"%', "at_the_end": f"%{ERASED}"},
    )


def erase_from_notices(connection: psycopg.Connection[Any], dataset: str, notices: Notices) -> None:
    """Take out of a data set's notices what they quote of records of which anything is erased."""
    spoken_of = {record for records in notices.records.values() for record in records}
    if not spoken_of:
        return
    entities, keys = zip(*spoken_of, strict=True)
    gone = connection.execute(
        "SELECT r.entity, r.key FROM record AS r JOIN unnest(%s::text[], %s::text[]) AS s(entity, key)"
        " ON r.entity = s.entity AND r.key = s.key WHERE r.source = %s AND r.versions::text LIKE %s",
        [list(entities), list(keys), dataset, f'%{ERASED}"%'],
    )
    notices.erase({(entity, key) for entity, key in gone})


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
    """Erase the names, addresses and links of the persons among the rows that this transaction wrote.

    Called before linking, so that no link of a seat stays and none is made.
    """
    if not set(PERSONAL) & set(touched):
        return
    names = [name for each in PERSONAL["Site"] for name in (each, MADE + each)]
    connection.execute(
        SQL(
            "WITH person AS MATERIALIZED ("
            " SELECT b.key FROM business AS b WHERE b.natural_person_like AND (b.recorded_at = now()"
            "  OR EXISTS (SELECT FROM site AS s WHERE s.business = b.key AND s.recorded_at = now()))"
            "), place AS MATERIALIZED ("
            " SELECT s.key FROM site AS s JOIN person AS p ON p.key = s.business"
            " WHERE s.kind IN ('SEAT', 'BRANCH')"
            " UNION"
            " SELECT s.key FROM site_history AS s JOIN person AS p ON p.key = s.business"
            " WHERE s.kind IN ('SEAT', 'BRANCH')"
            " UNION"  # a branch that was closed before it was heard of has no row
            " SELECT r.key FROM record AS r JOIN person AS p ON p.key = r.fields ->> 'business'"
            " WHERE r.entity = 'Site' AND r.fields ->> 'kind' IS NULL"
            "), named AS ({business}), housed AS ({site_history}), housing AS ({site}), said AS ("
            " UPDATE record AS r SET fields = r.fields - %(names)s::text[],"
            "  versions = r.versions || %(versions)s::jsonb"
            " FROM place AS p WHERE r.entity = 'Site' AND r.key = p.key AND r.fields ?| %(names)s::text[]"
            "), unlinked AS ("
            " DELETE FROM link AS l USING place AS s WHERE l.subject_type = 'Site' AND l.subject_key = s.key"
            "), unremembered AS ("
            " DELETE FROM link_history AS l USING place AS s"
            " WHERE l.subject_type = 'Site' AND l.subject_key = s.key"
            ") SELECT"
        ).format(
            business=_emptied("business_history", "Business", "person"),
            site_history=_emptied("site_history", "Site", "place"),
            site=_emptied("site", "Site", "place", SQL("recorded_at = now(), ")),
        ),
        {"names": names, "versions": _ERASED_OF_SITES},
    )


def forget_matches(connection: psycopg.Connection[Any], touched: Collection[str]) -> None:
    """Erase that outlets were tied by name to businesses whose name this transaction took away.

    Called after linking, which lets go of such links and keeps in history that they were.
    """
    if "Business" not in touched:
        return
    connection.execute(
        SQL(
            "WITH nameless AS MATERIALIZED ("
            " SELECT b.key FROM business AS b WHERE b.legal_name IS NULL AND b.recorded_at = now()"
            "), unremembered AS ("
            " DELETE FROM link_history AS l USING nameless AS n"
            " WHERE l.type = {type} AND l.object_key = n.key AND l.method = {name_match}"
            ") UPDATE site_history AS h SET business = NULL, business_linked = NULL FROM nameless AS n"
            " WHERE h.business = n.key AND h.business_linked AND NOT EXISTS ("
            # what a source or a curator tied together says nothing of names
            "  SELECT FROM (SELECT type, subject_key, object_key, method FROM link"
            "   UNION ALL SELECT type, subject_key, object_key, method FROM link_history) AS l"
            "  WHERE l.type = {type} AND l.subject_key = h.key AND l.object_key = h.business"
            "   AND l.method <> {name_match})"
        ).format(type=Literal(LinkType.SITE_OF.name), name_match=Literal(LinkMethod.NAME_MATCH.name))
    )


_ERASED_OF_SITES = json.dumps({made + name: ERASED for name in PERSONAL["Site"] for made in ("", MADE)})


def _emptied(table: str, entity: str, of: str, also: Composable | None = None) -> Composed:
    """A statement that empties the personal columns of a table's rows."""
    names = PERSONAL[entity]
    return SQL(
        "UPDATE {} AS h SET {also}{} FROM {} AS p WHERE h.key = p.key AND num_nonnulls({}) > 0"
    ).format(
        Identifier(table),
        SQL(", ").join(SQL("{} = NULL").format(Identifier(name)) for name in names),
        Identifier(of),
        SQL(", ").join(Identifier("h", name) for name in names),
        also=also or SQL(""),
    )
