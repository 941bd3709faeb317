"""A fitted estimator in words."""

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import covey
from covey.assess.summary import caution_sentence, family_sentence
from covey.assess.verdict import verdict
from covey.cli import main

QUICK = {"members": 2, "hidden_units": (4,), "max_steps": 10, "random_state": 0}
SCORES = {"student_t": -6.0, "normal": -7.5}


def table(targets=2):
    r = np.random.default_rng(0)
    X = r.normal(size=(60, 2))
    noise = r.normal(size=(60, 1)) + 0.1 * r.normal(size=(60, targets))
    return X, 100 * (X[:, :1] + noise)


@pytest.mark.parametrize(
    ("asked", "chosen", "scores", "says"),
    [
        ("auto", "student_t", SCORES, "chosen by out-of-fold rows, 0.500 above normal"),
        ("auto", "normal", SCORES, "would gain 0.500 (nats per target), which chance or rounded"),
        ("normal", "normal", SCORES, "normal, as asked; student_t would gain 0.500 (nats per"),
        ("student_t", "student_t", {"student_t": 1.0}, "student_t, as asked"),
    ],
)
def test_the_sentence_says_what_was_chosen_and_by_how_much(asked, chosen, scores, says):
    assert says in family_sentence(asked, chosen, scores, 3)


def test_a_fit_says_which_family_it_chose(capsys):
    X, Y = table()
    model = covey.JointRegressor(**QUICK).fit(X, Y)
    first, *rest = capsys.readouterr().out.splitlines()
    assert first == f"covey: {family_sentence('auto', model.family_, model.family_scores_, 2)}"
    assert rest == verdict(model.out_of_fold_evaluation_, held_out=True)
    covey.JointRegressor(**QUICK, verbose=0, family="student_t").fit(X, Y)
    assert capsys.readouterr() == ("", "")


def test_the_summary_holds_the_figures_of_the_out_of_fold_distributions():
    X, Y = table()
    model = covey.JointRegressor(
        **QUICK, base=LinearRegression(), family="student_t", verbose=0
    ).fit(X, Y)
    joint, lines = model.out_of_fold_, model.summary().splitlines()
    assert "2 targets from 2 columns, 2 members" in lines[0]
    assert "mean model LinearRegression()" in lines
    assert f"{np.median(joint.degrees_of_freedom):.3g} in the median row" in model.summary()
    assert f"{model.out_of_fold_score_:.3f} nats per row" in model.summary()
    name, stddev, one, correlation = lines[-2].split()
    assert (name, one) == ("y0", "1.00")
    assert float(stddev) == pytest.approx(np.median(joint.stddev[:, 0]), rel=1e-3)
    assert float(correlation) == pytest.approx(joint.correlation[:, 0, 1].mean(), abs=0.006)


@pytest.mark.parametrize("targets", [1, 20])
def test_a_summary_of_one_target_or_of_many_has_no_correlations(targets):
    X, Y = table(targets)
    model = covey.JointRegressor(**QUICK, family="student_t", verbose=0).fit(X, Y)
    lines = model.summary().splitlines()
    assert len(lines[-targets:]) == targets
    assert lines[-targets - 1].split() == ["target", "std"]
    with pytest.raises(ValueError, match="not fitted"):
        covey.JointRegressor().summary()


def test_the_command_line_takes_a_family_and_info_names_it(tmp_path, capsys, monkeypatch):
    import pandas as pd

    monkeypatch.chdir(tmp_path)
    X, Y = table()
    pd.DataFrame(np.hstack([X, Y]), columns=["a", "b", "u", "v"]).to_csv("t.csv", index=False)
    words = "fit t.csv --targets u,v --output m.covey --max-time 2 --members 2 --quiet"
    assert main([*words.split(), "--family", "normal"]) == 0
    assert main(["info", "m.covey"]) == 0
    (line,) = [x for x in capsys.readouterr().out.splitlines() if x.startswith("family")]
    assert "normal, as asked" in line
    assert "student_t" in line


def test_a_notebook_shows_scikit_learns_diagram_and_after_a_fit_the_summary():
    X, Y = table()
    names = ["<i>CO</i>", "a name of many letters, as those of sensors often are, to the 60th"]
    model = covey.JointRegressor(**QUICK, verbose=0)
    assert "sk-top-container" in model._repr_html_()
    assert "out-of-fold score" not in model._repr_html_()
    model.fit(X, pd.DataFrame(Y, columns=names))
    html = model._repr_html_()
    assert "sk-top-container" in html
    own = html[html.index("<style>.covey") :]
    assert f"{model.out_of_fold_score_:.3f} nats per row" in own
    assert f"family {model.family_}" in own
    assert "&lt;i&gt;CO&lt;/i&gt;" in own
    assert names[1] in own
    assert "<i>" not in own
    assert "http" not in own
    assert own in model._repr_mimebundle_()["text/html"]
    inside = make_pipeline(StandardScaler(), model)
    assert "sk-top-container" in inside._repr_html_()
    with config_context(display="text"):
        assert not hasattr(model, "_repr_html_")


def test_long_names_have_numbers_for_heads_so_that_none_is_mistaken_for_another():
    X, Y = table()
    names = ["temperature inside", "temperature outside"]
    model = covey.JointRegressor(**QUICK, verbose=0).fit(X, pd.DataFrame(Y, columns=names))
    head, first, second = model.summary().splitlines()[-3:]
    assert head.split() == ["target", "std", "#1", "#2"]
    assert first.startswith("#1 temperature inside ")
    assert second.startswith("#2 temperature outside ")
    correlation = model.out_of_fold_.correlation[:, 0, 1].mean()
    assert float(first.split()[-1]) == pytest.approx(correlation, abs=0.006)


def test_caution_in_words():
    caution = {"freedom": 5.0, "shrinkage": 0.128}
    assert caution_sentence(caution, "student_t") == [
        "few blocks tell little of rows to come: tails have at most 5 degrees of freedom, "
        "correlations are 0.87 of what members say"
    ]
    assert caution_sentence(caution, "normal") == [
        "few blocks tell little of rows to come: correlations are 0.87 of what members say"
    ]
    assert caution_sentence({"freedom": 5.0, "shrinkage": 0.0}, "low_rank") == []
    assert caution_sentence(None, "student_t") == []
