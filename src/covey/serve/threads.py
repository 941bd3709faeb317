"""A bounded number of threads for what would hold up other requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
LARGE = 2**16  # bytes, or numbers of an answer, from which a thread is worth its while


class Threads:
    """Threads, each of which has one thing to do until that is done.

    What is being done when its request is given up goes on, in its thread: no other takes its
    place before the end. What has not begun by then is left, and nothing of it is held.

    Args:
        count: how many threads there are at most.
        name: what they are called.
    """

    def __init__(self, count: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix=name)

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function in a thread, once one is free.

        Args:
            function: what to call.
            args: its arguments.
            kwargs: likewise.

        Returns:
            What it returns.
        """
        # the pool holds what is cancelled until a thread comes to it; so it holds but this list
        held: list[Callable[[], T]] = [partial(function, *args, **kwargs)]
        future = self._pool.submit(lambda: held.pop()())
        try:
            return await asyncio.wrap_future(future)
        finally:
            if future.cancel():
                held.clear()

    async def aside(
        self, size: int, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Call a function, in a thread if it has much to do.

        Args:
            size: how much, in bytes of a body or numbers of an answer.
            function: as for `run`.
            args: likewise.
            kwargs: likewise.

        Returns:
            What it returns.
        """
        if size < LARGE:
            return function(*args, **kwargs)
        return await self.run(function, *args, **kwargs)

    def close(self) -> None:
        """End the threads, once they have nothing to do."""
        self._pool.shutdown()
