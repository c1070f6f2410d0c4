"""Search: what a person types -> records by their names, addresses and identifiers, the best first.

Every city keeps one table of what its records are called, `search_entry`, and one of the words in that,
`search_word`. Loaders call `refresh` after a merge, `twin link` calls `rebuild`; `question` reads what was
typed, and FOUND is the query that schema/lookups.py answers it with.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from geoalchemy2 import Geometry
from psycopg.sql import SQL, Composable, Identifier, Literal
from sqlalchemy import Index, Integer
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from twin.entities import BY_NAME, ENTITIES, Base, Entity
from twin.errors import BadRequest
from twin.fields import KEY, Choice
from twin.schemes import SCHEMES
from twin.text import fold

LONGEST_TEXT = 200
#: characters kept of a folded name and of all its texts each: what is typed is no longer than a name when it
#: is folded, щ to sht; and neither an index nor a tsvector takes words of any length
_LONGEST_NAME, _LONGEST_KEPT = 3 * LONGEST_TEXT, 2_000
MOST_WORDS = 10


class SearchEntry(Base):
    """What one record is called: folded, so that Cyrillic and Latin spellings are one."""

    __tablename__ = "search_entry"

    entity: Mapped[str] = mapped_column(KEY, primary_key=True)
    key: Mapped[str] = mapped_column(KEY, primary_key=True)
    #: the label without the word for its kind: 'shipka' of ул. Шипка
    name: Mapped[str] = mapped_column(KEY)
    #: the folded texts of SEARCHED in their order, each after a bar and the last before one
    names: Mapped[str] = mapped_column(KEY)
    #: the words of all that, numbers also joined to what they number (bl12), and the entity's name
    words: Mapped[Any] = mapped_column(TSVECTOR)
    position: Mapped[Any] = mapped_column(Geometry("POINT", srid=0, spatial_index=True), nullable=True)

    __table_args__ = (
        Index("search_entry_name_idx", "entity", "name", "key"),
        Index("search_entry_words_idx", "words", postgresql_using="gin"),
    )


class SearchWord(Base):
    """A word that names have, and in how many entries: what a typed word can mean."""

    __tablename__ = "search_word"

    word: Mapped[str] = mapped_column(KEY, primary_key=True)
    entries: Mapped[int] = mapped_column(Integer)

    __table_args__ = (
        Index(
            "search_word_word_trgm",
            "word",
            postgresql_using="gin",
            postgresql_ops={"word": "gin_trgm_ops"},
        ),
    )


@dataclass(frozen=True)
class Searched:
    """By which texts an entity is found, and how much more people mean it than others (0 to 1)."""

    fields: tuple[str, ...]
    weight: float


#: entity -> how it is searched. Buildings are found by name and identifier, and where they are by the
#: addresses that lead to them: to fold the cadastre's own address of each would double a load of buildings.
SEARCHED: Mapping[str, Searched] = {
    "District": Searched(("name_bg", "name_latin"), 1.0),
    "Neighbourhood": Searched(("name", "name_latin"), 0.95),
    "NamedPlace": Searched(("name", "name_latin"), 0.8),
    "PlanningUnit": Searched(("name", "name_latin"), 0.4),
    "StreetSegment": Searched(("name", "name_latin"), 0.9),
    "Address": Searched(("text",), 0.6),
    "Building": Searched(("name", "name_latin"), 0.7),
    "Facility": Searched(("name", "name_latin", "operator", "address_text"), 0.8),
    "ParkingZone": Searched(("number",), 0.2),
    "AirQualityStation": Searched(("name",), 0.6),
    "TransitStop": Searched(("name", "name_latin"), 0.8),
    "TransitRoute": Searched(("short_name", "long_name", "long_name_latin"), 0.7),
    "Business": Searched(("legal_name", "legal_name_latin"), 0.5),
    "Site": Searched(("name", "name_latin", "operator", "address_text"), 0.5),
    "Permit": Searched(("number", "locality", "address_text"), 0.1),
}
#: what is published in pieces of one name is found once in each district, by the first of its pieces
PIECES = frozenset(("StreetSegment",))
#: entity -> the columns of the identifiers that registers give it, which are found as they are written; what
#: OpenStreetMap and Wikidata call it is asked for with byIdentifier
IDENTIFIED: Mapping[str, tuple[str, ...]] = {
    entity.name: columns
    for entity in ENTITIES
    if entity.is_city_entity
    and (
        columns := tuple(
            name
            for name, known in entity.fields.items()
            if known.identifier and not SCHEMES[known.identifier].uri
        )
    )
}
#: what can be searched for, in the order of the entities
TYPES: tuple[str, ...] = tuple(e.name for e in ENTITIES if e.name in SEARCHED or e.name in IDENTIFIED)

# --------------------------------------------------------------------------------------
# Words

# Folded words for kinds of places. People leave them out and mix them up: they never decide whether a record
# is found, and a label is ordered and compared without the one that it begins with.
_KINDS = (
    "ul", "ulitsa", "bul", "bulevard", "blvd", "pl", "ploshtad", "zh k", "zhk", "kv", "kvartal", "gr", "grad",
    "s", "selo", "v z", "vz", "m", "mestnost", "r n", "rayon", "pr z", "prom zona",
)  # fmt: skip
_KIND = re.compile(rf"^(?:(?:{'|'.join(sorted(_KINDS, key=len, reverse=True))}) )+(?=\S)")
_KIND_SQL = f"^(?:(?:{'|'.join(_KINDS)}) )+(?=.)"
_KIND_WORDS = frozenset(word for kind in _KINDS for word in kind.split())
#: a block's number is a word with its marker, as 'bl' and '12' alone are in half of all addresses
_BLOCK = re.compile(r"\b(bl|blok) (?=[0-9])")
_BLOCK_SQL = "\\m(?:bl|blok) (?=[0-9])"
#: shorter words have too many neighbours to guess which was meant
_SHORTEST_CORRECTED = 4
#: what shorter beginnings of words match is found by names that begin so
SHORTEST_PREFIX = 3
#: the words that are counted, and that others are corrected by: no numbers, no single letters
COUNTED_WORD = "^[a-z]{2,}$"
#: what is shorter is an identifier only where it is the whole one
_SHORTEST_IDENTIFIER = 5
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


class MatchKind(Choice):
    """How a record answers a search, the best first: a name or identifier is what was typed, begins with it,
    has all its words, or has words that are spelt like them."""

    EXACT = "EXACT", "A name or identifier is what was typed"
    PREFIX = "PREFIX", "A name or identifier begins with it"
    WORDS = "WORDS", "It has all of its words"
    SPELLING = "SPELLING", "It has words that are spelt like them"


@dataclass(frozen=True)
class Question:
    """What was typed, made ready for FOUND."""

    text: str  #: folded
    name: str  #: folded, without a word for its kind before it
    raw: str  #: as typed, without blanks around it: identifiers are not folded
    above: str  #: identifiers from `raw` on and before this begin with it, or are it where it is short
    words: tuple[str, ...]  #: those that a record must have, the last one perhaps only begun
    near: tuple[tuple[int, str], ...]  #: number of a word, from 1, and a spelling one letter away


def question(text: str, where: str = "text") -> Question:
    """Read what was typed; BadRequest where it is nothing to look for, or more than a name can be."""
    if len(text) > LONGEST_TEXT:
        raise BadRequest(
            f"has {len(text):,} characters; give at most {LONGEST_TEXT}, such as a name or an address",
            where=where,
        )
    if "\0" in text:
        raise BadRequest("holds a NUL character", where=where)
    folded = fold(text)
    if not folded:
        raise BadRequest("has no letter or digit to look for", where=where)
    telling = telling_words(folded)
    if len(telling) > MOST_WORDS:
        raise BadRequest(f"has {len(telling)} words; give at most {MOST_WORDS}", where=where)
    near = tuple((i, variant) for i, word in enumerate(telling, 1) for variant in _variants(word))
    raw = text.strip()
    above = raw + (chr(sys.maxunicode) if len(raw) >= _SHORTEST_IDENTIFIER else "\x01")
    return Question(folded, bare_name(folded), raw, above, tuple(telling), near)


def telling_words(folded: str) -> list[str]:
    """The words of a folded text by which entries are found: each once, numbers of blocks with their marker,
    and no words for kinds of places where there are others."""
    words = list(dict.fromkeys(_BLOCK.sub("bl", folded).split()))
    return [word for word in words if word not in _KIND_WORDS] or words


def bare_name(folded: str) -> str:
    """A folded name without a word for its kind before it, as entries have it."""
    return _KIND.sub("", folded, count=1)


def _variants(word: str) -> Iterator[str]:
    """The spellings one letter away: one left out, two exchanged, another one, one more."""
    if len(word) < _SHORTEST_CORRECTED or not word.isalpha():
        return
    found: dict[str, None] = {}
    for i in range(len(word) + 1):
        before, after = word[:i], word[i:]
        if after:
            found[before + after[1:]] = None
            found.update(dict.fromkeys(before + letter + after[1:] for letter in _LETTERS))
        if len(after) > 1:
            found[before + after[1] + after[0] + after[2:]] = None
        found.update(dict.fromkeys(before + letter + after for letter in _LETTERS))
    found.pop(word, None)
    yield from found


# --------------------------------------------------------------------------------------
# Keeping the entries

_FRESH = Identifier("staging_search")
_FOLDED = Identifier("staging_folded")
_ANYBODYS = SQL("true")


def refresh(connection: psycopg.Connection[Any], changed: Collection[str]) -> int:
    """Bring the entries up to date after a transaction changed rows of the named entities; how many it wrote.

    Runs in that transaction, whose rows it knows by their time.
    """
    names = {*changed, *(name for name, others in _FOLLOWS.items() if others & set(changed))}
    return _refresh_all(connection, names, written=True)


def refresh_rows(connection: psycopg.Connection[Any], keys: Mapping[str, Collection[str]]) -> int:
    """Bring up to date the entries of a few records, by entity and key, and look at no others; how many it
    wrote. None may be pieces of one."""
    wrote = 0
    for name in keys.keys() & SEARCHED.keys():
        few = SQL("key = ANY({}::text[])").format(Literal(list(keys[name])))
        wrote += _refresh(connection, BY_NAME[name], SQL("t.{}").format(few), whose=SQL("e.{}").format(few))
    return wrote


def rebuild(connection: psycopg.Connection[Any]) -> int:
    """Make all entries anew; what does not differ is not written. How many were written."""
    return _refresh_all(connection, SEARCHED, written=False)


#: whose rows linking may change after those: a street's pieces by district, a position by building; and a
#: sole trader's site loses its name with the business
_FOLLOWS = {
    "StreetSegment": {"District"},
    "Site": {"Business", "Building", "Address"},
    "Permit": {"Building", "Address"},
}


def _refresh_all(connection: psycopg.Connection[Any], names: Collection[str], *, written: bool) -> int:
    wrote = sum(
        _refresh(connection, each, _written(each) if written else SQL("true"))
        for each in ENTITIES
        if each.name in names and each.name in SEARCHED
    )
    if wrote:
        connection.execute("ANALYZE search_entry, search_word")
    return wrote


def _written(entity: Entity) -> SQL:
    """The rows that this transaction wrote, and those that lie where a building does that it wrote."""
    if _has_own_place(entity):
        return SQL("t.recorded_at = now()")
    return SQL(
        "(t.recorded_at = now() OR t.building IN (SELECT key FROM building WHERE recorded_at = now()))"
    )


def _has_own_place(entity: Entity) -> bool:
    """Whether an entity's position never is that of its building."""
    column = entity.table.c[entity.geometry] if entity.geometry else None
    return (column is not None and not column.nullable) or entity.links.get("building") != "Building"


