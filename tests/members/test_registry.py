"""The families by name: what belongs together does."""

import dataclasses

import numpy as np
import pytest

import covey
from covey.arguments.family import AUTO, CHOICES
from covey.backend.select import keras
from covey.cli import parser
from covey.errors import InputError
from covey.members.architecture import Architecture
from covey.members.registry import FAMILIES


def test_every_family_that_can_be_asked_for_is_there():
    assert (AUTO, *FAMILIES) == CHOICES
    words = ["fit", "t.csv", "--targets", "y", "--output", "m.covey"]
    assert covey.JointRegressor().family == AUTO
    for name in CHOICES:
        assert parser().parse_args([*words, "--family", name]).family == name
    with pytest.raises(InputError, match="`family` must be one of 'normal', 'student_t'"):
        Architecture(3, 4, 1, (2,), "silu", family_name=AUTO)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_predicts_its_distribution_and_whitens_by_its_start(name):
    rank = 2 if name == "low_rank" else None
    network = Architecture(3, 4, 1, (2,), "silu", family_name=name, rank=rank)
    family, classes = network.family, FAMILIES[name]
    assert type(family) is classes.family
    raw = np.zeros((5, family.packed_size), np.float32)
    joint = family.distribution(keras.ops.convert_to_numpy(family.constrain(raw)), list("abcd"))
    assert type(joint) is classes.distribution
    shapes = classes.start.shapes(3, 4, rank or 0, 0)
    assert {part.name for part in dataclasses.fields(classes.start)} == set(shapes)
