"""What an estimator shows of its fit, before and after one."""

import copy
import pickle
from dataclasses import FrozenInstanceError, fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

import covey

FILE = Path(__file__).parents[1] / "data" / "small.covey"
NAMES = (
    *("fitted_", "schema_", "targets_", "n_features_in_", "feature_names_in_", "family_"),
    *("family_scores_", "members_", "ensemble_", "base_", "out_of_fold_", "out_of_fold_rows_"),
    *("out_of_fold_score_", "out_of_fold_evaluation_"),
)


@pytest.fixture
def model():
    return covey.load(FILE)


@pytest.mark.parametrize("name", NAMES)
def test_an_attribute_of_a_fit_is_absent_before_it(name):
    model = covey.JointRegressor()
    assert not hasattr(model, name)
    with pytest.raises(NotFittedError, match="This JointRegressor instance is not fitted yet"):
        getattr(model, name)


def test_a_fitted_estimator_holds_one_object(model):
    assert vars(model).keys() - model.get_params(deep=False).keys() == {"_fitted"}
    check_is_fitted(model)
    fitted = model.fitted_
    assert model.schema_ is fitted.schema
    assert model.ensemble_ is fitted.ensemble
    assert model.targets_ == fitted.ensemble.targets
    assert model.family_ == fitted.ensemble.architecture.family_name
    assert model.out_of_fold_score_ == model.family_scores_[model.family_]
    assert model.n_features_in_ == len(fitted.schema.names)
    assert model.out_of_fold_ is fitted.out_of_fold
    assert len(model.out_of_fold_rows_) == len(model.out_of_fold_)
    assert model.members_ == len(fitted.ensemble.linear)
    assert model.base_ is None
    assert repr(fitted).startswith(f"FittedModel(family={model.family_!r}, targets=(")
    assert len(repr(fitted)) < 200
    for field in fields(fitted):
        with pytest.raises(FrozenInstanceError):
            setattr(fitted, field.name, None)


def test_names_of_columns_are_there_if_the_table_had_any(model):
    schema = model.schema_
    for named in (True, False):
        model.fitted_ = replace(model.fitted_, schema=replace(schema, named=named))
        assert hasattr(model, "feature_names_in_") == named
    model.fitted_ = replace(model.fitted_, schema=replace(schema, named=True))
    assert model.feature_names_in_.dtype == object
    assert tuple(model.feature_names_in_) == schema.names


def test_a_clone_is_not_fitted_and_a_copy_is(model):
    assert not hasattr(clone(model), "fitted_")
    again = pickle.loads(pickle.dumps(model))
    assert again.targets_ == model.targets_
    np.testing.assert_array_equal(again.out_of_fold_.mean, model.out_of_fold_.mean)


@pytest.mark.filterwarnings("ignore:Of 50 rows, some have labels")
def test_a_calibration_leaves_copies_of_the_estimator_as_they_were(model):
    other, before = copy.copy(model), model.fitted_
    values = np.random.default_rng(0).normal(size=(50, model.n_features_in_))
    X = pd.DataFrame(values, columns=model.feature_names_in_)
    model.calibrate(X, model.predict(X))
    assert model.fitted_.calibration_set.method == "conformal"
    assert other.fitted_ is before
    assert before.calibration_set.method == "out_of_fold"
