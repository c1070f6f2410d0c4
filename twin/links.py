"""The link ledger: which record is tied to which, how and how surely; and the best link beside each record.

The loaders call `relink` after a merge, `twin link` calls `relink_all`, curation.py `relink_subject` after a
decision. Everything here is set-based SQL on one city's schema, which the caller's connection has as its
search_path.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.sql import SQL, Composable, Composed, Identifier, Literal
from sqlalchemy.orm import Mapped, mapped_column

from twin.areas import AREAS, WHEREABOUTS, refresh_area_parts, whereabouts
from twin.claims import DOORS, DOORS_OF_FEW, FAMILIES, HEIRS, SIMILAR_WORDS, WORDS, Family
from twin.entities import BY_NAME, ENTITIES, Base, Entity, LinkType
from twin.fields import KEY
from twin.gazetteer import follows, refresh_gazetteer
from twin.history import HISTORY

DECIDED_BY = "twin.links"

#: the links to areas of what takes them from its building or address where it has no position
_AREAS = ("district", "neighbourhood")
_CLAIMS = Identifier("staging_claim")
#: whose areas may also come from their building or address, and wait for that
_SETTLED = ("Site", "Permit")
#: says what took the place of a record about which somebody decided
_SUCCESSION = "Succession"
#: of a table's rows: when more were written, to make all links anew is faster than to find out whose
_FEW = 0.2


class LinkedFrom(Base):
    """What the links of an entity were last made from: how its rows, or another entity's, stood then."""

    __tablename__ = "linked_from"

    subject: Mapped[str] = mapped_column(KEY, primary_key=True)
    #: an entity, or CODE
    of: Mapped[str] = mapped_column(KEY, primary_key=True)
    state: Mapped[str] = mapped_column(KEY)


#: under this name is kept by which statements the links were made
CODE = "code"


@dataclass(frozen=True)
class Relinked:
    """How many rows a linking wrote: areas of rows, claims in the ledger, best links beside the entities."""

    areas: int = 0
    claims: int = 0
    rewritten: int = 0

    def __add__(self, other: Relinked) -> Relinked:
        return Relinked(
            self.areas + other.areas, self.claims + other.claims, self.rewritten + other.rewritten
        )


def relink(connection: psycopg.Connection[Any], changed: Collection[str]) -> Relinked:
    """Bring links up to date after a load changed rows of the named entities.

    Made anew are the links of the rows that the transaction wrote, which it knows by their time, of those
    whose links led to such rows, and of those that such rows may attract. All of an entity's links are, where
    many rows were written, or where other statements than today's made them.
    """
    if not changed:
        return Relinked()
    again = {subject for subject, kept in _kept(connection).items() if kept.get(CODE) != _code(subject)}
    # one row may then have been written twice, and what it was in between is in no history
    if _holds(connection, SQL("SELECT EXISTS (SELECT FROM link WHERE recorded_at = now())")):
        again |= set(_subjects())
    return _Relinking(connection, set(changed), again=again & depending_on(changed)).run()


def depending_on(changed: Collection[str]) -> set[str]:
    """The entities whose links may be others after the named ones changed, these among them."""
    found = set(changed)
    if found & set(AREAS):
        found |= {entity.name for entity in ENTITIES if entity.is_spatial} | set(_SETTLED)
    for family in FAMILIES:
        if found & {_SUCCESSION, *family.leads_through}:
            found.add(family.subject)
    return found


def relink_all(connection: psycopg.Connection[Any], *, again: bool = True) -> Relinked:
    """Make all links anew; without `again` only of entities of which the rows, or those of one that their
    links lead through, are not as they were then. Where nothing changed, nothing is written."""
    for name in AREAS:
        refresh_area_parts(connection, BY_NAME[name])
    if again:
        return _Relinking(connection, set(BY_NAME), again=set(_subjects())).run()
    kept, states = _kept(connection), _States(connection)
    stale = {
        subject
        for subject, through in _subjects().items()
        if kept[subject].get(CODE) != _code(subject)
        or any(kept[subject].get(name) != states[name] for name in through)
    }
    if not stale:
        return Relinked()
    changed = {
        name for subject in stale for name in _subjects()[subject] if kept[subject].get(name) != states[name]
    }
    return _Relinking(connection, stale | changed, again=stale, placed=stale).run()


