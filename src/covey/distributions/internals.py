"""What the rest of the package asks of distributions, and users do not need.

The public methods of a distribution read and check what a user gives, and keep the rows that it is
calibrated on. The functions here take what was read before, or reach the parts that a distribution
is made of: `scale_matrix` and `radial_law`. No other room reads a private name of a distribution.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from scipy.special import expit, logsumexp

from covey.distributions.calibrated import Calibrated
from covey.distributions.conformal import CalibrationSet
from covey.distributions.elliptical import Elliptical
from covey.distributions.joint import Joint, uses_calibration
from covey.distributions.mixture import Mixture
from covey.distributions.radial import RadialLaw, StudentLaw
from covey.distributions.scale_matrix import ScaleMatrix
from covey.distributions.student_t import MultivariateT
from covey.distributions.transformed import Transformed
from covey.distributions.transforms import Transforms
from covey.types import Array, Counts, Observations, TargetValues

if TYPE_CHECKING:
    import pandas as pd

AnyJoint = TypeVar("AnyJoint", bound=Joint)
AnyElliptical = TypeVar("AnyElliptical", bound=Elliptical)


def scale_matrix(joint: Elliptical) -> ScaleMatrix:
    """The scale matrices S of N distributions, of D targets each."""
    return joint._scale


def radial_law(joint: Elliptical) -> RadialLaw:
    """How the densities of N distributions depend on |z|."""
    return joint._radial


def components_of(joint: Joint) -> tuple[list[Elliptical], Array]:
    """The `Elliptical` components of a mixture, or the distribution itself as a mixture of one.

    Args:
        joint: N distributions.

    Returns:
        K components of N rows, and their weights, shape (N, K), of sum 1 in each row.
    """
    components, weights = joint._components
    return list(components), weights


def calibration_set_of(joint: Joint) -> CalibrationSet | None:
    """The rows that regions, intervals and quantiles are calibrated on, or None."""
    latent = latent_of(joint)
    return latent._calibration_set if isinstance(latent, Calibrated) else None


def transformed(joint: Joint, transforms: Transforms | None) -> Any:
    """Distributions of latent variables as those of the targets; the same where none has one."""
    return Transformed._trusted(joint, transforms) if transforms else joint


def latent_of(joint: Joint) -> Joint:
    """The latent distribution of one that is transformed; any other is its own."""
    return joint.latent if isinstance(joint, Transformed) else joint


def read_observed(joint: Joint, y: Observations) -> Array:
    """The observed values that a user gave, checked, in the order of the targets.

    Args:
        joint: N distributions over D targets.
        y: array of shape (N, D) in target units, or a frame with the targets as columns.

    Returns:
        Array of shape (N, D), in target units; NaN where not observed, and where the target is
        known exactly.

    Raises:
        InputError: the shape, the columns or the row labels do not fit, or a value is infinite.
    """
    return joint._read(y)


def squared_distance(joint: Elliptical, values: Array) -> tuple[Array, Counts]:
    """|z|^2 of the observed targets by their marginal, and how many these are.

    Args:
        joint: N distributions over D targets.
        values: shape (N, D), in target units; NaN where not observed.

    Returns:
        Two arrays of shape (N,), without unit; 0 and 0 where nothing is observed.
    """
    return joint._squares(values)


def nonconformity(joint: Joint, values: Array) -> Array:
    """The nonconformity score of each row: the log-odds of a smaller region of the shape that fits.

    Args:
        joint: N distributions over D targets.
        values: shape (N, D), in target units; NaN where not observed.

    Returns:
        Array of shape (N,), without unit; minus infinity where nothing is observed.
    """
    return joint._region_scores(values, joint._fitting_shape)


def cdf(joint: Joint, values: Array, method: str = "auto") -> Array:
    """The probability whose `quantile` each value is.

    Args:
        joint: N distributions over D targets.
        values: shape (N, D), in target units; NaN where not observed.
        method: "auto" or "model", as for `Joint.region`.

    Returns:
        Array of shape (N, D), without unit; NaN where not observed.

    Raises:
        InputError: `method` is unknown.
    """
    found = joint._calibrated_cdf(values) if uses_calibration(method) else None
    return np.where(np.isnan(values), np.nan, joint._cdf(values) if found is None else found)


def level_of(joint: Joint, values: Array, method: str = "auto") -> Array:
    """The level of the `region` whose boundary the observed values lie on.

    Args:
        joint: N distributions over D targets.
        values: shape (N, D), in target units; NaN where not observed.
        method: "auto" or "model", as for `Joint.region`.

    Returns:
        Array of shape (N,), without unit; NaN where nothing is observed.

    Raises:
        InputError: `method` is unknown.
    """
    shape = joint._fitting_shape
    found = joint._calibrated_level(values, shape) if uses_calibration(method) else None
    if found is None:
        found = expit(joint._region_scores(values, shape))
    return np.where(np.isnan(values).all(axis=1), np.nan, found)


def mean_given_others(joint: Joint, values: Array) -> Array:
    """Mean of each observed target given the other observed ones.

    Args:
        joint: N distributions over D targets.
        values: shape (N, D), in target units; NaN where not observed.

    Returns:
        Array of shape (N, D), in target units; NaN where not observed.
    """
    return joint._moments_given_others(values)[0]


def moments_given_others(joint: Any, values: Array) -> tuple[Array, Array]:
    """Mean and standard deviation of each observed target given the other observed ones.

    Args:
        joint: N distributions over D targets.
        values: shape (N, D), in target units; NaN where not observed.

    Returns:
        Two arrays of shape (N, D), in target units; NaN where not observed.
    """
    return joint._moments_given_others(values)


def conditional_on(
    joint: AnyJoint, given: TargetValues, keep: bool | None, rows_of: str
) -> AnyJoint:
    """`Joint.conditional`, with messages that say what the row labels belong to.

    Args:
        joint: N distributions over D targets.
        given: as for `Joint.conditional`.
        keep: as for `Joint.conditional`.
        rows_of: what messages call the table whose row labels `given` must have.

    Returns:
        N distributions of the same kind.

    Raises:
        InputError: as for `Joint.conditional`.
    """
    return joint._given(given, keep, rows_of)


def location_slope(joint: Elliptical | Mixture, values: Array) -> Array:
    """Derivative of each row's log-density by the means: w Sigma^-1 (y - mean).

    w is 1 for a normal; for a Student-t of m observed targets, with Sigma its scale matrix, it is
    (nu + m) / (nu + |z|^2). Of a mixture it is the derivative by a move of all components, the mean
    of theirs by how probable each is given y.

    Args:
        joint: N distributions over D targets.
        values: y, shape (N, D), in target units; NaN where not observed.

    Returns:
        Array of shape (N, D), in 1 / target units; 0 where not observed.
    """
    if isinstance(joint, Mixture):
        terms = joint._log_terms(values)
        share = np.exp(terms - logsumexp(terms, axis=1, keepdims=True))
        each = zip(share.T, joint.components, strict=True)
        return np.asarray(sum(w[:, None] * location_slope(c, values) for w, c in each))
    slope = joint._scale.precision_times(values - joint.mean)
    nu = joint._radial.degrees_of_freedom
    if nu is not None:
        squares, count = joint._squares(values)
        slope = slope * ((nu + count) / (nu + squares))[:, None]
    return np.where(np.isnan(values), 0.0, slope)


def with_labels(joint: AnyJoint, index: pd.Index | None) -> AnyJoint:
    """The same distributions with other row labels: a pandas Index of N, or None for none."""
    return joint._labelled(index)


def with_mean(joint: AnyJoint, mean: Array) -> AnyJoint:
    """The same distributions about other means, of shape (N, D), in target units."""
    found: AnyJoint = joint._about(mean)  # type: ignore[attr-defined]
    return found


def mapped(joint: Any, matrix: Array, shift: Array) -> Any:
    """The distributions of A y + b, of the same targets, without the checks of `affine`.

    Args:
        joint: N distributions over D targets.
        matrix: A, shape (N or 1, D, D).
        shift: b, shape (N, D).
    """
    return joint._mapped(matrix, shift, joint.targets)._labelled(joint.index)


def rescaled(joint: AnyJoint, scales: Array) -> AnyJoint:
    """Each target widened about its mean: covariance i, j is multiplied by s_i s_j.

    Args:
        joint: N distributions over D targets.
        scales: s, of shape (D,), or (N, D) unless it is a mixture; s_i = 0 makes target i known.

    Returns:
        N distributions of the same kind and the same means.
    """
    return joint._rescaled(scales)


def in_units(joint: AnyJoint, sizes: Array) -> AnyJoint:
    """The same distributions of y / s.

    Args:
        joint: N distributions over D targets.
        sizes: s, positive, shape (D,), in target units.

    Returns:
        N distributions of the same kind, without calibration.
    """
    if isinstance(joint, Elliptical):
        return with_mean(rescaled(joint, 1 / sizes), joint.mean / sizes)
    shift = np.zeros((1, len(sizes)))
    return joint._mapped(np.diag(1 / sizes)[None], shift, joint.targets)


def shrunk(joint: Any, share: float) -> Any:
    """The same means, standard deviations and tails; correlations are 1 - share of what they were.

    Args:
        joint: N distributions over D targets; of a mixture each component is.
        share: in [0, 1).

    Returns:
        N distributions of the same kind.
    """
    return each_component(joint, lambda one: one._shrunk(share))


def heavier(joint: Any, most: float) -> Any:
    """The same means and scale matrices; a Student-t with `most` degrees of freedom at most.

    Its covariance, nu / (nu - 2) times the scale matrix, grows with that.

    Args:
        joint: N distributions over D targets; of a mixture each component is.
        most: above 2.

    Returns:
        N distributions of the same kind; a normal as it was.
    """

    def one_of(joint: Any) -> Any:
        nu = joint._radial.degrees_of_freedom
        if nu is None:
            return joint
        law = StudentLaw(np.minimum(nu, most))
        return joint._of_parts(joint.targets, joint.mean, joint._scale, law)

    return each_component(joint, one_of)


def uncorrelated(joint: Any) -> Any:
    """The same means, standard deviations and tails, all correlations zero; not of mixtures."""
    return joint._uncorrelated()


def single(joint: Any) -> Any:
    """The one `Elliptical` distribution that has the mean and the covariance of each row."""
    return joint._matched()


def each_component(joint: Any, function: Callable[[Any], Any]) -> Any:
    """The same mixture of other components; of an `Elliptical`, what the function makes of it."""
    if not isinstance(joint, Mixture):
        return function(joint)
    return joint._of([function(component) for component in joint.components], joint.weights)


def mixture_of_arrays(
    targets: tuple[str, ...], weights: Array, members: Any, **stacks: Array
) -> Mixture:
    """The mixtures of Student-t distributions that `Mixture.to_arrays` describes.

    Args:
        targets: D names.
        weights: shape (N, J).
        members: of how many members the components are, shape ().
        stacks: arrays of the components, of shape (N, J, ...), by name.

    Returns:
        Mixtures of N rows.

    Raises:
        InputError: the arrays do not fit each other, or are no valid distributions.
        ValueError: there are not as many components in all, or for each member.
    """
    counts = {array.shape[:2] for array in (weights, *stacks.values())}
    if len(counts) != 1 or weights.ndim != 2:
        raise ValueError("the number of components")
    if np.shape(members) or not 1 <= int(members) <= weights.shape[1]:
        raise ValueError("the number of members")
    if weights.shape[1] % int(members):
        raise ValueError("the number of components of a member")
    components = [
        MultivariateT(targets=targets, **{name: stack[:, j] for name, stack in stacks.items()})
        for j in range(weights.shape[1])
    ]
    return Mixture._trusted(components, Mixture(components, weights).weights, int(members))


def uncorrelated_log_prob(joint: Joint, y: Observations) -> Array:
    """Log-density of observations where all correlations are ignored.

    Args:
        joint: N distributions over D targets.
        y: as for `Joint.log_prob`.

    Returns:
        Array of shape (N,), in nats; for a mixture, whose targets are not independent without
        correlations, the sum of the log-densities of each target on its own.
    """
    values = joint._read(y)
    if not isinstance(latent_of(joint), Mixture):
        return uncorrelated(joint)._log_prob(values)
    each = range(len(joint.targets))
    found = [joint._marginal([target])._log_prob(values[:, [target]]) for target in each]
    return np.asarray(np.sum(found, axis=0))
