"""What a type checker sees of Covey from outside: every public name, and every wrong call."""

import re
import subprocess
import sys
import tomllib
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

import covey
from tests.test_docs import ROOT, blocks

needs_mypy = pytest.mark.skipif(
    find_spec("mypy") is None, reason='mypy is not installed: pip install "covey[test]"'
)

RIGHT = """
import numpy as np
import covey
from covey import JointRegressor, load

model: JointRegressor = covey.JointRegressor("normal", 3, max_steps=10)
again: JointRegressor = load("air.covey", trusted=["a.b"])
score: float = model.score([[1.0]], [1.0])
fitted: covey.JointRegressor = model.fit([[1.0]], [1.0]).calibrate([[1.0]], [1.0])
family: covey.families.Normal = covey.families.Normal(2, floor=0.1)
size: int = covey.families.StudentT(3).packed_size
joint: covey.MultivariateNormal = family.distribution(np.zeros((1, 5)), ["a", "b"])
mean = joint.mean
rows: tuple[int, ...] = joint.interval(0.9)[0].shape
mixture: covey.Mixture = model.predict_mixture([[1.0]])
means: tuple[int, ...] = model.predict([[1.0]]).shape
both = model.predict([[1.0]], return_std=True)
told = model.predict_distribution([[1.0]], given={"a": [1.0]})
failure: type[Exception] = covey.errors.InputError
numbers = covey.scores.energy_score(joint, [[1.0, 2.0]])
covey.layers.DistributionHead(family, members=2)
covey.losses.NegativeLogLikelihood(family, missing=False)
covey.plot.ellipses
covey.report.write_report
covey.datasets.load_air_quality()
"""

WRONG = {
    "covey.JointRegresor()": "has no attribute",
    "covey.JointRegressor(famly='normal')": "call-arg",
    "covey.JointRegressor(members='three')": "arg-type",
    "covey.JointRegressor('normal', 3, 4)": "call-arg",
    "covey.JointRegressor(cv=3)": "arg-type",
    "covey.JointRegressor(base=1.0)": "arg-type",
    "covey.JointRegressor(random_state='zero')": "arg-type",
    "covey.report.write_report('a.html', 3, [[1.0]], [1.0])": "arg-type",
    "covey.JointRegressor().fit()": "call-arg",
    "covey.JointRegressor().save(3.5)": "arg-type",
    "covey.JointRegressor().summary(1)": "call-arg",
    "covey.load()": "call-arg",
    "covey.load(1.5)": "arg-type",
    "covey.fit()": "call-arg",
    "covey.fit(1, 2, [3.0], epochs='one')": "arg-type",
    "covey.families.Normall(2)": "has no attribute",
    "covey.families.Normal()": "call-arg",
    "covey.families.Normal('two')": "arg-type",
    "covey.families.StudentT(2, flor=1e-3)": "call-arg",
    "covey.families.Normal(2).scale": "attr-defined",
    "covey.layers.DistributionHead()": "call-arg",
    "covey.losses.NegativeLogLikelihood(None, missin=True)": "call-arg",
    "covey.MultivariateNormal()": "call-arg",
    "covey.MultivariateT([[0.0]]).covarience": "attr-defined",
    "covey.Mixture(1)": "arg-type",
    "covey.scores.enrgy_score": "has no attribute",
    "covey.datasets.load()": "has no attribute",
    "covey.errors.InputErr": "has no attribute",
    "covey.modelfit": "has no attribute",
}


def test_the_names_that_are_listed_are_those_that_there_are():
    assert sorted(covey.__all__) == covey.__dir__() == sorted(set(covey.__all__))
    for name in covey.__all__:
        assert getattr(covey, name) is not None
    for name, module in covey._MODULE_OF.items():
        assert getattr(covey, name) is getattr(import_module(f"covey.{module}"), name)
    assert set(covey._MODULE_OF) <= set(covey.__all__)
    with pytest.raises(AttributeError, match="no attribute 'cli_'"):
        _ = covey.cli_


def rules(files):
    """The rules of `make check`, so that what it found out of Covey need not be found out again.

    What is special to the files here is said of them alone.
    """
    house = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]
    (skipped,) = house.pop("overrides")
    modules = ",".join(skipped.pop("module"))
    lines = ["[mypy]", *(f"{key} = {house[key]}" for key in house if key != "files")]
    lines += [f"[mypy-{modules}]", *(f"{key} = {value}" for key, value in skipped.items())]
    lines += [f"[mypy-{','.join(Path(name).stem for name in files)}]"]
    lines += ["disallow_untyped_calls = False", "disallow_untyped_defs = False"]
    return "\n".join([*lines, ""])


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """What mypy says of each of some files, under its strict rules, by line."""
    folder = tmp_path_factory.mktemp("types")
    wrong = "".join(f"{call}\n" for call in WRONG)
    files = {"right.py": RIGHT, "wrong.py": f"import covey\n{wrong}"}
    readme = ""
    for block in blocks((ROOT / "README.md").read_text(encoding="utf-8")):
        if block.language == "python" and block.run:
            # the empty lines make a message point to the line on the page
            readme += "\n" * (block.line - readme.count("\n")) + block.code
    files["readme.py"] = readme
    for name, code in files.items():
        (folder / name).write_text(code, encoding="utf-8")
    configuration = folder / "mypy.ini"
    configuration.write_text(rules(files), encoding="utf-8")
    cache = ROOT / ".mypy_cache"  # that of `make check`; half a minute where it did not run
    options = ["--config-file", configuration, "--no-error-summary", "--cache-dir", cache]
    source = Path(covey.__file__).parents[1]
    installed = source.name == "site-packages"  # which mypy finds by itself
    run = subprocess.run(
        [sys.executable, "-m", "mypy", *options, *files],
        cwd=folder,
        env={"PATH": ""} if installed else {"PATH": "", "MYPYPATH": str(source)},
        capture_output=True,
        text=True,
    )
    assert not run.stderr, run.stderr
    found = {name: {} for name in files}
    for line in run.stdout.splitlines():
        name, number, said = re.fullmatch(r"(.*?):(\d+): (.*)", line).groups()
        if name in found and not said.startswith("note:"):
            found[name].setdefault(int(number), []).append(said)
    return found


@needs_mypy
def test_right_calls_pass(reports):
    assert reports["right.py"] == {}


@needs_mypy
def test_the_code_of_the_readme_passes(reports):
    assert reports["readme.py"] == {}


@needs_mypy
@pytest.mark.parametrize(("number", "call"), list(enumerate(WRONG, 2)))
def test_a_wrong_call_is_reported(reports, number, call):
    assert any(WRONG[call] in said for said in reports["wrong.py"].get(number, [])), reports[
        "wrong.py"
    ].get(number)
