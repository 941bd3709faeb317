"""The linear start of many targets: the same regression, whitened one by one, and its factors."""

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from covey.distributions import LowRankMultivariateNormal
from covey.distributions.internals import with_mean
from covey.errors import InputError
from covey.families import internals
from covey.members.architecture import Architecture
from covey.members.plan import LowRankPlan
from covey.start.full import LinearModel
from covey.start.low_rank import LowRankLinearModel
from covey.start.ridge import fit_ridge
from covey.start.start import restored, stacked
from covey.start.whitening import Whitened
from covey.table.folds import Folds
from tests.start.whitening import whitened
from tests.training import training_data


def problem(n=300, d=12, seed=0, gaps=0.0):
    r = np.random.default_rng(seed)
    X = r.normal(size=(n, 3))
    noise = r.normal(size=(n, 2)) @ r.normal(size=(2, d)) + r.normal(size=(n, d))
    Y = (X @ r.normal(size=(3, d)) + noise) * 10.0 ** r.uniform(-3, 3, d) + r.normal(size=d)
    Y[r.random(Y.shape) < gaps] = np.nan
    return X, Y


def test_several_models_restore_side_by_side():
    r = np.random.default_rng(3)
    models = [LowRankLinearModel.of(fit_ridge(*problem(seed=seed)), 2) for seed in range(2)]
    X, d = problem()[0][:4], 12
    diagonal, factor = r.uniform(0.5, 1, size=(8, d)), r.normal(size=(8, d, 2))
    z = r.normal(size=(8, d))
    whitened = LowRankMultivariateNormal(z, diagonal=diagonal, factor=factor)
    found = restored(models, whitened, X, [0.0, 0.0])
    for row in range(8):
        model = models[row // 4]
        sizes = model.scale * model.residual_scale
        assert_allclose(found.mean[row], model.mean(X)[row % 4] + sizes * z[row], rtol=1e-12)
        covariance = np.diag(diagonal[row]) + factor[row] @ factor[row].T
        assert_allclose(found.covariance[row], sizes[:, None] * covariance * sizes, rtol=1e-10)


@pytest.mark.parametrize("gaps", [0.0, 0.2])
def test_the_regression_is_that_of_the_full_start(gaps):
    X, Y = problem(gaps=gaps)
    ours, full = LowRankLinearModel.of(fit_ridge(X, Y), 2), LinearModel.of(fit_ridge(X, Y))
    for name in ("location", "scale", "coef", "intercept"):
        assert_array_equal(getattr(ours, name), getattr(full, name))
    one, two = ours.predict_distribution(X), full.predict_distribution(X)
    assert_allclose(one.mean, two.mean, rtol=1e-9)
    assert_allclose(one.stddev, two.stddev, rtol=0.1)
    assert_allclose(one.correlation, two.correlation, atol=0.25)
    assert one.log_prob(Y).mean() > two.log_prob(Y).mean() - 0.3  # two factors are the truth


@pytest.mark.parametrize("gaps", [0.0, 0.2])
def test_whitened_values_have_the_density_of_the_start(gaps):
    X, Y = problem(gaps=gaps)
    start = LowRankLinearModel.of(fit_ridge(X, Y), 2)
    z = whitened(start, X, Y)
    assert_array_equal(np.isnan(z), np.isnan(Y))
    whole = ~np.isnan(Y).any(axis=1)
    expected = start.predict_distribution(X).log_prob(Y)
    found = start.standard(len(X)).log_prob(z)
    assert_allclose((found + start.log_scale)[whole], expected[whole])
    standard = start.standard(len(X))
    z = np.nan_to_num(z)
    restored = start.restore(with_mean(standard, z), X, offset=1.0)
    assert_allclose(restored.mean, np.where(np.isnan(Y), restored.mean, Y + 1.0))
    assert_allclose(restored.covariance, start.predict_distribution(X).covariance)


@pytest.mark.parametrize("gaps", [0.0, 0.1])
def test_a_network_starts_there(gaps):
    X, Y = problem(gaps=gaps)
    folds = Folds.split(len(X), 2)
    linear = [LowRankLinearModel.of(fit_ridge(X[rows], Y[rows]), 2) for rows, _ in folds.pairs]
    found = Whitened.under(linear, training_data(X, Y, folds))
    network = Architecture(3, 12, 2, (4,), "silu", family_name="low_rank", rank=2)
    *_, kernel, head = LowRankPlan(2).weights(network, linear, 0)
    assert_array_equal(kernel, 0)
    assert head.shape == (2, 12 * 4)
    family, numbers = network.family, keras.ops.convert_to_numpy
    packed = numbers(family.constrain(keras.ops.convert_to_tensor(head)))
    scaled = numbers(internals.scaled(family, packed, found.scale_tril))
    for k, start in enumerate(linear):
        expected = start.predict_distribution(X).log_prob(Y)
        for of, some in ((packed, found.complete), (scaled, ~found.complete)):
            joint = family.distribution(np.repeat(of[k : k + 1], some.sum(), axis=0))
            density = joint.log_prob(found.y[some, k].astype(np.float64))
            assert_allclose(density + found.log_scale[some, k], expected[some], atol=1e-3)


def test_shapes_are_those_of_the_arrays():
    start = LowRankLinearModel.of(fit_ridge(*problem()), 3)
    for name, shape in LowRankLinearModel.shapes(3, 12, 3, 0).items():
        assert getattr(start, name).shape == shape
    assert (start.widths > 0).all()
    with pytest.raises(InputError, match="at least 2 training rows"):
        LowRankLinearModel.of(fit_ridge(np.zeros((1, 3)), np.zeros((1, 12))), 3)


def test_files_keep_the_names_they_had():
    starts = [LowRankLinearModel.of(fit_ridge(*problem(seed=seed)), 2) for seed in range(2)]
    arrays = stacked(starts)
    assert {"linear_residual_own", "linear_residual_scale", "linear_coef"} <= set(arrays)
    again = LowRankLinearModel.from_arrays(arrays, 2)
    for one, two in zip(starts, again, strict=True):
        np.testing.assert_array_equal(one.residual_specific, two.residual_specific)
