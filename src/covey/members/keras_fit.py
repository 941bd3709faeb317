"""`covey.fit`: what `model.fit` does to a Keras model, with many steps in one dispatch on jax."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from covey.arguments.numbers import is_number, read_lists
from covey.backend import compilation
from covey.backend.select import keras
from covey.errors import InputError, counted, shown, warn
from covey.members.callbacks import EACH_BATCH, EACH_TEST, calls_nobody, hears, listed
from covey.members.epochs import Epochs, Examples, Order, Table
from covey.types import KerasData


def fit(
    model: keras.Model,
    x: KerasData,
    y: KerasData = None,
    *,
    sample_weight: KerasData = None,
    batch_size: int | None = None,
    epochs: int = 1,
    initial_epoch: int = 0,
    validation_data: KerasData = None,
    validation_split: float = 0.0,
    validation_batch_size: int | None = None,
    validation_steps: int | None = None,
    validation_freq: int | Sequence[int] = 1,
    class_weight: dict[int, float] | None = None,
    steps_per_epoch: int | None = None,
    shuffle: bool | str = True,
    callbacks: keras.callbacks.Callback | Sequence[keras.callbacks.Callback] | None = None,
    seed: int | None = None,
    verbose: int | str = "auto",
) -> keras.callbacks.History:
    """Train a compiled Keras model, as `model.fit` does.

    Under jax, Keras returns to Python after every step, which costs small networks more than the
    step itself. Here the rows are put on the device once, and one dispatch takes up to 64 of the
    steps that Keras itself takes, `model.train_step`, whatever losses, metrics, layers and
    optimizers are in them.

    That is done where nothing between two steps can matter: on jax and on one device, for a
    functional or sequential model that is built and compiled by `jit`, for tables of numbers in
    memory, and for callbacks that are called at epochs and at the ends of the training.
    Everything else is left to `model.fit`: other backends, subclassed models, callbacks for batches
    or evaluations, generators and other data sets, `class_weight`, `steps_per_epoch`,
    `validation_steps`, `validation_freq`, and `steps_per_execution`.

    Args:
        model: a Keras model, compiled with an optimizer and a loss.
        x: array of shape (N, ...), or a list or dictionary of them, as the model takes them; or
            anything that `model.fit` takes.
        y: targets, array of shape (N, ...), or a list or dictionary of them.
        sample_weight: array of shape (N,), or whatever `model.fit` takes.
        batch_size: rows per gradient step; 32 by default.
        epochs: passes through the rows; 0 does nothing.
        initial_epoch: the epoch at which to start.
        validation_data: (x, y) or (x, y, sample_weight), for "val_loss" after each epoch.
        validation_split: share of the rows, the last of them, that are validation data instead.
        validation_batch_size: rows per step of the evaluation; `batch_size` by default.
        validation_steps: as for Keras.
        validation_freq: as for Keras.
        class_weight: as for Keras.
        steps_per_epoch: as for Keras.
        shuffle: whether each epoch has its own order of the rows.
        callbacks: Keras callbacks: one, several, or None.
        seed: of the order, which is otherwise drawn as `model.fit` draws it, from NumPy's
            global generator; `keras.utils.set_random_seed` then decides. That generator is left as
            it was.
        verbose: as for Keras: 0 is silent, 1 a progress bar, 2 a line per epoch.

    Returns:
        A `keras.callbacks.History`: its `history` holds for each epoch what `model.fit` reports:
        "loss", the metrics, and the same with "val_" in front where there are validation data.

    Raises:
        InputError: the model is not compiled, the numbers of rows differ, or a number is out of its
            range.
        EngineError: Keras runs on a backend that can only predict, or this process is a copy of one
            in which jax was at work.

    Example:
        >>> import covey, keras, numpy as np
        >>> family = covey.families.Normal(2)
        >>> inputs = keras.Input((3,))
        >>> outputs = covey.layers.DistributionHead(family)(keras.layers.Dense(8)(inputs))
        >>> model = keras.Model(inputs, outputs)
        >>> model.compile("adam", loss=covey.losses.NegativeLogLikelihood(family))
        >>> X, Y = np.random.default_rng(0).normal(size=(2, 100, 3))
        >>> history = covey.fit(model, X, Y[:, :2], epochs=3, verbose=0)
        >>> sorted(history.history)
        ['loss']
    """
    compilation.check_can_fit()
    if not getattr(model, "compiled", False):
        raise InputError(
            "`model` must be a compiled Keras model: call model.compile(optimizer, loss=...) "
            f"first. Received: {shown(model)}."
        )
    for name, value, least in (
        ("epochs", epochs, 0),
        ("initial_epoch", initial_epoch, 0),
        ("batch_size", 32 if batch_size is None else batch_size, 1),
        ("validation_batch_size", 1 if validation_batch_size is None else validation_batch_size, 1),
    ):
        if not is_number(value, whole=True) or value < least:
            raise InputError(
                f"`{name}` must be an integer of at least {least}. Received: {name}={shown(value)}."
            )
    if seed is not None and not (is_number(seed, whole=True) and 0 <= seed < 2**32):
        raise InputError(
            f"`seed` must be None or an integer from 0 to 2**32 - 1. Received: seed={shown(seed)}."
        )
    inputs, outputs = (len(getattr(model, name, None) or ()) for name in ("inputs", "outputs"))
    x, y, sample_weight = _given((x, y, sample_weight), inputs, outputs)
    _check_rows({"x": x, "y": y, "sample_weight": sample_weight})
    if type(validation_data) in (tuple, list) and len(validation_data) in (2, 3):
        validation_data = _given(validation_data, inputs, outputs, " of `validation_data`")
        _check_rows(
            dict(zip(("x", "y", "sample_weight"), validation_data, strict=False)),
            of=" of `validation_data`",
        )
    options = {
        "validation_freq": validation_freq,
        "validation_steps": validation_steps,
        "class_weight": class_weight,
        "steps_per_epoch": steps_per_epoch,
    }
    in_memory = all(map(_is_array, _leaves((x, y, sample_weight))))
    with _drawing_by(seed, in_memory, bool(shuffle)):
        quick = None
        usual = options == _DEFAULTS and isinstance(shuffle, bool) and epochs > 0
        if usual and _suits(model, callbacks):
            tables = _tables((x, y, sample_weight), validation_data, validation_split)
            size = int(batch_size or 32)
            sizes = size, int(validation_batch_size or size)
            observed = not all(map(calls_nobody, listed(callbacks)))
            quick = _epochs(model, *tables, *sizes, shuffle=bool(shuffle), observed=observed)
        if quick is not None:
            return quick.run(listed(callbacks), int(initial_epoch), int(epochs), verbose)
        return model.fit(
            x,
            y,
            sample_weight=sample_weight,
            batch_size=batch_size,
            epochs=epochs,
            initial_epoch=initial_epoch,
            validation_data=validation_data,
            validation_split=validation_split,
            validation_batch_size=validation_batch_size,
            shuffle=shuffle,
            callbacks=callbacks,
            verbose=verbose,
            **options,
        )


_DEFAULTS = {
    "validation_freq": 1,
    "validation_steps": None,
    "class_weight": None,
    "steps_per_epoch": None,
}
_STEPS = {  # what is no longer Keras' own when an object has another
    "call",
    "compute_loss",
    "compute_metrics",
    "evaluate",
    "fit",
    "get_metrics_result",
    "reset_metrics",
    "stateless_call",
    "stateless_compute_loss",
    "test_step",
    "train_step",
}


def _suits(model: Any, callbacks: Any) -> bool:
    """Whether nothing but Keras' own steps happens between the two ends of an epoch."""
    caps = keras.config.max_epochs(), keras.config.max_steps_per_epoch()
    return (
        compilation.available()
        and compilation.alone()
        and caps == (None, None)
        and type(model) in (keras.Sequential, _functional())
        and not vars(model).keys() & _STEPS
        and bool(model.built and model.jit_compile)
        and not model.run_eagerly
        and model.steps_per_execution == 1
        and not getattr(model, "_initial_epoch", None)  # where a `BackupAndRestore` was
        and not isinstance(callbacks, keras.callbacks.CallbackList)
        and all(
            isinstance(callback, keras.callbacks.Callback)
            and not isinstance(
                callback, keras.callbacks.BackupAndRestore
            )  # it moves the first epoch
            and not hears(callback, EACH_BATCH + EACH_TEST)
            for callback in listed(callbacks)
        )
    )


