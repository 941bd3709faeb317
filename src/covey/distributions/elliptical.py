"""What all distributions with a mean, a scale matrix and one radial law have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri
from scipy.stats import qmc

from covey.distributions.check import check_level, check_size, read_numbers, read_values
from covey.distributions.frame import moments_from_frame, moments_to_frame
from covey.distributions.repr import describe
from covey.distributions.targets import target_names
from covey.distributions.triangular import lower_factor, solve_lower, transformed
from covey.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
POINTS = 4096  # of the quasi-Monte Carlo estimate of divergences without a closed form
CHUNK = 256  # rows whose points are held at a time


class Elliptical(ABC):
    """N distributions over the same D named targets, whose contours are ellipsoids.

    With z = L^-1 (y - mean), L lower triangular, the density depends on |z| alone. Subclasses say
    how. The objects are immutable: their arrays are float64, read-only and their own.

    Attributes:
        mean: shape (N, D), in target units.
        scale_tril: L, shape (N, D, D), in target units.
        targets: D names.
    """

    mean: Array
    scale_tril: Array
    targets: tuple[str, ...]
    _arrays: ClassVar[tuple[str, ...]] = ("mean", "scale_tril")  # one entry per row in each

    @classmethod
    def _trusted(cls, targets: tuple[str, ...], **arrays: Array) -> Self:
        """Build from arrays that are right by construction, without checks or copies."""
        self = cls.__new__(cls)
        self._set(targets, arrays)
        return self

    def _set(self, targets: tuple[str, ...], arrays: dict[str, Array]) -> None:
        self.__dict__.update(
            targets=targets, **{name: frozen(arrays[name]) for name in self._arrays}
        )

    def _with(self, targets: tuple[str, ...], **changed: Array) -> Self:
        """A distribution of as many rows, with some of its arrays replaced."""
        kept = {name: getattr(self, name) for name in self._arrays}
        return self._trusted(targets, **{**kept, **changed})

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """One batch out of several over the same targets, in order.

        Args:
            parts: at least one batch of this kind.

        Returns:
            A batch of all their rows.

        Raises:
            InputError: there is no part, or they differ in kind or targets.
        """
        if not parts or any(type(p) is not cls or p.targets != parts[0].targets for p in parts):
            received = [f"{type(part).__name__} over {list(part.targets)}" for part in parts]
            raise InputError(
                f"Expected one or more {cls.__name__}, all over the same targets. "
                f"Received {received}."
            )
        arrays = {n: np.concatenate([getattr(part, n) for part in parts]) for n in cls._arrays}
        return cls._trusted(parts[0].targets, **arrays)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"A {type(self).__name__} is immutable: cannot set {name!r}.")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"A {type(self).__name__} is immutable: cannot delete {name!r}.")

    def __setstate__(self, state: dict[str, Any]) -> None:
        # a pickled or copied array is writable again
        self._set(state["targets"], state)

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
        return self._trusted(
            self.targets, **{name: getattr(self, name)[rows] for name in self._arrays}
        )

    def __repr__(self) -> str:
        return describe(type(self).__name__, self.targets, self.mean, self.stddev, self.correlation)

    @property
    @abstractmethod
    def _inflation(self) -> Array:
        """Covariance divided by scale matrix, shape (N,)."""

    @abstractmethod
    def _log_density(self, rows: NDArray[np.intp], squares: Array, observed: int) -> Array:
        """Log p up to -log|L|, for |z|^2 of some rows and the number of observed targets."""

    @abstractmethod
    def _quantile(self, probability: float) -> Array:
        """Quantile of one target in units of its scale, shape (N,)."""

    @abstractmethod
    def _stretch(self, size: int, generator: np.random.Generator) -> Array:
        """What normal noise is multiplied by in `size` samples: broadcasts to (size, N)."""

    @abstractmethod
    def _stretch_at(self, uniform: Array) -> Array:
        """The same as quantiles: uniform of shape (S,) gives what broadcasts to (S, N)."""

    @classmethod
    @abstractmethod
    def _matched(cls, components: Sequence[Any]) -> Self:
        """The one distribution that stands for the equal-weight mixture of several."""

    @abstractmethod
    def entropy(self) -> Array:
        """Differential entropy of each row, shape (N,), in nats."""

    @cached_property
    def covariance(self) -> Array:
        """Covariance matrices, shape (N, D, D), in products of target units."""
        product = self.scale_tril @ np.swapaxes(self.scale_tril, 1, 2)
        symmetric = (product + np.swapaxes(product, 1, 2)) / 2
        return frozen(symmetric * self._inflation[:, None, None])

    @cached_property
    def stddev(self) -> Array:
        """Standard deviations, shape (N, D), in target units."""
        return frozen(self._scale * np.sqrt(self._inflation)[:, None])

    @property
    def _scale(self) -> Array:
        """Square roots of the diagonal of the scale matrices, shape (N, D)."""
        return np.sqrt(np.einsum("nij,nij->ni", self.scale_tril, self.scale_tril))

    @cached_property
    def correlation(self) -> Array:
        """Correlation matrices, shape (N, D, D), without unit; the diagonal is exactly 1."""
        unit = self.scale_tril / self._scale[:, :, None]
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
        density = np.zeros(len(self))
        for rows, factor, z in self._whiten(read_values(y, self.mean.shape, self.targets)):
            squares = np.einsum("ni,ni->n", z, z)
            density[rows] = self._log_density(rows, squares, z.shape[1]) - log_diagonal(factor)
        return density

    def mahalanobis(self, y: ArrayLike | pd.DataFrame) -> Array:
        """Mahalanobis distance of one observation per row (the distance, not its square).

        It is taken with the covariance: sqrt((y - mean)' Sigma^-1 (y - mean)).

        Args:
            y: as for `log_prob`; NaN entries are marginalised.

        Returns:
            Array of shape (N,), without unit.

        Raises:
            InputError: the shape or the columns do not fit, or a value is infinite.
        """
        distance = np.zeros(len(self))
        for rows, _, z in self._whiten(read_values(y, self.mean.shape, self.targets)):
            distance[rows] = np.sqrt(np.einsum("ni,ni->n", z, z) / self._inflation[rows])
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
        generator = np.random.default_rng(seed)
        noise = generator.standard_normal((check_size(size), *self.mean.shape))
        noise *= self._stretch(size, generator)[..., None]
        return self.mean + np.einsum("nij,snj->sni", self.scale_tril, noise)

    def kl_divergence(self, other: Elliptical) -> Array:
        """Kullback-Leibler divergence KL(self || other), row by row.

        Closed form where there is one: from any of these distributions to a normal. Else a
        quasi-Monte Carlo average over 4,096 points, always the same, good to about 1% of the
        divergence or 0.001 nats, whichever is more.

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
        return other._divergence_from(self)

    def _divergence_from(self, other: Elliptical) -> Array:
        """KL(other || self) by quasi-Monte Carlo."""
        n, d = max(len(self), len(other)), self.mean.shape[1]
        uniform = qmc.Sobol(d + 1, seed=0).random(POINTS)
        uniform = np.clip(uniform, 2**-53, 1 - 2**-53)
        rows = np.arange(n)
        first = other if len(other) == n else other[np.zeros(n, dtype=int)]
        second = self if len(self) == n else self[np.zeros(n, dtype=int)]
        divergence = np.empty(n)
        for start in range(0, n, CHUNK):
            part = rows[start : start + CHUNK]
            points = first[part]._at(uniform)
            gap = first[part]._log_prob_at(points) - second[part]._log_prob_at(points)
            divergence[part] = gap.mean(axis=0)
        return divergence

    def _at(self, uniform: Array) -> Array:
        """The points of the unit cube as samples: (S, D + 1) gives (S, N, D)."""
        noise = ndtri(uniform[:, None, :-1]) * self._stretch_at(uniform[:, -1])[..., None]
        return self.mean + np.einsum("nij,snj->sni", self.scale_tril, noise)

    def _log_prob_at(self, points: Array) -> Array:
        """Log-densities of S complete points per row, shape (S, N)."""
        z = solve_lower(self.scale_tril, points - self.mean)
        squares = np.einsum("sni,sni->sn", z, z)
        rows = np.arange(len(self))
        return self._log_density(rows, squares, z.shape[-1]) - log_diagonal(self.scale_tril)

    def affine(
        self,
        A: ArrayLike,
        b: ArrayLike | None = None,
        targets: Iterable[str] | None = None,
    ) -> Self:
        """The distribution of `A y + b`.

        Args:
            A: array of shape (M, D), or (N, M, D) for one matrix per row, with linearly independent
                rows, so M <= D.
            b: array of shape (M,) or (N, M) in the new units; zero by default.
            targets: M names of the new variables. By default a diagonal `A` (a change of units)
                keeps the names, any other gives `y0, y1, ...`.

        Returns:
            A distribution of the same kind, of N rows and M targets.

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
        return self._with(names, mean=mean, scale_tril=transformed(matrix, self.scale_tril))

    def interval(self, level: float = 0.9) -> tuple[Array, Array]:
        """Central interval of each target on its own.

        Args:
            level: probability that each interval holds, in (0, 1).

        Returns:
            (lower, upper), two arrays of shape (N, D) in target units.

        Raises:
            InputError: `level` lies outside (0, 1).
        """
        radius = self._quantile((1 + check_level(level)) / 2)[:, None] * self._scale
        return self.mean - radius, self.mean + radius

    def to_arrays(self) -> dict[str, Array]:
        """The arrays that make up the distributions, by the names of their attributes."""
        return {name: getattr(self, name) for name in self._arrays}

    def to_frame(self) -> pd.DataFrame:
        """A labelled table: `mean_<t>`, then `cov_<t>_<u>` (upper triangle with the diagonal).

        Returns:
            DataFrame of N rows and D + D (D + 1) / 2 columns, in target units and their products;
            a distribution with a further parameter has one more column, named after it.
        """
        further = {name: getattr(self, name) for name in self._arrays[2:]}
        return moments_to_frame(self.targets, self.mean, self.covariance, further)

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> Self:
        """Read back what `to_frame` wrote; other columns are ignored.

        Args:
            frame: a table with the columns that `to_frame` describes.

        Returns:
            The distributions, one for each row.

        Raises:
            InputError: columns are missing, or their values are no valid distribution.
        """
        targets, mean, covariance, further = moments_from_frame(frame, cls._arrays[2:])
        build: Any = cls
        return build(mean, covariance=covariance, targets=targets, **further)


def frozen(array: Array) -> Array:
    """Make an array read-only."""
    array.flags.writeable = False
    return array


def log_diagonal(lower: Array) -> Array:
    """Sum of the logarithms of the diagonal of each of N matrices, shape (N,)."""
    return np.log(np.diagonal(lower, axis1=1, axis2=2)).sum(axis=1)
