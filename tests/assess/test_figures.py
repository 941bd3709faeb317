"""An evaluation is a dict of plain numbers that can be read."""

import copy
import json
import pickle

import numpy as np
import pytest

from covey import MultivariateNormal
from covey.assess.evaluation import evaluate
from covey.assess.figures import Evaluation
from covey.assess.verdict import verdict

NAMES = ["<i>CO</i>", "NOx"]


@pytest.fixture(scope="module")
def figures():
    generator = np.random.default_rng(0)
    mean = generator.normal(size=(300, 2))
    joint = MultivariateNormal(mean, covariance=np.stack([np.eye(2)] * 300), targets=NAMES)
    values = mean + generator.normal(size=(300, 2))
    return evaluate(joint, values, joint, "a simple one")


def test_it_is_a_dict_in_all_else(figures):
    found = Evaluation(figures)
    assert found == figures
    assert json.loads(json.dumps(found)) == json.loads(json.dumps(figures))
    assert json.dumps(found) == json.dumps(figures)
    assert isinstance(pickle.loads(pickle.dumps(found)), Evaluation)
    assert copy.deepcopy(found) == figures
    assert type({**found}) is dict


def test_it_shows_the_verdict_and_each_target(figures):
    figures = {**figures, "training_rows": 0.0}
    text = repr(Evaluation(figures))
    for line in verdict(figures):
        assert line in text
    r2 = figures["per_target"]["NOx"]["r2"]
    assert f"{r2:.4f}" in text
    html = Evaluation(figures)._repr_html_()
    assert "<strong>Calibrated?</strong>" in html
    assert "&lt;i&gt;CO&lt;/i&gt;" in html
    assert "<i>" not in html
    assert f"<td>{r2:.4f}</td>" in html


def test_what_a_fit_held_out_is_said_to_be_held_out(figures):
    assert "held out of the training" in repr(Evaluation({**figures, "order": None}))
    assert "held out of the training" not in repr(Evaluation(figures))


def test_of_many_targets_some_are_shown(figures):
    entry = figures["per_target"]["NOx"]
    many = {**figures, "per_target": {f"t{i}": entry for i in range(33)}}
    at = {name: {**found, "per_target": {}} for name, found in figures["coverage"].items()}
    many["coverage"] = at
    text = repr(Evaluation(many))
    assert "... 13 more" in text
    assert "t19 " in text
    assert "t20" not in text.partition("\n\n")[2]


def test_no_row_to_judge_by_can_be_shown():
    mean = np.zeros((3, 2))
    joint = MultivariateNormal(mean, covariance=np.stack([np.eye(2)] * 3), targets=NAMES)
    found = Evaluation(evaluate(joint, np.full((3, 2), np.nan), joint, "a simple one"))
    assert "nothing to judge by" in repr(found)
    assert "nothing to judge by" in found._repr_html_()


def test_a_part_of_it_is_shown_as_a_dict(figures):
    part = Evaluation(figures)
    del part["coverage"]
    assert repr(part) == repr(dict(part))
    assert part._repr_html_() is None
    assert repr(Evaluation()) == "{}"
