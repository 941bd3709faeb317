import json
import os
import subprocess
import sys
from importlib.util import find_spec
from textwrap import dedent

import pytest

from covey.backend.select import ENGINES, choose
from covey.errors import EngineError


def having(*engines):
    return set(engines).__contains__


@pytest.mark.parametrize("named", [None, ""])
@pytest.mark.parametrize(
    ("preferred", "installed", "chosen"),
    [
        ("tensorflow", ENGINES, "tensorflow"),
        ("torch", ENGINES, "torch"),
        ("tensorflow", ["jax"], "jax"),
        ("tensorflow", ["torch"], "torch"),
        ("tensorflow", ["torch", "jax"], "jax"),
        ("jax", ["torch", "tensorflow"], "tensorflow"),
        ("openvino", ["openvino"], "openvino"),
        ("theano", ["torch"], "torch"),
    ],
)
def test_nobody_named_an_engine(named, preferred, installed, chosen):
    assert choose(named, preferred, having(*installed)) == chosen


@pytest.mark.parametrize("named", [*ENGINES, "openvino"])
def test_a_named_engine_stands(named):
    assert choose(named, "tensorflow", having(*ENGINES, "openvino")) == named


@pytest.mark.parametrize(
    ("named", "installed", "parts"),
    [
        ("torch", ["jax"], ["'torch'", "installed: jax", "set it to 'jax'", "covey[torch]"]),
        ("torch", ["jax", "tensorflow"], ["installed: jax, tensorflow", "'jax' or 'tensorflow'"]),
        ("jax", [], ["'jax'", "installed: none", "covey[jax]"]),
        ("theano", ["torch"], ["'theano'", "installed: torch", "covey[jax]"]),
    ],
)
def test_a_named_engine_that_is_missing(named, installed, parts):
    with pytest.raises(EngineError) as caught:
        choose(named, "tensorflow", having(*installed))
    for part in [*parts, "KERAS_BACKEND"]:
        assert part in str(caught.value)


def test_no_engine_at_all():
    with pytest.raises(EngineError) as caught:
        choose(None, "tensorflow", having())
    for part in ["jax, tensorflow, torch", 'pip install "covey[jax]"', "KERAS_BACKEND"]:
        assert part in str(caught.value)


# Hides packages as if they were never installed: `find_spec` asks the same finders as `import`.
HIDE = """
import os, sys
from importlib.machinery import PathFinder

hidden = set()

class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        return None if name in hidden else PathFinder.find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Finder
"""


def run(code, home, **variables):
    environment = {k: v for k, v in os.environ.items() if k != "KERAS_BACKEND"}
    environment |= {"KERAS_HOME": str(home), **variables}
    return subprocess.run(
        [sys.executable, "-c", HIDE + dedent(code)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )


@pytest.mark.skipif(find_spec("jax") is None, reason="hides the other backends, and needs one")
def test_errors_leave_nothing_behind_and_a_retry_works(tmp_path):
    # Keras itself would follow this file and die.
    (tmp_path / "keras.json").write_text(json.dumps({"backend": "tensorflow"}))
    result = run(
        """
        from covey.errors import EngineError

        def attempt(*names):
            hidden.clear()
            hidden.update(names)
            try:
                from covey.backend.select import keras
            except EngineError as error:
                assert not [name for name in sys.modules if name.startswith("keras")]
                assert "covey.backend.select" not in sys.modules
                return str(error)
            return keras

        assert "none of jax, tensorflow, torch" in attempt("jax", "tensorflow", "torch")
        assert "KERAS_BACKEND" not in os.environ
        assert "named 'keras'" in attempt("keras", "tensorflow", "torch")
        assert "KERAS_BACKEND" not in os.environ

        # An import of Keras by hand dies, and leaves some of its modules behind.
        hidden.clear()
        hidden.update({"tensorflow", "torch"})
        try:
            import keras
        except ImportError:
            assert "keras" not in sys.modules
            assert [name for name in sys.modules if name.startswith("keras.")]
        keras = attempt("tensorflow", "torch")
        assert keras.backend.backend() == "jax", keras
        assert os.environ["KERAS_BACKEND"] == "jax"
        """,
        tmp_path,
    )
    assert result.returncode == 0, result.stderr


def test_a_keras_that_breaks_halfway_leaves_nothing_behind(tmp_path):
    (tmp_path / "keras").mkdir()
    (tmp_path / "keras" / "__init__.py").write_text("import keras.config\nimport nowhere")
    (tmp_path / "keras" / "config.py").touch()
    (tmp_path / "jax.py").touch()
    result = run(
        """
        hidden.update({"tensorflow", "torch"})
        sys.path.insert(0, os.environ["KERAS_HOME"])
        from covey.errors import EngineError
        try:
            import covey.backend.select
        except EngineError as error:
            assert "on the backend 'jax'" in str(error), error
            assert "No module named 'nowhere'" in str(error), error
        else:
            sys.exit("no error")
        assert not [name for name in sys.modules if name.startswith("keras")]
        assert "KERAS_BACKEND" not in os.environ
        """,
        tmp_path,
    )
    assert result.returncode == 0, result.stderr


def test_a_named_engine_that_is_missing_is_not_replaced(tmp_path):
    result = run(
        "hidden.add('torch'); import covey.backend.select", tmp_path, KERAS_BACKEND="torch"
    )
    assert result.returncode == 1
    assert "EngineError: Expected KERAS_BACKEND to name an installed backend" in result.stderr


def test_the_keras_that_is_there_is_used(tmp_path):
    result = run(
        """
        import types
        sys.modules["keras"] = imported = types.ModuleType("keras")
        hidden.update({"jax", "tensorflow", "torch"})
        from covey.backend.select import keras
        assert keras is imported
        assert "KERAS_BACKEND" not in os.environ
        """,
        tmp_path,
    )
    assert result.returncode == 0, result.stderr


def test_a_folder_with_the_name_of_an_engine_is_not_that_engine(tmp_path):
    (tmp_path / "theano").mkdir()
    code = "sys.path.insert(0, os.environ['KERAS_HOME']); import covey.backend.select"
    result = run(code, tmp_path, KERAS_BACKEND="theano")
    assert "'theano', which is not installed" in result.stderr


def test_keras_json_is_read_by_the_rule_of_keras(tmp_path):
    (tmp_path / ".keras").mkdir()
    result = run(
        """
        from pathlib import Path

        from covey.backend.arrival import preferred

        folder = Path(os.environ["KERAS_HOME"])
        os.environ["HOME"] = str(folder.parent)

        assert preferred() == "tensorflow"
        for text, engine in [
            ('{"floatx": "float32"}', "tensorflow"),
            ("not json", "tensorflow"),
            ("[]", "tensorflow"),
            ('{"backend": "torch"}', "torch"),
        ]:
            (folder / "keras.json").write_text(text)
            assert preferred() == engine, text

        os.environ["KERAS_HOME"] = "~/.keras"
        assert preferred() == "torch"
        del os.environ["KERAS_HOME"]
        assert preferred() == "torch"
        """,
        tmp_path / ".keras",
    )
    assert result.returncode == 0, result.stderr
