"""Token, limits, log and plain errors."""

import asyncio
import base64
import json
import logging
import threading

import pandas as pd
import pytest
from fastapi.testclient import TestClient

from covey.errors import InputError
from covey.serve import Limits, application
from covey.serve.application import read_token
from covey.serve.bodies import read_table
from covey.serve.gate import OPEN, Gate
from covey.serve.log import Lines
from covey.serve.metrics import Metrics

TOKEN = "correct-horse-battery-staple"


@pytest.fixture(scope="module")
def guarded(model):
    app = application(model, name="small", token=TOKEN)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def test_every_route_but_health_wants_the_token(guarded):
    document = guarded.get("/openapi.json", headers={"authorization": f"Bearer {TOKEN}"}).json()
    paths = [*document["paths"], "/", "/openapi.json", "/nowhere"]
    for path in paths:
        path = path.replace("{name}", "small")
        answer = guarded.request(
            "POST"
            if path in document["paths"] and "post" in document["paths"].get(path, {})
            else "GET",
            path,
        )
        assert (answer.status_code == 401) == (path not in OPEN), path
        if path not in OPEN:
            assert "Bearer" in answer.headers["www-authenticate"]


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer {TOKEN}", 200),
        ("Basic " + base64.b64encode(f"me:{TOKEN}".encode()).decode(), 200),
        ("Basic " + base64.b64encode(f"{TOKEN}:me".encode()).decode(), 401),
        ("Basic !", 401),
        (f"Bearer {TOKEN}x", 401),
        (f"Bearer {TOKEN[:-1]}", 401),
        ("Bearer ", 401),
        (TOKEN, 401),
        (f"Digest {TOKEN}", 401),
    ],
)
def test_tokens(guarded, header, status):
    assert guarded.get("/schema", headers={"authorization": header}).status_code == status


def test_tokens_come_from_files(tmp_path):
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    assert read_token(file) == TOKEN
    for short in ("", "short", "has blanks in the middle"):
        file.write_text(short)
        with pytest.raises(InputError, match="openssl"):
            read_token(file)


@pytest.mark.parametrize(
    "limits",
    [{"max_rows": 0}, {"max_bytes": 1.5}, {"max_seconds": float("nan")}, {"max_rows": True}],
)
def test_limits_are_checked(limits):
    with pytest.raises(InputError):
        Limits(**limits)


def test_long_bodies_are_refused(client):
    announced = client.post("/predict", content=b" " * 100_001)
    in_parts = client.post("/predict", content=(b" " * 10_000 for _ in range(11)))
    for answer in (announced, in_parts):
        assert answer.status_code == 413
        assert answer.headers["connection"] == "close"


def test_answers_that_take_too_long_are_given_up(model, rows, monkeypatch):
    import time

    from covey.serve import service

    monkeypatch.setattr(service, "answer", lambda model, questions: time.sleep(0.3) or [{}])
    app = application(model, limits=Limits(max_seconds=0.05))
    monkeypatch.setattr(service.Service, "warm_up", lambda self: None)
    with TestClient(app) as slow:
        answer = slow.post("/predict", json={"rows": rows[:1]})
    assert answer.status_code == 503
    assert "within 0.05 s" in answer.json()["error"]["message"]


def test_an_answer_that_has_begun_and_does_not_end_is_cut_off(caplog):
    cut = []

    async def begin(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})
        try:
            await asyncio.Event().wait()  # as for a client that does not read
        finally:
            cut.append(True)

    gate = Gate(begin, Limits(max_seconds=0.01), None, Metrics())
    with caplog.at_level(logging.INFO):
        sent = asyncio.run(ask(gate, "/predict", b""))
    assert cut == [True]
    assert [each["type"] for each in sent] == ["http.response.start", "http.response.body"]
    assert sent[-1]["more_body"]  # a server closes the connection of what has no end
    late, request = caplog.records
    assert (late.levelname, late.getMessage(), late.exc_info) == ("WARNING", "timed out", None)
    assert late.request_id == request.request_id
    assert request.status == 503


