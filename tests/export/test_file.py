"""`write_onnx` and `covey export`: a file as a whole, or none and a reason."""

import sys

import numpy as np
import onnxruntime
import pytest
from sklearn.linear_model import LinearRegression

import covey
from covey.errors import InputError
from tests.cli.commands import run as command
from tests.export.feeds import run
from tests.golden import array, file_of, new_rows

pytestmark = pytest.mark.filterwarnings("ignore::covey.errors.CoveyWarning")


@pytest.fixture(scope="module")
def model():
    return covey.load(file_of("normal"))


def test_what_is_written_is_read(model, tmp_path):
    model.write_onnx(tmp_path / "air.onnx")
    X = new_rows("normal")
    found = run(onnxruntime.InferenceSession(tmp_path / "air.onnx"), X)
    joint = model.predict_distribution(X)
    assert (np.abs(found["mean"] - joint.mean) / joint.stddev).max() < 1e-5


def test_the_command(tmp_path, capsys):
    assert command("export", file_of("mixture"), "--output", tmp_path / "m.onnx") == 0
    said = capsys.readouterr().out
    assert "inputs 'a', 'b'; outputs 'mean', 'covariance', 'component_weights'" in said
    model, X = covey.load(file_of("mixture")), new_rows("mixture")
    found = run(onnxruntime.InferenceSession(tmp_path / "m.onnx"), X)
    joint = model.predict_distribution(X)
    assert (np.abs(found["mean"] - joint.mean) / joint.stddev).max() < 1e-5


def test_equal_models_give_equal_bytes(model, tmp_path):
    for name in ("one", "two"):
        covey.load(file_of("normal")).write_onnx(tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_transforms_are_refused(tmp_path, capsys):
    with pytest.raises(InputError, match=r"`transform` for 't0', 't1'.*transformed before"):
        covey.load(file_of("transform")).write_onnx(tmp_path / "m.onnx")
    assert command("export", file_of("transform"), "--output", tmp_path / "m.onnx") == 2
    assert "--transform for 't0'" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_base_is_refused(tmp_path):
    X = array()
    base = LinearRegression()
    parameters = {"hidden_units": 4, "max_steps": 3, "members": 2, "random_state": 0}
    model = covey.JointRegressor(
        family="normal", base=base, trees=False, verbose=0, **parameters
    ).fit(X, X @ [[1.0, 2.0], [0.5, 1.0]] + np.sin(9 * X))
    with pytest.raises(InputError, match=r"without `base`.*LinearRegression\(\).*own tools"):
        model.write_onnx(tmp_path / "m.onnx")
    assert list(tmp_path.iterdir()) == []


def test_without_onnx(model, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(InputError, match=r'pip install "covey\[onnx\]"'):
        model.write_onnx(tmp_path / "m.onnx")
    assert command("export", file_of("normal"), "--output", tmp_path / "m.onnx") == 2
    assert "covey[onnx]" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_places_that_cannot_be_written(model, tmp_path, capsys):
    with pytest.raises(InputError, match="no folder"):
        model.write_onnx(tmp_path / "no" / "m.onnx")
    with pytest.raises(InputError, match="a folder"):
        model.write_onnx(tmp_path)
    assert command("export", file_of("normal"), "--output", tmp_path / "m.covey") == 2
    assert "ends in .onnx" in capsys.readouterr().err
    assert command("export", tmp_path / "none.covey", "--output", tmp_path / "m.onnx") == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_failing_write_leaves_the_old_file(model, tmp_path, monkeypatch, failing):
    path = tmp_path / "m.onnx"
    path.write_bytes(b"old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(f"covey.arguments.destination.os.{failing}", fail)
    with pytest.raises(InputError, match="No space left"):
        model.write_onnx(path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_estimator_that_was_not_fitted(tmp_path):
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError):
        covey.JointRegressor().write_onnx(tmp_path / "m.onnx")
