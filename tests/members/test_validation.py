"""What a validation scores, against the distributions themselves."""

from dataclasses import replace

import numpy as np
import pytest

from covey.algebra.triangular import solve_lower
from covey.families import Mixture, Normal, StudentT
from covey.members.architecture import Architecture
from covey.members.network import build, read_weights
from covey.members.validation import HeldOut
from covey.start.whitening import Whitened
from tests.training import training_data

K, D = 2, 3


def problem(n=300, gaps=0.3, seed=0):
    r = np.random.default_rng(seed)
    inputs = r.normal(size=(n, 4)).astype(np.float32)
    factor = np.tril(r.normal(size=(K, D, D)), -1) + np.eye(D) * r.uniform(0.5, 2, (K, 1, D))
    residual = r.normal(size=(n, K, D))
    residual[r.random(n) < gaps, :, 1] = np.nan
    residual[::7, :, 0] = np.where(gaps, np.nan, residual[::7, :, 0])
    complete = ~np.isnan(residual[:, 0]).any(axis=1)
    y = residual.copy()
    y[complete] = solve_lower(factor, residual[complete])
    log_k = np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1)
    log_scale = np.where(complete[:, None], -log_k, 0.0)  # all in units of the residuals
    rows = np.arange(n)
    folds = [(np.setdiff1d(rows, test), test) for test in np.array_split(r.permutation(n), K)]
    data = training_data(inputs, residual[:, 0], folds)
    return data, Whitened(y.astype(np.float32), complete, factor, log_scale), residual


@pytest.mark.parametrize("family_name", ["normal", "student_t", "mixture"])
@pytest.mark.parametrize("gaps", [0.0, 0.3])
@pytest.mark.parametrize("weighted", [False, True])
def test_scores_are_those_of_the_distributions(family_name, gaps, weighted):
    data, whitened, residual = problem(gaps=gaps)
    inputs, weight = data.inputs.matrix, data.weight
    if weighted:
        weight = np.random.default_rng(1).uniform(0, 2, len(inputs))
        data = replace(data, weight=weight)
    components = 2 if family_name == "mixture" else None
    network = Architecture(4, D, K, (8,), "silu", family_name=family_name, components=components)
    model = build(network)
    r = np.random.default_rng(2)
    for variable in model.trainable_variables:
        variable.assign(0.3 * r.normal(size=variable.shape))
    held_out = HeldOut.gather(data, whitened)
    assert len(held_out.parts) == (1 if gaps == 0 else 2)
    scores = held_out.scorer(network)(read_weights(model))
    packed = model.predict(np.repeat(inputs[:, None], K, axis=1), verbose=0)
    family = {
        "normal": Normal(D, floor=network.floor),
        "student_t": StudentT(D, floor=network.floor),
        "mixture": Mixture(D, 2, floor=network.floor),
    }[family_name]
    for k, rows in enumerate(data.folds.tests):
        joint = family.distribution(packed[rows, k]).affine(whitened.scale_tril[k])
        density = joint.log_prob(residual[rows, k])
        assert scores[k] == pytest.approx(np.average(density, weights=weight[rows]), abs=2e-5)
    assert held_out.share.sum() == pytest.approx(1)


def test_a_validation_on_a_large_table_scores_some_rows_spread_over_the_fold(monkeypatch):
    data, whitened, _ = problem(n=2000, gaps=0.0)
    monkeypatch.setattr("covey.members.validation.MOST_SCORED", 256)
    (part,) = HeldOut.gather(data, whitened).parts
    assert len(part.inputs) == 256
    np.testing.assert_allclose(part.weight.sum(axis=0), 1)
    for member, rows in enumerate(data.folds.tests):
        scored = part.inputs[:, member]
        np.testing.assert_array_equal(scored[[0, -1]], data.inputs.matrix[rows[[0, -1]]])
        assert len(np.unique(scored, axis=0)) == 256


def test_rows_without_weight_are_not_scored():
    data, whitened, _ = problem()
    data.weight[::2] = 0
    parts = HeldOut.gather(data, whitened).parts
    assert sum(np.count_nonzero(part.weight) for part in parts) == len(data.Y) // 2
    np.testing.assert_allclose(sum(part.weight.sum(axis=0) for part in parts), 1)


def test_weights_that_diverged_have_no_score_and_raise_nothing():
    data, whitened, _ = problem()
    network = Architecture(4, D, K, (8,), "silu")
    weights = [np.full(shape, 1e38, np.float32) for shape in network.weight_shapes]
    assert not np.isfinite(HeldOut.gather(data, whitened).scorer(network)(weights)).any()
