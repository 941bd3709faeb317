"""Mixtures through `JointRegressor`: what no ellipsoid can say is learned, kept and calibrated."""

import numpy as np
import pandas as pd
import pytest

import covey
from covey.assess.summary import rounding_sentence
from covey.distributions import Mixture
from covey.distributions.internals import mixture_of_arrays

N, NOISE = 900, 0.1
SETTINGS = {
    "members": 3,
    "max_steps": 700,
    "hidden_units": (48, 48),
    "trees": False,
    "random_state": 0,
    "verbose": 0,
}


def bent(n, seed):
    """v = u^2 / 2 + x + noise, u even in (-2, 2) whatever x is: the conditional of v bends."""
    r = np.random.default_rng(seed)
    X = pd.DataFrame({"x": r.uniform(-1, 1, n), "z": r.normal(size=n)})
    u = r.uniform(-2, 2, n)
    v = u**2 / 2 + X["x"] + NOISE * r.normal(size=n)
    return X, pd.DataFrame({"u": u, "v": v}, index=X.index)


@pytest.fixture(scope="module")
def model():
    X, Y = bent(N, 0)
    return covey.JointRegressor(**SETTINGS).fit(X, Y)


@pytest.fixture(scope="module")
def new():
    return bent(600, 1)


def test_the_mixture_is_chosen_where_it_is_ahead(model):
    assert model.family_ == "mixture"
    # the others were so far behind early on that they were not trained further
    assert set(model.family_scores_) == {"mixture"}
    assert "mixture, chosen by out-of-fold rows; the others were far" in model.summary()
    X, Y = bent(N, 0)
    other = covey.JointRegressor("student_t", **SETTINGS).fit(X, Y)
    assert model.out_of_fold_score_ > other.out_of_fold_score_ + 0.3
    assert model.out_of_fold_evaluation_["rounding"] == {}


def test_its_density_comes_near_the_truth(model, new):
    """The entropy of u is log 4, that of v given u and x the entropy of the noise."""
    X, Y = new
    entropy = np.log(4) + 0.5 * np.log(2 * np.pi * np.e * NOISE**2)
    loss = -model.predict_distribution(X).log_prob(Y).mean()
    assert entropy - 0.1 < loss < entropy + 0.75


def test_predictions_are_a_mixture_of_the_components_of_all_members(model, new):
    joint = model.predict_distribution(new[0])
    assert isinstance(joint, Mixture)
    assert len(joint.components) == 3 * 8
    np.testing.assert_array_equal(joint.index, new[0].index)
    np.testing.assert_allclose(joint.aleatoric + joint.epistemic, joint.covariance, rtol=1e-6)
    # members agree far better than components do
    assert np.median(joint.epistemic[:, 0, 0]) < 0.3 * np.median(joint.covariance[:, 0, 0])
    frame = joint.to_frame()
    np.testing.assert_allclose(frame["cov_u_v"], joint.covariance[:, 0, 1])
    assert np.linalg.eigvalsh(joint.covariance).min() > 0
    np.testing.assert_allclose(model.predict(new[0]), joint.mean)
    both = Mixture.concatenate([joint[:100], joint[100:]])
    np.testing.assert_allclose(both.interval(0.8)[1], joint.interval(0.8)[1])
    assert both.calibration == "out_of_fold"


def test_a_conditional_bends(model, new):
    """E[v | u, x] = u^2 / 2 + x: no linear function of u, which is all an ellipsoid knows."""
    X, Y = new
    told = model.predict_distribution(X, given=Y[["u"]])
    truth = Y["u"] ** 2 / 2 + X["x"]
    error = np.sqrt(np.mean((told.mean[:, 0] - truth) ** 2))
    linear = np.sqrt(np.mean((truth - X["x"] - (truth - X["x"]).mean()) ** 2))  # the best one
    assert error < 0.5 * linear
    assert told.calibration == "out_of_fold"
    held = told.region(0.9).contains(Y[["v"]]).mean()
    assert 0.84 < held < 0.97


