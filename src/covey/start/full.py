"""Ridge regression with a constant residual covariance: where the network starts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self, TypeVar, final

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import ledoit_wolf

from covey.algebra.triangular import solve_lower
from covey.distributions import Elliptical, MultivariateNormal
from covey.errors import InputError
from covey.start.covariance import LEAST_RESIDUAL, LEAST_SHRINKAGE, factor_with_gaps, prior_rows
from covey.start.start import Columns, LinearStart, feature_sets, with_unbounded
from covey.types import Array

Joint = TypeVar("Joint", bound=Elliptical)

PENALTIES = np.logspace(-6, 3, 28)  # per training row, for features of about unit variance
EM_STEPS = 30  # each brings the scale matrix of a Student-t closer by about half


@final
@dataclass(frozen=True)
class LinearModel(LinearStart):
    """A linear start with any covariance: its correlation is shrunk towards the identity.

    Attributes:
        residual_scale_tril: lower Cholesky factor of the residual covariance, shape (D, D), in
            standardised target units.

    References:
        Ledoit, Wolf (2004), A well-conditioned estimator for large-dimensional covariance matrices,
        doi 10.1016/S0047-259X(03)00096-4.
    """

    residual_scale_tril: Array

    @classmethod
    def fit(
        cls,
        X: Array,
        Y: Array,
        sample_weight: Array | None = None,
        blocks: NDArray[np.int64] | None = None,
        degrees_of_freedom: float | None = None,
        offset: Array | None = None,
        unbounded: Columns | None = None,
    ) -> Self:
        """Fit to rows of numbers.

        Args:
            X: array of shape (N, F), of about unit scale.
            Y: array of shape (N, D), in target units, NaN where not observed.
            sample_weight: as for `fit_ridge`.
            blocks: as for `fit_ridge`.
            degrees_of_freedom: take the residuals for Student-t variables, and factor their scale
                matrix in place of their covariance; by default for normal ones.
            offset: as for `fit_ridge`.
            unbounded: as for `fit_ridge`.

        Returns:
            The fitted model.

        Raises:
            InputError: fewer than two rows have a positive weight.
        """
        ridge = fit_ridge(X, Y, sample_weight, blocks, offset, unbounded)
        return cls.of(ridge, degrees_of_freedom)

    @classmethod
    def of(cls, ridge: Ridge, degrees_of_freedom: float | None = None) -> Self:
        """The start of regressions that are fitted; arguments as for `fit`."""
        factor = residual_factor(ridge.residuals, ridge.weight, degrees_of_freedom)
        return cls(**ridge.regression, residual_scale_tril=factor)

    @classmethod
    def shapes(
        cls, n_features: int, n_targets: int, rank: int, n_unbounded: int
    ) -> dict[str, tuple[int, ...]]:
        """See `LinearStart`."""
        regression = cls.ridge_shapes(n_features, n_targets, n_unbounded)
        return regression | {"residual_scale_tril": (n_targets, n_targets)}

    @property
    def widths(self) -> Array:
        """See `LinearStart`."""
        return np.diagonal(self.residual_scale_tril)

    @property
    def unit(self) -> Array:
        """K = `residual_scale_tril`."""
        return self.residual_scale_tril

    @property
    def log_scale(self) -> float:
        """Logarithm of |d whitened / d y|, in nats: to add to a log-density of whitened values."""
        return float(-np.log(self.scale).sum() - np.log(np.diag(self.residual_scale_tril)).sum())

    def whiten(self, X: Array, Y: Array) -> Array:
        """Residuals in the units of their own covariance: about N(0, I) if the model were true.

        Args:
            X: array of shape (N, F).
            Y: array of shape (N, D), in target units.

        Returns:
            Array of shape (N, D), without unit. Each value mixes a target with those before it, so
            a row with a gap holds NaN from the gap on.
        """
        return solve_lower(self.residual_scale_tril, self.residual(X, Y))

    def restore(self, whitened: Joint, X: Array, offset: Array | float = 0.0) -> Joint:
        """See `LinearStart`."""
        matrix = self.scale[:, None] * self.residual_scale_tril
        return whitened.affine(matrix, self.mean(X, offset), targets=whitened.targets)

    def standard(self, n_rows: int, targets: tuple[str, ...] | None = None) -> MultivariateNormal:
        """Standard normals."""
        d = len(self.location)
        return MultivariateNormal(np.zeros((n_rows, d)), covariance=np.eye(d), targets=targets)


@dataclass(frozen=True)
class Ridge:
    """Regressions, and what they leave of rows that they are not fitted to.

    Attributes:
        regression: the arrays that make up a `LinearStart`, its covariance apart, by name.
        residuals: held-out residuals of the N rows of positive weight, shape (N, D), in
            standardised units, NaN where not observed.
        offset_residuals: what the offset alone leaves of them, likewise; None without an offset.
        weight: of these rows, shape (N,), of sum 1.
    """

    regression: dict[str, Any]
    residuals: Array
    offset_residuals: Array | None
    weight: Array

    @property
    def simple_residuals(self) -> Array:
        """Residuals of the simplest mean there is: the offset, or without one the regressions."""
        return self.residuals if self.offset_residuals is None else self.offset_residuals


def fit_ridge(
    X: Array,
    Y: Array,
    sample_weight: Array | None = None,
    blocks: NDArray[np.int64] | None = None,
    offset: Array | None = None,
    unbounded: Columns | None = None,
) -> Ridge:
    """The regressions of a linear start.

    Args:
        X: array of shape (N, F), of about unit scale.
        Y: array of shape (N, D), in target units, NaN where not observed.
        sample_weight: array of shape (N,), non-negative; equal weights by default.
        blocks: array of shape (N,), a label per row: rows of one label are held out together. By
            default each row is held out on its own, as are those of a target whose rows are all of
            one label.
        offset: what is taken from Y before anything else, shape (N, D), in target units. The scale
            is that of Y all the same: what an exact offset leaves is rounding.
        unbounded: numbers of the features that are tried without their bound, too; none by
            default. Each target takes them with or without, by its held-out squared error.

    Returns:
        The regressions and their residuals.

    Raises:
        InputError: fewer than two rows have a positive weight.
    """
    weight = np.ones(len(Y)) if sample_weight is None else np.asarray(sample_weight, np.float64)
    if np.count_nonzero(weight) < 2:
        raise InputError(
            "Expected at least 2 training rows with a positive weight. "
            f"Received {np.count_nonzero(weight)}; use more rows or fewer members."
        )
    used = weight > 0
    X, Y, weight = X[used], Y[used], weight[used]
    offset = None if offset is None else offset[used]
    blocks = None if blocks is None else blocks[used]
    unbounded = np.zeros(0, dtype=np.int64) if unbounded is None else unbounded
    features = with_unbounded(X, unbounded)
    d = Y.shape[1]
    location, scale, intercept = np.zeros(d), np.ones(d), np.zeros(d)
    coef = np.zeros((features.shape[1], d))
    held_out = np.full(Y.shape, np.nan)
    for rows, targets in _observed_alike(Y):
        at = np.ix_(rows, targets)
        taken = None if offset is None else offset[at]
        share = weight[rows] / weight[rows].sum()
        location[targets], scale[targets], standardised = _standardised(Y[at], share, taken)
        if len(rows) < 2:
            continue
        if len(rows) == 2 < len(Y):  # one of them tells nothing of the slope to the other
            held_out[at] = standardised - standardised[::-1]
            continue
        block = None if blocks is None else blocks[rows]
        least = np.full(len(targets), np.inf)
        for columns in feature_sets(features.shape[1], unbounded):
            some = features[np.ix_(rows, columns)]
            penalties, residuals = _held_out(some, standardised, share, block)
            error = share @ np.square(residuals)
            better = error < least
            own = targets[better]
            path = _Path.fit(some, standardised, share)
            each = [path.coef(penalty)[:, j] for j, penalty in enumerate(penalties)]
            found = np.stack(each, axis=1)
            least[better], held_out[np.ix_(rows, own)] = error[better], residuals[:, better]
            coef[:, own] = 0.0
            coef[np.ix_(columns, own)] = found[:, better]
            intercept[own] = (path.target_mean - path.feature_mean @ found)[better]
    regression = {
        "location": location,
        "scale": scale,
        "coef": coef,
        "intercept": intercept,
        "unbounded": unbounded,
    }
    alone = None if offset is None else (Y - offset) / scale
    return Ridge(regression, held_out, alone, weight / weight.sum())


@dataclass(frozen=True)
class _Path:
    """Ridge regressions for all penalties, from one eigendecomposition of the Gram matrix."""

    feature_mean: Array  # (F,)
    target_mean: Array  # (D,)
    eigenvalues: Array  # (R,), of X'WX; R is the smaller of N and F
    eigenvectors: Array  # (F, R)
    rotated: Array  # (R, D): eigenvectors.T @ X'WY

    @classmethod
    def fit(cls, X: Array, Y: Array, weight: Array) -> Self:
        share = weight / weight.sum()
        feature_mean, target_mean = share @ X, share @ Y
        centred = X - feature_mean
        weighted = centred * share[:, None]
        if X.shape[1] > len(X):  # all else has no weight
            root = np.sqrt(share)[:, None] * centred
            _, singular, directions = np.linalg.svd(root, full_matrices=False)
            eigenvalues, eigenvectors = np.square(singular), directions.T
        else:
            eigenvalues, eigenvectors = np.linalg.eigh(centred.T @ weighted)
        return cls(
            feature_mean,
            target_mean,
            np.maximum(eigenvalues, 0.0),
            eigenvectors,
            eigenvectors.T @ (weighted.T @ (Y - target_mean)),
        )

    def coef(self, penalty: float) -> Array:
        """Coefficients of shape (F, D)."""
        shrunk = self.rotated / (self.eigenvalues[:, None] + penalty)
        return np.asarray(self.eigenvectors @ shrunk)

    def residuals(self, X: Array, Y: Array, penalty: float) -> Array:
        """Residuals of shape (N, D)."""
        return np.asarray((Y - self.target_mean) - (X - self.feature_mean) @ self.coef(penalty))


def _observed_alike(Y: Array) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Yield the rows that hold a target, and all targets that the same rows hold."""
    alike: dict[bytes, list[int]] = {}
    observed = ~np.isnan(Y)
    for target, column in enumerate(observed.T):
        alike.setdefault(column.tobytes(), []).append(target)
    for targets in alike.values():
        yield np.flatnonzero(observed[:, targets[0]]), np.array(targets)


