"""A fitted model without any backend: it loads, predicts, is judged, calibrated and drawn."""

import subprocess
import sys
from pathlib import Path

import numpy as np

import covey
from tests.small_table import table

ROOT = Path(__file__).parents[1]

# Hides packages as if they were never installed.
ALONE = """
import sys
from importlib.machinery import PathFinder

class Finder:
    find_distributions = PathFinder.find_distributions

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in {"keras", "jax", "jaxlib", "tensorflow", "torch"}:
            return None
        return PathFinder.find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Finder
sys.path.insert(0, sys.argv[1])
import numpy as np
import covey
from tests.small_table import table

X, Y = table()
folder = sys.argv[2]
for kind in sys.argv[3:]:
    joint = covey.load(f"{folder}/{kind}.covey").predict_distribution(X.iloc[:1])
    joint.mean, joint.covariance
# what takes long to import, and a first row does not need
slow = {"sklearn.model_selection", "sklearn.linear_model", "scoringrules", "matplotlib", "polars"}
assert not slow & set(sys.modules), slow & set(sys.modules)
for kind in sys.argv[3:]:
    model = covey.load(f"{folder}/{kind}.covey")
    joint = model.predict_distribution(X)
    np.savez(f"{folder}/{kind}.npz", mean=joint.mean, covariance=joint.covariance)
    assert np.isfinite(model.evaluate(X, Y)["energy_score"])
    model.predict_distribution(X, given={"small": Y["small"]})
    model.calibrate(X, Y)
    covey.report.write_report(f"{folder}/{kind}.html", model, X, Y)
    model.save(f"{folder}/{kind}-again.covey")
    np.testing.assert_array_equal(covey.load(f"{folder}/{kind}-again.covey").predict(X), joint.mean)
assert "keras" not in sys.modules
try:
    covey.JointRegressor(verbose=0).fit(X, Y)
except covey.errors.EngineError as error:
    assert "pip install" in str(error), error
else:
    sys.exit("it was fitted without a backend")
"""


def test_all_but_fitting_works_without_a_backend(tmp_path):
    X, Y = table()
    options = {"members": 2, "max_steps": 30, "random_state": 0, "verbose": 0}
    models = {
        kind: covey.JointRegressor(kind, **options).fit(X, Y)
        for kind in ("normal", "student_t", "mixture", "low_rank")
    }
    for kind, model in models.items():
        model.save(tmp_path / f"{kind}.covey")
    command = [sys.executable, "-c", ALONE, str(ROOT), str(tmp_path), *models]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    for kind, model in models.items():
        joint = model.predict_distribution(X)
        with np.load(tmp_path / f"{kind}.npz") as there:
            np.testing.assert_array_equal(there["mean"], joint.mean)
            np.testing.assert_array_equal(there["covariance"], joint.covariance)
