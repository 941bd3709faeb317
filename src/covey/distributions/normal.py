"""A batch of multivariate normal distributions."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from covey.distributions.check import (
    check_level,
    check_size,
    factor_covariance,
    read_mean,
    read_numbers,
    read_scale_tril,
    read_values,
)
from covey.distributions.repr import describe
from covey.distributions.targets import covariance_column, mean_column, target_names
from covey.distributions.triangular import conditioned, lower_factor, solve_lower
from covey.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
LOG_2PI = float(np.log(2 * np.pi))


class MultivariateNormal:
    """N multivariate normal distributions over the same D named targets.

    The density of row n is that of N(mean[n], covariance[n]) with `covariance = L @ L.T` and
    L = `scale_tril` lower triangular with a positive diagonal:

        log p(y) = -sum_i log L_ii - 1/2 |L^-1 (y - mean)|^2 - D/2 log(2 pi)

    The object is immutable: its arrays are float64, read-only and its own.

    Args:
        mean: array of shape (N, D), in target units; (D,) is one row.
        covariance: array of shape (N, D, D) in products of target units, symmetric positive
            definite; (D, D) is used for every row.
        scale_tril: instead of `covariance`, its lower Cholesky factor, of the same shape.
        targets: D names; `y0, y1, ...` by default.

    Raises:
        InputError: a shape does not fit, a value is not finite, a covariance is not symmetric
            positive definite, or the names are not usable.

    References:
        Anderson (2003), An Introduction to Multivariate Statistical Analysis, chapter 2.

    Example:
        >>> import covey
        >>> joint = covey.MultivariateNormal(
        ...     [[1.0, 2.0]], covariance=[[[4.0, 1.0], [1.0, 9.0]]], targets=["CO", "NOx"]
        ... )
        >>> joint.stddev
        array([[2., 3.]])
        >>> joint.log_prob([[1.0, 2.0]]).round(4)
        array([-3.6156])
    """

    mean: Array
    scale_tril: Array
    targets: tuple[str, ...]

    def __init__(
        self,
        mean: ArrayLike,
        *,
        covariance: ArrayLike | None = None,
        scale_tril: ArrayLike | None = None,
        targets: Iterable[str] | None = None,
    ) -> None:
        means = read_mean(mean)
        if covariance is not None and scale_tril is None:
            factors = factor_covariance(covariance, means.shape)
        elif scale_tril is not None and covariance is None:
            factors = read_scale_tril(scale_tril, means.shape)
        else:
            received = "neither" if covariance is None else "both"
            raise InputError(
                f"Expected exactly one of `covariance` and `scale_tril`. Received {received}."
            )
        self._set(means, factors, target_names(targets, means.shape[1]))

    @classmethod
    def _trusted(cls, mean: Array, scale_tril: Array, targets: tuple[str, ...]) -> Self:
        """Build from arrays that are right by construction, without checks or copies."""
        self = cls.__new__(cls)
        self._set(mean, scale_tril, targets)
        return self

    def _set(self, mean: Array, scale_tril: Array, targets: tuple[str, ...]) -> None:
        self.__dict__.update(mean=frozen(mean), scale_tril=frozen(scale_tril), targets=targets)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"A {type(self).__name__} is immutable: cannot set {name!r}.")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"A {type(self).__name__} is immutable: cannot delete {name!r}.")

    def __setstate__(self, state: dict[str, Any]) -> None:
        # a pickled or copied array is writable again
        self._set(state["mean"], state["scale_tril"], state["targets"])

    def __len__(self) -> int:
        return len(self.mean)

    def __getitem__(self, rows: Any) -> Self:
        """The distributions of some rows; an integer gives a batch of length 1."""
        if isinstance(rows, (int, np.integer)) and not isinstance(rows, bool):
            index = range(len(self))[rows]  # raises IndexError and resolves negative numbers
            rows = slice(index, index + 1)
        elif not isinstance(rows, slice):
            rows = np.asarray(rows if np.size(rows) else [], dtype=None if np.size(rows) else int)
            if rows.ndim != 1:
                raise InputError(
                    "Rows are selected by an integer, a slice, or a one-dimensional array of "
                    f"integers or booleans. Received an array of shape {rows.shape}."
                )
        return self._trusted(self.mean[rows], self.scale_tril[rows], self.targets)

    def __repr__(self) -> str:
        return describe(type(self).__name__, self.targets, self.mean, self.stddev, self.correlation)

    @cached_property
    def covariance(self) -> Array:
        """Covariance matrices, shape (N, D, D), in products of target units."""
        product = self.scale_tril @ np.swapaxes(self.scale_tril, 1, 2)
        return frozen((product + np.swapaxes(product, 1, 2)) / 2)

    @cached_property
    def stddev(self) -> Array:
        """Standard deviations, shape (N, D), in target units."""
        return frozen(np.sqrt(np.einsum("nij,nij->ni", self.scale_tril, self.scale_tril)))

    @cached_property
    def correlation(self) -> Array:
        """Correlation matrices, shape (N, D, D), without unit; the diagonal is exactly 1."""
        unit = self.scale_tril / self.stddev[:, :, None]
        product = unit @ np.swapaxes(unit, 1, 2)
        product = (product + np.swapaxes(product, 1, 2)) / 2
        product[:, np.arange(self.mean.shape[1]), np.arange(self.mean.shape[1])] = 1.0
        return frozen(product)

    def log_prob(self, y: ArrayLike | pd.DataFrame) -> Array:
        """Log-density of one observation per row.

        Args:
            y: array of shape (N, D) in target units, or a frame with the targets as columns. NaN
                means "not observed": such entries are marginalised exactly, and a row without any
                observed entry has log-density 0.

        Returns:
            Array of shape (N,), in nats.

        Raises:
            InputError: the shape or the columns do not fit, or a value is infinite.
        """
        observed = np.zeros(len(self))
        log_determinant = np.zeros(len(self))
        distance = np.zeros(len(self))
        for rows, factor, z in self._whiten(read_values(y, self.mean.shape, self.targets)):
            observed[rows] = z.shape[1]
            log_determinant[rows] = _log_diagonal(factor)
            distance[rows] = np.einsum("ni,ni->n", z, z)
        return -log_determinant - distance / 2 - observed * LOG_2PI / 2

    def mahalanobis(self, y: ArrayLike | pd.DataFrame) -> Array:
        """Mahalanobis distance of one observation per row (the distance, not its square).

        Args:
            y: as for `log_prob`; NaN entries are marginalised.

        Returns:
            Array of shape (N,), without unit.

        Raises:
            InputError: the shape or the columns do not fit, or a value is infinite.
        """
        distance = np.zeros(len(self))
        for rows, _, z in self._whiten(read_values(y, self.mean.shape, self.targets)):
            distance[rows] = np.sqrt(np.einsum("ni,ni->n", z, z))
        return distance

    def _whiten(self, y: Array) -> Iterable[tuple[NDArray[np.intp], Array, Array]]:
        """Yield (rows, factor, L^-1 (y - mean)) for each pattern of observed targets."""
        patterns, member = np.unique(~np.isnan(y), axis=0, return_inverse=True)
        for number, pattern in enumerate(patterns):
            rows = np.flatnonzero(member.reshape(-1) == number)
            factor = self.scale_tril[rows]
            if not pattern.all():
                factor = lower_factor(factor[:, pattern, :])
            yield rows, factor, solve_lower(factor, (y[rows] - self.mean[rows])[:, pattern])

    def sample(self, size: int, seed: int | np.random.Generator | None = None) -> Array:
        """Draw `size` samples of every row.

        Args:
            size: how many samples, at least 1.
            seed: an integer or a NumPy Generator for repeatable samples.

        Returns:
            Array of shape (size, N, D), in target units.

        Raises:
            InputError: `size` is not a positive integer.
        """
        noise = np.random.default_rng(seed).standard_normal((check_size(size), *self.mean.shape))
        return self.mean + np.einsum("nij,snj->sni", self.scale_tril, noise)

    def entropy(self) -> Array:
        """Differential entropy of each row, shape (N,), in nats."""
        return _log_diagonal(self.scale_tril) + self.mean.shape[1] * (1 + LOG_2PI) / 2

    def kl_divergence(self, other: MultivariateNormal) -> Array:
        """Kullback-Leibler divergence KL(self || other), row by row.

        Args:
            other: a distribution over the same targets, with as many rows, or one row for all.

        Returns:
            Array of shape (N,), in nats.

        Raises:
            InputError: the targets differ, or the numbers of rows do not fit.
        """
        if self.targets != other.targets:
            raise InputError(
                f"Expected a distribution over the targets {list(self.targets)}, in this order. "
                f"Received one over {list(other.targets)}."
            )
        if len(other) not in (1, len(self)) and len(self) != 1:
            raise InputError(
                f"Expected a distribution of {len(self)} rows, or of one row for all. "
                f"Received {len(other)} rows."
            )
        shift = solve_lower(other.scale_tril, other.mean - self.mean)
        columns = np.swapaxes(self.scale_tril, 1, 2)  # solve for each column of the factor
        ratio = solve_lower(other.scale_tril[:, None], columns)
        trace = np.einsum("nij,nij->n", ratio, ratio)
        return (
            _log_diagonal(other.scale_tril)
            - _log_diagonal(self.scale_tril)
            + (trace + np.einsum("ni,ni->n", shift, shift) - self.mean.shape[1]) / 2
        )

    def affine(
        self,
        A: ArrayLike,
        b: ArrayLike | None = None,
        targets: Iterable[str] | None = None,
    ) -> MultivariateNormal:
        """The distribution of `A y + b`.

        Args:
            A: array of shape (M, D), or (N, M, D) for one matrix per row, with linearly independent
                rows, so M <= D.
            b: array of shape (M,) or (N, M) in the new units; zero by default.
            targets: M names of the new variables. By default a diagonal `A` (a change of units)
                keeps the names, any other gives `y0, y1, ...`.

        Returns:
            A `MultivariateNormal` of N rows and M targets.

        Raises:
            InputError: a shape does not fit, a value is not finite, or the rows of `A` are linearly
                dependent (their distribution would have no density).
        """
        matrix = read_numbers(A, "A")
        n, d = self.mean.shape
        if matrix.ndim == 2:
            matrix = matrix[None]
        if matrix.ndim != 3 or matrix.shape[0] not in (1, n) or matrix.shape[2] != d:
            raise InputError(
                f"`A` must have shape (M, {d}) or ({n}, M, {d}). Received shape {np.shape(A)}."
            )
        m = matrix.shape[1]
        shift = np.zeros(m) if b is None else read_numbers(b, "b")
        if shift.shape not in ((m,), (n, m)):
            raise InputError(f"`b` must have shape ({m},) or ({n}, {m}). Received {shift.shape}.")
        if not (np.isfinite(matrix).all() and np.isfinite(shift).all()):
            raise InputError("`A` and `b` must be finite. Received NaN or infinity.")
        if not 1 <= m <= d:
            raise InputError(
                f"`A` must have 1 to {d} linearly independent rows for {d} targets. Received {m}."
            )
        is_diagonal = m == d and not np.any(matrix * ~np.eye(d, dtype=bool))
        names = self.targets if targets is None and is_diagonal else target_names(targets, m)
        mean = (matrix @ self.mean[:, :, None])[:, :, 0] + shift
        return self._trusted(mean, _transformed(matrix, self.scale_tril), names)

    def interval(self, level: float = 0.9) -> tuple[Array, Array]:
        """Central interval of each target on its own.

        Args:
            level: probability that each interval holds, in (0, 1).

        Returns:
            (lower, upper), two arrays of shape (N, D) in target units.

        Raises:
            InputError: `level` lies outside (0, 1).
        """
        radius = ndtri((1 + check_level(level)) / 2) * self.stddev
        return self.mean - radius, self.mean + radius

    def to_frame(self) -> pd.DataFrame:
        """A labelled table: `mean_<t>`, then `cov_<t>_<u>` (upper triangle with the diagonal).

        Returns:
            DataFrame of N rows and D + D (D + 1) / 2 columns, in target units and their products.
        """
        import pandas as pd

        columns = {mean_column(t): self.mean[:, i] for i, t in enumerate(self.targets)}
        for i, first in enumerate(self.targets):
            for j, second in enumerate(self.targets[i:], start=i):
                columns[covariance_column(first, second)] = self.covariance[:, i, j]
        return pd.DataFrame(columns)

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> Self:
        """Read back what `to_frame` wrote; other columns are ignored.

        Args:
            frame: a table with the columns that `to_frame` describes.

        Returns:
            A `MultivariateNormal` of as many rows.

        Raises:
            InputError: columns are missing, or their values are no valid distribution.
        """
        present = [str(column) for column in frame.columns]
        prefix = mean_column("")
        targets = [column.removeprefix(prefix) for column in present if column.startswith(prefix)]
        needed = [
            covariance_column(first, second)
            for i, first in enumerate(targets)
            for second in targets[i:]
        ]
        lacking = [column for column in needed if column not in present]
        if not targets or lacking:
            raise InputError(
                "Expected a table with the columns mean_<target> and cov_<target>_<target> as "
                f"written by `to_frame`. Lacking: {lacking or 'every mean_<target>'}."
            )
        d = len(targets)
        means = [mean_column(target) for target in targets]
        mean = np.stack([read_numbers(frame[column], column) for column in means], axis=1)
        covariance = np.empty((len(mean), d, d))
        for column, i, j in zip(needed, *np.triu_indices(d), strict=True):
            covariance[:, i, j] = covariance[:, j, i] = read_numbers(frame[column], column)
        return cls(mean, covariance=covariance, targets=targets)


def frozen(array: Array) -> Array:
    """Make an array read-only."""
    array.flags.writeable = False
    return array


def _log_diagonal(lower: Array) -> Array:
    """Sum of the logarithms of the diagonal, shape (N,)."""
    return np.log(np.diagonal(lower, axis1=1, axis2=2)).sum(axis=1)


def _transformed(matrix: Array, scale_tril: Array) -> Array:
    """Lower Cholesky factor of `A Sigma A.T`, shape (N, M, M)."""
    product = matrix @ scale_tril
    m, d = matrix.shape[1:]
    if m == d and not np.any(np.triu(matrix, 1)) and np.all(matrix[:, range(d), range(d)] > 0):
        return conditioned(product)  # of lower triangles with a positive diagonal: one itself
    factor = lower_factor(product)
    # a dependent row leaves only rounding on the diagonal, relative to its length
    length = np.sqrt(np.einsum("nij,nij->ni", product, product))
    dependent = np.abs(np.diagonal(factor, axis1=1, axis2=2)) <= 1e-13 * length
    if dependent.any():
        row = int(np.flatnonzero(dependent.any(axis=1))[0])
        raise InputError(
            "The rows of `A` must be linearly independent, or A y + b has no density. "
            f"For row {row} of the batch they are not."
        )
    return conditioned(factor)
