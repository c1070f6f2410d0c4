"""Large JSON objects cut into pieces: whatever the cuts, together the pieces say what the whole says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders.formats.json_members import BrokenObject, pieces

TEXTS = st.text(st.sampled_from('ab"\\{}[],: \n\u0431\U0001f600'), max_size=6)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


def blocks(content: bytes, size: int) -> Iterator[bytes]:
    """A text in blocks, none of which ends with a backslash."""
    start = 0
    while start < len(content):
        end = start + size
        while content[end - 1 : end] == b"\\":
            end += 1
        yield content[start:end]
        start = end


def together(content: bytes, size: int) -> dict[str, Any]:
    """The object that all pieces make up."""
    whole: dict[str, Any] = {}
    for piece in pieces(blocks(content, size)):
        value = piece.parse()
        held = whole.setdefault(piece.name, value)
        if held is value:
            continue
        if isinstance(held, list):
            held.extend(value)
        else:
            held.update(value)
    return whole


@given(
    st.dictionaries(TEXTS, VALUES, max_size=6), st.integers(1, 40), st.sampled_from([None, 1]), st.booleans()
)
def test_the_pieces_say_what_the_whole_says(
    value: dict[str, Any], size: int, indent: int | None, ascii_only: bool
) -> None:
    content = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()
    assert together(b" " + content + b"\n", size) == value


@given(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=4), st.integers(1, 40), st.data())
def test_what_is_cut_off_is_never_taken_for_the_whole(
    value: dict[str, Any], size: int, data: st.DataObject
) -> None:
    content = json.dumps(value).encode()
    cut = content[: data.draw(st.integers(0, len(content) - 1))]
    if cut.endswith(b"\\"):
        cut += b"\\"
    with pytest.raises(BrokenObject):
        together(cut, size)


def test_no_piece_is_larger_than_a_block_or_a_value() -> None:
    content = json.dumps({"a": {str(n): [n] * 10 for n in range(1000)}, "b": list(range(10_000))}).encode()
    found = list(pieces(blocks(content, 1000)))
    assert {piece.name for piece in found} == {"a", "b"}
    assert max(len(piece.text) for piece in found) < 1100


@pytest.mark.parametrize(
    "content",
    [
        "", "[]", "1", "{", "{}}", "{} {}", "{} 1", '{"a"}', '{"a": 1]', '{"a": [1}', '{"a": {"b": 1]}', "{1: 2}",
        '{"a": 1 "b": 2}', '{"a": [1] [2]}', '{"a": [1] 2}', '{"a": 2 [1]}', '{"a": , "b": 1}', '{"a": [1 2]}',
        '{"a"; 1}', '{"a: 1}', '{,}', '{"a":: 1}', '{"a": {"b" 1}}',
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", [1, 3, 100])
def test_what_is_no_object_is_refused(content: str, size: int) -> None:
    with pytest.raises(BrokenObject):
        together(content.encode(), size)
