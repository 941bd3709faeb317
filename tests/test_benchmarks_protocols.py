"""Published protocols, and rows that come later: the same rows, and figures that are right."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.preprocessing import QuantileTransformer

import covey
from benchmarks.quality import (
    comparison,
    conditional,
    later,
    protocol_a,
    protocol_b,
    published,
    report,
    runner,
)

COVARIANCE = np.array([[1.0, 0.6, -0.2], [0.6, 2.0, 0.1], [-0.2, 0.1, 0.5]])
TRIL = np.linalg.cholesky(COVARIANCE)


def test_the_simulation_has_the_entropy_that_is_published():
    X, Y, truth = protocol_a.simulate(200_000, np.random.default_rng(0))
    assert X.shape == (200_000, 1)
    assert -truth.log_prob(Y).mean() == pytest.approx(protocol_a.ORACLE, abs=0.02)
    spread = np.abs(truth.correlation[:, 0, 1] - np.sin(2.5 * X[:, 0]) * np.cos(0.5 * X[:, 0]))
    assert spread.max() < 1e-9


def test_protocol_a_runs_on_few_rows():
    quick = {"max_steps": 20, "members": 2, "hidden_units": (4,), "family": "normal"}
    record = protocol_a.run(60, 0, **quick)
    assert record["kl"] > 0
    assert record["nll"] > record["oracle_nll"]
    assert 0 < record["coverage"] <= 1


def test_the_conformal_radius_is_the_rank_that_the_proof_wants():
    distance = np.random.default_rng(0).permutation(np.arange(1.0, 20.0))  # 19 of them
    assert protocol_b.conformal_radius(distance, 0.9) == 18.0  # the (19 + 1) * 0.9-th smallest
    assert protocol_b.conformal_radius(distance[:5], 0.9) == np.inf


def write_set(folder, n, d):
    """A set as the data folder has them, of rows that can be told apart by their feature."""
    r = np.random.default_rng(0)
    X = np.column_stack([np.arange(n), r.normal(size=n)])
    Y = X[:, 1:] + r.normal(size=(n, d)) * 0.3
    targets = [f"y{k}" for k in range(d)]
    pd.DataFrame(np.hstack([X, Y]), columns=["row", "x", *targets]).to_parquet(folder / "t.parquet")
    told = {"file": "t.parquet", "features": ["row", "x"], "targets": targets, "categorical": []}
    (folder / "manifest.json").write_text(json.dumps({"t": told}))


def test_protocol_b_splits_as_its_authors_programs_do(tmp_path, monkeypatch):
    """They seed NumPy's global stream, permute the rows, and then fit their transforms."""
    write_set(tmp_path, 10_001 + 4_300, 2)  # so many that the transform draws rows, too
    monkeypatch.setenv("COVEY_DATA", str(tmp_path))
    X = pd.read_parquet(tmp_path / "t.parquet").to_numpy()[:, :2]
    state = np.random.get_state()
    try:
        np.random.seed(7)
        order = np.random.permutation(len(X))
        sizes = [int(len(X) * 0.7), int(len(X) * 0.1), int(len(X) * 0.1)]
        transform = QuantileTransformer(output_distribution="normal")
        train = transform.fit_transform(X[order[: sizes[0]]])
        test = transform.transform(X[order[sum(sizes) :]])
    finally:
        np.random.set_state(state)
    parts = protocol_b.prepare("t", 7)
    np.testing.assert_array_equal(parts.train[0], train)
    np.testing.assert_array_equal(parts.test[0], test)
    assert [len(part[1]) for part in parts[:4]] == [*sizes, len(X) - sum(sizes)]
    assert len(parts.fit[0]) == sizes[0] + sizes[1]


def test_every_row_lacks_some_of_its_targets_and_keeps_some():
    Y = protocol_b.with_gaps(np.zeros((300, 4)), np.random.RandomState(0))
    assert set(np.isnan(Y).sum(axis=1)) == {1, 2, 3}
    assert np.isnan(Y).any(axis=0).all()


