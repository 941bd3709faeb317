"""The scoring protocol of MLflow: `/invocations`, and flat columns out.

References:
    MLflow, "Deploy MLflow model as a local inference server".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from covey import __version__
from covey.errors import counted, shown
from covey.serve.bodies import CSV, JSON, media_type, read_table
from covey.serve.documents import refusals
from covey.serve.refusal import Refusal
from covey.serve.rows import check_count, from_columns, from_records
from covey.serve.service import FLAT, Service, read_json

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
    async def invocations(request: Request) -> JSONResponse:
        kind = media_type(request.headers.get("content-type", JSON))
        body = await request.body()
        params: Mapping[str, Any] = {}
        if kind == CSV:
            decimal, most = service.model.schema_.decimal, service.limits.max_rows
            frame = await run_in_threadpool(read_table, body, CSV, most, decimal)
        elif kind == JSON:
            content = read_json(body)
            if not isinstance(content, Mapping):
                raise Refusal(422, f"Expected an object with one of {', '.join(FORMS)}.")
            params = content.get("params") or {}
            if not isinstance(params, Mapping):
                raise Refusal(422, f"Expected `params` to be an object. Received: {shown(params)}.")
            frame = _frame(content, service)
        else:
            raise Refusal(415, f"Expected a body of {JSON} or {CSV}. Received: {kind[:100]!r}.")
        columns = params.get("columns") or list(FLAT)
        table = await service.table(frame, columns, params.get("given"))
        names = [str(name) for name in table.columns]
        values = table.to_numpy(dtype=np.float64).astype(object)
        values[~np.isfinite(values.astype(np.float64))] = None
        records = [dict(zip(names, row, strict=True)) for row in values.tolist()]
        return JSONResponse({"predictions": records})

    return router


def _frame(content: Mapping[str, Any], service: Service) -> pd.DataFrame:
    """The table that one of the forms of MLflow holds."""
    present = [form for form in FORMS if form in content]
    if len(present) != 1:
        raise Refusal(
            422, f"Expected one of {', '.join(FORMS)}. Received: {', '.join(present) or 'none'}."
        )
    (form,) = present
    value, names = content[form], service.model.schema_.names
    if form == "dataframe_split":
        if not isinstance(value, Mapping) or not isinstance(value.get("data"), list):
            raise Refusal(422, "Expected `dataframe_split` to be an object with columns and data.")
        columns = value.get("columns", list(names))
        if not isinstance(columns, list) or not all(isinstance(c, str) for c in columns):
            raise Refusal(422, f"Expected `columns` to be names. Received: {shown(columns)}.")
        return _records(_named(value["data"], columns), service)
    if form == "inputs" and isinstance(value, Mapping):
        return _columns(value, service)
    if not isinstance(value, list):
        raise Refusal(422, f"Expected `{form}` to be a list of rows. Received: {shown(value)}.")
    if form != "dataframe_records" and value and isinstance(value[0], list):
        return _records(_named(value, list(names)), service)
    return _records(value, service)


def _named(rows: list[Any], columns: list[str]) -> list[Any]:
    """Rows that are lists, as objects."""
    found = []
    for number, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(columns):
            reason = f"expected a list of {counted(len(columns), 'value')}. Received: {shown(row)}."
            raise Refusal.of_rows([{"row": number, "column": None, "reason": reason}])
        found.append(dict(zip(columns, row, strict=True)))
    return found


def _columns(columns: Mapping[str, Any], service: Service) -> pd.DataFrame:
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
    check_count(lengths.pop() if lengths else 0, service.limits.max_rows)
    frame = from_columns(found, service.model.schema_)
    return _with_targets(frame, [{}], service, found)


def _records(records: list[Any], service: Service) -> pd.DataFrame:
    frame = from_records(records, service.model.schema_, service.limits.max_rows)
    return _with_targets(frame, records, service)


def _with_targets(
    frame: pd.DataFrame, records: list[Any], service: Service, columns: Any = None
) -> pd.DataFrame:
    """The same table with the targets that are there: `params.given` may name them."""
    if columns is None:
        names = [name for name in service.model.targets_ if name in records[0]]
        columns = {name: [record.get(name) for record in records] for name in names}
    new = [n for n in service.model.targets_ if n in columns and n not in frame.columns]
    return frame.assign(**{name: columns[name] for name in new}) if new else frame
