"""Families tried on one table: which one is handed back, and how steady it is."""

from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest

import covey
from covey.backend import compilation
from covey.distributions import MultivariateNormal, MultivariateT
from covey.members import candidates, plan
from covey.members.candidates import _log_scale_ratio, _log_scale_ratios, _squares
from covey.table.folds import Folds
from tests.training import training_data

QUICK = {
    "members": 3,
    "hidden_units": (16, 16),
    "max_steps": 300,
    "learning_rate": 0.01,
    "random_state": 0,
    "verbose": 0,
}


def table(freedom, n=600, outliers=0, seed=0):
    """Two correlated targets with a curved mean and Student-t noise; some rows far off."""
    r = np.random.default_rng(seed)
    X = r.normal(size=(n, 2))
    noise = r.standard_normal((n, 2)) @ [[1.0, 0.8], [0.0, 0.6]] * 0.5
    if freedom is not None:
        noise /= np.sqrt(r.chisquare(freedom, (n, 1)) / freedom)
    noise[:outliers] += 200.0
    return X, np.column_stack([np.sin(2 * X[:, 0]), X[:, 1]]) + noise


@pytest.fixture(scope="module")
def heavy():
    X, Y = table(3)
    return X, Y, covey.JointRegressor(**QUICK).fit(X, Y)


def test_heavy_tails_give_a_student_t(heavy):
    X, Y, model = heavy
    assert model.family_ == "student_t"
    joint = model.predict_distribution(X)
    assert isinstance(joint, MultivariateT)
    assert isinstance(model.out_of_fold_, MultivariateT)
    assert np.median(joint.degrees_of_freedom) < 8
    scores = model.family_scores_
    assert scores["student_t"] > scores["normal"] + 0.05
    assert model.out_of_fold_score_ == scores["student_t"]
    assert model.out_of_fold_.log_prob(Y).mean() == pytest.approx(scores["student_t"])


def test_who_asks_for_the_normal_gets_it_and_learns_what_it_costs(heavy):
    X, Y, other = heavy
    model = covey.JointRegressor("normal", **QUICK).fit(X, Y)
    assert model.family_ == "normal"
    assert isinstance(model.predict_distribution(X), MultivariateNormal)
    assert isinstance(model.out_of_fold_, MultivariateNormal)
    assert model.family_scores_ == other.family_scores_  # the same two, another choice
    assert model.out_of_fold_score_ == model.family_scores_["normal"]


def test_who_asks_for_the_student_t_does_not_wait_for_the_normal(heavy):
    X, Y, other = heavy
    model = covey.JointRegressor("student_t", **QUICK).fit(X, Y)
    assert set(model.family_scores_) == {"student_t"}
    assert model.out_of_fold_score_ == other.out_of_fold_score_
    np.testing.assert_array_equal(model.predict(X), other.predict(X))


def test_on_normal_data_the_two_are_close_and_the_degrees_of_freedom_many():
    X, Y = table(None)
    model = covey.JointRegressor(**QUICK).fit(X, Y)
    scores = model.family_scores_
    assert abs(scores["student_t"] - scores["normal"]) < 0.08
    assert model.out_of_fold_score_ == scores[model.family_]


def test_a_normal_bears_outliers():
    """One row in a hundred, hundreds of standard deviations off: nothing stops at the start."""
    X, Y = table(None, outliers=6)
    model = covey.JointRegressor("normal", **QUICK).fit(X, Y)
    clean_X, _ = table(None, seed=1)
    truth = np.column_stack([np.sin(2 * clean_X[:, 0]), clean_X[:, 1]])
    mixture = model.predict_mixture(clean_X)
    for member in mixture.components:
        error = np.sqrt(np.mean(np.square(member.mean - truth), axis=0))
        assert (error < 1).all()  # the outliers move the mean of all rows by 2
    assert (np.sqrt(np.einsum("nii->ni", mixture.epistemic)) < 1).mean() > 0.95
    assert model.family_scores_["student_t"] > model.family_scores_["normal"] + 0.5


def test_the_ratio_is_that_of_the_likeliest_normal():
    r = np.random.default_rng(0)
    joint = MultivariateT(
        np.zeros((500, 2)),
        degrees_of_freedom=6.0,
        scale_tril=np.tril(r.normal(size=(2, 2))) + np.eye(2),
    )
    y = 3 * joint.sample(1, seed=0)[0]
    best = _log_scale_ratio(_squares(joint, y), np.ones(500))

    def score(log_ratio):
        scale = np.exp(log_ratio) * joint.scale_tril
        return MultivariateNormal(joint.mean, scale_tril=scale).log_prob(y).mean()

    assert score(best) > max(score(best - 0.01), score(best + 0.01))
    half = np.where(np.arange(500) < 250, 1.0, 0.0)
    few = _log_scale_ratio(_squares(joint[:250], y[:250]), np.ones(250))
    assert _log_scale_ratio(_squares(joint, y), half) == pytest.approx(few)
    assert np.isfinite(_log_scale_ratio(_squares(joint, np.zeros((500, 2))), half))


