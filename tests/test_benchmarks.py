"""The benchmark of quality: the same rows for everyone, scores that are right, failures kept."""

import json
import pkgutil
import sys

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import covey
from benchmarks.quality import __main__ as command
from benchmarks.quality import (
    ablations,
    comparison,
    report,
    runner,
    seconds,
    tables,
)
from benchmarks.quality.methods import METHODS, Method
from benchmarks.quality.scores import scores
from covey.members import recipe

COVARIANCE = np.array([[1.0, 0.6, -0.2], [0.6, 2.0, 0.1], [-0.2, 0.1, 0.5]])
TRIL = np.linalg.cholesky(COVARIANCE)


def prediction(n=4000, freedom=None):
    r = np.random.default_rng(0)
    mean = r.normal(size=(n, 3))
    found = {"mean": mean, "scale_tril": np.repeat(TRIL[None], n, axis=0)}
    noise = r.normal(size=(n, 3)) @ TRIL.T
    if freedom is not None:
        found["degrees_of_freedom"] = np.full(n, freedom)
        noise /= np.sqrt(r.chisquare(freedom, (n, 1)) / freedom)
    return found, mean + noise


@pytest.mark.parametrize("freedom", [None, 5.0])
def test_scores_agree_with_scipy_and_with_chance(freedom):
    found, y = prediction(freedom=freedom)
    train = np.random.default_rng(1).normal(size=(500, 3)) * [1.0, 10.0, 0.1] + 5
    figures = scores(found, y, train)
    truth = stats.multivariate_normal(cov=COVARIANCE)
    if freedom is not None:
        truth = stats.multivariate_t(shape=COVARIANCE, df=freedom)
    density = truth.logpdf(y - found["mean"]).mean() + np.log(train.std(axis=0)).sum()
    assert figures["nll"] == pytest.approx(-density / 3)
    assert figures["coverage"] == pytest.approx(0.9, abs=0.015)
    error = (y - found["mean"]) / train.std(axis=0)
    assert figures["rmse"] == pytest.approx(np.sqrt(np.mean(error**2)))


def test_volume_is_that_of_the_ellipsoid():
    found, y = prediction(10)
    unit = np.array([[-1.0, -1, -1], [1, 1, 1]])  # standard deviation 1
    radius = np.sqrt(stats.chi2.ppf(0.9, 3))
    expected = 4 / 3 * np.pi * radius**3 * np.sqrt(np.linalg.det(COVARIANCE))
    assert scores(found, y, unit)["volume"] == pytest.approx(expected ** (1 / 3))


def test_the_energy_score_of_one_target_is_the_crps():
    y = np.linspace(-2, 2, 400)[:, None]
    found = {"mean": np.zeros((400, 1)), "scale_tril": np.ones((400, 1, 1))}
    z = y[:, 0]
    crps = z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi)
    energy = scores(found, y, np.array([[-1.0], [1.0]]))["energy"]
    assert energy == pytest.approx(crps.mean(), abs=0.01)


def test_samples_are_scored_as_the_distribution_that_they_are_of():
    """Few of them, so that the noise of their mean would show."""
    found, y = prediction()
    train = np.random.default_rng(1).normal(size=(500, 3)) * [1.0, 10.0, 0.1] + 5
    noise = np.random.default_rng(2).normal(size=(5, *y.shape)) @ TRIL.T
    whole, drawn = scores(found, y, train), scores({"samples": found["mean"] + noise}, y, train)
    assert drawn == {name: pytest.approx(whole[name], rel=0.02) for name in ("energy", "rmse")}


def test_a_mixture_of_equals_scores_as_one_of_them():
    found, y = prediction(50)
    mixture = {name: np.stack([array, array]) for name, array in found.items()}
    assert scores(mixture, y, y)["nll"] == pytest.approx(scores(found, y, y)["nll"])


def test_a_mixture_weighs_its_components():
    found, y = prediction(50)
    far = {"mean": found["mean"] + 9.0, "scale_tril": 3.0 * found["scale_tril"]}
    mixture = {name: np.stack([found[name], far[name]]) for name in found}
    mixture["weights"] = np.tile([0.8, 0.2], (50, 1))
    normal = stats.multivariate_normal
    near, apart = (
        normal(cov=cov).logpdf(y - one["mean"])
        for one, cov in ((found, COVARIANCE), (far, 9 * COVARIANCE))
    )
    expected = -np.logaddexp(near + np.log(0.8), apart + np.log(0.2)).mean() / 3
    unit = np.array([[-1.0, -1, -1], [1, 1, 1]])
    assert scores(mixture, y, unit)["nll"] == pytest.approx(expected)