def relink_subject(
    connection: psycopg.Connection[Any], entity: str, key: str, type_: str
) -> Mapping[str, Sequence[str]]:
    """Make the links of one record anew, and what follows from them, after somebody decided about one of that
    type; the keys of the rows that were written, by entity.

    Reads no table in full but that of the addresses, where none has the record's house, and those whose
    addresses have its number, where it is an address itself.
    """
    family = next(one for one in FAMILIES if (one.subject, one.type.name) == (entity, type_))
    relinking = _Relinking(connection, set(), decided=(family, key))
    relinking.run()
    return relinking.moved


# --- what links were made from ----------------------------------------------------------------------------
def _subjects() -> Mapping[str, set[str]]:
    """Every entity that has links or areas -> the entities on which these depend, itself among them."""
    found: dict[str, set[str]] = {}
    for entity in ENTITIES:
        families = [family for family in FAMILIES if family.subject == entity.name]
        if families or (entity.is_spatial and set(entity.links.values()) & set(AREAS)):
            found[entity.name] = {entity.name, *AREAS}.union(*(family.leads_through for family in families))
    return found


def _kept(connection: psycopg.Connection[Any]) -> dict[str, dict[str, str]]:
    kept: dict[str, dict[str, str]] = {subject: {} for subject in _subjects()}
    for subject, of, state in connection.execute("SELECT subject, of, state FROM linked_from"):
        kept.setdefault(subject, {})[of] = state
    return kept


def _code(subject: str) -> str:
    """A digest of the statements that make an entity's links."""
    said = [
        f"{family.claims} {sorted(family.leads_through)} {family.attribute}"
        for family in FAMILIES
        if family.subject == subject
    ]
    words = [f"{name}={word.as_string()}" for name, word in sorted(WORDS.items())]
    return hashlib.blake2b(
        "\n".join([*said, *words, DOORS, HEIRS, _PARTS, _BEST, _PLACES]).encode(), digest_size=8
    ).hexdigest()


class _States(dict[str, str]):
    """How the rows of entities stand, each looked at once: how many there are and when the last was written.

    An area counts by the pieces of its boundary, which are numbered anew when one changes.
    """

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        super().__init__()
        self.connection = connection

    def __missing__(self, name: str) -> str:
        if name in AREAS:
            question = SQL(
                "SELECT concat_ws(' ', count(*), max(number)) FROM area_part WHERE area_type = {}"
            ).format(Literal(name))
        else:
            question = SQL(
                "SELECT concat_ws(' ', count(*), extract(epoch FROM max(recorded_at))) FROM {}"
            ).format(Identifier(BY_NAME[name].table.name))
        row = self.connection.execute(question).fetchone()
        self[name] = row[0] if row else ""
        return self[name]


