"""The mutations: what people decide about links. Unlike queries they run through Strawberry's resolvers.

app.py tells who asks; the decisions are made by twin/curation.py, and what is asked of the link afterwards is
read by one statement, as a query's answer is.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import strawberry
from graphql import FieldNode
from strawberry.types import Info

from schema.declare import enum_type, named
from twin import curation
from twin.curation import Claim
from twin.database import City
from twin.entities import LinkType
from twin.errors import TwinError
from twin.settings import Settings

BEARER = "bearer "


class NotAllowed(TwinError):
    """The caller may not decide about links: `status` is HTTP's, `code` the GraphQL error's."""

    def __init__(self, message: str, status: int, code: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def curator_of(settings: Settings, authorization: str) -> str:
    """The name of who sent an Authorization header; NotAllowed where nobody may or the token is nobody's."""
    if not settings.curators:
        raise NotAllowed("curation is not enabled on this server", 403, "FORBIDDEN")
    sent = authorization[len(BEARER) :].strip() if authorization.lower().startswith(BEARER) else ""
    # every token is compared, each in constant time, so that time tells nothing of them
    found = [name for name, token in settings.curators if hmac.compare_digest(token.encode(), sent.encode())]
    if not found:
        raise NotAllowed(
            "to decide about links, send your token: Authorization: Bearer ...", 401, "UNAUTHENTICATED"
        )
    return found[0]


@dataclass(frozen=True)
class Curating:
    """What a mutation needs: the city, who asks, and how what they ask of a link is read.

    `check` tells before the decision whether that can be answered at all: BadRequest, and nothing is decided.
    """

    url: str
    city: City
    author: str
    check: Callable[[list[FieldNode]], None]
    read: Callable[[str, list[FieldNode]], Awaitable[Any]]


enum_type(LinkType)


@strawberry.input(description="What a link says")
class ClaimInput:
    """What a link says."""

    type: LinkType = strawberry.field(description="How the two are tied")
    subject: strawberry.ID = strawberry.field(description="Public id of what it is about, such as a Site")
    object: strawberry.ID = strawberry.field(description="Public id of what that is tied to")


@strawberry.input(description="A link: by its id where the ledger has it, or by what it says", one_of=True)
class LinkReference:
    """A link, named in one of two ways."""

    id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Its public id, such as Link:IN_BUILDING/Site/1/2"
    )
    claim: ClaimInput | None = strawberry.field(default=strawberry.UNSET, description="What it says")

    @property
    def named(self) -> str | Claim:
        """As curation.py takes it."""
        if isinstance(self.claim, ClaimInput):
            return Claim(self.claim.type.name, self.claim.subject, self.claim.object)
        return str(self.id)


@strawberry.type(description="A link after a decision about it")
class DecisionPayload:
    """A link after a decision about it."""

    key: strawberry.Private[str]

    async def _link(self, info: Info) -> Any:
        curating: Curating = info.context
        return await curating.read(self.key, info._raw_info.field_nodes)

    link: Any = strawberry.field(
        resolver=_link,
        graphql_type=named("Link"),
        description="The link as it is now; null where the ledger no longer has it",
    )


_Which = Annotated[LinkReference, strawberry.argument(description="Which link")]
_Why = Annotated[
    str, strawberry.argument(description="Why, for those who come after: it is public, so it names no person")
]


async def _decide(info: Info, link: LinkReference, decide: Callable[..., str]) -> DecisionPayload:
    curating: Curating = info.context
    curating.check(info._raw_info.field_nodes)
    decided = partial(decide, curating.url, curating.city, link.named, author=curating.author)
    return DecisionPayload(key=await asyncio.to_thread(decided))


async def _accept(info: Info, link: _Which, reason: _Why) -> DecisionPayload | None:
    return await _decide(info, link, partial(curation.accept, reason=reason))


async def _reject(info: Info, link: _Which, reason: _Why) -> DecisionPayload | None:
    return await _decide(info, link, partial(curation.reject, reason=reason))


async def _withdraw(info: Info, link: _Which) -> DecisionPayload | None:
    return await _decide(info, link, curation.withdraw)


@strawberry.type(description="Decisions about links, for callers with a curator's token; by POST only")
class Mutation:
    """Decisions about links. Each is carried out, or refused, by itself."""

    accept_link: DecisionPayload | None = strawberry.mutation(
        name="acceptLink",
        resolver=_accept,
        description="Let a link stand as sure, and be walked before any that was found",
    )
    reject_link: DecisionPayload | None = strawberry.mutation(
        name="rejectLink",
        resolver=_reject,
        description="Let a link never be walked, whatever speaks for it",
    )
    withdraw_decision: DecisionPayload | None = strawberry.mutation(
        name="withdrawDecision",
        resolver=_withdraw,
        description="Take a decision back: the link is again as it is found, or is no more",
    )