def test_every_method_gets_the_same_rows():
    one, two = (tables.split("air_quality_pair", 0, most_rows=500) for _ in range(2))
    other = tables.split("air_quality_pair", 1, most_rows=500)
    pd.testing.assert_frame_equal(one.X_train, two.X_train)
    np.testing.assert_array_equal(one.Y_test, two.Y_test)
    np.testing.assert_array_equal(one.validation, two.validation)
    assert not other.X_test.index.equals(one.X_test.index)
    assert not set(one.X_train.index) & set(one.X_test.index)
    assert len(one.X_train) == len(one.Y_train) == 500
    assert 0.08 < one.validation.mean() < 0.25


def test_peers_that_want_numbers_get_numbers():
    train = pd.DataFrame({"a": [1.0, np.nan, 3.0, 5.0], "c": ["u", "v", "u", None]})
    test = pd.DataFrame({"a": [np.nan, 2.0], "c": ["w", "v"]})
    nothing = np.zeros((0, 1))
    X_train, X_test = tables.Split("t", 0, train, nothing, test, nothing, nothing).numbers()
    expected = [[0, 1, 1, 0], [1, 3, 0, 1], [0, 3, 1, 0], [0, 5, 0, 0]]
    np.testing.assert_array_equal(X_train, expected)
    np.testing.assert_array_equal(X_test, [[1, 3, 0, 0], [0, 2, 0, 1]])


def test_a_method_is_run_and_its_figures_are_kept(tmp_path):
    split = tables.split("air_quality_pair", 0, most_rows=300)
    record = runner.run(METHODS["ridge"], "ridge", split, tmp_path, threads=1)
    assert "failure" not in record
    assert json.loads((tmp_path / "air_quality_pair" / "ridge-0.json").read_text()) == record
    assert record["rows"] == 300
    assert 0.7 < record["scores"]["coverage"] <= 1
    assert record["fit_seconds"] > 0


def test_seconds_stay_with_the_revision_they_are_of(tmp_path):
    split = tables.split("air_quality_pair", 0, most_rows=100)
    path = runner.result_path(tmp_path, split.name, "ridge", 0)
    path.parent.mkdir()
    path.write_text('{"fit_seconds": 123.0, "predict_seconds": 45.0, "revision": "abc"}')
    for _ in range(2):  # the second keeps what the first kept
        record = runner.run(METHODS["ridge"], "ridge", split, tmp_path, keep_seconds=True)
        assert (record["fit_seconds"], record["predict_seconds"]) == (123.0, 45.0)
        assert record["seconds_revision"] == "abc" != record.get("revision")
        assert json.loads(path.read_text()) == record
        assert "rmse" in record["scores"]
    assert runner.run(METHODS["ridge"], "ridge", split, tmp_path)["fit_seconds"] < 123


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("raise SystemExit('out of rope')", "out of rope"),
        ("import nothing_of_that_name", "ModuleNotFoundError"),
        ("import time; time.sleep(60)", "did not end within 2 s"),
        ("pass", "FileNotFoundError"),
        ("import os; os._exit(3)", "exit status 3"),
        ("while True: pass", "did not end within 2 s"),
    ],
)
def test_a_failure_is_kept_as_one(tmp_path, script, says):
    (tmp_path / "method.py").write_text(script)
    method = Method("Broken", None, str(tmp_path / "method.py"))
    split = tables.split("air_quality_pair", 0, most_rows=100)
    record = runner.run(method, "broken", split, tmp_path, limit=2 if "2 s" in says else 600)
    assert says in record["failure"]
    assert "scores" not in record
    assert json.loads((tmp_path / "air_quality_pair" / "broken-0.json").read_text()) == record


def test_a_method_without_its_environment_is_a_failure(tmp_path):
    method = Method("Absent", "no-such-environment", "ridge.py")
    split = tables.split("air_quality_pair", 0, most_rows=100)
    assert "could not be started" in runner.run(method, "absent", split, tmp_path)["failure"]


