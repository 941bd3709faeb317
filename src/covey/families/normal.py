"""The multivariate normal family, parametrised by the inverse Cholesky factor."""

from collections.abc import Iterable
from math import log, pi
from typing import final

from numpy.typing import ArrayLike

from covey.backend.arrival import registered
from covey.backend.operations import of
from covey.distributions import MultivariateNormal
from covey.families.full import FullFamily
from covey.types import Tensor


@final
@registered
class Normal(FullFamily):
    """Multivariate normal distributions of D targets, with a full covariance matrix per row.

    The network predicts the mean and W, the inverse of the lower Cholesky factor of the covariance:
    W is lower triangular with a positive diagonal and W Sigma W' = I, so that

        log p(y) = sum_i log W_ii - 1/2 |W (y - mean)|^2 - D/2 log(2 pi)

    needs no inverse, no solve and no factorisation, and every output is a valid covariance.

    `constrain` keeps W = A diag(w) well conditioned. Each w_j is exp(r), r softly bounded such that
    w_j stays between `floor` and 1 / `floor`. A is unit lower triangular and is bounded as a whole:
    its off-diagonal entries, as one vector, are softly held in a ball. The correlation matrix is
    that of (A' A)^-1, whatever w is. Raw outputs of zero give the standard normal.

    Packed parameters, on the last axis: D means, the D entries of w, which are the diagonal of W,
    then the D (D - 1) / 2 entries of A below its diagonal, row by row. The y that the network is
    trained on should be standardised: means are in its units, w in their reciprocals, A has none.

    Args:
        n_targets: D, at least 1.
        floor: smallest value of each W_jj, and the reciprocal of the largest; in (0, 1). 1 / W_jj
            is the standard deviation of target j given the targets before it.

    Raises:
        InputError: an argument lies outside its range.

    References:
        Williams (1996), Using Neural Networks to Model Conditional Multivariate Densities, Neural
        Computation 8(4), doi 10.1162/neco.1996.8.4.843.
        Pourahmadi (1999), Joint mean-covariance models with applications to longitudinal data,
        Biometrika 86(3), doi 10.1093/biomet/86.3.677.

    Example:
        >>> import numpy as np
        >>> from covey.families import Normal
        >>> family = Normal(2)
        >>> family.packed_size
        5
        >>> joint = family.distribution(np.array([[0.0, 0.0, 1.0, 2.0, 0.0]]))
        >>> joint.stddev
        array([[1. , 0.5]])
    """

    @property
    def packed_size(self) -> int:
        """P, the width of the network's output: D + D (D + 1) / 2."""
        return self._scale.size

    def constrain(self, raw: Tensor) -> Tensor:
        """Turn any finite outputs, shape (..., P), into packed parameters of the same shape."""
        return of(raw).concatenate(self._scale.constrain(raw), axis=-1)

    def _log_density(
        self, packed: Tensor, log_determinant: Tensor, squares: Tensor, observed: Tensor | int
    ) -> Tensor:
        return log_determinant - 0.5 * squares - observed * 0.5 * log(2 * pi)

    def distribution(
        self, packed: ArrayLike, targets: Iterable[str] | None = None
    ) -> MultivariateNormal:
        """A `MultivariateNormal` of N rows, from what `model.predict` returned: see `Family`."""
        values = self._read(packed)
        return MultivariateNormal(
            values[:, : self.n_targets],
            scale_tril=self._scale.scale_tril(values),
            targets=targets,
        )