@lru_cache(maxsize=1)
def _functional() -> type:
    """The class of a model of layers that are functions of each other, which has no public name."""
    inputs = keras.Input((1,))
    return type(keras.Model(inputs, inputs))


def _epochs(
    model: Any,
    rows: Examples | None,
    held_out: Examples | None,
    size: int,
    test_size: int,
    *,
    shuffle: bool,
    observed: bool,
) -> Epochs | None:
    """Epochs of many steps in one dispatch, where that can be."""
    if rows is None:
        return None
    order = Order(_length(rows), size, shuffle=shuffle)
    table = Table(model, "train", partial(_numbers, rows), order, observed=observed)
    test = None
    if held_out is not None:
        order = Order(_length(held_out), test_size, shuffle=False)
        test = Table(model, "test", partial(_numbers, held_out), order, observed=observed)
    epochs = Epochs(model, table, test)
    return epochs if epochs.ready() else None


def _tables(
    given: Examples, validation_data: Any, validation_split: float
) -> tuple[Examples | None, Examples | None]:
    """(rows to train on, rows to evaluate on or None); (None, None) if Keras must read them."""
    rows = _table(*given)
    if rows is None:
        return None, None
    if validation_data is not None:
        held_out = _table(*validation_data) if type(validation_data) is tuple else None
        return (None, None) if held_out is None else (rows, held_out)
    if not validation_split:
        return rows, None
    first = math.floor(_length(rows) * (1.0 - validation_split))
    if not 0 < first < _length(rows):
        return None, None
    rows = _numbers(rows)  # as Keras does, so that what is copied here is not copied again
    return _part(rows, slice(None, first)), _part(rows, slice(first, None))


