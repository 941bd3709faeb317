"""No row depends on its neighbours: what is asked of some rows is what all were told there."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from covey import scores
from covey.distributions import MultivariateNormal, Transformed
from covey.distributions.conformal import CalibrationSet
from covey.distributions.transform import Clip, Log1p, Sqrt

from .test_joint import KINDS, any_kind, draw

N, D = 30, 4
HALF = np.arange(D) % 2 == 0

QUESTIONS = {
    "covariance": lambda joint, y: joint.covariance,
    "correlation": lambda joint, y: joint.correlation,
    "stddev": lambda joint, y: joint.stddev,
    "log_prob": lambda joint, y: joint.log_prob(y),
    "mahalanobis": lambda joint, y: joint.mahalanobis(y),
    "entropy": lambda joint, y: joint.entropy(),
    "divergence": lambda joint, y: joint.kl_divergence(joint.affine(2 * np.eye(D))),
    "quantile": lambda joint, y: joint.quantile(0.03),
    "interval": lambda joint, y: joint.interval(0.8)[1],
    "radius": lambda joint, y: joint.region(0.8).radius,
    "volume": lambda joint, y: joint.region(0.8).log_volume(),
    "contains": lambda joint, y: joint.region(0.8).contains(y),
    "probability": lambda joint, y: joint.probability(joint.mean - joint.stddev, np.nan_to_num(y)),
    "conditional": lambda joint, y: joint.conditional(np.where(HALF, y, np.nan)).covariance,
    "told": lambda joint, y: joint.conditional(np.where(HALF, y, np.nan)).interval(0.8)[0],
    "sum": lambda joint, y: joint.sum().stddev,
    "table": lambda joint, y: joint.to_frame().to_numpy(),
    "energy_score": scores.energy_score,
    "variogram_score": scores.variogram_score,
    "crps": scores.crps,
    "interval_score": scores.interval_score,
    "conditional_error": scores.conditional_error,
    "pit": scores.pit,
    "distance_pit": scores.distance_pit,
}
ROWS = {
    "one": [3],
    "one with odd neighbours": [8],
    "an odd one": [7],
    "some": [2, 3, 5, 8, 20],
    "in another order": [9, 8, 7, 6],
    "half": np.arange(0, N, 2),
}


def observed(joint):
    """Outcomes of all sorts: with gaps, far out, and none."""
    y = joint.sample(1, seed=6)[0]
    y[np.random.default_rng(1).random(y.shape) < 0.3] = np.nan
    y[7] *= 1e6
    y[9] = np.nan
    return y


def calibrated(kind, method="conformal"):
    others = draw(kind, 80, D, seed=8)
    values = others.mean + 2 * (others.sample(1, seed=4)[0] - others.mean)
    values[np.random.default_rng(5).random(values.shape) < 0.1] = np.nan
    return draw(kind, N, D).calibrated_by(CalibrationSet(others, values, method))


@pytest.fixture(scope="module")
def instances():
    plain = {kind: draw(kind, N, D) for kind in (*KINDS, "mixture")}
    plain |= {f"calibrated {kind}": calibrated(kind) for kind in KINDS}
    bounded = {"t0": Clip(), "t1": Log1p(0.5, 3.0), "t2": Sqrt(1.0, 2.0)}
    return {
        **plain,
        "transformed": Transformed(plain["mixture"], bounded),
        "calibrated transformed": Transformed(plain["calibrated student_t"], bounded),
    }


CALIBRATED = [f"calibrated {kind}" for kind in KINDS]
TRANSFORMED = ["transformed", "calibrated transformed"]


@pytest.mark.parametrize("name", [*KINDS, "mixture", *CALIBRATED, *TRANSFORMED])
@pytest.mark.parametrize("question", QUESTIONS)
def test_some_rows_are_as_among_all(instances, name, question):
    joint, ask = instances[name], QUESTIONS[question]
    y = observed(joint)
    if name in TRANSFORMED:
        if question == "sum":
            joint = joint.moment_matched()  # there is no sum of others
        y = np.abs(y)
    together = ask(joint, y)
    for label, rows in ROWS.items():
        alone = ask(joint[rows], y[rows])
        assert_allclose(alone, together[rows], rtol=1e-12, atol=1e-13, err_msg=label)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["conformal", "out_of_fold"])
def test_a_region_knows_no_neighbours_whatever_the_gaps(kind, method):
    """600 rows with more than 100 patterns of gaps, most of which few rows share."""
    d, r = 8, np.random.default_rng(2)
    others, joint = draw(kind, 150, d, seed=8), draw(kind, 600, d)
    values = others.mean + 2 * (others.sample(1, seed=4)[0] - others.mean)
    values[r.random(values.shape) < 0.03] = np.nan
    joint = joint.calibrated_by(CalibrationSet(others, values, method))
    y = joint.mean + 2.2 * (joint.sample(1, seed=6)[0] - joint.mean)
    y[r.random(y.shape) < r.choice([0.05, 0.5], size=(600, 1))] = np.nan
    patterns, count = np.unique(~np.isnan(y), axis=0, return_counts=True)
    assert len(patterns) > 100
    assert (count < 20).sum() > 90
    region = joint.region(0.9)
    held = region.contains(y)
    assert 0.7 < held.mean() < 0.97
    for rows in (slice(0, 600, 2), r.permutation(600), np.flatnonzero(~held), [5], []):
        assert_array_equal(region[rows].contains(y[rows]), held[rows])
        assert_array_equal(joint[rows].region(0.9).contains(y[rows]), held[rows])
    for row in range(0, 600, 12):  # a part of an outcome, in the region of the targets it has
        seen = np.flatnonzero(~np.isnan(y[row]))
        if len(seen):
            alone = joint[row].marginal(seen).region(0.9).contains(y[row, seen])
            assert alone[0] == held[row]


@any_kind
def test_the_gaps_of_others_move_no_boundary(kind):
    """At the boundary of each row's region, to a part in a million."""
    joint = draw(kind, 40, 3)
    region = joint.region(0.7)
    r = np.random.default_rng(0)
    y = joint.sample(1, seed=1)[0]
    seen = r.random(y.shape) < 0.6
    seen[~seen.any(axis=1), 0] = True
    for i, present in enumerate(seen):
        part = joint[i].marginal(np.flatnonzero(present))
        shift = y[i, present] - part.mean[0]
        scale = part.region(0.7).radius[0] / part.mahalanobis(part.mean + shift)[0]
        y[i, present] = part.mean[0] + shift * scale
        y[i, ~present] = np.nan
    inside, outside = (joint.mean + times * (y - joint.mean) for times in (1 - 1e-6, 1 + 1e-6))
    assert region.contains(inside).all()
    assert not region.contains(outside).any()


def test_many_rows_of_many_patterns_are_one_pass_over_the_calibration_rows(monkeypatch):
    """The law of a pattern of gaps is found once, however often and for whatever level."""
    passes = []
    law_of = CalibrationSet._scores_now

    def counted(self, part, shape, whole):
        passes.append((part, shape))
        return law_of(self, part, shape, whole)

    monkeypatch.setattr(CalibrationSet, "_scores_now", counted)
    others = MultivariateNormal(np.zeros((50, 4)), covariance=np.eye(4))
    joint = MultivariateNormal(np.zeros((2000, 4)), covariance=np.eye(4))
    joint = joint.calibrated_by(CalibrationSet(others, others.sample(1, seed=0)[0], "conformal"))
    y = joint.sample(1, seed=1)[0]
    y[np.random.default_rng(0).random(y.shape) < 0.5] = np.nan
    for level in (0.5, 0.8, 0.9):
        joint.region(level).contains(y)
        joint[::2].region(level).contains(y[::2])
        joint.interval(level)
    # each set of targets that is not empty, and for intervals each target
    assert len(passes) == 15 + 4