def _refresh(
    connection: psycopg.Connection[Any], entity: Entity, scope: Composable, whose: Composable = _ANYBODYS
) -> int:
    """Make the entries of the rows `t` in `scope` anew; those are among the entries `e` in `whose`."""
    pieces = entity.name in PIECES
    scope = SQL("true") if pieces else scope
    _stage_folded(connection, entity, scope)
    texts = _texts(entity)
    position, placed = _position(entity)
    words: dict[str, Composable] = {
        "entity": Literal(entity.name),
        "table": Identifier(entity.table.name),
        "source": _source(entity),
        "fresh": _FRESH,
        "folded": _FOLDED,
        "scope": scope,
        "whose": whose,
        "kind": Literal(_KIND_SQL),
        "block": Literal(_BLOCK_SQL),
        "is_word": Literal(COUNTED_WORD),
        "longest_name": Literal(_LONGEST_NAME),
        "position": position,
        "placed": placed,
        "labels": SQL(", ").join(SQL("NULLIF({}, '')").format(text) for text in texts),
        "texts": SQL(", '|', ").join(texts),
        "joins": SQL(" ").join(
            SQL("LEFT JOIN {folded} AS {f} ON {f}.text = t.{column}").format(
                folded=_FOLDED, f=Identifier(f"f_{name}"), column=Identifier(name)
            )
            for name in _unfolded(entity)
        ),
        # pieces are looked at as a whole, as one that was the first may be so no more
        "looked_at": SQL("true")
        if pieces
        else SQL("EXISTS (SELECT FROM {} AS t WHERE t.key = e.key AND {})").format(
            Identifier(entity.table.name), scope
        ),
    }
    connection.execute(SQL("DROP TABLE IF EXISTS {fresh}").format(**words))
    connection.execute(SQL(_STAGE).format(**words))
    # joins are by key; to look at the words and positions too takes longer than to write them
    connection.execute(SQL("ANALYZE {fresh} (key)").format(**words))
    row = connection.execute(SQL(_WRITE).format(**words)).fetchone()
    wrote, removed = row or (0, 0)
    if removed:
        connection.execute("DELETE FROM search_word WHERE entries = 0")
    connection.execute(SQL("DROP TABLE {fresh}, {folded}").format(**words))
    return int(wrote)