def test_some_targets_are_revealed_and_never_all():
    assert [protocol_b.revealed(d) for d in (2, 3, 8)] == [[0], [0, 1], [0, 1, 2, 3, 4]]


def test_a_region_of_high_density_is_the_ellipsoid_of_a_normal():
    r = np.random.default_rng(1)
    mean = r.normal(size=(40, 3))
    y = mean + r.normal(size=(40, 3)) @ TRIL.T
    joint = covey.MultivariateNormal(mean, covariance=COVARIANCE)
    radius = np.sqrt(stats.chi2.ppf(0.9, 3))
    edge = mean + radius * TRIL[:, 0]
    bound = protocol_b.score(joint, edge, "density")
    assert np.ptp(bound) < 1e-9
    assert protocol_b.mean_volume(joint, bound[0] + 1e-9, "density") == pytest.approx(
        protocol_b.mean_volume(joint, radius, "ellipsoid"), rel=0.02
    )
    order = [np.argsort(protocol_b.score(joint, y, shape)) for shape in protocol_b.SHAPES]
    np.testing.assert_array_equal(*order)


@pytest.mark.parametrize("shape", protocol_b.SHAPES)
def test_protocol_b_runs_on_few_rows(tmp_path, monkeypatch, shape):
    write_set(tmp_path, 1500, 6)
    monkeypatch.setenv("COVEY_DATA", str(tmp_path))
    monkeypatch.setattr(conditional, "projection", lambda seed, d: np.eye(2, d))
    asked = []
    monkeypatch.setattr(
        conditional, "coverage", lambda X, inside, level: asked.append(X) or {"ert": 1.0}
    )
    quick = {"max_steps": 20, "members": 2, "hidden_units": (4,), "family": "normal"}
    record = protocol_b.run("t", 0, (shape,), **quick)[shape]
    for level in ("0.90", "0.95"):
        for kind in ("", "revealed_", "projected_"):
            assert record[level][f"{kind}coverage"] == pytest.approx(float(level), abs=0.15)
        assert record[level]["missing_coverage"] == pytest.approx(float(level), abs=0.15)
        assert record[level]["ert"] == record[level]["revealed_ert"] == 1.0
    for kind in ("volume", "revealed_volume", "projected_volume"):
        assert 0 < record["0.90"][kind] < record["0.95"][kind]
    assert {X.shape[1] for X in asked} == {2, 2 + 5}
    if shape == "ellipsoid":
        harder = protocol_b.run_missing("t", 0, **quick)
        assert harder["0.90"]["volume"] > record["0.90"]["volume"] * 0.5
    path = runner.result_path(tmp_path, f"protocol_b_{shape}", "mvcs_bias", 0)
    path.parent.mkdir()
    path.write_text(json.dumps(record))
    lines = [
        [cell.strip(" *") for cell in line.split("|")]
        for line in published.section(comparison.read(tmp_path)).splitlines()
        if line.startswith("| Bias")
    ]
    place = 2 + protocol_b.SHAPES.index(shape)
    assert float(lines[0][place]) == pytest.approx(record["0.90"]["volume"], abs=1e-3)
    assert float(lines[1][place]) == pytest.approx(record["0.95"]["volume"], abs=1e-3)
    assert lines[1][4:9] == ["1.286", "1.356", "1.678", "1.471", "1.305"]


def test_without_its_environment_covmetrics_computes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(conditional, "PYTHON", tmp_path / "absent")
    assert conditional.coverage(np.zeros((5, 1)), np.ones(5, bool), 0.9) == {}
    assert conditional.projection(0, 8) is None


def test_a_failure_of_covmetrics_is_no_figure(tmp_path, monkeypatch):
    (tmp_path / "script.py").write_text("raise SystemExit('no slab')")
    monkeypatch.setattr(conditional, "PYTHON", Path(sys.executable))
    monkeypatch.setattr(conditional, "SCRIPT", tmp_path / "script.py")
    with pytest.raises(RuntimeError, match="no slab"):
        conditional.coverage(np.zeros((5, 1)), np.ones(5, bool), 0.9)


