"""Training by several processes together: what they agree on, and what they add up.

A distribution of Keras (`keras.distribution`) over several processes trains one model on the rows
of all of them. Whatever decides what happens next must then be the same everywhere. A process that
trains alone agrees with itself.
"""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np

from covey.backend.compilation import alone, available
from covey.types import Array


def count() -> int:
    """How many processes train one model together, each on rows of its own."""
    if alone() or not available():
        return 1
    import jax

    return int(jax.process_count())


def agreed(value: Any) -> Any:
    """The value of process 0, sent to every process that trains the model."""
    if count() == 1:
        return value
    from jax.experimental.multihost_utils import broadcast_one_to_all

    written = np.frombuffer(pickle.dumps(value), dtype=np.uint8)
    padded = np.zeros(int(broadcast_one_to_all(np.int64(len(written)))), dtype=np.uint8)
    padded[: len(written)] = written[: len(padded)]
    return pickle.loads(np.asarray(broadcast_one_to_all(padded), dtype=np.uint8).tobytes())


def summed(array: Array) -> Array:
    """The sum of arrays of one shape over the processes that train a model."""
    if count() == 1:
        return array
    from jax.experimental.multihost_utils import process_allgather

    # in float64, which jax would take for float32
    halves = np.asarray(array, dtype=np.float64).reshape(-1).view(np.int32)
    every = np.ascontiguousarray(process_allgather(halves)).view(np.float64)
    return np.asarray(every.sum(axis=0)).reshape(array.shape)
