"""One fitted model as a server has it: a reader of requests, and the queue in front of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from covey.serve.limits import Limits
from covey.serve.metrics import Metrics
from covey.serve.model import Model
from covey.serve.questions import Question, Wanted, answer
from covey.serve.queue import Queue
from covey.serve.reader import Asked, Reader
from covey.serve.rows import from_records
from covey.serve.threads import LARGE, Threads

THREADS = 4  # in which large bodies are read, and large answers written


class Service:
    """A model, what reads requests to it, the queue in front of it, and what it counts.

    Args:
        model: a fitted estimator.
        name: what protocols call it.
        limits: what is refused.
        together: whether small requests are answered together.
    """

    def __init__(self, model: Model, name: str, limits: Limits, *, together: bool = True) -> None:
        self.reader = Reader(model, name, limits)
        self.metrics = Metrics()
        self.queue = Queue(partial(answer, model), limits.max_waiting, together=together)
        self.threads = Threads(THREADS, "bodies")

    def warm_up(self) -> None:
        """Predict once, so that the first client does not wait for what is loaded on first use."""
        model, example = self.reader.model, self.reader.description.example
        frame = from_records([example], model.schema_, 1)
        for wanted in (Wanted("rows"), Wanted("columns")):
            answer(model, [Question(frame, None, wanted)])

    def close(self) -> None:
        """End the threads, once they have nothing to do."""
        self.queue.close()
        self.threads.close()

    async def reply(
        self, body: bytes, read: Callable[[bytes], Asked], *, packed: bool = False
    ) -> bytes:
        """Answer a request.

        Args:
            body: of the request.
            read: finds the question in it, and how to write its answer; raises what is wrong.
            packed: whether a short body may be much to read, as tables may.

        Returns:
            The body of the answer.

        Raises:
            Refusal: whatever stands in the way; 413 for an answer of too many numbers, 503 if too
                many requests wait.
        """
        with self.queue.place():
            question, write = await self.threads.aside(max(len(body), LARGE * packed), read, body)
            numbers = self.reader.check_answer(question)
            found = await self.queue.ask(question)
            return await self.threads.aside(numbers, write, found)

    async def work(self, function: Callable[[bytes], bytes], body: bytes) -> bytes:
        """Answer a request by a function of its body alone, in a thread.

        Raises:
            Refusal: whatever the function says; 503 if too many requests wait.
        """
        with self.queue.place():
            return await self.threads.run(function, body)

    async def explore(self, body: bytes) -> bytes:
        """What the page shows of one row.

        Raises:
            Refusal: whatever stands in the way; 503 if too many requests wait.
        """
        with self.queue.place():
            asked = await self.threads.aside(len(body), self.reader.exploration, body)
            numbers = self.reader.check_answer(asked.question)
            row = await self.queue.ask(asked.question)
            lines = (
                await self.queue.run(partial(asked.lines, self.reader.model)) if asked.pair else []
            )
            return await self.threads.aside(numbers, asked.answer, row, lines)
