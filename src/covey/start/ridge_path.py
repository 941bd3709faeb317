"""Ridge regressions for all penalties at once, and which penalty is best on rows left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from covey.start.moments import Moments
from covey.types import Array, Mask

PENALTIES = np.logspace(-6, 3, 28)  # per training row, for features of about unit variance


@dataclass(frozen=True)
class Line:
    """One regression for each of T targets.

    Attributes:
        coef: shape (F, T).
        intercept: shape (T,).
    """

    coef: Array
    intercept: Array

    def part(self, targets: Mask) -> Line:
        """The regressions of some of the targets."""
        return Line(self.coef[:, targets], self.intercept[targets])


@dataclass(frozen=True)
class RidgePath:
    """Ridge regressions for all penalties, from one eigendecomposition of the Gram matrix.

    Attributes:
        feature_mean: shape (F,).
        target_mean: shape (T,).
        eigenvalues: of the weighted mean of products of features, shape (F,).
        eigenvectors: shape (F, F).
        rotated: products of features and targets along the eigenvectors, shape (F, T).
    """

    feature_mean: Array
    target_mean: Array
    eigenvalues: Array
    eigenvectors: Array
    rotated: Array

    @classmethod
    def of(cls, moments: Moments) -> Self:
        """Decompose the Gram matrix of rows with these moments."""
        eigenvalues, eigenvectors = np.linalg.eigh(moments.gram / moments.weight)
        rotated = eigenvectors.T @ (moments.cross / moments.weight)
        means = moments.feature_mean, moments.target_mean
        return cls(*means, np.maximum(eigenvalues, 0.0), eigenvectors, rotated)

    def line(self, penalty: Array | float) -> Line:
        """The regressions for a penalty, or one for each target, shape (T,)."""
        coef = self.eigenvectors @ self.shrunk(penalty)
        return Line(coef, self.target_mean - self.feature_mean @ coef)

    def shrunk(self, penalty: Array | float) -> Array:
        """Coefficients along the eigenvectors, shape (F, T)."""
        return np.asarray(self.rotated / (self.eigenvalues[:, None] + penalty))

    def squares(self, block: Moments, penalty: float) -> Array:
        """Weighted sum of the squared residuals of other rows, shape (T,)."""
        coef = self.line(penalty).coef
        shift = block.feature_mean - self.feature_mean
        bias = block.target_mean - self.target_mean - shift @ coef
        spread = block.squares + np.einsum("ft,ft->t", coef, block.gram @ coef - 2 * block.cross)
        return np.asarray(block.weight * np.square(bias) + np.maximum(spread, 0.0))


def left_out(blocks: list[Moments]) -> list[RidgePath]:
    """For each block, the regressions of all others."""
    numbers = range(len(blocks))
    return [
        RidgePath.of(Moments.merged(blocks[:number] + blocks[number + 1 :])) for number in numbers
    ]


def block_errors(blocks: list[Moments], paths: list[RidgePath]) -> Array:
    """Squared error on the blocks, each left out in turn, shape (P, T)."""
    errors = np.zeros((len(PENALTIES), len(blocks[0].target_mean)))
    for block, path in zip(blocks, paths, strict=True):
        errors += [path.squares(block, penalty) for penalty in PENALTIES]
    return errors


def best_penalties(errors: Array) -> tuple[Array, Array]:
    """The best penalty of each target and its error, both of shape (T,), from errors (P, T)."""
    return PENALTIES[errors.argmin(axis=0)], errors.min(axis=0)