def test_later_rows_follow_those_of_training_in_the_order_of_the_file(monkeypatch):
    n = 1000
    X = pd.DataFrame({"row": np.arange(n)})
    Y = pd.DataFrame({"a": np.arange(n) * 1.0, "b": np.where(np.arange(n) % 2, 1.0, np.nan)})
    monkeypatch.setattr(later, "read", lambda name: (X, Y))
    monkeypatch.setattr(later, "MOST_TRAINING_ROWS", 300)
    monkeypatch.setattr(later, "MOST_JUDGED_ROWS", 50)
    rows = later.split("t")  # 500 complete rows: 1, 3, 5, ...
    assert rows.X_train["row"].tolist() == list(range(201, 801, 2))
    assert rows.X_test["row"].tolist() == list(range(801, 901, 2))
    np.testing.assert_array_equal(rows.Y_test[:, 0], rows.X_test["row"])
    assert np.flatnonzero(rows.validation).tolist() == list(range(255, 300))


@pytest.mark.filterwarnings("ignore::covey.errors.CoveyWarning")
def test_what_is_claimed_and_what_comes_true_are_in_the_same_units(monkeypatch):
    """Rows that are all alike: both are the entropy, whatever the units of the targets."""
    r = np.random.default_rng(0)
    X = pd.DataFrame({"x": r.normal(size=3000)})
    Y = pd.DataFrame(r.normal(size=(3000, 2)) * [1000.0, 0.01], columns=["a", "b"])
    monkeypatch.setattr(later, "read", lambda name: (X, Y))
    quick = {"max_steps": 20, "members": 2, "hidden_units": (4,), "family": "normal"}
    record = later.run("t", "covey-time", **quick)
    entropy = 0.5 * np.log(2 * np.pi * np.e)
    assert [record["claimed"], record["true"]] == pytest.approx([entropy, entropy], abs=0.05)
    assert record["inside"] == pytest.approx(0.9, abs=0.05)
    assert record["order"] == "asked"


def test_a_constant_covariance_claims_what_scipy_says_of_its_residuals():
    residuals = np.random.default_rng(0).normal(size=(500, 3)) @ TRIL.T
    residuals -= residuals.mean(axis=0)
    covariance = np.cov(residuals.T, bias=True)
    expected = -stats.multivariate_normal(cov=covariance).logpdf(residuals).mean() / 3
    assert runner._claimed(residuals) == pytest.approx(expected)


def test_the_page_says_where_later_rows_are_lost(tmp_path):
    def write(name, method, claimed, true, inside):
        path = runner.result_path(tmp_path, "later", f"{name}-{method}", 0)
        path.parent.mkdir(exist_ok=True)
        told = {"table": name, "method": method, "seed": 0}
        told |= {"rows": 10_000, "judged_rows": 4000, "targets": 2}
        path.write_text(json.dumps(told | {"claimed": claimed, "true": true, "inside": inside}))

    write("gas_turbine", "covey", 0.6, 0.9, 0.95)
    write("gas_turbine", "lightgbm", 1.0, 1.4, 0.8)
    write("tetuan_power", "covey", 0.5, 2.0, 0.3)
    write("tetuan_power", "lightgbm", 1.0, 1.9, 0.4)
    text = report.page(tmp_path)
    line = next(line for line in text.splitlines() if line.startswith("| `gas_turbine`"))
    assert line == (
        "| `gas_turbine` | 10,000, 4,000 x 2 | 0.60 | 0.90 | 0.95 | 1.00 | 1.40 | 0.80 | +0.50 |"
    )
    assert "behind on 1 of 2: `tetuan_power` (-0.10)" in text
    assert "less than 85% on 1 of 2: `tetuan_power` (0.30)" in text