def test_failures_show_no_traceback_but_are_logged(model, rows, monkeypatch, caplog):
    from covey.serve import service

    def fail(model, questions):
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(service, "answer", fail)
    monkeypatch.setattr(service.Service, "warm_up", lambda self: None)
    app = application(model)
    with TestClient(app, raise_server_exceptions=False) as failing, caplog.at_level(logging.INFO):
        answer = failing.post("/predict", json={"rows": rows[:1]}, headers={"x-request-id": "r1"})
    assert answer.status_code == 500
    assert answer.json()["error"]["request_id"] == "r1"
    assert "secret" not in answer.text
    assert "ZeroDivision" not in answer.text
    (logged,) = [record for record in caplog.records if record.exc_info]
    line = json.loads(Lines().format(logged))
    assert line["request_id"] == "r1"
    assert "ZeroDivisionError: secret" in line["exception"]


def test_requests_are_logged_as_json_with_their_identifier(client, caplog):
    with caplog.at_level(logging.INFO, "covey.serve"):
        answer = client.get("/schema", headers={"x-request-id": 'bad"\n'.replace("\n", " ")})
    line = json.loads(Lines().format(caplog.records[-1]))
    assert line["request_id"] == answer.headers["x-request-id"]
    assert len(line["request_id"]) == 32  # made here, as that of the client is none
    assert (line["method"], line["path"], line["status"]) == ("GET", "/schema", 200)
    assert line["milliseconds"] > 0


