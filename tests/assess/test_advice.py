"""What to do about what a verdict finds amiss."""

import numpy as np
import pytest

import covey
from covey.assess.advice import INDENT, advice, verdict_with_advice
from covey.assess.evaluation import evaluate
from covey.assess.verdict import verdict

BASELINE = "ridge regression with one covariance for all rows"


def figures(mean=0.0, scale=1.0, other=1.0, n=400, **more):
    """Figures of normal predictions for standard normal targets, beside another normal."""
    y = np.random.default_rng(0).normal(size=(n, 2))
    joint = covey.MultivariateNormal(
        np.full((n, 2), mean) + 0.5 * y * (mean == 0), covariance=[scale**2 * np.eye(2)] * n
    )
    constant = covey.MultivariateNormal(np.zeros((n, 2)), covariance=[other**2 * np.eye(2)] * n)
    found = evaluate(joint, y, constant, BASELINE)
    return {**found, "training_rows": 0.0, **more}


GOOD = {"scale": 0.5, "other": 1.0}


def test_a_good_model_needs_nothing():
    found = figures(**GOOD)
    assert advice(found) == [""] * 5
    assert verdict_with_advice(found) == verdict(found)


@pytest.mark.parametrize(
    ("found", "line", "said"),
    [
        (figures(mean=3.0), 0, "rows differ from those of the training"),
        (figures(mean=3.0), 1, "add features that tell of y0, y1"),
        (figures(mean=3.0), 2, "covey calibrate"),
        (figures(scale=0.2), 2, "200 fresh rows"),
        (figures(mean=1e-9), 0, "add features that tell more"),
        (figures(**GOOD, training_rows=0.5), 0, "no part in the fit"),
        (figures(**GOOD, n=5), 0, "more rows"),
        (figures(**GOOD, n=5), 2, "more rows"),
    ],
)
def test_each_no_has_a_way_out(found, line, said):
    assert said in advice(found)[line]
    lines = verdict_with_advice(found)
    place = lines.index(verdict(found)[line])
    assert lines[place + 1] == INDENT + advice(found)[line]


@pytest.mark.parametrize("held_out", [True, False])
def test_no_line_with_a_no_is_left_alone(held_out):
    for found in (figures(mean=3.0), figures(scale=0.2), figures(scale=3.0)):
        told = advice(found, held_out=held_out)
        for line, hint in zip(verdict(found, held_out=held_out), told, strict=True):
            if "? No" in line:
                assert hint


def covering(**changed):
    """Figures of a good model whose regions or intervals hold other shares than they promise."""
    found = figures(**GOOD)
    levels = {
        level: {**each, "joint": float(level), "model": float(level)}
        for level, each in found["coverage"].items()
    }
    levels["0.9"]["per_target"] = dict.fromkeys(found["per_target"], 0.9)
    for level, share in changed.items():
        if level == "y0":
            levels["0.9"]["per_target"]["y0"] = share
        else:
            levels[level.replace("_", "0.")] |= {"joint": share, "model": share}
    return {**found, "coverage": levels}


@pytest.mark.parametrize(
    ("changed", "held_out", "amiss"),
    [
        ({}, False, ""),
        ({}, True, ""),
        ({"_9": 0.5}, False, "Calibrated? No, too narrow"),
        ({"_9": 0.5}, True, "Calibrated? Once corrected: "),
        ({"_5": 0.3}, False, "But 50% regions hold 30.0%, too narrow"),
        ({"_5": 0.3}, True, "But 50% regions hold 30.0%, too narrow"),
        ({"y0": 0.5}, False, "Not so the intervals of y0"),
        ({"y0": 0.5}, True, ""),  # intervals of rows held out are not judged
    ],
)
def test_there_is_something_to_do_where_something_is_amiss_and_only_there(changed, held_out, amiss):
    found = covering(**changed)
    line, hint = (told(found, held_out=held_out)[2] for told in (verdict, advice))
    assert amiss in line
    assert bool(hint) == bool(amiss)
    assert line.startswith("Calibrated? Yes") == (not amiss)


def test_nothing_to_judge_by():
    found = figures(n=5)
    assert verdict_with_advice({**found, "rows": 0})[1].startswith(INDENT)


def test_lines_in_between_keep_their_place():
    found = figures(mean=3.0)
    found["per_target"]["y0"]["below_zero"] = [0.5, 0.6]
    lines = verdict(found)
    assert len(lines) == 6
    told = advice(found)
    assert len(told) == 6
    assert told[3] == told[4] == ""
    assert verdict_with_advice(found)[1] == INDENT + told[0]
