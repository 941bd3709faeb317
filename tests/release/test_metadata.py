"""What is said about the package where it is released: whole, true and the same everywhere."""

import re
import tomllib
from pathlib import Path

import pytest

import covey
from tests.release import contents, extras
from tests.release.__main__ import LOWEST_TESTS

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def lower_bounds():
    """Name and lower bound of all that Covey or a test of it needs; one bound for each name."""
    needed = {*PROJECT["dependencies"]}
    for extra, packages in EXTRAS.items():
        if extra not in {"check", "docs", "notebook"}:
            needed |= set(packages)
    pairs = {re.fullmatch(r"([\w.-]+)(?:\[\w+\])?>=([\d.]+)", each).groups() for each in needed}
    bounds = {canonical(name): bound for name, bound in pairs}
    assert len(bounds) == len(pairs), "two bounds of one package"
    return bounds


def pins(name):
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return {canonical(line.partition("==")[0]): line.partition("==")[2] for line in lines if line}


def release(version):
    """Numbers of a version, without zeros at the end: 2, 2.0 and 2.0.0 are the same."""
    numbers = [int(part) for part in version.split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()
    return numbers


def test_the_metadata_are_complete():
    needed = {"description", "readme", "license", "license-files", "authors", "keywords"}
    needed |= {"classifiers", "requires-python", "dependencies", "scripts"}
    assert needed <= set(PROJECT)
    assert PROJECT["requires-python"] == ">=3.11"
    assert (ROOT / PROJECT["readme"]).is_file()
    assert (ROOT / PROJECT["license-files"][0]).is_file()
    assert len(PROJECT["description"]) < 120
    for text in ("example.", "TODO", "your-", "://"):
        assert text not in str({**PROJECT, "dependencies": []})


def test_every_document_of_the_release_is_of_this_version():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    date = re.search(r"^date-released: (\S+)$", citation, re.M)[1]
    assert re.search(r"^version: (\S+)$", citation, re.M)[1] == covey.__version__
    assert re.search(r"^license: (\S+)$", citation, re.M)[1] == PROJECT["license"]
    headings = re.findall(r"^## (.*)$", changes, re.M)
    assert headings[:2] == ["Unreleased", f"{covey.__version__} - {date}"]


def test_the_lowest_versions_are_the_lower_bounds():
    lowest = pins("constraints-lowest.txt")
    bounds = lower_bounds()
    assert {name: release(lowest[name]) for name in bounds} == {
        name: release(bound) for name, bound in bounds.items()
    }
    # jaxlib goes with jax, of the same version
    assert set(lowest) - set(bounds) == {"jaxlib"}
    assert lowest["jaxlib"] == lowest["jax"]


def test_the_newest_versions_are_within_the_bounds():
    newest = pins("constraints.txt")
    for name, bound in lower_bounds().items():
        assert release(newest[name]) >= release(bound), name


def test_every_extra_has_a_job():
    assert set(EXTRAS) - set(extras.TOOLS) == set(extras.known()) - {extras.BASE}
    for name in extras.known():
        assert extras.job_of(name).is_file()


def test_the_tests_of_the_lowest_versions_are_there():
    for name in LOWEST_TESTS:
        assert (ROOT / "tests" / name).exists(), name


PACKAGE = {"covey/__init__.py", "covey/data/air_quality.parquet"}
LICENSE = "covey-1.dist-info/licenses/LICENSE"


@pytest.mark.parametrize(
    ("more", "less", "said"),
    [
        (set(), set(), []),
        ({"tests/conftest.py"}, set(), ["the wheel holds tests/conftest.py"]),
        (set(), {"covey/data/air_quality.parquet"}, ["the wheel lacks covey/data/air_quality"]),
        (set(), {LICENSE}, ["the wheel lacks the license"]),
    ],
)
def test_a_wheel_with_too_much_or_too_little_is_refused(more, less, said):
    found = contents.wrong_in_wheel([*(PACKAGE | {LICENSE} | more) - less], PACKAGE)
    assert len(found) == len(said)
    assert all(fault.startswith(words) for fault, words in zip(found, said, strict=True))


def test_the_package_holds_nothing_that_a_wheel_would_be_refused_for():
    package = contents.package(ROOT)
    assert contents.wrong_in_wheel([*package, LICENSE], package) == []


def test_an_sdist_with_too_much_or_too_little_is_refused():
    whole = {*contents.OUTER, *(f"src/{name}" for name in PACKAGE)}
    whole |= {"", "src", "tests/conftest.py", "docs/index.md", "PKG-INFO", ".gitignore"}
    assert contents.wrong_in_sdist(whole, PACKAGE) == []
    assert contents.wrong_in_sdist(whole - {"SECURITY.md"}, PACKAGE) == [
        "the sdist lacks SECURITY.md"
    ]
    more = {"shared/data.csv", "src/covey/__pycache__/x.pyc"}
    assert contents.wrong_in_sdist(whole | more, PACKAGE) == [
        f"the sdist holds {name}" for name in sorted(more)
    ]
