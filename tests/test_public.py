"""What users can rely on: names and signatures change on purpose alone."""

from importlib import import_module

import pytest

import covey
from tests.public import LIST, MODULES, surface


def test_names_and_signatures_are_those_of_the_list():
    """After a change on purpose: a line in CHANGELOG, and `python -m tests.public`."""
    assert surface() == LIST.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("module", MODULES)
def test_a_public_module_shows_what_is_public(module):
    loaded = import_module(f"covey.{module}")
    assert dir(loaded) == sorted(loaded.__all__) == sorted(set(loaded.__all__))
    for name in loaded.__all__:
        assert getattr(loaded, name).__doc__, name


def test_the_package_shows_what_is_public():
    assert dir(covey) == sorted(covey.__all__)
