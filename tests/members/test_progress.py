"""What a person sees of a training: in terminals of any width, in logs, at the end."""

import io
import os
import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from covey.members import progress
from covey.members.progress import Log, finish, progress_bar, show


class Terminal(io.StringIO):
    def isatty(self):
        return True


def lines(stream):
    return [line for line in re.split(r"[\r\n]", stream.getvalue()) if line.strip()]


@pytest.fixture
def terminal(monkeypatch):
    def of(columns):
        stream = Terminal()
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setenv("COLUMNS", str(columns))
        size = os.terminal_size((columns, 24))
        monkeypatch.setattr("shutil.get_terminal_size", lambda *_: size)
        return stream

    return of


@pytest.mark.parametrize("name", ["student_t", "normal", "low_rank"])
@pytest.mark.parametrize("columns", [200, 80, 60])
@pytest.mark.parametrize("why", ["", "stopped early", "time is up", "ended by Ctrl-C"])
def test_bars_fit_the_terminal_and_end_at_100(terminal, name, columns, why):
    stream = terminal(columns)
    with progress_bar(3000, name, scale=256) as bar:
        bar.dynamic_ncols, bar.ncols = None, columns  # tqdm asks the system, which has no terminal
        for steps in (0, 60, 1740):
            show(bar, steps, -123.456, -234.567)
            bar.refresh()
        finish(bar, -123.456, np.array([812, 1740]), why)
    shown = lines(stream)
    assert max(map(len, shown)) <= columns
    assert " 58%|" in shown[-3] or " 58%|" in "".join(shown)
    assert f"{name} 100%" in shown[-1]
    assert why in shown[-1]
    assert "best at steps 812-1740" in shown[-1]
    assert "score -123.456" in shown[-2] or columns == 60
    if columns > 60:
        assert shown[-1].rstrip().endswith("score -123.456")


def test_a_bar_that_never_began_ends_too(terminal):
    stream = terminal(80)
    with progress_bar(3000, "normal") as bar:
        bar.dynamic_ncols, bar.ncols = None, 80
        finish(bar, -1.0, np.array([0, 0]), "stopped by max_time")
    assert "normal 100%" in lines(stream)[-1]
    assert "best at step 0," in lines(stream)[-1]


def test_a_log_has_a_line_now_and_then(monkeypatch, capsys):
    clock = SimpleNamespace(now=0.0, monotonic=lambda: clock.now)
    monkeypatch.setattr(progress, "time", clock)
    bar = progress_bar(1000, "student_t", scale=64)
    assert isinstance(bar, Log)
    with bar:
        for steps in range(1, 1001):
            clock.now += 0.5  # 500 s in all: a tenth takes 50
            show(bar, steps, -3.0, -4.0)
        finish(bar, -3.0, np.array([900]), "")
    said = lines(io.StringIO(capsys.readouterr().err))
    assert len(said) == 10
    assert said[0] == "covey: student_t: 10%, score -3.000 (start -4.000)"
    assert said[-1] == "covey: student_t: best at step 900, score -3.000"


def test_a_quick_training_is_one_line_of_a_log(capsys):
    with progress_bar(1000, "normal") as bar:
        for steps in range(0, 1000, 10):
            show(bar, steps, -3.0, -4.0)
        finish(bar, -3.0, np.array([400, 420]), "stopped early")
    assert capsys.readouterr().err == (
        "covey: normal: stopped early, best at steps 400-420, score -3.000\n"
    )


def test_silence_is_silent(capsys):
    with progress_bar(10, "normal", verbose=0) as bar:
        show(bar, 5, -1.0, -2.0)
        finish(bar, -1.0, np.array([5]), "")
    assert capsys.readouterr() == ("", "")


def test_notebooks_are_not_told_in_red(monkeypatch):
    monkeypatch.setattr(progress, "in_notebook", lambda: True)
    asked = {}
    monkeypatch.setattr(progress, "tqdm", lambda **options: asked.update(options))
    progress_bar(10, "normal")
    assert asked["file"] is sys.stdout
    assert asked["bar_format"] == progress.BAR
