"""Real processes on loopback: SIGTERM, dropped connections, slow bodies, several workers."""

import asyncio
import json
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from covey.cli.serve import _listen
from tests.serve.conftest import MODEL, serving

ROW = {"number": 0.1, "gaps": None, "colour": "red"}
BODY = json.dumps({"rows": [ROW]}).encode()


def ask(port, path="/predict", body=BODY, **headers):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body, headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def wait(port):
    for _ in range(400):
        try:
            return ask(port, "/health", None)
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the server never answered")


def test_sigterm_under_load_answers_what_was_accepted():
    with serving() as (process, port, logged):
        wait(port)
        answered, refused, lost = [], [], []

        def client():
            while True:
                try:
                    connection = socket.create_connection(("127.0.0.1", port), timeout=20)
                except OSError:
                    refused.append(1)
                    return
                head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(BODY)}\r\n"
                try:
                    with connection:
                        connection.sendall(f"{head}Connection: close\r\n\r\n".encode() + BODY)
                        text = b"".join(iter(lambda: connection.recv(65536), b""))  # noqa: B023
                except OSError:
                    text = b""
                (answered if text.startswith(b"HTTP/1.1 200") else lost).append(text)

        threads = [threading.Thread(target=client) for _ in range(16)]
        for thread in threads:
            thread.start()
        time.sleep(1.0)
        before = len(answered)
        process.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join(30)
        assert process.wait(30) in (0, -signal.SIGTERM)
        log = logged().splitlines()
    served = [json.loads(line) for line in log if '"/predict"' in line]
    assert before > 0
    # what the server took up it answered: each was received whole
    assert all(line["status"] == 200 for line in served)
    assert len(served) == len(answered)
    assert len(refused) + len(lost) >= 1


def test_slow_bodies_and_dropped_connections_leave_the_server_well():
    with serving("--max-seconds", "0.5") as (process, port, logged):
        wait(port)
        head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
        with socket.create_connection(("127.0.0.1", port), timeout=20) as slow:
            slow.sendall(head + b"{")
            text = b"".join(iter(lambda: slow.recv(65536), b""))
        assert text.startswith(b"HTTP/1.1 408")
        assert b"did not arrive within 0.5 s" in text
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", port), timeout=20) as dropped:
                dropped.sendall(head + b'{"rows"')
        assert ask(port)["targets"] == ["small", "middle", "big"]
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        assert "Traceback" not in logged()


def test_no_answer_waits_for_the_packet_before_it():
    async def waits(listening):
        found = asyncio.get_running_loop().create_future()

        def accepted(_, writer):
            own = writer.get_extra_info("socket")
            found.set_result(own.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        async with await asyncio.start_server(accepted, sock=listening):
            _, writer = await asyncio.open_connection(*listening.getsockname())
            writer.close()
            return await asyncio.wait_for(found, 20)

    assert asyncio.run(waits(_listen("127.0.0.1", 0))) != 0


def test_several_processes_share_a_port(tmp_path):
    token = tmp_path / "token"
    token.write_text("correct-horse-battery-staple")
    with serving("--workers", "2", "--token-file", str(token), "--quiet") as (process, port, _):
        wait(port)
        with pytest.raises(urllib.error.HTTPError, match="401"):
            ask(port)
        authorization = "Bearer correct-horse-battery-staple"
        assert ask(port, authorization=authorization)["rows"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) in (0, -signal.SIGTERM)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["nowhere.covey"], "nowhere.covey"),
        ([str(MODEL), "--workers", "0"], "--workers"),
        ([str(MODEL), "--port", "70000"], "--port"),
        ([str(MODEL), "--max-rows", "0"], "--max-rows"),
        ([str(MODEL), "--host", "256.0.0.1"], "--host"),
    ],
)
def test_what_cannot_be_served_is_said_at_once(options, said):
    command = [sys.executable, "-m", "covey.cli", "serve", *options]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert found.returncode == 2
    assert said in found.stderr
    assert "Traceback" not in found.stderr


def health(port):
    """The status of the health check of the container on the page about serving."""
    page = Path(__file__).parents[2] / "docs" / "how-to" / "serve.md"
    (line,) = (
        line for line in page.read_text(encoding="utf-8").splitlines() if "HEALTHCHECK" in line
    )
    _, _, _, option, code = shlex.split(line)
    code = code.replace("8000", str(port)).replace("timeout=5", "timeout=1")
    assert str(port) in code
    assert "timeout=1" in code
    proxy = {"http_proxy": "http://127.0.0.1:9/", "PATH": ""}
    done = subprocess.run([sys.executable, option, code], stderr=subprocess.PIPE, env=proxy)
    return done.returncode


@pytest.mark.parametrize("guarded", [False, True])
def test_the_health_check_of_the_container(tmp_path, guarded):
    token = tmp_path / "token"
    token.write_text("a" * 40)
    token.chmod(0o600)
    with serving(*(["--token-file", str(token)] * guarded)) as (_, port, _):
        wait(port)
        assert health(port) == 0
    assert health(port) != 0  # nobody is there


def test_the_health_check_of_what_never_answers():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        assert health(listening.getsockname()[1]) != 0
