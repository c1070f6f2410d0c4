"""What people decide about links: accepted or rejected, with reason and author, until somebody withdraws it.

The server's mutations and `twin curate` come here. A decision stands whatever a linking finds later; what was
known before goes to history, and the links of the record that it is about are made anew at once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier

from twin import search
from twin.claims import FAMILIES
from twin.database import City, connect, lock_city
from twin.entities import BY_NAME, LinkMethod, LinkStatus, LinkType, SiteKind
from twin.errors import BadRequest
from twin.identifiers import find_personal_numbers
from twin.identity import public_id, split_id
from twin.links import relink_subject
from twin.text import storable
from twin.versions import changing

log = logging.getLogger(__name__)

LONGEST_REASON = 1_000
#: how long a decision waits for a load or another decision of the same city
PATIENCE_S = 5.0
_STATEMENT_TIMEOUT = "60s"


@dataclass(frozen=True)
class Claim:
    """What a link says: the public ids of its subject and object, and which of LinkType ties them."""

    type: str
    subject: str
    object: str


@dataclass(frozen=True)
class _Pair:
    """A claim with its ends taken apart, as the ledger keeps it."""

    type: str
    subject_type: str
    subject_key: str
    object_type: str
    object_key: str

    @property
    def key(self) -> str:
        return f"{self.type}/{self.subject_type}/{self.subject_key}/{self.object_key}"


def accept(url: str, city: City, link: str | Claim, *, reason: str, author: str) -> str:
    """Let a link stand as sure, and be walked before any that was found; the link's public id.

    `link` is its public id, or what it says where the ledger has no such link yet. BadRequest where there is
    none, where records of these kinds are not tied so, or where the reason is missing.
    """
    return _decide(url, city, link, LinkStatus.ACCEPTED, reason=reason, author=author)


def reject(url: str, city: City, link: str | Claim, *, reason: str, author: str) -> str:
    """Let a link never be walked, whatever speaks for it; else as accept()."""
    return _decide(url, city, link, LinkStatus.REJECTED, reason=reason, author=author)


def withdraw(url: str, city: City, link: str | Claim, *, author: str) -> str:
    """Take a decision back, so that the link is again as it is found, or is no more; its public id.

    BadRequest where nobody has decided about it.
    """
    with _curating(url, city) as connection:
        pair = _pair(connection, link)
        key = public_id("Link", pair.key)
        taken = connection.execute(
            "WITH taken AS (DELETE FROM link WHERE key = %s AND method = %s RETURNING *)"
            f" INSERT INTO link_history ({_COLUMNS}, recorded_to) SELECT {_COLUMNS}, now() FROM taken",
            [pair.key, LinkMethod.CURATED.name],
        ).rowcount
        if not taken:
            raise BadRequest(f'nobody has decided about "{key}"')
        _relink(connection, pair)
    log.info("%s withdrew the decision about %s of %s", author, key, city.name)
    return key


def _decide(url: str, city: City, link: str | Claim, status: LinkStatus, *, reason: str, author: str) -> str:
    reason = _checked_reason(reason)
    with _curating(url, city) as connection:
        pair = _pair(connection, link)
        _refuse_site(connection, pair)
        connection.execute(
            _DECIDE,
            {
                "key": pair.key,
                "type": pair.type,
                "subject_type": pair.subject_type,
                "subject_key": pair.subject_key,
                "object_type": pair.object_type,
                "object_key": pair.object_key,
                "curated": LinkMethod.CURATED.name,
                "score": 1.0 if status is LinkStatus.ACCEPTED else 0.0,
                "status": status.name,
                "author": author,
                "reason": reason,
            },
        )
        _relink(connection, pair)
    key = public_id("Link", pair.key)
    log.info("%s decided that %s of %s is %s", author, key, city.name, status.name)
    return key


_COLUMNS = (
    "key, type, subject_type, subject_key, object_type, object_key, method, score, evidence, status,"
    " decided_by, decided_at, reason, recorded_at"
)
# What was found stays in the evidence of what was decided.
_DECIDE = f"""
WITH held AS (
    SELECT * FROM link WHERE key = %(key)s FOR UPDATE
), remembered AS (
    INSERT INTO link_history ({_COLUMNS}, recorded_to) SELECT {_COLUMNS}, now() FROM held
)
INSERT INTO link ({_COLUMNS})
SELECT %(key)s, %(type)s, %(subject_type)s, %(subject_key)s, %(object_type)s, %(object_key)s, %(curated)s,
    %(score)s,
    CASE WHEN h.key IS NULL THEN '{{}}' WHEN h.method = %(curated)s THEN h.evidence
        ELSE json_build_object('found', json_build_object(
            'method', h.method, 'score', h.score, 'status', h.status, 'evidence', h.evidence)) END,
    %(status)s, %(author)s, now(), %(reason)s, now()
