"""Each figure of an evaluation against a direct computation; fitted models and fresh rows."""

import contextlib
import io
import json
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import special, stats
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

import covey
from covey.assess import evaluation
from covey.assess.evaluation import CONSTANT, LEVELS, UNCORRELATED, evaluate, mean_r2
from covey.assess.verdict import verdict
from covey.distributions import MultivariateNormal, MultivariateT
from covey.distributions.conformal import CalibrationSet
from covey.distributions.internals import rescaled, uncorrelated, with_mean
from covey.errors import CoveyWarning, InputError
from tests.distributions.test_joint import draw, each_kind, shape_matrix
from tests.test_regressor import QUICK, table

SIZE = np.array([1.0, 100.0, 1e-3])  # of the targets' units


def case(kind="normal", n=150, gaps=0.2, seed=0):
    """(joint, Y): predictions that are a little too narrow, three targets of different units."""
    joint = draw(kind, n, 3, seed)
    joint = with_mean(rescaled(joint, SIZE), joint.mean * SIZE)
    Y = joint.mean + 1.3 * (joint.sample(1, seed)[0] - joint.mean) + 0.2 * SIZE
    if gaps:
        Y[np.random.default_rng(seed).random(Y.shape) < gaps] = np.nan
        Y[4] = np.nan
    return joint, Y


def figures_of(joint, Y, **options):
    figures = evaluate(joint, Y, options.pop("constant", joint), "itself", **options)
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
    return figures


def density(joint, row, y):
    here = ~np.isnan(y)
    unit = SIZE[here]  # SciPy takes a matrix of mixed units for singular
    shape = shape_matrix(joint, row)[np.ix_(here, here)] / np.outer(unit, unit)
    mean, values = joint.mean[row, here] / unit, y[here] / unit
    if not isinstance(joint, MultivariateT):
        found = stats.multivariate_normal(mean, shape).logpdf(values)
    else:
        found = stats.multivariate_t(mean, shape, joint.degrees_of_freedom[row]).logpdf(values)
    return found - np.log(unit).sum()


@each_kind
def test_densities_are_scipys(kind):
    joint, Y = case(kind)
    some = ~np.isnan(Y).all(axis=1)
    figures = figures_of(joint, Y)
    total = -sum(density(joint, row, Y[row]) for row in np.flatnonzero(some))
    cells = np.sum(~np.isnan(Y))
    assert 0 < some.sum() < 150
    assert figures["rows"] == some.sum()
    assert figures["cells"] == cells
    assert figures["targets"] == ["t0", "t1", "t2"]
    assert figures["family"] == type(joint).__name__
    assert figures["calibration"] == "model"
    assert figures["negative_log_likelihood"] == pytest.approx(total / some.sum())
    assert figures["negative_log_likelihood_per_target"] == pytest.approx(total / cells)


@each_kind
def test_energy_and_variogram_scores_are_those_of_samples(kind):
    joint, Y = case(kind, 30, gaps=0)
    figures = figures_of(joint, Y)
    scale = Y.std(axis=0)
    x, y = joint.sample(4000, seed=1) / scale, Y / scale
    near = np.linalg.norm(x - y, axis=2).mean()
    apart = np.linalg.norm(x[:2000] - x[2000:], axis=2).mean()
    assert figures["energy_score"] == pytest.approx(near - apart / 2, rel=0.02)
    pairs = [(0, 1), (0, 2), (1, 2)]
    expected = 0.0
    for i, j in pairs:
        gap = np.sqrt(np.abs(x[..., i] - x[..., j])).mean(axis=0)
        expected += np.square(gap - np.sqrt(np.abs(y[:, i] - y[:, j]))).mean()
    assert figures["variogram_score"] == pytest.approx(expected, rel=0.02)