def _unfolded(entity: Entity) -> list[str]:
    """The searched attributes of which no column holds the folded form."""
    return [name for name in SEARCHED[entity.name].fields if _folded_column(entity, name) is None]


def _folded_column(entity: Entity, name: str) -> str | None:
    return next((n for n, known in entity.fields.items() if known.folded_of == name), None)


def _texts(entity: Entity) -> list[Composable]:
    """The folded texts of SEARCHED; a name in Latin script that only transliterates the other one is none."""
    texts: dict[str, Composable] = {}
    for name in SEARCHED[entity.name].fields:
        column = _folded_column(entity, name)
        whole = Identifier("t", column) if column else Identifier(f"f_{name}", "folded")
        text: Composable = SQL("left({}, {})").format(whole, Literal(_LONGEST_KEPT))
        own = entity.fields[name].latin_of
        texts[name] = SQL("NULLIF({}, {})").format(text, texts[own]) if own in texts else text
    return list(texts.values())


def _stage_folded(connection: psycopg.Connection[Any], entity: Entity, scope: Composable) -> None:
    """A table of the distinct texts of the rows and their folded forms, a batch at a time."""
    connection.execute(SQL("DROP TABLE IF EXISTS {}").format(_FOLDED))
    connection.execute(SQL('CREATE UNLOGGED TABLE {} (text text COLLATE "C", folded text)').format(_FOLDED))
    unfolded = _unfolded(entity)
    if not unfolded:
        return
    texts = SQL(" UNION ").join(
        SQL("SELECT DISTINCT t.{name} FROM {table} AS t WHERE {scope} AND t.{name} IS NOT NULL").format(
            name=Identifier(name), table=Identifier(entity.table.name), scope=scope
        )
        for name in unfolded
    )
    with connection.cursor("search_texts") as cursor, connection.cursor() as writer:
        cursor.itersize = _BATCH
        cursor.execute(texts)
        while batch := cursor.fetchmany(_BATCH):
            with writer.copy(SQL("COPY {} (text, folded) FROM STDIN").format(_FOLDED)) as copy:
                for (text,) in batch:
                    copy.write_row((text, fold(text)))
    connection.execute(SQL("ANALYZE {}").format(_FOLDED))


