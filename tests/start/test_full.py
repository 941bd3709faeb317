"""The linear start, against scikit-learn, brute force and its own laws."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal
from sklearn.linear_model import LinearRegression, Ridge

from covey import Mixture, MultivariateNormal, MultivariateT
from covey.algebra.triangular import inverse_lower
from covey.errors import InputError
from covey.start import covariance
from covey.start.full import LinearModel
from covey.start.ridge import fit_ridge
from covey.start.ridge_path import PENALTIES
from covey.start.start import restored, unbounded_columns, with_unbounded
from covey.table import FeatureSchema, unclipped
from tests.start.whitening import residuals, whitened

NONE = np.zeros(0, dtype=np.int64)  # inputs that enter a second time


def data(n=60, f=4, d=3, seed=0):
    r = np.random.default_rng(seed)
    X = r.normal(size=(n, f))
    return X, X @ r.normal(size=(f, d)) + r.normal(size=(n, d)) @ r.normal(size=(d, d))


def with_gaps(Y, share=0.3, seed=9):
    return np.where(np.random.default_rng(seed).random(Y.shape) < share, np.nan, Y)


def held_out_error(X, Y, blocks, penalty, weight):
    """Squared error of ridge regressions refitted without each block, per target."""
    error = np.zeros(Y.shape[1])
    for block in np.unique(blocks):
        held = blocks == block
        share = weight[~held]
        model = Ridge(alpha=penalty * share.sum()).fit(X[~held], Y[~held], share)
        error += weight[held] @ np.square(Y[held] - model.predict(X[held]).reshape(Y[held].shape))
    return error


@pytest.mark.parametrize("blocked", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_penalty_and_coefficients_are_those_of_refitting_without_each_block(blocked, weighted):
    X, Y = data(n=30)
    blocks = np.arange(30) // 6 if blocked else np.arange(30)
    weight = np.random.default_rng(1).uniform(0.5, 2, 30) if weighted else np.ones(30)
    model = LinearModel.of(fit_ridge(X, Y, weight, blocks if blocked else None))
    standardised = (Y - model.location) / model.scale
    share = weight / weight.sum()
    errors = []
    for penalty in PENALTIES:
        if blocked:
            errors.append(held_out_error(X, standardised, blocks, penalty, share))
        else:
            error = np.zeros(3)
            for i in range(30):
                keep = np.arange(30) != i
                ridge = Ridge(alpha=penalty).fit(X[keep], standardised[keep], share[keep])
                error += share[i] * np.square(standardised[i] - ridge.predict(X[[i]])[0])
            errors.append(error)
    chosen = PENALTIES[np.argmin(errors, axis=0)]
    for j, penalty in enumerate(chosen):
        ridge = Ridge(alpha=penalty).fit(X, standardised[:, j], share)
        np.testing.assert_allclose(model.coef[:, j], ridge.coef_, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(model.intercept[j], ridge.intercept_, atol=1e-9)


def test_covariance_is_that_of_held_out_residuals():
    X, Y = data(n=2000, f=3)
    model = LinearModel.of(fit_ridge(X, Y))
    factor = model.scale[:, None] * model.residual_scale_tril
    design = np.column_stack([np.ones(2000), X])
    residual = Y - design @ np.linalg.lstsq(design, Y, rcond=None)[0]
    np.testing.assert_allclose(factor @ factor.T, np.cov(residual.T), rtol=0.03, atol=0.03)


def test_a_fit_that_interpolates_is_not_believed():
    r = np.random.default_rng(0)
    X, Y = r.normal(size=(30, 28)), r.normal(size=(30, 1))  # nothing to learn, enough to overfit
    model = LinearModel.of(fit_ridge(X, Y))
    assert model.residual_scale_tril[0, 0] > 0.8  # in sample: about 0.2


def test_weight_two_is_the_row_twice():
    X, Y = data()
    doubled = np.r_[np.arange(60), np.arange(20)]
    weight = np.where(np.arange(60) < 20, 2.0, 1.0)
    blocks = np.arange(60) % 5
    one = LinearModel.of(fit_ridge(X, Y, weight, blocks))
    two = LinearModel.of(fit_ridge(X[doubled], Y[doubled], blocks=blocks[doubled]))
    for name in ("location", "scale", "coef", "intercept"):
        np.testing.assert_allclose(getattr(one, name), getattr(two, name), rtol=1e-9, atol=1e-12)


def test_whiten_and_restore_are_inverse():
    X, Y = data()
    model = LinearModel.of(fit_ridge(X, Y * [1e-9, 1, 1e9]))
    z = whitened(model, X, Y * [1e-9, 1, 1e9])
    point = MultivariateNormal(z, covariance=np.eye(3))
    restored = model.restore(point, X)
    np.testing.assert_allclose(restored.mean, Y * [1e-9, 1, 1e9], rtol=1e-9)
    # the density changes by |d whitened / d y|
    standard = MultivariateNormal(np.zeros_like(Y), covariance=np.eye(3))
    np.testing.assert_allclose(
        model.restore(standard, X).log_prob(Y * [1e-9, 1, 1e9]),
        standard.log_prob(z) + model.log_scale,
    )


def test_several_models_restore_side_by_side():
    """mean = the regression + S B z, covariance = S B C B' S, of each model and row."""
    r = np.random.default_rng(3)
    parts = [data(seed=seed) for seed in range(3)]
    models = [LinearModel.of(fit_ridge(X, Y * [1e-3, 1, 1e3])) for X, Y in parts]
    X, z, L = parts[0][0][:5], r.normal(size=(15, 3)), np.tril(r.uniform(1, 2, size=(15, 3, 3)))
    offsets = [r.normal(size=(5, 3)) for _ in models]
    whitened = MultivariateT(z, degrees_of_freedom=5.0, scale_tril=L)
    found = restored(models, whitened, X, offsets)
    for row in range(15):
        model, own = models[row // 5], row % 5
        factor = np.diag(model.scale) @ model.residual_scale_tril
        mean = model.mean(X)[own] + factor @ z[row] + offsets[row // 5][own]
        np.testing.assert_allclose(found.mean[row], mean, rtol=1e-12)
        covariance = 5 / 3 * factor @ L[row] @ L[row].T @ factor.T
        np.testing.assert_allclose(found.covariance[row], covariance, rtol=1e-10)
    assert found.targets == whitened.targets


def test_whitened_residuals_are_about_standard_normal():
    X, Y = data(n=3000)
    z = whitened(LinearModel.of(fit_ridge(X, Y)), X, Y)
    np.testing.assert_allclose(np.cov(z.T), np.eye(3), atol=0.02)


@pytest.mark.parametrize("value", [0.0, 5.0, -1e9, 1e-12])
def test_a_constant_target_gets_a_tiny_valid_variance(value):
    X, Y = data()
    joint = LinearModel.of(fit_ridge(X, np.column_stack([Y[:, 0], np.full(60, value)])))
    predicted = joint.predict_distribution(X)
    np.testing.assert_allclose(predicted.mean[:, 1], value, rtol=1e-6, atol=1e-12)
    assert (predicted.stddev[:, 1] < 1e-3 * max(abs(value), 1)).all()
    np.linalg.cholesky(predicted.correlation)


def test_identical_targets_stay_apart():
    X, Y = data(n=3000)
    predicted = LinearModel.of(fit_ridge(X, Y[:, [0, 0, 1]])).predict_distribution(X)
    assert 0.99 < predicted.correlation[0, 0, 1] < 1
    np.linalg.cholesky(predicted.correlation)


def test_more_features_than_rows():
    r = np.random.default_rng(0)
    X = r.normal(size=(20, 50))
    Y = X[:, :2] + 0.1 * r.normal(size=(20, 2))
    model = LinearModel.of(fit_ridge(X, Y))
    assert np.isfinite(model.predict_distribution(X).log_prob(Y)).all()
    narrow = np.linalg.qr(X.T)[0]  # the same rows in the 20 directions they span
    same = LinearModel.of(fit_ridge(X @ narrow, Y))
    np.testing.assert_allclose(narrow @ same.coef, model.coef, atol=1e-8)
    np.testing.assert_allclose(same.residual_scale_tril, model.residual_scale_tril, atol=1e-8)


@pytest.mark.parametrize("weight", [np.r_[1.0, np.zeros(59)], np.zeros(60)])
def test_one_row_is_not_enough(weight):
    X, Y = data()
    with pytest.raises(InputError, match="at least 2 training rows"):
        LinearModel.of(fit_ridge(X, Y, weight))


@pytest.mark.parametrize("d", [2, 5, 12])
def test_whatever_a_network_puts_out_comes_back_valid(d):
    """Mixing targets of very different scales must not cost the factorisation either."""
    r = np.random.default_rng(d)
    rho = 0.9 if d == 2 else 0.5
    factor = np.linalg.cholesky(rho + (1 - rho) * np.eye(d))
    linear = LinearModel(
        np.zeros(d), 10.0 ** r.uniform(-9, 9, d), np.zeros((1, d)), np.zeros(d), NONE, factor
    )
    members = []
    for scale in (10, 30, 1e4):
        w = np.exp(np.clip(r.uniform(-scale, scale, (200, d)), -9.2, 9.2))
        a = np.tril(np.clip(r.uniform(-scale, scale, (200, d, d)), -1e4, 1e4), -1) + np.eye(d)
        inverse = inverse_lower(a * w[:, None, :])
        whitened = MultivariateNormal(r.uniform(-scale, scale, (200, d)), scale_tril=inverse)
        members.append(linear.restore(whitened, np.zeros((200, 1))))
    for joint in [*members, Mixture(members).moment_matched()]:
        assert np.isfinite(joint.covariance).all()
        np.linalg.cholesky(joint.correlation)


def test_rows_of_weight_zero_do_not_count():
    X, Y = data()
    weight = np.where(np.arange(60) < 20, 0.0, 1.0)
    one, two = LinearModel.of(fit_ridge(X, Y, weight)), LinearModel.of(fit_ridge(X[20:], Y[20:]))
    for name in ("location", "scale", "coef", "intercept", "residual_scale_tril"):
        np.testing.assert_allclose(getattr(one, name), getattr(two, name), rtol=1e-9, atol=1e-12)


def test_a_large_offset_is_no_constant():
    X, Y = data()
    offset = 1e9 + 1e-4 * Y
    joint = LinearModel.of(fit_ridge(X, offset)).predict_distribution(X)
    np.testing.assert_allclose(
        joint.stddev[0] / 1e-4,
        LinearModel.of(fit_ridge(X, Y)).predict_distribution(X).stddev[0],
        rtol=0.01,
    )


@pytest.mark.parametrize("gaps", [False, True])
def test_the_covariance_is_weighted(gaps):
    r = np.random.default_rng(0)
    noisy = np.arange(2000) < 1000
    Y = r.normal(size=(2000, 2)) @ [[1.0, 0.9], [0.0, 0.4]] * np.where(noisy, 10.0, 1.0)[:, None]
    Y[noisy, 1] *= -1
    Y = with_gaps(Y) if gaps else Y
    quiet = LinearModel.of(fit_ridge(np.zeros((2000, 1)), Y, np.where(noisy, 1e-4, 1.0)))
    joint = quiet.predict_distribution(np.zeros((1, 1)))
    expected = np.array([[1.0, 0.9], [0.0, 0.4]])
    np.testing.assert_allclose(joint.covariance[0], expected.T @ expected, atol=0.15)


def test_few_rows_shrink_the_correlation():
    r = np.random.default_rng(0)
    Y = r.normal(size=(15, 10))  # independent, with correlations up to 0.6 by chance
    apart = ~np.eye(10, dtype=bool)
    found = LinearModel.of(fit_ridge(np.zeros((15, 1)), Y)).predict_distribution(np.zeros((1, 1)))
    by_chance = np.abs(np.corrcoef(Y.T)[apart]).mean()
    assert np.abs(found.correlation[0][apart]).mean() < by_chance / 2


def test_an_exact_offset_does_not_take_away_the_scale():
    r = np.random.default_rng(0)
    X, Y = r.normal(size=(50, 2)), 1000 * r.normal(size=(50, 2))
    rounding = 1e-10 * r.normal(size=Y.shape)
    model = LinearModel.of(fit_ridge(X, Y, offset=Y - rounding))
    joint = model.predict_distribution(X)
    assert (joint.stddev > 1e-4).all()  # a millionth of the targets' own
    np.testing.assert_allclose(model.scale, Y.std(axis=0))
    np.testing.assert_allclose(model.location, rounding.mean(axis=0), atol=1e-12)
    half = LinearModel.of(fit_ridge(X, Y, offset=0.5 * Y))
    np.testing.assert_allclose(
        half.predict_distribution(X).mean,
        LinearModel.of(fit_ridge(X, 0.5 * Y)).predict_distribution(X).mean,
        rtol=1e-6,
    )


@pytest.mark.parametrize("blocked", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_each_target_is_regressed_in_the_rows_that_hold_it(blocked, weighted):
    X, Y = data(n=40)
    Y = with_gaps(Y)
    Y[:, 2] = np.where(np.isnan(Y[:, 0]), np.nan, Y[:, 1] + 1)  # some rows alike
    weight = np.random.default_rng(1).uniform(0.5, 2, 40) if weighted else np.ones(40)
    weight[3] = 0
    blocks = np.arange(40) // 8 if blocked else None
    model = LinearModel.of(fit_ridge(X, Y, weight, blocks))
    for j in range(3):
        held = ~np.isnan(Y[:, j])
        alone = LinearModel.of(
            fit_ridge(X[held], Y[held, j : j + 1], weight[held], blocks[held] if blocked else None)
        )
        for name in ("location", "scale", "coef", "intercept"):
            np.testing.assert_allclose(
                getattr(model, name)[..., j], getattr(alone, name)[..., 0], rtol=1e-9, atol=1e-12
            )
        y = (Y[held, j] - model.location[j]) / model.scale[j]
        share = weight[held] / weight[held].sum()
        np.testing.assert_allclose([share @ y, share @ np.square(y)], [0, 1], atol=1e-9)
        ridges = [Ridge(alpha=penalty).fit(X[held], y, share) for penalty in PENALTIES]
        nearest = min(ridges, key=lambda ridge: np.abs(ridge.coef_ - model.coef[:, j]).max())
        np.testing.assert_allclose(model.coef[:, j], nearest.coef_, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(model.intercept[j], nearest.intercept_, atol=1e-9)


def test_rows_without_gaps_need_no_likelihood(monkeypatch):
    def called(*_):
        raise AssertionError

    X, Y = data()
    monkeypatch.setattr(covariance, "factor_with_gaps", called)
    model = LinearModel.of(fit_ridge(X, Y), 8.0)
    for array in vars(model).values():
        assert array.flags.c_contiguous  # as a file gives it back
    with pytest.raises(AssertionError):
        LinearModel.of(fit_ridge(X, with_gaps(Y)), 8.0)


@pytest.mark.parametrize("degrees_of_freedom", [None, 8.0])
def test_a_single_gap_changes_next_to_nothing(degrees_of_freedom):
    X, Y = data(n=2000, d=4)
    whole = LinearModel.of(fit_ridge(X, Y), degrees_of_freedom)
    Y[7, 2] = np.nan
    model = LinearModel.of(fit_ridge(X, Y), degrees_of_freedom)
    for name in ("location", "scale", "coef", "intercept", "residual_scale_tril"):
        np.testing.assert_allclose(getattr(model, name), getattr(whole, name), atol=0.005)


@pytest.mark.parametrize("degrees_of_freedom", [None, 8.0])
def test_gaps_at_random_barely_move_the_model(degrees_of_freedom):
    X, Y = data(n=4000, d=5)
    whole = LinearModel.of(fit_ridge(X, Y), degrees_of_freedom)
    model = LinearModel.of(fit_ridge(X, with_gaps(Y)), degrees_of_freedom)
    np.testing.assert_allclose(model.coef, whole.coef, atol=0.03)
    np.testing.assert_allclose(
        model.predict_distribution(X[:1]).correlation,
        whole.predict_distribution(X[:1]).correlation,
        atol=0.05,
    )
    np.testing.assert_allclose(
        model.predict_distribution(X[:1]).stddev,
        whole.predict_distribution(X[:1]).stddev,
        rtol=0.03,
    )


def test_a_rare_target_keeps_its_correlation():
    r = np.random.default_rng(0)
    X = r.normal(size=(3000, 2))
    Y = X @ [[1.0, -1.0], [0.5, 2.0]] + r.multivariate_normal([0, 0], [[1, 0.9], [0.9, 1]], 3000)
    Y[r.random(3000) < 0.9, 1] = np.nan
    joint = LinearModel.of(fit_ridge(X, Y), 8.0).predict_distribution(X[:1])
    np.testing.assert_allclose(joint.correlation[0, 0, 1], 0.9, atol=0.05)


@pytest.mark.parametrize("value", [0.0, 5.0, -1e9])
@pytest.mark.parametrize("offset", [False, True])
def test_a_target_that_is_hardly_ever_observed(value, offset):
    X, Y = data()
    never, once, without_weight = np.full((3, 60), np.nan)
    once[7] = value
    without_weight[0] = 3.0
    weight = np.where(np.arange(60) == 0, 0.0, 1.0)
    Y = np.column_stack([never, Y[:, 0], once, Y[:, 1], without_weight])
    taken = np.full(Y.shape, 0.5) if offset else None
    model = LinearModel.of(fit_ridge(X, Y, weight, np.arange(60) // 20, taken), 8.0)
    size = abs(value) or 1.0
    np.testing.assert_array_equal(model.location[[0, 2, 4]], [0.0, value - 0.5 * offset, 0.0])
    np.testing.assert_array_equal(model.scale[[0, 2, 4]], [1.0, size, 1.0])
    np.testing.assert_array_equal(model.coef[:, [0, 2, 4]], 0.0)
    np.testing.assert_allclose(model.intercept[[0, 2, 4]], 0.0, atol=1e-12)
    covariance = model.residual_scale_tril @ model.residual_scale_tril.T
    np.testing.assert_array_equal(covariance[[0, 2, 4]], np.eye(5)[[0, 2, 4]])
    joint = model.predict_distribution(X)
    assert np.isfinite(joint.mean).all()
    np.testing.assert_allclose(joint.stddev[:, [0, 2, 4]], [[1.0, size, 1.0]] * 60)


@pytest.mark.parametrize("blocked", [False, True])
def test_two_values_are_a_spread_without_a_slope(blocked):
    X, Y = data(n=200)
    Y[2:, 1] = np.nan
    Y[:2, 1] = [5.0, 9.0]
    blocks = np.arange(200) % 4 if blocked else None
    model = LinearModel.of(fit_ridge(X, Y, np.r_[3.0, np.ones(199)], blocks), 8.0)
    assert model.location[1] == 6.0
    np.testing.assert_allclose(model.scale[1], np.sqrt(3))
    np.testing.assert_array_equal(model.coef[:, 1], 0.0)
    assert model.intercept[1] == 0.0
    # each is off from the other by 4
    joint = model.predict_distribution(X)
    np.testing.assert_allclose(joint.mean[:, 1], 6.0)
    assert 0.5 * 4 < joint.stddev[0, 1] < 1.5 * 4
    assert np.isfinite(joint.log_prob(np.nan_to_num(Y, nan=7.0))).all()


def test_one_value_in_several_rows_is_a_constant():
    X, Y = data()
    Y[:, 0] = np.where(np.arange(60) < 55, np.nan, 5.0)
    joint = LinearModel.of(fit_ridge(X, Y), 8.0).predict_distribution(X)
    np.testing.assert_allclose(joint.mean[:, 0], 5.0)
    assert (joint.stddev[:, 0] < 1e-5).all()
    np.linalg.cholesky(joint.correlation)


def test_rows_of_one_block_are_held_out_on_their_own():
    X, Y = data()
    blocks = np.arange(60) // 20
    Y[20:, 0] = np.nan
    model = LinearModel.of(fit_ridge(X, Y, blocks=blocks))
    alone = LinearModel.of(fit_ridge(X[:20], Y[:20, :1]))
    np.testing.assert_allclose(model.coef[:, :1], alone.coef, rtol=1e-9)
    np.testing.assert_allclose(
        model.residual_scale_tril[0, 0], alone.residual_scale_tril[0, 0], rtol=0.3
    )


def test_densities_of_what_was_observed_come_back_in_target_units():
    X, Y = data()
    scale = [1e-9, 1.0, 1e9]
    model = LinearModel.of(fit_ridge(X, with_gaps(Y) * scale), 8.0)
    factor = model.residual_scale_tril
    joint = model.predict_distribution(X)
    for observed in ([0, 2], [1], [0, 1, 2]):
        mask = np.isin(np.arange(3), observed)
        standard = multivariate_normal(None, (factor @ factor.T)[np.ix_(mask, mask)])
        gappy = np.where(mask, Y * scale, np.nan)
        found = standard.logpdf(residuals(model, X, gappy)[:, mask])
        expected = multivariate_normal(None, joint.correlation[0][np.ix_(mask, mask)])
        z = ((gappy - joint.mean) / joint.stddev)[:, mask]
        np.testing.assert_allclose(
            found + model.residual_log_scale(~np.isnan(gappy)),
            expected.logpdf(z) - np.log(joint.stddev[:, mask]).sum(axis=1),
            rtol=1e-9,
        )


@pytest.mark.parametrize("blocked", [False, True])
def test_units_do_not_matter_with_gaps(blocked):
    X, Y = data(n=100)
    blocks = np.arange(100) // 10 if blocked else None
    scale = np.array([1e-9, 1.0, 1e9])
    one = LinearModel.of(fit_ridge(X, with_gaps(Y), blocks=blocks), 8.0)
    two = LinearModel.of(fit_ridge(X, with_gaps(Y) * scale, blocks=blocks), 8.0)
    np.testing.assert_allclose(two.location, one.location * scale)
    np.testing.assert_allclose(two.scale, one.scale * scale)
    np.testing.assert_allclose(two.coef, one.coef, atol=1e-9)
    np.testing.assert_allclose(two.residual_scale_tril, one.residual_scale_tril, atol=1e-9)


def test_weight_two_is_the_row_twice_with_gaps():
    X, Y = data(n=400)
    Y = with_gaps(Y)
    doubled = np.r_[np.arange(400), np.arange(200)]
    weight, blocks = np.where(np.arange(400) < 200, 2.0, 1.0), np.arange(400) % 5
    one = LinearModel.of(fit_ridge(X, Y, weight, blocks), 8.0)
    two = LinearModel.of(fit_ridge(X[doubled], Y[doubled], blocks=blocks[doubled]), 8.0)
    for name in ("location", "scale", "coef", "intercept"):
        np.testing.assert_allclose(getattr(one, name), getattr(two, name), rtol=1e-9, atol=1e-12)
    # as without gaps, what shrinks the correlation counts rows
    np.testing.assert_allclose(one.residual_scale_tril, two.residual_scale_tril, atol=0.03)


def test_an_offset_with_gaps():
    X, Y = data()
    offset = 0.5 * Y[:, ::-1]
    model = LinearModel.of(fit_ridge(X, with_gaps(Y), offset=offset), 8.0)
    held = ~np.isnan(with_gaps(Y))
    left = with_gaps(Y) - offset
    np.testing.assert_allclose(model.location, np.nanmean(left, axis=0))
    np.testing.assert_allclose(model.scale, np.nanstd(with_gaps(Y), axis=0))
    plain = LinearModel.of(fit_ridge(X, left), 8.0)
    np.testing.assert_allclose(
        model.predict_distribution(X).mean[held],
        plain.predict_distribution(X).mean[held],
        rtol=1e-9,
    )


def test_what_is_linear_in_a_feature_is_linear_here():
    """Inputs are bounded smoothly for the network; a regression on them alone would bend."""
    r = np.random.default_rng(0)
    X = pd.DataFrame({"one": r.normal(size=2000), "two": r.lognormal(size=2000)})
    X["flag"] = r.random(2000) < 0.5
    Y = X.to_numpy(float) @ [[2.0, -1.0], [0.5, 3.0], [1.0, 0.0]] + 0.1 * r.normal(size=(2000, 2))
    inputs = FeatureSchema.fit(X, True).transform(X, True)
    unbounded = unbounded_columns(inputs)
    np.testing.assert_array_equal(unbounded, [0, 1])  # not those of two values
    by_hand = LinearRegression().fit(X[:1000], Y[:1000]).predict(X[1000:])
    features = inputs.astype(float)
    found = LinearModel.of(fit_ridge(features[:1000], Y[:1000], unbounded=unbounded)).mean(
        features[1000:]
    )
    bounded = LinearModel.of(fit_ridge(features[:1000], Y[:1000])).mean(features[1000:])
    near = np.sqrt(np.mean(np.square(found - by_hand)))
    assert near < 0.02
    assert np.sqrt(np.mean(np.square(bounded - by_hand))) > 10 * near


def test_each_target_goes_by_the_inputs_that_predict_it_better_never_by_both():
    r = np.random.default_rng(1)
    z = r.normal(size=(500, 2)) * 3
    bounded = z / np.sqrt(1 + (z / 3) ** 2)
    Y = np.column_stack([z[:, 0], bounded[:, 0], z[:, 1]]) + 0.01 * r.normal(size=(500, 3))
    Y[::9, 2] = np.nan
    both = np.arange(2)
    model = LinearModel.of(fit_ridge(bounded, Y, unbounded=both))
    np.testing.assert_array_equal(model.coef[[0, 1], 0], 0.0)
    np.testing.assert_array_equal(model.coef[[2, 3], 1], 0.0)
    np.testing.assert_array_equal(model.coef[[0, 1], 2], 0.0)
    known = ~np.isnan(Y[:, 2])
    for rows, target, features in ((slice(None), 0, z), (slice(None), 1, bounded), (known, 2, z)):
        alone = LinearModel.of(fit_ridge(features[rows], Y[rows, target, None]))
        found = model.mean(bounded)[rows, target]
        np.testing.assert_allclose(found, alone.mean(features[rows])[:, 0], rtol=1e-5, atol=1e-6)
    one_column = LinearModel.of(fit_ridge(bounded, Y, unbounded=both[:1]))
    assert one_column.coef.shape == (3, 3)
    np.testing.assert_array_equal(one_column.coef[0, 0], 0.0)


def test_the_bound_is_undone():
    z = np.array([-1e6, -99.0, -29.0, -3.0, 0.0, 1.0, 12.0, 500.0])
    bounded = (z / np.sqrt(1 + (z / 3) ** 2)).astype(np.float32).astype(float)
    np.testing.assert_allclose(unclipped(bounded), np.clip(z, -100, 100), rtol=1e-3)
    both = with_unbounded(np.column_stack([bounded, bounded]), np.array([1]))
    np.testing.assert_array_equal(both, np.column_stack([bounded, bounded, unclipped(bounded)]))
