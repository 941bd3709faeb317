"""Ridge regressions of rows in memory, judged by rows that they are not fitted to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from covey.start.moments import FoldMoments, Moments
from covey.start.ridge_path import PENALTIES, Line, RidgePath, block_errors, left_out
from covey.start.start import with_unbounded
from covey.types import Array, Columns, Groups

CHUNK = 2**17  # numbers that are worked on at once: they stay in the cache
LEAST_ROWS = 256  # that are worked on at once, however many features they have


class Features:
    """The features of N rows in memory, a few rows at a time.

    Where there are more features than rows, the rows are turned into the directions in which they
    differ: no regression has a coefficient in any other.

    Args:
        X: array of shape (N, F), of any precision.
        unbounded: numbers of C features that come twice, the second time without their bound.
        columns: numbers of the features in use, of these F + C.
    """

    def __init__(self, X: NDArray[Any], unbounded: Columns, columns: Columns) -> None:
        self.X, self.unbounded, self.columns = X, unbounded, columns
        self.bounded = np.array_equal(columns, np.arange(X.shape[1]))
        self.count = min(len(columns), len(X))
        self.mean, self.directions = np.zeros(len(columns)), None
        if self.count < len(columns):
            rows = self._of(slice(None))
            self.mean = rows.mean(axis=0)
            self.directions = np.linalg.svd(rows - self.mean, full_matrices=False)[2].T

    def chunks(self) -> Iterator[tuple[slice, Array]]:
        """Yield rows, and their features, shape (n, R); R is the smaller of N and F."""
        size = max(CHUNK // max(self.count, 1), LEAST_ROWS)
        for first in range(0, len(self.X), size):
            rows = slice(first, first + size)
            found = self._of(rows)
            turned = found if self.directions is None else (found - self.mean) @ self.directions
            yield rows, turned

    def line_of_inputs(self, line: Line) -> Line:
        """Regressions on what `chunks` yields as regressions on the features in use."""
        if self.directions is None:
            return line
        coef = self.directions @ line.coef
        return Line(coef, line.intercept - self.mean @ coef)

    def _of(self, rows: slice) -> Array:
        if self.bounded:
            return np.asarray(self.X[rows], dtype=np.float64)
        return np.asarray(with_unbounded(self.X[rows], self.unbounded)[:, self.columns])


class LeftOut(ABC):
    """Ridge regressions of N rows in memory, judged by rows that they are not fitted to.

    Args:
        features: of the rows.
        Y: array of shape (N, T), in standardised units.
        share: weights of the rows, of sum 1, shape (N,).
        fold: of each row, shape (N,).
    """

    def __init__(self, features: Features, Y: Array, share: Array, fold: Groups) -> None:
        self.features, self.Y, self.share, self.fold = features, Y, share, fold
        moments = FoldMoments(int(fold.max()) + 1, features.count, Y.shape[1])
        for rows, X in features.chunks():
            moments.add(X, Y[rows], share[rows], fold[rows])
        self.blocks = moments.complete
        self.path = RidgePath.of(Moments.merged(self.blocks))

    @abstractmethod
    def errors(self) -> Array:
        """Held-out squared error for each penalty and target, shape (P, T)."""

    @abstractmethod
    def residuals(self, penalty: Array) -> Array:
        """Held-out residuals, shape (N, T), for a penalty of each target, shape (T,)."""


@final
class BlocksLeftOut(LeftOut):
    """Each fold is predicted by the regressions of the others."""

    def __init__(self, features: Features, Y: Array, share: Array, fold: Groups) -> None:
        super().__init__(features, Y, share, fold)
        self.paths = left_out(self.blocks)

    def errors(self) -> Array:
        """See `LeftOut`."""
        return block_errors(self.blocks, self.paths)

    def residuals(self, penalty: Array) -> Array:
        """See `LeftOut`."""
        lines = [path.line(penalty) for path in self.paths]
        found = np.empty_like(self.Y)
        for rows, X in self.features.chunks():
            fold, residuals = self.fold[rows], found[rows]
            for number in np.unique(fold):
                here, line = fold == number, lines[number]
                residuals[here] = self.Y[rows][here] - (X[here] @ line.coef + line.intercept)
        return found


@final
class RowsLeftOut(LeftOut):
    """Each row is predicted by the regressions of all others, in closed form.

    With h the leverage of a row, its residual without it is the one with it, over 1 - h.

    References:
        Golub, Heath, Wahba (1979), Generalized cross-validation as a method for choosing a good
        ridge parameter, Technometrics 21(2), doi 10.1080/00401706.1979.10489751.
    """

    def __init__(self, features: Features, Y: Array, share: Array) -> None:
        super().__init__(features, Y, share, np.zeros(len(Y), dtype=np.intp))

    def errors(self) -> Array:
        """See `LeftOut`."""
        path, errors = self.path, np.zeros((len(PENALTIES), self.Y.shape[1]))
        for rows, X in self.features.chunks():
            turned, left = self._turned(rows, X)
            weight = self.share[rows, None] / np.square(self._kept(turned, rows, PENALTIES))
            for number, penalty in enumerate(PENALTIES):
                residuals = left - turned @ path.shrunk(penalty)
                errors[number] += weight[:, number] @ np.square(residuals)
        return errors

    def residuals(self, penalty: Array) -> Array:
        """See `LeftOut`."""
        shrunk, found = self.path.shrunk(penalty), np.empty_like(self.Y)
        for rows, X in self.features.chunks():
            turned, left = self._turned(rows, X)
            found[rows] = (left - turned @ shrunk) / self._kept(turned, rows, penalty)
        return found

    def _turned(self, rows: slice, X: Array) -> tuple[Array, Array]:
        """Deviations from the means: of features along the eigenvectors, and of targets."""
        turned = (X - self.path.feature_mean) @ self.path.eigenvectors
        return turned, self.Y[rows] - self.path.target_mean

    def _kept(self, turned: Array, rows: slice, penalty: Array) -> Array:
        """1 - h for each row and each of some penalties."""
        inverse = 1.0 / (self.path.eigenvalues[:, None] + penalty)
        leverage = self.share[rows, None] * (1.0 + np.square(turned) @ inverse)
        return np.maximum(1.0 - leverage, 1e-9)  # no division by what rounding left