_BATCH = 20_000


def _source(entity: Entity) -> Composable:
    """The rows that entries are made of, as `t`."""
    table = Identifier(entity.table.name)
    if entity.name not in PIECES:
        return table
    # the first piece of each district stands for all of them, in the middle of them
    return SQL(
        "(SELECT DISTINCT ON (s.name, s.district) s.key, {fields},"
        " ST_Collect(s.{shape}) OVER (PARTITION BY s.name, s.district) AS {shape}"
        " FROM {table} AS s WHERE s.name IS NOT NULL ORDER BY s.name, s.district, s.key)"
    ).format(
        fields=SQL(", ").join(
            Identifier("s", name)
            for name in entity.fields
            if name in SEARCHED[entity.name].fields or entity.fields[name].folded_of
        ),
        shape=Identifier(entity.geometry or ""),
        table=table,
    )


def _position(entity: Entity) -> tuple[Composable, Composable]:
    """A record's position in SQL, and the join that it needs."""
    own: Composable = SQL("NULL::geometry")
    if entity.geometry:
        column = entity.table.c[entity.geometry]
        own = SQL("t.{}" if entity.fields[column.key].geometry == "POINT" else "ST_Centroid(t.{})").format(
            Identifier(column.key)
        )
    if _has_own_place(entity):
        return own, SQL("")
    return (
        SQL("COALESCE({}, ST_Centroid(b.footprint))").format(own),
        SQL("LEFT JOIN building AS b ON b.key = t.building"),
    )


