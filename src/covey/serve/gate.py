"""What every request passes: an identifier, the token, the limits, the log, and plain errors."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import logging
import re
import time
import uuid
from collections.abc import Mapping
from typing import Any

from covey.errors import CoveyError, counted
from covey.serve.limits import Limits
from covey.serve.metrics import Metrics
from covey.serve.refusal import Refusal

LOG = logging.getLogger("covey.serve")
OPEN = frozenset({"/health", "/v2/health/live", "/v2/health/ready", "/ping"})  # without a token
IDENTIFIER = re.compile(rb"[\w.:-]{1,64}", re.ASCII)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"})
HEADERS = [(b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store")]
FAILED = "The server failed. Its log says why, under the identifier of the request."
Message = dict[str, Any]


def path_below(scope: Mapping[str, Any]) -> str:
    """The path of a request below where the application is mounted, as its routes have it."""
    path, root = str(scope["path"]), str(scope.get("root_path", "")).rstrip("/")
    return path[len(root) :] or "/" if root and f"{path}/".startswith(f"{root}/") else path


class Gate:
    """An ASGI application around another.

    Args:
        inner: the application.
        limits: what is refused.
        token: what clients must show, or None.
        metrics: where requests are counted.
    """

    def __init__(
        self,
        inner: Any,
        limits: Limits,
        token: str | None,
        metrics: Metrics,
    ) -> None:
        self._inner, self._limits, self._metrics = inner, limits, metrics
        self._token = None if token is None else _digest(token.encode())

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        passage = _Passage(scope, send)
        try:
            await self._pass(scope, receive, passage)
        except Refusal as refusal:
            await self._say(passage, refusal)
        except CoveyError as error:
            await self._say(passage, Refusal(422, str(error)))
        except _Gone:
            passage.status = 0
        except _Late:  # without its end, the server closes the connection
            LOG.warning("timed out", extra={"request_id": passage.identifier})
            passage.status = 503
        except Exception:
            LOG.exception("failed", extra={"request_id": passage.identifier})
            await self._say(passage, Refusal(500, FAILED))
            passage.status = 500
        finally:
            self._record(scope, passage)

    async def _pass(self, scope: Message, receive: Any, passage: _Passage) -> None:
        if self._token is not None and passage.path not in OPEN:
            self._check_token(scope)
        _refuse_coded(scope, passage)
        body = b""
        if scope["method"] not in ("GET", "HEAD"):
            try:
                async with asyncio.timeout(self._limits.max_seconds):
                    body = await self._body(scope, receive)
            except TimeoutError:
                seconds = self._limits.max_seconds
                passage.close = True
                raise Refusal(408, f"The body did not arrive within {seconds:g} s.") from None
            except Refusal:
                passage.close = True
                raise
        passage.received = len(body)
        await self._answer(scope, body, receive, passage)

    async def _answer(self, scope: Message, body: bytes, receive: Any, passage: _Passage) -> None:
        """Have the request answered, unless that takes too long or the client hangs up."""
        messages = iter([{"type": "http.request", "body": body, "more_body": False}])
        gone = asyncio.create_task(_hang_up(receive))

        async def replay() -> Message:
            for message in messages:
                return message
            await asyncio.wait([gone])
            return {"type": "http.disconnect"}

        answer = asyncio.create_task(self._inner(scope, replay, passage.send))
        try:
            await asyncio.wait(
                [answer, gone],
                timeout=self._limits.max_seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if answer.done():
                return answer.result()
            if gone.done():
                raise _Gone
            if passage.started:
                raise _Late
            raise Refusal(
                503,
                f"No answer within {self._limits.max_seconds:g} s. Send fewer rows, or try again.",
                retry_after=1,
            )
        finally:  # what waits for its turn is not computed for nobody
            gone.cancel()
            if not answer.done():
                answer.cancel()
                await asyncio.wait([answer])

    async def _body(self, scope: Message, receive: Any) -> bytes:
        most = self._limits.max_bytes
        announced = _header(scope, b"content-length")
        digits = announced.lstrip(b"0")  # Python reads no number of thousands of them
        if announced.isdigit() and (len(digits) > len(str(most)) or int(digits or b"0") > most):
            raise _too_long(most)
        parts, size = [], 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _Gone
            part = message.get("body", b"")
            size += len(part)
            if size > most:
                raise _too_long(most)
            parts.append(part)
            if not message.get("more_body"):
                return b"".join(parts)

    def _check_token(self, scope: Message) -> None:
        shown = _header(scope, b"authorization")
        kind, _, rest = shown.partition(b" ")
        if kind.lower() == b"basic":  # of browsers: any name, and the token as password
            try:
                rest = base64.b64decode(rest, validate=True).partition(b":")[2]
            except binascii.Error:
                rest = b""
        elif kind.lower() != b"bearer":
            rest = b""
        # digests, so that neither what is shown nor its length tells how long the comparison takes
        assert self._token is not None
        if not hmac.compare_digest(_digest(rest.strip()), self._token):
            raise Refusal(
                401, "Expected the server's token. Send the header Authorization: Bearer TOKEN."
            )

    async def _say(self, passage: _Passage, refusal: Refusal) -> None:
        if passage.started:
            return
        body = refusal.body(passage.path, passage.identifier)
        headers = [(key.encode(), value.encode()) for key, value in refusal.headers.items()]
        headers.append((b"content-length", str(len(body)).encode()))
        if passage.close:  # what is left of the body must not be taken for the next request
            headers.append((b"connection", b"close"))
        start = {"type": "http.response.start", "status": refusal.status, "headers": headers}
        await passage.send(start)
        await passage.send({"type": "http.response.body", "body": body})

    def _record(self, scope: Message, passage: _Passage) -> None:
        seconds = time.perf_counter() - passage.begin
        route = getattr(scope.get("route"), "path", "other")
        method = scope["method"] if scope["method"] in METHODS else "other"
        self._metrics.count(route, method, passage.status, seconds)
        more = {
            "request_id": passage.identifier,
            "method": method,
            "path": passage.path[:200],
            "status": passage.status,
            "milliseconds": round(1000 * seconds, 2),
            "received": passage.received,
            "sent": passage.sent,
        }
        LOG.info("request", extra=more)


async def _hang_up(receive: Any) -> None:
    """Return when the client has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _refuse_coded(scope: Message, passage: _Passage) -> None:
    """Refuse a packed body: what it unpacks to may be any size."""
    coded = _header(scope, b"content-encoding").strip()
    if coded.lower() not in (b"", b"identity"):
        passage.close = True
        raise Refusal(
            415,
            "Expected a body without a Content-Encoding. Received one of "
            f"{coded[:100].decode('latin-1')!r}. Send it as it is; Parquet is small by itself.",
        )