# --- one linking --------------------------------------------------------------------------------------------
class _Relinking:
    """One linking of a city, in the transaction of who called for it.

    It follows the families in their order: whose links change is a changed row to those that build on it.
    """

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        changed: set[str],
        *,
        again: Collection[str] = (),
        placed: Collection[str] = (),
        decided: tuple[Family, str] | None = None,
    ) -> None:
        """`again`: the entities of which all links are made anew; `placed`: of which the areas are looked up,
        if not those of all; `decided`: the key of a record whose links of a family, and those that build on
        them, are made anew though it stays."""
        self.connection = connection
        self.changed = changed
        self.whole = set(again)
        self.placed = {entity.name for entity in ENTITIES} if changed & set(AREAS) else set(placed)
        self.decided = decided
        self.done = Relinked()
        self.scopes: set[str] = set()
        #: after a decision, the keys of the rows that were written since; no index knows them by their time
        self.moved: dict[str, list[str]] = defaultdict(list)
        self.written: dict[str, Identifier | None] = {}

    def run(self) -> Relinked:
        """Bring areas, claims and best links up to date, and keep from what that was made."""
        self._relink_areas()
        if follows(self.connection, self.changed):
            refresh_gazetteer(self.connection)
        # what the operator %> asks of a name
        self.connection.execute(
            "SELECT set_config('pg_trgm.word_similarity_threshold', %s, true)", [str(SIMILAR_WORDS)]
        )
        first, about = (
            (FAMILIES.index(self.decided[0]), self.decided[0].subject) if self.decided else (0, None)
        )
        for family in FAMILIES[first:]:
            if family.subject in {about, *self.whole, *self.changed} or self.changed & set(
                family.leads_through
            ):
                self._link(family)
            elif family.attribute == "building" and self._areas_moved(family.subject):
                self._keep(_settle(self.connection, BY_NAME[family.subject], _EVERYTHING), family.subject)
        for table in (
            *(_scope_of(name) for name in self.scopes),
            *(table for table in self.written.values() if table is not None),
        ):
            self.connection.execute(SQL("DROP TABLE {}").format(table))
        self._keep_states()
        return self.done

    def _areas_moved(self, subject: str) -> bool:
        return subject in _SETTLED and bool(self.changed & set(AREAS))

    def _relink_areas(self) -> None:
        for entity in ENTITIES:
            if entity.name in self.placed and entity.is_spatial and entity.name not in _SETTLED:
                moved = _relink_areas(self.connection, entity)
                self.done += Relinked(areas=moved)
                self.changed |= {entity.name} if moved else set()

    def _link(self, family: Family) -> None:
        """Make a family's claims about whom that concerns, and keep the best of them beside each."""
        scope = self._scope(family)
        self.done += Relinked(claims=_claim(self.connection, family, scope))
        if family.subject in _SETTLED and family.attribute == "address":
            return  # kept together with the building, for the areas follow from both
        moved = self.moved[family.subject] if self.decided else None
        if family.subject in _SETTLED and family.attribute == "building":
            whose = _EVERYTHING if self._areas_moved(family.subject) else scope
            kept = _settle(self.connection, BY_NAME[family.subject], whose, moved)
        else:
            kept = _copy_best(self.connection, family, scope, moved)
        self._keep(kept, family.subject)

    def _keep(self, rewritten: int, subject: str) -> None:
        self.done += Relinked(rewritten=rewritten)
        self.changed |= {subject} if rewritten else set()

    def _scope(self, family: Family) -> _Scope:
        """Whose claims may be others now; those of the same subject's earlier families are among them."""
        subject, table = family.subject, _scope_of(family.subject)
        through = [name for name in family.leads_through if name in self.changed]
        if (
            subject in self.whole
            or any(family.leads_through[name] is None for name in through)
            or any(self._too_many(name) for name in (subject, *through))
        ):
            self.whole.add(subject)
            return _EVERYTHING
        words = {"scope": table, "subject_type": Literal(subject), "subjects": _table(subject)}
        if subject not in self.scopes:
            self.scopes.add(subject)
            self.connection.execute(SQL("DROP TABLE IF EXISTS {scope}").format(**words))
            self.connection.execute(
                SQL('CREATE UNLOGGED TABLE {scope} (key text COLLATE "C" PRIMARY KEY)').format(**words)
            )
        found = SQL(" UNION ").join(
            [
                SQL("SELECT key FROM {subjects} WHERE {now}").format(
                    now=self._now("recorded_at", subject), **words
                ),
                SQL("SELECT key FROM {history} WHERE {now}").format(
                    history=_history(subject), now=self._now("recorded_to", subject)
                ),
                *self._decided_of(subject),
                *(self._led_by(family, name) for name in through),
                *self._bereft(family),
            ]
        )
        self.connection.execute(
            SQL("INSERT INTO {scope} SELECT key FROM ({found}) AS f ON CONFLICT DO NOTHING").format(
                found=found, **words
            )
        )
        self.connection.execute(SQL("ANALYZE {scope}").format(**words))
        return _Scope(
            SQL("s.key IN (SELECT key FROM {scope})").format(**words),
            SQL("l.subject_key IN (SELECT key FROM {scope})").format(**words),
            few=self.decided is not None,
        )

    def _led_by(self, family: Family, name: str) -> Composable:
        """The subjects that have a link to a written row of `name`, or that such a row may attract."""
        attracts = family.leads_through[name]
        assert attracts is not None
        written = self._written(name)
        return SQL(
            "SELECT l.subject_key AS key FROM {written} AS o JOIN link AS l ON l.object_key = o.key"
            " WHERE l.object_type = {object_type} AND l.subject_type = {subject_type} UNION ({attracted})"
        ).format(
            written=written,
            object_type=Literal(name),
            subject_type=Literal(family.subject),
            attracted=SQL(attracts).format(written=written, **WORDS),
        )

    def _bereft(self, family: Family) -> list[Composable]:
        """The subjects of decisions about a record that is gone, as another may have taken its place."""
        if self.decided or not self.changed & {_SUCCESSION, family.object}:
            return []
        return [
            SQL(
                "SELECT l.subject_key FROM link AS l WHERE l.method = {curated} AND l.type = {type}"
                " AND l.subject_type = {subject_type}"
                " AND NOT EXISTS (SELECT FROM {objects} AS o WHERE o.key = l.object_key)"
            ).format(
                **WORDS,
                type=Literal(family.type.name),
                subject_type=Literal(family.subject),
                objects=_table(family.object),
            )
        ]

    def _written(self, name: str) -> Identifier:
        """The rows of an entity that this transaction wrote or removed, as they were and as they are."""
        table = self.written.get(name)
        if table is None:
            self.written[name] = table = Identifier(f"staging_written_{BY_NAME[name].table.name}")
            columns = SQL(", ").join(
                Identifier(column.key)
                for column in HISTORY[name].columns
                if column.key not in ("version", "recorded_to")
            )
            words = {"written": table, "table": _table(name), "history": _history(name), "columns": columns}
            self.connection.execute(SQL("DROP TABLE IF EXISTS {written}").format(**words))
            self.connection.execute(
                SQL(
                    "CREATE UNLOGGED TABLE {written} AS"
                    " SELECT {columns} FROM {table} WHERE {at}"
                    " UNION ALL SELECT {columns} FROM {history} WHERE {to}"
                ).format(at=self._now("recorded_at", name), to=self._now("recorded_to", name), **words)
            )
            self.connection.execute(SQL("ANALYZE {written}").format(**words))
        return table

    def _now(self, column: str, name: str) -> Composable:
        """Which rows of an entity or its history this transaction wrote, as a condition."""
        at = SQL("{} = now()").format(Identifier(column))
        if self.decided is None:
            return at
        return SQL("{} AND key = ANY({}::text[])").format(at, Literal(self.moved[name]))

    def _decided_of(self, subject: str) -> list[Composable]:
        if self.decided is None or self.decided[0].subject != subject:
            return []
        return [SQL("SELECT {}::text").format(Literal(self.decided[1]))]

    def _too_many(self, name: str) -> bool:
        return self.decided is None and _holds(
            self.connection,
            SQL("SELECT count(*) FILTER (WHERE recorded_at = now()) > {few} * count(*) FROM {table}").format(
                few=Literal(_FEW), table=_table(name)
            ),
        )

    def _keep_states(self) -> None:
        """Remember from what the links were made that this linking went over."""
        if self.decided:
            # what a decision writes changes no number of rows, and was all followed
            self.connection.execute(
                "UPDATE linked_from SET state = split_part(state, ' ', 1) || ' ' || extract(epoch FROM now())"
                " WHERE of = ANY(%s)",
                [sorted(self.changed)],
            )
            return
        states = _States(self.connection)
        rows = []
        for subject, through in _subjects().items():
            if subject in self.whole:
                rows += [
                    (subject, CODE, _code(subject)),
                    *((subject, name, states[name]) for name in through),
                ]
            else:
                rows += [(subject, name, states[name]) for name in sorted(through & self.changed)]
        self.connection.execute(
            "INSERT INTO linked_from AS k (subject, of, state)"
            " SELECT * FROM unnest(%s::text[], %s::text[], %s::text[])"
            " ON CONFLICT (subject, of) DO UPDATE SET state = excluded.state"
            " WHERE k.state <> excluded.state",
            [list(column) for column in zip(*rows, strict=True)] or [[], [], []],
        )


