"""Polite, patient and suspicious HTTP: what `twin fetch` reads the web with.

One `Web` serves a whole run: it keeps a pause between requests to one host, tries again what may pass,
follows a few redirects, and keeps a file only when it is whole and what was promised. Clock, sleep and chance
are arguments.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import hashlib
import ipaddress
import json
import os
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx2

from loaders.catalogue.fetching import holds_owners
from loaders.signatures import CutOff, Promise, WrongContent, check_content
from twin.errors import BadRequest

#: a name that says who asks; the cadastre answers only what looks like a browser
USER_AGENT = "Mozilla/5.0 (compatible; city-twin/0.1)"
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PAGE_BYTES = 64 << 20
T = TypeVar("T")


class Clock:
    """The time, and waiting; tests put another one in its place."""

    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


@dataclass(frozen=True)
class Policy:
    """How patient and how polite."""

    attempts: int = 5
    first_wait_s: float = 1.0  #: before the second attempt; doubled before each that follows
    longest_wait_s: float = 60.0
    patience_s: float = 300.0  #: the longest Retry-After that is waited for
    pause_s: float = 1.0  #: between two requests to one host
    connect_s: float = 15.0
    silence_s: float = 60.0  #: the longest that a server may say nothing
    page_s: float = 120.0  #: the longest that a portal's list may take
    redirects: int = 5


class Refusal(BadRequest):
    """An address gave nothing that can be kept; the sentence says why."""


@dataclass(frozen=True)
class Known:
    """What an earlier download said of itself, to ask whether it changed."""

    etag: str | None = None
    last_modified: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        asked = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in asked.items() if value}


@dataclass(frozen=True)
class Downloaded:
    """A file that was kept, or that had not changed (then nothing was written)."""

    changed: bool
    size: int = 0
    checksum: str = ""
    etag: str | None = None
    last_modified: str | None = None
    licence: str | None = None  #: from a Link header of the relation `license`


@dataclass(frozen=True)
class Limits:
    """What one file may take."""

    max_bytes: int
    timeout_s: float


class _Again(Exception):
    """This attempt failed, and the next may not."""

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


class Web:
    """A client for one run."""

    def __init__(
        self,
        policy: Policy | None = None,
        *,
        clock: Clock | None = None,
        chance: random.Random | None = None,
    ) -> None:
        self.policy = policy or Policy()
        self.clock = clock or Clock()
        self._chance = chance or random.Random()
        self._free_at: dict[str, float] = {}
        self._lists: dict[str, Any] = {}
        self._client = httpx2.Client(
            headers={"User-Agent": USER_AGENT, "Accept": "*/*"},
            timeout=httpx2.Timeout(self.policy.silence_s, connect=self.policy.connect_s),
        )

    def close(self) -> None:
        self._client.close()

    def json(self, url: str, *, method: str = "GET", **request: Any) -> Any:
        """What an address says as JSON; `request` takes json=, data=, params=, headers= for the question."""
        text = self.text(url, method=method, **request)
        try:
            return json.loads(text)
        except ValueError as error:
            raise Refusal("answered with something else than JSON", where=url) from error

    def listing(self, url: str) -> Any:
        """What an address says as JSON, asked once a run: the list that many data sets are looked up in."""
        if url not in self._lists:
            try:
                self._lists[url] = self.json(url)
            except Refusal as refused:
                self._lists[url] = refused
        if isinstance(self._lists[url], Refusal):
            raise self._lists[url]
        return self._lists[url]

    def text(self, url: str, *, method: str = "GET", **request: Any) -> str:
        """What an address says, as text."""

        def once() -> str:
            started = self.clock.monotonic()
            with self._response(method, url, **request) as response:
                self._check_status(response)
                body = bytearray()
                for block in response.iter_bytes():
                    body += block
                    if len(body) > _PAGE_BYTES:
                        raise Refusal(f"the answer is larger than {_mb(_PAGE_BYTES)}", where=url)
                    if self.clock.monotonic() - started > self.policy.page_s:
                        raise _Again(f"it took longer than {self.policy.page_s:g} s")
                return body.decode("utf-8-sig", "replace")

        return self._patiently(url, once)

    def download(
        self,
        url: str,
        target: Path,
        promise: Promise,
        limits: Limits,
        *,
        known: Known | None = None,
        advance: Callable[[int], None] = lambda _: None,
    ) -> Downloaded:
        """Keep what an address holds as a file: whole, within the limits and as promised, or not at all."""
        part = target.with_name(f".{target.name}.part")
        target.parent.mkdir(parents=True, exist_ok=True)
        asked = known.headers if known else {}

        def once() -> Downloaded:
            started = self.clock.monotonic()
            # a length can be compared only where nothing is packed on the way
            headers = {"Accept-Encoding": "identity", **asked}
            with self._response("GET", url, headers=headers) as response:
                if response.status_code == 304 and asked:
                    return Downloaded(changed=False)
                self._check_status(response)
                self._check_announced(response, url, limits)
                checksum, size = hashlib.blake2b(digest_size=16), 0
                with part.open("wb") as stream:
                    # as they come: collected into larger blocks, a dripping server would not be noticed
                    for block in response.iter_bytes():
                        size += len(block)
                        if size > limits.max_bytes:
                            raise Refusal(f"the file is larger than {_mb(limits.max_bytes)}", where=url)
                        if self.clock.monotonic() - started > limits.timeout_s:
                            raise _Again(f"it took longer than {limits.timeout_s:g} s")
                        stream.write(block)
                        checksum.update(block)
                        advance(len(block))
                    stream.flush()
                    os.fsync(stream.fileno())
                announced = response.headers.get("content-length", "")
                if announced.isdecimal() and int(announced) != response.num_bytes_downloaded:
                    raise _Again(f"{response.num_bytes_downloaded:,} of {int(announced):,} bytes came")
                self._check_kept(part, response, url, promise)
            part.replace(target)
            _sync_folder(target.parent)
            return Downloaded(
                changed=True,
                size=size,
                checksum=checksum.hexdigest(),
                etag=response.headers.get("etag"),
                last_modified=response.headers.get("last-modified"),
                licence=response.links.get("license", {}).get("url"),
            )

        try:
            return self._patiently(url, once)
        finally:
            part.unlink(missing_ok=True)

    def _patiently(self, url: str, once: Callable[[], T]) -> T:
        """Try, and try again what may pass, each time after a longer wait."""
        for attempt in range(1, self.policy.attempts + 1):
            try:
                return once()
            except _Again as failed:
                reason, wait_s = str(failed), failed.wait_s
            except httpx2.TimeoutException:
                reason, wait_s = "it did not answer in time", None
            except (httpx2.TransportError, httpx2.DecodingError) as failed:
                if "CERTIFICATE" in str(failed).upper():
                    raise Refusal(f"its certificate does not hold ({failed})", where=url) from failed
                reason, wait_s = _plainly(failed), None
            except httpx2.InvalidURL as failed:
                raise Refusal(f"this is no address: {failed}", where=url) from failed
            if wait_s is not None and wait_s > self.policy.patience_s:
                raise Refusal(f"{reason}, and asks to come back in {_span(wait_s)}", where=url)
            if attempt < self.policy.attempts:
                self.clock.sleep(max(wait_s or 0.0, self._back_off(attempt)))
        times = "once" if self.policy.attempts == 1 else f"{self.policy.attempts} times"
        raise Refusal(f"{reason}; tried {times}", where=url)

    def _back_off(self, attempt: int) -> float:
        longest = min(self.policy.longest_wait_s, self.policy.first_wait_s * 2 ** (attempt - 1))
        # some chance, so that many clients of one failed server do not come back together
        return float(longest) * self._chance.uniform(0.5, 1.0)

    @contextmanager
    def _response(self, method: str, url: str, **request: Any) -> Iterator[httpx2.Response]:
        """The answer at the end of a few redirects, its body still to be read."""
        asked = self._client.build_request(method, url, **request)
        first = asked.url
        for _ in range(self.policy.redirects + 1):
            _check_hop(first, asked.url)
            self._wait_for(asked.url.host)
            response = self._client.send(asked, stream=True)
            try:
                onward = response.next_request if response.status_code in _REDIRECTS else None
                if onward is None:
                    yield response
                    return
            finally:
                response.close()
            asked = onward
        raise Refusal(f"it redirects more than {self.policy.redirects} times", where=url)

    def _wait_for(self, host: str) -> None:
        now = self.clock.monotonic()
        free_at = self._free_at.get(host, now)
        if free_at > now:
            self.clock.sleep(free_at - now)
        self._free_at[host] = max(free_at, now) + self.policy.pause_s

    def _check_status(self, response: httpx2.Response) -> None:
        status = response.status_code
        if status in _PASSING:
            raise _Again(
                f"it answered {status} {response.reason_phrase}".rstrip(), self._asked_wait(response)
            )
        if status != 200:
            raise Refusal(f"it answered {status} {response.reason_phrase}".rstrip(), where=str(response.url))

    def _asked_wait(self, response: httpx2.Response) -> float | None:
        """The seconds that Retry-After asks for, given as seconds or as a time of day."""
        text = response.headers.get("retry-after", "").strip()
        if text.isdecimal():
            return float(text)
        try:
            then = email.utils.parsedate_to_datetime(text)
        except ValueError:
            return None
        if then.tzinfo is None:
            then = then.replace(tzinfo=dt.UTC)
        return max(0.0, (then - self.clock.now()).total_seconds())

    def _check_announced(self, response: httpx2.Response, url: str, limits: Limits) -> None:
        announced = response.headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > limits.max_bytes:
            raise Refusal(
                f"the file has {_mb(int(announced))}; allowed are {_mb(limits.max_bytes)} (max_mb)", where=url
            )
        if holds_owners(_disposition(response.headers)):
            raise Refusal("it offers owners' personal data, which are never fetched", where=url)

    def _check_kept(self, part: Path, response: httpx2.Response, url: str, promise: Promise) -> None:
        try:
            check_content(part, promise, response.headers.get("content-type", "").lower())
        except WrongContent as wrong:
            raise Refusal(f"it {wrong}; nothing of it was kept", where=url) from wrong
        except CutOff as cut:
            raise _Again(f"it {cut}") from cut


def _check_hop(first: httpx2.URL, to: httpx2.URL) -> None:
    """Refuse to be led where the catalogue would not have sent us."""
    where = str(first)
    if to.scheme not in ("http", "https") or not to.host:
        raise Refusal(f"it redirects to {to}, which is no http(s) address", where=where)
    if first.scheme == "https" and to.scheme == "http":
        raise Refusal(f"it redirects to {to}, which is not encrypted", where=where)
    if is_private(to.host) and not is_private(first.host):
        raise Refusal(f"it redirects to {to}, inside a private network", where=where)
    if holds_owners(str(to)):
        raise Refusal("this leads to owners' personal data, which are never fetched", where=where)


def is_private(host: str) -> bool:
    """Whether a host, as written, is this machine or inside a private network."""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _disposition(headers: Mapping[str, str]) -> str:
    text = headers.get("content-disposition", "")
    try:
        # names in plain UTF-8 come out of a header as Latin-1
        return f"{text} {text.encode('latin-1').decode('utf-8')}"
    except UnicodeError:
        return text


def _plainly(error: Exception) -> str:
    said = str(error) or type(error).__name__
    if "incomplete" in said or "without sending complete" in said:
        return f"the connection ended before the file did ({said})"
    return f"the connection failed ({said})"


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _mb(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


def _span(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.0f} min"