_STAGE = """
CREATE UNLOGGED TABLE {fresh} AS
SELECT n.key, left(regexp_replace(n.label, {kind}, ''), {longest_name}) COLLATE "C" AS name, n.names,
    array_to_tsvector(
        array_remove(string_to_array(translate(n.names, '|', ' '), ' ')
        || CASE WHEN strpos(n.names, 'bl') > 0 THEN
            string_to_array(translate(regexp_replace(n.names, {block}, 'bl', 'g'), '|', ' '), ' ') END, '')
        || {entity}::text
    ) AS words, n.position
FROM (
    SELECT t.key, COALESCE({labels}) AS label, concat('|', {texts}, '|') COLLATE "C" AS names,
        {position} AS position
    FROM {source} AS t {joins} {placed} WHERE {scope}
) AS n WHERE n.label IS NOT NULL
"""

# An entry goes when its record is gone, or was looked at and is called nothing now. Where a record is called
# otherwise, the words that the statement finds are taken from the count, and those that it writes are added.
_WRITE = """
WITH removed AS (
    DELETE FROM search_entry AS e WHERE e.entity = {entity} AND {whose} AND (
        NOT EXISTS (SELECT FROM {table} AS t WHERE t.key = e.key)
        OR ({looked_at} AND NOT EXISTS (SELECT FROM {fresh} AS f WHERE f.key = e.key))
    ) RETURNING e.words
), changed AS MATERIALIZED (
    SELECT f.*, e.words AS held FROM {fresh} AS f
    LEFT JOIN search_entry AS e ON e.entity = {entity} AND e.key = f.key
    WHERE e.key IS NULL OR e.names <> f.names OR e.position IS DISTINCT FROM f.position
), written AS (
    INSERT INTO search_entry (entity, key, name, names, words, position)
    SELECT {entity}, key, name, names, words, position FROM changed
    ON CONFLICT (entity, key) DO UPDATE SET name = excluded.name, names = excluded.names,
        words = excluded.words, position = excluded.position
), counted AS (
    INSERT INTO search_word AS held (word, entries)
    SELECT w.word, sum(c.entries) FROM (
        SELECT words, 1 AS entries FROM changed
        UNION ALL SELECT held, -1 FROM changed WHERE held IS NOT NULL
        UNION ALL SELECT words, -1 FROM removed
    ) AS c CROSS JOIN unnest(tsvector_to_array(c.words)) AS w (word)
    WHERE w.word ~ {is_word} GROUP BY w.word HAVING sum(c.entries) <> 0
    ON CONFLICT (word) DO UPDATE SET entries = held.entries + excluded.entries
)
SELECT n.changed + r.removed, n.held + r.removed
FROM (SELECT count(*) AS changed, count(held) AS held FROM changed) AS n,
    (SELECT count(*) AS removed FROM removed) AS r
"""