def test_what_is_there_is_not_run_again(tmp_path, monkeypatch):
    asked = []

    def run(method, name, split, **options):
        asked.append((split.name, name, split.seed))
        path = runner.result_path(tmp_path, split.name, name, split.seed)
        path.parent.mkdir(exist_ok=True)
        path.write_text("{}")
        return {"table": split.name, "method": name, "seed": split.seed, "failure": ""}

    monkeypatch.setattr(runner, "RESULTS", tmp_path)
    monkeypatch.setattr(runner, "run", run)
    monkeypatch.setattr(command, "_data", lambda **_: True)
    words = ["-", "run", "--sets", "air_quality_pair", "--methods", "ridge,covey", "--seeds", "0-1"]
    monkeypatch.setattr(sys, "argv", words)
    command.main()
    assert len(asked) == 4
    command.main()
    assert len(asked) == 4
    (tmp_path / "air_quality_pair" / "covey-1.json").unlink()
    command.main()
    assert asked[4:] == [("air_quality_pair", "covey", 1)]


def test_without_the_data_a_message_and_no_error(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COVEY_DATA", str(tmp_path))
    for name in ("run", "protocol-b"):
        monkeypatch.setattr(sys, "argv", ["-", name])
        command.main()
        assert "COVEY_DATA" in capsys.readouterr().out


def test_the_page_has_the_margin_and_the_failure(tmp_path):
    figures = {"energy": 1.0, "rmse": 1.0, "coverage": 0.9, "volume": 2.0}

    def write(method, record, seed=0):
        base = {"rows": 100, "targets": 2, "seed": 0, "fit_seconds": 1.0, "predict_seconds": 0.1}
        path = runner.result_path(tmp_path, "enb", method, seed)
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(base | record))

    ours, mixed = {"nll": -1.5, **figures}, {"nll": -1.75, **figures}
    write("covey", {"scores": ours, "mixture": mixed, "note": "student_t"})
    write("ridge", {"scores": {"nll": 0.25, **figures}})
    write("catboost", {"scores": {"nll": -1.25, **figures}})
    write("tfp", {"failure": "did not end"})
    write("catboost", {"seed": 1, "scores": {"nll": -9.0, **figures}}, 1)  # no pair, no margin
    line, energy, rmse = (
        x for x in report.page(tmp_path).splitlines() if x.startswith("| `enb` | 100 x 2")
    )
    assert energy.endswith("| +0.0% |")
    assert "| **1.000** |" in rmse
    cells = [cell.strip(" *") for cell in line.split("|")[3:-1]]
    assert cells == ["-1.50", "-1.75", "0.25", "-5.12", "failed", "+0.25"]
    text = report.page(tmp_path)
    assert "of all on 1; its mean margin to the best peer of each set is +0.25 nats" in text
    assert "The mixture is best on 1, by +0.50" in text
    assert "the least margin is +1.75 (`enb`)" in text
    assert "earlier revision" not in text
    write("covey", {"scores": ours, "mixture": mixed, "note": "", "seconds_revision": "abc"})
    assert "of an earlier revision than its scores on `enb`." in report.page(tmp_path)
    assert report.page(tmp_path / "empty").count("|") == report.TABLES.count("|")


def records(**scores):
    """Of one data set: a method's scores on each split, or None where it failed."""
    return {
        ("enb", method.replace("_", "-")): [
            {"seed": seed, "rows": 9, "targets": 2}
            | ({"failure": "did not end"} if score is None else {"scores": score})
            for seed, score in enumerate(each)
        ]
        for method, each in scores.items()
    }


def test_a_margin_is_of_the_splits_that_both_have():
    found = records(
        covey=[{"energy": 0.5, "rmse": 1.0}, {"energy": 1.5, "rmse": 1.0}],
        treeffuser=[None, {"energy": 1.2, "rmse": 1.1}],
        ridge=[{"energy": 0.6, "rmse": 0.95}, {"energy": 1.6, "rmse": 0.95}],
    )
    assert comparison.ahead(found, "enb", "covey", "treeffuser", comparison.ENERGY) == (
        pytest.approx(1.2 / 1.5 - 1)
    )
    assert comparison.closest(found, "enb", comparison.ENERGY)[1] == "treeffuser"
    assert comparison.closest(found, "enb", comparison.RMSE) == (pytest.approx(-0.05), "ridge")
    assert comparison.closest(found, "enb", comparison.DENSITY) is None


