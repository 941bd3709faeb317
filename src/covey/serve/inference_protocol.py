"""The Open Inference Protocol, version 2: tensors in, one tensor for each flat column out.

References:
    Open Inference Protocol, REST inference protocol, version 2 (KServe, Triton, MLServer and
    others speak it).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from fastapi import APIRouter, Request, Response

from covey import __version__
from covey.errors import clipped, counted, shown
from covey.serve.bodies import JSON
from covey.serve.documents import refusals
from covey.serve.json_bodies import first_repeated, read_json, write_json
from covey.serve.questions import plain
from covey.serve.reader import FLAT, Asked, Reader
from covey.serve.refusal import Refusal
from covey.serve.rows import ANY_FLOAT, check_count, from_columns, with_cells
from covey.serve.service import Service

if TYPE_CHECKING:
    import pandas as pd

VERSION = "1"  # of the model, the only one
BINARY = "Inference-Header-Content-Length"  # a header of the binary tensor data extension
DATATYPES = {
    "BOOL": (bool,),
    **dict.fromkeys(("FP16", "FP32", "FP64"), (int, float)),
    **dict.fromkeys((f"{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)), (int,)),
    "BYTES": (str,),
}
RANGES = {  # the first numbers that are too small, and too large
    **{f"INT{bits}": (-(2 ** (bits - 1)) - 1, 2 ** (bits - 1)) for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": (-1, 2**bits) for bits in (8, 16, 32, 64)},
    "FP16": (-65520, 65520),  # halfway from the largest to the next power of two
    "FP32": (-(2**128 - 2**103), 2**128 - 2**103),
}
FLOATS: dict[str, Any] = {"FP16": np.float16, "FP32": np.float32, "FP64": np.float64}
ERROR = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}
PARAMETERS = {
    "type": "object",
    "properties": {"columns": {"type": "string"}, "given": {"type": "string"}},
}
BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["inputs"],
                    "properties": {
                        "id": {"type": "string"},
                        "parameters": PARAMETERS,
                        "inputs": {
                            "type": "array",
                            "items": {
                                "type": "object",
                                "required": ["name", "shape", "datatype", "data"],
                                "properties": {
                                    "name": {"type": "string"},
                                    "shape": {"type": "array", "items": {"type": "integer"}},
                                    "datatype": {"enum": list(DATATYPES)},
                                    "data": {"type": "array"},
                                },
                            },
                        },
                        "outputs": {"type": "array", "items": {"type": "object"}},
                    },
                }
            }
        },
    }
}
ABOUT: dict[str, Any] = {"summary": "The model", "responses": refusals(401, 404, schema=ERROR)}
READY: dict[str, Any] = {**ABOUT, "summary": "Whether the model can predict"}
INFER: dict[str, Any] = {
    "summary": "Predict",
    "responses": refusals(400, 401, 404, 408, 413, 415, 422, 503, schema=ERROR),
    "openapi_extra": BODY,
}


def routes(service: Service) -> APIRouter:
    """The routes of a model."""
    reader = service.reader
    router = APIRouter(prefix="/v2", tags=["open inference protocol"])
    features = reader.description.content["features"]

    def known(name: str, version: str | None) -> None:
        if name != reader.name:
            raise Refusal(404, f"Expected the model {reader.name!r}. Received: {name[:100]!r}.")
        if version not in (None, VERSION):
            raise Refusal(
                404,
                f"Expected version {VERSION} of the model {name!r}, or a path without /versions/. "
                f"Received: {shown(version)}.",
            )

    @router.get("", summary="The server", responses=refusals(401, schema=ERROR))
    async def server() -> dict[str, Any]:
        return {"name": "covey", "version": __version__, "extensions": []}

    @router.get("/health/live", summary="Whether the server is there")
    async def live() -> dict[str, bool]:
        return {"live": True}

    @router.get("/health/ready", summary="Whether it can predict")
    async def ready() -> dict[str, bool]:
        return {"ready": True}

    @router.get("/models/{name}", **ABOUT)
    @router.get("/models/{name}/versions/{version}", **ABOUT)
    async def metadata(name: str, version: str | None = None) -> dict[str, Any]:
        known(name, version)
        outputs = [
            f"{kind}_{t}"
            for kind in ("mean", "std", "lower90", "upper90")
            for t in reader.model.targets_
        ]
        return {
            "name": reader.name,
            "versions": [VERSION],
            "platform": "covey",
            "inputs": [
                {"name": each["name"], "datatype": _datatype(each), "shape": [-1, 1]}
                for each in features
            ],
            "outputs": [{"name": each, "datatype": "FP64", "shape": [-1, 1]} for each in outputs],
        }

    @router.get("/models/{name}/ready", **READY)
    @router.get("/models/{name}/versions/{version}/ready", **READY)
    async def model_ready(name: str, version: str | None = None) -> dict[str, Any]:
        known(name, version)
        return {"name": reader.name, "ready": True}

    @router.post("/models/{name}/infer", **INFER)
    @router.post("/models/{name}/versions/{version}/infer", **INFER)
    async def infer(request: Request, name: str, version: str | None = None) -> Response:
        known(name, version)
        if BINARY in request.headers:
            raise Refusal(
                415,
                f"Expected tensors in JSON. Received binary ones, which the header {BINARY} tells, "
                "and that extension is not among those at /v2. Let the client send JSON, such as "
                "by `set_data_from_numpy(values, binary_data=False)` of tritonclient.",
            )
        body = await service.reply(await request.body(), partial(_read, reader))
        return Response(body, media_type=JSON)

    return router


def _read(reader: Reader, body: bytes) -> Asked:
    """The question of a request, and how its answer is written."""
    content = read_json(body)
    if not isinstance(content, Mapping) or not isinstance(content.get("inputs"), list):
        raise Refusal(422, "Expected an object with a list of `inputs`.")
    parameters = content.get("parameters") or {}
    if not isinstance(parameters, Mapping):
        raise Refusal(422, f"Expected `parameters` to be an object. Received: {shown(parameters)}.")
    identifier = content.get("id")
    if identifier is not None and not isinstance(identifier, str):
        raise Refusal(422, f"Expected `id` to be text. Received: {shown(identifier)}.")
    head = {"model_name": reader.name, "model_version": VERSION}
    if identifier is not None:
        head["id"] = identifier

    frame = _frame(content["inputs"], reader)
    columns = parameters.get("columns") or list(FLAT)
    question = reader.table(frame, columns, parameters.get("given"))
    reader.check_answer(question)
    chosen = _chosen(content.get("outputs"), reader.columns(question))

    def write(table: pd.DataFrame) -> bytes:
        names = chosen or [str(name) for name in table.columns]
        return write_json(head | {"outputs": [_output(table, name) for name in names]})

    return question, write


def _datatype(feature: Mapping[str, Any]) -> str:
    return "FP64" if isinstance(feature["example"], int | float) else "BYTES"


def _frame(inputs: list[Any], reader: Reader) -> pd.DataFrame:
    """The table of one tensor for each column, or of one tensor that holds all of them."""
    names = reader.model.schema_.names
    columns: dict[str, list[Any]] = {}
    for each in inputs:
        name, shape, data = _tensor(each)
        if len(inputs) == 1 and len(shape) == 2 and shape[1] == len(names) and name not in names:
            width = shape[1]
            columns = {column: data[place::width] for place, column in enumerate(names)}
        elif len(shape) == 2 and shape[1] != 1:
            raise Refusal(
                422,
                f"Expected a tensor of shape [N] or [N, 1] for each feature, or one of shape [N, "
                f"{len(names)}] for all. Received {name!r} of shape {shape}.",
            )
        elif name in columns:
            raise Refusal(422, f"Expected each input once. Received {name!r} twice.")
        else:
            columns[name] = data
    lengths = {len(data) for data in columns.values()}
    if len(lengths) > 1:
        raise Refusal(422, f"Expected inputs of one length. Received: {sorted(lengths)}.")
    check_count(lengths.pop() if lengths else 0, reader.limits.max_rows)
    features = from_columns(columns, reader.model.schema_)
    targets = [name for name in reader.model.targets_ if name in columns and name not in names]
    return features.assign(**with_cells({name: columns[name] for name in targets}))


def _tensor(tensor: Any) -> tuple[str, list[int], list[Any]]:
    """Name, shape and flat data of an input, each number the nearest of its datatype."""
    if not isinstance(tensor, Mapping):
        raise Refusal(422, f"Expected each input to be an object. Received: {shown(tensor)}.")
    name, shape, kind = (tensor.get(key) for key in ("name", "shape", "datatype"))
    if not isinstance(name, str):
        raise Refusal(422, f"Expected each input to have a name. Received: {shown(name)}.")
    whole = isinstance(shape, list) and all(type(n) is int and n >= 0 for n in shape)
    if not isinstance(shape, list) or not whole or len(shape) not in (1, 2):
        raise Refusal(
            422, f"Expected a shape of one or two sizes. Received for {name!r}: {shown(shape)}."
        )
    if not isinstance(kind, str) or kind not in DATATYPES:
        known = ", ".join(DATATYPES)
        raise Refusal(422, f"Expected a datatype of {known}. Received for {name!r}: {shown(kind)}.")
    data = tensor.get("data")
    if not isinstance(data, list):
        raise Refusal(422, f"Expected `data` to be a list. Received for {name!r}: {shown(data)}.")
    if len(shape) == 2 and data and isinstance(data[0], list):  # nested, as the shape is
        if not all(isinstance(row, list) and len(row) == shape[1] for row in data):
            raise Refusal(422, f"Expected the data of {name!r} to have the shape {shape}.")
        data = [cell for row in data for cell in row]
    if len(data) != int(np.prod(shape, dtype=object)):
        raise Refusal(
            422,
            f"Expected data of the shape {shape} for {name!r}. Received "
            f"{counted(len(data), 'value')}.",
        )
    allowed, (low, high) = DATATYPES[kind], RANGES.get(kind, (0, 0))
    rounded, data = FLOATS.get(kind), list(data)
    for place, cell in enumerate(data):
        fits = type(cell) in allowed or (bool in allowed and cell in (0, 1) and type(cell) is int)
        if kind in RANGES and fits and cell == cell:  # NaN is said to be none later
            fits = low < cell < high
        if rounded is not None and fits and cell == cell:
            if type(cell) is float:
                data[place] = float(rounded(cell))  # as an array of a client has it
            else:  # of whole numbers each may be another label
                fits = abs(cell) < ANY_FLOAT and int(rounded(cell)) == cell
        if cell is not None and not fits:
            row = place // (shape[1] if len(shape) == 2 and shape[1] else 1)
            reason = f"expected a value of {kind}, or null. Received: {shown(cell)}."
            raise Refusal.of_rows([{"row": row, "column": name, "reason": reason}])
    return name, shape, data


def _chosen(outputs: Any, names: list[str]) -> list[str]:
    """The names of the tensors that are asked for; none if all are."""
    if outputs is None or outputs == []:
        return []
    if not isinstance(outputs, list) or not all(
        isinstance(each, Mapping) and isinstance(each.get("name"), str) for each in outputs
    ):
        raise Refusal(
            422,
            "Expected `outputs` to be a list of objects with a `name`. Received: "
            f"{shown(outputs)}.",
        )
    chosen = [each["name"] for each in outputs]
    known = set(names)
    if unknown := [name for name in chosen if name not in known]:
        raise Refusal(
            422,
            f"Expected outputs among {clipped(', '.join(names), 600)}; others are chosen by "
            f"the parameter `columns`. Received: {shown(unknown[0])}.",
        )
    if len(set(chosen)) < len(chosen):
        twice = shown(first_repeated(chosen))
        raise Refusal(422, f"Expected each of `outputs` once. Received {twice} twice.")
    return chosen


def _output(table: pd.DataFrame, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "shape": [len(table), 1],
        "datatype": "FP64",
        "data": plain(table[name].to_numpy(dtype=np.float64)),
    }
