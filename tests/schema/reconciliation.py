"""JSON Schemas of the Reconciliation Service API 0.2, written from the specification's tables."""

from __future__ import annotations

from typing import Any

from jsonschema import Draft7Validator

_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}


def _object(required: dict[str, Any], optional: dict[str, Any] | None = None, *, closed: bool = True) -> Any:
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": not closed,
    }


def _list(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


_TEMPLATE = {"type": "string", "pattern": r"\{\{id\}\}"}
_SERVICE = _object({"service_url": _TEXT, "service_path": _TEXT})
_TYPE = _object({"id": _TEXT, "name": _TEXT}, {"broader": {"type": "array"}})
_SUGGEST = _object(
    {"service_url": _TEXT, "service_path": _TEXT},
    {"flyout_service_url": _TEXT, "flyout_service_path": {"type": "string", "pattern": r"\$\{id\}"}},
)
_FEATURE = _object({"id": _TEXT, "value": {"type": ["number", "boolean"]}})
_CANDIDATE = _object(
    {"id": _TEXT, "name": _TEXT, "type": _list(_TYPE), "score": {"type": "number"}},
    {"description": _TEXT, "features": _list(_FEATURE), "match": {"type": "boolean"}},
)
_VALUE = {
    "oneOf": [
        {"type": "object", "maxProperties": 0},
        _object({"id": _TEXT, "name": _TEXT}, {"description": _TEXT}),
        _object({"str": {"type": "string"}}),
        _object({"float": {"type": "number"}}),
        _object({"int": {"type": "integer"}}),
        _object({"date": {"type": "string", "pattern": r"^-?\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d"}}),
    ]
}
_SUGGESTED = {"id": _TEXT, "name": _TEXT}

MANIFEST = _object(
    {
        "versions": {"type": "array", "items": _TEXT, "contains": {"const": "0.2"}},
        "name": _TEXT,
        "identifierSpace": {"type": "string", "pattern": "^https?://"},
        "schemaSpace": {"type": "string", "pattern": "^https?://"},
    },
    {
        "defaultTypes": {**_list(_TYPE), "uniqueItems": True},
        "documentation": _TEXT,
        "logo": _TEXT,
        "serviceVersion": _TEXT,
        "view": _object({"url": _TEMPLATE}),
        "feature_view": _object({"url": _TEMPLATE}),
        "preview": _object({"url": _TEMPLATE, "width": {"type": "integer"}, "height": {"type": "integer"}}),
        "suggest": _object({}, dict.fromkeys(("entity", "property", "type"), _SUGGEST)),
        "extend": _object({}, {"propose_properties": _SERVICE, "property_settings": {"type": "array"}}),
        "batchSize": {"type": "integer", "minimum": 1},
    },
)
RESULT_BATCH = {"type": "object", "additionalProperties": _object({"result": _list(_CANDIDATE)})}
SUGGESTED_ENTITIES = _object({
    "result": _list(_object(_SUGGESTED, {"description": _TEXT, "notable": _list({"oneOf": [_TEXT, _TYPE]})}))
})  # fmt: skip
SUGGESTED_OTHERS = _object({"result": _list(_object(_SUGGESTED, {"description": _TEXT}))})
FLYOUT = _object({"id": _TEXT, "html": _TEXT})
PROPOSED = _object(
    {"type": {"type": "string"}, "properties": _list(_object(_SUGGESTED))}, {"limit": {"type": "integer"}}
)
EXTENDED = _object({
    "meta": _list(_object(_SUGGESTED, {"type": _TYPE, "service": _TEXT})),
    "rows": {"type": "object", "additionalProperties": {
        "type": "object", "additionalProperties": _list(_VALUE),
    }},
})  # fmt: skip


def valid(answer: Any, schema: Any) -> Any:
    """The answer, which must be as the specification says."""
    Draft7Validator.check_schema(schema)
    Draft7Validator(schema).validate(answer)
    return answer
