"""Names for the arrays that functions take and return, and for what files hold of an object."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]  # what users see: the docstring says shape and unit
Mask = NDArray[np.bool_]
Rows = NDArray[np.int64]  # numbers of rows of a table
Tensor = Any  # of whichever backend Keras runs on: the three have no type in common


class Snapshot(NamedTuple):
    """An object as a file can hold it.

    Attributes:
        manifest: what JSON can hold.
        arrays: the rest, by name.
    """

    manifest: dict[str, Any]
    arrays: dict[str, NDArray[Any]]
