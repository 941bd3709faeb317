"""The scoring protocol of MLflow: `/invocations`, and flat columns out.

References:
    MLflow, "Deploy MLflow model as a local inference server".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from fastapi import APIRouter, Request, Response

from covey import __version__
from covey.errors import counted, shown
from covey.serve.bodies import CSV, JSON, media_type, read_table
from covey.serve.documents import refusals
from covey.serve.json_bodies import first_repeated, read_json, write_json
from covey.serve.questions import plain
from covey.serve.reader import FLAT, Asked, Reader
from covey.serve.refusal import Refusal
from covey.serve.rows import check_count, from_columns, from_records, with_cells
from covey.serve.service import Service

if TYPE_CHECKING:
    import pandas as pd

FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")
ERROR = {
    "type": "object",
    "properties": {"error_code": {"type": "string"}, "message": {"type": "string"}},
    "required": ["error_code", "message"],
}
OBJECT, LIST = {"type": "object"}, {"type": "array"}
BODY = {
    "requestBody": {
        "required": True,
        "content": {
            JSON: {
                "schema": {
                    "type": "object",
                    "properties": {
                        "dataframe_split": OBJECT,
                        "dataframe_records": LIST,
                        "instances": LIST,
                        "inputs": {"type": ["object", "array"]},
                        "params": OBJECT,
                    },
                }
            },
            CSV: {"schema": {"type": "string"}},
        },
    }
}


def routes(service: Service) -> APIRouter:
    """The routes of a model."""
    reader = service.reader
    router = APIRouter(tags=["mlflow"])

    @router.get("/ping", summary="Whether the server is there", response_class=Response)
    async def ping() -> Response:
        return Response("\n", media_type="text/plain")

    @router.get(
        "/version",
        summary="The version of Covey",
        response_class=Response,
        responses=refusals(401, schema=ERROR),
    )
    async def version() -> Response:
        return Response(__version__, media_type="text/plain")

    @router.post(
        "/invocations",
        summary="Predict",
        responses=refusals(400, 401, 408, 413, 415, 422, 503, schema=ERROR),
        openapi_extra=BODY,
    )
    async def invocations(request: Request) -> Response:
        kind = media_type(request.headers.get("content-type", JSON))
        if kind not in (JSON, CSV):
            raise Refusal(415, f"Expected a body of {JSON} or {CSV}. Received: {kind[:100]!r}.")

        def read(body: bytes) -> Asked:
            if kind == CSV:
                return reader.table(read_table(body, CSV, reader.bounds), list(FLAT)), _written
            # MLflow's own client writes the gaps of a DataFrame as NaN
            content = read_json(body, FORMS, nan_is_null=True)
            if not isinstance(content, Mapping):
                raise Refusal(422, f"Expected an object with one of {', '.join(FORMS)}.")
            params = content.get("params") or {}
            if not isinstance(params, Mapping):
                raise Refusal(422, f"Expected `params` to be an object. Received: {shown(params)}.")
            columns = params.get("columns") or list(FLAT)
            frame = _frame(content, reader)
            return reader.table(frame, columns, params.get("given")), _written

        found = await service.reply(await request.body(), read, packed=kind == CSV)
        return Response(found, media_type=JSON)

    return router


def _written(table: pd.DataFrame) -> bytes:
    names = [str(name) for name in table.columns]
    values = plain(table.to_numpy(dtype=np.float64))
    return write_json({"predictions": [dict(zip(names, row, strict=True)) for row in values]})


def _frame(content: Mapping[str, Any], reader: Reader) -> pd.DataFrame:
    """The table that one of the forms of MLflow holds."""
    present = [form for form in FORMS if form in content]
    if len(present) != 1:
        raise Refusal(
            422, f"Expected one of {', '.join(FORMS)}. Received: {', '.join(present) or 'none'}."
        )
    (form,) = present
    value, names = content[form], reader.model.schema_.names
    if form == "dataframe_split":
        if not isinstance(value, Mapping) or not isinstance(value.get("data"), list):
            raise Refusal(422, "Expected `dataframe_split` to be an object with columns and data.")
        columns = value.get("columns", list(names))
        if not isinstance(columns, list) or not all(isinstance(c, str) for c in columns):
            raise Refusal(422, f"Expected `columns` to be names. Received: {shown(columns)}.")
        if len(set(columns)) < len(columns):
            twice = shown(first_repeated(columns))
            raise Refusal(422, f"Expected each of `columns` once. Received {twice} twice.")
        return _records(_named(value["data"], columns), reader)
    if form == "inputs" and isinstance(value, Mapping):
        return _columns(value, reader)
    if not isinstance(value, list):
        raise Refusal(422, f"Expected `{form}` to be a list of rows. Received: {shown(value)}.")
    if form != "dataframe_records" and value and isinstance(value[0], list):
        return _records(_named(value, list(names)), reader)
    return _records(value, reader)


def _named(rows: list[Any], columns: list[str]) -> list[Any]:
    """Rows that are lists, as objects."""
    found = []
    for number, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(columns):
            reason = f"expected a list of {counted(len(columns), 'value')}. Received: {shown(row)}."
            raise Refusal.of_rows([{"row": number, "column": None, "reason": reason}])
        found.append(dict(zip(columns, row, strict=True)))
    return found


def _columns(columns: Mapping[str, Any], reader: Reader) -> pd.DataFrame:
    """Columns that are lists of cells, or of lists of one cell."""
    found = {}
    for name, cells in columns.items():
        if not isinstance(cells, list):
            raise Refusal(
                422, f"Expected {name!r} to be a list of values. Received: {shown(cells)}."
            )
        nested = bool(cells) and all(isinstance(cell, list) and len(cell) == 1 for cell in cells)
        found[name] = [cell[0] for cell in cells] if nested else cells
    lengths = {len(cells) for cells in found.values()}
    if len(lengths) > 1:
        raise Refusal(422, f"Expected columns of one length. Received: {sorted(lengths)}.")
    check_count(lengths.pop() if lengths else 0, reader.limits.max_rows)
    return _with_targets(from_columns(found, reader.model.schema_), found, reader)


def _records(records: list[Any], reader: Reader) -> pd.DataFrame:
    frame = from_records(records, reader.model.schema_, reader.limits.max_rows)
    # a row may lack targets that others have: what is not known of them is not conditioned on
    known = {name for record in records for name in record}
    targets = {
        name: [record.get(name) for record in records]
        for name in reader.model.targets_
        if name in known
    }
    return _with_targets(frame, targets, reader)


def _with_targets(
    frame: pd.DataFrame, columns: Mapping[str, list[Any]], reader: Reader
) -> pd.DataFrame:
    """The same table with the targets that are there: `params.given` may name them."""
    targets = [n for n in reader.model.targets_ if n in columns and n not in frame.columns]
    return frame.assign(**with_cells({name: columns[name] for name in targets}))