@each_kind
def test_each_target_is_scored_on_the_rows_that_hold_it(kind):
    joint, Y = case(kind)
    figures = figures_of(joint, Y)["per_target"]
    some = ~np.isnan(Y).all(axis=1)
    lower, upper = joint.quantile(0.05), joint.quantile(0.95)
    for i, name in enumerate(joint.targets):
        k = ~np.isnan(Y[:, i])
        y, mean = Y[k, i], joint.mean[k, i]
        missed = np.maximum(lower[k, i] - y, 0) + np.maximum(y - upper[k, i], 0)
        expected = {
            "observed": k.sum(),
            "bias": np.mean(y - mean),
            "mae": mean_absolute_error(y, mean),
            "rmse": root_mean_squared_error(y, mean),
            "r2": r2_score(y, mean),
            "interval_score": np.mean((upper - lower)[k, i] + missed * 2 / 0.1),
            "stddev": joint.stddev[some, i].mean(),
        }
        if kind != "student_t":
            z = (y - mean) / joint.stddev[k, i]
            crps = z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi)
            expected["crps"] = np.mean(joint.stddev[k, i] * crps)
        for what, value in expected.items():
            assert figures[name][what] == pytest.approx(value), (name, what)
        errors = []
        for row in np.flatnonzero(k):
            a = [j for j in range(3) if j != i and not np.isnan(Y[row, j])]
            shape = shape_matrix(joint, row)
            gain = np.linalg.solve(shape[np.ix_(a, a)], shape[a, i])
            errors.append(abs((Y - joint.mean)[row, i] - gain @ (Y - joint.mean)[row, a]))
        assert figures[name]["conditional_error"] == pytest.approx(np.mean(errors))


def test_coverage_is_a_share_of_rows_and_of_cells():
    joint, Y = case()
    figures = figures_of(joint, Y)["coverage"]
    assert list(figures) == ["0.5", "0.8", "0.9", "0.95"]
    some = ~np.isnan(Y).all(axis=1)
    count, squares = (~np.isnan(Y)).sum(axis=1)[some], joint.mahalanobis(Y)[some] ** 2
    z = np.abs(Y - joint.mean) / joint.stddev
    for level in LEVELS:
        found = figures[f"{level:g}"]
        share = np.mean(squares <= stats.chi2.ppf(level, count))
        assert found["joint"] == found["model"] == pytest.approx(share)
        half = stats.norm.ppf(0.5 + level / 2)
        assert found["interval"] == pytest.approx(np.mean(z[~np.isnan(z)] <= half))
        for i, name in enumerate(joint.targets):
            own = z[~np.isnan(z[:, i]), i]
            assert found["per_target"][name] == pytest.approx(np.mean(own <= half))
    assert 0.5 < figures["0.9"]["joint"] < 0.88  # predictions are too narrow


def test_what_the_regions_of_a_calibrated_batch_hold():
    joint, Y = case(n=400, gaps=0)
    own, model = joint[200:], joint[200:]
    own = own.calibrated_by(CalibrationSet(joint[:200], Y[:200], "conformal"))
    figures, plain = figures_of(own, Y[200:]), figures_of(model, Y[200:])
    assert figures["calibration"] == "conformal"
    held = own.mahalanobis(Y[200:]) <= own.region(0.9).radius
    assert figures["coverage"]["0.9"]["joint"] == pytest.approx(held.mean())
    assert figures["coverage"]["0.9"]["model"] == plain["coverage"]["0.9"]["joint"]
    assert figures["coverage"]["0.9"]["joint"] > figures["coverage"]["0.9"]["model"] + 0.05
    unrelated = figures["baselines"][UNCORRELATED]
    assert unrelated["coverage"] == plain["baselines"][UNCORRELATED]["coverage"]
    ratio = own.region(0.9).radius / model.region(0.9).radius
    assert figures["volume"] / plain["volume"] == pytest.approx(ratio[0])
    assert figures["negative_log_likelihood"] == plain["negative_log_likelihood"]
    assert figures["per_target"]["t1"]["crps"] == plain["per_target"]["t1"]["crps"]
    assert figures["per_target"]["t1"]["interval_score"] != pytest.approx(
        plain["per_target"]["t1"]["interval_score"], rel=1e-3
    )


