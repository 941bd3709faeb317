"""Those of Keras' operations that families need to predict, on NumPy's arrays.

Names and arguments are Keras', so that one piece of code serves both.
"""

from typing import Any

import numpy as np
from numpy import concatenate, exp, reshape, shape, sqrt, square, sum
from numpy.typing import NDArray
from scipy.special import expit as sigmoid
from scipy.special import log_softmax

__all__ = [
    "concatenate",
    "convert_to_tensor",
    "exp",
    "log_softmax",
    "reshape",
    "rsqrt",
    "shape",
    "sigmoid",
    "sqrt",
    "square",
    "sum",
]


def convert_to_tensor(x: Any, dtype: Any = None) -> NDArray[Any]:
    """The array itself."""
    return np.asarray(x, dtype=dtype)


def rsqrt(x: NDArray[Any]) -> NDArray[Any]:
    """1 / sqrt(x)."""
    found: NDArray[Any] = 1 / np.sqrt(x)
    return found