def _standardised(Y: Array, share: Array, offset: Array | None) -> tuple[Array, Array, Array]:
    """Location and scale, both of shape (D,), and Y in these units."""
    location = share @ Y
    spread = np.sqrt(share @ np.square(Y - location))
    magnitude = np.where(location == 0, 1.0, np.abs(location))
    # what rounding leaves of a constant target is no spread
    scale = np.where(spread > 4 * np.finfo(float).eps * np.abs(location), spread, magnitude)
    if offset is not None:
        Y = Y - offset
        location = share @ Y
    return location, scale, (Y - location) / scale


def _held_out(
    X: Array, Y: Array, weight: Array, blocks: NDArray[np.int64] | None
) -> tuple[Array, Array]:
    """The best penalty of each target, shape (D,), and its held-out residuals, shape (N, D)."""
    if blocks is None or len(np.unique(blocks)) < 2:
        attempts = _leave_one_out(X, Y, weight)
    else:
        attempts = _leave_block_out(X, Y, weight, blocks)
    least = np.full(Y.shape[1], np.inf)
    chosen, best = np.zeros(Y.shape[1]), np.zeros_like(Y)
    for penalty, residuals in zip(PENALTIES, attempts, strict=True):
        error = weight @ np.square(residuals)
        better = error < least
        least[better], chosen[better] = error[better], penalty
        best[:, better] = residuals[:, better]
    return chosen, best


