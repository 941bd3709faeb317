"""Fitted scikit-learn estimators in files: only listed types, or nothing."""

import sys
import zipfile

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
    VotingRegressor,
)
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LassoCV, LinearRegression, RidgeCV
from sklearn.multioutput import MultiOutputRegressor, RegressorChain
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    PolynomialFeatures,
    QuantileTransformer,
    SplineTransformer,
    StandardScaler,
)
from sklearn.svm import SVR

import covey
from covey import cli
from covey.archive import scikit_learn
from covey.errors import ArtifactError, InputError

QUICK = {"hidden_units": (8,), "max_steps": 5, "members": 2, "family": "student_t", "verbose": 0}


class Constant(RegressorMixin, BaseEstimator):
    """Somebody's own type."""

    def fit(self, X, Y):
        self.mean_ = Y.mean(axis=0)
        return self

    def predict(self, X):
        return np.tile(self.mean_, (len(X), 1))


OWN = f"{Constant.__module__}.Constant"


def trees(**settings):
    return HistGradientBoostingRegressor(max_iter=5, min_samples_leaf=3, **settings)


@pytest.fixture
def table():
    r = np.random.default_rng(0)
    X = pd.DataFrame(r.normal(size=(60, 3)), columns=["a", "b", "c"])
    X["colour"] = pd.Categorical(r.choice(["red", "blue"], 60))
    return X, X[["a", "b"]].to_numpy() ** 2 + r.normal(size=(60, 2))


@pytest.mark.parametrize(
    "estimator",
    [
        LinearRegression(),
        RidgeCV(),
        MultiOutputRegressor(LassoCV()),
        KNeighborsRegressor(algorithm="kd_tree"),
        KNeighborsRegressor(algorithm="ball_tree"),
        KernelRidge(),
        RandomForestRegressor(3),
        ExtraTreesRegressor(3),
        MultiOutputRegressor(GradientBoostingRegressor(n_estimators=3)),
        MultiOutputRegressor(trees()),
        MultiOutputRegressor(trees(loss="absolute_error", early_stopping=True)),
        MultiOutputRegressor(trees(loss="quantile", quantile=0.5, max_bins=20)),
        MultiOutputRegressor(VotingRegressor([("one", SVR()), ("other", RidgeCV())])),
        RegressorChain(SVR()),
        GaussianProcessRegressor(RBF() + WhiteKernel()),
        make_pipeline(SplineTransformer(), RidgeCV()),
        make_pipeline(QuantileTransformer(n_quantiles=10), PolynomialFeatures(), RidgeCV()),
        make_pipeline(FunctionTransformer(np.abs), RidgeCV()),
        TransformedTargetRegressor(RidgeCV(), transformer=StandardScaler()),
    ],
    ids=lambda e: "-".join(dict.fromkeys(str(e).replace("(", " ").replace(")", " ").split()))[:50],
)
def test_what_scikit_learn_offers_comes_back_as_it_was(table, estimator):
    X, Y = table[0][["a", "b", "c"]], table[1]
    estimator.fit(X, Y)
    (again,) = scikit_learn.from_bytes(scikit_learn.to_bytes([estimator]))
    np.testing.assert_allclose(again.predict(X), estimator.predict(X), rtol=1e-9, atol=1e-12)


def test_a_model_with_a_base_comes_back_whole(table, tmp_path):
    X, Y = table
    encoded = make_column_transformer(
        (OneHotEncoder(), ["colour"]), remainder="passthrough", verbose_feature_names_out=False
    )
    for base in (
        MultiOutputRegressor(trees(categorical_features="from_dtype")),
        make_pipeline(encoded, KNeighborsRegressor()),
    ):
        model = covey.JointRegressor(base=base, **QUICK).fit(X, Y)
        model.save(tmp_path / "model.covey")
        again = covey.load(tmp_path / "model.covey")
        joint, expected = again.predict_distribution(X), model.predict_distribution(X)
        np.testing.assert_array_equal(joint.mean, expected.mean)
        np.testing.assert_array_equal(joint.covariance, expected.covariance)
        assert repr(again.base) == repr(model.base)  # not fitted: as good for another fit
        assert not hasattr(again.base, "n_features_in_")
        assert type(again.base_[0]) is type(model.base_[0])
        again.save(tmp_path / "again.covey")
        assert covey.load(tmp_path / "again.covey").base_ is not None


