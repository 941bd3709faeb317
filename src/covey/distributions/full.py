"""Elliptical distributions whose scale matrix may be any: it is held as its Cholesky factor."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from functools import cached_property
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

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
from covey.distributions.batch import frozen
from covey.distributions.conditioning import conditional_moments, mapped_factor, marginal_factor
from covey.distributions.elliptical import Counts, Elliptical
from covey.distributions.steps import Combined, Kept, Told
from covey.types import Array, Rows


class Full(Elliptical):
    """N elliptical distributions, each with a scale matrix L L' of its own.

    Attributes:
        mean: shape (N, D), in target units.
        scale_tril: L, lower triangular, shape (N, D, D), in target units; its rows and columns are
            zero at targets known exactly.
        targets: D names.
    """

    scale_tril: Array
    _arrays: ClassVar[tuple[str, ...]] = ("mean", "scale_tril")

    @abstractmethod
    def _given(self, squares: Array, count: Counts) -> tuple[Array, dict[str, Array]]:
        """How tails change where `count` targets with |z|^2 are observed.

        Returns:
            What the factor is multiplied by, shape (N,), and the further arrays.
        """

    @cached_property
    def observed(self) -> NDArray[np.bool_]:
        """Which targets are known exactly, shape (N, D): those `conditional` was given."""
        known = np.diagonal(self.scale_tril, axis1=1, axis2=2) == 0
        known.flags.writeable = False
        return known

    @cached_property
    def covariance(self) -> Array:
        """Covariance matrices, shape (N, D, D), in products of target units."""
        covariance = np.empty_like(self.scale_tril)
        for rows in cached_parts(self.scale_tril):
            factor = self.scale_tril[rows]
            product = factor @ np.swapaxes(factor, 1, 2)
            product *= self._inflation[rows, None, None] / 2
            np.add(product, np.swapaxes(product, 1, 2), out=covariance[rows])
        return frozen(covariance)

    @property
    def _scale(self) -> Array:
        return np.sqrt(np.einsum("nij,nij->ni", self.scale_tril, self.scale_tril))

    @property
    def _parts(self) -> tuple[Array, Array]:
        return np.zeros(self._shape), self.scale_tril

    @property
    def _log_root(self) -> Array:
        return log_diagonal(self.scale_tril)

    def _distance(self, values: Array) -> tuple[Array, Array, Counts]:
        log_root, squares = np.zeros(len(self)), np.zeros(len(self))
        for rows, factor, z in self._whiten(values):
            log_root[rows], squares[rows] = log_diagonal(factor), np.einsum("ni,ni->n", z, z)
        return log_root, squares, (~np.isnan(values)).sum(axis=1)

    def _weighted(self, values: Array) -> Array:
        found = np.full(values.shape, np.nan)
        for rows, factor, z in self._whiten(values):
            present = np.flatnonzero(~np.isnan(values[rows[0]]))
            found[rows[:, None], present] = solve_transposed(factor, z)
        return found

    def _own_precision(self, values: Array) -> Array:
        found = np.full(values.shape, np.nan)
        for rows, factor, _ in self._whiten(values):
            present = np.flatnonzero(~np.isnan(values[rows[0]]))
            inverse = inverse_lower(factor)
            found[rows[:, None], present] = np.einsum("nji,nji->ni", inverse, inverse)
        return found

    def _whiten(self, values: Array) -> Iterator[tuple[Rows, Array, Array]]:
        """Yield (rows, factor, L^-1 (y - mean)) for each pattern of observed targets."""
        for rows, pattern in by_pattern(~np.isnan(values)):
            present = np.flatnonzero(pattern)
            if len(present) == 0:
                continue
            factor = self.scale_tril[rows]
            if len(present) < len(pattern):
                factor = selected(factor, present)
            shift = values[rows[:, None], present] - self.mean[rows[:, None], present]
            yield rows, factor, solve_lower(factor, shift)

    def _coloured(self, noise: Array) -> Array:
        shape = (*noise.shape[:-2], *self._shape)
        return np.einsum("nij,...nj->...ni", self.scale_tril, np.broadcast_to(noise, shape))

    def _decoloured(self, shift: Array) -> Array:
        return solve_lower(self.scale_tril, shift)

    def _trace_of(self, other: Elliptical) -> Array:
        diagonal, columns = other._parts
        ratio = solve_lower(self.scale_tril[:, None], np.swapaxes(columns, 1, 2))
        trace = np.einsum("nij,nij->n", ratio, ratio)
        if diagonal.any():
            inverse = inverse_lower(self.scale_tril)
            trace += np.einsum("nij,nij,nj->n", inverse, inverse, diagonal)
        return trace

    def _stretched(self, scales: Array) -> Self:
        return self._with(self.targets, scale_tril=scales[..., None] * self.scale_tril)

    def _uncorrelated(self) -> Self:
        scale = np.eye(len(self.targets)) * self._scale[:, None, :]
        return self._with(self.targets, scale_tril=scale)

    def _sample(self, size: int, generator: np.random.Generator) -> Array:
        noise = generator.standard_normal((size, *self.mean.shape))
        noise *= self._stretch(size, generator)[..., None]
        return self.mean + np.einsum("nij,snj->sni", self.scale_tril, noise)

    def _marginal(self, chosen: list[int]) -> Self:
        joint = self._with(
            tuple(self.targets[position] for position in chosen),
            mean=self.mean[:, chosen],
            scale_tril=marginal_factor(self.scale_tril, self.observed, chosen),
        )
        return self._asked(joint, Kept(chosen))

    def _conditional(self, values: Array) -> Self:
        mean, factor, squares, count = conditional_moments(self.mean, self.scale_tril, values)
        stretch, further = self._given(squares, count)
        factor *= stretch[:, None, None]
        joint = self._with(self.targets, mean=mean, scale_tril=factor, **further)
        return self._asked(joint, Told(~np.isnan(values)))

    def _mapped(self, matrix: Array, shift: Array, targets: tuple[str, ...]) -> Self:
        mean = (matrix @ self.mean[:, :, None])[:, :, 0] + shift
        factor = (
            mapped_factor(matrix, matrix @ self.scale_tril, self.observed)
            if self.observed.any()
            else transformed(matrix, self.scale_tril)
        )
        joint = self._with(targets, mean=mean, scale_tril=factor)
        return self._asked(joint, Combined.by(matrix))

    def _box(self, lower: Array, upper: Array) -> Array:
        return box_probability(lower - self.mean, upper - self.mean, self.scale_tril, self._freedom)


def log_diagonal(lower: Array) -> Array:
    """Sum of the logarithms of the diagonal of each of N matrices, shape (N,), zeros left out."""
    diagonal = np.diagonal(lower, axis1=1, axis2=2)
    return np.log(np.where(diagonal == 0, 1.0, diagonal)).sum(axis=1)
