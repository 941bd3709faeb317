"""Keras callbacks as users give them, and which of their hooks do anything."""

from __future__ import annotations

from typing import Any

from covey.backend.select import keras
from covey.errors import InputError, shown, warn

EACH_BATCH = ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end")
EACH_TEST = ("on_test_begin", "on_test_end", "on_test_batch_begin", "on_test_batch_end")
EACH_PREDICTION = tuple(hook.replace("test", "predict") for hook in EACH_TEST)


def listed(callbacks: Any) -> list[Any]:
    """Callbacks in a list, as Keras takes them: None, one, a nest of them, or a `CallbackList`."""
    if isinstance(callbacks, keras.callbacks.CallbackList):
        return list(callbacks.callbacks)
    return [each for each in keras.tree.flatten(callbacks) if each is not None]


def for_estimator(callbacks: Any) -> list[Any]:
    """The callbacks of an estimator, in a list.

    Args:
        callbacks: as for `listed`.

    Returns:
        Keras callbacks.

    Raises:
        InputError: something is no callback, would start at an epoch that is not the
            estimator's, or waits for an evaluation by Keras.
    """
    found = listed(callbacks)
    for callback in found:
        if not isinstance(callback, keras.callbacks.Callback):
            raise InputError(
                f"`callbacks` must be Keras callbacks. Received: {shown(callback)}; a "
                "function becomes one by keras.callbacks.LambdaCallback(on_epoch_end=...)."
            )
        if isinstance(callback, keras.callbacks.BackupAndRestore):
            raise InputError(
                "`callbacks` cannot hold a BackupAndRestore: the estimator trains several networks "
                "and starts each at its first epoch. Leave it out; `fit_files(resume=True)` goes "
                "on where a training was interrupted."
            )
        if isinstance(callback, keras.callbacks.SwapEMAWeights):
            raise InputError(
                "`callbacks` cannot hold a SwapEMAWeights: the estimator keeps a running average "
                "of the weights by itself and scores and returns that. Leave it out."
            )
        unheard = [hook for hook in EACH_TEST + EACH_PREDICTION if hears(callback, (hook,))]
        if unheard and not _is_of_keras(callback):
            warn(
                f"{', '.join(unheard)} of {type(callback).__name__} in `callbacks` will not be "
                "called: the estimator neither evaluates nor predicts by Keras. After each "
                'validation it calls on_epoch_end, with logs["out_of_fold_score"].'
            )
    return found


def calls_nobody(callback: Any) -> bool:
    """Whether a callback is one of Keras' own that runs no code of the user's.

    Others may set what steps are made of, `Dropout.rate` say, or change arrays in place.
    """
    own = keras.callbacks
    shadowed = any(name.startswith("on_") for name in vars(callback))
    return not shadowed and type(callback) in (
        own.Callback,
        own.CSVLogger,
        own.EarlyStopping,
        own.History,
        own.ModelCheckpoint,
        own.ProgbarLogger,
        own.ReduceLROnPlateau,
    )


def hears(callback: Any, hooks: tuple[str, ...]) -> bool:
    """Whether a callback does anything in one of these hooks.

    Args:
        callback: a Keras callback.
        hooks: names of methods.

    Returns:
        True if its class or the object itself defines one of them; a checkpoint that saves at the
        end of an epoch does nothing after a batch, though its class does.
    """
    return any(_defines(callback, hook) for hook in hooks)


def _is_of_keras(callback: Any) -> bool:
    """Whether a callback is Keras' own and has more to do than what the user gave it."""
    kind = type(callback)
    plain = keras.callbacks.Callback, keras.callbacks.LambdaCallback
    return kind.__module__.partition(".")[0] == "keras" and kind not in plain


def _defines(callback: Any, hook: str) -> bool:
    method = getattr(type(callback), hook, None)
    idle = [getattr(keras.callbacks.Callback, hook)]
    if getattr(callback, "save_freq", None) == "epoch":
        idle += [getattr(saver, hook) for saver in _savers()]
    return hook in vars(callback) or method not in idle


def _savers() -> tuple[type, ...]:
    return keras.callbacks.ModelCheckpoint, keras.callbacks.BackupAndRestore
