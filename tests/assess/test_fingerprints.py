"""Rows of the training among others, counted by hand."""

import pickle

import numpy as np
import pandas as pd
import pytest

import covey
from covey.assess import fingerprints as module
from covey.assess.fingerprints import Fingerprints
from covey.assess.verdict import verdict
from covey.errors import CoveyWarning
from tests.test_regressor import QUICK, table


def rows(n, seed=0):
    r = np.random.default_rng(seed)
    Y = r.normal(size=(n, 2))
    Y[::5, 0] = np.nan
    return r.normal(size=(n, 3)).astype(np.float32), Y


def test_training_rows_are_counted():
    inputs, Y = rows(500)
    seen = Fingerprints.of(inputs, Y)
    order = np.random.default_rng(1).permutation(500)
    assert seen.share_of(inputs[order], Y[order]) == 1
    new_inputs, new_Y = rows(500, seed=1)
    assert seen.share_of(new_inputs, new_Y) == 0
    mixed = np.concatenate([inputs[:125], new_inputs[:375]]), np.concatenate([Y[:125], new_Y[:375]])
    assert seen.share_of(*mixed) == pytest.approx(0.25, abs=0.01)  # of the cells
    assert seen.share_of(inputs, new_Y) == seen.share_of(new_inputs, Y) == 0
    gaps = np.where(np.arange(500)[:, None] % [2, 500] == 0, np.nan, Y)  # hide nothing
    assert seen.share_of(inputs, gaps) == 1
    assert seen.share_of(inputs, Y.astype(np.float32)) > 0.99  # nor does a file
    rounded = inputs.astype(float).round(6).astype(np.float32)
    assert seen.share_of(rounded, Y.round(6)) > 0.98
    weight = np.repeat([1.0, 3.0], 250)
    half = np.concatenate([inputs[:250], new_inputs[250:]])
    found = seen.share_of(half, np.concatenate([Y[:250], new_Y[250:]]), weight)
    assert found == pytest.approx(0.25, abs=0.01)
    assert seen.share_of(inputs[:0], Y[:0]) == 0
    assert seen.share_of(inputs[:, ::-1], Y) == 0  # other columns are other rows
    assert seen.share_of(inputs, Y[:, ::-1]) == 0
    zeros = Fingerprints.of(inputs * 0, Y)
    assert zeros.share_of(inputs * np.float32(-0.0), Y) == 1


def test_of_many_rows_some_are_kept(monkeypatch):
    monkeypatch.setattr(module, "MOST", 400)
    inputs, Y = rows(20_000)
    seen = Fingerprints.of(inputs, Y)
    assert len(seen.codes) == 400
    assert seen.share_of(inputs, Y) == 1
    new_inputs, new_Y = rows(20_000, seed=1)
    mixed = np.concatenate([inputs, new_inputs]), np.concatenate([Y, new_Y])
    assert seen.share_of(*mixed) == pytest.approx(0.5, abs=0.1)
    sample = Fingerprints.of(inputs[:1000], Y[:1000], n_rows=20_000)
    assert sample.share_of(inputs, Y) == pytest.approx(1.0, abs=0.2)


def test_rows_that_chance_repeats_are_not_taken_for_them():
    r = np.random.default_rng(0)
    first, second = (
        (r.integers(0, 3, (300, 2)).astype(np.float32), r.integers(0, 2, (300, 1)).astype(float))
        for _ in range(2)
    )
    assert Fingerprints.of(*first).share_of(*second) == 0


@pytest.fixture(scope="module")
def model():
    return covey.JointRegressor(**QUICK).fit(*table(n=300))


def test_scoring_the_training_rows_is_said(model, tmp_path):
    X, Y = table(n=300)
    again = tmp_path / "model.covey"
    model.save(again)
    for each in (model, covey.load(again)):
        with pytest.warns(
            CoveyWarning, match="About 100% of the rows are rows the model was trained"
        ):
            figures = each.evaluate(X[::-1], Y[::-1])
    assert figures["training_rows"] == 1
    assert verdict(figures)[0].startswith("Good? Cannot be said: about 100% of the rows")
    assert verdict(model.out_of_fold_evaluation_, held_out=True)[0].startswith("Good? ")
    assert "Cannot" not in verdict(model.out_of_fold_evaluation_, held_out=True)[0]


def test_a_few_training_rows_are_something_to_look_at(model):
    X, Y = table(n=300)
    new_X, new_Y = table(n=300, seed=1)
    mixed = (
        pd.concat([X[:15], new_X], ignore_index=True),
        pd.concat([Y[:15], new_Y], ignore_index=True),
    )
    with pytest.warns(CoveyWarning, match="About 5% of the rows"):
        figures = model.evaluate(*mixed)
    assert figures["training_rows"] == pytest.approx(15 / 315, abs=0.01)
    assert "about 5% of the rows are rows the model was trained on" in verdict(figures)[4]
    assert model.evaluate(new_X, new_Y)["training_rows"] == 0


def test_calibrating_on_the_training_rows_is_said():
    X, Y = table(n=300)
    model = covey.JointRegressor(**QUICK).fit(X, Y)
    with pytest.warns(CoveyWarning, match="the guarantee does not hold"):
        model.calibrate(X, Y)


def test_a_score_of_the_training_rows_is_said_once(model):
    X, Y = table(n=300)
    again = pickle.loads(pickle.dumps(model))
    with pytest.warns(CoveyWarning, match="so this score flatters it"):
        first = again.score(X, Y)
    assert again.score(X, Y) == first
    new_X, new_Y = table(n=300, seed=1)
    again.score(new_X, new_Y)


def test_judging_by_the_rows_of_a_calibration_is_said(tmp_path):
    X, Y = table(n=300)
    new_X, new_Y = table(n=300, seed=1)
    model = covey.JointRegressor(**QUICK).fit(X, Y).calibrate(new_X, new_Y)
    model.save(tmp_path / "model.covey")
    for each in (model, covey.load(tmp_path / "model.covey")):
        with pytest.warns(CoveyWarning, match="rows the model was calibrated on"):
            assert each.evaluate(new_X, new_Y)["training_rows"] == 0
    model.fit(X, Y)
    model.evaluate(new_X, new_Y)
