"""What the OpenAPI document says of bodies: they name the features and targets of the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from covey.serve.bodies import ARROW, ARROW_FILE, CSV, JSON, PARQUET
from covey.serve.questions import OUTPUTS

Schema = dict[str, Any]

REASONS = {
    400: "The body is not what its type says.",
    401: "The token is lacking or wrong.",
    404: "There is no such model.",
    408: "The body arrived too slowly.",
    413: "The body is too long or has too many rows, or the answer would be too long.",
    415: "Bodies of this type are not read.",
    422: "Rows or options cannot be used; the message names row, column and reason.",
    503: "Too many requests wait, or the answer took too long.",
}
NUMBER: Schema = {"type": ["number", "null"]}
REFUSAL: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["status", "message", "request_id"],
            "properties": {
                "status": {"type": "integer"},
                "message": {"type": "string"},
                "request_id": {"type": "string"},
                "rows": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "row": {"type": "integer", "description": "counted from 0"},
                            "column": {"type": ["string", "null"]},
                            "reason": {"type": "string"},
                        },
                    },
                },
            },
        }
    },
}
NOTES: Schema = {
    "type": "array",
    "description": "Cells beyond what training saw: they are used, and nothing was checked there.",
    "items": REFUSAL["properties"]["error"]["properties"]["rows"]["items"],
}


def refusals(*statuses: int, schema: Schema = REFUSAL) -> dict[int | str, dict[str, Any]]:
    """Descriptions of the statuses that refuse a request."""
    content = {JSON: {"schema": schema}}
    return {status: {"description": REASONS[status], "content": content} for status in statuses}


def _answer(properties: Schema, required: list[str]) -> dict[int | str, dict[str, Any]]:
    schema = {"type": "object", "properties": properties, "required": required}
    return {200: {"description": "The answer.", "content": {JSON: {"schema": schema}}}}


LISTS: Schema = {"type": "array", "items": {"type": "object"}}
NAMES: Schema = {"type": "array", "items": {"type": "string"}}
SCHEMA = _answer(
    {
        "model": {"type": "object"},
        "features": LISTS,
        "targets": LISTS,
        "example": {"type": "object"},
    },
    ["model", "features", "targets", "example"],
)
PREDICTIONS = _answer(
    {"targets": NAMES, "level": {"type": "number"}, "rows": LISTS, "notes": NOTES},
    ["targets", "level", "rows", "notes"],
)
for _kind in (CSV, ARROW, ARROW_FILE, PARQUET):
    PREDICTIONS[200]["content"][_kind] = {"schema": {"type": "string"}}
SCORES = _answer(
    {
        "targets": NAMES,
        "log_density": {"type": "array", "items": NUMBER, "description": "nats per row"},
        "region": {
            "type": "array",
            "items": NUMBER,
            "description": "level of the region on whose boundary the row lies: 0.99 is far out",
        },
        "error": {**LISTS, "description": "observed minus predicted, in target units"},
        "mean_log_density": NUMBER,
        "rows": {"type": "integer"},
        "notes": NOTES,
    },
    ["targets", "log_density", "region", "error", "mean_log_density", "rows", "notes"],
)
EXPLORATION = _answer(
    {
        "targets": NAMES,
        "rows": LISTS,
        "notes": NOTES,
        "pair": {"type": ["array", "null"]},
        "contours": LISTS,
    },
    ["targets", "rows", "notes", "contours"],
)
ROWS = _answer({"rows": LISTS, "observed": LISTS, "lacking": NAMES}, ["rows", "observed"])


def predict_body(schema: Mapping[str, Any]) -> Schema:
    """The body of `/predict`."""
    properties = {
        "rows": _rows(schema),
        "given": _given(schema),
        "level": _level(),
        "outputs": {
            "type": "array",
            "items": {"type": "string", "enum": list(OUTPUTS)},
            "minItems": 1,
        },
    }
    body = _body(properties, ["rows"], {"rows": [schema["example"]], "level": 0.9})
    for kind in (CSV, ARROW, ARROW_FILE, PARQUET):
        binary = {"type": "string"} if kind == CSV else {"type": "string", "format": "binary"}
        body["requestBody"]["content"][kind] = {"schema": binary}
    return body


def table_parameters() -> Schema:
    """The query parameters of tables."""
    return {
        "parameters": [
            {
                "name": name,
                "in": "query",
                "required": False,
                "description": what,
                "schema": {"type": "string"},
                "example": example,
            }
            for name, what, example in (
                (
                    "columns",
                    "For tables: what to write, as covey predict --columns has it.",
                    "mean",
                ),
                ("given", "For tables: targets that they hold, to condition on.", ""),
            )
        ]
    }


def score_body(schema: Mapping[str, Any]) -> Schema:
    """The body of `/score`."""
    values = {target["name"]: target["low"] for target in schema["targets"]}
    example = {"rows": [schema["example"]], "observed": [values]}
    properties = {"rows": _rows(schema), "observed": _given(schema)}
    return _body(properties, ["rows", "observed"], example)


def explore_body(schema: Mapping[str, Any]) -> Schema:
    """The body of `/explore`."""
    names = [target["name"] for target in schema["targets"]]
    properties = {
        "row": _row(schema),
        "given": _given(schema),
        "level": _level(),
        "pair": {"type": "array", "items": {"enum": names}, "minItems": 2, "maxItems": 2},
        "levels": {"type": "array", "items": _level(), "minItems": 1, "maxItems": 4},
    }
    return _body(properties, ["row"], {"row": schema["example"]})


def _body(properties: Schema, required: list[str], example: Any) -> Schema:
    schema = {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
    return {
        "requestBody": {"required": True, "content": {JSON: {"schema": schema, "example": example}}}
    }


def _level() -> Schema:
    return {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}


def _rows(schema: Mapping[str, Any]) -> Schema:
    return {"type": "array", "minItems": 1, "items": _row(schema)}


def _row(schema: Mapping[str, Any]) -> Schema:
    features = schema["features"]
    return {
        "type": "object",
        "description": "A value for every feature; null where it is not known.",
        "properties": {feature["name"]: _cell(feature) for feature in features},
        "required": [feature["name"] for feature in features],
    }


def _cell(feature: Mapping[str, Any]) -> Schema:
    kind = "number" if isinstance(feature["example"], int | float) else "string"
    return {"type": [kind, "null"], "description": feature["read_as"]}


def _given(schema: Mapping[str, Any]) -> Schema:
    one = {
        "type": "object",
        "properties": {target["name"]: NUMBER for target in schema["targets"]},
        "additionalProperties": False,
    }
    return {
        "description": "Observed targets, in their units: for all rows, or for each of them.",
        "anyOf": [one, {"type": "array", "items": one}],
    }
