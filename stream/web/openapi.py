"""The JSON of the page described: OpenAPI 3.1, its schemas those of topic ``alerts``."""

from typing import Any, get_args

from detectors.alert import Severity
from stream.contracts import schema_parts
from stream.detection import VERSION
from stream.web.board import MAX_BURSTS, Status
from stream.web.live import MAX_RULINGS
from stream.web.query import DEFAULT_LIMIT, MAX_QUERY_CHARS

Schema = dict[str, Any]

_REF = "#/components/schemas/{name}"
_INFO = (
    "What rings, as `tocsin web` shows it. Texts, hashtags and links are strangers': escape them where you "
    "show them. The page keeps the last word on each burst; every transition is on the topic."
)


def openapi() -> Schema:
    """The OpenAPI 3.1 document of ``/api``."""
    _, alerts = schema_parts("alerts", _REF)
    _, rulings = schema_parts("rulings", _REF)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tocsin", "version": VERSION, "description": _INFO, "license": {"name": "MIT"}},
        "paths": {
            "/api/bursts": {
                "get": _operation(
                    "listBursts",
                    "Bursts: what rings first, then gravest, then newest.",
                    "Bursts",
                    [_query("status", {"enum": list(get_args(Status)), "default": "any"}), *_SEARCH, _LIMIT],
                )
            },
            "/api/bursts/{id}": {
                "get": _operation(
                    "getBurst", "One burst and those related to it.", "Burst", [_ID], _NOT_FOUND
                )
            },
            "/api/timeline": {
                "get": _operation(
                    "getTimeline",
                    "Bursts that rang within the day before the latest alert, by their beginning.",
                    "Timeline",
                    _SEARCH,
                )
            },
            "/api/rulings": {
                "get": _operation(
                    "listRulings",
                    "What people decided and what became of it, the newest first.",
                    "Rulings",
                    [],
                )
            },
            "/api/openapi.json": {
                "get": _operation("getDescription", "This document.", None, [], tag_schema={"type": "object"})
            },
        },
        "components": {"schemas": alerts | rulings | _OWN},
    }


def _operation(
    name: str,
    summary: str,
    schema: str | None,
    parameters: list[Schema],
    more: Schema | None = None,
    tag_schema: Schema | None = None,
) -> Schema:
    body = tag_schema or {"$ref": _REF.format(name=schema)}
    return {
        "operationId": name,
        "summary": summary,
        "parameters": parameters,
        "responses": {
            "200": _answer("Well.", body),
            "400": _answer("A wrong parameter.", _ERROR),
            **(more or {}),
        },
    }


def _answer(description: str, schema: Schema) -> Schema:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _query(name: str, schema: Schema, **more: Any) -> Schema:
    return {"name": name, "in": "query", "required": False, "schema": {"type": "string"} | schema, **more}


_ERROR: Schema = {"$ref": _REF.format(name="Error")}
_NOT_FOUND = {"404": _answer("No such burst is known.", _ERROR)}
_ID: Schema = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
_LIMIT = _query(
    "limit",
    {"type": "integer", "minimum": 1, "maximum": MAX_BURSTS, "default": DEFAULT_LIMIT},
    description="Most bursts in the answer.",
)
_SEARCH = [
    _query(
        "q",
        {"maxLength": MAX_QUERY_CHARS},
        description="Words that texts, hashtags, links, platforms, languages or the id must hold.",
    ),
    _query("min_severity", {"enum": [severity.value for severity in Severity], "default": "info"}),
]


def _object(**fields: Schema) -> Schema:
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


_TOLD = {"$ref": _REF.format(name="Told")}
_LATEST: Schema = {
    "type": ["string", "null"],
    "format": "date-time",
    "description": "The latest event time told.",
}
_OWN: Schema = {
    "Told": _object(
        alert={"$ref": _REF.format(name="Alert")},
        append_ms={"type": "integer", "description": "Append time at the broker, UTC milliseconds."},
    ),
    "Bursts": _object(
        total={"type": "integer", "minimum": 0, "description": "How many fit, shown or not."},
        latest=_LATEST,
        bursts={"type": "array", "items": _TOLD, "maxItems": MAX_BURSTS},
    ),
    "Burst": _object(burst=_TOLD, related={"type": "array", "items": _TOLD}),
    "Timeline": _object(latest=_LATEST, bursts={"type": "array", "items": _TOLD, "maxItems": MAX_BURSTS}),
    "Rulings": _object(
        rulings={"type": "array", "items": {"$ref": _REF.format(name="Ruled")}, "maxItems": MAX_RULINGS}
    ),
    "Error": _object(error={"type": "string"}),
}
