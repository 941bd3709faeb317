"""What the rest of the package asks of families, and users do not need.

Members learn whitened targets z, and a family says what parameters y = B z has, from those of z.
Members also start from other models: from a linear one, or from a network of another family. No
other room reads a private name of a family.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from covey.families.family import Family
from covey.families.full import FullFamily
from covey.families.low_rank import LowRankNormal
from covey.families.mixture import Mixture
from covey.families.student_t import StudentT
from covey.types import Array, Tensor


def scaled(family: Family, packed: Tensor, scale: Array) -> Tensor:
    """Packed parameters of B z, from those of z.

    Args:
        family: of D targets.
        packed: tensor of shape (..., P).
        scale: B, in the form that the family can take, in units of y per unit of z: lower
            triangular with a positive diagonal, shape (D, D); for a `LowRankNormal` diagonal and
            positive, shape (D,). Or one for each member, in front, along the last leading axis of
            `packed`.

    Returns:
        Tensor of shape (..., P), for `log_prob`.

    Raises:
        InputError: `scale` has another shape.
    """
    return rescaled(family, packed, scaling(family, scale))


def scaling(family: Family, scale: Array) -> tuple[NDArray[np.float32], ...]:
    """What `rescaled` needs of B, as arrays that can be arguments of what is compiled.

    Args:
        family: of D targets.
        scale: as for `scaled`.

    Returns:
        Arrays whose last axes are of length D, and whose first is that of members where `scale` has
        one.

    Raises:
        InputError: `scale` has another shape.
    """
    return family._scaling(scale)


def rescaled(family: Family, packed: Tensor, scaling: tuple[Tensor, ...]) -> Tensor:
    """The same as `scaled`, with the arrays (or tensors of them) that `scaling` gave.

    Args:
        family: of D targets.
        packed: tensor of shape (..., P).
        scaling: what `scaling` says of B.

    Returns:
        Tensor of shape (..., P), for `log_prob`.
    """
    return family._rescaled(packed, scaling)


def log_density(
    family: Family, packed: NDArray[np.float32], y: NDArray[np.float32], *, missing: bool
) -> NDArray[np.float32]:
    """`log_prob` in NumPy, with nothing to compile and no backend.

    Args:
        family: of D targets.
        packed: array of shape (..., P).
        y: array of shape (..., D), NaN where not observed.
        missing: False promises that no entry is NaN.

    Returns:
        Array of shape (...), in nats.
    """
    found: NDArray[np.float32] = family._log_prob(packed, y, missing)
    return found


def raw_outputs(family: LowRankNormal, mean: Array, specific: Array, loadings: Array) -> Array:
    """The raw outputs that `constrain` turns into given parameters, for a network to start at.

    Args:
        family: of D targets and R factors.
        mean: array of shape (..., D), in the units that the network is trained on.
        specific: s, standard deviations of the specific noise, shape (..., D), in the same.
        loadings: G, shape (..., D, R), without unit.

    Returns:
        Array of shape (..., P).

    Raises:
        InputError: a value lies beyond what `constrain` can give.
    """
    return family._unconstrained(mean, specific, loadings)


def nearly_normal(
    family: StudentT, kernel: NDArray[np.float32], bias: NDArray[np.float32], log_scale: Array
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weights of a head for `StudentT` whose degrees of freedom stay at 121,000, from another's.

    So a normal is trained by what was compiled for the Student-t. The means are the same, and the
    covariance is a multiple of the scale matrix; where W_jj comes close to its bounds, a little
    less.

    Args:
        family: of D targets.
        kernel: of K heads with U inputs, shape (K, U, P).
        bias: shape (K, P).
        log_scale: logarithm of what standard deviations are multiplied by, shape (K,).

    Returns:
        New arrays (kernel, bias) of the same shapes.
    """
    return family._nearly_normal(kernel, bias, log_scale)


def normal_head(
    kernel: NDArray[np.float32], bias: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weights of a head for `Normal`, from those of a nearly normal one for `StudentT`.

    Args:
        kernel: of K heads with U inputs, shape (K, U, P).
        bias: shape (K, P).

    Returns:
        New arrays (kernel, bias) of shapes (K, U, P - 1) and (K, P - 1): `Normal` has no degrees
        of freedom, which come last in a `StudentT`.
    """
    return kernel[..., :-1].copy(), bias[..., :-1].copy()


def start_of(family: Mixture | LowRankNormal) -> NDArray[np.floating]:
    """What is added to raw outputs before they are constrained.

    Args:
        family: of D targets.

    Returns:
        Of a `Mixture` for the raw outputs of each component, shape (J, size of one); of a
        `LowRankNormal` for the loadings, shape (R, D).
    """
    return family._start


def ball_of(family: Family) -> float:
    """Square of the radius of the ball that holds the entries of A below the diagonal.

    Args:
        family: a `FullFamily` of two targets or more, or a `Mixture` of such components.
    """
    full = family._component if isinstance(family, Mixture) else family
    if not isinstance(full, FullFamily):
        raise TypeError(f"{family} has no such ball")
    return full._scale._ball