@pytest.mark.parametrize("method", ["conformal", "out_of_fold"])
@pytest.mark.parametrize(("whole", "counted"), [(12, 12), (9, 9), (8, 58), (0, 58)])
@pytest.mark.filterwarnings("ignore:A guaranteed region")
def test_rows_that_90_percent_regions_go_by_are_counted(method, whole, counted):
    """Nine whole rows are enough; of sixty two hold nothing."""
    joint, Y = case(n=260, gaps=0)
    known = Y[:60].copy()
    known[whole:, 1] = np.nan
    known[-2:] = np.nan
    own = joint[60:].calibrated_by(CalibrationSet(joint[:60], known, method))
    assert figures_of(own, Y[60:])["calibration_rows"] == counted
    assert figures_of(own.marginal([0, 2]), Y[60:][:, [0, 2]])["calibration_rows"] == 58
    told = own.conditional(np.where([False, False, True], Y[60:], np.nan))
    assert figures_of(told, Y[60:])["calibration_rows"] == counted
    assert figures_of(own.calibrated_by(None), Y[60:])["calibration_rows"] is None


@each_kind
def test_the_volume_is_that_of_one_target_on_average(kind):
    joint, Y = case(kind)
    whole = ~np.isnan(Y).any(axis=1)
    scale = np.nanstd(Y, axis=0)
    factor = joint.scale_tril[whole] / scale[:, None]
    if kind != "student_t":
        squares = np.full(whole.sum(), stats.chi2.ppf(0.9, 3))
    else:
        squares = 3 * stats.f.ppf(0.9, 3, joint.degrees_of_freedom[whole])
    ball = np.pi**1.5 / special.gamma(2.5)
    volumes = ball * squares**1.5 * np.abs(np.linalg.det(factor))
    expected = stats.gmean(volumes) ** (1 / 3)
    assert figures_of(joint, Y)["volume"] == pytest.approx(expected)


def test_the_strongest_correlation_may_be_negative():
    joint = MultivariateNormal(
        np.zeros((3, 3)),
        covariance=[[1.0, 0.3, -1.2], [0.3, 1.0, 0.0], [-1.2, 0.0, 4.0]],
        targets=["a", "b", "c"],
    )
    figures = figures_of(joint, joint.sample(1, 0)[0])
    assert figures["correlation"][:2] == ["a", "c"]
    assert figures["correlation"][2] == pytest.approx(-0.6)


def test_improbable_rows_are_counted():
    n = 3000
    joint = MultivariateNormal(np.zeros((n, 2)), covariance=np.eye(2))
    Y = joint.sample(1, 0)[0]
    Y[:7, 0] = 6.0
    Y[7:12] = [[4.5, np.nan]]  # P = 7e-6
    Y[12:14] = [[3.8, np.nan]]  # P = 1.4e-4: not so rare for one target
    figures = figures_of(joint, Y)["improbable"]
    others = stats.chi2.sf((Y[14:] ** 2).sum(axis=1), 2) < 1e-4
    assert figures == {"expected": 0.3, "rows": 12 + others.sum()}


@each_kind
def test_baselines_are_scored_alike(kind):
    joint, Y = case(kind)
    plain, _ = case(kind, seed=5)
    plain = plain._with(plain.targets, mean=joint.mean + SIZE)
    figures = figures_of(joint, Y, constant=plain)
    assert set(figures["baselines"]) == {"constant_covariance", "uncorrelated"}
    for name, other in ((CONSTANT, plain), (UNCORRELATED, uncorrelated(joint))):
        found, expected = figures["baselines"][name], figures_of(other, Y)
        assert found.pop("description") == (
            "itself" if name == CONSTANT else "this model with all correlations ignored"
        )
        assert set(found) == {
            "negative_log_likelihood",
            "negative_log_likelihood_per_target",
            "energy_score",
            "coverage",
            "gain",
            "standard_error",
        }
        each, count = joint.log_prob(Y) - other.log_prob(Y), (~np.isnan(Y)).sum(axis=1)
        some = count > 0
        gain = each.sum() / count.sum()
        assert found.pop("gain") == pytest.approx(gain)
        # of a ratio of two means (Cochran 1977, Sampling Techniques, 6.4)
        left = (each - gain * count)[some]
        error = np.std(left, ddof=1) / np.sqrt(some.sum()) / count[some].mean()
        assert found.pop("standard_error") == pytest.approx(error)
        for what in found:
            value = expected["coverage"]["0.9"]["joint"] if what == "coverage" else expected[what]
            assert found[what] == pytest.approx(value)


