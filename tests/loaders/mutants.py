"""Damage to published files: bits, bytes, lines, numbers, and the members of JSON, XML, archives and extracts.

`mutant` is given a whole file and a generator of random numbers, and the same two give the same answer.
"""

from __future__ import annotations

import gzip
import io
import json
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, TypeAlias

from lxml import etree

Mutator: TypeAlias = Callable[[bytes, Random], bytes]

#: the edges of whole numbers, where lengths and counts go wrong
EDGES = (0, 1, -1, 127, 128, 255, 256, 2**15 - 1, 2**15, 2**16 - 1, 2**31 - 1, -(2**31), 2**32 - 1, 2**63 - 1)
WORDS = (
    "", "0", "-1", "1e308", "1e400", "-1e-400", "nan", "Infinity", "-0", "9" * 30, "9" * 5000, "0x1F", "1_000",
    "2,5", "true", "null", "None", "\0", "\ufeff", "\u202e", "\ud83d".encode("utf-8", "surrogatepass").decode("latin-1"),
    "../../etc", "%s%n", "'; DROP TABLE x; --", "а" * 3000, "2024-13-45", "99:99:99", "[]", "{}", "<a>", "&amp;", '"',
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 2**53, 2**64, 10**40, 1e308, "", "x", "\0", "\ud83d", [], {}, [[]], [None], [1, 2], ["a", 1],
    {"": 1}, {"a": {"b": []}}, [[0, 0], [1, "x"]], [1e308, -1e308], [[[[[]]]]],
)  # fmt: skip
DEPTHS = (50, 2_000, 200_000)
DIGITS = frozenset(b"0123456789.-+eE")


def mutant(content: bytes, random: Random) -> bytes:
    """A file with one to four defects, now and then in its inner parts."""
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        content = random.choice(_fitting(content))(content, random)
    return content


def _fitting(content: bytes) -> tuple[Mutator, ...]:
    """How a file of this kind may be damaged; the ways that keep its outer form come more than once."""
    start = content[:200].removeprefix(b"\xef\xbb\xbf").lstrip()
    if content.startswith(b"PK\x03\x04"):
        return (*BYTES, *(archive,) * 2 * len(BYTES))
    if content.startswith(b"\x1f\x8b"):
        return (*BYTES, *(gzipped,) * 2 * len(BYTES))
    if content[4:15] == b"\x0a\x09OSMHeader":
        return (*BYTES, *(extract,) * 2 * len(BYTES))
    if start.startswith((b"{", b"[", b"var ")):
        return (*BYTES, *TEXT * 2, *(structured,) * 3 * len(TEXT))
    if start.startswith(b"<"):
        return (*BYTES, *TEXT * 2, *(marked_up,) * 3 * len(TEXT))
    if b"\0" not in content[:2000]:
        return (*BYTES, *TEXT * 3)
    return BYTES


# Bytes


def _place(content: bytes, random: Random) -> int:
    """Somewhere, more often near the ends, where headers and footers stand."""
    size = max(len(content), 1)
    where = random.random()
    if where < 0.25:
        return random.randrange(min(size, 400))
    if where < 0.5:
        return size - 1 - random.randrange(min(size, 400))
    return random.randrange(size)


def _stretch(content: bytes, random: Random) -> tuple[int, int]:
    start = _place(content, random)
    return start, min(len(content), start + random.choice((1, 2, 8, 60, 500, 5000)))


def flipped(content: bytes, random: Random) -> bytes:
    changed = bytearray(content)
    for _ in range(random.choice((1, 1, 3, 20)) if changed else 0):
        changed[_place(content, random)] ^= 1 << random.randrange(8)
    return bytes(changed)


def edged(content: bytes, random: Random) -> bytes:
    width, order = random.choice((1, 2, 4, 8)), random.choice(("little", "big"))
    number = random.choice(EDGES) % (1 << 8 * width)
    at = _place(content, random)
    return content[:at] + number.to_bytes(width, order) + content[at + width :]  # type: ignore[arg-type]


def truncated(content: bytes, random: Random) -> bytes:
    return content[: max(1, _place(content, random))]


def deleted(content: bytes, random: Random) -> bytes:
    start, end = _stretch(content, random)
    return content[:start] + content[end:]


def duplicated(content: bytes, random: Random) -> bytes:
    start, end = _stretch(content, random)
    return content[:end] + content[start:end] * random.choice((1, 1, 2, 50)) + content[end:]


def spliced(content: bytes, random: Random) -> bytes:
    """A piece of the file in another place of it."""
    start, end = _stretch(content, random)
    at = _place(content, random)
    return content[:at] + content[start:end] + content[at + random.choice((0, end - start)) :]


def blotted(content: bytes, random: Random) -> bytes:
    start, end = _stretch(content, random)
    blot = random.choice((b"\0", b"\xff", b" ", None))
    inner = random.randbytes(end - start) if blot is None else blot * (end - start)
    return content[:start] + inner + content[end:]