# --------------------------------------------------------------------------------------
# Finding

#: how many entries of each way to find some are looked at: enough that the best are among them, and few
#: enough that a word which half of all entries have is answered as fast as any
_BEGINNING, _HAVING, _NEAREST = 40, 1_500, 1_000
#: a word that so many entries have tells little
_COMMON = 100_000


def found(city: str, asked: str, *, near: bool, size: int, public: Callable[[str], str]) -> str:
    """The query of the best `size` records for what a row `asked` says; `public` names attributes to callers.

    `asked` has Question's members as columns (`near` in two: near_of, near_word), `types`, an array of names
    of entities, `narrow`, whether those are fewer than all, and with `near` a geometry `place`. Columns:
    rank, hit_type, hit_key, score (0 to 1), how (EXACT, PREFIX, WORDS or SPELLING), field, distance_m.
    """
    identified = [
        SQL(_IDENTIFIED).format(
            entity=Literal(name),
            field=Literal(public(column)),
            column=Identifier(column),
            table=Identifier(city, BY_NAME[name].table.name),
            position=SQL("NULL::geometry")
            if BY_NAME[name].geometry is None
            else SQL("ST_Centroid(t.{})").format(Identifier(BY_NAME[name].geometry or "")),
            asked=Identifier(asked),
        )
        for name, columns in IDENTIFIED.items()
        for column in columns
    ]
    kinds = [
        SQL("({}, {}::float8, {}, {}::text[])").format(
            Literal(name),
            Literal(SEARCHED[name].weight if name in SEARCHED else _LEAST_WEIGHT),
            Literal(i),
            Literal([public(field) for field in SEARCHED[name].fields] if name in SEARCHED else []),
        )
        for i, name in enumerate(TYPES)
    ]
    query = SQL(_FOUND).format(
        asked=Identifier(asked),
        entries=Identifier(city, "search_entry"),
        vocabulary=Identifier(city, "search_word"),
        prefix=Literal(SHORTEST_PREFIX),
        common=Literal(_COMMON),
        beginning=Literal(_BEGINNING),
        having=Literal(_HAVING),
        nearest=SQL(_NEAR).format(
            entries=Identifier(city, "search_entry"), asked=Identifier(asked), nearest=Literal(_NEAREST)
        )
        if near
        else SQL(""),
        identified=SQL("").join(identified),
        distance=SQL("ST_Distance(c.position, a.place)") if near else SQL("NULL::float8"),
        kinds=SQL(", ").join(kinds),
        size=Literal(size),
    )
    # a statement of more than some bytes is not kept prepared, and to plan this one takes 5 ms
    return " ".join(query.as_string(None).split())


_LEAST_WEIGHT = 0.3

_IDENTIFIED = """ UNION ALL
    SELECT {entity}, i.* FROM {asked} AS a CROSS JOIN LATERAL (
        SELECT t.key, '', '', NULL::tsvector, {position}, {field}, t.{column} = a.raw FROM {table} AS t
        WHERE t.{column} >= a.raw AND t.{column} < a.above ORDER BY t.{column}, t.key LIMIT 10
    ) AS i WHERE {entity} = ANY (a.types)"""

_NEAR = """ UNION ALL (
    SELECT n.*, NULL, NULL FROM (
        SELECT e.entity, e.key, e.name, e.names, e.words, e.position FROM {entries} AS e
        WHERE e.position IS NOT NULL
        ORDER BY e.position <-> (SELECT place FROM {asked}) LIMIT {nearest}
    ) AS n
    WHERE n.words @@ (SELECT whole FROM question) AND n.entity = ANY ((SELECT types FROM {asked})::text[])
)"""

