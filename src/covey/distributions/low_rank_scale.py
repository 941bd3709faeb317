"""Scale matrices of many targets that a few factors correlate."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, final

import numpy as np

from covey.algebra.box import box_probability
from covey.algebra.triangular import dependence_error, inverse_lower
from covey.distributions.cholesky_scale import CholeskyScale
from covey.distributions.conditioning import mapped_factor, settled_combinations
from covey.distributions.scale_matrix import Conditional, Distance, ScaleMatrix
from covey.types import Array, Mask

LEAST_SPECIFIC = 1e-10  # share of each target's variance that no factor explains, at least


class FactorPosterior(NamedTuple):
    """The factors f given the observed targets: N(`expected`, (I + G'G)^-1).

    Attributes:
        present: which targets are observed, shape (N, D).
        loadings: G of the observed targets, zero elsewhere, shape (N, D, R).
        lower: Cholesky factor of I + G'G, shape (N, R, R).
        expected: E[f], shape (N, R), without unit.
        residual: what E[f] leaves of the observed targets, in units of their specific standard
            deviations, zero elsewhere, shape (N, D).
    """

    present: Mask
    loadings: Array
    lower: Array
    expected: Array
    residual: Array

    @property
    def squares(self) -> Array:
        """|z|^2 of the observed targets, shape (N,).

        It is a sum of squares: z'z - |..|^2 would lose the digits of what is well explained.
        """
        return sum(np.einsum("ni,ni->n", part, part) for part in (self.residual, self.expected))


@final
@dataclass(frozen=True, eq=False)
class LowRankScale(ScaleMatrix):
    """S = diag(d) + F F': noise specific to each target, and R factors that targets share.

    With G = diag(d)^-1/2 F the identities of Woodbury and Sylvester,

        S^-1 = d^-1/2 (I - G (I + G'G)^-1 G') d^-1/2,    |S| = |I + G'G| prod d_i,

    leave matrices of R rows and columns to be factorised. B = d^1/2 (I + G G')^1/2.

    Attributes:
        diagonal: d, specific variances, shape (N, D), in squared target units; zero at targets
            known exactly, as is their row of the factor.
        factor: F, shape (N, D, R), in target units.

    References:
        Woodbury (1950), Inverting Modified Matrices, Memorandum Report 42, Princeton.
        Anderson (2003), An Introduction to Multivariate Statistical Analysis, chapter 14.
    """

    diagonal: Array
    factor: Array

    @property
    def arrays(self) -> dict[str, Array]:
        """Specific variances and factors, as `diagonal` and `factor`."""
        return {"diagonal": self.diagonal, "factor": self.factor}

    @cached_property
    def observed(self) -> Mask:
        """See `ScaleMatrix`."""
        known: Mask = self.diagonal == 0
        known.flags.writeable = False
        return known

    @property
    def root_diagonal(self) -> Array:
        """See `ScaleMatrix`."""
        return np.sqrt(self.diagonal + np.einsum("nir,nir->ni", self.factor, self.factor))

    @property
    def parts(self) -> tuple[Array, Array]:
        """See `ScaleMatrix`."""
        return self.diagonal, self.factor

    @cached_property
    def _specific(self) -> Array:
        """Specific standard deviations sqrt(d), shape (N, D); 1 at targets known exactly."""
        return np.sqrt(np.where(self.observed, 1.0, self.diagonal))

    @cached_property
    def _loadings(self) -> Array:
        """G, shape (N, D, R): in units of the specific deviations S is I + G G'."""
        return self.factor / self._specific[:, :, None]

    @cached_property
    def _spectrum(self) -> tuple[Array, Array]:
        """Eigenvalues of G'G, (N, R), and G times its eigenvectors, (N, D, R)."""
        values, vectors = np.linalg.eigh(np.swapaxes(self._loadings, 1, 2) @ self._loadings)
        return np.maximum(values, 0.0), self._loadings @ vectors

    @property
    def log_root(self) -> Array:
        """See `ScaleMatrix`."""
        return self.distance(np.where(self.observed, np.nan, 0.0)).log_root

    def matrices(self, factor: Array | float = 1.0) -> Array:
        """See `ScaleMatrix`."""
        times = np.broadcast_to(factor, len(self.factor))[:, None, None]
        columns = np.sqrt(times) * self.factor
        product = columns @ np.swapaxes(columns, 1, 2)
        product = (product + np.swapaxes(product, 1, 2)) / 2
        on_diagonal = np.arange(product.shape[1])
        product[:, on_diagonal, on_diagonal] = times[:, 0] * np.square(self.root_diagonal)
        return product

    def _posterior(self, x: Array) -> FactorPosterior:
        """What the observed targets say of the factors, x of shape (N, D)."""
        present: Mask = ~np.isnan(x)
        loadings = self._loadings * present[:, :, None]
        transposed = np.swapaxes(loadings, 1, 2)
        inner = transposed @ loadings + np.eye(self.factor.shape[2])
        z = np.where(present, x, 0.0) / self._specific
        expected = np.asarray(np.linalg.solve(inner, transposed @ z[:, :, None]))
        residual = z - (loadings @ expected)[:, :, 0]
        lower = np.asarray(np.linalg.cholesky(inner))
        return FactorPosterior(present, loadings, lower, expected[:, :, 0], residual)

    def distance(self, x: Array) -> Distance:
        """See `ScaleMatrix`."""
        given = self._posterior(x)
        log_root = np.where(given.present, np.log(self._specific), 0.0).sum(axis=1)
        log_root += np.log(np.diagonal(given.lower, axis1=1, axis2=2)).sum(axis=1)
        return Distance(log_root, given.squares, given.present.sum(axis=1))

    def precision_times(self, x: Array) -> Array:
        """See `ScaleMatrix`."""
        given = self._posterior(x)
        return np.where(given.present, given.residual / self._specific, np.nan)

    def precision_diagonal(self, present: Mask) -> Array:
        """See `ScaleMatrix`."""
        given = self._posterior(np.where(present, 0.0, np.nan))
        half = given.loadings @ np.swapaxes(inverse_lower(given.lower), 1, 2)
        unexplained = np.maximum(1.0 - np.square(half).sum(axis=2), LEAST_SPECIFIC)
        return np.where(present, unexplained / np.square(self._specific), np.nan)

    def colour(self, z: Array) -> Array:
        """See `ScaleMatrix`."""
        # the symmetric root: with G'G = V L V' it is I + G V (sqrt(1 + L) - 1) / L V'G'
        values, axes = self._spectrum
        weight = 1 / (1 + np.sqrt(1 + values))
        return self._specific * (z + _along(axes, weight * _onto(axes, z)))

    def whiten(self, x: Array) -> Array:
        """See `ScaleMatrix`."""
        values, axes = self._spectrum
        root = np.sqrt(1 + values)
        z = x / self._specific
        return z - _along(axes, _onto(axes, z) / (root * (1 + root)))

    def trace_of_ratio(self, other: ScaleMatrix) -> Array:
        """See `ScaleMatrix`."""
        diagonal, columns = other.parts
        z = self.whiten(np.moveaxis(columns, 2, 0))
        every: Mask = np.ones(self.diagonal.shape, dtype=np.bool_)
        of_diagonal = (self.precision_diagonal(every) * diagonal).sum(axis=1)
        return of_diagonal + np.einsum("mni,mni->n", z, z)

    def draw(self, size: int, generator: np.random.Generator) -> Array:
        """See `ScaleMatrix`."""
        n, d, rank = self.factor.shape
        specific = generator.standard_normal((size, n, d))
        shared = generator.standard_normal((size, n, rank))
        return np.sqrt(self.diagonal) * specific + _along(self.factor, shared)

    def scaled(self, scales: Array) -> LowRankScale:
        """See `ScaleMatrix`."""
        return LowRankScale(np.square(scales) * self.diagonal, scales[..., None] * self.factor)

    def uncorrelated(self) -> LowRankScale:
        """See `ScaleMatrix`; of rank 0."""
        return LowRankScale(np.square(self.root_diagonal), np.zeros((*self.diagonal.shape, 0)))

    def shrunk(self, share: float) -> LowRankScale:
        """See `ScaleMatrix`; of the same rank."""
        common = np.einsum("nir,nir->ni", self.factor, self.factor)
        return LowRankScale(self.diagonal + share * common, np.sqrt(1 - share) * self.factor)

    def marginal(self, positions: list[int]) -> LowRankScale:
        """See `ScaleMatrix`."""
        return LowRankScale(self.diagonal[:, positions], self.factor[:, positions])

    def conditional(self, x: Array) -> Conditional:
        """See `ScaleMatrix`: the factors given x are N(E[f], (I + G'G)^-1), the rest stays."""
        given = self._posterior(x)
        factor = self.factor @ np.swapaxes(inverse_lower(given.lower), 1, 2)
        left = LowRankScale(
            np.where(given.present, 0.0, self.diagonal),
            np.where(given.present[:, :, None], 0.0, factor),
        )
        shift = np.where(given.present, 0.0, _along(self.factor, given.expected))
        return Conditional(shift, left, given.squares, given.present.sum(axis=1))

    def mapped(self, matrix: Array) -> LowRankScale | CholeskyScale:
        """See `ScaleMatrix`; of low rank where each target enters at most one new variable.

        That keeps the specific noise of the new variables independent; else it does not.
        """
        if np.all(np.count_nonzero(matrix, axis=1) <= 1):
            diagonal = (np.square(matrix) @ self.diagonal[:, :, None])[:, :, 0]
            lost = (diagonal == 0) & ~settled_combinations(matrix, self.observed)
            if lost.any():
                raise dependence_error(int(np.flatnonzero(lost.any(axis=1))[0]))
            return LowRankScale(diagonal, matrix @ self.factor)
        specific = matrix * np.sqrt(self.diagonal)[:, None, :]
        product = np.concatenate([specific, matrix @ self.factor], axis=2)
        return CholeskyScale(mapped_factor(matrix, product, self.observed))

    def cholesky(self) -> Array:
        """See `ScaleMatrix`; as large as D times D."""
        return self.root_diagonal[:, :, None] * np.linalg.cholesky(self.correlation())

    def box(self, lower: Array, upper: Array, degrees_of_freedom: Array | None) -> Array:
        """See `ScaleMatrix`; targets without any bound are left out."""
        bounded = np.flatnonzero(np.any((lower > -np.inf) | (upper < np.inf), axis=0))
        if len(bounded) == 0:
            return np.ones(len(lower))
        scale_tril = self.marginal(bounded.tolist()).cholesky()
        return box_probability(lower[:, bounded], upper[:, bounded], scale_tril, degrees_of_freedom)


def _along(columns: Array, weights: Array) -> Array:
    """Combinations of the columns, (N, D, R), by weights of shape (..., N, R): (..., N, D)."""
    return (columns @ weights[..., None])[..., 0]


def _onto(columns: Array, vectors: Array) -> Array:
    """Products of the columns, (N, D, R), with vectors of shape (..., N or 1, D): (..., N, R)."""
    return (np.swapaxes(columns, 1, 2) @ vectors[..., None])[..., 0]
