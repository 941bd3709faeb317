"""What `import covey` does for an `import keras` that comes later, each in a fresh process."""

import json
import os
import re
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent

import pytest

import covey.layers
import covey.losses
import covey.members.optimizer
from covey.backend import arrival
from covey.backend.select import keras

ROOT = Path(__file__).parents[2]
SOURCE = Path(covey.__file__).parent
SMALL = ROOT / "tests" / "data" / "small.keras"

needs_jax = pytest.mark.skipif(find_spec("jax") is None, reason="hides the other backends: jax")

HIDE = """
import os, sys
from importlib.machinery import PathFinder

class Finder:
    find_distributions = PathFinder.find_distributions

    @staticmethod
    def find_spec(name, path=None, target=None):
        return None if name in hidden else PathFinder.find_spec(name, path, target)

hidden = set(os.environ.get("HIDDEN", "").split())
sys.meta_path[sys.meta_path.index(PathFinder)] = Finder
"""


def run(code, home, **variables):
    environment = {k: v for k, v in os.environ.items() if k != "KERAS_BACKEND"}
    environment |= {"KERAS_HOME": str(home), **variables}
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", HIDE + dedent(code)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


@needs_jax
def test_an_import_of_keras_finds_the_engine_that_is_installed(tmp_path):
    result = run(
        """
        import covey
        assert "KERAS_BACKEND" not in os.environ and "keras" not in sys.modules
        import importlib.util
        assert importlib.util.find_spec("keras") is not None  # who only looks changes nothing
        assert "KERAS_BACKEND" not in os.environ and "keras" not in sys.modules
        import keras
        assert keras.config.backend() == "jax"
        import covey.backend.select
        assert covey.backend.select.keras is keras
        assert keras.__spec__.loader.get_source("keras")  # the loader is the usual one
        """,
        tmp_path,
        HIDDEN="tensorflow torch",
    )
    assert result.returncode == 0, result.stderr


@needs_jax
@pytest.mark.parametrize("by", ["variable before", "variable after", "keras.json"])
def test_what_the_user_chose_stands(tmp_path, by):
    if by == "keras.json":
        (tmp_path / "keras.json").write_text(json.dumps({"backend": "numpy"}))
    set_it = "os.environ['KERAS_BACKEND'] = 'numpy'"
    result = run(
        f"""
        {set_it if by == "variable before" else ""}
        import covey
        {set_it if by == "variable after" else ""}
        import keras
        assert keras.config.backend() == "numpy", keras.config.backend()
        """,
        tmp_path,
        HIDDEN="tensorflow torch",
    )
    assert result.returncode == 0, result.stderr


def test_without_any_engine_keras_says_what_it_says_and_nothing_is_left(tmp_path):
    result = run(
        """
        import covey
        try:
            import keras
        except ImportError as error:
            assert not type(error).__module__.startswith("covey"), error
        else:
            sys.exit("no error")
        assert "KERAS_BACKEND" not in os.environ
        """,
        tmp_path,
        HIDDEN="jax tensorflow torch",
    )
    assert result.returncode == 0, result.stderr


def test_an_import_of_keras_that_breaks_leaves_the_choice_as_it_was(tmp_path):
    (tmp_path / "keras").mkdir()
    (tmp_path / "keras" / "__init__.py").write_text("import nowhere")
    (tmp_path / "jax.py").touch()
    result = run(
        """
        sys.path.insert(0, os.environ["KERAS_HOME"])
        import covey
        for _ in range(2):
            try:
                import keras
            except ModuleNotFoundError as error:
                assert "nowhere" in str(error)
            else:
                sys.exit("no error")
            assert "KERAS_BACKEND" not in os.environ
        """,
        tmp_path,
        HIDDEN="tensorflow torch",
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    "start",
    [
        "import covey, keras",
        "import keras, covey",
        "import covey\ncovey.families\nimport keras",
    ],
)
def test_a_saved_model_loads(start, tmp_path):
    code = f"""
path = {str(SMALL)!r}
{start}
model = keras.models.load_model(path)
assert type(model.layers[-1]) is covey.layers.DistributionHead
assert type(model.loss) is covey.losses.NegativeLogLikelihood
assert keras.saving.get_registered_object("covey>DistributionHead") is type(model.layers[-1])
"""
    result = run(code, tmp_path, KERAS_BACKEND=keras.config.backend())
    assert result.returncode == 0, result.stderr


def test_a_model_of_weights_and_classes_in_hdf5_loads_as_well(tmp_path):
    family = covey.families.StudentT(2)
    inputs = keras.Input((3,))
    model = keras.Model(inputs, covey.layers.DistributionHead(family)(inputs))
    model.compile("adam", loss=covey.losses.NegativeLogLikelihood(family))
    model.save(tmp_path / "model.h5")
    code = f"""
import covey, keras
model = keras.models.load_model({str(tmp_path / "model.h5")!r})
assert type(model.layers[-1]) is covey.layers.DistributionHead
"""
    result = run(code, tmp_path, KERAS_BACKEND=keras.config.backend())
    assert result.returncode == 0, result.stderr


def test_every_class_that_a_file_can_name_is_known_beforehand():
    decorated = re.compile(
        r"^@(?:registered|keras\.saving\.register_keras_serializable\(.*\))\nclass (\w+)", re.M
    )
    found = {
        f"covey>{name}": ".".join(path.relative_to(SOURCE).with_suffix("").parts)
        for path in SOURCE.glob("**/*.py")
        for name in decorated.findall(path.read_text(encoding="utf-8"))
    }
    assert found == arrival.CLASSES
    for name, module in arrival.CLASSES.items():
        kind = getattr(import_module(f"covey.{module}"), name.partition(">")[2])
        assert keras.saving.get_registered_object(name) is kind


@pytest.mark.skipif(find_spec("jax") is None, reason="the backend that the message names: jax")
@pytest.mark.parametrize("named", [True, False])
def test_an_engine_that_only_predicts_is_refused_for_a_fit_and_predicts(tmp_path, named):
    if not named:
        (tmp_path / "keras.json").write_text(json.dumps({"backend": "numpy"}))
    code = f"""
sys.path.insert(0, {str(ROOT)!r})
import covey, numpy as np, keras
from tests.small_table import table
X, Y = table()
assert keras.config.backend() == "numpy"
loaded = covey.load({str(ROOT / "tests/data/small.covey")!r})
assert np.isfinite(loaded.predict(X)).all()
X.assign(y=Y["big"]).to_parquet(os.environ["KERAS_HOME"] + "/t.parquet")
family = covey.families.Normal(1)
inputs = keras.Input((2,))
model = keras.Model(inputs, covey.layers.DistributionHead(family)(inputs))
for attempt in (
    lambda: covey.JointRegressor(verbose=0).fit(X, Y),
    lambda: covey.JointRegressor(verbose=0).fit_files(os.environ["KERAS_HOME"] + "/t.parquet", "y"),
    lambda: covey.fit(model, np.zeros((4, 2)), np.zeros((4, 1))),
):
    try:
        attempt()
    except covey.errors.EngineError as error:
        assert error.__cause__ is None and error.__context__ is None
        print(error)
    else:
        sys.exit("no error")
"""
    variables = {"KERAS_BACKEND": "numpy"} if named else {}
    result = run(code, tmp_path, HIDDEN="tensorflow torch", **variables)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert len(lines) == 3
    for line in lines:
        assert "can train: jax, tensorflow, torch. Received: 'numpy'" in line
        assert "Set KERAS_BACKEND=jax and start Python again" in line
        assert ("KERAS_BACKEND=numpy" in line) == named