@dataclass(frozen=True)
class _Scope:
    """Whose links are made anew: as a condition on the subject `s`, and on a link `l`."""

    condition: Composable
    links: Composable
    few: bool = False


_EVERYTHING = _Scope(SQL("true"), SQL("true"))


def _table(name: str) -> Identifier:
    return Identifier(BY_NAME[name].table.name)


def _history(name: str) -> Identifier:
    return Identifier(HISTORY[name].name)


def _scope_of(name: str) -> Identifier:
    return Identifier(f"staging_scope_{BY_NAME[name].table.name}")


def _holds(connection: psycopg.Connection[Any], question: SQL | Composed) -> bool:
    row = connection.execute(question).fetchone()
    return bool(row and row[0])


def _words(family: Family, scope: _Scope) -> dict[str, Composable]:
    heirs = _heirs(family.type, family.subject, family.object, scope)
    return {
        **WORDS,
        "claims": _CLAIMS,
        "scope": scope.condition,
        "held": scope.links,
        "type": Literal(family.type.name),
        "subject_type": Literal(family.subject),
        "object_type": Literal(family.object),
        "subjects": _table(family.subject),
        "attribute": Identifier(family.attribute),
        "decided_by": Literal(DECIDED_BY),
        "heirs": heirs,
        "statement": SQL(family.claims).format(
            **WORDS,
            scope=scope.condition,
            held=scope.links,
            address_heirs=_heirs(LinkType.AT_ADDRESS, family.subject, "Address", scope),
            doors=SQL(DOORS_OF_FEW if scope.few else DOORS).format(**WORDS),
        ),
        "best": SQL(_BEST).format(
            **WORDS,
            type=Literal(family.type.name),
            subject_type=Literal(family.subject),
            objects=_table(family.object),
            held=scope.links,
            heirs=heirs,
        ),
    }


