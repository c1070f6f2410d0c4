"""Stable public ids: `Type:key`, readable, unchanged by a reload; loaders make keys, schema shows ids."""

from __future__ import annotations

import hashlib

from twin.errors import BadRequest


def public_id(entity: str, key: str) -> str:
    """`public_id("Building", "68134.100.33.2")` is `Building:68134.100.33.2`."""
    return f"{entity}:{key}"


def split_id(text: str) -> tuple[str, str]:
    """The entity's name and the key; BadRequest when the text is no id."""
    entity, _, key = text.partition(":")
    if not (key and entity.isalpha() and entity.isascii()):
        raise BadRequest(f'"{text}" is no id; an id looks like Building:68134.100.33.2')
    return entity, key


def uri_path(city: str, entity: str, key: str) -> str:
    """The dereferenceable address of an entity, below the server's own."""
    return f"/{city}/id/{entity}/{key}"


def hashed_key(source: str, *values: object) -> str:
    """A key for a record whose publisher gives it none: the same values always give the same key."""
    joined = "\x1f".join("" if value is None else str(value) for value in values)
    return f"{source}-{hashlib.blake2b(joined.encode(), digest_size=10).hexdigest()}"
