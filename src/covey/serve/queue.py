"""Requests that arrive while others are computed are answered together, in one prediction."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any

from covey.serve.questions import Question
from covey.serve.refusal import Refusal

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
        most_waiting: questions that may wait; more are refused.
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
        self._small = ThreadPoolExecutor(1, thread_name_prefix="small")
        self._large = ThreadPoolExecutor(1, thread_name_prefix="large")
        self._waiting: list[tuple[Question, asyncio.Future[Any]]] = []
        self._running: asyncio.Task[None] | None = None
        self._open = 0
        self.batches = 0
        self.rows = 0

    @property
    def waiting(self) -> int:
        """How many questions have no answer yet."""
        return self._open

    async def ask(self, question: Question) -> Any:
        """The answer to a question.

        Raises:
            Refusal: 503 if too many questions wait; or what the answer says.
            Exception: what the computation raised.
        """
        if self._open >= self._most:
            raise Refusal(
                503, f"{self._open:,} requests wait already. Try again in a second.", retry_after=1
            )
        self._open += 1
        try:
            if not self._together:
                return await self._alone(self._small, question)
            if len(question.frame) > SMALL:
                return await self._alone(self._large, question)
            future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            self._waiting.append((question, future))
            if self._running is None or self._running.done():
                self._running = asyncio.create_task(self._work())
            return await future
        finally:
            self._open -= 1

    async def run(self, function: Callable[[], Any]) -> Any:
        """Compute something else, in the thread of large questions."""
        return await asyncio.get_running_loop().run_in_executor(self._large, function)

    def close(self) -> None:
        """End the threads, once they have nothing to do."""
        self._small.shutdown()
        self._large.shutdown()

    async def _alone(self, thread: Executor, question: Question) -> Any:
        loop = asyncio.get_running_loop()
        self.batches += 1
        self.rows += len(question.frame)
        (found,) = await loop.run_in_executor(thread, self._answer, [question])
        if isinstance(found, Exception):
            raise found
        return found

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch = self._next()
            try:
                questions = [question for question, _ in batch]
                answers = await loop.run_in_executor(self._small, self._answer, questions)
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