def _heirs(type_: LinkType, subject: str, object_: str, scope: _Scope) -> Composed:
    return SQL(HEIRS).format(
        **WORDS,
        type=Literal(type_.name),
        subject_type=Literal(subject),
        object_type=Literal(object_),
        objects=_table(object_),
        held=scope.links,
    )


def _claim(connection: psycopg.Connection[Any], family: Family, scope: _Scope) -> int:
    """Make a family's claims anew and write to the ledger what differs; how many did."""
    words = _words(family, scope)
    connection.execute(SQL("DROP TABLE IF EXISTS {claims}").format(**words))
    connection.execute(SQL(_STAGE_CLAIMS).format(**words))
    connection.execute(SQL("ANALYZE {claims}").format(**words))
    connection.execute(SQL(_PARTS).format(**words))
    row = connection.execute(SQL(_MERGE_CLAIMS).format(**words)).fetchone()
    connection.execute(SQL("DROP TABLE {claims}").format(**words))
    written: int = row[0] if row else 0
    if written and not scope.few:
        # the joins that follow meet what was just written
        connection.execute("ANALYZE link")
    return written


def _copy_best(
    connection: psycopg.Connection[Any], family: Family, scope: _Scope, moved: list[str] | None = None
) -> int:
    """Keep the best accepted link beside each subject, unless its source says what it is tied to; how many
    changed."""
    attributes = [family.attribute]
    value: Composable = SQL("best.object_key AS {}").format(Identifier(family.attribute))
    flag = BY_NAME[family.subject].fields[family.attribute].linked
    if flag:
        attributes.append(flag)
        value = SQL(
            "CASE WHEN s.{attribute} IS NULL OR s.{flag} THEN best.object_key ELSE s.{attribute} END"
            " AS {attribute},"
            " CASE WHEN (s.{attribute} IS NULL OR s.{flag}) AND best.object_key IS NOT NULL THEN true END"
            " AS {flag}"
        ).format(flag=Identifier(flag), attribute=Identifier(family.attribute))
    found = SQL(
        "SELECT s.key, {value} FROM {subjects} AS s"
        " LEFT JOIN ({best}) AS best ON best.subject_key = s.key WHERE {scope}"
    ).format(value=value, **_words(family, scope))
    return _rewrite(connection, BY_NAME[family.subject], found, attributes, moved)


