"""Parameters as scikit-learn reads them: one is called `transform`, and nothing transforms."""

import pickle

import pytest
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import ParameterGrid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import covey


def test_the_estimator_does_not_look_like_a_transformer():
    model = covey.JointRegressor(transform="auto")
    assert not hasattr(model, "transform")
    assert not hasattr(covey.JointRegressor, "transform")
    with pytest.raises(AttributeError, match=r"get_params\(\)\['transform'\]"):
        model.transform  # noqa: B018
    make_pipeline(StandardScaler(), model).set_output(transform="pandas")


def test_parameters_are_set_and_read():
    model = covey.JointRegressor(transform={"a": "log"}, base=Ridge(alpha=3.0))
    assert model.get_params()["transform"] == {"a": "log"}
    assert model.get_params()["base__alpha"] == 3.0
    assert "base__alpha" not in model.get_params(deep=False)
    assert clone(model).get_params(deep=False)["transform"] == {"a": "log"}
    assert pickle.loads(pickle.dumps(model)).get_params()["transform"] == {"a": "log"}
    for parameters in ParameterGrid({"transform": [None, "sqrt"], "base__alpha": [1.0]}):
        found = clone(model).set_params(**parameters)
        assert found.get_params()["transform"] == parameters["transform"]
        assert found.base.alpha == 1.0
    assert "transform='sqrt'" in repr(found)
    pipe = make_pipeline(StandardScaler(), model)
    assert pipe.set_params(jointregressor__transform="clip")[-1].get_params()["transform"] == "clip"
