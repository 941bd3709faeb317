"""The multivariate normal family for many targets: specific noise, and a few shared factors."""

from collections.abc import Iterable
from math import log, pi
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from covey.backend.arrival import registered
from covey.backend.operations import of
from covey.distributions import LowRankMultivariateNormal
from covey.errors import InputError, shown
from covey.families.family import Family
from covey.families.inverse_cholesky import bounded
from covey.types import Array, Tensor

# Of the variance of a target that factors explain, over its specific variance, which is thus at
# least a ten-thousandth of the whole. The correlation matrix then has no eigenvalue below 1e-4, and
# at D = 2,000 the matrix that is factorised a condition of at most 2e7, which `_capacitance` needs.
LARGEST_RATIO = 1e4
# Of the loadings over the outputs: loadings are many, and what they do by chance adds up.
GAIN = 0.05
START = 0.1  # of each factor in each target, at raw outputs of zero
SHIFT = 1e-5  # of the trace, far above float32's rounding of a sum of D products


@final
@registered
class LowRankNormal(Family):
    """Multivariate normal distributions of many targets: y = mean + s (e + G f).

    e and f are standard normal: each target has its specific noise, of standard deviation s_j, and
    all share R factors. So the covariance is diag(s) (I + G G') diag(s), and with C = I + G'G and
    z = (y - mean) / s,

        log p(y) = -sum_j log s_j - 1/2 log |C| - 1/2 (|z - G w|^2 + |w|^2) - D/2 log(2 pi),

    where w = C^-1 G'z are the expected factors given z (Woodbury). Only C, of R rows and columns,
    is ever factorised, nothing of D rows and columns is formed, and time and memory grow linearly
    in D. The marginal of some targets is of the same form, so gaps cost nothing.

    `constrain` keeps all of it well conditioned. Each s_j is exp(r), r softly bounded such that s_j
    stays between `floor` and 1 / `floor`. Each row of G is softly held in a ball, so that
    the specific noise keeps at least a ten-thousandth of the variance of each target.

    Raw outputs of zero give nearly the standard normal: means of 0, s of 1, and a hundredth of each
    target's specific variance from each factor. Loadings of zero would have no gradient, and
    loadings that are alike would stay so; these are the columns of a cosine transform.

    Packed parameters, on the last axis: D means, D standard deviations s, then the R D entries of
    G', factor by factor. Means and s are in the units of the y that the network is trained on,
    which should be standardised.

    Args:
        n_targets: D, at least 1.
        rank: R, from 0 (targets are independent) to D.
        floor: smallest value of each s_j, and the reciprocal of the largest; in (0, 1).

    Raises:
        InputError: an argument lies outside its range.

    References:
        Woodbury (1950), Inverting Modified Matrices, Memorandum Report 42, Princeton.
        Fukaya, Kannan, Nakatsukasa, Yamamoto, Yanagisawa (2020), Shifted Cholesky QR for computing
        the QR factorization of ill-conditioned matrices, doi 10.1137/18M1218212.

    Example:
        >>> import numpy as np
        >>> from covey.families import LowRankNormal
        >>> family = LowRankNormal(2, rank=1)
        >>> family.packed_size
        6
        >>> joint = family.distribution(np.array([[0.0, 0.0, 1.0, 2.0, 0.0, 1.0]]))
        >>> joint.covariance
        array([[[1., 0.],
                [0., 8.]]])
    """

    def __init__(self, n_targets: int, rank: int, *, floor: float = 1e-6) -> None:
        super().__init__(n_targets, floor=floor)
        if isinstance(rank, bool) or not isinstance(rank, (int, np.integer)):
            raise InputError(f"`rank` must be a whole number. Received: rank={shown(rank)}.")
        if not 0 <= rank <= self.n_targets:
            raise InputError(
                f"`rank` must lie between 0 and the number of targets, {self.n_targets}: more "
                f"factors than targets say nothing more. Received: rank={rank}."
            )
        self.rank = int(rank)
        place = np.arange(self.n_targets) + 0.5
        waves = np.cos(np.pi * np.arange(self.rank)[:, None] * place / self.n_targets)
        self._start = START * waves / np.sqrt(np.square(waves).mean(axis=1, keepdims=True))

    @property
    def packed_size(self) -> int:
        """P, the width of the network's output: D (R + 2)."""
        return self.n_targets * (self.rank + 2)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"n_targets": self.n_targets, "rank": self.rank, "floor": self.floor}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.n_targets}, rank={self.rank}, floor={self.floor:g})"

    def constrain(self, raw: Tensor) -> Tensor:
        """Turn any finite outputs, shape (..., P), into packed parameters of the same shape."""
        ops, d = of(raw), self.n_targets
        mean, log_specific = raw[..., :d], raw[..., d : 2 * d]
        specific = ops.exp(bounded(log_specific, -log(self.floor)))
        if self.rank == 0:
            return ops.concatenate([mean, specific], axis=-1)
        lead = ops.shape(raw)[:-1]
        loadings = ops.reshape(raw[..., 2 * d :], (*lead, self.rank, d))
        loadings = GAIN * loadings + ops.convert_to_tensor(self._start.astype(np.float32))
        squares = ops.sum(ops.square(loadings), axis=-2, keepdims=True)
        loadings = loadings / ops.sqrt(1.0 + squares / LARGEST_RATIO)
        return ops.concatenate(
            [mean, specific, ops.reshape(loadings, (*lead, self.rank * d))], axis=-1
        )

    def _unconstrained(self, mean: Array, specific: Array, loadings: Array) -> Array:
        """The inverse of `constrain`: see `internals.raw_outputs`."""
        limit, logs = -log(self.floor), np.log(specific)
        loadings = np.swapaxes(loadings, -1, -2)
        ratio = np.square(loadings).sum(axis=-2, keepdims=True) / LARGEST_RATIO
        if np.any(np.abs(logs) >= limit) or np.any(ratio >= 1):
            raise InputError(
                f"Expected standard deviations between {self.floor:g} and {1 / self.floor:g}, and "
                f"factors that explain at most {LARGEST_RATIO:g} times the specific variance of a "
                "target. Received others."
            )
        free = (loadings / np.sqrt(1 - ratio) - self._start) / GAIN
        flat = free.reshape(*np.shape(mean)[:-1], -1)
        return np.concatenate([mean, logs / np.sqrt(1 - np.square(logs / limit)), flat], axis=-1)

    def _scaling(self, scale: Array) -> tuple[NDArray[np.float32], ...]:
        d, scale = self.n_targets, np.asarray(scale)
        if scale.ndim not in (1, 2) or scale.shape[-1] != d:
            raise InputError(
                f"Expected `scale` of shape ({d},) or (members, {d}). "
                f"Received shape {scale.shape}; with low rank a dense map has no place."
            )
        return (np.concatenate([scale, scale], axis=-1).astype(np.float32),)

    def _rescaled(self, packed: Tensor, scaling: tuple[Tensor, ...]) -> Tensor:
        ops, both = of(packed), 2 * self.n_targets
        packed, factor = ops.convert_to_tensor(packed), ops.convert_to_tensor(scaling[0])
        return ops.concatenate([packed[..., :both] * factor, packed[..., both:]], axis=-1)

    def _log_prob(self, packed: Tensor, y: Tensor, missing: bool) -> Tensor:
        """See `Family`."""
        ops = of(packed)
        d, shape = self.n_targets, ops.shape(y)[:-1]
        mean, specific = packed[..., :d], packed[..., d : 2 * d]
        log_specific, count = ops.log(specific), float(d)
        if missing:
            # NaN must not enter, not even times zero
            absent = ops.isnan(y)
            y, log_specific = ops.where(absent, mean, y), ops.where(absent, 0.0, log_specific)
            count = ops.sum(ops.cast(ops.logical_not(absent), log_specific.dtype), axis=-1)
        z = (y - mean) / specific
        density = -ops.sum(log_specific, axis=-1) - 0.5 * log(2 * pi) * count
        if self.rank == 0:
            return density - 0.5 * ops.sum(ops.square(z), axis=-1)
        loadings = ops.reshape(packed[..., 2 * d :], (-1, self.rank, d))
        if missing:
            loadings = ops.where(ops.reshape(absent, (-1, 1, d)), 0.0, loadings)
        cost = _capacitance(loadings, ops.reshape(z, (-1, 1, d)))
        return density - ops.reshape(cost, shape)

    def distribution(
        self, packed: ArrayLike, targets: Iterable[str] | None = None
    ) -> LowRankMultivariateNormal:
        """A `LowRankMultivariateNormal` of N rows, from what `model.predict` returned."""
        values, d = self._read(packed), self.n_targets
        specific = values[:, d : 2 * d]
        loadings = values[:, 2 * d :].reshape(len(values), self.rank, d)
        return LowRankMultivariateNormal(
            values[:, :d],
            diagonal=np.square(specific),
            factor=specific[:, :, None] * np.swapaxes(loadings, 1, 2),
            targets=targets,
        )