def _settle(
    connection: psycopg.Connection[Any], entity: Entity, scope: _Scope, moved: list[str] | None = None
) -> int:
    """Keep beside each site or permit its best address and building, and the areas that follow; how many
    changed.

    The areas are those of its position, else of its building or address, else what its source names.
    """
    table = Identifier(entity.table.name)
    best = {
        family.attribute: _words(family, scope)["best"]
        for family in FAMILIES
        if family.subject == entity.name
    }
    placed = SQL("SELECT s.key, s.{} AS shape FROM {} AS s WHERE {}").format(
        Identifier(entity.geometry or "key"), table, scope.condition
    )
    with whereabouts(connection, entity, placed) as areas:
        lies = {
            name: SQL("w.{}").format(Identifier(name)) if name in areas else SQL("NULL") for name in _AREAS
        }
        found = SQL(_PLACES).format(
            table=table,
            lying=SQL("LEFT JOIN {} AS w ON w.key = s.key").format(WHEREABOUTS) if areas else SQL(""),
            best_address=best["address"],
            best_building=best["building"],
            **lies,
            scope=scope.condition,
        )
        return _rewrite(connection, entity, found, ["address", "building", *_AREAS], moved)


_STAGE_CLAIMS = """
CREATE UNLOGGED TABLE {claims} AS
SELECT concat_ws('/', {type}::text, {subject_type}::text, c.key, c.object) COLLATE "C" AS key,
    c.key AS subject_key, c.object AS object_key, c.method, c.score::float8 AS score, c.evidence, c.status
FROM ({statement}) AS c
"""

_MERGE_CLAIMS = """
WITH held AS MATERIALIZED (
    SELECT l.key, l.method, l.score, l.evidence, l.status FROM link AS l
    WHERE l.type = {type} AND l.subject_type = {subject_type} AND l.method <> {curated} AND {held}
), gone AS (
    SELECT h.key FROM held AS h WHERE NOT EXISTS (SELECT FROM {claims} AS c WHERE c.key = h.key)
), changed AS (
    SELECT c.* FROM {claims} AS c JOIN held AS h USING (key)
    WHERE (c.method, c.score, c.evidence::text, c.status)
        IS DISTINCT FROM (h.method, h.score, h.evidence::text, h.status)
), remembered AS (
    INSERT INTO link_history (key, type, subject_type, subject_key, object_type, object_key, method, score,
        evidence, status, decided_by, decided_at, reason, recorded_at, recorded_to)
    SELECT l.key, l.type, l.subject_type, l.subject_key, l.object_type, l.object_key, l.method, l.score,
        l.evidence, l.status, l.decided_by, l.decided_at, l.reason, l.recorded_at, now()
    FROM link AS l
    WHERE l.key IN (SELECT key FROM gone UNION ALL SELECT key FROM changed) AND l.recorded_at < now()
), deleted AS (
    DELETE FROM link AS l USING gone AS g WHERE l.key = g.key RETURNING l.key
), updated AS (
    UPDATE link AS l SET method = c.method, score = c.score, evidence = c.evidence, status = c.status,
        decided_by = {decided_by}, recorded_at = now()
    FROM changed AS c WHERE l.key = c.key RETURNING l.key
), added AS (
    INSERT INTO link (key, type, subject_type, subject_key, object_type, object_key, method, score,
        evidence, status, decided_by, recorded_at)
    SELECT c.key, {type}, {subject_type}, c.subject_key, {object_type}, c.object_key, c.method, c.score,
        c.evidence, c.status, {decided_by}, now()
    FROM {claims} AS c
    -- what was curated about the same pair stands
    WHERE NOT EXISTS (SELECT FROM link AS l WHERE l.key = c.key) RETURNING key
)
SELECT (SELECT count(*) FROM deleted) + (SELECT count(*) FROM updated) + (SELECT count(*) FROM added)
"""