class _Gone(Exception):  # noqa: N818
    """The client has hung up."""


class _Late(Exception):  # noqa: N818
    """The answer has begun, and did not end in time."""


class _Passage:
    """One request on its way: what was said of it so far."""

    def __init__(self, scope: Message, send: Any) -> None:
        self._send, self.begin, self.path = send, time.perf_counter(), path_below(scope)
        shown = _header(scope, b"x-request-id")
        known = IDENTIFIER.fullmatch(shown) is not None
        self.identifier = shown.decode() if known else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = self.identifier
        self.status = self.received = self.sent = 0
        self.started = self.close = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started, self.status = True, message["status"]
            own = [(b"x-request-id", self.identifier.encode()), *HEADERS]
            named = {name for name, _ in message.get("headers", ())}
            own = [pair for pair in own if pair[0] not in named]
            message = {**message, "headers": [*message.get("headers", ()), *own]}
        else:
            self.sent += len(message.get("body", b""))
        await self._send(message)


def _header(scope: Message, name: bytes) -> bytes:
    return next((value for key, value in scope["headers"] if key == name), b"")


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).digest()


def _too_long(most: int) -> Refusal:
    return Refusal(
        413,
        f"Expected a body of at most {counted(most, 'byte')}. Send the rows in several requests.",
    )