class Standard:
    """Every member predicts the same Student-t for every row."""

    def by_member(self, inputs, tests):
        mean = [np.zeros((len(rows), 1)) for rows in tests]
        return [
            MultivariateT(m, degrees_of_freedom=5.0, scale_tril=np.ones((len(m), 1, 1)))
            for m in mean
        ]


@pytest.mark.parametrize("members", [1, 2, 5])
def test_no_member_learns_its_ratio_from_the_rows_it_is_scored_on(members):
    folds = Folds.split(60, members)
    Y = np.random.default_rng(0).normal(size=(60, 1))

    def ratios(Y, weight=None):
        return _log_scale_ratios(Standard(), training_data(np.zeros((60, 1)), Y, folds, weight))

    before = ratios(Y)
    for member, (train, test) in enumerate(folds.pairs):
        moved = Y.copy()
        moved[test] *= 10
        after = ratios(moved)
        assert after[member] == before[member]
        assert (np.delete(after, member) > np.delete(before, member)).all()
        unused = np.where(np.isin(np.arange(60), train[:5]), 0.0, 1.0)  # rows without weight
        moved[train[:5]] *= 10
        weighted = ratios(moved, unused)
        plain = ratios(Y, unused)
        assert weighted[member] == plain[member]
    weight = np.random.default_rng(1).uniform(0.1, 3, 60)
    means = [np.average(np.square(Y[own, 0]), weights=weight[own]) for own in folds.trains]
    np.testing.assert_allclose(ratios(Y, weight), 0.5 * np.log(means))


def test_max_time_covers_all_trainings(clock):
    X, Y = table(3)
    model = covey.JointRegressor(max_time=16.0, **{**QUICK, "max_steps": 10**6}).fit(X, Y)
    assert set(model.family_scores_) == {"student_t", "normal", "mixture"}
    assert 16 <= clock.now < 18


on_jax = pytest.mark.skipif(keras.config.backend() != "jax", reason="compiled ahead on jax")
SHORT = {**QUICK, "max_steps": 30, "members": 2, "trees": False}


@pytest.fixture
def tried(monkeypatch):
    """Mixtures are tried on this table; whether one was compiled ahead is noted."""
    monkeypatch.setattr(plan, "STEPS_FOR_SHAPES", 1)
    seen = []
    ready = candidates._Trainings.ready
    monkeypatch.setattr(
        candidates._Trainings, "ready", lambda *given: seen.append(1) or ready(*given)
    )
    return seen


@on_jax
def test_a_mixture_that_is_compiled_ahead_is_the_same(tried, monkeypatch):
    X, Y = table(3)
    first = covey.JointRegressor(**SHORT).fit(X, Y)
    assert tried == [1]
    other = covey.JointRegressor(**SHORT, max_time=1e6).fit(X, Y)  # whose time nobody takes
    assert tried == [1]
    assert set(first.family_scores_) == {"student_t", "normal", "mixture"}
    assert first.family_scores_ == other.family_scores_


@on_jax
def test_nothing_is_compiled_ahead_under_a_distribution(tried):
    X, Y = table(3)
    devices = keras.distribution.list_devices()[:1]
    keras.distribution.set_distribution(keras.distribution.DataParallel(devices=devices))
    try:
        assert not compilation.shared()
        # a thread knows nothing of it
        assert ThreadPoolExecutor(1).submit(compilation.shared).result()
        model = covey.JointRegressor(**SHORT).fit(X, Y)
    finally:
        keras.distribution.set_distribution(None)
    assert "mixture" in model.family_scores_
    assert tried == []


@on_jax
def test_what_goes_wrong_while_a_mixture_is_compiled_ahead_is_said(monkeypatch):
    monkeypatch.setattr(plan, "STEPS_FOR_SHAPES", 1)

    def fails(*_):
        raise OSError("no room")

    monkeypatch.setattr(candidates._Trainings, "ready", fails)
    with pytest.raises(OSError, match="no room"):
        covey.JointRegressor(**SHORT).fit(*table(3))


def test_degrees_of_freedom_of_a_normal_stay_where_they_are(monkeypatch):
    kept = []
    run = candidates.Training.run

    def noted(training, **options):
        trained = run(training, **options)
        kept.append((training._name, trained.weights[-2], trained.weights[-1]))
        return trained

    monkeypatch.setattr(candidates.Training, "run", noted)
    X, Y = table(3, outliers=3)
    covey.JointRegressor("normal", **{**QUICK, "weight_decay": 1.0, "trees": False}).fit(X, Y)
    (name, kernel, bias) = kept[1]
    assert name == "normal"
    family = covey.families.StudentT(2)
    hidden = 100.0 * np.sign(kernel[..., -1])  # as far up as the kernel can take it
    raw = np.zeros((len(bias), family.packed_size), dtype=np.float32)
    raw[:, -1] = np.einsum("kh,kh->k", hidden, kernel[..., -1]) + bias[:, -1]
    assert family.distribution(family.constrain(raw)).degrees_of_freedom.min() > 1e5