def test_at_a_glance_losses_come_first():
    found = records(
        covey=[{"nll": 0.5, "energy": 1.0, "rmse": 1.04}],
        treeffuser=[{"energy": 0.8, "rmse": 1.02}],
        ridge=[{"nll": 0.4, "energy": 2.0, "rmse": 1.0}],
    )
    lines = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in comparison.glance(found, ["enb", "absent"]).splitlines()[2:]
    ]
    assert [line[1:] for line in lines] == [
        ["1 of 1", "`enb`", "ridge + constant covariance", "0.10 nats per target", "0 of 1"],
        ["1 of 1", "`enb`", "treeffuser", "25.0%", "0 of 1"],
        ["1 of 1", "`enb`", "ridge + constant covariance", "4.0%", "0 of 1"],
        ["1 of 1", "`enb`", "ridge + constant covariance", "4.0%", "0 of 1"],  # within 2%
        ["0 of 1", "`enb`", "ridge + constant covariance", "4.0%", "1 of 1"],  # within 5%
    ]
    assert "`enb` (-20.0%)" in comparison.verdict(found, ["enb"], comparison.ENERGY)


def test_a_method_that_gives_samples_is_in_the_tables_of_its_scores_alone():
    found = records(covey=[{"nll": 0.5, "energy": 1.0}], treeffuser=[{"energy": 0.8}])
    density, energy = (
        comparison.tables(found, ["enb"], score)[0]
        for score in (comparison.DENSITY, comparison.ENERGY)
    )
    assert "treeffuser" not in density
    assert energy.splitlines()[2] == "| `enb` | 9 x 2 | 1.000 | **0.800** | -20.0% |"


@pytest.mark.parametrize("change", ablations.CHANGES.values(), ids=ablations.CHANGES)
def test_an_ablation_changes_what_is_there_and_puts_it_back(change):
    before = {name: pkgutil.resolve_name(name) for name in change.patches}
    with ablations.patched(change.patches):
        for name, new in change.patches.items():
            assert pkgutil.resolve_name(name) is new
            assert new != before[name]
    assert {name: pkgutil.resolve_name(name) for name in change.patches} == before
    assert set(change.settings) <= set(covey.JointRegressor().get_params())


@pytest.mark.filterwarnings("ignore:Of .* in training:covey.errors.CoveyWarning")
def test_an_ablation_is_scored_like_the_methods(monkeypatch):
    monkeypatch.setattr(ablations, "MOST_ROWS", 120)
    monkeypatch.setattr(recipe, "LEAST_STEPS", 20)
    record = ablations.run("air_quality_pair", "smaller")
    assert (record["table"], record["change"]) == ("air_quality_pair", "smaller")
    assert np.isfinite([record["nll"], record["mixture_nll"]]).all()
    assert recipe.LEAST_STEPS == 20  # nothing else was patched


def test_a_fit_is_timed(monkeypatch):
    monkeypatch.setitem(seconds.CASES, "tiny", (40, 0.1))
    record = seconds.run("tiny")
    assert (record["rows"], record["max_time"]) == (40, 0.1)
    assert record["fit_seconds"] > 0


def test_the_page_has_the_mean_effect_of_a_change_and_the_seconds(tmp_path):
    def write(folder, name, record):
        path = runner.result_path(tmp_path, folder, name, 0)
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(record))

    for table, ours, theirs in (("enb", 1.0, 1.3), ("mpg", 0.5, 0.4)):
        write("ablations", f"{table}-recipe", {"nll": ours, "fit_seconds": 2.0})
        write("ablations", f"{table}-relu", {"nll": theirs, "fit_seconds": 6.0})
    write("seconds", "large", {"fit_seconds": 58.25})
    lines = report.page(tmp_path).splitlines()
    assert "| ReLU in place of SiLU | +0.100 | 1, 1 of 2 | x 3.0 |" in lines
    assert "| 10,000 | at most 60 | 58.2 |" in lines
