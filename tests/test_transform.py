"""`JointRegressor(transform=...)`: nothing below 0, and every figure in target units."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LinearRegression

import covey
from covey.archive import container
from covey.distributions.transform import Log1p, Sqrt
from covey.errors import InputError
from covey.report import verdict

QUICK = {
    "family": "student_t",
    "members": 2,
    "hidden_units": (8,),
    "max_steps": 40,
    "trees": False,
    "random_state": 0,
    "verbose": 0,
    "cv": "shuffled",
}
NAMES = ["count", "price", "change"]


def table(n=600, seed=0):
    r = np.random.default_rng(seed)
    X = pd.DataFrame({"a": r.normal(size=n), "b": r.normal(size=n)})
    noise = r.normal(size=(n, 2)) @ [[1.0, 0.6], [0.0, 0.8]]
    Y = np.column_stack(
        [
            r.poisson(np.exp(0.5 + X["a"])),
            20 * np.exp(X["b"] + 0.6 * noise[:, 0]),
            X["a"] + noise[:, 1],
        ]
    )
    return X, pd.DataFrame(Y, columns=NAMES)


@pytest.fixture(scope="module")
def fitted():
    X, Y = table()
    Y.iloc[5, 1] = np.nan
    return covey.JointRegressor(transform="auto", **QUICK).fit(X, Y), X, Y


def test_nothing_is_predicted_below_0(fitted):
    model, *_ = fitted
    X = table(seed=1)[0].clip(-2.5, 2.5)
    joint = model.predict_distribution(X)
    assert isinstance(joint, covey.Transformed)
    ends = joint.interval(0.99)[0], joint.quantile(0.001), joint.sample(50, seed=0), joint.mean
    for values in (*ends, model.predict_mixture(X).mean):
        assert (values[..., :2] >= 0).all()
        assert (values[..., 2] < 0).any()
        assert np.isfinite(values).all()
    assert_array_equal(model.predict(X), joint.mean)
    assert_array_equal(model.predict(X, return_std=True)[1], joint.stddev)
    assert_array_equal(model.predict(X, return_cov=True)[1], joint.covariance)
    np.linalg.cholesky(joint.correlation)
    one = joint[0].conditional({"count": 0})
    told = model.predict_distribution(X[:1], given={"count": 0})
    assert_allclose(told.mean, one.mean, rtol=1e-9)


def test_every_figure_is_in_target_units(fitted):
    model, _, Y = fitted
    held = model.out_of_fold_
    y = Y.to_numpy()[model.out_of_fold_rows_]
    assert_allclose(held.log_prob(y).mean(), model.out_of_fold_score_, rtol=1e-9)
    figures = model.out_of_fold_evaluation_
    assert_allclose(figures["negative_log_likelihood"], -model.out_of_fold_score_, rtol=1e-9)
    rmse = np.sqrt(np.nanmean(np.square(y - held.mean), axis=0))
    assert_allclose([figures["per_target"][name]["rmse"] for name in NAMES], rmse)
    assert figures["per_target"]["count"]["below_zero"] is None
    assert "same transforms" in figures["baselines"]["constant_covariance"]["description"]
    assert set(figures["transforms"]) == {"count", "price"}
    lines = verdict(figures, held_out=True)
    assert lines[4].startswith("Above 0? count is never below 0: predicted through ")
    assert " nats by linear models); price is never below 0" in lines[4]
    fresh = table(seed=2)
    figures = model.evaluate(*fresh)
    density = model.predict_distribution(fresh[0]).log_prob(fresh[1])
    assert_allclose(figures["negative_log_likelihood"], -density.mean(), rtol=1e-9)
    for name in ("energy_score", "variogram_score", "volume"):
        assert figures[name] > 0
    assert 0.7 < figures["coverage"]["0.9"]["joint"] <= 1
    assert -1 < model.score(*fresh) < 1
    assert "nats per row" in model.summary()


def test_a_file_keeps_it_and_an_earlier_covey_refuses_it(fitted, tmp_path):
    model, X, _ = fitted
    model.save(tmp_path / "m.covey")
    again = covey.load(tmp_path / "m.covey")
    assert again.get_params()["transform"] == "auto"
    joint, other = model.predict_distribution(X), again.predict_distribution(X)
    assert_array_equal(joint.mean, other.mean)
    assert_array_equal(joint.interval(0.9), other.interval(0.9))
    assert_array_equal(model.out_of_fold_.covariance, again.out_of_fold_.covariance)
    manifest, arrays = container.read(tmp_path / "m.covey")
    assert manifest["layout"] == 3
    manifest["transforms"].pop()
    container.write(tmp_path / "less.covey", manifest, arrays)
    with pytest.raises(covey.errors.ArtifactError, match="the number of transforms"):
        covey.load(tmp_path / "less.covey")


@pytest.mark.parametrize(
    "transform", [Log1p(35.0, 50.0), {"price": Sqrt(2.5), "count": "log1p", "change": None}]
)
def test_a_file_keeps_transforms_with_their_units(transform, tmp_path):
    X, Y = table(60)
    Y = Y if isinstance(transform, dict) else Y[["price"]]
    model = covey.JointRegressor(transform=transform, **{**QUICK, "max_steps": 1}).fit(X, Y)
    model.save(tmp_path / "m.covey")
    again = covey.load(tmp_path / "m.covey")
    assert again.get_params()["transform"] == transform
    manifest, arrays = container.read(tmp_path / "m.covey")
    manifest["parameters"]["transform"] = "log1p"  # as Covey wrote it once
    container.write(tmp_path / "before.covey", manifest, arrays)
    assert covey.load(tmp_path / "before.covey").get_params()["transform"] == "log1p"


def test_fresh_rows_calibrate_it(fitted, tmp_path):
    model, *_ = fitted
    model.save(tmp_path / "m.covey")
    model = covey.load(tmp_path / "m.covey")
    model.calibrate(*table(400, seed=3))
    X, Y = table(1000, seed=4)
    joint = model.predict_distribution(X)
    assert joint.calibration == "conformal"
    assert 0.86 < covey.scores.joint_coverage(joint, Y) < 0.96
    lower, upper = joint.interval(0.9)
    assert (lower[:, :2] >= 0).all()
    assert 0.86 < np.mean((lower <= Y) & (upper >= Y)) < 0.96
    Y.iloc[7, 1] = -3.0
    before = model.fitted_
    with pytest.raises(InputError, match=r"'price' was never below 0.*Received -3 in row 7\."):
        model.calibrate(X, Y)
    assert model.fitted_ is before
    assert np.isneginf(joint.log_prob(Y)[7])


def test_values_that_training_never_had_are_not_evaluated(fitted, tmp_path):
    """A density of 0 has no logarithm, and no gain can be told from it."""
    model, *_ = fitted
    X, Y = (part.set_axis([f"r{i}" for i in range(60)]) for part in table(60, seed=4))
    assert model.evaluate(X, Y)["negative_log_likelihood"] is not None
    Y.loc["r7":"r8", "price"] = [-3.0, -1.0]
    expected = r"'price' was never below 0 in training.*-3 in row 'r7' \(and 1 more such value\)"
    for judge in (model.evaluate, model.calibrate):
        with pytest.raises(InputError, match=expected):
            judge(X, Y)
    with pytest.raises(InputError, match=expected):
        covey.report.write_report(tmp_path / "page.html", model, X, Y)
    assert not (tmp_path / "page.html").exists()
    assert np.isfinite(model.score(X, Y))  # means have errors all the same
    weight = [0.0 if name in ("r7", "r8") else 1.0 for name in X.index]
    assert model.evaluate(X, Y, weight)["negative_log_likelihood"] is not None


def test_a_report_and_pictures_are_drawn_of_it(fitted, tmp_path):
    model, *_ = fitted
    covey.report.write_report(tmp_path / "page.html", model, *table(200, seed=5))
    assert "price" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_without_it_the_verdict_says_what_goes_below_0():
    X, Y = table(300)
    model = covey.JointRegressor(**QUICK).fit(X, Y["count"])
    assert model.fitted_.transforms is None or not model.fitted_.transforms
    joint = model.out_of_fold_
    shares = (joint.mean < 0).mean(), (joint.interval(0.9)[0] < 0).mean()
    assert shares[1] > 0.1
    line = verdict(model.out_of_fold_evaluation_, held_out=True)[4]
    assert line == (
        f"Above 0? count is never below 0, but {shares[0]:.0%} of its predicted means and "
        f'{shares[1]:.0%} of its 90% intervals reach below; transform="auto" keeps it above.'
    )


@pytest.mark.parametrize(
    ("below", "line"),
    [
        (
            [(0.02, 0.07)],
            "a is never below 0, but 2% of its predicted means and 7% of its 90% intervals",
        ),
        ([(0.001, 0.07)], "a is never below 0, but 7% of its 90% intervals reach below"),
        (
            [(0.02, 0.07), (0.04, 0.05)],
            "a and b are never below 0, but up to 4% of their predicted means and 7% of their 90%",
        ),
        (
            [(0.0, 0.3), (0.0, 0.1), (0.0, 0.2)],
            "a, b and c are never below 0, but up to 30% of their",
        ),
        ([(0.0, 0.3)] * 4, "a, b, c and 1 more target are never below 0, but up to 30%"),
        ([(0.0, 0.3)] * 5, "a, b, c and 2 more targets are never below 0, but up to 30%"),
    ],
)
def test_several_targets_below_0_are_one_sentence(below, line):
    X, Y = table(300)
    figures = dict(covey.JointRegressor(**QUICK).fit(X, Y["count"]).out_of_fold_evaluation_)
    one = next(iter(figures["per_target"].values()))
    names = "abcde"[: len(below)]
    figures["per_target"] = {
        name: {**one, "below_zero": list(share)} for name, share in zip(names, below, strict=True)
    }
    said = next(text for text in verdict(figures, held_out=True) if text.startswith("Above 0?"))
    assert said.startswith(f"Above 0? {line}")
    assert said.count("never below 0") == 1


def test_a_users_regressor_learns_the_latent_variables():
    X, Y = table(300)
    model = covey.JointRegressor(base=LinearRegression(), transform={"price": "log"}, **QUICK)
    model.fit(X, Y)
    slope = np.mean([base.coef_ for base in model.base_], axis=0)
    top = model.fitted_.transforms.each[1].top
    z = model.fitted_.transforms.latent(Y.to_numpy())[:, 1]
    assert top == Y["price"].quantile(0.75)
    assert_allclose(slope[1], LinearRegression().fit(X, z).coef_, atol=0.05)
    assert (model.predict(X)[:, 1] > 0).all()


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        ("log", r"'count' cannot go through 'log'"),
        ({"change": "log1p"}, r"'change' cannot go through 'log1p'"),
        ({"counts": "log1p"}, "Expected one of the targets"),
        ("ln", r"one of clip, log, log1p, sqrt; or auto, or none\..*'ln'"),
    ],
)
def test_what_cannot_be_transformed_is_refused(transform, message):
    with pytest.raises(InputError, match=message):
        covey.JointRegressor(transform=transform, **QUICK).fit(*table(100))


def test_files_have_none(tmp_path):
    X, Y = table(100)
    X.join(Y).to_parquet(tmp_path / "t.parquet")
    model = covey.JointRegressor(transform="auto", **QUICK)
    with pytest.raises(InputError, match=r"transform='auto' for `fit_files`: leave it out"):
        model.fit_files(tmp_path / "t.parquet", NAMES)


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_the_unit_of_a_target_changes_nothing(scale):
    X, Y = table(200)
    one, other = (
        covey.JointRegressor(transform="auto", **{**QUICK, "max_steps": 5}).fit(X, Y["price"] * s)
        for s in (1.0, scale)
    )
    assert one.out_of_fold_evaluation_["transforms"]["price"]["transform"].startswith("log1p")
    assert_allclose(other.predict(X) / scale, one.predict(X), rtol=1e-3)
    assert_allclose(other.out_of_fold_score_ + np.log(scale), one.out_of_fold_score_, atol=1e-3)