# A decision about a record that is gone, without an heir, stands and counts again should it come back.
_BEST = """
SELECT DISTINCT ON (l.subject_key) l.subject_key, COALESCE(h.heir, l.object_key) AS object_key
FROM link AS l LEFT JOIN ({heirs}) AS h ON h.key = l.key AND h.heirs = 1
WHERE l.type = {type} AND l.subject_type = {subject_type} AND l.status = {accepted} AND {held}
    AND (l.method <> {curated} OR h.heir IS NOT NULL
        OR EXISTS (SELECT FROM {objects} AS o WHERE o.key = l.object_key))
ORDER BY l.subject_key, l.method = {curated} DESC, l.decided_at DESC NULLS LAST, l.score DESC, l.object_key
"""

# Of several that took its place nobody has decided which is meant: each is a candidate.
_PARTS = """
INSERT INTO {claims} (key, subject_key, object_key, method, score, evidence, status)
SELECT DISTINCT ON (p.key) p.* FROM (
    SELECT concat_ws('/', {type}::text, {subject_type}::text, subject_key, heir) COLLATE "C" AS key,
        subject_key, heir, {same_key}, round(1.0 / heirs, 3)::float8,
        json_build_object('part_of', object_key), {candidate}
    FROM ({heirs}) AS h WHERE heirs > 1
) AS p WHERE NOT EXISTS (SELECT FROM {claims} AS c WHERE c.key = p.key)
ORDER BY p.key
"""

_PLACES = """
SELECT s.key, at.object_key AS address, within.object_key AS building,
    COALESCE({district}, b.district, a.district, h.key) AS district,
    COALESCE({neighbourhood}, b.neighbourhood, a.neighbourhood) AS neighbourhood
FROM {table} AS s {lying}
LEFT JOIN ({best_address}) AS at ON at.subject_key = s.key
LEFT JOIN ({best_building}) AS within ON within.subject_key = s.key
LEFT JOIN building AS b ON b.key = within.object_key
LEFT JOIN address AS a ON a.key = at.object_key
LEFT JOIN district AS h ON h.key = s.district_hint
WHERE {scope}
"""


def _relink_areas(connection: psycopg.Connection[Any], entity: Entity) -> int:
    """Give every row of an entity the areas in which it lies; how many were in others before."""
    shape, table = Identifier(entity.geometry or ""), Identifier(entity.table.name)
    placed = SQL("SELECT key, {} AS shape FROM {}").format(shape, table)
    with whereabouts(connection, entity, placed) as areas:
        found = SQL("SELECT * FROM {}").format(WHEREABOUTS)
        return _rewrite(connection, entity, found, list(areas)) if areas else 0


def _rewrite(
    connection: psycopg.Connection[Any],
    entity: Entity,
    found: Composable,
    attributes: list[str],
    moved: list[str] | None = None,
) -> int:
    """Set attributes to what `found` (key and attributes) says, only where they differ; how many did, whose
    keys are added to `moved`.

    A version that an earlier transaction wrote goes to history first.
    """
    history = HISTORY[entity.name]
    kept = [column.key for column in history.columns if column.key not in ("version", "recorded_to")]
    rewritten = connection.execute(
        SQL(
            "WITH found AS ({found}), differing AS MATERIALIZED ("
            " SELECT f.* FROM found AS f JOIN {table} AS t USING (key)"
            " WHERE ROW({t}) IS DISTINCT FROM ROW({f})"
            "), remembered AS ("
            " INSERT INTO {history} ({kept}, recorded_to) SELECT {t_kept}, now() FROM {table} AS t"
            " JOIN differing AS d USING (key) WHERE t.recorded_at < now()"
            ") UPDATE {table} AS t SET {settings}, recorded_at = now()"
            " FROM differing AS d WHERE t.key = d.key{returning}"
        ).format(
            returning=SQL("" if moved is None else " RETURNING t.key"),
            found=found,
            table=Identifier(entity.table.name),
            history=Identifier(history.name),
            t=SQL(", ").join(Identifier("t", name) for name in attributes),
            f=SQL(", ").join(Identifier("f", name) for name in attributes),
            kept=SQL(", ").join(Identifier(name) for name in kept),
            t_kept=SQL(", ").join(Identifier("t", name) for name in kept),
            settings=SQL(", ").join(
                SQL("{} = d.{}").format(Identifier(name), Identifier(name)) for name in attributes
            ),
        )
    )
    if moved is not None:
        moved += [key for (key,) in rewritten]
    return rewritten.rowcount