@each_kind
def test_a_weight_of_two_is_a_row_twice_and_of_zero_none(kind):
    joint, Y = case(kind, n=60)
    plain, _ = case(kind, n=60, seed=5)
    weight = np.arange(60) % 3.0
    Y[weight == 0] = 1e9
    twice = np.repeat(np.arange(60), weight.astype(int))
    figures = figures_of(joint, Y, constant=plain, sample_weight=weight)
    expected = figures_of(joint[twice], Y[twice], constant=plain[twice])

    def compare(one, two):
        for name, value in two.items():
            if isinstance(value, dict):
                compare(one[name], value)
            elif name in ("rows", "of_rows", "cells", "observed", "expected", "effective_rows"):
                assert one[name] <= value  # rows are rows
            elif value is None or isinstance(value, (str, list)):
                assert one[name] == value or value[:2] == one[name][:2], name
            elif name != "standard_error":
                assert one[name] == pytest.approx(value, rel=1e-9), name

    compare(figures, expected)
    some = ~np.isnan(Y).all(axis=1) & (weight > 0)
    assert figures["rows"] == some.sum()
    assert figures["effective_rows"] == pytest.approx(
        weight[some].sum() ** 2 / (weight[some] ** 2).sum()
    )
    assert expected["effective_rows"] == expected["rows"]


@each_kind
def test_uncorrelated_keeps_all_but_the_correlations(kind):
    joint, Y = case(kind)
    joint = joint.calibrated_by(CalibrationSet(joint, Y, "conformal"))
    plain = uncorrelated(joint)
    assert type(plain) is type(joint)
    assert plain.calibration == "model"
    assert_array_equal(plain.mean, joint.mean)
    assert_allclose(plain.stddev, joint.stddev)
    assert_array_equal(plain.correlation, np.broadcast_to(np.eye(3), (150, 3, 3)))
    if kind == "student_t":
        assert_array_equal(plain.degrees_of_freedom, joint.degrees_of_freedom)


def test_rows_without_targets_are_as_if_they_were_not_there():
    joint, Y = case()
    extra = np.array([3, 3, 50])
    wide = joint[np.concatenate([extra, np.arange(150)])]
    Y_wide = np.concatenate([np.full((3, 3), np.nan), Y])
    assert figures_of(wide, Y_wide) == figures_of(joint, Y)
    none = figures_of(joint, np.full((150, 3), np.nan))
    assert none["rows"] == none["cells"] == 0
    assert none["negative_log_likelihood"] is none["energy_score"] is none["volume"] is None
    assert none["coverage"]["0.9"]["joint"] is none["per_target"]["t0"]["r2"] is None


@each_kind
def test_of_a_target_that_was_never_observed_nothing_is_said(kind):
    joint, Y = case(kind)
    Y[:, 1] = np.nan
    figures = figures_of(joint, Y)
    own = figures["per_target"]["t1"]
    assert own.pop("observed") == 0
    assert own.pop("stddev") > 0
    assert set(own.values()) == {None}
    assert figures["coverage"]["0.9"]["per_target"]["t1"] is None
    assert figures["volume"] is None
    two = figures_of(joint.marginal(["t0", "t2"]), Y[:, [0, 2]])
    for what in ("negative_log_likelihood", "energy_score", "variogram_score"):
        assert figures[what] == pytest.approx(two[what])
    for name in ("t0", "t2"):
        assert figures["per_target"][name] == pytest.approx(two["per_target"][name])
    assert figures["coverage"]["0.8"]["joint"] == two["coverage"]["0.8"]["joint"]


