"""What was given up goes on in its own thread, and in no other's place."""

import asyncio
import json
import threading
import weakref

import pytest

from covey.serve import Limits, application
from covey.serve.threads import LARGE, Threads
from tests.serve.test_gate import ask

SECONDS = 20  # after which a test that hangs fails


class Slow:
    """Work that goes on until it is let go, whoever waits for it."""

    def __init__(self, answer=None):
        self.answer = answer
        self.begun, self.most, self.now = 0, 0, 0
        self.go, self.lock = threading.Event(), threading.Lock()

    def __call__(self, *args, **kwargs):
        with self.lock:
            self.begun += 1
            self.now += 1
            self.most = max(self.most, self.now)
        assert self.go.wait(SECONDS)
        with self.lock:
            self.now -= 1
        return self.answer

    async def until(self, count):
        async with asyncio.timeout(SECONDS):
            while self.begun < count:
                await asyncio.sleep(0)


class Body:
    """Something large, perhaps."""


def test_work_that_is_given_up_keeps_its_thread():
    slow, threads = Slow(), Threads(2, "test")

    async def run():
        bodies = [Body() for _ in range(6)]
        held = [weakref.ref(body) for body in bodies]
        tasks = [asyncio.create_task(threads.run(slow, body)) for body in bodies]
        bodies.clear()
        await slow.until(2)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        tasks.clear()
        del task  # which held what it was asked
        assert [ref() is None for ref in held] == [False] * 2 + [True] * 4
        later = asyncio.create_task(threads.run(slow, None))
        for _ in range(100):
            await asyncio.sleep(0)
        assert slow.begun == 2
        slow.go.set()
        await later

    asyncio.run(run())
    threads.close()
    assert (slow.begun, slow.most) == (3, 2)


@pytest.mark.parametrize("path", ["/predict", "/score", "/invocations", "/rows", "/explore"])
def test_hung_up_requests_make_no_threads(model, rows, monkeypatch, path):
    from covey.serve import mlflow_protocol, own_protocol, reader, service

    slow, refusals, queues = Slow({}), [], []

    class Known(service.Queue):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            queues.append(self)

    monkeypatch.setattr(service, "Queue", Known)
    monkeypatch.setattr(own_protocol, "rows_of_file", slow)
    for module in (reader, mlflow_protocol):
        monkeypatch.setattr(module, "read_json", slow)
    app = application(model, limits=Limits(max_waiting=10))
    (queue,) = queues
    body = json.dumps({"rows": rows * 50}).encode()
    assert len(body) > LARGE

    async def run():
        for _ in range(3):
            hang_up = asyncio.Event()
            asked = [asyncio.create_task(ask(app, path, body, hang_up)) for _ in range(10)]
            while queue.waiting < 10:
                await asyncio.sleep(0)
            refused = await ask(app, path, body)
            refusals.append(refused[0]["status"])
            await slow.until(service.THREADS)
            hang_up.set()
            assert await asyncio.gather(*asked) == [[]] * 10
            assert queue.waiting == 0
        slow.go.set()

    asyncio.run(run())
    assert refusals == [503] * 3
    assert (slow.begun, slow.most) == (service.THREADS, service.THREADS)
