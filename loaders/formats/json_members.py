"""One large JSON object in pieces: its members, the long ones cut between their own members or items.

`cityjson.py` parses piece by piece, which takes less time than a streaming parser and as little memory. Where
to cut is found by counting brackets, a whole block of bytes at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

_OPENERS, _CLOSERS = b"{[", b"}]"
_STEPS = np.zeros(256, dtype=np.int64)
_STEPS[list(_OPENERS)] = 1
_STEPS[list(_CLOSERS)] = -1
_IS_MARK = _STEPS != 0
_IS_MARK[list(b",:")] = True
#: lists as deep as this are of no interest: the object's own brackets are at 1, its members' at 2
_DEEPEST = 2


class BrokenObject(ValueError):
    """The text is no JSON object, or ends too early."""


class Piece(NamedTuple):
    """A part of a member's value: an object or a list as the whole is, or all of a plain value."""

    name: str
    text: bytes

    def parse(self) -> Any:
        """What it says; BrokenObject where it is no JSON."""
        return _parsed(self.text)


def pieces(blocks: Iterable[bytes]) -> Iterator[Piece]:
    """The members of the object that some blocks make up, in pieces no larger than a block or a value in it.

    No block may end within an escaped character, that is with a backslash.
    Raises BrokenObject where the object's and its members' brackets do not match or the end is missing; what
    stands within a piece is judged when it is parsed.
    """
    marks = _Marks()
    held, name, opener, state = b"", "", b"", "before"
    for block in blocks:
        text, start = held + block, 0
        for place, mark, depth in marks.of(block):
            end = place + len(held)
            part = text[start:end]
            start = end + 1
            match state, mark, depth:
                case "before", b"{", 1:
                    state = "key"
                case "key", b":", 1:
                    name, state = _name(part), "value"
                case "value", b"{" | b"[", 2 if not part.strip():
                    opener, state = mark, "inside"
                case "inside", b",", 2:
                    yield _piece(name, opener, part)
                case "inside", b"}" | b"]", 1 if _closes(opener, mark):
                    yield _piece(name, opener, part)
                    state = "after"
                case "value", b"," | b"}", _:
                    yield Piece(name, part)
                    state = "key" if depth else "done"
                case ("after", b"," | b"}", _) | ("key", b"}", 0) if not part.strip():
                    state = "key" if depth else "done"
                case _:
                    raise BrokenObject(f"{mark.decode()} is out of place after {_shown(part)}")
        held = text[start:]
    if state != "done":
        raise BrokenObject("its end is missing")
    if held.strip():
        raise BrokenObject(f"{_shown(held)} follows its end")


class _Marks:
    """Finds the brackets, commas and colons of an object and of its members while its bytes stream by."""

    def __init__(self) -> None:
        self.in_text = 0  #: 1 within a quoted text
        self.depth = 0

    def of(self, block: bytes) -> Iterator[tuple[int, bytes, int]]:
        """Place, mark and depth behind it; of the commas in a member's value only the last in a row."""
        raw: Bytes = np.frombuffer(block, dtype=np.uint8)
        # an escaped quote ends no text; of a row of backslashes each second one is escaped itself
        plain = block.replace(b"\\\\", b"  ").replace(b'\\"', b"  ") if b"\\" in block else block
        quotes = np.frombuffer(plain, dtype=np.uint8) == ord('"')
        # only whether the count is odd matters, so that it may overflow
        in_text = (np.cumsum(quotes, dtype=np.uint8) + np.uint8(self.in_text)) & 1
        places = np.flatnonzero(_IS_MARK[raw] & (in_text == 0))
        found = raw[places]
        steps = _STEPS[found]
        depths = self.depth + np.cumsum(steps)
        if len(block):
            self.in_text = int(in_text[-1])
        if len(depths):
            self.depth = int(depths[-1])
        # a closing bracket counts where it leads, an opening one where it leads from, a comma where it stands
        wanted = depths + (steps < 0) <= _DEEPEST
        wanted &= ~((depths == _DEEPEST) & (found == ord(":")))
        places, found, depths = places[wanted], found[wanted], depths[wanted]
        inner = (found == ord(",")) & (depths == _DEEPEST)
        last = ~inner
        last[:-1] |= ~inner[1:]
        last[-1:] = True
        kept = np.flatnonzero(last)
        for place, mark, depth in zip(
            places[kept].tolist(), found[kept].tolist(), depths[kept].tolist(), strict=True
        ):
            yield place, bytes((mark,)), depth


def _closes(opener: bytes, mark: bytes) -> bool:
    return _OPENERS.index(opener) == _CLOSERS.index(mark)


def _piece(name: str, opener: bytes, part: bytes) -> Piece:
    closer = _CLOSERS[_OPENERS.index(opener)]
    return Piece(name, b"%b%b%c" % (opener, part, closer))


def _name(part: bytes) -> str:
    name = _parsed(part)
    if not isinstance(name, str):
        raise BrokenObject(f"{_shown(part)} is no name of a member")
    return name


def _parsed(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BrokenObject(str(error)) from error


def _shown(part: bytes) -> str:
    text = part.strip().decode("utf-8", "replace")
    return repr(text if len(text) <= 40 else f"{text[:40]}…")
