"""The scale matrix of residuals with gaps, against direct maximisation and known truths."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import multivariate_normal, multivariate_t
from sklearn.covariance import ledoit_wolf

from covey.start import covariance as module
from covey.start.covariance import (
    LEAST_PRIOR,
    LEAST_RESIDUAL,
    _Batch,
    _likeliest,
    _step,
    _uncorrelated,
    factor_with_gaps,
    prior_rows,
)


def drawn(n=80, d=4, seed=0, missing=0.35, degrees_of_freedom=None, factor=None):
    r = np.random.default_rng(seed)
    if factor is None:
        factor = np.linalg.qr(r.normal(size=(d, d)))[0] * r.uniform(0.3, 2, d)
    d = len(factor)
    rows = r.normal(size=(n, d)) @ np.transpose(factor)
    if degrees_of_freedom is not None:
        rows /= np.sqrt(r.chisquare(degrees_of_freedom, n) / degrees_of_freedom)[:, None]
    gaps = r.random((n, d)) < missing
    gaps[np.arange(n), r.integers(0, d, n)] = False  # no row without any
    return np.where(gaps, np.nan, rows)


def with_prior(matrix, rows, weight, prior, degrees_of_freedom):
    """What is to be maximised, in the words of SciPy."""
    value = -prior / 2 * (np.linalg.slogdet(matrix)[1] + np.trace(np.linalg.inv(matrix)))
    for o in np.unique(~np.isnan(rows), axis=0):
        which = (~np.isnan(rows) == o).all(axis=1)
        scale = matrix[np.ix_(o, o)]
        if degrees_of_freedom is None:
            law = multivariate_normal(None, scale)
        else:
            law = multivariate_t(None, scale, df=degrees_of_freedom)
        value += weight[which] @ np.atleast_1d(law.logpdf(rows[which][:, o]))
    return value


def correlation(factor):
    covariance = factor @ factor.T
    stddev = np.sqrt(np.diag(covariance))
    return covariance / stddev[:, None] / stddev


def slope(matrix, rows, weight, prior, degrees_of_freedom):
    """The gradient of it, row by row."""
    inverse = np.linalg.inv(matrix)
    found = prior / 2 * (inverse @ inverse - inverse)
    for row, w in zip(rows, weight, strict=True):
        o = ~np.isnan(row)
        precision = np.linalg.inv(matrix[np.ix_(o, o)])
        z = precision @ row[o]
        drawing = 1.0
        if degrees_of_freedom is not None:
            drawing = (degrees_of_freedom + o.sum()) / (degrees_of_freedom + row[o] @ z)
        found[np.ix_(o, o)] += w / 2 * (drawing * np.outer(z, z) - precision)
    return found


CASES = {
    "plain": drawn(d=3),
    "Student-t": drawn(d=3, degrees_of_freedom=4),
    "fewer rows than targets": drawn(n=5, d=8, missing=0.3),
    "outliers": np.where(np.arange(200) % 20 == 0, 1e6, 1.0)[:, None] * drawn(n=200),
    "collinear": drawn(n=60, missing=0.2, factor=0.3 + 1e-3 * np.eye(4)),
    "one at a time": drawn(n=100, missing=1.0),
}


@pytest.mark.parametrize(
    ("case", "degrees_of_freedom"),
    [*((case, 4.0) for case in CASES), *((case, None) for case in CASES if case != "outliers")],
)
def test_no_other_matrix_is_likelier(case, degrees_of_freedom):
    rows = CASES[case] / np.nanmedian(np.abs(CASES[case]), axis=0)
    n, d = rows.shape
    weight = np.random.default_rng(1).uniform(0.2, 1.8, n)
    weight /= weight.mean()
    at = np.tril_indices(d)

    def loss(parameters):
        lower = np.zeros((d, d))
        lower[at] = parameters
        arguments = lower @ lower.T, rows, weight, 1.5, degrees_of_freedom
        return -with_prior(*arguments), -2 * (slope(*arguments) @ lower)[at]

    found = _likeliest(rows, weight / n, 1.5, degrees_of_freedom)
    best = minimize(loss, np.eye(d)[at], jac=True)
    assert -best.fun - 1e-6 < with_prior(found, rows, weight, 1.5, degrees_of_freedom)


@pytest.mark.parametrize("degrees_of_freedom", [None, 4.0])
def test_no_step_lowers_the_likelihood_and_the_result_stands_still(degrees_of_freedom):
    rows = drawn(degrees_of_freedom=degrees_of_freedom)
    n = len(rows)
    batches = _Batch.of(rows, np.full(n, 1 / n))
    assert sum(len(batch.observed) for batch in batches) > 10  # patterns
    matrix = np.diag([0.1, 1.0, 3.0, 10.0])
    values, exact = [], []
    for _ in range(40):
        exact.append(with_prior(matrix, rows, np.ones(n), 1.0, degrees_of_freedom))
        value, matrix = _step(matrix, batches, n, 1.0, degrees_of_freedom)
        values.append(value)
    assert (np.diff(exact) > -1e-9).all()
    np.testing.assert_allclose(np.diff(values), np.diff(exact), atol=1e-8)
    found = _likeliest(rows, np.full(n, 1 / n), 1.0, degrees_of_freedom)
    np.testing.assert_allclose(
        _step(found, batches, n, 1.0, degrees_of_freedom)[1], found, atol=1e-5
    )
    np.testing.assert_allclose(found, matrix, atol=0.02)


@pytest.mark.parametrize("degrees_of_freedom", [None, 8.0])
@pytest.mark.parametrize(("n", "d", "missing"), [(600, 10, 0.7), (1200, 12, 0.5)])
def test_few_steps_lead_to_where_the_likelihood_is_flat(
    n, d, missing, degrees_of_freedom, monkeypatch
):
    rows = drawn(n, d, missing=missing, degrees_of_freedom=8)
    steps = []
    monkeypatch.setattr(module, "_step", lambda *arguments: steps.append(1) or _step(*arguments))
    found = _likeliest(rows, np.full(n, 1 / n), LEAST_PRIOR, degrees_of_freedom)
    flat = found @ slope(found, rows, np.ones(n), LEAST_PRIOR, degrees_of_freedom) @ found / n
    np.testing.assert_allclose(flat, 0.0, atol=1e-5)
    assert len(steps) <= 60


@pytest.mark.parametrize("degrees_of_freedom", [None, 4.0])
def test_a_leap_too_far_is_taken_back(degrees_of_freedom, monkeypatch):
    rows = drawn(missing=0.5, degrees_of_freedom=degrees_of_freedom)
    share = np.full(len(rows), 1 / len(rows))
    expected = _likeliest(rows, share, 2.0, degrees_of_freedom)
    values, lengths = [], iter([2.0, 1.0] * 1000)  # leaps of twice the length

    def recorded(matrix, *arguments):
        value, following = _step(matrix, *arguments)
        values.append(value)
        return value, following

    norm = np.linalg.norm
    monkeypatch.setattr(module.np.linalg, "norm", lambda matrix: next(lengths) * norm(matrix))
    monkeypatch.setattr(module, "_step", recorded)
    found = _likeliest(rows, share, 2.0, degrees_of_freedom)
    assert min(np.diff(values)) < 0
    assert max(values) - values[-1] < 1e-6
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_rows_in_batches_of_any_size_give_the_same(monkeypatch):
    rows, share = drawn(degrees_of_freedom=4), np.full(80, 1 / 80)
    whole = _likeliest(rows, share, 2.0, 4.0)
    assert len(_Batch.of(rows, share)) == 1
    monkeypatch.setattr(module, "CHUNK", 1)
    assert len(_Batch.of(rows, share)) > 10
    np.testing.assert_allclose(_likeliest(rows, share, 2.0, 4.0), whole, atol=1e-9)
    order = np.random.default_rng(0).permutation(80)
    np.testing.assert_allclose(_likeliest(rows[order], share, 2.0, 4.0), whole, atol=1e-9)


def test_where_there_are_too_many_patterns_some_of_the_rows_do(monkeypatch):
    rows = drawn(n=2000, d=5)
    weight = np.ones(len(rows))
    full = factor_with_gaps(rows, weight, None)
    monkeypatch.setattr(module, "MOST_WORK", 1000 * 5**3)
    assert len(module._enough_rows(rows)) == len(rows)  # 31 patterns are few
    monkeypatch.setattr(module, "MOST_WORK", 0)
    many = np.where(np.random.default_rng(0).random((2000, 12)) < 0.5, np.nan, 1.0)
    some = module._enough_rows(many)
    assert len(some) == 20 * 12
    np.testing.assert_array_equal(some[[0, -1]], [0, 1999])
    monkeypatch.setattr(module, "_enough_rows", lambda rows: np.arange(0, len(rows), 2))
    half = factor_with_gaps(rows, weight, None)
    assert not np.array_equal(half, full)
    np.testing.assert_allclose(
        half @ half.T, full @ full.T, atol=0.15 * np.abs(full @ full.T).max()
    )


@pytest.mark.parametrize("n", [50, 1000])
def test_the_prior_is_the_shrinkage_of_ledoit_and_wolf(n):
    rows = drawn(n=n, missing=0.0, factor=[[1.0, 0, 0], [0.8, 0.6, 0], [0, 0.6, 0.8]])
    rows /= np.sqrt(np.square(rows).mean(axis=0))
    prior = prior_rows(rows, np.full(n, 1 / n))
    np.testing.assert_allclose(
        prior / (n + prior), ledoit_wolf(rows, assume_centered=True)[1], rtol=10 / n
    )


def test_the_prior_pair_by_pair():
    rows = drawn(n=60, missing=0.4, factor=np.linalg.cholesky(0.9 + 0.1 * np.eye(5)))
    rows[:, 4] = np.where(np.arange(60) < 2, [3.0] * 60, np.nan)
    rows[:2, 0], rows[0, 1], rows[1, 1] = 3.0, 1.0, np.nan  # two rows of a pair, one of another
    noise, strength, own, counts = 0.0, 0.0, 0.0, []
    for j in range(5):
        for k in range(5):
            products = rows[:, j] * rows[:, k]
            products = products[~np.isnan(products)]
            if (m := len(products)) < 2:
                continue
            if j == k:
                own += products.var(ddof=1)
                continue
            counts.append(m)
            noise += m * products.var(ddof=1)
            mean = np.clip(products.mean(), -1, 1)  # a correlation is no larger
            strength += m * (mean**2 - products.var(ddof=1) / m)
    assert min(counts) == 2
    assert len(counts) < 20
    np.testing.assert_allclose(
        prior_rows(rows, np.full(60, 1 / 60)), (noise + own * np.mean(counts)) / strength
    )


@pytest.mark.parametrize(("n", "least"), [(100, LEAST_PRIOR), (100_000, 10.001)])
def test_residuals_that_agree_without_noise_leave_a_little_doubt(n, least):
    rows = np.tile(np.where(np.arange(n) % 2, 1.0, -1.0)[:, None], 3)
    np.testing.assert_allclose(prior_rows(rows, np.full(n, 1 / n)), least, rtol=1e-6)


def test_what_may_be_chance_is_taken_for_it():
    rows = np.tile([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], (5, 1))
    assert prior_rows(rows, np.full(20, 1 / 20)) == np.inf
    np.testing.assert_array_equal(factor_with_gaps(rows, np.ones(20), None), np.eye(3))


def test_the_prior_does_not_grow_where_less_is_observed():
    factor = np.linalg.cholesky(0.6 + 0.4 * np.eye(4))
    found = []
    for missing in (0.0, 0.3, 0.6, 0.8):
        rows = drawn(n=4000, missing=missing, factor=factor)
        found.append(prior_rows(rows, np.full(len(rows), 1 / len(rows))))
    assert 3 < min(found) <= max(found) < 1.5 * min(found)


@pytest.mark.parametrize("degrees_of_freedom", [None, 5.0])
def test_uncorrelated_scales_are_the_likeliest(degrees_of_freedom):
    rows = drawn(d=3, degrees_of_freedom=degrees_of_freedom)
    share = np.random.default_rng(1).uniform(0.1, 1, len(rows))
    share /= share.sum()
    scale, inside = _uncorrelated(rows, share, degrees_of_freedom)
    best = minimize(
        lambda log: -with_prior(np.diag(np.exp(log)), rows, share, 0.0, degrees_of_freedom),
        np.zeros(3),
        tol=1e-9,
    )
    np.testing.assert_allclose(np.square(scale), np.exp(best.x), rtol=1e-3)
    observed = ~np.isnan(rows)
    np.testing.assert_allclose(
        share @ np.square(np.where(observed, inside, 0)) / (share @ observed),
        np.square(scale),
        rtol=1e-5,
    )


@pytest.mark.parametrize("degrees_of_freedom", [None, 8.0])
def test_a_target_missing_in_nine_rows_of_ten_keeps_its_correlation(degrees_of_freedom):
    r = np.random.default_rng(0)
    rows = drawn(
        n=3000,
        missing=0.0,
        factor=np.linalg.cholesky(0.9 + 0.1 * np.eye(2)),
        degrees_of_freedom=degrees_of_freedom,
    )
    rows[r.random(3000) < 0.9, 1] = np.nan
    factor = factor_with_gaps(rows, np.ones(3000), degrees_of_freedom)
    np.testing.assert_allclose(correlation(factor)[1, 0], 0.9, atol=0.05)
    np.testing.assert_allclose(np.sqrt(np.diag(factor @ factor.T)), 1.0, atol=0.08)


def test_what_is_missing_because_of_another_target_does_not_mislead():
    rows = drawn(n=3000, missing=0.0, factor=np.linalg.cholesky(0.8 + 0.2 * np.eye(2)))
    rows[rows[:, 0] > 0.5, 1] = np.nan  # where the first is large
    seen = ~np.isnan(rows[:, 1])
    assert np.sqrt(np.square(rows[seen, 1]).mean()) < 0.95
    factor = factor_with_gaps(rows, np.ones(3000), None)
    np.testing.assert_allclose(factor @ factor.T, [[1, 0.8], [0.8, 1]], atol=0.06)


def test_targets_never_observed_together_correlate_as_far_as_others_tell():
    full = drawn(n=3000, missing=0.0, factor=np.linalg.cholesky(0.8 + 0.2 * np.eye(3)))
    rows = full.copy()
    rows[:1500, 0], rows[1500:, 1] = np.nan, np.nan
    found = correlation(factor_with_gaps(rows, np.ones(3000), 30.0))
    np.testing.assert_allclose(found[2, :2], 0.8, atol=0.03)
    assert 0.64 - 0.02 < found[0, 1] < 0.8  # 0.8 squared: no correlation but by the third
    alone = correlation(factor_with_gaps(rows[:, :2], np.ones(3000), 30.0))
    np.testing.assert_array_equal(alone, np.eye(2))


@pytest.mark.parametrize("together", [1, 2, 3])
@pytest.mark.parametrize("others", [0, 1])
def test_a_few_rows_that_hold_both_prove_little(together, others):
    """Others that correlate strongly make for a weak prior."""
    factor = np.eye(2 + 2 * others)
    if others:
        factor[2:, 2:] = np.linalg.cholesky([[1.0, 0.95], [0.95, 1.0]])
    rows = drawn(n=1000, missing=0.0, factor=factor)
    rows[: 500 - together, 0], rows[500:, 1] = np.nan, np.nan
    rows[500 - together : 500, 1] = rows[500 - together : 500, 0] = 1.0
    found = correlation(factor_with_gaps(rows, np.ones(1000), None))
    assert 0 <= found[0, 1] < (together + 0.5) / (together + 2.0)
    if others:
        assert found[2, 3] > 0.9


def test_few_rows_shrink_the_correlation():
    rows = drawn(n=20, d=8, factor=np.eye(8))
    apart = ~np.eye(8, dtype=bool)
    assert np.abs(correlation(factor_with_gaps(rows, np.ones(20), None))[apart]).mean() < 0.1


def test_rows_of_little_weight_count_little():
    factor = np.linalg.cholesky(0.8 + 0.2 * np.eye(3))
    rows = np.vstack(
        [drawn(n=400, factor=factor), 3 * drawn(n=400, factor=factor * [[1], [-1], [1]])]
    )
    weight = np.repeat([1.0, 1e-4], 400)
    np.testing.assert_allclose(
        factor_with_gaps(rows, weight, 8.0),
        factor_with_gaps(rows[:400], np.ones(400), 8.0),
        atol=0.02,
    )


def test_weights_are_shares():
    rows = drawn(n=400, d=3, degrees_of_freedom=6)
    weight = np.where(np.arange(400) < 200, 2.0, 1.0)
    twice = np.r_[np.arange(400), np.arange(200)]
    one = factor_with_gaps(rows, weight, 6.0)
    np.testing.assert_allclose(one, factor_with_gaps(rows, 7 * weight, 6.0), rtol=1e-9)
    np.testing.assert_allclose(
        one, factor_with_gaps(rows[twice], np.ones(600), 6.0), atol=0.05
    )  # but for the prior, which counts rows
    share = weight / weight.sum()
    np.testing.assert_allclose(
        _likeliest(rows, share, 4.0, 6.0),
        _likeliest(rows[twice], np.full(600, 1 / 600), 6.0, 6.0),
        atol=1e-5,
    )


def test_nothing_known_is_no_correlation():
    rows = drawn(n=50, d=3)
    empty = np.full((50, 1), np.nan)
    np.testing.assert_array_equal(factor_with_gaps(np.tile(empty, 2), np.ones(50), 8.0), np.eye(2))
    found = factor_with_gaps(np.hstack([rows[:, :1], empty, rows[:, 1:]]), np.ones(50), 8.0)
    kept = [0, 2, 3]
    np.testing.assert_array_equal(
        found[np.ix_(kept, kept)], factor_with_gaps(rows, np.ones(50), 8.0)
    )
    np.testing.assert_array_equal(found[1], [0, 1, 0, 0])
    np.testing.assert_array_equal(found[:, 1], [0, 1, 0, 0])


def test_a_row_that_holds_nothing_does_not_count():
    rows = drawn(n=50, d=3)
    more = np.insert(rows, [0, 20, 50], np.nan, axis=0)
    np.testing.assert_allclose(
        factor_with_gaps(more, np.ones(53), 8.0), factor_with_gaps(rows, np.ones(50), 8.0)
    )


@pytest.mark.parametrize("degrees_of_freedom", [None, 8.0])
@pytest.mark.parametrize("seed", range(3))
def test_whatever_the_residuals_the_matrix_is_valid(degrees_of_freedom, seed):
    r = np.random.default_rng(seed)
    rows = drawn(n=40, d=7, missing=0.6, seed=seed, factor=np.diag(10.0 ** r.uniform(-9, 9, 7)))
    rows[:, 1] = np.where(np.isnan(rows[:, 1]), np.nan, 0.0)  # constant
    rows[:, 2] = rows[:, 3]  # identical
    rows[:, 4] = np.where(np.arange(40) < 38, np.nan, 1.0)  # two values
    rows[5, 5] *= 1e8  # an outlier
    factor = factor_with_gaps(rows, r.uniform(1e-3, 1, 40), degrees_of_freedom)
    assert (np.diag(factor) > 0).all()
    assert (np.abs(correlation(factor)[~np.eye(7, dtype=bool)]) < 1).all()
    assert (np.sqrt(np.diag(factor @ factor.T)) > 0.999 * LEAST_RESIDUAL).all()
    np.linalg.cholesky(correlation(factor))


@pytest.mark.parametrize("degrees_of_freedom", [None, 1.0, 8.0])
@pytest.mark.parametrize("shape", [(200, 5), (60, 16), (15, 20)])
def test_rows_of_any_magnitude_on_a_plane_leave_the_matrix_valid(shape, degrees_of_freedom):
    r = np.random.default_rng(0)
    for seed in range(4):
        factor = r.normal(size=(shape[1], 2)) @ r.normal(size=(2, shape[1]))
        rows = drawn(shape[0], seed=seed, missing=0.3, factor=factor)
        rows *= 10.0 ** r.uniform(-6, 6, (len(rows), 1))
        factor = factor_with_gaps(rows, np.ones(len(rows)), degrees_of_freedom)
        assert np.isfinite(factor).all()
        assert np.linalg.eigvalsh(correlation(factor))[0] > 1e-6
