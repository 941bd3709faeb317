"""Names for what functions take, and for what files hold of an object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # neither is loaded before it is needed
    import pandas as pd
    from narwhals.typing import IntoDataFrame
    from numpy.typing import ArrayLike

Array = NDArray[np.float64]  # what users see: the docstring says shape and unit
Mask = NDArray[np.bool_]
Counts = NDArray[np.intp]  # how many of something each row has
Rows = NDArray[np.int64]  # numbers of rows of a table
Tensor = Any  # of whichever backend Keras runs on: the three have no type in common
KerasData = Any  # arrays, lists or dictionaries of them, generators, data sets of any backend
Observations: TypeAlias = "ArrayLike | pd.DataFrame | pd.Series[Any] | IntoDataFrame"
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
