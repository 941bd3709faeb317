"""Threads of the library of linear algebra behind NumPy."""

from __future__ import annotations

import os
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


def _afresh() -> None:
    """In a copy of a process nobody is within, whoever was at the moment of copying."""
    global _lock, _limit, _within
    if _limit is not None:
        _limit.restore_original_limits()
    _lock, _limit, _within = Lock(), None, 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_afresh)


@lru_cache(maxsize=1)
def _controller() -> ThreadpoolController:
    return ThreadpoolController()