def _capacitance(loadings: Tensor, z: Tensor) -> Tensor:
    """1/2 log |C| + 1/2 z' (I + G G')^-1 z, C = I + G'G.

    Factors that explain much make C so ill-conditioned that float32 may find it indefinite. So it
    is factorised twice: M = (C + shift I)^-1/2 always exists and makes M C M' well conditioned,
    whose factor completes that of C, to all digits and whatever the shift was.

    Gradients do not pass through the factorisations. That of 1/2 log |C| by G is H = G C^-1, and
    w minimises what stands for the quadratic form, so that its own gradient does not count.

    Args:
        loadings: G', shape (N, R, D): products run along the last axis, which is the long one.
        z: shape (N, 1, D).

    Returns:
        Tensor of shape (N,).
    """
    ops, rank = of(loadings), loadings.shape[1]
    fixed, fixed_z = ops.stop_gradient(loadings), ops.stop_gradient(z)
    product = ops.matmul(fixed, _transposed(fixed))
    unit = ops.eye(rank, dtype=product.dtype) * ops.ones_like(product)
    trace = ops.sum(ops.square(fixed), axis=(1, 2))[:, None, None]
    first = _inverse_factor(product + unit * (1.0 + SHIFT * trace))  # M
    rotated = ops.matmul(first, fixed)
    inner = ops.matmul(rotated, _transposed(rotated)) + ops.matmul(first, _transposed(first))
    second = _inverse_factor(inner)
    inverse = ops.matmul(_transposed(first), ops.matmul(_transposed(second), second))  # C^-1 M^-1
    diagonals = [ops.diagonal(half, axis1=1, axis2=2) for half in (first, second)]
    half_log = -ops.sum(ops.log(diagonals[0]) + ops.log(diagonals[1]), axis=-1)
    slope = ops.matmul(inverse, rotated)  # C^-1 G'
    half_log = half_log + ops.sum(slope * (loadings - fixed), axis=(1, 2))
    expected = ops.matmul(inverse, ops.matmul(rotated, _transposed(fixed_z)))  # w
    residual = z - ops.sum(expected * loadings, axis=1, keepdims=True)
    squares = ops.sum(ops.square(residual), axis=(1, 2)) + ops.sum(
        ops.square(expected), axis=(1, 2)
    )
    return half_log + 0.5 * squares


