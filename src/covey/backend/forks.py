"""Whether this process is a copy of one in which jax was at work, and so would wait forever."""

import os
import sys

_watching = False
_forked_from: int | None = None  # the process in which jax was at work when it was copied


def watch() -> None:
    """From now on, notice when a process in which jax is at work is copied."""
    global _watching
    if not _watching and hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_remember)
        _watching = True


def forked_from() -> int | None:
    """The number of the first process that was copied while jax was at work there, if any."""
    return _forked_from


def _remember() -> None:
    global _forked_from
    if _forked_from is None and _at_work():
        _forked_from = os.getpid()


def _at_work() -> bool:
    """Whether jax has started the threads that a fork would leave behind."""
    jax = sys.modules.get("jax")
    name = "jax_num_cpu_devices"
    value = getattr(getattr(jax, "config", None), name, None)
    if jax is None or value is None:  # it may be about to be imported, or older than Covey's
        return False
    try:  # what may not be changed from then on
        jax.config.update(name, value + 1)
    except RuntimeError:
        return True
    jax.config.update(name, value)
    return False
