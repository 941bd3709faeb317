"""Token, limits, log and plain errors."""

import base64
import json
import logging

import pytest
from fastapi.testclient import TestClient

from covey.errors import InputError
from covey.serve import Limits, application
from covey.serve.application import read_token
from covey.serve.gate import OPEN
from covey.serve.log import Lines

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
