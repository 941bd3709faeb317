"""Covey's own routes: health, schema, predictions, scores, and what the page asks for."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from covey.errors import counted
from covey.serve.bodies import JSON, TABLES, media_type, read_table, write_table
from covey.serve.documents import (
    EXPLORATION,
    PREDICTIONS,
    ROWS,
    SCHEMA,
    SCORES,
    explore_body,
    predict_body,
    refusals,
    score_body,
    table_parameters,
)
from covey.serve.metrics import MEDIA_TYPE
from covey.serve.refusal import Refusal
from covey.serve.service import Service, read_json


def routes(service: Service) -> APIRouter:
    """The routes of a model."""
    router = APIRouter()
    schema = service.description.content

    @router.get("/health", tags=["covey"], summary="Whether the server is there")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @router.get(
        "/schema",
        tags=["covey"],
        summary="Features with their kinds and ranges, targets, an example row",
        responses=refusals(401) | SCHEMA,
    )
    async def describe() -> JSONResponse:
        return JSONResponse(schema)

    @router.post(
        "/predict",
        tags=["covey"],
        summary="Predict rows: JSON row by row, or a table (CSV, Arrow, Parquet) to flat columns",
        responses=refusals(400, 401, 408, 413, 415, 422, 503) | PREDICTIONS,
        openapi_extra=predict_body(schema) | table_parameters(),
    )
    async def predict(request: Request) -> Response:
        kind = media_type(request.headers.get("content-type", JSON))
        body = await request.body()
        if kind == JSON:
            return JSONResponse(await service.rows(read_json(body)))
        if kind not in TABLES:
            known = ", ".join((JSON, *TABLES))
            raise Refusal(415, f"Expected a body of one of {known}. Received: {kind[:100]!r}.")
        decimal = service.model.schema_.decimal
        most = service.limits.max_rows
        frame = await run_in_threadpool(read_table, body, kind, most, decimal)
        query = request.query_params
        found = await service.table(frame, query.get("columns"), query.get("given"))
        return Response(await run_in_threadpool(write_table, found, kind), media_type=kind)

    @router.post(
        "/score",
        tags=["covey"],
        summary="How probable observed targets are under their predictions",
        responses=refusals(400, 401, 408, 413, 422, 503) | SCORES,
        openapi_extra=score_body(schema),
    )
    async def score(request: Request) -> JSONResponse:
        return JSONResponse(await service.score(read_json(await request.body())))

    @router.post(
        "/explore",
        tags=["covey"],
        summary="One row as the page shows it, with lines around regions of two targets",
        responses=refusals(400, 401, 408, 413, 422, 503) | EXPLORATION,
        openapi_extra=explore_body(schema),
    )
    async def explore(request: Request) -> JSONResponse:
        return JSONResponse(await service.explore(read_json(await request.body())))

    @router.post(
        "/rows",
        tags=["covey"],
        summary="The rows of a CSV file, as JSON has them; the page reads files with it",
        responses=refusals(400, 401, 408, 413, 415) | ROWS,
        openapi_extra={"requestBody": {"content": {"text/csv": {"schema": {"type": "string"}}}}},
    )
    async def rows(request: Request) -> JSONResponse:
        return JSONResponse(await run_in_threadpool(_rows, service, await request.body()))

    @router.get(
        "/metrics",
        tags=["covey"],
        summary="Counts, for Prometheus",
        response_class=Response,
        responses=refusals(401)
        | {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    async def metrics() -> Response:
        queue = service.queue
        gauges: dict[str, tuple[str, str, float]] = {
            "covey_waiting_requests": ("gauge", "Requests without an answer yet.", queue.waiting),
            "covey_batches_total": ("counter", "Predictions that were computed.", queue.batches),
            "covey_rows_total": ("counter", "Rows that were predicted.", queue.rows),
        }
        return Response(service.metrics.text(gauges), media_type=MEDIA_TYPE)

    return router


def _rows(service: Service, body: bytes) -> dict[str, Any]:
    """The rows of a text file: features as text or None, and targets as numbers or None."""
    import numpy as np
    import pandas as pd

    model = service.model
    most = service.limits.max_rows
    frame = read_table(body, "text/csv", most, model.schema_.decimal)
    if len(frame) > most:
        raise Refusal(
            413, f"Expected at most {counted(most, 'row')} in a file. Received {len(frame):,}."
        )
    lacking = [name for name in model.schema_.names if name not in frame.columns]
    features = frame.reindex(columns=list(model.schema_.names)).astype(object)
    features = features.where(features.notna(), None)
    targets = {}
    for name in model.targets_:
        if name in frame.columns:
            values = pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=np.float64)
            targets[name] = np.where(np.isfinite(values), values, None)
    return {
        "rows": features.to_dict("records"),
        "observed": pd.DataFrame(targets, index=frame.index, dtype=object).to_dict("records"),
        "lacking": lacking,
    }
