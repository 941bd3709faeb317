"""Names for what functions take, and for what files hold of an object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # neither is loaded before it is needed
    from collections.abc import Iterable, Mapping

    import pandas as pd
    from narwhals.typing import IntoDataFrame
    from numpy.typing import ArrayLike

Array = NDArray[np.float64]  # what users see: the docstring says shape and unit
Mask = NDArray[np.bool_]
Counts = NDArray[np.int64]  # how many of something: targets of a row, steps of a member
Rows = NDArray[np.int64]  # numbers of rows of a table
Columns = NDArray[np.int64]  # numbers of columns of a matrix: of inputs, or of targets
Groups = NDArray[np.int64]  # of each row, the number of what it belongs to, such as its fold
Tensor = Any  # of whichever backend Keras runs on: the three have no type in common
KerasData = Any  # arrays, lists or dictionaries of them, generators, data sets of any backend
Observations: TypeAlias = "ArrayLike | pd.DataFrame | pd.Series[Any] | IntoDataFrame"
TargetValues: TypeAlias = "Mapping[Any, Any] | Observations"  # of all targets, or by name of some
Selection: TypeAlias = "slice | ArrayLike"  # rows by number or mask, or targets by name
RowIndex: TypeAlias = "slice | NDArray[Any]"  # rows, of arrays that keep their axis
Labels: TypeAlias = "Iterable[Any] | bool | None"  # of rows: given, left out, or as they are
Table: TypeAlias = "ArrayLike | pd.DataFrame | IntoDataFrame"


class Regressor(Protocol):
    """What scikit-learn calls a regressor."""

    def fit(self, X: Any, y: Any, /) -> Any:
        """Fit to features and targets."""

    def predict(self, X: Any, /) -> Any:
        """Means of the targets."""


class Splitter(Protocol):
    """What scikit-learn calls a splitter, for cross-validation."""

    def split(self, X: Any, /) -> Any:
        """Pairs of row numbers: to train on, and held out."""


class Snapshot(NamedTuple):
    """An object as a file can hold it.

    Attributes:
        manifest: what JSON can hold.
        arrays: the rest, by name.
    """

    manifest: dict[str, Any]
    arrays: dict[str, NDArray[Any]]