def _inverse_factor(matrices: Tensor) -> Tensor:
    """L^-1 for A = L L', row by row, without a call of LAPACK.

    On a CPU of few cores jaxlib (0.10) may wait forever in a triangular solve of many matrices: it
    waits, in a thread of the pool, for work that it gave to the pool.

    Args:
        matrices: A, positive definite, shape (N, R, R).

    Returns:
        Tensor of shape (N, R, R), lower triangular.
    """
    ops, size = of(matrices), matrices.shape[1]
    place = ops.arange(size)

    def bordered(number: Tensor, inverse: Tensor) -> Tensor:
        """Append row `number` of the inverse factor, given the rows above it."""
        unit = ops.cast(ops.equal(place, number), matrices.dtype)
        column = ops.sum(matrices * unit, axis=2)
        above = ops.sum(inverse * column[:, None, :], axis=2)
        pivot = ops.sum(column * unit, axis=1) - ops.sum(ops.square(above), axis=1)
        row = (unit - ops.sum(inverse * above[:, :, None], axis=1)) * ops.rsqrt(pivot)[:, None]
        return inverse + unit[:, None] * row[:, None, :]

    return ops.fori_loop(0, size, bordered, ops.zeros_like(matrices))


def _transposed(matrices: Tensor) -> Tensor:
    return of(matrices).transpose(matrices, (0, 2, 1))
