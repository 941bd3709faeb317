"""Many targets from end to end: a low-rank regressor, with gaps, in a file, and within bounds."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import covey
from covey.assess import evaluation
from covey.distributions import LowRankMultivariateNormal, Mixture
from covey.distributions.internals import uncorrelated
from covey.errors import ArtifactError, InputError
from covey.types import Snapshot

QUICK = {
    "members": 2,
    "hidden_units": (16,),
    "max_steps": 150,
    "random_state": 0,
    "verbose": 0,
}


def table(n=500, d=12, seed=0, gaps=0.0):
    """Curved means, two factors of which one grows with x, in units far apart."""
    r = np.random.default_rng(seed)
    X = r.normal(size=(n, 2))
    mean = np.sin(2 * X) @ np.random.default_rng(1).normal(size=(2, d))
    shared = r.normal(size=(n, 2)) * np.exp([0.0, 1.0] * X)
    noise = shared @ np.random.default_rng(2).normal(size=(2, d)) + 0.5 * r.normal(size=(n, d))
    Y = (mean + noise) * 10.0 ** np.arange(-d // 2, d - d // 2)
    Y[r.random(Y.shape) < gaps] = np.nan
    return X, Y


@pytest.fixture(scope="module")
def fitted():
    X, Y = table()
    return X, Y, covey.JointRegressor("low_rank", **QUICK).fit(X, Y)


def nll(joint, Y):
    return -joint.log_prob(Y).mean() / Y.shape[1]


def test_it_beats_a_constant_covariance_and_independent_targets(fitted):
    _, _, model = fitted
    assert model.family_ == "low_rank"
    assert model.ensemble_.architecture.rank == 3
    assert set(model.family_scores_) == {"low_rank"}
    X, Y = table(seed=5)
    joint = model.predict_distribution(X)
    assert type(joint) is LowRankMultivariateNormal
    assert joint.rank == min(2 * (3 + 1), 12)
    constant = model.fitted_.baseline.distribution(model.fitted_.inputs(X), model.targets_)
    assert type(constant) is LowRankMultivariateNormal
    assert nll(joint, Y) < nll(constant, Y) - 0.02
    apart = covey.JointRegressor("low_rank", rank=0, **QUICK).fit(*table())
    assert nll(joint, Y) < nll(apart.predict_distribution(X), Y) - 0.2
    assert nll(joint, Y) < nll(uncorrelated(joint), Y) - 0.2


def test_members_start_at_ridge_with_constant_factors():
    X, Y = table()
    model = covey.JointRegressor(
        "low_rank", **{**QUICK, "max_steps": 1, "learning_rate": 0.0, "trees": False}
    )
    model.fit(X, Y)
    tests = [test for _, test in covey.table.folds.Folds.split(len(X), 2, seed=0).pairs]
    assert sum(map(len, tests)) == len(X)
    inputs = model.fitted_.inputs(X)
    joint = model.ensemble_.mixture(inputs).moment_matched()
    start = Mixture(
        [one.predict_distribution(inputs.features) for one in model.ensemble_.linear]
    ).moment_matched()
    if np.all(model.ensemble_.scales == 1):
        assert_allclose(joint.mean, start.mean, rtol=1e-4, atol=1e-9)
        assert_allclose(joint.stddev, start.stddev, rtol=1e-3)
    assert_allclose(joint.correlation, start.correlation, atol=1e-3)


def test_gaps_are_marginalised():
    X, Y = table(gaps=0.2)
    model = covey.JointRegressor("low_rank", **QUICK).fit(X, Y)
    clean_X, clean_Y = table(seed=5)
    joint = model.predict_distribution(clean_X)
    assert np.isfinite(joint.log_prob(clean_Y)).all()
    start = model.fitted_.baseline.distribution(model.fitted_.inputs(clean_X), model.targets_)
    assert nll(joint, clean_Y) < nll(start, clean_Y) + 0.02
    assert_allclose(model.out_of_fold_.log_prob(Y).mean(), model.out_of_fold_score_)


def test_a_file_gives_the_same_predictions(fitted, tmp_path):
    X, _, model = fitted
    model.save(tmp_path / "model.covey")
    again = covey.load(tmp_path / "model.covey")
    assert again.family_ == "low_rank"
    assert again.get_params()["rank"] is None
    ours, theirs = model.predict_distribution(X), again.predict_distribution(X)
    assert_array_equal(ours.factor, theirs.factor)
    assert_array_equal(ours.region().radius, theirs.region().radius)
    assert_array_equal(model.out_of_fold_.covariance, again.out_of_fold_.covariance)
    assert again.summary() == model.summary()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda manifest, arrays: manifest["network"].update(rank=2),
        lambda manifest, arrays: manifest["network"].update(rank=None),
        lambda manifest, arrays: manifest["network"].update(family_name="normal"),
        lambda manifest, arrays: arrays.pop("linear_residual_loadings"),
        lambda manifest, arrays: arrays.update(linear_residual_own=-arrays["linear_residual_own"]),
        lambda manifest, arrays: arrays.update(
            linear_residual_scale=arrays["linear_residual_scale"][:, :3]
        ),
    ],
)
def test_what_does_not_fit_together_is_refused(fitted, spoil):
    ensemble = fitted[2].ensemble_
    manifest, arrays = ensemble.snapshot()
    manifest = {**manifest, "network": dict(manifest["network"])}  # spoil a copy
    spoil(manifest, arrays)
    with pytest.raises(ArtifactError, match="save the model again"):
        type(ensemble).restored(Snapshot(manifest, arrays))


def test_the_whole_interface_works(fitted):
    X, Y, model = fitted
    joint = model.predict_distribution(X[:50])
    assert_allclose(model.predict(X[:50]), joint.mean)
    told = model.predict_distribution(X[:50], given={"y0": Y[:50, 0], "y5": Y[:50, 5]})
    assert told.targets == tuple(f"y{i}" for i in range(12) if i not in (0, 5))
    figures = model.evaluate(*table(seed=5))
    assert figures["energy_score"] < figures["baselines"][evaluation.UNCORRELATED]["energy_score"]
    assert 0.75 < figures["coverage"]["0.9"]["joint"] <= 1
    model = covey.JointRegressor("low_rank", **QUICK).fit(X, Y).calibrate(*table(seed=6))
    assert model.predict_distribution(X).calibration == "conformal"
    assert "family low_rank, as asked" in model.summary()


def test_auto_goes_by_the_number_of_targets(monkeypatch):
    monkeypatch.setattr("covey.members.plan.MANY", 12)
    X, Y = table()
    model = covey.JointRegressor(**QUICK).fit(X, Y)
    assert model.family_ == "low_rank"
    assert "family low_rank, chosen for 12 targets" in model.summary()


def test_a_rank_out_of_range_is_refused():
    X, Y = table(n=50)
    for rank, message in ((13, "number of targets, 12"), (-1, "rank=-1"), (1.5, "whole number")):
        with pytest.raises(InputError, match=message):
            covey.JointRegressor("low_rank", rank=rank, **QUICK).fit(X, Y)
    with pytest.raises(InputError, match="family='low_rank' alone"):
        covey.JointRegressor("normal", rank=3, **QUICK).fit(X, Y)


@pytest.mark.slow
def test_two_thousand_targets():
    r = np.random.default_rng(0)
    X = r.normal(size=(500, 3))
    Y = X @ r.normal(size=(3, 2000)) + r.normal(size=(500, 4)) @ r.normal(size=(4, 2000))
    Y += r.normal(size=Y.shape)
    model = covey.JointRegressor(**{**QUICK, "max_steps": 10}).fit(X[:400], Y[:400])
    assert model.family_ == "low_rank"
    figures = model.evaluate(X[400:], Y[400:])
    assert figures["energy_score"] is None
    assert figures["baselines"][evaluation.UNCORRELATED]["gain"] > 0.5
    assert "1950 more targets" in model.summary()
