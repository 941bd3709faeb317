"""Covey's own routes: health, schema, predictions, scores, and what the page asks for."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

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
from covey.serve.reader import Asked
from covey.serve.refusal import Refusal
from covey.serve.rows_of_file import rows_of_file
from covey.serve.service import Service


def routes(service: Service) -> APIRouter:
    """The routes of a model."""
    router = APIRouter()
    reader = service.reader
    schema = reader.description.content

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
        query = request.query_params

        def table(body: bytes) -> Asked:
            frame = read_table(body, kind, reader.bounds)
            question = reader.table(frame, query.get("columns"), query.get("given"))
            return question, partial(write_table, kind=kind)

        if kind not in (JSON, *TABLES):
            known = ", ".join((JSON, *TABLES))
            raise Refusal(415, f"Expected a body of one of {known}. Received: {kind[:100]!r}.")
        read = reader.rows if kind == JSON else table
        found = await service.reply(await request.body(), read, packed=kind != JSON)
        return Response(found, media_type=kind)

    @router.post(
        "/score",
        tags=["covey"],
        summary="How probable observed targets are under their predictions",
        responses=refusals(400, 401, 408, 413, 422, 503) | SCORES,
        openapi_extra=score_body(schema),
    )
    async def score(request: Request) -> Response:
        return Response(await service.reply(await request.body(), reader.score), media_type=JSON)

    @router.post(
        "/explore",
        tags=["covey"],
        summary="One row as the page shows it, with lines around regions of two targets",
        responses=refusals(400, 401, 408, 413, 422, 503) | EXPLORATION,
        openapi_extra=explore_body(schema),
    )
    async def explore(request: Request) -> Response:
        return Response(await service.explore(await request.body()), media_type=JSON)

    @router.post(
        "/rows",
        tags=["covey"],
        summary="The rows of a CSV file, as JSON has them; the page reads files with it",
        responses=refusals(400, 401, 408, 413, 415, 422, 503) | ROWS,
        openapi_extra={"requestBody": {"content": {"text/csv": {"schema": {"type": "string"}}}}},
    )
    async def rows(request: Request) -> Response:
        read = partial(rows_of_file, reader=reader)
        return Response(await service.work(read, await request.body()), media_type=JSON)

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