def _table(x: Any, y: Any = None, weight: Any = None) -> Examples | None:
    """x, y and weights in one tuple; None unless Keras would take these tables as they are."""
    if y is None or (weight is not None and keras.tree.is_nested(y)):
        return None  # Keras would give each output its weights
    rows = (x, y) if weight is None else (x, y, weight)
    return rows if all(map(_is_of_numbers, keras.tree.flatten(rows))) else None


def _is_of_numbers(values: Any) -> bool:
    """Whether something is known to hold numbers and nothing beside them, like masks or labels."""
    if type(values) is np.ndarray:
        return values.dtype.kind in "biuf"
    if _is_frame(values):
        kinds = list(getattr(values, "dtypes", ())) if values.ndim == 2 else [values.dtype]
        together = np.asarray(values.iloc[:0]).dtype  # objects, of truth values beside numbers
        return all(isinstance(k, np.dtype) and k.kind in "biuf" for k in (*kinds, together))
    if not (keras.ops.is_tensor(values) and hasattr(values, "__array__")):
        return False
    return np.asarray(values).dtype.kind in "biuf"


def _is_frame(values: Any) -> bool:
    """Whether something is a frame or a series of pandas itself."""
    kind = type(values)
    of_pandas = kind.__module__.partition(".")[0] == "pandas"
    return of_pandas and kind.__name__ in ("DataFrame", "Series")


def _is_array(values: Any) -> bool:
    """Whether something is an array in memory; one in a file may be larger than the memory."""
    return hasattr(values, "__array__") and not isinstance(values, np.memmap)


def _numbers(rows: Examples) -> Examples:
    """Rows as they go to the device: numbers of the kind that Keras makes of them."""

    def numbers(values: Any) -> NDArray[Any]:
        array = np.asarray(values)
        if array.ndim == 1 and _is_frame(values):
            array = array[:, None]
        if array.dtype.kind == "f":
            array = array.astype(keras.config.floatx(), copy=False)
        return array

    return keras.tree.map_structure(numbers, rows)