def _leave_one_out(X: Array, Y: Array, weight: Array) -> Iterator[Array]:
    """For each penalty, the residual of each row under the model without it."""
    path = _Path.fit(X, Y, weight)
    rotated = np.square((X - path.feature_mean) @ path.eigenvectors)
    for penalty in PENALTIES:
        leverage = weight * (1.0 + rotated @ (1.0 / (path.eigenvalues + penalty)))
        kept = np.maximum(1.0 - leverage, 1e-9)  # no division by what rounding left
        yield path.residuals(X, Y, penalty) / kept[:, None]


def _leave_block_out(
    X: Array, Y: Array, weight: Array, blocks: NDArray[np.int64]
) -> Iterator[Array]:
    """For each penalty, the residual of each row under the model without its block."""
    helds = [blocks == block for block in np.unique(blocks)]
    paths = [_Path.fit(X[~held], Y[~held], weight[~held]) for held in helds]
    for penalty in PENALTIES:
        residuals = np.empty_like(Y)
        for held, path in zip(helds, paths, strict=True):
            residuals[held] = path.residuals(X[held], Y[held], penalty)
        yield residuals


def residual_factor(
    residuals: Array, weight: Array, degrees_of_freedom: float | None = None
) -> Array:
    """Factor the scale matrix of residuals, their correlation shrunk towards the identity.

    Args:
        residuals: array of shape (N, D), of mean zero, NaN where not observed.
        weight: array of shape (N,), positive, of sum 1.
        degrees_of_freedom: of Student-t residuals, whose scale matrix has the highest likelihood,
            shrunk as Ledoit and Wolf have it; None for normal ones, whose covariance matrix is that
            of the residuals, shrunk by what chance alone explains of a normal's correlations.

    Returns:
        Lower Cholesky factor, shape (D, D), in the units of the residuals.
    """
    if np.isnan(residuals).any():
        return factor_with_gaps(residuals, weight, degrees_of_freedom)
    if degrees_of_freedom is not None:
        residuals = _drawn_in(residuals, weight, degrees_of_freedom)
    stddev = np.maximum(np.sqrt(weight @ np.square(residuals)), LEAST_RESIDUAL)
    unit = residuals / stddev * np.sqrt(weight * len(weight))[:, None]
    if degrees_of_freedom is None:
        prior = prior_rows(residuals / stddev, weight, normal=True)
        shrinkage = 1.0 if np.isinf(prior) else prior / (len(weight) + prior)
    else:
        shrinkage = max(float(ledoit_wolf(unit, assume_centered=True)[1]), LEAST_SHRINKAGE)
    correlation = (1 - shrinkage) * (unit.T @ unit) / len(unit)
    np.fill_diagonal(correlation, 1.0)
    return np.asarray(stddev[:, None] * np.linalg.cholesky(correlation))


def _drawn_in(residuals: Array, weight: Array, degrees_of_freedom: float) -> Array:
    """Residuals whose second moments are the likeliest scale matrix of a Student-t (by EM)."""
    d = residuals.shape[1]
    drawn = residuals
    for _ in range(EM_STEPS):
        stddev = np.maximum(np.sqrt(weight @ np.square(drawn)), LEAST_RESIDUAL)
        unit = drawn / stddev
        correlation = (unit * weight[:, None]).T @ unit + LEAST_SHRINKAGE * np.eye(d)
        z = solve_lower(np.asarray(np.linalg.cholesky(correlation)), residuals / stddev)
        squares = np.einsum("ni,ni->n", z, z)
        share = (degrees_of_freedom + d) / (degrees_of_freedom + squares)
        drawn = residuals * np.sqrt(share)[:, None]
    return drawn
