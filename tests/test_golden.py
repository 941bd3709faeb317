"""Files of this format load, and predict the same numbers, for ever: see `tests/golden.py`."""

import json
import zipfile

import numpy as np
import pytest

import covey
from tests.golden import CASES, FOLDER, file_of, new_rows

# networks are of single precision, whose sums differ a little from one processor to the next
NEAR = 1e-5


@pytest.fixture(scope="module")
def expected():
    with np.load(FOLDER / "predictions.npz") as arrays:
        return dict(arrays)


@pytest.mark.filterwarnings("ignore::covey.errors.CoveyWarning")
@pytest.mark.parametrize("name", CASES)
def test_a_file_predicts_what_it_did(name, expected):
    joint = covey.load(file_of(name)).predict_distribution(new_rows(name))
    covariance = expected[f"{name}_covariance"]
    stddev = np.sqrt(np.einsum("nii->ni", covariance))
    assert (np.abs(joint.mean - expected[f"{name}_mean"]) / stddev).max() < NEAR
    scale = stddev[:, :, None] * stddev[:, None, :]
    assert (np.abs(joint.covariance - covariance) / scale).max() < NEAR
    for found, end in zip(joint.interval(0.8), ("lower", "upper"), strict=True):
        assert (np.abs(found - expected[f"{name}_{end}"]) / stddev).max() < NEAR


@pytest.mark.parametrize("name", CASES)
def test_a_file_is_of_the_format_that_is_held(name):
    with zipfile.ZipFile(file_of(name)) as archive:
        header = json.loads(archive.read("manifest.json"))
    assert (header["format"], header["format_version"]) == ("covey", 1)


def test_there_is_a_file_of_every_family_and_part():
    families, parts = set(), set()
    for name in CASES:
        model = covey.load(file_of(name))
        families.add(model.family_)
        parts |= {"trees"} if model.ensemble_.stack is not None else set()
        parts |= {"caution"} if model.ensemble_.caution is not None else set()
        parts |= {"transform"} if model.fitted_.transforms else set()
        parts |= {"fresh rows"} if model.fitted_.calibration_set.method == "conformal" else set()
        parts |= {"scales"} if np.any(model.ensemble_.scales != 1) else set()
    assert families == {"normal", "student_t", "mixture", "low_rank"}
    assert parts == {"trees", "caution", "transform", "fresh rows", "scales"}