BYTES: tuple[Mutator, ...] = (flipped, edged, truncated, deleted, duplicated, spliced, blotted)


# Text


def _numbers(content: bytes, random: Random) -> tuple[int, int]:
    """Where a number stands."""
    at = _place(content, random)
    while at < len(content) and content[at] not in DIGITS:
        at += 1
    end = at
    while end < len(content) and content[end] in DIGITS:
        end += 1
    return at, end


def renumbered(content: bytes, random: Random) -> bytes:
    start, end = _numbers(content, random)
    return content[:start] + random.choice(WORDS).encode() + content[end:]


def worded(content: bytes, random: Random) -> bytes:
    at = _place(content, random)
    return content[:at] + random.choice(WORDS).encode() + content[at:]


def nested(content: bytes, random: Random) -> bytes:
    start, _ = _numbers(content, random)
    before, after = random.choice(
        ((b"[", b"]"), (b'{"a":', b"}"), (b"<a>", b"</a>"), (b"(", b")"), (b'"', b'"'))
    )
    depth = random.choice(DEPTHS)
    return content[:start] + before * depth + b"1" + after * random.choice((depth, 0)) + content[start:]


def relined(content: bytes, random: Random) -> bytes:
    lines = content.split(b"\n")
    at = random.randrange(len(lines))
    change = random.randrange(5)
    if change == 0:
        del lines[at]
    elif change == 1:
        lines.insert(at, random.choice(lines))
    elif change == 2:
        random.shuffle(lines)
    elif change == 3:
        lines[at] = lines[at].replace(
            random.choice((b",", b";", b"\t", b'"')), random.choice((b"", b",,", b'"', b"\n"))
        )
    else:
        return random.choice((b"\r\n", b"\r", b"\n\n", b"\0\n", b"\x1e")).join(lines)
    return b"\n".join(lines)


def recoded(content: bytes, random: Random) -> bytes:
    text = content.decode("utf-8", "replace")
    coded = text.encode(random.choice(("utf-16", "utf-16-le", "utf-32", "cp1251", "latin-1")), "replace")
    return random.choice((b"", b"\xef\xbb\xbf", b"\xff\xfe")) + coded


TEXT: tuple[Mutator, ...] = (renumbered, renumbered, worded, nested, relined, recoded)


# JSON: one document, or one a line


def structured(content: bytes, random: Random) -> bytes:
    start = content.find(b"{") if content.startswith(b"var ") else 0
    try:
        tree = [json.loads(content[start:].removeprefix(b"\xef\xbb\xbf").rstrip(b";\n "))]
    except (ValueError, RecursionError):
        return _a_line(content, random)
    _change(tree, random)
    return content[:start] + _written(tree)


def _a_line(content: bytes, random: Random) -> bytes:
    lines = content.split(b"\n")
    at = random.randrange(len(lines))
    try:
        tree = [json.loads(lines[at])]
    except (ValueError, RecursionError):
        return renumbered(content, random)
    _change(tree, random)
    lines[at] = _written(tree)
    return b"\n".join(lines)


def _written(tree: list[Any]) -> bytes:
    return b" ".join(json.dumps(each, ensure_ascii=False).encode("utf-8", "surrogatepass") for each in tree)


def _change(tree: Any, random: Random) -> None:
    """Change one member of a JSON value: the way down is chosen at random."""
    while True:
        keys = list(tree) if isinstance(tree, dict) else range(len(tree))
        key = random.choice(keys) if keys else None
        inner = tree[key] if key is not None else None
        if isinstance(inner, dict | list) and inner and random.random() < 0.85:
            tree = inner
            continue
        break
    change = random.randrange(5)
    if key is None or change == 0:
        _put(tree, random, random.choice(VALUES))
    elif change == 1:
        tree[key] = random.choice(VALUES)
    elif change == 2:
        del tree[key]
    elif change == 3:
        tree[key] = [tree[key]] if random.random() < 0.5 else {"a": tree[key]}
    else:
        _put(tree, random, tree[key])


def _put(tree: Any, random: Random, value: Any) -> None:
    if isinstance(tree, dict):
        tree[random.choice([*tree, "", "a.b", "@id", "\0"])] = value
    else:
        tree.insert(random.randint(0, len(tree)), value)


# XML


BOMB = (
    '<!DOCTYPE b [<!ENTITY a "lol"><!ENTITY b "'
    + "&a;" * 50
    + '"><!ENTITY c "'
    + "&b;" * 50
    + '"><!ENTITY d "'
    + "&c;" * 50
    + '">]>'
)


