"""The application that a server runs: all routes, behind the gate."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from covey import __version__
from covey.errors import CoveyError, EngineError, InputError, counted
from covey.serve.limits import Limits
from covey.serve.model import Model
from covey.serve.refusal import Refusal

LEAST_TOKEN = 16  # letters


def application(
    model: Model,
    *,
    name: str = "model",
    token: str | None = None,
    limits: Limits | None = None,
    together: bool = True,
) -> Any:
    """An ASGI application that predicts by a fitted model, for any ASGI server.

    Args:
        model: a fitted `JointRegressor`.
        name: what the Open Inference Protocol calls it.
        token: what clients must send, as `Authorization: Bearer TOKEN`, with every request but
            those for health; by default anybody may ask.
        limits: what is refused.
        together: whether small requests that arrive while others are computed are answered
            together.

    Returns:
        The application.

    Raises:
        EngineError: FastAPI is not installed.
    """
    try:
        from fastapi import FastAPI
    except ImportError:
        raise EngineError(
            'A server needs FastAPI, which is not installed. Run pip install "covey[serve]".'
        ) from None
    from covey.serve import front, inference_protocol, mlflow_protocol, own_protocol
    from covey.serve.gate import Gate
    from covey.serve.service import Service

    limits = limits or Limits()
    service = Service(model, name, limits, together=together)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.warm_up()
        yield
        service.close()

    inner = FastAPI(
        title=f"Covey: {name}",
        version=__version__,
        summary=f"Joint predictions of {', '.join(model.targets_)[:200]}",
        lifespan=lifespan,
        docs_url=None,  # their pages fetch scripts from elsewhere
        redoc_url=None,
    )
    for routes in (own_protocol, inference_protocol, mlflow_protocol):
        inner.include_router(routes.routes(service))
    inner.include_router(front.routes())
    _say_plainly(inner)
    return Gate(inner, limits, token, service.metrics)


def _say_plainly(inner: Any) -> None:
    """Have all that goes wrong within routes be said as the gate says it."""
    from fastapi import Request, Response
    from starlette.exceptions import HTTPException

    from covey.serve.gate import FAILED, path_below

    words = {404: "There is no such route; /openapi.json lists all.", 405: "Not by this method."}

    async def say(request: Request, error: Exception) -> Response:
        refusal, more = Refusal(500, FAILED), {}
        if isinstance(error, Refusal):
            refusal = error
        elif isinstance(error, CoveyError):
            refusal = Refusal(422, str(error))
        elif isinstance(error, HTTPException):
            refusal = Refusal(error.status_code, words.get(error.status_code, str(error.detail)))
            more = dict(error.headers or {})
        body = refusal.body(path_below(request.scope), request.state.request_id)
        return Response(body, refusal.status, {**more, **refusal.headers})

    for kind in (Refusal, CoveyError, HTTPException, Exception):
        inner.add_exception_handler(kind, say)


def read_token(path: str | os.PathLike[str]) -> str:
    """The token that a file holds.

    Raises:
        InputError: it is too short to be none that can be guessed, or holds blanks.
    """
    with open(path, encoding="utf-8", errors="replace") as file:
        token = file.read().strip()
    if len(token) < LEAST_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise InputError(
            f"`token_file` must hold {LEAST_TOKEN} letters or more, of ASCII and without blanks. "
            f"Received {counted(len(token), 'letter')}. Make one: openssl rand -hex 32."
        )
    return token
