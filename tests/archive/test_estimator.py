"""Fitted models to files and back: what is lacking or does not fit is refused in a sentence."""

from pathlib import Path

import numpy as np
import pytest

import covey
from covey.archive import container
from covey.errors import ArtifactError

FILE = Path(__file__).parents[1] / "data" / "small.covey"


@pytest.fixture
def parts():
    return container.read(FILE)


def test_a_file_written_before_holds_what_it_held(tmp_path):
    model = covey.load(FILE)
    model.save(tmp_path / "again.covey")
    before, after = container.read(FILE), container.read(tmp_path / "again.covey")
    assert after[0] == before[0] | {"written_by": covey.__version__}
    assert after[1].keys() == before[1].keys()
    for name, array in before[1].items():
        np.testing.assert_array_equal(after[1][name], array)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda manifest, arrays: manifest.pop("features"), "lacks or garbles 'features'"),
        (lambda manifest, arrays: manifest.pop("seen_"), "lacks or garbles 'seen_'"),
        (lambda manifest, arrays: arrays.pop("out_of_fold_rows"), "lacks or garbles 'rows'"),
        (lambda manifest, arrays: arrays.pop("reference_values"), "lacks or garbles 'values'"),
        (
            lambda manifest, arrays: arrays.update(reference_blocks=np.zeros(3, dtype=np.int64)),
            "the blocks of its calibration rows",
        ),
        (
            lambda manifest, arrays: arrays.update(reference_blocks=arrays["reference_values"]),
            "the blocks of its calibration rows",
        ),
        (
            lambda manifest, arrays: arrays.update(
                reference_blocks=np.arange(len(arrays["reference_values"]))
            ),
            "the blocks of its calibration rows",
        ),
        (
            lambda manifest, arrays: arrays.update(
                reference_values=arrays["reference_values"].astype(str)
            ),
            "the values of its calibration rows",
        ),
        (lambda manifest, arrays: manifest.update(family_scores={}), "the score of its family"),
        (lambda manifest, arrays: manifest["features"]["columns"].pop(), "the number of inputs"),
        (lambda manifest, arrays: manifest["parameters"].update(depth=3), "argument 'depth'"),
        (lambda manifest, arrays: manifest["parameters"].pop("hidden_units"), "'hidden_units'"),
    ],
)
def test_a_file_that_lacks_or_garbles_something_is_refused(parts, tmp_path, change, message):
    change(*parts)
    container.write(tmp_path / "m.covey", *parts)
    with pytest.raises(ArtifactError, match=message):
        covey.load(tmp_path / "m.covey")