# known: a word as it is, or the beginning of words; meant: else what it may be meant for. Of a word hardly
# begun the index would read a good part, so it is looked for among what the other words find; of a word that
# very many entries have, among the first of each entity. scored: the same entry found in two ways is one;
# best: so is what was found by its name and by an identifier.
_FOUND = """
WITH token AS MATERIALIZED (
    SELECT t.i, t.word, t.i = cardinality(a.words) AS last, cardinality(a.words) AS count,
        t.word ~ '[0-9]' AS is_number,
        t.word !~ '[0-9]' AND length(t.word) >= {prefix} AS is_word
    FROM {asked} AS a, unnest(a.words) WITH ORDINALITY AS t (word, i)
), spelling AS MATERIALIZED (
    SELECT n.i, n.word FROM {asked} AS a, unnest(a.near_of, a.near_word) AS n (i, word)
), known AS MATERIALIZED (
    SELECT t.*, CASE
        WHEN NOT t.is_word THEN t.word || CASE WHEN t.last AND NOT t.is_number THEN ':*' ELSE '' END
        WHEN t.last AND EXISTS (
            SELECT FROM {vocabulary} AS v WHERE v.word >= t.word AND v.word < t.word || '~'
        ) THEN t.word || ':*'
        WHEN EXISTS (SELECT FROM {vocabulary} AS v WHERE v.word = t.word) THEN t.word
    END AS lexeme FROM token AS t
), meant AS MATERIALIZED (
    SELECT k.i, k.lexeme IS NULL AS corrected, COALESCE(
        k.lexeme,
        (SELECT string_agg(s.word, '|') FROM (
            SELECT v.word FROM spelling AS n JOIN {vocabulary} AS v ON v.word = n.word WHERE n.i = k.i
            ORDER BY v.entries DESC, v.word LIMIT 8
        ) AS s),
        CASE WHEN k.last THEN (SELECT string_agg(s.word || ':*', '|') FROM (
            SELECT n.word FROM spelling AS n WHERE n.i = k.i AND length(n.word) >= length(k.word)
                AND EXISTS (SELECT FROM {vocabulary} AS v WHERE v.word >= n.word AND v.word < n.word || '~')
            ORDER BY n.word LIMIT 8
        ) AS s) END,
        (SELECT string_agg(s.word, '|') FROM (
            SELECT v.word FROM {vocabulary} AS v WHERE v.word % k.word
            ORDER BY similarity(v.word, k.word) DESC, v.entries DESC, v.word LIMIT 4
        ) AS s)
    ) AS lexemes,
    NOT k.is_word AND NOT k.is_number AND k.last AS hardly, k.count, k.word,
    NOT k.is_number AND k.count = 1 AND {common} <= (
        SELECT sum(v.entries) FROM {vocabulary} AS v
        WHERE v.word >= k.word AND v.word < k.word || CASE WHEN k.is_word THEN '~' ELSE ' ' END
    ) AS common
    FROM known AS k
), question AS MATERIALIZED (
    SELECT bool_or(m.corrected) AS corrected, bool_or(m.common) AS common,
        CASE WHEN bool_and(m.lexemes IS NOT NULL) THEN string_agg('(' || m.lexemes || ')', '&')::tsquery
            END AS whole,
        CASE WHEN bool_and(m.lexemes IS NOT NULL AND m.common IS NOT TRUE) THEN (
            string_agg(
                '(' || CASE WHEN NOT m.hardly THEN m.lexemes WHEN m.count = 1 THEN m.word END || ')', '&'
            ) || (SELECT CASE WHEN a.narrow THEN '&(' || array_to_string(a.types, '|') || ')' ELSE '' END
                FROM {asked} AS a)
        )::tsquery END AS indexed
    FROM meant AS m
), candidate AS (
    SELECT b.*, NULL AS field, NULL::boolean AS same
    FROM (SELECT unnest(types) AS type FROM {asked}) AS k CROSS JOIN LATERAL (
        SELECT e.entity, e.key, e.name, e.names, e.words, e.position FROM {entries} AS e
        WHERE e.entity = k.type AND e.name >= (SELECT name FROM {asked})
            AND e.name < (SELECT name || '~' FROM {asked})
        ORDER BY e.name, e.key LIMIT {beginning}
    ) AS b
    UNION ALL (
        SELECT h.*, NULL, NULL FROM (
            SELECT e.entity, e.key, e.name, e.names, e.words, e.position FROM {entries} AS e
            WHERE e.words @@ (SELECT indexed FROM question) LIMIT {having}
        ) AS h WHERE h.words @@ (SELECT whole FROM question)
    )
    UNION ALL (
        SELECT h.*, NULL, NULL FROM (SELECT unnest(types) AS type FROM {asked}) AS k CROSS JOIN LATERAL (
            SELECT e.entity, e.key, e.name, e.names, e.words, e.position FROM {entries} AS e
            WHERE e.entity = k.type ORDER BY e.key LIMIT {having} / 10
        ) AS h WHERE (SELECT common FROM question) AND h.words @@ (SELECT whole FROM question)
    ){nearest}{identified}
), kind (entity, weight, ordinal, fields) AS (VALUES {kinds}), judged AS (
    SELECT c.entity, c.key, c.names, c.field, {distance} AS distance_m, CASE
        WHEN c.same IS NOT NULL THEN CASE WHEN c.same THEN 'EXACT' ELSE 'PREFIX' END
        WHEN c.name = a.name OR strpos(c.names, '|' || a.text || '|') > 0 THEN 'EXACT'
        WHEN starts_with(c.name, a.name) OR strpos(c.names, '|' || a.text) > 0 THEN 'PREFIX'
        WHEN (SELECT corrected FROM question) THEN 'SPELLING' ELSE 'WORDS' END AS how,
        strpos(translate(c.names, '|', ' '), ' ' || a.text || ' ') > 0 AS together
    FROM candidate AS c CROSS JOIN {asked} AS a
), scored AS (
    SELECT DISTINCT ON (score, length, ordinal, key) j.entity, j.key, j.names, j.field, j.how, j.distance_m,
        k.ordinal, length(j.names) AS length, k.fields,
        CASE j.how WHEN 'EXACT' THEN 0.8 WHEN 'PREFIX' THEN 0.6 WHEN 'WORDS' THEN 0.4 ELSE 0.2 END
        + CASE WHEN j.together THEN 0.04 ELSE 0 END + 0.06 * k.weight
        + COALESCE(0.1 / (1 + j.distance_m / 1000), 0) AS score
    FROM judged AS j JOIN kind AS k ON k.entity = j.entity
    ORDER BY score DESC, length, ordinal, key LIMIT 3 * {size}
), best AS (
    SELECT DISTINCT ON (entity, key) * FROM scored ORDER BY entity, key, score DESC
)
SELECT row_number() OVER (ORDER BY s.score DESC, s.length, s.ordinal, s.key) AS rank,
    s.entity AS hit_type, s.key AS hit_key,
    s.score, s.how, COALESCE(
        s.field,
        (SELECT s.fields[n.i - 1] FROM {asked} AS a,
            unnest(string_to_array(s.names, '|')) WITH ORDINALITY AS n (name, i)
        WHERE n.name <> ''
        ORDER BY n.name = a.text DESC, starts_with(n.name, a.text) DESC,
            (SELECT count(*) FROM unnest(a.words) AS w (word) WHERE strpos(' ' || n.name, ' ' || w.word) > 0)
            DESC, n.i LIMIT 1)
    ) AS field, s.distance_m
FROM (SELECT * FROM best ORDER BY score DESC, length, ordinal, key LIMIT {size}) AS s
"""


def _check_searched() -> None:
    """What may not be shown may not be searched either; a misspelt attribute fails here, at import."""
    for name, searched in SEARCHED.items():
        for attribute in (*searched.fields, *IDENTIFIED.get(name, ())):
            known = BY_NAME[name].fields[attribute]
            if known.personal or known.hidden:
                raise TypeError(f"{name}.{attribute} is personal or hidden and must not be searched")


_check_searched()
