"""The floors of the house, enforced by reading the imports: they point strictly down."""

import ast
import re
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from itertools import groupby
from pathlib import Path

import pytest

import covey

ROOT = Path(__file__).parents[1]
SOURCE = Path(covey.__file__).parents[1]

FLOORS = (
    {"datasets", "errors", "types"},
    {"algebra", "arguments", "backend"},
    {"distributions"},
    {"families", "scores", "table"},
    {"assess", "files", "layers", "losses", "plot", "scorers", "start"},
    {"report", "rows", "stacking"},
    {"members"},
    {"archive", "export", "fitted"},
    {"serve", "stream"},
    {"regressor"},
    {"bulk", "demo"},
    {"cli"},
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
ENGINES = ("jax", "tensorflow", "torch", "keras")
WITHOUT_KERAS = {
    *("errors", "datasets", "types", "arguments", "algebra", "distributions", "scores", "table"),
    *("report", "serve"),
    *("start", "stacking", "assess", "files", "rows", "plot", "scorers"),
}
SELECT = "covey.backend.select"  # the one module that imports Keras
BACKEND = {
    SELECT: ENGINES,
    "covey.backend.branches": ("jax",),
    "covey.backend.compilation": ("jax",),
    "covey.backend.processes": ("jax",),
}  # who may name a backend


def files():
    return {
        path.relative_to(SOURCE).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(SOURCE.glob("covey/**/*.py"))
    }


def module_of(path):
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def room_of(module):
    return module.split(".")[1] if "." in module else ""


def is_for_type_checkers(node):
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def imports(path, source, modules):
    """Yield the dotted name of everything that a file imports, wherever in the file."""
    package = path.split("/")[:-1]
    tree = ast.parse(source)
    if package == ["covey"] and path.endswith("/__init__.py"):
        # what only type checkers import, who load nothing
        tree.body = [node for node in tree.body if not is_for_type_checkers(node)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*parents, *filter(None, [node.module])])
            for alias in node.names:
                name = f"{origin}.{alias.name}"
                inside = origin.split(".")[0] == "covey" and origin != "covey"
                yield origin if inside and name not in modules else name
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func).split(".")[-1]
            named = node.args and isinstance(node.args[0], ast.Constant)
            if called in ("import_module", "__import__") and named:
                yield str(node.args[0].value)
        elif isinstance(node, ast.Attribute) and ast.unparse(node) == "keras.src":
            yield "keras.src"


def complaints(files):
    """Return what is wrong with the imports of some files, given as {path: source}."""
    found = []
    modules = {module_of(path) for path in files}
    graph = {}
    for path, source in files.items():
        module = module_of(path)
        room = room_of(module)
        if room and room not in FLOOR:
            found.append(f"{path}: give {room!r} a floor")
            continue
        inside = graph[module] = set()
        for name in sorted(set(imports(path, source, modules))):
            top, *rest = name.split(".")
            if top in ENGINES and top not in BACKEND.get(module, ()):
                found.append(f"{path} imports {name}: only {SELECT} does")
            if top != "covey" or rest == ["__version__"]:
                continue
            other = room_of(name)
            if other not in FLOOR:
                if name not in modules or not other:
                    found.append(f"{path} imports {name}: name the module that it is in")
            elif not room and name != "covey.backend.arrival":
                found.append(f"{path} imports {name}: `import covey` must load nothing")
            elif room and other != room and FLOOR[other] >= FLOOR[room]:
                found.append(
                    f"{path}, floor {FLOOR[room]}, imports {name}, floor {FLOOR[other]}: "
                    "imports point strictly down"
                )
            elif name in modules:
                inside.add(name)
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        return [*found, f"cycle: {' -> '.join(error.args[1])}"]
    reaching = {"covey.backend.select"}
    for module in order:
        # Importing a.b runs a/__init__.py as well.
        needed = graph.get(module, set())
        needed = needed | {name.rpartition(".")[0] for name in needed}
        if needed & reaching:
            reaching.add(module)
            if room_of(module) in WITHOUT_KERAS:
                found.append(f"{module} reaches covey.backend.select, and must work without Keras")
    return found


def test_imports_point_strictly_down():
    assert files(), f"no source in {SOURCE}"
    assert complaints(files()) == []


def test_no_file_is_over_400_lines():
    lengths = {path: len(source.splitlines()) for path, source in files().items()}
    assert {path: length for path, length in lengths.items() if length > 400} == {}