def test_a_constant_target_has_no_r2():
    joint, Y = case()
    Y[:, 0] = 2.0
    figures = figures_of(joint, Y)
    assert figures["per_target"]["t0"]["r2"] is None
    assert figures["per_target"]["t1"]["r2"] is not None
    assert np.isfinite(figures["energy_score"])


@each_kind
def test_one_target_and_one_row(kind):
    joint, Y = case(kind, gaps=0)
    one = figures_of(joint.marginal("t1"), Y[:, [1]])
    assert one["correlation"] is one["variogram_score"] is None
    crps = one["per_target"]["t1"]["crps"] / Y[:, 1].std()
    assert one["energy_score"] == pytest.approx(crps, rel=1e-4)
    assert one["per_target"]["t1"]["conditional_error"] == pytest.approx(
        one["per_target"]["t1"]["mae"]
    )
    assert one["coverage"]["0.8"]["joint"] == one["coverage"]["0.8"]["interval"]
    length = np.subtract(*joint.marginal("t1").interval(0.9)[::-1]) / Y[:, 1].std()
    assert one["volume"] == pytest.approx(stats.gmean(length)[0])
    row = figures_of(joint[3], Y[[3]])
    assert row["rows"] == 1
    assert row["per_target"]["t0"]["r2"] is None
    assert row["per_target"]["t0"]["rmse"] == row["per_target"]["t0"]["mae"]
    both = figures_of(joint[3].marginal("t1"), Y[[3], 1:2])
    assert both["negative_log_likelihood"] == both["negative_log_likelihood_per_target"]


def test_without_the_scores_that_take_longest():
    joint, Y = case()
    figures, short = figures_of(joint, Y), figures_of(joint, Y, all_scores=False)
    assert set(figures) - set(short) == {"energy_score", "variogram_score"}
    assert set(short) < set(figures)
    for name, found in short.pop("baselines").items():
        assert set(figures["baselines"][name]) - set(found) == {"energy_score"}
    assert all(short[what] == figures[what] for what in short)


def test_of_many_rows_some_are_scored_by_what_costs_most(monkeypatch):
    joint, Y = case(n=101, gaps=0)
    every = figures_of(joint, Y)
    monkeypatch.setattr(evaluation, "FEW_ROWS", 11)
    figures = figures_of(joint, Y)
    some = np.arange(0, 101, 10)
    few = figures_of(joint[some], Y[some])
    assert figures["improbable"]["expected"] == pytest.approx(0.0101, abs=1e-3)
    assert figures["correlation"] == few["correlation"]
    for name in joint.targets:
        found, own = figures["per_target"][name], every["per_target"][name]
        for what in found:
            costly = what in ("crps", "interval_score")
            assert found[what] == (few["per_target"][name] if costly else own)[what], what
    for what in ("negative_log_likelihood", "coverage", "rows"):
        assert figures[what] == every[what]
    ratio = figures["volume"] / few["volume"]  # they differ by the unit
    unit = np.prod(Y[some].std(axis=0) / Y.std(axis=0)) ** (1 / 3)
    assert ratio == pytest.approx(unit)


def test_of_very_many_rows_some_are_judged_by(monkeypatch):
    joint, Y = case(n=101, gaps=0)
    monkeypatch.setattr(evaluation, "MOST_ROWS", 11)
    figures = figures_of(joint, Y)
    some = np.arange(0, 101, 10)
    assert figures == {**figures_of(joint[some], Y[some]), "of_rows": 101}
    assert figures["rows"] == 11


def test_infinite_regions_have_no_volume():
    joint, Y = case(n=40, gaps=0)
    joint = joint.calibrated_by(CalibrationSet(joint[:8], Y[:8], "conformal"))
    figures = figures_of(joint, Y)
    assert figures["volume"] is None
    assert {found["interval_score"] for found in figures["per_target"].values()} == {None}
    assert figures["coverage"]["0.9"]["joint"] == figures["coverage"]["0.9"]["interval"] == 1
    assert figures["coverage"]["0.8"]["joint"] < 1