def test_info_names_the_base(table, tmp_path):
    from covey.archive.describe import describe

    X, Y = table
    base = KNeighborsRegressor(3)
    covey.JointRegressor(base=base, **QUICK).fit(X[["a", "b"]], Y).save(tmp_path / "m.covey")
    assert describe(tmp_path / "m.covey")["base"] == "KNeighborsRegressor(n_neighbors=3)"


def test_an_unknown_type_is_refused_before_anything_is_written(table, tmp_path, capsys):
    X, Y = table
    model = covey.JointRegressor(base=Constant(), **QUICK).fit(X, Y)
    path = tmp_path / "model.covey"
    path.write_text("precious")
    with pytest.raises(InputError, match=f"holds others: {OWN}. Nothing was written"):
        model.save(path)
    assert path.read_text() == "precious"
    assert [p.name for p in tmp_path.iterdir()] == ["model.covey"]
    model.save(path, trusted=[OWN])
    with pytest.raises(ArtifactError, match=f"holds others: {OWN}"):
        covey.load(path)
    joint = covey.load(path, trusted=[OWN]).predict_distribution(X)
    np.testing.assert_array_equal(joint.mean, model.predict(X))
    X.to_csv(tmp_path / "X.csv", index=False)
    words = ["predict", str(path), str(tmp_path / "X.csv"), "--output", str(tmp_path / "Y.csv")]
    assert cli.main(words) == 2
    assert "--trusted NAME" in capsys.readouterr().err
    assert cli.main([*words, "--trusted", OWN]) == 0
    assert len(pd.read_csv(tmp_path / "Y.csv")) == len(X)


def test_a_function_that_is_not_numpy_s_is_refused(table):
    X, Y = table[0][["a", "b"]], table[1]
    for function in (eval, lambda x: x):
        estimator = make_pipeline(FunctionTransformer(), RidgeCV()).fit(X, Y)
        estimator[0].func = function
        with pytest.raises(InputError, match="Nothing was written"):
            scikit_learn.to_bytes([estimator])


def test_damage_is_told(table, tmp_path):
    X, Y = table
    model = covey.JointRegressor(base=LinearRegression(), **QUICK).fit(X[["a"]], Y)
    model.save(tmp_path / "model.covey")
    content = scikit_learn.to_bytes(model.base_)[0].copy()
    content[40:60] = 0
    with pytest.raises(ArtifactError, match="cannot be read"):
        scikit_learn.from_bytes([content])
    with zipfile.ZipFile(tmp_path / "model.covey") as archive:
        assert {"arrays/base_0.npy", "arrays/base_1.npy"} <= set(archive.namelist())


def test_without_skops_nothing_is_written_and_nothing_read(table, tmp_path, monkeypatch):
    X, Y = table
    model = covey.JointRegressor(base=LinearRegression(), **QUICK).fit(X[["a"]], Y)
    model.save(tmp_path / "there.covey")
    monkeypatch.setitem(sys.modules, "skops", None)
    with pytest.raises(InputError, match=r"pip install 'covey\[skops\]'"):
        model.save(tmp_path / "model.covey")
    assert not (tmp_path / "model.covey").exists()
    with pytest.raises(ArtifactError, match=r"pip install 'covey\[skops\]'"):
        covey.load(tmp_path / "there.covey")


def test_one_name_is_not_a_list_of_them():
    for call in (scikit_learn.to_bytes, scikit_learn.from_bytes):
        with pytest.raises(InputError, match=r"a list of names: trusted=\['a.B'\]"):
            call([], "a.B")
