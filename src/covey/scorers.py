"""Scores of joint predictions for scikit-learn's `cross_validate`, `GridSearchCV` and the like.

scikit-learn's own metrics see means alone. These see the whole distribution that an estimator, or a
pipeline or search that ends with one, predicts for each row:

| name | better | what it is |
|---|---|---|
| `log_density` | higher | mean log-density of the observed targets, in nats per row |
| `neg_energy_score` | higher | the energy score with its sign changed |
| `neg_variogram_score` | higher | the variogram score with its sign changed |
| `neg_crps` | higher | the mean CRPS of all observed cells with its sign changed |
| `joint_coverage` | near `level` | share of rows whose region of this level holds them |
| `marginal_coverage` | near `level` | share of cells that lie within their interval of this level |

For the energy score, the variogram score and the CRPS targets are divided by their standard
deviation in `y` first, as `evaluate` does, so that units do not matter. `covey.scores` has the
scores of single rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.metadata_routing import MetadataRequest

from covey import scores
from covey.arguments.check import check_level, read_values
from covey.arguments.labels import FEATURES, check_tables, labels_of
from covey.distributions.internals import in_units
from covey.distributions.joint import Joint
from covey.errors import InputError, shown
from covey.table.weights import read_sample_weight
from covey.types import Array, Observations, Table

__all__ = ["Scorer", "get_scorer", "get_scorer_names"]


def __dir__() -> list[str]:
    return __all__


class Scorer:
    """A function of `(estimator, X, y)` that scikit-learn takes for `scoring`.

    Args:
        name: what it computes, one of `get_scorer_names()`.
        level: of regions and intervals, in (0, 1); the other scores have none.
    """

    def __init__(self, name: str, level: float = 0.9) -> None:
        if name not in _SCORES:
            raise InputError(
                f"`name` must be one of {', '.join(get_scorer_names())}. Received: {shown(name)}."
            )
        self.name, self.level = name, check_level(level)
        self.__name__ = name  # what reports call it by
        self._weighted: Any = None  # whether scikit-learn hands weights on, or by which name

    def __repr__(self) -> str:
        level = f", level={self.level:g}" if self.name.endswith("coverage") else ""
        return f"get_scorer({self.name!r}{level})"

    def __call__(
        self, estimator: Any, X: Table, y: Observations, sample_weight: ArrayLike | None = None
    ) -> float:
        """Score the predictions of a fitted estimator.

        Args:
            estimator: a fitted `JointRegressor`, or a pipeline or search that ends with one.
            X: table of N rows.
            y: their targets, shape (N, D), in target units; NaN means "not observed".
            sample_weight: array of shape (N,), non-negative: how much each row counts in the
                average.

        Returns:
            A number; NaN if no target was observed.

        Raises:
            InputError: the estimator predicts no joint distributions, or a table cannot be used.
        """
        check_tables(X=X, y=y, sample_weight=sample_weight)
        joint = _predicted(estimator, X)
        labels = labels_of(X) if joint.index is None else joint.index
        values = read_values(
            y, (len(joint), len(joint.targets)), joint.targets, rows=labels, of=FEATURES
        )
        weight = read_sample_weight(sample_weight, len(joint))
        weight = np.ones(len(joint)) if weight is None else weight
        rows = np.flatnonzero(~np.isnan(values).all(axis=1) & (weight > 0))
        if not len(rows):
            return float("nan")
        return float(_SCORES[self.name](joint[rows], values[rows], weight[rows], self.level))

    def set_score_request(self, *, sample_weight: bool | str | None) -> Self:
        """Say whether scikit-learn shall hand weights on to this scorer (metadata routing).

        Args:
            sample_weight: True or False, None to refuse weights, or the name they go by.

        Returns:
            The same scorer.
        """
        self._weighted = sample_weight
        return self

    def get_metadata_routing(self) -> MetadataRequest:
        """What `set_score_request` said, as scikit-learn's routing asks for it."""
        request = MetadataRequest(owner=self)
        request.score.add_request(param="sample_weight", alias=self._weighted)
        return request


def get_scorer(name: str, *, level: float = 0.9) -> Scorer:
    """A score of joint predictions, for scikit-learn's `scoring`.

    Args:
        name: one of `get_scorer_names()`.
        level: of the regions of "joint_coverage" and the intervals of "marginal_coverage", in
            (0, 1).

    Returns:
        A new scorer: a function of `(estimator, X, y, sample_weight=None)`.

    Raises:
        InputError: there is no such score, or `level` lies outside (0, 1).
    """
    return Scorer(name, level)


def get_scorer_names() -> list[str]:
    """The names that `get_scorer` knows."""
    return list(_SCORES)


def _predicted(estimator: Any, X: Any) -> Joint:
    """The distributions that an estimator, or the last step of a pipeline or search, predicts."""
    inner = getattr(estimator, "best_estimator_", estimator)
    if inner is not estimator:
        return _predicted(inner, X)
    if hasattr(estimator, "predict_distribution"):
        joint: Joint = estimator.predict_distribution(X)
        return joint
    if hasattr(estimator, "steps"):  # a pipeline
        before = estimator[:-1].transform(X) if len(estimator.steps) > 1 else X
        return _predicted(estimator[-1], before)
    if hasattr(estimator, "transformer_"):
        raise InputError(
            f"A {type(estimator).__name__} turns means back into the units of the targets, not "
            "distributions. Give JointRegressor the targets themselves."
        )
    raise InputError(
        "Expected a fitted estimator with `predict_distribution`, such as JointRegressor, or a "
        f"pipeline or search that ends with one. Received a {type(estimator).__name__}."
    )


def _log_density(joint: Joint, values: Array, weight: Array, level: float) -> float:
    return -float(np.average(scores.negative_log_likelihood(joint, values), weights=weight))


def _negative(score: Callable[..., Array]) -> Callable[..., float]:
    """Minus the mean of a score of targets that are divided by their standard deviation."""

    def mean(joint: Any, values: Array, weight: Array, level: float) -> float:
        share = np.where(np.isnan(values), 0.0, weight[:, None])
        total = share.sum(axis=0)
        total = np.where(total > 0, total, 1.0)
        known = np.nan_to_num(values)
        center = (share * known).sum(axis=0) / total
        scale = np.sqrt((share * np.square(known - center)).sum(axis=0) / total)
        scale = np.where(scale > 1e-12 * np.abs(center), scale, 1.0)
        found = score(in_units(joint, scale), values / scale)
        every = np.broadcast_to(weight.reshape(-1, *[1] * (found.ndim - 1)), found.shape)
        there = ~np.isnan(found)
        return -float(np.average(found[there], weights=every[there])) if there.any() else np.nan

    return mean


def _joint_coverage(joint: Joint, values: Array, weight: Array, level: float) -> float:
    held = joint.region(level).contains(values)
    return float(np.average(held, weights=weight))


def _marginal_coverage(joint: Joint, values: Array, weight: Array, level: float) -> float:
    lower, upper = joint.interval(level)
    share = np.where(np.isnan(values), 0.0, weight[:, None])
    return float(np.average((lower <= values) & (values <= upper), weights=share))


_SCORES: dict[str, Callable[[Any, Array, Array, float], float]] = {
    "log_density": _log_density,
    "neg_energy_score": _negative(scores.energy_score),
    "neg_variogram_score": _negative(scores.variogram_score),
    "neg_crps": _negative(scores.crps),
    "joint_coverage": _joint_coverage,
    "marginal_coverage": _marginal_coverage,
}