def test_r2_is_averaged_over_the_targets_that_were_observed():
    joint, Y = case()
    weight = np.random.default_rng(0).uniform(size=150)
    each = []
    for i in range(3):
        k = ~np.isnan(Y[:, i])
        each.append(r2_score(Y[k, i], joint.mean[k, i], sample_weight=weight[k]))
    assert mean_r2(Y, joint.mean, weight) == pytest.approx(np.mean(each))
    some = weight > 0.5
    each_of_some = [
        r2_score(Y[k, i], joint.mean[k, i], sample_weight=weight[k])
        for i in range(3)
        for k in [~np.isnan(Y[:, i]) & some]
    ]
    found = mean_r2(Y, joint.mean, np.where(some, weight, 0.0))
    assert found == pytest.approx(np.mean(each_of_some))
    Y[:, 0] = np.nan
    assert mean_r2(Y, joint.mean, weight) == pytest.approx(np.mean(each[1:]))
    assert mean_r2(Y[:, 1:], joint.mean[:, 1:]) == pytest.approx(mean_r2(Y, joint.mean))


def test_r2_of_one_row_is_nan_with_the_warning_of_scikit_learn():
    joint, Y = case(gaps=0)
    with pytest.warns(UndefinedMetricWarning):
        assert np.isnan(mean_r2(Y[:1], joint.mean[:1]))
    with pytest.warns(UndefinedMetricWarning):
        assert np.isnan(mean_r2(Y[:2], joint.mean[:2], np.array([1.0, 0.0])))


# A fitted model


@pytest.fixture(scope="module")
def fitted():
    """(model, what its training said), with gaps and weights."""
    X, Y = table(n=400)
    Y.iloc[::7, 1] = np.nan
    weight = np.where(np.arange(400) < 20, 0.0, 1.0 + np.arange(400) % 2)
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
        model = covey.JointRegressor(**{**QUICK, "verbose": 1}).fit(X, Y, sample_weight=weight)
    return model, said.getvalue()


@pytest.fixture(scope="module")
def fresh():
    return table(n=260, seed=1)


@pytest.fixture
def model(fitted):
    return pickle.loads(pickle.dumps(fitted[0]))


def test_training_ends_with_a_verdict(fitted):
    model, said = fitted
    lines = said.rstrip("\n").split("\n")[-5:]
    assert lines == verdict(model.out_of_fold_evaluation_, held_out=True)
    assert [line.split()[0] for line in lines] == [
        "Good?", "Accurate?", "Calibrated?", "Together?", "Look"
    ]  # fmt: skip


def test_the_training_is_evaluated_out_of_fold(fitted):
    model, _ = fitted
    _, Y = table(n=400)
    Y.iloc[::7, 1] = np.nan
    rows = model.out_of_fold_rows_
    found = model.out_of_fold_evaluation_
    y, weight = Y.to_numpy()[rows], 1.0 + rows % 2
    assert_array_equal(rows, np.arange(20, 400))  # a row of weight 0 is as if it were not there
    assert found["calibration"] == "model"
    assert found["rows"] == len(rows)
    assert found["effective_rows"] == pytest.approx(weight.sum() ** 2 / (weight**2).sum())
    assert "energy_score" not in found
    score = np.average(model.out_of_fold_.log_prob(y), weights=weight)
    assert found["negative_log_likelihood"] == pytest.approx(-score)
    assert model.out_of_fold_score_ == pytest.approx(score)
    held = np.average(model.out_of_fold_.region(0.9).contains(y), weights=weight)
    assert found["coverage"]["0.9"]["model"] == pytest.approx(held)
    unrelated = -np.average(uncorrelated(model.out_of_fold_).log_prob(y), weights=weight)
    ours = found["baselines"][UNCORRELATED]["negative_log_likelihood"]
    assert ours == pytest.approx(unrelated)
    assert (
        set(found["baselines"])
        == {CONSTANT, UNCORRELATED}
        == {"constant_covariance", "uncorrelated"}
    )
    reference = model.fitted_.calibration_set
    assert len(reference.joint) == 380
    assert_array_equal(reference.values, Y.to_numpy()[20:])
    assert_allclose(reference.weight / reference.weight[0], 1.0 + np.arange(20, 400) % 2)
    assert_allclose(reference.joint.mean, model.out_of_fold_.mean)


