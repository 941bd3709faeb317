"""Ctrl-C in a fit: the best so far is kept, once; a second one ends at once."""

import os
import signal
import threading
import time

import numpy as np
import pytest

import covey
from covey.backend import compilation
from covey.backend.select import keras
from covey.errors import CoveyWarning
from covey.members import candidates
from covey.members.interruption import Interruption
from covey.members.loop import Training

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of Unix")

QUICK = {"family": "auto", "members": 2, "hidden_units": (4,), "random_state": 0, "verbose": 0}


@pytest.fixture(autouse=True)
def _a_while_ago(monkeypatch):
    monkeypatch.setattr(Interruption, "_over", -np.inf)


def press():
    os.kill(os.getpid(), signal.SIGINT)


class Press(keras.callbacks.Callback):
    """Somebody who presses Ctrl-C, some times, at the end of the first epochs."""

    def __init__(self, times=1):
        super().__init__()
        self.times, self.epochs = times, 0

    def on_epoch_end(self, epoch, logs=None):
        self.epochs += 1
        if self.epochs <= self.times:
            press()


def table(n=120):
    r = np.random.default_rng(0)
    X = r.normal(size=(n, 2))
    return X, X + r.normal(size=(n, 2))


def test_the_best_so_far_is_kept():
    callback = Press()
    model = covey.JointRegressor(**QUICK, max_steps=2000, callbacks=callback)
    with pytest.warns(CoveyWarning, match="Ctrl-C ended the training after .* of at most 2,000"):
        model.fit(*table())
    assert callback.epochs == 1  # neither this training goes on, nor is there another
    assert model.fitted_.interrupted
    assert np.isfinite(model.out_of_fold_score_)
    assert np.linalg.eigvalsh(model.predict_distribution(table()[0]).covariance).min() > 0
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_it_is_that_of_a_training_that_ended_there():
    """The same steps without any Ctrl-C, stopped by a callback, give the same model."""

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = True

    options = {**QUICK, "family": "student_t", "max_steps": 400}
    with pytest.warns(CoveyWarning, match="Ctrl-C"):
        one = covey.JointRegressor(**options, callbacks=Press()).fit(*table())
    two = covey.JointRegressor(**options, callbacks=Stop()).fit(*table())
    X = table()[0]
    np.testing.assert_array_equal(one.predict(X), two.predict(X))
    assert not two.fitted_.interrupted


def test_a_second_one_ends_at_once_and_leaves_the_estimator():
    X, Y = table()
    model = covey.JointRegressor(**QUICK, max_steps=10).fit(X, Y)
    before = model.predict(X)
    model.set_params(max_steps=2000, callbacks=Press(times=1))

    class Twice(Press):
        def on_epoch_end(self, epoch, logs=None):
            press()
            press()

    model.set_params(callbacks=Twice())
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y)
    np.testing.assert_array_equal(model.predict(X), before)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_loop_over_fits_ends():
    with Interruption() as first:
        press()
    assert first.asked
    with pytest.raises(KeyboardInterrupt), Interruption():
        press()


def test_a_later_fit_is_interrupted_anew(monkeypatch):
    with Interruption() as first:
        press()
    monkeypatch.setattr(Interruption, "_over", time.monotonic() - 3)
    with Interruption() as second:
        press()
    assert first.asked
    assert second.asked


def test_handlers_of_others_stay():
    seen = []
    before = signal.signal(signal.SIGINT, lambda *_: seen.append(1))
    try:
        with Interruption() as found:
            press()
    finally:
        signal.signal(signal.SIGINT, before)
    assert seen == [1]
    assert not found.asked


def test_other_threads_have_none():
    found = []

    def work():
        with Interruption() as one:
            found.append(signal.getsignal(signal.SIGINT))
        found.append(one.asked)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [signal.default_int_handler, False]


@pytest.mark.skipif(not compilation.available(), reason="trained side by side on jax alone")
def test_nobody_waits_for_a_mixture_that_is_being_compiled(monkeypatch):
    """Nor does an error there lose what was trained until then."""
    started = threading.Event()

    def ready(self, *_):
        started.set()
        raise MemoryError("while it is compiled")

    def run(self, **options):
        found = real(self, **options)
        if options.get("until") is not None:
            started.wait(60)
            press()
        return found

    real = Training.run
    monkeypatch.setattr(candidates._Trainings, "ready", ready)
    monkeypatch.setattr(Training, "run", run)
    model = covey.JointRegressor(**QUICK, max_steps=600, trees=False)
    with pytest.warns(CoveyWarning, match="Ctrl-C ended the training after"):
        model.fit(*table(500))
    assert "mixture" not in model.family_scores_
    assert np.isfinite(model.out_of_fold_score_)


@pytest.mark.skipif(not compilation.available(), reason="trained side by side on jax alone")
def test_after_ctrl_c_in_the_first_steps_of_a_mixture_both_are_judged(monkeypatch):
    def run(self, **options):
        found = real(self, **options)
        trained.append(self._name)
        if trained == ["student_t", "mixture"]:
            press()
        return found

    real, trained = Training.run, []
    monkeypatch.setattr(Training, "run", run)
    model = covey.JointRegressor(**QUICK, max_steps=600, trees=False)
    with pytest.warns(CoveyWarning, match="Ctrl-C ended the training after"):
        model.fit(*table(500))
    assert set(model.family_scores_) == {"student_t", "normal", "mixture"}
