"""Scale matrices: how the targets of an elliptical distribution spread and move together.

The interface is in terms of S = B B', N positive definite matrices of D targets each, in products
of target units, and of x = y - mean, in target units, NaN where a target is not observed. Rows and
columns of targets known exactly are zero, and no method counts these targets as observed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np

from covey.types import Array, Counts, Mask


class Distance(NamedTuple):
    """How far observed targets lie from their means, row by row.

    Attributes:
        log_root: log |B| of the marginal of these targets, shape (N,); 0 for none.
        squares: |z|^2 with z = B^-1 x, shape (N,), without unit; 0 for none.
        n_observed: m, how many are observed, shape (N,).
    """

    log_root: Array
    squares: Array
    n_observed: Counts


class Conditional(NamedTuple):
    """What observed targets say of the others, before any effect on the tails.

    Attributes:
        shift: what the means of the others move by, S_ba S_aa^-1 x_a, shape (N, D), in target
            units; 0 at what is observed or known.
        scale: the scale matrix of the others, S_bb - S_ba S_aa^-1 S_ab, zero at what is known now.
        squares: |z|^2 of the observed targets, shape (N,).
        n_observed: m, how many are observed, shape (N,).
    """

    shift: Array
    scale: ScaleMatrix
    squares: Array
    n_observed: Counts


class ScaleMatrix(ABC):
    """N scale matrices S = B B' of D targets. One class for each form in which they are held."""

    @property
    @abstractmethod
    def arrays(self) -> dict[str, Array]:
        """The arrays that hold the matrices, by the attributes of the distribution."""

    @property
    @abstractmethod
    def observed(self) -> Mask:
        """Which targets are known exactly, S_ii = 0, shape (N, D)."""

    @property
    @abstractmethod
    def root_diagonal(self) -> Array:
        """sqrt(S_ii), shape (N, D), in target units."""

    @property
    @abstractmethod
    def parts(self) -> tuple[Array, Array]:
        """(d, C) with S = diag(d) + C C', of shapes (N, D) and (N, D, M)."""

    @property
    @abstractmethod
    def log_root(self) -> Array:
        """The logarithm of |B| over the targets not known exactly, shape (N,)."""

    @abstractmethod
    def matrices(self, factor: Array | float = 1.0) -> Array:
        """Factor times S, exactly symmetric.

        Args:
            factor: a number, or shape (N,).

        Returns:
            Array of shape (N, D, D), in products of target units.
        """

    def correlation(self) -> Array:
        """S_ij / sqrt(S_ii S_jj), shape (N, D, D), without unit; the diagonal is exactly 1.

        A target known exactly has correlation 0 with the others.
        """
        _, columns = self.parts
        unit = columns / np.where(self.observed, 1.0, self.root_diagonal)[:, :, None]
        product = unit @ np.swapaxes(unit, 1, 2)
        product = (product + np.swapaxes(product, 1, 2)) / 2
        on_diagonal = np.arange(product.shape[1])
        product[:, on_diagonal, on_diagonal] = 1.0
        return product

    @abstractmethod
    def distance(self, x: Array) -> Distance:
        """Distances of the observed targets by their marginal, x of shape (N, D)."""

    @abstractmethod
    def precision_times(self, x: Array) -> Array:
        """P x with P = S_aa^-1, a the observed targets: shape (N, D), NaN where not observed."""

    @abstractmethod
    def precision_diagonal(self, present: Mask) -> Array:
        """P_ii of the precision of the targets `present`: shape (N, D), NaN elsewhere."""

    @abstractmethod
    def colour(self, z: Array) -> Array:
        """B z, in target units, for z of shape (..., N or 1, D), no target being known."""

    @abstractmethod
    def whiten(self, x: Array) -> Array:
        """B^-1 x, without unit, for x of shape (..., N, D), no target being known."""

    @abstractmethod
    def trace_of_ratio(self, other: ScaleMatrix) -> Array:
        """tr(S^-1 T) for other matrices T, shape (N,), no target being known."""

    @abstractmethod
    def draw(self, size: int, generator: np.random.Generator) -> Array:
        """Samples of N(0, S), shape (size, N, D), in target units."""

    @abstractmethod
    def scaled(self, scales: Array) -> ScaleMatrix:
        """diag(s) S diag(s) for s of shape (D,), (N, 1) or (N, D); s_i = 0 makes i known."""

    @abstractmethod
    def uncorrelated(self) -> ScaleMatrix:
        """diag(S), in the same form."""

    @abstractmethod
    def shrunk(self, share: float) -> ScaleMatrix:
        """(1 - share) S + share diag(S), in the same form."""

    @abstractmethod
    def marginal(self, positions: list[int]) -> ScaleMatrix:
        """The matrices of M of the targets, in the order wanted."""

    @abstractmethod
    def conditional(self, x: Array) -> Conditional:
        """What the observed targets say of the others, x of shape (N, D)."""

    @abstractmethod
    def mapped(self, matrix: Array) -> ScaleMatrix:
        """A S A' for A of shape (N or 1, M, D), in the form that it can have.

        Raises:
            InputError: the rows of A are linearly dependent over the targets not known exactly.
        """

    @abstractmethod
    def cholesky(self) -> Array:
        """Lower Cholesky factors L of S, shape (N, D, D), in target units."""

    @abstractmethod
    def box(self, lower: Array, upper: Array, degrees_of_freedom: Array | None) -> Array:
        """P(lower < x < upper) for bounds of shape (N, D), in target units: shape (N,).

        Args:
            lower: bounds from the mean, -inf for none.
            upper: bounds from the mean, inf for none.
            degrees_of_freedom: shape (N,) for a Student-t, None for a normal.
        """
