"""Warnings point at the line of whoever called Covey, and each model gives its own."""

import ast
import importlib
import re
import warnings
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline

import covey
from covey import cli
from covey.errors import CoveyWarning, InputError, counted, shown, warn
from covey.stream import checkpoint
from covey.table import FeatureSchema, read_features, read_targets

SOURCE = Path(covey.__file__).parent
QUICK = {
    "family": "student_t",
    "members": 2,
    "hidden_units": (4,),
    "max_steps": 4,
    "random_state": 0,
    "verbose": 0,
}


def table(n=40):
    r = np.random.default_rng(0)
    X = pd.DataFrame(r.normal(size=(n, 2)), columns=["a", "b"])
    return X, X.to_numpy() + r.normal(size=(n, 2))


@pytest.fixture(scope="module")
def fitted():
    return covey.JointRegressor(**QUICK).fit(*table())


def caught(call):
    """The warnings of Covey's words that a call gives, under the filter that users have."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("default")
        call()
    words = "of `X`|targets|members|checkpoint|feature names"
    return [w for w in found if pd.Series([str(w.message)]).str.contains(words).any()]


def again(fitted):
    """The same model as if it had just been loaded."""
    model = copy(fitted)
    schema = FeatureSchema.from_manifest(fitted.schema_.to_manifest())
    model.fitted_ = replace(fitted.fitted_, schema=schema)
    return model


def never_repeats(X):
    return X.assign(text=[f"row {i}" for i in range(len(X))], empty=np.nan)


def full_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint.container, "write", refuse)
    X, Y = table()
    X.assign(y=Y[:, 0]).to_parquet(tmp_path / "t.parquet")
    model = covey.JointRegressor(**QUICK)
    return model.fit_files(tmp_path / "t.parquet", "y", checkpoint=tmp_path / "c")


def refuse(*_):
    raise OSError("disk full")


X, Y = table()
SITUATIONS = {
    "a model that fits": lambda _: covey.JointRegressor(**QUICK).fit(
        never_repeats(X), np.column_stack([Y, Y, np.ones(len(Y))])
    ),
    "a score that diverges": lambda _: covey.JointRegressor(
        **{**QUICK, "learning_rate": 1e30, "max_steps": 30}
    ).fit(X, Y),
    "predict, more columns": lambda model: model.predict(X.assign(c=1)),
    "predict_distribution, more columns": lambda model: model.predict_distribution(X.assign(c=1)),
    "score, more columns": lambda model: model.score(X.assign(c=1), Y),
    "evaluate, more columns": lambda model: model.evaluate(X.assign(c=1), Y),
    "calibrate, more columns": lambda model: model.calibrate(X.assign(c=1), Y),
    "predict, no names": lambda model: model.predict(X.to_numpy()),
    "a pipeline that fits": lambda _: make_pipeline(
        "passthrough", covey.JointRegressor(**QUICK)
    ).fit(never_repeats(X), Y),
    "a pipeline that predicts": lambda model: make_pipeline("passthrough", model).predict(
        X.assign(c=1)
    ),
    "cross-validation": lambda _: cross_val_predict(
        covey.JointRegressor(**QUICK), never_repeats(X), Y, cv=2
    ),
    "a table of features": lambda _: FeatureSchema.fit(*read_features(never_repeats(X))),
    "a table of targets": lambda _: read_targets(np.ones((5, 1))),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", SITUATIONS)
def test_a_warning_points_at_who_called_covey(name, fitted):
    found = caught(lambda: SITUATIONS[name](again(fitted)))
    assert found
    for warning in found:
        assert warning.filename == __file__, (warning.filename, str(warning.message))


def test_so_does_that_of_a_fit_to_files(tmp_path, monkeypatch):
    found = caught(lambda: full_disk(tmp_path, monkeypatch))
    assert [warning.filename for warning in found] == [__file__]


def test_the_command_line_says_it_without_a_line_of_code(tmp_path, monkeypatch, capsys):
    X, Y = table()
    never_repeats(X).assign(y=Y[:, 0]).to_csv(tmp_path / "t.csv", index=False)
    files = []

    show_for = cli._show_for

    def spied(command):
        def show(message, category, filename, *_):
            files.append(filename)
            show_for(command)(message)

        return show

    monkeypatch.setattr(cli, "_show_for", spied)
    options = ["--targets", "y", "--output", str(tmp_path / "m.covey"), "--members", "2"]
    path = str(tmp_path / "t.csv")
    assert cli.main(["fit", path, *options, "--max-time", "1", "--quiet"]) == 0
    assert files
    assert set(files) == {__file__}
    shown = capsys.readouterr().err
    assert "covey: warning: Columns of the table of text that never repeats" in shown
    assert ".py" not in shown


def test_each_model_gives_its_own_warnings_and_gives_them_once(fitted):
    found = caught(lambda: [covey.JointRegressor(**QUICK).fit(never_repeats(X), Y) for _ in "ab"])
    assert len(found) == 4

    def both():
        for model in (again(fitted), covey.JointRegressor(**QUICK).fit(X, Y)):
            for _ in range(3):
                model.predict(X.to_numpy())
                model.predict(X.assign(c=1))

    assert len(caught(both)) == 4


def test_a_filter_of_the_user_s_still_counts():
    with warnings.catch_warnings():
        warnings.simplefilter("error", CoveyWarning)
        with pytest.raises(CoveyWarning, match="hello"):
            warn("hello")
        warnings.simplefilter("ignore", CoveyWarning)
        warn("hello")


def test_nobody_warns_by_himself():
    for path in SOURCE.glob("**/*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and path.name != "errors.py":
                called = ast.unparse(node.func)
                assert not called.startswith("warnings.warn"), f"{path}:{node.lineno}: errors.warn"


LONG = list(range(100_000))
HELD = {
    "array": (np.zeros((300, 7)), "<ndarray of shape (300, 7)>"),
    "frame": (pd.DataFrame({"a": LONG}), "<DataFrame of shape (100000, 1)>"),
    "list": (LONG, "[0, 1, 2, 3, ...]"),
    "arrays in a dictionary": ({"a": np.zeros(9)}, "{'a': <ndarray of shape (9,)>}"),
    "pairs of rows": ([(LONG, LONG)] * 9, None),
    "text": ("x" * 9999, None),
    "lines": (covey.MultivariateNormal(np.zeros((9, 2)), covariance=np.eye(2)), None),
    "short": (-1.5, "-1.5"),
    "name": ("CO", "'CO'"),
    "number of NumPy": (np.float32(2), repr(np.float32(2))),
    "class": (pd.DataFrame, repr(pd.DataFrame)),
}


@pytest.mark.parametrize(("value", "text"), HELD.values(), ids=HELD)
def test_a_message_shows_a_line_of_a_value(value, text):
    assert text is None or shown(value) == text
    assert len(shown(value)) <= 200
    assert "\n" not in shown(value)


JOINT = covey.MultivariateNormal(np.zeros((50, 2)), covariance=np.eye(2))
FRAME = pd.DataFrame(np.zeros((50, 2)), columns=["y0", "y1"])
LENGTHY = {
    "components": lambda: covey.Mixture([FRAME] * 9),
    "coefficients": lambda: JOINT.affine({"s": FRAME}),
    "target": lambda: JOINT.marginal([FRAME.to_numpy()]),
    "keep": lambda: JOINT.conditional({"y0": 1.0}, keep=FRAME),
    "level": lambda: JOINT.region(np.full(999, 0.5)),
    "q": lambda: JOINT.quantile(np.full(999, 2.0)),
    "seed": lambda: JOINT.sample(1, seed=FRAME),
    "cell": lambda: JOINT.log_prob([[np.zeros((40, 40)), 1.0]] * 50),
    "text in a cell": lambda: JOINT.log_prob([["x" * 9999, 1.0]] * 50),
    "cv": lambda: covey.JointRegressor(**QUICK, cv=table()[0]).fit(*table()),
    "cv of pairs": lambda: covey.JointRegressor(**QUICK, cv=[(LONG, [0])]).fit(
        *table(), sample_weight=np.arange(40) > 1
    ),
    "family": lambda: covey.JointRegressor(family=FRAME.to_numpy().tolist()).fit(*table()),
    "parts": lambda: covey.MultivariateNormal.concatenate([JOINT] * 999 + [JOINT[["y1", "y0"]]]),
}


@pytest.mark.parametrize("call", LENGTHY.values(), ids=LENGTHY)
def test_no_message_holds_all_of_a_long_value(call):
    with pytest.raises(InputError) as refused:
        call()
    assert len(str(refused.value)) < 600
    assert "\n" not in str(refused.value)


def test_a_library_that_calls_covey_for_somebody_is_not_who_called(tmp_path, monkeypatch):
    library = tmp_path / "site-packages" / "between.py"
    library.parent.mkdir()
    library.write_text("def through(call, text):\n    return call(text)\n", encoding="utf-8")
    monkeypatch.syspath_prepend(library.parent)
    between = importlib.import_module("between")
    with pytest.warns(CoveyWarning) as caught:
        between.through(warn, "somebody should know")
    assert caught[0].filename == __file__
    # where nobody else calls, it is the library
    code = compile("warn('somebody should know')", str(library), "exec")
    alone = {"warn": warn, "__name__": "between"}
    with ThreadPoolExecutor() as pool, pytest.warns(CoveyWarning) as caught:
        pool.submit(exec, code, alone).result()
    assert caught[0].filename == str(library)


def test_one_of_a_kind_has_no_plural():
    said = [counted(number, "row") for number in (0, 1, 2, 1200)]
    assert said == ["0 rows", "1 row", "2 rows", "1,200 rows"]


NOUNS = (
    *("blocks", "categories", "cells", "columns", "components", "ends", "factors", "features"),
    *("files", "folds", "groups", "inputs", "labels", "letters", "lines", "members", "names"),
    *("networks", "numbers", "observations", "others", "pairs", "parts", "points", "processes"),
    *("rows", "steps", "targets", "things", "times", "units", "values"),
)
COUNTED = re.compile(rf" (?:(?:more|such|target|different) )*(?:{'|'.join(NOUNS)})\b")
NEVER_ONE = {  # what stands before such a word and is no count, or cannot be 1 there
    ("archive/describe.py", "units"),
    ("assess/summary.py", "n_targets"),
    ("assess/verdict.py", "factor"),
    ("assess/verdict.py", "figures['rows']"),
    ("assess/verdict.py", "n"),
    ("assess/verdict.py", "odd['rows']"),
    ("bulk/scoring.py", "rate"),
    ("cli/evaluate.py", "MOST_PARTS"),
    ("demo/story.py", "len(X_test)"),
    ("demo/story.py", "len(X_train)"),
    ("families/low_rank.py", "LARGEST_RATIO"),
    ("files/head.py", "width"),
    ("files/source.py", "len(members)"),
    ("files/text.py", "count + 1"),
    ("plot/checks.py", "len(thin)"),
    ("plot/checks.py", "len(values)"),
    ("plot/covariances.py", "len(distribution)"),
    ("plot/regions.py", "MOST_TARGETS"),
    ("report/facts.py", "_units(architecture)"),
    ("report/facts.py", "len(Y)"),
    ("report/facts.py", "len(column.categories)"),
    ("report/facts.py", "len(frame)"),
    ("report/facts.py", "name"),
    ("report/facts.py", "odd['rows']"),
    ("serve/application.py", "LEAST_TOKEN"),
    ("serve/reader.py", "MOST_CONTOURS"),
    ("stream/first_pass.py", "len(self.fold)"),
    ("table/alignment.py", "frame.shape[1]"),
    ("table/alignment.py", "len(names)"),
    ("table/category_column.py", "len(self.categories)"),
    ("table/folds.py", "2 * count"),
    ("table/later.py", "begin"),
    ("table/later.py", "len(rank)"),
    ("table/later.py", "members"),
    ("table/said.py", "len(column.categories) + column.others"),
    ("table/said.py", "shown"),
}


def test_what_is_counted_in_a_message_may_be_one():
    plain = set()
    for path in SOURCE.rglob("*.py"):
        for text in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(text, ast.JoinedStr):
                for count, after in pairwise(text.values):
                    is_count = isinstance(count, ast.FormattedValue)
                    is_count &= isinstance(after, ast.Constant)
                    if is_count and COUNTED.match(after.value):
                        plain.add((path.relative_to(SOURCE).as_posix(), ast.unparse(count.value)))
    assert plain == NEVER_ONE  # all else goes through `counted`
