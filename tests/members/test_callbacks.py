"""When callbacks want to be called, and which of them an estimator takes."""

import keras
import pytest

from covey.errors import CoveyWarning, InputError
from covey.members.callbacks import EACH_BATCH, EACH_TEST, for_estimator, hears, listed

callbacks = keras.callbacks


class Old(callbacks.Callback):
    def on_batch_end(self, batch, logs=None):
        """The name that Keras had for it before."""


class Checkpoint(callbacks.ModelCheckpoint):
    """One of the user's, that saves at the end of an epoch, and looks at batches too."""

    def on_train_batch_begin(self, batch, logs=None):
        """Something."""


PATH = "model.keras"
SILENT = [
    callbacks.Callback(),
    callbacks.History(),
    callbacks.EarlyStopping(),
    callbacks.ReduceLROnPlateau(),
    callbacks.LearningRateScheduler(lambda epoch: 0.1),
    callbacks.CSVLogger("log.csv"),
    callbacks.ModelCheckpoint(PATH),
    callbacks.BackupAndRestore("backup"),
    callbacks.LambdaCallback(on_epoch_end=print),
]
OF_BATCHES = [
    Old(),
    Checkpoint(PATH),
    callbacks.TerminateOnNaN(),
    callbacks.ModelCheckpoint(PATH, save_freq=2),
    callbacks.BackupAndRestore("backup", save_freq=2),
    callbacks.TensorBoard("logs"),
    callbacks.LambdaCallback(on_train_batch_begin=print),
    callbacks.LambdaCallback(on_batch_end=print),
]


@pytest.mark.parametrize("callback", SILENT, ids=lambda callback: type(callback).__name__)
def test_callbacks_of_epochs_do_nothing_at_batches(callback):
    assert not hears(callback, EACH_BATCH + EACH_TEST)


@pytest.mark.parametrize("callback", OF_BATCHES, ids=lambda callback: type(callback).__name__)
def test_callbacks_of_batches_are_known(callback):
    assert hears(callback, EACH_BATCH)


def test_callbacks_of_evaluations_are_known():
    assert hears(callbacks.SwapEMAWeights(), EACH_TEST)
    assert hears(callbacks.LambdaCallback(on_test_end=print), EACH_TEST)


def test_they_come_one_by_one_in_nests_or_not_at_all():
    one, two = callbacks.History(), callbacks.EarlyStopping()
    assert listed(None) == listed(()) == listed([None]) == []
    assert listed(one) == [one]
    assert listed([one, (two,)]) == [one, two]
    assert listed(callbacks.CallbackList([one, two])) == [one, two]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda epoch: None, "LambdaCallback"),
        ("EarlyStopping", "must be Keras callbacks. Received: 'EarlyStopping'"),
        (callbacks.BackupAndRestore("backup"), r"resume=True"),
        (callbacks.SwapEMAWeights(), "running average"),
    ],
)
def test_what_cannot_take_part_in_an_estimator_is_refused(given, message):
    with pytest.raises(InputError, match=message):
        for_estimator([callbacks.History(), given])


@pytest.mark.parametrize("hook", ["on_test_end", "on_predict_batch_begin"])
def test_what_an_estimator_never_calls_is_said(hook):
    own = callbacks.Callback()
    setattr(own, hook, print)
    with pytest.warns(CoveyWarning, match=f"{hook} of Callback .* will not be called"):
        for_estimator(own)


def test_nothing_is_said_of_callbacks_that_have_other_work(recwarn):
    for_estimator([callbacks.TensorBoard("logs"), callbacks.EarlyStopping(), callbacks.Callback()])
    assert not recwarn