def test_predictions_carry_the_reference(fitted, fresh):
    model, _ = fitted
    joint = model.predict_distribution(fresh[0])
    assert joint.calibration == joint.region(0.9).method == "out_of_fold"
    assert joint.region(0.9, method="model").method == "model"
    held = joint.region(0.9).contains(fresh[1]).mean()
    assert abs(held - 0.9) < 0.06
    told = model.predict_distribution(fresh[0], given=fresh[1][["middle"]], keep=True)
    assert told.calibration == "out_of_fold"
    assert abs(told.region(0.9).contains(fresh[1]).mean() - 0.9) < 0.06
    assert model.out_of_fold_.calibration == "model"
    assert model.predict_mixture(fresh[0]).region(0.9).method == "model"
    assert "_calibration_set" not in vars(model.predict_mixture(fresh[0]).components[0])


def test_a_model_is_evaluated_on_a_table(fitted, fresh):
    model, _ = fitted
    X, Y = fresh
    figures = model.evaluate(X, Y)
    json.dumps(figures, allow_nan=False)
    joint = model.predict_distribution(X)
    assert figures["calibration"] == "out_of_fold"
    assert figures["negative_log_likelihood"] == pytest.approx(-joint.log_prob(Y).mean())
    held = joint.region(0.9).contains(Y).mean()
    assert figures["coverage"]["0.9"]["joint"] == pytest.approx(held)
    plain = uncorrelated(joint)
    for what, expected in (
        ("negative_log_likelihood", -plain.log_prob(Y).mean()),
        ("coverage", plain.region(0.9).contains(Y).mean()),
    ):
        assert figures["baselines"][UNCORRELATED][what] == pytest.approx(expected)
    r2 = [figures["per_target"][name]["r2"] for name in model.targets_]
    assert np.mean(r2) == pytest.approx(model.score(X, Y))
    shuffled = model.evaluate(X[X.columns[::-1]], Y[["big", "small", "middle"]])
    assert shuffled == figures
    assert model.evaluate(X, Y.to_numpy()) == figures
    assert len(verdict(figures)) == 5


def test_fresh_rows_make_regions_conformal(model, fresh):
    X, Y = fresh
    before = model.predict_distribution(X)
    assert model.calibrate(X[:99], Y[:99]) is model
    joint = model.predict_distribution(X)
    assert joint.calibration == joint.region(0.9).method == "conformal"
    assert_array_equal(joint.mean, before.mean)
    assert_array_equal(joint.covariance, before.covariance)
    held = joint[:99].region(0.9).contains(Y[:99]).sum()
    assert held == 90  # ceil(100 * 0.9) of those it was set by
    lower, upper = joint[:99].interval(0.9)
    inside = (lower <= Y[:99]) & (upper >= Y[:99])
    assert_array_equal(inside.sum(axis=0), 90)
    assert abs(joint[99:].region(0.9).contains(Y[99:]).mean() - 0.9) < 0.12
    figures = model.evaluate(X[99:], Y[99:])
    assert figures["calibration"] == "conformal"
    # shuffled columns, arrays, and rows that hold nothing, are all the same
    again = pickle.loads(pickle.dumps(model))
    some = Y[:99].copy()
    more = np.concatenate([some, np.full((5, 3), np.nan)])
    again.calibrate(X[:104], more)
    assert_array_equal(again.predict_distribution(X).region(0.8).radius, joint.region(0.8).radius)
    again.calibrate(X[:99][X.columns[::-1]], some[["big", "middle", "small"]])
    assert_array_equal(again.predict_distribution(X).region(0.8).radius, joint.region(0.8).radius)
    # twice does not add up
    again.calibrate(X[99:150], Y[99:150])
    again.calibrate(X[:99], Y[:99])
    assert_array_equal(again.predict_distribution(X).region(0.8).radius, joint.region(0.8).radius)