def test_regions_have_the_shape_of_the_density_and_hold(model, new):
    X, Y = new
    joint = model.predict_distribution(X)
    region = joint.region(0.9)
    assert type(region).__name__ == "DensityRegion"
    assert region.method == "out_of_fold"
    assert 0.85 < region.contains(Y).mean() < 0.96
    ellipsoid = joint.region(0.9, shape="ellipsoid")
    assert 0.85 < ellipsoid.contains(Y).mean() < 0.97
    assert np.exp(region.log_volume().mean()) < 0.7 * np.exp(ellipsoid.log_volume().mean())


def test_calibrated_anew_regions_keep_their_promise(model, new):
    X, Y = bent(500, 2)
    again = covey.JointRegressor()
    again.fitted_ = model.fitted_
    again.calibrate(X, Y)
    joint = again.predict_distribution(new[0])
    assert joint.calibration == "conformal"
    held = joint.region(0.9).contains(new[1]).mean()
    assert held == pytest.approx(0.9, abs=3 * np.sqrt(0.09 * (1 / 500 + 1 / 600)))
    lower, upper = joint.interval(0.9)
    inside = ((lower <= new[1]) & (new[1] <= upper)).to_numpy().mean()
    assert inside == pytest.approx(0.9, abs=0.05)


def test_it_survives_a_file(model, new, tmp_path):
    model.save(tmp_path / "bent.covey")
    again = covey.load(tmp_path / "bent.covey")
    one, two = (each.predict_distribution(new[0]) for each in (model, again))
    np.testing.assert_allclose(two.mean, one.mean, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(
        two.region(0.9).contains(new[1]), one.region(0.9).contains(new[1])
    )
    np.testing.assert_allclose(
        again.out_of_fold_.log_prob(bent(N, 0)[1]), model.out_of_fold_.log_prob(bent(N, 0)[1])
    )
    assert again.family_ == "mixture"
    kept = again.out_of_fold_.epistemic
    np.testing.assert_allclose(kept, model.out_of_fold_.epistemic, atol=1e-12)


@pytest.mark.parametrize("members", [0, 3, 7, [2]])
def test_a_file_with_another_number_of_members_is_refused(members):
    arrays = covey.Mixture(
        [covey.MultivariateT([[0.0]], degrees_of_freedom=5.0, scale_tril=[[[1.0]]])] * 4
    )
    forged = arrays.to_arrays() | {"members": np.array(members)}
    with pytest.raises(ValueError, match="number of"):
        mixture_of_arrays(("y0",), **forged)
    whole = mixture_of_arrays(("y0",), **arrays.to_arrays() | {"members": np.array(2)})
    np.testing.assert_allclose(whole.mean, arrays.mean)


def test_what_members_held_out_is_of_one_member_each(model, tmp_path):
    """So figures of it are of the regions that predictions have, before and after a file."""
    model.save(tmp_path / "model.covey")
    for one in (model, covey.load(tmp_path / "model.covey")):
        assert type(one.out_of_fold_.region(0.9)).__name__ == "DensityRegion"
        np.testing.assert_allclose(one.out_of_fold_.epistemic, 0.0, atol=1e-12)


def test_it_is_judged_as_the_others_are(model, new):
    figures = model.evaluate(*new)
    assert figures["family"] == "Mixture"
    assert figures["baselines"]["constant_covariance"]["gain"] > 0.2
    # targets are uncorrelated and dependent all the same
    assert figures["baselines"]["uncorrelated"]["gain"] > 0.1
    assert "what targets tell of each other is worth" in repr(figures)
    assert abs(figures["coverage"]["0.9"]["joint"] - 0.9) < 0.06


def test_what_is_taken_for_rounding_is_said():
    lines = rounding_sentence({"weeks": 1.0, "price": 0.5})
    assert lines[0].startswith("taken to be rounded: weeks to 1, price to 0.5; the mixture")
    assert rounding_sentence({}) == []


def test_gaps_are_learned_from_if_it_is_asked_for_and_auto_leaves_them_alone():
    X, Y = bent(450, 3)
    Y.iloc[::4, 0] = np.nan
    settings = {"members": 2, "max_steps": 500, "hidden_units": (8,), "trees": False}
    model = covey.JointRegressor(max_time=0.1, verbose=0, **settings).fit(X, Y)
    assert "mixture" not in model.family_scores_
    few = {**settings, "max_steps": 40}
    model = covey.JointRegressor(family="mixture", verbose=0, **few).fit(X, Y)
    assert np.isfinite(model.predict_distribution(X).log_prob(Y)).all()