FROM (SELECT 1) AS one LEFT JOIN held AS h ON true
ON CONFLICT (key) DO UPDATE SET method = excluded.method, score = excluded.score,
    evidence = excluded.evidence, status = excluded.status, decided_by = excluded.decided_by,
    decided_at = excluded.decided_at,
    reason = excluded.reason, recorded_at = excluded.recorded_at
"""


def _relink(connection: psycopg.Connection[Any], pair: _Pair) -> None:
    """Let follow from a decision what does: links, and where search finds what they lead to."""
    search.refresh_rows(
        connection, relink_subject(connection, pair.subject_type, pair.subject_key, pair.type)
    )


@contextmanager
def _curating(url: str, city: City) -> Iterator[psycopg.Connection[Any]]:
    """A transaction of the owner of the tables while nothing else links the city; BadRequest when it waits
    too long."""
    with connect(url, city=city.name) as connection:
        connection.autocommit = True
        connection.execute(f"SET statement_timeout = '{_STATEMENT_TIMEOUT}'".encode())
        waited = time.monotonic()
        while not lock_city(connection, city.name):
            if time.monotonic() - waited > PATIENCE_S:
                raise BadRequest(
                    f"{city.name} is being loaded or linked, and nothing was decided; "
                    "try again when that has ended"
                )
            time.sleep(0.1)
        with changing(connection):
            yield connection


def _checked_reason(reason: str) -> str:
    reason = storable(" ".join(reason.split()), where="reason")
    if not reason or len(reason) > LONGEST_REASON:
        raise BadRequest(
            f"it has {len(reason)} characters; say in 1 to {LONGEST_REASON} why it is so", where="reason"
        )
    if find_personal_numbers(reason):
        raise BadRequest("it holds a number of a person or identity card; say it without", where="reason")
    return reason


def _pair(connection: psycopg.Connection[Any], link: str | Claim) -> _Pair:
    if isinstance(link, str):
        kind, key = split_id(storable(link, where="link"))
        found = connection.execute(
            "SELECT type, subject_type, subject_key, object_type, object_key FROM link WHERE key = %s", [key]
        ).fetchone()
        if kind != "Link" or found is None:
            raise BadRequest(
                f'there is no link "{link}"; one that was not found is named by type, subject and object'
            )
        return _Pair(*found)
    subject, object_ = storable(link.subject, where="subject"), storable(link.object, where="object")
    pair = _Pair(link.type, *split_id(subject), *split_id(object_))
    kinds = {(one.type.name, one.subject, one.object) for one in FAMILIES}
    if (pair.type, pair.subject_type, pair.object_type) not in kinds:
        known = ", ".join(
            f"{type_} of a {subject} and a {object_}" for type_, subject, object_ in sorted(kinds)
        )
        raise BadRequest(
            f"no link {pair.type} ties a {pair.subject_type} and a {pair.object_type}; there are {known}"
        )
    for entity, key in ((pair.subject_type, pair.subject_key), (pair.object_type, pair.object_key)):
        table = Identifier(BY_NAME[entity].table.name)
        if not connection.execute(SQL("SELECT 1 FROM {} WHERE key = %s").format(table), [key]).fetchone():
            raise BadRequest(f'there is no "{public_id(entity, key)}"')
    return pair


def _refuse_site(connection: psycopg.Connection[Any], pair: _Pair) -> None:
    """Refuse what is not to be decided about a site: the business of a seat or branch, which its register
    says, and whatever leads to the place of a sole trader, which may be a home."""
    if pair.subject_type != "Site":
        return
    row = connection.execute(
        "SELECT s.kind, EXISTS (SELECT FROM business AS b WHERE b.natural_person_like"
        " AND b.key = CASE WHEN %s THEN %s ELSE s.business END) FROM site AS s WHERE s.key = %s",
        [pair.type == LinkType.SITE_OF.name, pair.object_key, pair.subject_key],
    ).fetchone()
    if row is None:
        return
    kind, of_person = row
    site, outlet = public_id("Site", pair.subject_key), kind == SiteKind.OUTLET.name
    if pair.type == LinkType.SITE_OF.name:
        if not outlet:
            raise BadRequest(
                f'"{site}" is a {kind}, and the register says of which business; outlets may be tied'
            )
        if of_person:
            business = public_id("Business", pair.object_key)
            raise BadRequest(f'"{business}" is a natural person, who is tied to no outlet')
    elif of_person and not outlet:
        raise BadRequest(f'"{site}" is the seat of a natural person, whose place is not kept')
