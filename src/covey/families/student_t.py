"""The multivariate Student-t family, with degrees of freedom that the network predicts."""

from collections.abc import Iterable
from math import log, pi
from typing import final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from covey.backend.arrival import registered
from covey.backend.operations import of
from covey.distributions import MultivariateT
from covey.errors import InputError
from covey.families.full import FullFamily
from covey.families.inverse_cholesky import bounded
from covey.types import Array, Tensor

LEAST_FREEDOM = 2.5  # degrees of freedom: the covariance, nu / (nu - 2) times the scale, stays tame
START = 8.0  # degrees of freedom at raw outputs of zero
PINNED = -1e6  # a raw output from which nu cannot come back, for its gradient is zero there
LIMIT = 10.0  # of the logit of 2.5 / nu: nu stays below about 121,000


@final
@registered
class StudentT(FullFamily):
    """Multivariate Student-t distributions of D targets: heavy tails, robust to outliers.

    The network predicts the mean, W, the inverse of the lower Cholesky factor of the scale matrix
    (as `Normal` does for the covariance), and 1 / nu, the inverse of the degrees of freedom, which
    is 0 for a normal distribution. With q = |W (y - mean)|^2,

        log p(y) = log Gamma((nu + D) / 2) - log Gamma(nu / 2) - D/2 log(nu pi)
                   + sum_i log W_ii - (nu + D) / 2 log(1 + q / nu)

    Nothing is inverted or factorised, and the ratio of the gamma functions is computed from 1 / nu
    by logarithms of numbers near one, exact to float32 also where nu is large.

    Packed parameters, on the last axis: those of `Normal`, for the scale matrix, then 1 / nu, which
    lies in (0, 0.4): nu is above 2.5, so that there always is a covariance. Raw outputs of zero
    give mean 0, scale matrix I and nu = 8.

    Args:
        n_targets: D, at least 1.
        floor: smallest value of each W_jj, and the reciprocal of the largest; in (0, 1).

    Raises:
        InputError: an argument lies outside its range.

    References:
        Lange, Little, Taylor (1989), Robust Statistical Modeling Using the t Distribution, Journal
        of the American Statistical Association 84(408), doi 10.1080/01621459.1989.10478852.

    Example:
        >>> import numpy as np
        >>> from covey.families import StudentT
        >>> joint = StudentT(2).distribution(np.array([[0.0, 0.0, 1.0, 2.0, 0.0, 0.25]]))
        >>> joint.degrees_of_freedom
        array([4.])
    """

    @property
    def packed_size(self) -> int:
        """P, the width of the network's output: D + D (D + 1) / 2 + 1."""
        return self._scale.size + 1

    def constrain(self, raw: Tensor) -> Tensor:
        """Turn any finite outputs, shape (..., P), into packed parameters of the same shape."""
        ops = of(raw)
        middle = log(LEAST_FREEDOM / (START - LEAST_FREEDOM))
        logit = middle + bounded(raw[..., -1:], LIMIT)
        inverse = ops.sigmoid(logit) / LEAST_FREEDOM
        return ops.concatenate([*self._scale.constrain(raw), inverse], axis=-1)

    def _log_density(
        self, packed: Tensor, log_determinant: Tensor, squares: Tensor, observed: Tensor | int
    ) -> Tensor:
        inverse = packed[..., -1]
        log_norm = _log_norm(inverse, observed, self.n_targets)
        return log_determinant + log_norm - _log_tail(inverse, squares, observed)

    def _nearly_normal(
        self, kernel: NDArray[np.float32], bias: NDArray[np.float32], log_scale: Array
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """See `internals.nearly_normal`."""
        diagonal = slice(self.n_targets, 2 * self.n_targets)
        kernel, bias = kernel.copy(), bias.copy()
        bias[:, diagonal] -= log_scale[:, None].astype(np.float32)
        kernel[..., -1], bias[..., -1] = 0.0, PINNED
        return kernel, bias

    def distribution(
        self, packed: ArrayLike, targets: Iterable[str] | None = None
    ) -> MultivariateT:
        """A `MultivariateT` of N rows, from what `model.predict` returned: see `Family`."""
        values = self._read(packed)
        inverse = values[:, -1]
        if np.any((inverse <= 0) | (inverse >= 0.5)):
            row = int(np.flatnonzero((inverse <= 0) | (inverse >= 0.5))[0])
            raise InputError(
                "The last packed parameter is 1 / (degrees of freedom) and must lie in (0, 0.5). "
                f"Received {inverse[row]:g} in row {row}."
            )
        return MultivariateT(
            values[:, : self.n_targets],
            degrees_of_freedom=1 / inverse,
            scale_tril=self._scale.scale_tril(values),
            targets=targets,
        )


def _log_tail(inverse: Tensor, squares: Tensor, count: Tensor | int) -> Tensor:
    """(nu + m) / 2 log(1 + q / nu), which tends to q / 2 for large nu."""
    return 0.5 * (1.0 / inverse + count) * of(inverse).log1p(squares * inverse)


def _log_norm(inverse: Tensor, count: Tensor | int, most: int) -> Tensor:
    """Log Gamma((nu + m) / 2) - log Gamma(nu / 2) - m/2 log(nu pi), from 1 / nu.

    Two targets at a time multiply by Gamma(a + 1) / Gamma(a) = a; a last odd one by
    Gamma(b + 1/2) / Gamma(b), b = (nu + m - 1) / 2, where a series in 1 / (b + 3) is at hand.

    Args:
        inverse: 1 / nu, tensor of shape (...).
        count: m, whole numbers from 0 to `most`: one for all, or a tensor of shape (...).
        most: the number of targets, for the length of what is summed.

    Returns:
        Tensor of shape (...), in nats.
    """
    ops = of(inverse)
    count = ops.cast(ops.convert_to_tensor(count), inverse.dtype)
    pairs = ops.floor(0.5 * count)
    odd = count - 2.0 * pairs
    # all pairs side by side: one after the other, each would be compiled for itself
    steps = ops.arange(1, max(most // 2, 1), dtype=inverse.dtype)
    grown = ops.log1p(2.0 * steps * ops.expand_dims(inverse, -1))
    norm = ops.sum(ops.where(steps < ops.expand_dims(pairs, -1), grown, 0.0), axis=-1)
    before = 2.0 * pairs * inverse
    last = 0.5 * ops.log1p(before) + _log_half_step(2.0 * inverse / (1.0 + before))
    return norm + odd * last - count * 0.5 * log(2 * pi)


def _log_half_step(r: Tensor) -> Tensor:
    """Log Gamma(b + 1/2) - log Gamma(b) - 1/2 log b, from r = 1 / b.

    b is first raised by 3, where three terms of the asymptotic series are exact to float32:
    log Gamma(b + 1/2) - log Gamma(b) ~ 1/2 log b - 1/(8 b) + 1/(192 b^3) - 1/(640 b^5)
    (Abramowitz and Stegun 6.1.40, at b + 1/2 and b).
    """
    ops = of(r)
    s = r / (1.0 + 3.0 * r)
    series = s * (-1 / 8 + ops.square(s) * (1 / 192 - ops.square(s) / 640))
    steps = sum(ops.log1p(0.5 * r / (1.0 + i * r)) for i in range(3))
    return 0.5 * ops.log1p(3.0 * r) + series - steps
