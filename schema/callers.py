"""Who asks, and for how much: budgets of an operation and over time, by token or for everybody."""

from __future__ import annotations

import hmac
import math
import time
from collections import OrderedDict
from dataclasses import dataclass

from schema.mutations import BEARER, NotAllowed
from twin.errors import TwinError
from twin.settings import Settings

#: a bucket holds what so many seconds bring
_HELD_S = 60.0
#: how many callers' spending is remembered
_REMEMBERED = 10_000


class Spent(TwinError):
    """A caller has spent what their budget over time holds: try again later."""

    def __init__(self, cost: float, retry_after_s: int) -> None:
        super().__init__(
            f"the operation may cost {cost:,.0f}, more than is left of your budget now; try again later"
        )
        self.retry_after_s = retry_after_s


class Bucket:
    """What a caller may still spend: it fills with so much a second, up to what it holds."""

    def __init__(self, rate: float, holds: float) -> None:
        self._rate, self._holds = rate, holds
        self._level, self._at = holds, time.monotonic()

    def take(self, cost: float) -> None:
        """Spend; Spent where there is not enough. What costs more than it holds takes all of it."""
        now = time.monotonic()
        self._level = min(self._holds, self._level + (now - self._at) * self._rate)
        self._at = now
        wanted = min(cost, self._holds)
        if wanted > self._level:
            raise Spent(cost, math.ceil((wanted - self._level) / self._rate))
        self._level -= wanted

    def owe(self, cost: float) -> None:
        """Spend what is spent already, though there may not be enough; at most what it holds stays owed."""
        self._level = max(self._level - cost, -self._holds)


@dataclass(frozen=True)
class Caller:
    """Who asks: what one operation of theirs may cost, and what is left for the next ones."""

    budget: float
    bucket: Bucket | None = None


class Callers:
    """Who may ask for how much: those that are known by their token, and everybody else by address."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._anybody = Caller(settings.cost_budget)
        self._known = {token: self._caller(budget) for _, token, budget in settings.callers}
        self._by_address: OrderedDict[str, Caller] = OrderedDict()

    def of(self, authorization: str, address: str) -> Caller:
        """The caller of a request; NotAllowed where callers are known and the token is nobody's."""
        if authorization and self._settings.callers:
            sent = authorization[len(BEARER) :].strip() if authorization.lower().startswith(BEARER) else ""
            # every token is compared, each in constant time, so that time tells nothing of them
            tokens = [token for _, token, _ in self._settings.callers]
            tokens += [token for _, token in self._settings.curators]
            found = [token for token in tokens if hmac.compare_digest(token.encode(), sent.encode())]
            if not found:
                raise NotAllowed("the token in Authorization is nobody's", 401, "UNAUTHENTICATED")
            if found[0] in self._known:
                return self._known[found[0]]
        if self._settings.cost_rate is None:
            return self._anybody
        caller = self._by_address.pop(address, None) or self._caller(self._settings.cost_budget)
        self._by_address[address] = caller
        if len(self._by_address) > _REMEMBERED:
            self._by_address.popitem(last=False)
        return caller

    def _caller(self, budget: float) -> Caller:
        rate = self._settings.cost_rate
        if rate is None:
            return Caller(budget)
        rate *= budget / self._settings.cost_budget
        return Caller(budget, Bucket(rate, max(budget, rate * _HELD_S)))
