"""Threads of the library of linear algebra behind NumPy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from threading import Lock
from typing import Any

from threadpoolctl import ThreadpoolController

_lock = Lock()
_limit: Any = None
_within = 0


@contextmanager
def one_thread() -> Iterator[None]:
    """Products of matrices take one thread each, in this process, until the last leaves.

    Those that are small take longer on several, and the threads that compute them side by side
    would wait for each other.
    """
    global _limit, _within
    with _lock:
        if _within == 0:
            _limit = _controller().limit(limits=1, user_api="blas")
        _within += 1
    try:
        yield
    finally:
        with _lock:
            _within -= 1
            if _within == 0:
                _limit.restore_original_limits()
                _limit = None


@lru_cache(maxsize=1)
def _controller() -> ThreadpoolController:
    return ThreadpoolController()