def marked_up(content: bytes, random: Random) -> bytes:
    try:
        tree = etree.fromstring(content, etree.XMLParser(huge_tree=True, resolve_entities=False))
    except (etree.XMLSyntaxError, ValueError):
        return renumbered(content, random)
    element = random.choice(list(tree.iter(etree.Element)))
    parent = element.getparent()
    change = random.randrange(8)
    if change == 0 and parent is not None:
        parent.remove(element)
    elif change == 1 and parent is not None:
        other = random.choice(list(tree.iter(etree.Element)))
        if element not in (other, *other.iterancestors()):
            other.append(element)
    elif change == 2:
        element.tag = random.choice(
            (etree.QName(element).localname, "{x}Deed", "Deed", "row", "c", "v", "node")
        )
    elif change == 3 and element.attrib:
        name = random.choice(list(element.attrib))
        element.attrib[name] = _allowed(random.choice(WORDS))
    elif change == 4 and element.attrib:
        del element.attrib[random.choice(list(element.attrib))]
    elif change == 5:
        element.text = _allowed(random.choice(WORDS))
    elif change == 6:
        for _ in range(random.choice((1, 50))):
            element = etree.SubElement(element, element.tag, dict(element.attrib))
    else:
        element.text = "@@"
        whole = str(etree.tostring(tree, encoding="unicode")).replace(
            "@@", random.choice(("&d;", "&e;", "]]>"))
        )
        return (BOMB + whole).encode()
    return bytes(etree.tostring(tree, xml_declaration=True, encoding="utf-8"))


def _allowed(word: str) -> str:
    return "".join(
        letter for letter in word if letter == "\t" or (letter >= " " and letter not in "\ufffe\uffff")
    )


# Archives


def gzipped(content: bytes, random: Random) -> bytes:
    try:
        return gzip.compress(mutant(gzip.decompress(content), random), 1)
    except (OSError, EOFError, zlib.error):
        return flipped(content, random)


def archive(content: bytes, random: Random) -> bytes:
    """A zip archive with one member damaged, gone, renamed, repeated or swollen."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            members = [(info.filename, packed.read(info)) for info in packed.infolist()]
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError):
        return flipped(content, random)
    if not members:
        return flipped(content, random)
    at = random.randrange(len(members))
    name, inner = members[at]
    change = random.randrange(12)
    if change == 0:
        del members[at]
    elif change == 1:
        members.append(members[at])
    elif change == 2:
        members[at] = (
            random.choice(("a.txt", "../x.shp", "\u0441.dbf", name.upper(), f"._{name}", "x/" * 40 + name)),
            inner,
        )
    elif change == 3:
        other = random.randrange(len(members))
        members[at], members[other] = (name, members[other][1]), (members[other][0], inner)
    elif change == 4:
        members[at] = (name, inner + bytes(1) * (16 << 20))
    else:
        members[at] = (name, mutant(inner, random))
    made = io.BytesIO()
    with (
        warnings.catch_warnings(action="ignore"),
        zipfile.ZipFile(made, "w", random.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as packed,
    ):
        for name, inner in members:
            packed.writestr(_member(name), inner)
    return made.getvalue()


def _member(name: str) -> zipfile.ZipInfo:
    """A member that is the same at every time of day."""
    return zipfile.ZipInfo(name.replace("\0", "") or "a", (2026, 1, 1, 0, 0, 0))


def extract(content: bytes, random: Random) -> bytes:
    """An OpenStreetMap extract with one block damaged within its compression."""
    blocks = list(_blocks(content))
    if not blocks:
        return flipped(content, random)
    at = random.randrange(len(blocks))
    blocks[at] = (blocks[at][0], random.choice(BYTES)(blocks[at][1], random))
    made = b""
    for header, inner in blocks:
        # field 1 of the format's Blob is what is in it as it is, field 3 of its BlobHeader the Blob's size
        blob = b"\x0a" + _varint(len(inner)) + inner
        sized = header + b"\x18" + _varint(len(blob))
        made += struct.pack(">I", len(sized)) + sized + blob
    return made


def _blocks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Each block's header without its size, and what is in it, unpacked."""
    at = 0
    try:
        while at < len(content):
            (length,) = struct.unpack_from(">I", content, at)
            header = dict(_fields(content[at + 4 : at + 4 + length]))
            at += 4 + length
            blob = dict(_fields(content[at : at + header[3]]))
            at += header[3]
            inner = zlib.decompress(blob[3]) if 3 in blob else blob[1]
            if not isinstance(inner, bytes):
                return
            yield b"\x0a" + _varint(len(header[1])) + header[1], inner
    except (struct.error, KeyError, IndexError, TypeError, zlib.error):
        return


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """The numbers and byte strings of a protocol buffer."""
    at = 0
    while at < len(message):
        tag, at = _number(message, at)
        value, at = _number(message, at)
        if tag & 7 == 2:
            yield tag >> 3, message[at : at + value]
            at += value
        else:
            yield tag >> 3, value


def _number(message: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = message[at]
        number |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return number, at


def _varint(number: int) -> bytes:
    made = bytearray()
    while number > 127:
        made.append(number & 127 | 128)
        number >>= 7
    return bytes((*made, number))