def test_few_fresh_rows_give_infinite_regions(model, fresh):
    X, Y = fresh
    model.calibrate(X[:5], Y[:5])
    joint = model.predict_distribution(X)
    assert np.isfinite(joint.region(0.8).radius).all()
    assert_array_equal(joint.region(0.9).radius, np.inf)
    figures = model.evaluate(X[5:], Y[5:])
    json.dumps(figures, allow_nan=False)
    assert figures["volume"] is None
    assert not any("nan" in line.split() or "None" in line for line in verdict(figures))


@pytest.mark.parametrize("method", ["calibrate", "evaluate"])
def test_what_cannot_be_used_leaves_the_model_as_it_was(model, fresh, method):
    X, Y = fresh
    before = model.predict_distribution(X).region(0.9).radius
    question = getattr(model, method)
    cases = [
        (X, Y[["small", "big"]], r"Lacking: \['middle'\]"),
        (X, Y.rename(columns={"big": "huge"}), r"Lacking: \['big'\]"),
        (X, Y.to_numpy()[:, :2], r"shape \(260, 3\)"),
        (X, Y[:-1], r"shape \(260, 3\)"),
        (X, Y.to_numpy()[:-1], r"shape \(260, 3\)"),
        (X, Y.assign(big=np.inf), "must be finite"),
        (X, Y[::-1], "order|index"),
        (X.drop(columns="flag"), Y, "without.*'flag'"),
    ]
    if method == "calibrate":
        cases.append((X, Y * np.nan, "at least one target"))
    for features, targets, message in cases:
        with pytest.raises(InputError, match=message):
            question(features, targets)
    joint = model.predict_distribution(X)
    assert joint.calibration == "out_of_fold"
    assert_array_equal(joint.region(0.9).radius, before)
    if method == "evaluate":
        assert model.evaluate(X, Y * np.nan)["rows"] == 0
    unfitted = covey.JointRegressor()
    with pytest.raises(ValueError, match="not fitted"):
        getattr(unfitted, method)(X, Y)


@pytest.mark.parametrize("conformal", [False, True])
def test_a_file_holds_the_calibration_and_the_evaluation(model, fresh, tmp_path, conformal):
    X, Y = fresh
    Y = Y.mask(np.random.default_rng(0).random(Y.shape) < 0.1)
    if conformal:
        model.calibrate(X, Y)
    model.save(tmp_path / "model.covey")
    again = covey.load(tmp_path / "model.covey")
    assert again.out_of_fold_evaluation_ == model.out_of_fold_evaluation_
    first, second = (one.predict_distribution(X) for one in (model, again))
    assert second.calibration == ("conformal" if conformal else "out_of_fold")
    assert_allclose(second.region(0.9).radius, first.region(0.9).radius, rtol=1e-6)
    first, second = (one.conditional({"small": 0.0}).interval(0.8) for one in (first, second))
    assert_allclose(second[0], first[0], rtol=1e-6)
    for name in ("method", "values", "weight"):
        found, expected = again.fitted_.calibration_set, model.fitted_.calibration_set
        assert_array_equal(getattr(found, name), getattr(expected, name))


def test_another_fit_takes_the_place_of_a_calibration(model, fresh):
    X, Y = fresh
    model.calibrate(X, Y)
    model.set_params(max_steps=2, hidden_units=(4,), members=2, verbose=0)
    model.fit(X["number"].to_frame(), Y["small"])
    joint = model.predict_distribution(X["number"].to_frame())
    assert joint.calibration == "out_of_fold"
    with pytest.warns(CoveyWarning, match="the model was trained on"):
        assert model.evaluate(X["number"].to_frame(), Y["small"])["correlation"] is None
    with pytest.warns(CoveyWarning, match="the model was trained on"):
        model.calibrate(X["number"].to_frame(), Y["small"].to_numpy())
    joint = model.predict_distribution(X["number"].to_frame())
    assert joint.calibration == "conformal"
    lower, upper = joint.interval(0.9)
    inside = (lower[:, 0] <= Y["small"]) & (Y["small"] <= upper[:, 0])
    assert inside.sum() == np.ceil(261 * 0.9)
