"""In a tree without sources: what is tested is the installed package. See `make test-wheel`."""

from importlib.metadata import files, version
from pathlib import Path

import pytest

import covey

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(
    (ROOT / "src").is_dir(), reason="this tree has its sources, which are tested here"
)


def test_the_package_is_the_installed_one():
    assert Path(covey.__file__).parents[1].name == "site-packages"
    assert version("covey") == covey.__version__


def test_the_data_and_the_templates_are_installed():
    names = {str(file) for file in files("covey")}
    assert {
        "covey/data/air_quality.parquet",
        "covey/report/page.html.jinja",
        "covey/py.typed",
    } <= names
    assert not {name.split("/")[0] for name in names} & {"tests", "docs", "benchmarks"}
