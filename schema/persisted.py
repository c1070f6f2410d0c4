"""Documents that callers name instead of sending them: an operator's list, and automatic persisted queries.

The list is a JSON file or a folder, checked against the schema when the server starts. http.py asks here for
the document of each request.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from graphql import GraphQLError, GraphQLSchema, OperationDefinitionNode, parse, validate

from schema.cache import Cache
from twin.errors import BadRequest, TwinError
from twin.settings import Settings

_SETTING = "TWIN_OPERATIONS"
_SHA256 = re.compile("[0-9a-f]{64}")
#: characters of the documents that callers have registered; one takes a tenth at most
_REGISTERED_CHARACTERS = 2_000_000


@dataclass(frozen=True)
class Listed:
    """A document of the operator's list, and the operation of it that a name means."""

    document: str
    operation: str | None = None


class NotListed(TwinError):
    """A document that the server has not, or does not answer: GraphQL's code and HTTP's status for it."""

    def __init__(self, message: str, code: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


class Operations:
    """The documents that may be named, and whether only those are answered."""

    def __init__(self, listed: Mapping[str, Listed | None], *, only: bool) -> None:
        self._listed = listed
        self._documents = {sha256(one.document) for one in listed.values() if one}
        self._only = only
        self._registered: Cache[str] = Cache(_REGISTERED_CHARACTERS)

    def allow(self, document: str) -> None:
        """NotListed where only listed documents are answered and this is none."""
        if self._only and sha256(document) not in self._documents:
            raise NotListed(
                "only the operations that the server lists are answered", "OPERATION_NOT_LISTED", 403
            )

    def named(self, name: str) -> Listed:
        """The listed document of a key, hash or operation's name; BadRequest where there is not one."""
        found = self._listed.get(name.removeprefix("sha256:"))
        if found is not None:
            return found
        if name in self._listed:
            raise BadRequest(f'several documents of the list have an operation "{name}"; name it by its hash')
        document = self._registered.get(name.removeprefix("sha256:"))
        if document is None:
            raise NotListed(f'the server lists no operation "{name}"', "OPERATION_NOT_FOUND")
        return Listed(document)

    def persisted(self, asked: Any, document: str | None) -> Listed:
        """An automatic persisted query: the document that is sent with its hash, or was sent before."""
        key = asked.get("sha256Hash") if isinstance(asked, dict) else None
        if not isinstance(key, str) or not _SHA256.fullmatch(key) or asked.get("version") != 1:
            raise BadRequest(
                'it is not {"version": 1, "sha256Hash": 64 hexadecimal digits}',
                where="extensions.persistedQuery",
            )
        if document is not None:
            if sha256(document) != key:
                raise BadRequest("it is not the hash of the query", where="extensions.persistedQuery")
            self.allow(document)
            self._registered.put(key, document, len(document))
            return Listed(document)
        found = self._listed.get(key)
        if found is not None:
            return found
        if self._only:
            # what a caller would register it may not ask: it had better send what is listed
            raise NotListed("PersistedQueryNotSupported", "PERSISTED_QUERY_NOT_SUPPORTED")
        registered = self._registered.get(key)
        if registered is None:
            raise NotListed("PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND")
        return Listed(registered)


def sha256(document: str) -> str:
    # what is no text cannot be a document, but must have a hash all the same
    return hashlib.sha256(document.encode(errors="surrogatepass")).hexdigest()


# --- the operator's list --------------------------------------------------------------------------------
def read_operations(settings: Settings, schema: GraphQLSchema) -> Operations:
    """The operations of the settings; BadRequest names the file and document that is wrong.

    A document has for names its key in the manifest, the hash of its text, and its operations' names: None
    where several documents have an operation of that name, as those of older clients do. A key that is also
    the name of another document's operation is a mistake.
    """
    if settings.operations is None:
        if settings.only_operations:
            raise BadRequest(f"it is set, but no {_SETTING} says which", where="TWIN_ONLY_OPERATIONS")
        return Operations({}, only=False)
    by_key: dict[str, Listed] = {}
    by_operation: dict[str, dict[Listed, str]] = {}
    for source, key, document in _documents(settings.operations):
        for operation in _checked(schema, source, key, document):
            by_operation.setdefault(operation, {})[Listed(document, operation)] = source
        for name in {key, sha256(document)}:
            if by_key.setdefault(name, Listed(document)).document != document:
                raise BadRequest(
                    f'{source}: "{key}" has another document elsewhere in the list', where=_SETTING
                )
    if not by_key:
        raise BadRequest(f"{settings.operations} holds no operations", where=_SETTING)
    listed: dict[str, Listed | None] = {**by_key}
    for operation, meant in by_operation.items():
        for one, source in meant.items():
            if operation in by_key and by_key[operation].document != one.document:
                raise BadRequest(
                    f'"{operation}" is the key, or the file, of one document, and {source} has an operation '
                    "of that name in another: rename one of them",
                    where=_SETTING,
                )
        listed[operation] = next(iter(meant)) if len(meant) == 1 else None
    return Operations(listed, only=settings.only_operations)


def _documents(place: Path) -> Iterator[tuple[str, str, str]]:
    """The documents of a manifest, or of a folder's .json manifests and .graphql files: file, key, text."""
    if place.is_dir():
        files = sorted(file for file in place.rglob("*") if file.suffix in (".json", ".graphql", ".gql"))
    else:
        files = [place]
    for file in files:
        try:
            text = file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as unreadable:
            raise BadRequest(f"{file} cannot be read: {unreadable}", where=_SETTING) from None
        if file.suffix == ".json":
            for key, document in _manifest(file, text):
                yield file.name, key, document
        else:
            yield file.name, file.stem, text


def _manifest(file: Path, text: str) -> Iterator[tuple[str, str]]:
    """What graphql-codegen, Relay and Apollo write: {key: document}, or {"operations": [{"id", "body"}]}."""
    try:
        manifest = orjson.loads(text)
    except orjson.JSONDecodeError as broken:
        raise BadRequest(f"{file} is no JSON: {broken}", where=_SETTING) from None
    pairs: Any = manifest
    if isinstance(manifest, dict) and isinstance(manifest.get("operations"), list):
        pairs = {one.get("id"): one.get("body") for one in manifest["operations"] if isinstance(one, dict)}
    if not isinstance(pairs, dict) or not all(
        isinstance(part, str) for pair in pairs.items() for part in pair
    ):
        raise BadRequest(
            f'{file} is no manifest; expected is {{"hash or name": "document"}} or '
            '{"operations": [{"id": "...", "body": "..."}]}',
            where=_SETTING,
        )
    yield from pairs.items()


def _checked(schema: GraphQLSchema, source: str, key: str, document: str) -> list[str]:
    """The names of a document's operations; BadRequest where the server could not answer it."""
    try:
        ast = parse(document)
        errors = validate(schema, ast)
    except GraphQLError as wrong:
        errors = [wrong]
    if errors:
        told = "; ".join(
            error.message + "".join(f" (line {at.line})" for at in error.locations or ())
            for error in errors[:5]
        )
        raise BadRequest(f'{source}: "{key}" cannot be answered: {told}', where=_SETTING)
    return [
        each.name.value for each in ast.definitions if isinstance(each, OperationDefinitionNode) and each.name
    ]