def test_the_page_asks_nobody_else(client):
    answer = client.get("/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "connect-src 'self'" in policy
    for outside in ("http://", "https://", "@import", "src="):
        text = answer.text.replace("http://www.w3.org/2000/svg", "")
        assert outside not in text, outside


@pytest.fixture(params=["mounted", "root_path"])
def below(request, model):
    """The application at /covey: mounted in another, and behind `uvicorn --root-path /covey`."""
    from starlette.applications import Starlette
    from starlette.routing import Mount

    app = application(model, name="small", token=TOKEN, limits=Limits(max_rows=2))
    if request.param == "mounted":
        with TestClient(Starlette(routes=[Mount("/covey", app)])) as client:
            yield client
    else:
        with TestClient(app, root_path="/covey") as client:
            yield client


def test_below_a_path_all_is_as_at_the_root(below, rows):
    for path in OPEN:
        assert below.get(f"/covey{path}").status_code == 200, path
    for path in ("/schema", "/covey", "/v2"):
        assert below.get(f"/covey{path}").status_code == 401, path
    below.headers["authorization"] = f"Bearer {TOKEN}"
    assert "<html" in below.get("/covey/").text
    answer = below.post("/covey/predict", json={"rows": rows[:2]})
    assert len(answer.json()["rows"]) == 2
    assert below.post("/covey/predict", json={"rows": rows[:3]}).status_code == 413
    wrong = below.get("/covey/v2/models/other").json()  # as this protocol has it
    assert "'small'" in wrong["error"]
    assert below.post("/covey/invocations", json={}).json()["error_code"] == "BAD_REQUEST"
    (server,) = below.get("/covey/openapi.json").json()["servers"]
    assert server["url"] == "/covey"


def test_packed_bodies_are_refused(client):
    import gzip

    for name in ("/predict", "/invocations", "/rows"):
        answer = client.post(
            name, content=gzip.compress(b"1" * 10_000), headers={"content-encoding": "gzip"}
        )
        assert answer.status_code == 415
        assert "Content-Encoding" in answer.text
        assert "'gzip'" in answer.text


def scope(path, method, headers):
    return {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": headers,
        "app": None,
    }


async def ask(app, path, body, hang_up=None, method="POST", headers=()):
    """Send one request as a server does; the client may hang up once something is set."""
    parts = [{"type": "http.request", "body": body, "more_body": False}]
    sent = []

    async def receive():
        if parts:
            return parts.pop()
        await (hang_up or asyncio.Event()).wait()
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    await app(scope(path, method, list(headers)), receive, send)
    return sent


@pytest.mark.parametrize(
    ("length", "status"),
    [
        (b"9" * 5000, 413),
        (b"1001", 413),
        (b"1000", 400),
        (b"0" * 5000 + b"2", 400),
        (b"0" * 5000, 400),
        (b"2", 400),
        (b"many", 400),
    ],
)
def test_a_length_of_any_digits_is_read(model, length, status):
    app = application(model, limits=Limits(max_bytes=1000))
    headers = [(b"content-length", length)]
    assert asyncio.run(ask(app, "/predict", b"[[", headers=headers))[0]["status"] == status


def test_rows_of_a_client_that_has_hung_up_are_not_computed(model, rows, monkeypatch):
    from covey.serve import service

    computed, begun, go, queues = [], threading.Event(), threading.Event(), []

    class Known(service.Queue):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            queues.append(self)

    def slow(model, questions):
        begun.set()
        assert go.wait(20)
        computed.extend(len(each.frame) for each in questions)
        return [{} for _ in questions]

    monkeypatch.setattr(service, "answer", slow)
    monkeypatch.setattr(service, "Queue", Known)
    app = application(model)
    (queue,) = queues

    async def run():
        bodies = {n: json.dumps({"rows": rows[:1] * n}).encode() for n in (1, 2, 3, 100, 101, 102)}
        hang_up = asyncio.Event()
        # one small and one large request are being computed, and two of each wait
        first = [asyncio.create_task(ask(app, "/predict", bodies[n])) for n in (1, 100)]
        await asyncio.to_thread(begun.wait, 20)
        gone = [asyncio.create_task(ask(app, "/predict", bodies[n], hang_up)) for n in (2, 101)]
        left = [asyncio.create_task(ask(app, "/predict", bodies[n])) for n in (3, 102)]
        while queue.waiting < 6:
            await asyncio.sleep(0)
        hang_up.set()
        assert await asyncio.gather(*gone) == [[], []]
        go.set()
        answers = await asyncio.gather(*first, *left)
        queue.close()
        return [messages[0]["status"] for messages in answers]

    assert asyncio.run(run()) == [200] * 4
    assert sorted(computed) == [1, 3, 100, 102]


def test_health_is_answered_while_a_large_body_is_read(model, rows, monkeypatch):
    from covey.serve import reader, threads

    reading, healthy = threading.Event(), threading.Event()
    held = []

    def read(body, rows):
        reading.set()
        held.append(healthy.wait(20))
        return json.loads(body)

    monkeypatch.setattr(reader, "read_json", read)
    app = application(model)
    body = json.dumps({"rows": rows * 30}).encode()
    assert len(body) > threads.LARGE

    async def run():
        large = asyncio.create_task(ask(app, "/predict", body))
        while not reading.is_set():
            await asyncio.sleep(0)
        health = await ask(app, "/health", b"", method="GET")
        healthy.set()
        answer = await large
        return health[0]["status"], answer[0]["status"]

    assert asyncio.run(run()) == (200, 200)
    assert held == [True]


@pytest.mark.parametrize("path", ["/predict", "/invocations"])
def test_a_table_is_read_aside_however_short_it_is(client, rows, path, monkeypatch):
    from covey.serve import mlflow_protocol, own_protocol

    aside = []

    def read(body, kind, bounds):
        try:
            asyncio.get_running_loop()
        except RuntimeError:  # other requests are answered by another thread than this
            aside.append(True)
        return read_table(body, kind, bounds)

    for module in (own_protocol, mlflow_protocol):
        monkeypatch.setattr(module, "read_table", read)
    body = pd.DataFrame(rows[:2]).to_csv(index=False).encode()
    answer = client.post(path, content=body, headers={"content-type": "text/csv"})
    assert answer.status_code == 200, answer.text
    assert aside == [True]
