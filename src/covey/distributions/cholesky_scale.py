"""Scale matrices of any form, held as their lower Cholesky factors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np

from covey.algebra.box import box_probability
from covey.algebra.patterns import by_pattern
from covey.algebra.triangular import (
    cached_parts,
    inverse_lower,
    selected,
    solve_lower,
    solve_transposed,
    transformed,
)
from covey.distributions.conditioning import conditional_factor, mapped_factor, marginal_factor
from covey.distributions.scale_matrix import Conditional, Distance, ScaleMatrix
from covey.types import Array, Columns, Mask, Rows

MANY = 4  # vectors of each row, from which on a product of matrices is quicker


@final
@dataclass(frozen=True, eq=False)
class CholeskyScale(ScaleMatrix):
    """S = L L', L lower triangular; B = L.

    Attributes:
        scale_tril: L, shape (N, D, D), in target units; zero rows and columns at targets known
            exactly.
    """

    scale_tril: Array

    @property
    def arrays(self) -> dict[str, Array]:
        """L, as `scale_tril`."""
        return {"scale_tril": self.scale_tril}

    @cached_property
    def observed(self) -> Mask:
        """See `ScaleMatrix`."""
        known: Mask = np.diagonal(self.scale_tril, axis1=1, axis2=2) == 0
        known.flags.writeable = False
        return known

    @property
    def root_diagonal(self) -> Array:
        """See `ScaleMatrix`."""
        return np.sqrt(np.einsum("nij,nij->ni", self.scale_tril, self.scale_tril))

    @property
    def parts(self) -> tuple[Array, Array]:
        """See `ScaleMatrix`."""
        return np.zeros(self.scale_tril.shape[:2]), self.scale_tril

    @property
    def log_root(self) -> Array:
        """See `ScaleMatrix`."""
        return _log_diagonal(self.scale_tril)

    def matrices(self, factor: Array | float = 1.0) -> Array:
        """See `ScaleMatrix`."""
        half = np.broadcast_to(factor, len(self.scale_tril)) / 2
        found = np.empty_like(self.scale_tril)
        for rows in cached_parts(self.scale_tril):
            lower = self.scale_tril[rows]
            product = lower @ np.swapaxes(lower, 1, 2)
            product *= half[rows, None, None]
            np.add(product, np.swapaxes(product, 1, 2), out=found[rows])
        return found

    def distance(self, x: Array) -> Distance:
        """See `ScaleMatrix`."""
        log_root, squares = np.zeros(len(x)), np.zeros(len(x))
        for rows, _, lower, z in self._whitened_marginals(x):
            log_root[rows], squares[rows] = _log_diagonal(lower), np.einsum("ni,ni->n", z, z)
        return Distance(log_root, squares, (~np.isnan(x)).sum(axis=1))

    def precision_times(self, x: Array) -> Array:
        """See `ScaleMatrix`."""
        found = np.full(x.shape, np.nan)
        for rows, present, lower, z in self._whitened_marginals(x):
            found[rows[:, None], present] = solve_transposed(lower, z)
        return found

    def precision_diagonal(self, present: Mask) -> Array:
        """See `ScaleMatrix`."""
        found = np.full(present.shape, np.nan)
        for rows, positions, lower in self._marginals(present):
            inverse = inverse_lower(lower)
            found[rows[:, None], positions] = np.einsum("nji,nji->ni", inverse, inverse)
        return found

    def _marginals(self, present: Mask) -> Iterator[tuple[Rows, Columns, Array]]:
        """Yield (rows, positions, L of their marginal) for each pattern of present targets."""
        for rows, pattern in by_pattern(present):
            positions = np.flatnonzero(pattern)
            if len(positions) == 0:
                continue
            lower = self.scale_tril[rows]
            whole = len(positions) == len(pattern)
            yield rows, positions, lower if whole else selected(lower, positions)

    def _whitened_marginals(self, x: Array) -> Iterator[tuple[Rows, Columns, Array, Array]]:
        """The same, with L^-1 x besides."""
        for rows, positions, lower in self._marginals(~np.isnan(x)):
            yield rows, positions, lower, solve_lower(lower, x[rows[:, None], positions])

    def colour(self, z: Array) -> Array:
        """See `ScaleMatrix`."""
        shape = (*z.shape[:-2], *self.scale_tril.shape[:2])
        return _products(self.scale_tril, np.broadcast_to(z, shape))

    def whiten(self, x: Array) -> Array:
        """See `ScaleMatrix`."""
        many = x.ndim == 3 and len(x) > x.shape[2]
        if many and not self.observed.any():  # an inverse costs less than so many solutions
            return _products(inverse_lower(self.scale_tril), x)
        return solve_lower(self.scale_tril, x)

    def trace_of_ratio(self, other: ScaleMatrix) -> Array:
        """See `ScaleMatrix`."""
        diagonal, columns = other.parts
        ratio = solve_lower(self.scale_tril[:, None], np.swapaxes(columns, 1, 2))
        trace = np.einsum("nij,nij->n", ratio, ratio)
        if diagonal.any():
            inverse = inverse_lower(self.scale_tril)
            trace += np.einsum("nij,nij,nj->n", inverse, inverse, diagonal)
        return trace

    def draw(self, size: int, generator: np.random.Generator) -> Array:
        """See `ScaleMatrix`."""
        return self.colour(generator.standard_normal((size, *self.scale_tril.shape[:2])))

    def scaled(self, scales: Array) -> CholeskyScale:
        """See `ScaleMatrix`."""
        lower = scales[..., None] * self.scale_tril
        if np.all(scales):
            return CholeskyScale(lower)
        known = np.broadcast_to(scales == 0, lower.shape[:2]) | self.observed
        return CholeskyScale(marginal_factor(lower, known, list(range(lower.shape[1]))))

    def uncorrelated(self) -> CholeskyScale:
        """See `ScaleMatrix`."""
        return CholeskyScale(np.eye(self.scale_tril.shape[1]) * self.root_diagonal[:, None, :])

    def shrunk(self, share: float) -> CholeskyScale:
        """See `ScaleMatrix`."""
        correlation = (1 - share) * self.correlation() + share * np.eye(self.scale_tril.shape[1])
        return CholeskyScale(self.root_diagonal[:, :, None] * np.linalg.cholesky(correlation))

    def marginal(self, positions: list[int]) -> CholeskyScale:
        """See `ScaleMatrix`."""
        return CholeskyScale(marginal_factor(self.scale_tril, self.observed, positions))

    def conditional(self, x: Array) -> Conditional:
        """See `ScaleMatrix`, and `conditional_factor` for the formula."""
        shift, lower, squares = conditional_factor(self.scale_tril, self.observed, x)
        return Conditional(shift, CholeskyScale(lower), squares, (~np.isnan(x)).sum(axis=1))

    def mapped(self, matrix: Array) -> CholeskyScale:
        """See `ScaleMatrix`."""
        if not self.observed.any():
            return CholeskyScale(transformed(matrix, self.scale_tril))
        product = matrix @ self.scale_tril
        return CholeskyScale(mapped_factor(matrix, product, self.observed))

    def cholesky(self) -> Array:
        """See `ScaleMatrix`."""
        return self.scale_tril

    def box(self, lower: Array, upper: Array, degrees_of_freedom: Array | None) -> Array:
        """See `ScaleMatrix`."""
        return box_probability(lower, upper, self.scale_tril, degrees_of_freedom)


def _products(matrices: Array, vectors: Array) -> Array:
    """Products of N matrices, (N, D, D), with one or many vectors each, (..., N, D)."""
    if vectors.ndim == 3 and len(vectors) >= MANY:  # products of whole matrices
        many = np.swapaxes(vectors, 0, 1) @ np.swapaxes(matrices, 1, 2)
        return np.swapaxes(many, 0, 1)
    return np.einsum("nij,...nj->...ni", matrices, vectors)


def _log_diagonal(lower: Array) -> Array:
    """Sum of the logarithms of the diagonal of each of N matrices, shape (N,), zeros left out."""
    diagonal = np.diagonal(lower, axis1=1, axis2=2)
    return np.log(np.where(diagonal == 0, 1.0, diagonal)).sum(axis=1)
