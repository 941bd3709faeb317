"""Requests that arrive while others are computed are answered together, in one prediction."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from covey.serve.questions import Question
from covey.serve.refusal import Refusal
from covey.serve.threads import Threads

SMALL = 64  # rows of a question, above which it goes alone
MOST_TOGETHER = 512  # rows


class Queue:
    """Questions that wait for one thread to answer them.

    While a batch is computed, small questions gather; the next batch are all that want the same as
    the one that waits longest. Nobody waits for others to arrive. Large questions have a thread
    of their own, so that small ones need not wait for them.

    Args:
        answer: called in a thread with questions that want the same; returns an answer, or an
            exception, for each.
        most_waiting: requests that may wait; more are refused.
        together: whether small questions are answered together at all.
    """

    def __init__(
        self,
        answer: Callable[[Sequence[Question]], list[Any]],
        most_waiting: int,
        *,
        together: bool = True,
    ) -> None:
        self._answer, self._most, self._together = answer, most_waiting, together
        self._small, self._large = Threads(1, "small"), Threads(1, "large")
        self._waiting: list[tuple[Question, asyncio.Future[Any]]] = []
        self._running: asyncio.Task[None] | None = None
        self._open = 0
        self.batches = 0
        self.rows = 0

    @property
    def waiting(self) -> int:
        """How many requests have no answer yet."""
        return self._open

    @contextmanager
    def place(self) -> Iterator[None]:
        """Have a request wait: from when its body is there until its answer is written.

        Raises:
            Refusal: 503 if too many wait.
        """
        if self._open >= self._most:
            raise Refusal(
                503, f"{self._open:,} requests wait already. Try again in a second.", retry_after=1
            )
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1

    async def ask(self, question: Question) -> Any:
        """The answer to a question.

        Raises:
            Refusal: what the answer says.
            Exception: what the computation raised.
        """
        if not self._together:
            return await self._alone(self._small, question)
        if len(question.frame) > SMALL:
            return await self._alone(self._large, question)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, future))
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._work())
        try:
            return await future
        finally:  # of what nobody waits for, nothing is held
            self._waiting = [pair for pair in self._waiting if pair[1] is not future]

    async def run(self, function: Callable[[], Any]) -> Any:
        """Compute something else, in the thread of large questions."""
        return await self._large.run(function)

    def close(self) -> None:
        """End the threads, once they have nothing to do."""
        self._small.close()
        self._large.close()

    async def _alone(self, thread: Threads, question: Question) -> Any:
        self.batches += 1
        self.rows += len(question.frame)
        (found,) = await thread.run(self._answer, [question])
        if isinstance(found, Exception):
            raise found
        return found

    async def _work(self) -> None:
        while self._waiting:
            batch = self._next()
            try:
                questions = [question for question, _ in batch]
                answers = await self._small.run(self._answer, questions)
            except Exception as error:  # everybody who waits must hear of it
                answers = [error] * len(batch)
            for (_, future), found in zip(batch, answers, strict=True):
                if future.done():  # nobody waits any more
                    continue
                if isinstance(found, Exception):
                    future.set_exception(found)
                else:
                    future.set_result(found)

    def _next(self) -> list[tuple[Question, asyncio.Future[Any]]]:
        """Take the questions that are answered next."""
        wanted = self._waiting[0][0].wanted
        batch: list[tuple[Question, asyncio.Future[Any]]] = []
        left, rows = [], 0
        for pair in self._waiting:
            question, future = pair
            if future.done():
                continue
            count = len(question.frame)
            if question.wanted == wanted and (not batch or rows + count <= MOST_TOGETHER):
                batch.append(pair)
                rows += count
            else:
                left.append(pair)
        self._waiting = left
        self.batches += bool(batch)
        self.rows += rows
        return batch
