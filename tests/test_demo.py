"""The demo: the main job on the bundled data, quickly."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

import covey
from covey.demo import run
from covey.demo.story import GASES
from covey.errors import InputError
from covey.plot.canvas import BLUE, ORANGE


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    path = tmp_path_factory.mktemp("demo") / "predictions.csv"
    lines = []
    with pytest.MonkeyPatch.context() as patch:
        quick = partial(covey.JointRegressor, members=2, max_steps=300)
        patch.setattr("covey.demo.story.JointRegressor", quick)
        scores = run(path, max_time=None, verbose=0, say=lines.append)
    return path, scores, "\n".join(lines)


def test_the_joint_model_beats_both_baselines(story):
    _, scores, _ = story
    ridge, independent, joint = scores.values()
    assert joint < independent < ridge
    assert joint < ridge - 1.0


def test_what_is_printed_holds_the_job_the_scores_and_a_labelled_matrix(story):
    path, scores, text = story
    assert "UCI Air Quality, CC BY 4.0" in text
    for name, score in scores.items():
        assert f"{name:<40}{score:8.3f}" in text
    for gas in GASES:
        assert text.count(gas) >= 7  # target, gaps, row, and a row and a column of each matrix
    assert str(path) in text
    assert "\t" not in text
    lines = text.replace(f"{path.parent}", "").splitlines()  # a temporary folder may be anywhere
    assert max(map(len, lines)) <= 110


def test_the_predictions_can_be_read_back(story):
    path, scores, _ = story
    table = pd.read_csv(path, index_col="row")
    joint = covey.MultivariateT.from_frame(table)
    assert joint.targets == tuple(GASES)
    _, Y = covey.datasets.load_air_quality()
    measured = Y.loc[table.index, GASES]
    assert measured.notna().any(axis=1).all()
    assert measured["NMHC"].notna().mean() < 0.2  # nothing was left out for its gaps
    assert -joint.log_prob(measured).mean() == pytest.approx(list(scores.values())[-1])
    np.linalg.cholesky(joint.correlation)


def test_it_ends_with_a_report_and_a_picture_and_names_both(story):
    path, _, text = story
    report, picture = path.with_name("air-quality-report.html"), path.with_name("air-quality.png")
    last = text.splitlines()[-3:]
    assert all(str(each) in line for each, line in zip((path, report, picture), last, strict=True))
    assert report.read_text(encoding="utf-8").count("<svg") >= 5
    content = picture.read_bytes()
    assert content.startswith(b"\x89PNG")
    width, height = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))
    assert width > height > 500  # pixels: legible on a screen
    pixels = imread(picture)[..., :3]
    for colour in (BLUE, ORANGE):  # before, and after
        assert (np.abs(pixels - to_rgb(colour)).max(axis=-1) < 0.02).sum() > 200


def test_without_the_extra_it_says_which_one_brings_them(tmp_path, monkeypatch):
    quick = partial(covey.JointRegressor, "normal", members=2, max_steps=20, trees=False)
    monkeypatch.setattr("covey.demo.story.JointRegressor", quick)
    monkeypatch.setattr("covey.demo.story.find_spec", lambda name: None)
    lines = []
    run(tmp_path / "p.csv", max_time=None, verbose=0, say=lines.append)
    assert [each.name for each in tmp_path.iterdir()] == ["p.csv"]
    assert 'pip install "covey[report]"' in lines[-1]


def test_a_report_that_cannot_be_written_is_refused_before_any_work(tmp_path):
    (tmp_path / "air-quality-report.html").mkdir()
    with pytest.raises(InputError, match="folder"):
        run(tmp_path / "p.csv", say=lambda line: pytest.fail("it started"))


def test_an_output_that_cannot_be_written_is_refused_before_any_work(tmp_path):
    with pytest.raises(InputError, match="folder"):
        run(tmp_path / "none" / "predictions.csv", say=lambda line: pytest.fail("it started"))