@pytest.mark.parametrize(
    "code",
    [
        "import covey",
        "import covey.distributions",
        "import runpy; sys.argv[1:] = ['--help']; runpy.run_module('covey.cli', None, '__main__')",
    ],
)
def test_light_imports_stay_light(code):
    script = f"""
import sys
try:
    {code}
except SystemExit as end:
    assert not end.code, end.code
heavy = {{"keras", "pandas", "jax", "tensorflow", "torch"}} & set(sys.modules)
assert not heavy, heavy
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def walks():
    """The walks of the page on design: for each, the file that each step begins with."""
    page = (ROOT / "docs" / "explanation" / "design.md").read_text(encoding="utf-8")
    for part in page.split("\n## ")[1:]:
        if steps := re.findall(r"(?m)^\d+\. `([\w/]+\.py)`", part):
            yield part.splitlines()[0], steps


def test_walks_through_the_house_never_come_back():
    found = dict(walks())
    assert len(found) == 2
    for steps in found.values():
        assert len(steps) <= 15
        assert [step for step in steps if not (SOURCE / "covey" / step).is_file()] == []
        rooms = [room for room, _ in groupby(step.split("/")[0] for step in steps)]
        assert len(rooms) == len(set(rooms)), rooms


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/explanation/design.md"])
def test_files_that_pages_name_are_there(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:tests/)?\w+/\w+\.py)`", text))
    assert named
    roots = (SOURCE / "covey", ROOT)
    assert {name for name in named if not any((root / name).is_file() for root in roots)} == set()


def test_every_room_is_in_the_table_of_rooms():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = "".join(line for line in text.splitlines() if line.startswith("| "))
    named = set(re.findall(r"`(\w+)/?`", table))
    assert {room for room in FLOOR if room not in named} == set()


HOUSE = {
    "covey/__init__.py": (
        "from covey.backend import arrival\nif TYPE_CHECKING:\n    from covey import losses"
    ),
    "covey/errors.py": "",
    "covey/backend/arrival.py": "from covey.errors import EngineError",
    "covey/backend/select.py": "import keras, importlib\nfrom covey.errors import EngineError",
    "covey/archive/container.py": "from covey import __version__\nfrom covey.families import x",
    "covey/distributions/__init__.py": "from covey.distributions.normal import MultivariateNormal",
    "covey/distributions/normal.py": "import numpy\nfrom covey.distributions import region",
    "covey/distributions/region.py": "from ..errors import InputError",
    "covey/scores.py": "from covey.distributions import MultivariateNormal",
    "covey/families/__init__.py": "from .normal import Normal",
    "covey/families/normal.py": "from covey.backend.select import keras\nimport numpy",
    "covey/losses.py": "from covey.backend.select import keras\nfrom covey.families import Normal",
    "covey/cli/__init__.py": "def fit():\n    from covey import losses",
}


def test_a_sound_house_has_no_complaints():
    assert complaints(HOUSE) == []


@pytest.mark.parametrize(
    ("path", "source", "complaint"),
    [
        ("covey/helpers.py", "", "give 'helpers' a floor"),
        ("covey/helpers/x.py", "", "give 'helpers' a floor"),
        ("covey/scores.py", "from covey.losses import x", "strictly down"),
        ("covey/scores.py", "import covey.losses as x", "strictly down"),
        ("covey/scores.py", "from covey import losses", "strictly down"),
        ("covey/scores.py", "from . import losses", "strictly down"),
        ("covey/scores.py", "from .losses import x", "strictly down"),
        ("covey/scores.py", "def f():\n    from covey import losses", "strictly down"),
        ("covey/scores.py", "if TYPE_CHECKING:\n    from .losses import x", "strictly down"),
        ("covey/scores.py", "import_module('covey.losses')", "strictly down"),
        ("covey/scores.py", "importlib.import_module('covey.losses')", "strictly down"),
        ("covey/scores.py", "__import__('covey.losses')", "strictly down"),
        ("covey/scores.py", "from covey.families import Normal", "strictly down"),
        ("covey/distributions/normal.py", "from covey.archive import container", "strictly down"),
        ("covey/errors.py", "from covey.archive.container import x", "strictly down"),
        ("covey/families/normal.py", "from ..losses import x", "strictly down"),
        ("covey/scores.py", "import covey", "name the module"),
        ("covey/scores.py", "from covey import JointRegressor", "name the module"),
        ("covey/__init__.py", "from covey.errors import CoveyError", "must load nothing"),
        ("covey/distributions/region.py", "from .normal import x", "cycle"),
        ("covey/distributions/region.py", "from . import MultivariateNormal", "cycle"),
        ("covey/distributions/region.py", "import covey.distributions", "cycle"),
        ("covey/losses.py", "import keras", "only covey.backend.select"),
        ("covey/losses.py", "from keras import ops", "only covey.backend.select"),
        ("covey/losses.py", "from keras.src import backend", "only covey.backend.select"),
        (
            "covey/losses.py",
            "from covey.backend.select import keras\nkeras.src.x()",
            "only covey.backend.select",
        ),
        ("covey/losses.py", "def f():\n    import jax.numpy as jnp", "only covey.backend.select"),
        ("covey/losses.py", "import torch", "only covey.backend.select"),
        ("covey/losses.py", "from tensorflow import math", "only covey.backend.select"),
        ("covey/scores.py", "from covey.backend.select import keras", "must work without Keras"),
        (
            "covey/start/full.py",
            "from covey.backend.select import keras",
            "must work without Keras",
        ),
        ("covey/assess/calibration.py", "from covey.families import x", "must work without Keras"),
        (
            "covey/assess/calibration.py",
            "from covey.families import normal",
            "must work without Keras",
        ),
        ("covey/table.py", "from covey.backend.select import keras", "must work without Keras"),
    ],
)
def test_a_violation_is_seen(path, source, complaint):
    found = complaints(HOUSE | {path: source})
    assert len(found) >= 1
    assert any(complaint in text for text in found), found
