"""The linear start, against scikit-learn, brute force and its own laws."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from covey import Mixture, MultivariateNormal
from covey.distributions.triangular import inverse_lower
from covey.errors import InputError
from covey.linear import PENALTIES, LinearModel


def data(n=60, f=4, d=3, seed=0):
    r = np.random.default_rng(seed)
    X = r.normal(size=(n, f))
    return X, X @ r.normal(size=(f, d)) + r.normal(size=(n, d)) @ r.normal(size=(d, d))


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
    model = LinearModel.fit(X, Y, weight, blocks if blocked else None)
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
    model = LinearModel.fit(X, Y)
    factor = model.scale[:, None] * model.residual_scale_tril
    design = np.column_stack([np.ones(2000), X])
    residual = Y - design @ np.linalg.lstsq(design, Y, rcond=None)[0]
    np.testing.assert_allclose(factor @ factor.T, np.cov(residual.T), rtol=0.03, atol=0.03)


def test_a_fit_that_interpolates_is_not_believed():
    r = np.random.default_rng(0)
    X, Y = r.normal(size=(30, 28)), r.normal(size=(30, 1))  # nothing to learn, enough to overfit
    model = LinearModel.fit(X, Y)
    assert model.residual_scale_tril[0, 0] > 0.8  # in sample: about 0.2


def test_weight_two_is_the_row_twice():
    X, Y = data()
    doubled = np.r_[np.arange(60), np.arange(20)]
    weight = np.where(np.arange(60) < 20, 2.0, 1.0)
    blocks = np.arange(60) % 5
    one = LinearModel.fit(X, Y, weight, blocks)
    two = LinearModel.fit(X[doubled], Y[doubled], None, blocks[doubled])
    for name in ("location", "scale", "coef", "intercept"):
        np.testing.assert_allclose(getattr(one, name), getattr(two, name), rtol=1e-9, atol=1e-12)


def test_whiten_and_restore_are_inverse():
    X, Y = data()
    model = LinearModel.fit(X, Y * [1e-9, 1, 1e9])
    whitened = model.whiten(X, Y * [1e-9, 1, 1e9])
    point = MultivariateNormal(whitened, covariance=np.eye(3))
    restored = model.restore(point, X)
    np.testing.assert_allclose(restored.mean, Y * [1e-9, 1, 1e9], rtol=1e-9)
    # the density changes by |d whitened / d y|
    standard = MultivariateNormal(np.zeros_like(Y), covariance=np.eye(3))
    np.testing.assert_allclose(
        model.restore(standard, X).log_prob(Y * [1e-9, 1, 1e9]),
        standard.log_prob(whitened) + model.log_scale,
    )


def test_whitened_residuals_are_about_standard_normal():
    X, Y = data(n=3000)
    whitened = LinearModel.fit(X, Y).whiten(X, Y)
    np.testing.assert_allclose(np.cov(whitened.T), np.eye(3), atol=0.02)


@pytest.mark.parametrize("value", [0.0, 5.0, -1e9, 1e-12])
def test_a_constant_target_gets_a_tiny_valid_variance(value):
    X, Y = data()
    joint = LinearModel.fit(X, np.column_stack([Y[:, 0], np.full(60, value)]))
    predicted = joint.predict_distribution(X)
    np.testing.assert_allclose(predicted.mean[:, 1], value, rtol=1e-6, atol=1e-12)
    assert (predicted.stddev[:, 1] < 1e-3 * max(abs(value), 1)).all()
    np.linalg.cholesky(predicted.correlation)


def test_identical_targets_stay_apart():
    X, Y = data(n=3000)
    predicted = LinearModel.fit(X, Y[:, [0, 0, 1]]).predict_distribution(X)
    assert 0.99 < predicted.correlation[0, 0, 1] < 1
    np.linalg.cholesky(predicted.correlation)


def test_more_features_than_rows():
    r = np.random.default_rng(0)
    X = r.normal(size=(20, 50))
    Y = X[:, :2] + 0.1 * r.normal(size=(20, 2))
    model = LinearModel.fit(X, Y)
    assert np.isfinite(model.predict_distribution(X).log_prob(Y)).all()
    narrow = np.linalg.qr(X.T)[0]  # the same rows in the 20 directions they span
    same = LinearModel.fit(X @ narrow, Y)
    np.testing.assert_allclose(narrow @ same.coef, model.coef, atol=1e-8)
    np.testing.assert_allclose(same.residual_scale_tril, model.residual_scale_tril, atol=1e-8)


@pytest.mark.parametrize("weight", [np.r_[1.0, np.zeros(59)], np.zeros(60)])
def test_one_row_is_not_enough(weight):
    X, Y = data()
    with pytest.raises(InputError, match="at least 2 training rows"):
        LinearModel.fit(X, Y, weight)


@pytest.mark.parametrize("d", [2, 5, 12])
def test_whatever_a_network_puts_out_comes_back_valid(d):
    """Mixing targets of very different scales must not cost the factorisation either."""
    r = np.random.default_rng(d)
    rho = 0.9 if d == 2 else 0.5
    factor = np.linalg.cholesky(rho + (1 - rho) * np.eye(d))
    linear = LinearModel(
        np.zeros(d), 10.0 ** r.uniform(-9, 9, d), np.zeros((1, d)), np.zeros(d), factor
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
    one, two = LinearModel.fit(X, Y, weight), LinearModel.fit(X[20:], Y[20:])
    for name in ("location", "scale", "coef", "intercept", "residual_scale_tril"):
        np.testing.assert_allclose(getattr(one, name), getattr(two, name), rtol=1e-9, atol=1e-12)


def test_a_large_offset_is_no_constant():
    X, Y = data()
    offset = 1e9 + 1e-4 * Y
    joint = LinearModel.fit(X, offset).predict_distribution(X)
    np.testing.assert_allclose(
        joint.stddev[0] / 1e-4, LinearModel.fit(X, Y).predict_distribution(X).stddev[0], rtol=0.01
    )


def test_the_covariance_is_weighted():
    r = np.random.default_rng(0)
    noisy = np.arange(2000) < 1000
    Y = r.normal(size=(2000, 2)) @ [[1.0, 0.9], [0.0, 0.4]] * np.where(noisy, 10.0, 1.0)[:, None]
    Y[noisy, 1] *= -1
    quiet = LinearModel.fit(np.zeros((2000, 1)), Y, np.where(noisy, 1e-4, 1.0))
    joint = quiet.predict_distribution(np.zeros((1, 1)))
    expected = np.array([[1.0, 0.9], [0.0, 0.4]])
    np.testing.assert_allclose(joint.covariance[0], expected.T @ expected, atol=0.15)


def test_few_rows_shrink_the_correlation():
    r = np.random.default_rng(0)
    Y = r.normal(size=(15, 10))  # independent, with correlations up to 0.6 by chance
    apart = ~np.eye(10, dtype=bool)
    found = LinearModel.fit(np.zeros((15, 1)), Y).predict_distribution(np.zeros((1, 1)))
    by_chance = np.abs(np.corrcoef(Y.T)[apart]).mean()
    assert np.abs(found.correlation[0][apart]).mean() < by_chance / 2


def test_an_exact_offset_does_not_take_away_the_scale():
    r = np.random.default_rng(0)
    X, Y = r.normal(size=(50, 2)), 1000 * r.normal(size=(50, 2))
    rounding = 1e-10 * r.normal(size=Y.shape)
    model = LinearModel.fit(X, Y, offset=Y - rounding)
    joint = model.predict_distribution(X)
    assert (joint.stddev > 1e-4).all()  # a millionth of the targets' own
    np.testing.assert_allclose(model.scale, Y.std(axis=0))
    np.testing.assert_allclose(model.location, rounding.mean(axis=0), atol=1e-12)
    half = LinearModel.fit(X, Y, offset=0.5 * Y)
    np.testing.assert_allclose(
        half.predict_distribution(X).mean,
        LinearModel.fit(X, 0.5 * Y).predict_distribution(X).mean,
        rtol=1e-6,
    )