def _native(values: Any) -> Any:
    """Arrays in the byte order of this machine, which every backend needs."""
    foreign = type(values) is np.ndarray and not values.dtype.isnative
    return values.astype(values.dtype.newbyteorder("=")) if foreign else values


def _given(rows: Sequence[Any], inputs: int, outputs: int, of: str = "") -> tuple[Any, ...]:
    """x, y and weights as arrays, for models of that many inputs and outputs."""
    named = zip(rows, ("x", "y", "sample_weight"), (inputs, outputs, outputs), strict=False)
    return tuple(_arrays(each, several, name, of) for each, name, several in named)


def _arrays(values: Any, several: int, name: str, of: str) -> Any:
    """Lists of numbers, which Keras does not take, as arrays; anything else unchanged."""
    if type(values) is dict:
        return {key: _arrays(each, 1, f"{name}[{key!r}]", of) for key, each in values.items()}
    if type(values) not in (list, tuple):
        return _native(values)
    lists = all(type(each) in (list, tuple) for each in values)
    if _is_numbers(values) and not (lists and several > 1 and len(values) == several):
        return read_lists(values, f"`{name}`{of}")
    return type(values)(_arrays(each, 1, f"{name}[{i}]", of) for i, each in enumerate(values))


def _is_numbers(values: Any) -> bool:
    leaves = keras.tree.flatten(values)
    return bool(leaves) and all(isinstance(leaf, (int, float, np.number)) for leaf in leaves)


def _leaves(values: Any) -> list[Any]:
    return [leaf for leaf in keras.tree.flatten(values) if leaf is not None]


def _check_rows(parts: dict[str, Any], of: str = "") -> None:
    """Refuse arrays of different lengths, by their names."""
    if not all(map(_is_array, _leaves(list(parts.values())))):
        return
    lengths = {name: [*np.shape(array), 1][0] for name, array in _named(parts)}
    if len(set(lengths.values())) > 1 or 0 in lengths.values():
        each = [f"{name} with {counted(length, 'row')}" for name, length in lengths.items()]
        raise InputError(
            f"Expected `x`, `y` and the weights{of} to have the same number of rows, at least 1. "
            f"Received{of}: {', '.join(each)}."
        )


def _named(parts: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield each array of a nest, with the expression for it: `x`, `y[0]`, `x['a']`."""
    for name, part in parts.items():
        if isinstance(part, dict):
            yield from _named({f"{name}[{key!r}]": each for key, each in part.items()})
        elif isinstance(part, (list, tuple)):
            yield from _named({f"{name}[{i}]": each for i, each in enumerate(part)})
        elif part is not None:
            yield name, part


def _length(rows: Examples) -> int:
    return len(keras.tree.flatten(rows)[0])


def _part(rows: Examples, which: slice) -> Examples:
    return keras.tree.map_structure(lambda array: array[which], rows)


@contextmanager
def _drawing_by(seed: int | None, in_memory: bool, shuffle: bool) -> Iterator[None]:
    """A context in which NumPy's global generator, from which Keras draws on jax, is seeded."""
    if seed is not None and not shuffle:
        warn(
            "`seed` decides on the order of the rows alone, and `shuffle=False` keeps the one they "
            f"have. Received: seed={seed!r}; leave one of the two out."
        )
    if seed is None or not shuffle:
        yield
        return
    if not in_memory:
        warn(
            "`seed` decides on the order of the rows of arrays alone; a data set has an order of "
            f"its own. Received: seed={seed!r}; leave it out and have the data set draw by it."
        )
    if keras.config.backend() != "jax":
        warn(
            f"`seed` decides on the order of the rows on jax alone. Received: seed={seed!r}, on "
            f"{keras.config.backend()}; call keras.utils.set_random_seed({seed!r}) before `fit`.",
        )
    before = np.random.get_state()
    np.random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(before)
