"""Those of Keras' operations that families need to predict and to be scored, on NumPy's arrays.

Names and arguments are Keras', so that one piece of code serves both.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import (
    abs,
    any,
    arange,
    concatenate,
    diagonal,
    equal,
    exp,
    expand_dims,
    eye,
    floor,
    isnan,
    log,
    log1p,
    logical_not,
    matmul,
    ones_like,
    pad,
    reshape,
    shape,
    sqrt,
    square,
    stack,
    sum,
    take,
    transpose,
    where,
    zeros_like,
)
from numpy.linalg import qr
from numpy.typing import NDArray
from scipy.special import expit as sigmoid
from scipy.special import log_softmax, logsumexp

__all__ = [
    "abs",
    "any",
    "arange",
    "cast",
    "concatenate",
    "convert_to_tensor",
    "diagonal",
    "equal",
    "exp",
    "expand_dims",
    "eye",
    "floor",
    "fori_loop",
    "isnan",
    "log",
    "log1p",
    "log_softmax",
    "logical_not",
    "logsumexp",
    "matmul",
    "ones_like",
    "pad",
    "qr",
    "reshape",
    "rsqrt",
    "shape",
    "sigmoid",
    "solve_triangular",
    "sqrt",
    "square",
    "stack",
    "stop_gradient",
    "sum",
    "take",
    "transpose",
    "where",
    "zeros_like",
]


def convert_to_tensor(x: Any, dtype: Any = None) -> NDArray[Any]:
    """The array itself."""
    return np.asarray(x, dtype=dtype)


def cast(x: Any, dtype: Any) -> NDArray[Any]:
    """The array, in another type."""
    return np.asarray(x).astype(dtype, copy=False)


def rsqrt(x: NDArray[Any]) -> NDArray[Any]:
    """1 / sqrt(x)."""
    found: NDArray[Any] = 1 / np.sqrt(x)
    return found


def stop_gradient(x: NDArray[Any]) -> NDArray[Any]:
    """The array itself: nothing here has gradients."""
    return x


def solve_triangular(a: NDArray[Any], b: NDArray[Any], lower: bool = False) -> NDArray[Any]:
    """A^-1 B, of stacked matrices; entries of A on the other side of the diagonal do not count."""
    # by substitution, for LAPACK raises where an entry of the diagonal is 0
    found, size = np.empty_like(b), a.shape[-1]
    for row in range(size) if lower else reversed(range(size)):
        known = slice(0, row) if lower else slice(row + 1, size)
        rest = b[..., row, :] - np.matmul(a[..., row, None, known], found[..., known, :])[..., 0, :]
        found[..., row, :] = rest / a[..., row, row, None]
    return found


def fori_loop(start: int, stop: int, body: Callable[[int, Any], Any], carry: Any) -> Any:
    """What `body` makes of (number, carry), for one number after another."""
    for number in range(start, stop):
        carry = body(number, carry)
    return carry
