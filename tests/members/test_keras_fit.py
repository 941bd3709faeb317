"""`covey.fit` does what `model.fit` does: the right numbers are those of Keras."""

import doctest
import logging
import warnings
from functools import partial

import keras
import numpy as np
import pandas as pd
import pytest

import covey.members.keras_fit
from covey.backend import compilation
from covey.errors import CoveyWarning, InputError
from covey.families import Normal
from covey.layers import DistributionHead
from covey.losses import NegativeLogLikelihood
from covey.members.epochs import Epochs
from covey.members.loss import WhitenedLikelihood

ops = keras.ops
FAMILY = Normal(2)
on_jax = pytest.mark.skipif(keras.backend.backend() != "jax", reason="many steps at a time: jax")


def table(n=64, seed=0):
    r = np.random.default_rng(seed)
    X = r.normal(size=(n, 3))
    return X, np.sin(X[:, :2]) + 0.3 * r.normal(size=(n, 2))


def network(*layers, outputs=None, activation="tanh"):
    inputs = keras.Input((3,))
    hidden = keras.layers.Dense(4, activation=activation, name="first")(inputs)
    for layer in layers:
        hidden = layer(hidden)
    head = DistributionHead(FAMILY) if outputs is None else keras.layers.Dense(outputs)
    return keras.Model(inputs, head(hidden))


def compiled(model=None, optimizer="sgd", loss=None, **options):
    model = network() if model is None else model
    model.compile(optimizer, loss=loss or NegativeLogLikelihood(FAMILY), **options)
    return model


def given(model=None, x=None, y=None, theirs=None, **options):
    """(model, arguments for `covey.fit`, other arguments for `model.fit`)."""
    X, Y = table()
    arguments = {"x": X if x is None else x, "y": Y if y is None else y, "epochs": 2}
    arguments |= {"batch_size": 32, "shuffle": False, "verbose": 0} | options
    return model or compiled(), arguments, theirs or {}


def square(y, mean):
    return ops.square(y - mean)


def half_huber(y, mean):
    return keras.losses.huber(y, mean, delta=0.5)


@keras.saving.register_keras_serializable("tests")
class Normalised(keras.layers.Layer):
    """What feels the other rows of its batch, inside."""

    def __init__(self, **options):
        super().__init__(**options)
        self.inner = keras.layers.BatchNormalization()

    def build(self, shape):
        self.inner.build(shape)

    def call(self, x, training=False):
        return self.inner(x, training=training)


class Counted(keras.layers.Layer):
    """A state of its own and a loss of its own."""

    def build(self, shape):
        self.seen = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, x, training=False):
        if training:
            self.seen.assign(self.seen + ops.cast(ops.shape(x)[0], "float32"))
        self.add_loss(0.01 * ops.mean(ops.square(x)))
        return x + 0.001 * self.seen


class OwnLoss(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return 3.0 * super().compute_loss(x, y, y_pred, sample_weight, training)


class OwnMetrics(keras.Model):
    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return {**super().compute_metrics(x, y, y_pred, sample_weight), "seven": 7.0}


class OwnTest(keras.Model):
    def test_step(self, state, data):
        logs, state = super().test_step(state, data)
        return {name: 2.0 * value for name, value in logs.items()}, state


class OwnTraining(keras.Model):
    def train_step(self, state, data):
        return super().train_step(state, (data[0], 2.0 * data[1]))


def own(kind):
    plain = network()
    return compiled(kind(plain.inputs, plain.outputs))


def sequences(*layers, outputs=None, n=64):
    """Rows of 4 steps in time, the last of which are padded: a target of 100 must not count."""
    r = np.random.default_rng(0)
    X, Y = r.normal(size=(n, 4, 3)), r.normal(size=(n, 4, 2))
    lengths = r.integers(1, 5, n)
    padded = np.arange(4) >= lengths[:, None]
    X[padded], Y[padded] = 0.0, 100.0
    inputs = keras.Input((4, 3))
    hidden = inputs
    for layer in layers:
        hidden = layer(hidden)
    head = DistributionHead(FAMILY) if outputs is None else keras.layers.Dense(outputs)
    return keras.Model(inputs, head(hidden)), X, Y


def masked(outputs=None, weight=None, **options):
    layers = keras.layers.Masking(), keras.layers.GRU(4, return_sequences=True)
    model, X, Y = sequences(*layers, outputs=outputs)
    held_out = X[:20], Y[:20]
    return given(compiled(model, **options), X, Y, sample_weight=weight, validation_data=held_out)


def unmasked():
    model, X, Y = sequences(keras.layers.Dense(4, activation="tanh"), n=70)
    return given(compiled(model), X, Y)


def two_outputs(**options):
    inputs = keras.Input((3,))
    hidden = keras.layers.Dense(4, activation="tanh")(inputs)
    one = DistributionHead(FAMILY, name="one")(hidden)
    two = keras.layers.Dense(1, name="two")(hidden)
    model = keras.Model(inputs, options.pop("form")(one, two))
    loss = {"one": NegativeLogLikelihood(FAMILY), "two": "mse"}
    model.compile("sgd", loss=loss, **options)
    return model


def two_inputs(form):
    first, second = keras.Input((2,), name="a"), keras.Input((1,), name="b")
    joined = keras.layers.Concatenate()([first, second])
    return compiled(keras.Model(form(first, second), DistributionHead(FAMILY)(joined)))


def nested():
    inner = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(4, activity_regularizer=keras.regularizers.L2(0.1))]
    )
    return compiled(network(inner))


def classes(**options):
    X, _ = table()
    model = compiled(network(outputs=3), loss="sparse_categorical_crossentropy")
    return given(model, X, (X[:, 0] > 0).astype(int), **options)


def frames():
    X, Y = table()
    X, Y = pd.DataFrame(X, columns=list("abc")), pd.DataFrame(Y)
    X["c"] = (X["c"] > 0).astype(int)
    return given(compiled(), X, Y, sample_weight=pd.Series(np.arange(64.0)))


def big_endian():
    X, Y = table()
    W = np.linspace(0, 2, 64)
    foreign = {"x": X.astype(">f4"), "y": Y.astype(">f8"), "sample_weight": W.astype(">f8")}
    return given(compiled(), **foreign, theirs={"x": X, "y": Y, "sample_weight": W})


def lists():
    X, Y = table()
    return given(compiled(), X.tolist(), Y.tolist(), theirs={"x": X, "y": Y})


def two_in_lists():
    X, Y = table()
    x = [X[:, :2].tolist(), X[:, 2:].tolist()]
    model = two_inputs(lambda a, b: [a, b])
    return given(model, x, Y, theirs={"x": list(map(np.asarray, x))})


def optimizer(name, **options):
    return lambda: given(compiled(optimizer=getattr(keras.optimizers, name)(**options)))


def scaled():
    inner = keras.optimizers.Adam()
    return given(compiled(optimizer=keras.optimizers.LossScaleOptimizer(inner, initial_scale=4.0)))


def with_ema(callbacks=()):
    ema = keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=3)
    return given(compiled(optimizer=ema), callbacks=callbacks)


def calls_back(*callbacks, **options):
    arguments = {"epochs": 4, "validation_data": table(32, seed=1)} | options
    return given(compiled(), callbacks=list(callbacks), **arguments)


class Halve(keras.callbacks.Callback):
    """Changes weights and rate, and stops."""

    def on_epoch_end(self, epoch, logs=None):
        self.model.set_weights([0.5 * weight for weight in self.model.get_weights()])
        self.model.optimizer.learning_rate = 0.5 * float(self.model.optimizer.learning_rate)
        self.model.stop_training = epoch == 2


class Evaluate(keras.callbacks.Callback):
    """Asks the model at each hook, which takes from the model what it holds on the device."""

    def on_epoch_begin(self, epoch, logs=None):
        self.model.evaluate(*table(20), verbose=0)

    def on_epoch_end(self, epoch, logs=None):
        logs["asked"] = self.model.evaluate(*table(20), verbose=0)


class StopAtOnce(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.model.stop_training = epoch == 1


class Batches(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch == 1:
            self.model.optimizer.learning_rate = 0.001


def data_set():
    X, Y = (array.astype("float32") for array in table())

    class Rows(keras.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return X[32 * index : 32 * (index + 1)], Y[32 * index : 32 * (index + 1)]

    model, arguments, _ = given(compiled(), Rows(workers=1))
    return model, {**arguments, "y": None, "batch_size": None}, {}


def generator():
    X, Y = (array.astype("float32") for array in table())
    model, arguments, _ = given(compiled(), steps_per_epoch=3)
    batches = [((X[:32], Y[:32]) for _ in range(6)) for _ in range(2)]
    arguments = {**arguments, "x": batches[0], "y": None, "batch_size": None}
    return model, arguments, {"x": batches[1]}


def callback_list():
    model = compiled()
    history = keras.callbacks.History()
    return given(model, callbacks=keras.callbacks.CallbackList([history, Halve()], model=model))


def with_gaps():
    X, Y = table()
    Y[::7, 0] = np.nan
    return X, Y


def shadowed():
    model = compiled()
    keras_own = model.compute_loss
    model.compute_loss = lambda *rows, **options: 3.0 * keras_own(*rows, **options)
    return given(model)


def without_targets():
    model = network(Counted(), outputs=2)
    model.compile("sgd")
    model, arguments, _ = given(model)
    return model, {**arguments, "y": None}, {}


def in_a_file():
    X, Y = table()
    stored = np.memmap("x.dat", dtype="float32", mode="w+", shape=X.shape)
    stored[:] = X
    return given(compiled(), stored, Y)


def frozen():
    model = network()
    model.get_layer("first").trainable = False
    return given(compiled(model))


def half():
    return given(compiled(network(keras.layers.Dense(8, dtype="mixed_bfloat16"))))


def with_complete_and_scale():
    loss = WhitenedLikelihood(FAMILY, complete=8, scale_tril=np.array([[2.0, 0.0], [1.0, 0.5]]))
    return given(compiled(loss=loss))


class Scaled(keras.losses.Loss):
    """A loss with an attribute that is read when a step is traced."""

    beta = 1.0

    def call(self, y, mean):
        return self.beta * ops.mean(ops.square(mean - y), -1)


def set_by(hook):
    """A callback sets what a step is made of: the weight of the loss, the rate of the dropout."""

    def make():
        model = network(keras.layers.Dropout(0.9, seed=2, name="dropped"), outputs=2)

        def change(*args):
            model.loss.beta = 3.0
            model.get_layer("dropped").rate = 0.1

        callback = keras.callbacks.LambdaCallback(**{hook: change})
        return given(
            compiled(model, loss=Scaled()), *table(70), callbacks=callback, validation_data=HELD_OUT
        )

    return make


def in_place(dtype, of="x", split=0.0):
    """A callback changes the arrays that it was given."""

    def make():
        X, Y = (array.astype(dtype) for array in table(70))
        V, W = (array.astype(dtype) for array in table(40, seed=1))
        changed = {"x": X, "y": Y, "validation x": V}[of]

        def change(epoch, logs):
            changed[::2] *= -1
            changed[1] = np.nan if of == "y" else 0

        callback = keras.callbacks.LambdaCallback(on_epoch_end=change)
        other = {"validation_split": split} if split else {"validation_data": (V, W)}
        return given(compiled(), X, Y, epochs=3, callbacks=callback, **other)

    return make


class Sums(keras.metrics.Metric):
    """A metric of several numbers, which it names itself."""

    def __init__(self, **options):
        super().__init__(**options)
        self.total = self.add_variable((2,), "zeros", name="total")

    def update_state(self, y, mean, sample_weight=None):
        self.total.assign(self.total + ops.sum(y, 0))

    def result(self):
        return {"first": self.total[0], "second": self.total[1]}


class Resets(Sums):
    """It begins at the number of times that it has begun."""

    begun = 0.0

    def reset_state(self):
        self.begun += 1.0
        self.total.assign(self.begun * ops.ones(2))


def losses_of_layers_alone():
    model = network(Counted(), outputs=2)
    model.compile("sgd")
    return given(model, *table(70), shuffle=True, epochs=3)


def evaluated_before():
    """Keras has met a batch, so that it does not draw an order to look at one."""
    model = compiled()
    model.evaluate(*table(20), verbose=0)
    return given(model, *table(70), shuffle=True)


def two_out_lists():
    X, Y = table()
    y = [Y, Y[:, :1]]
    model = two_outputs(form=lambda *both: list(both))
    lists = {"y": [each.tolist() for each in y], "validation_data": (X, [Y.tolist(), Y[:, :1]])}
    return given(model, X, theirs={"y": y, "validation_data": (X, y)}, **lists)


def with_truth_values():
    return given(x=pd.DataFrame(table()[0], columns=list("abc")).assign(a=[True, False] * 32))


class OwnArray(np.ndarray):
    """One that means something else to those who know it."""


HELD_OUT = (*table(40, seed=1), np.linspace(0, 2, 40))  # as many as no batch has
WAYS = {
    "plain": given,
    "a partial last batch": lambda: given(None, *table(70)),
    "fewer rows than a batch": lambda: given(batch_size=100),
    "whole batches": lambda: given(batch_size=16),
    "more batches than a dispatch takes": lambda: given(
        x=table(140)[0], y=table(140)[1], batch_size=2
    ),
    "gaps": lambda: given(None, *with_gaps()),
    "gaps in the evaluation alone": lambda: given(validation_data=with_gaps()),
    "weights": lambda: given(sample_weight=np.linspace(0, 2, 64)),
    "mse": lambda: given(compiled(network(outputs=2), loss="mse"), sample_weight=np.arange(64.0)),
    "a function as loss": lambda: given(compiled(network(outputs=2), loss=half_huber)),
    "a function, flat targets": lambda: given(
        compiled(network(outputs=1), loss=square), y=table()[1][:, 0]
    ),
    "sum": lambda: given(compiled(loss=NegativeLogLikelihood(FAMILY, reduction="sum"))),
    "loss weights": lambda: given(compiled(loss_weights=[0.25])),
    "z and y": with_complete_and_scale,
    "metrics": lambda: given(
        compiled(
            network(outputs=2),
            loss="mse",
            metrics=["mae", keras.metrics.R2Score(class_aggregation=None)],
            weighted_metrics=["mse"],
        ),
        sample_weight=np.linspace(0, 2, 64),
        validation_data=HELD_OUT,
    ),
    "batch normalisation": lambda: given(
        compiled(network(keras.layers.BatchNormalization())), validation_data=HELD_OUT
    ),
    "batch normalisation inside": lambda: given(compiled(network(Normalised())), *table(70)),
    "states and losses of layers": lambda: given(
        compiled(network(Counted())), *table(70), validation_data=HELD_OUT
    ),
    "activity regularisers in a nested model": lambda: given(nested(), validation_data=HELD_OUT),
    "kernel regularisers": lambda: given(
        compiled(network(keras.layers.Dense(4, kernel_regularizer="l2"))),
        validation_data=HELD_OUT,
    ),
    "dropout": lambda: given(compiled(network(keras.layers.Dropout(0.3, seed=2)))),
    "a frozen layer": frozen,
    "half precision": half,
    "adam": optimizer("Adam", amsgrad=True),
    "adamw": optimizer("AdamW", weight_decay=0.1, clipvalue=0.1),
    "momentum": optimizer("SGD", momentum=0.9, nesterov=True, clipnorm=0.1),
    "rmsprop": optimizer("RMSprop", global_clipnorm=0.1),
    "lion": optimizer("Lion"),
    "accumulated gradients": optimizer("Adam", gradient_accumulation_steps=3),
    "a schedule": lambda: given(
        compiled(optimizer=keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 6)))
    ),
    "loss scaling": scaled,
    "ema": with_ema,
    "masks": masked,
    "masks, weights of steps": lambda: masked(weight=np.linspace(0, 2, 256).reshape(64, 4)),
    "masks, another loss": lambda: masked(outputs=2, loss="mse"),
    "masks, metrics": lambda: masked(outputs=2, loss="mse", metrics=["mae"]),
    "outputs in time": unmasked,
    "two outputs, lists": lambda: given(
        two_outputs(form=lambda *both: list(both), loss_weights=[1.0, 0.5]),
        y=[table()[1], table()[1][:, :1]],
        validation_data=(HELD_OUT[0], [HELD_OUT[1], HELD_OUT[1][:, :1]]),
    ),
    "two outputs, dictionaries": lambda: given(
        two_outputs(form=lambda one, two: {"one": one, "two": two}, metrics={"two": ["mae"]}),
        y={"one": table()[1], "two": table()[1][:, :1]},
    ),
    "targets in a list": lambda: given(compiled(), y=[table()[1]]),
    "targets in a dictionary": lambda: given(
        two_outputs(form=lambda *both: list(both)),
        y={"two": table()[1][:, :1], "one": table()[1]},
    ),
    "two inputs, a dictionary": lambda: given(
        two_inputs(lambda a, b: {"a": a, "b": b}),
        {"b": table()[0][:, 2:], "a": table()[0][:, :2]},
    ),
    "two inputs, lists of numbers": two_in_lists,
    "classes": classes,
    "frames": frames,
    "big-endian": big_endian,
    "lists of numbers": lists,
    "integers": lambda: given(x=table()[0].round().astype(int), y=table()[1].round().astype(int)),
    "validation_split": lambda: given(validation_split=0.3),
    "validation data with weights": lambda: given(validation_data=HELD_OUT),
    "validation_batch_size": lambda: given(validation_data=HELD_OUT, validation_batch_size=7),
    "initial_epoch": lambda: given(initial_epoch=1, epochs=3),
    "no callbacks": lambda: given(callbacks=None),
    "one callback": lambda: given(callbacks=Halve()),
    "callbacks that change the model": lambda: calls_back(Halve()),
    "callbacks that ask the model": lambda: calls_back(Evaluate()),
    "stopped before an epoch": lambda: calls_back(StopAtOnce()),
    "LearningRateScheduler": lambda: calls_back(
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.1 / (1 + epoch))
    ),
    "ReduceLROnPlateau": lambda: calls_back(
        keras.callbacks.ReduceLROnPlateau(patience=0, min_delta=10.0, factor=0.1)
    ),
    "EarlyStopping": lambda: calls_back(
        keras.callbacks.EarlyStopping(patience=2, min_delta=10.0, restore_best_weights=True)
    ),
    "LambdaCallback of epochs": lambda: calls_back(
        keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(epoch=epoch))
    ),
    "a metric of several numbers": lambda: given(
        compiled(metrics=[Sums(name="sums")]), validation_data=HELD_OUT
    ),
    "set when the training begins": set_by("on_train_begin"),
    "set when an epoch begins": set_by("on_epoch_begin"),
    "set when an epoch ends": set_by("on_epoch_end"),
    "x changed in place": in_place("float32"),
    "x changed in place, float64": in_place("float64"),
    "gaps made in place": in_place("float64", of="y"),
    "validation data changed in place": in_place("float32", of="validation x"),
    "split data changed in place": in_place("float32", split=0.3),
    "split data changed in place, float64": in_place("float64", split=0.3),
    "losses of layers alone": losses_of_layers_alone,
    "evaluated before": evaluated_before,
    "two outputs, lists of numbers": two_out_lists,
    "ModelCheckpoint": lambda: calls_back(
        keras.callbacks.ModelCheckpoint("{epoch}.weights.h5", save_weights_only=True)
    ),
}
LEFT = {
    "ModelCheckpoint(save_freq=2)": lambda: calls_back(
        keras.callbacks.ModelCheckpoint(
            "{epoch}-{batch}.weights.h5", save_weights_only=True, save_freq=2
        )
    ),
    "BackupAndRestore": lambda: calls_back(keras.callbacks.BackupAndRestore("backup")),
    "SwapEMAWeights": lambda: with_ema(keras.callbacks.SwapEMAWeights(swap_on_epoch=True)),
    "TerminateOnNaN": lambda: given(callbacks=[keras.callbacks.TerminateOnNaN()]),
    "callbacks of batches": lambda: calls_back(Batches()),
    "LambdaCallback of batches": lambda: calls_back(
        keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)
    ),
    "a CallbackList": callback_list,
    "validation_freq": lambda: given(validation_data=HELD_OUT, validation_freq=2),
    "validation_steps": lambda: given(validation_data=HELD_OUT, validation_steps=1),
    "class_weight": lambda: classes(class_weight={0: 1.0, 1: 3.0}),
    "steps_per_epoch": lambda: given(steps_per_epoch=2),
    "steps_per_execution": lambda: given(compiled(steps_per_execution=2)),
    "run_eagerly": lambda: given(compiled(run_eagerly=True), epochs=1),
    "without jit": lambda: given(compiled(jit_compile=False), epochs=1),
    "an own compute_loss": lambda: given(own(OwnLoss), validation_data=HELD_OUT),
    "an own compute_metrics": lambda: given(own(OwnMetrics)),
    "an own test_step": lambda: given(own(OwnTest), validation_data=HELD_OUT),
    "an own train_step": lambda: given(own(OwnTraining)),
    "a method of one object": shadowed,
    "a data set": data_set,
    "a generator": generator,
    "not built": lambda: given(compiled(keras.Sequential([DistributionHead(FAMILY)]))),
    "no targets": without_targets,
    "no epochs": lambda: given(epochs=0),
    "a metric that begins in a way of its own": lambda: given(
        compiled(metrics=[Resets(name="sums")]), validation_data=HELD_OUT, epochs=3
    ),
    "truth values beside numbers": with_truth_values,
    "an array of a class of its own": lambda: given(x=table()[0].view(OwnArray)),
    "a table in a file": in_a_file,
    "two outputs with weights": lambda: given(
        two_outputs(form=lambda *both: list(both)),
        y=[table()[1], table()[1][:, :1]],
        sample_weight=np.linspace(0, 2, 64),
    ),
}


def fitted(fit, model, arguments):
    """All that a fit leaves: what the model holds, its optimizer's and its metrics' state."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Keras, about data that run out
        history = fit(**arguments).history
    variables = [*model.weights, *model.optimizer.variables, *model.metrics_variables]
    return history, [ops.convert_to_numpy(variable).astype("float64") for variable in variables]


def equal(found, expected, tolerance=1e-5):
    assert list(found[0]) == list(expected[0])
    for name, values in expected[0].items():
        assert len(found[0][name]) == len(values)
        for one, two in zip(found[0][name], values, strict=True):
            np.testing.assert_allclose(one, two, tolerance, tolerance, err_msg=name)
    for one, two in zip(found[1], expected[1], strict=True):
        np.testing.assert_allclose(one, two, tolerance, tolerance)


@pytest.fixture
def quick(monkeypatch):
    """Says for each fit whether many steps were taken in one dispatch."""
    found, run = [], Epochs.run
    monkeypatch.setattr(Epochs, "run", lambda *args: found.append(1) or run(*args))
    return found


def beside_keras(make):
    """What `model.fit` and `covey.fit` leave, from the same seed."""
    keras.utils.set_random_seed(1)
    model, arguments, other = make()
    expected = fitted(model.fit, model, arguments | other)
    keras.utils.set_random_seed(1)
    model, arguments, _ = make()
    return fitted(lambda **options: covey.fit(model, **options), model, arguments), expected


@on_jax  # elsewhere Keras is given what came, as below
@pytest.mark.parametrize("name", [*WAYS, *LEFT])
def test_each_way_to_compile_and_to_call_is_that_of_keras(name, quick, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    equal(*beside_keras({**WAYS, **LEFT}[name]))
    assert len(quick) == (name in WAYS and compilation.available())


@pytest.mark.parametrize(
    "name", ["a partial last batch", "metrics", "callbacks that change the model", "frames"]
)
def test_other_engines_are_given_all_that_came(name, quick, monkeypatch):
    monkeypatch.setattr(compilation, "available", lambda: False)
    equal(*beside_keras(WAYS[name]))
    assert not quick


@pytest.mark.parametrize("name", ["ModelCheckpoint", "ModelCheckpoint(save_freq=2)"])
def test_checkpoints_hold_what_those_of_keras_hold(name, tmp_path, monkeypatch):
    def saved(folder, fit):
        (tmp_path / folder).mkdir()
        monkeypatch.chdir(tmp_path / folder)
        keras.utils.set_random_seed(1)
        model, arguments, _ = {**WAYS, **LEFT}[name]()
        (model.fit if fit is None else partial(fit, model))(**arguments)
        found = {}
        for path in sorted((tmp_path / folder).iterdir()):
            model.load_weights(path)
            found[path.name] = model.get_weights()
        return found

    expected, found = saved("theirs", None), saved("ours", covey.fit)
    assert len(expected) > 1
    assert list(found) == list(expected)
    for name, weights in expected.items():
        for one, two in zip(found[name], weights, strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-5)


def test_a_backup_goes_on_at_the_epoch_at_which_it_was_interrupted(tmp_path):
    class Interrupt(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    keras.utils.set_random_seed(1)
    model = compiled()
    options = {"epochs": 4, "shuffle": False, "verbose": 0}
    backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
    with pytest.raises(KeyboardInterrupt):
        covey.fit(model, *table(), callbacks=[backup, Interrupt()], **options)
    again = compiled()  # other weights
    backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
    assert covey.fit(again, *table(), callbacks=backup, **options).epoch == [2, 3]
    keras.utils.set_random_seed(1)
    whole = compiled()
    whole.fit(*table(), **options)
    for one, two in zip(again.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-5)


@on_jax
def test_the_order_is_the_one_that_keras_draws(quick):
    def make(shuffle=True):
        quick_to_learn = compiled(optimizer=keras.optimizers.SGD(0.5))
        return given(quick_to_learn, *table(70), shuffle=shuffle)

    found, expected = beside_keras(make)
    equal(found, expected)
    assert len(quick) == 1
    keras.utils.set_random_seed(1)
    ordered = make(shuffle=False)
    ordered[0].fit(**ordered[1])
    assert np.abs(ordered[0].get_weights()[0] - found[1][0]).max() > 1e-3


@on_jax
@pytest.mark.parametrize("left", [False, True])
def test_a_seed_decides_on_the_order_alone(left):
    weights = []
    for seed in (0, 0, 1):
        model = compiled(steps_per_execution=2) if left else compiled()
        keras.utils.set_random_seed(7)
        expected = np.random.random()
        keras.utils.set_random_seed(7)
        model.set_weights([0.3 * np.ones(w.shape) for w in model.get_weights()])
        covey.fit(model, *table(70), seed=seed, verbose=0)
        assert np.random.random() == expected
        weights.append(model.get_weights()[0])
    np.testing.assert_array_equal(weights[0], weights[1])
    assert np.abs(weights[0] - weights[2]).max() > 1e-6


@on_jax
def test_a_seed_without_effect_is_said(monkeypatch):
    monkeypatch.setattr(compilation, "available", lambda: False)
    monkeypatch.setattr(keras.config, "backend", lambda: "torch")
    with pytest.warns(CoveyWarning, match=r"set_random_seed\(3\)"):
        covey.fit(compiled(), *table(), seed=3, verbose=0)


@on_jax
def test_a_seed_of_rows_that_are_not_shuffled_is_said_to_decide_nothing():
    model = compiled()
    before = np.random.get_state()[1].copy()
    with pytest.warns(CoveyWarning, match=r"`shuffle=False` keeps the one.*seed=3; leave one"):
        covey.fit(model, *table(), seed=3, shuffle=False, verbose=0)
    np.testing.assert_array_equal(np.random.get_state()[1], before)
    with warnings.catch_warnings():
        warnings.simplefilter("error", CoveyWarning)
        covey.fit(model, *table(), shuffle=False, verbose=0)
        covey.fit(model, *table(), seed=3, verbose=0)


@on_jax
def test_what_a_loop_cannot_do_is_left_to_keras(quick):
    class Turning(keras.optimizers.SGD):
        """A state that changes its dtype in a step, which a loop cannot do."""

        def build(self, variables):
            super().build(variables)
            self.turned = self.add_variable((1, 2), name="turned")

        def stateless_apply(self, optimizer_variables, grads, trainable_variables):
            new = super().stateless_apply(optimizer_variables, grads, trainable_variables)
            return new[0], [*new[1][:-1], ops.cast(new[1][-1], "int32")]

    model = compiled(optimizer=Turning(0.1))
    covey.fit(model, *table(), batch_size=32, epochs=1, verbose=0)
    assert not quick


@on_jax
def test_several_calls_go_on_and_compile_once(caplog, quick):
    import jax

    whole, model = compiled(network()), compiled(network())
    whole.set_weights(model.get_weights())
    covey.fit(whole, *table(70), epochs=4, shuffle=False, verbose=0)
    covey.fit(model, *table(70), epochs=2, shuffle=False, verbose=0)
    with jax.log_compiles(), caplog.at_level(logging.WARNING):
        covey.fit(model, *table(70), epochs=2, shuffle=False, verbose=0)
    assert not [line for line in caplog.messages if "Finished XLA compilation" in line]
    for one, two in zip(model.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6)
    assert len(quick) == 3


def test_what_is_compiled_anew_counts_anew(quick):
    X, Y = table()

    def twice(fit):
        def both(**options):
            fit(**options)
            # as many variables as before, so that nothing but the model tells of it
            model.compile(model.optimizer, loss="mse", metrics=["mse"])
            return fit(**options)

        keras.utils.set_random_seed(1)
        model = compiled(network(outputs=2), loss="mse", metrics=["mae"])
        call = model.fit if fit == "theirs" else lambda **options: covey.fit(model, **options)
        fit = call
        return fitted(both, model, {"x": X, "y": Y, "shuffle": False, "verbose": 0})

    equal(twice("ours"), twice("theirs"))


def test_a_model_is_quick_once_it_is_built(quick):
    model = compiled(keras.Sequential([DistributionHead(FAMILY)]))
    first = covey.fit(model, *table(), epochs=2, verbose=0).history["loss"]
    again = covey.fit(model, *table(), epochs=2, verbose=0).history["loss"]
    assert again[-1] < first[0]
    assert len(quick) == compilation.available()


@on_jax
def test_a_step_that_fails_says_why_and_leaves_the_last_good_weights(quick):
    import jax
    from jax.experimental import io_callback

    calls = []

    def fail(x):
        calls.append(1)
        if len(calls) > 8:
            raise ZeroDivisionError("the third epoch")
        return x

    class Fails(keras.layers.Layer):
        def call(self, x, training=False):
            if not training:
                return x
            shape = jax.ShapeDtypeStruct((), "float32")
            return x + 0 * io_callback(fail, shape, jax.lax.stop_gradient(ops.sum(x)))

    def build():
        keras.utils.set_random_seed(1)
        return compiled(network(Fails()))

    model, two = build(), build()
    options = {"batch_size": 16, "shuffle": False, "verbose": 0}
    with pytest.raises(Exception, match="the third epoch"):
        covey.fit(model, *table(), epochs=5, **options)
    calls.clear()
    covey.fit(two, *table(), epochs=2, **options)
    for one, other in zip(model.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    assert int(model.optimizer.iterations) == 8
    assert np.isfinite(model.evaluate(*table(), verbose=0))
    assert len(quick) == 2


def test_an_interrupted_fit_keeps_what_it_has_learned():
    class Interrupt(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                self.model.set_weights([weight + 1 for weight in self.model.get_weights()])
                raise KeyboardInterrupt

    keras.utils.set_random_seed(1)
    model = compiled()
    keras.utils.set_random_seed(1)
    two = compiled()
    with pytest.raises(KeyboardInterrupt):
        covey.fit(model, *table(), epochs=5, shuffle=False, callbacks=Interrupt(), verbose=0)
    covey.fit(two, *table(), epochs=2, shuffle=False, verbose=0)
    for one, other in zip(model.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_allclose(one, other + 1, rtol=1e-5, atol=1e-6)


def test_a_fitted_model_is_saved_as_ever(tmp_path):
    model = compiled(optimizer="adam")
    covey.fit(model, *table(), verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    X = table()[0].astype("float32")
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))
    assert int(loaded.optimizer.iterations) == 2
    covey.fit(loaded, *table(), verbose=0)


def test_progress_is_shown_on_request(capsys):
    for verbose in (1, 2):
        covey.fit(compiled(), *table(), epochs=2, validation_data=table(), verbose=verbose)
        shown = capsys.readouterr().out
        assert "Epoch 2/2" in shown
        assert "val_loss" in shown
    covey.fit(compiled(), *table(), epochs=2, verbose=0)
    assert capsys.readouterr().out == ""


def with_a_mask():
    return given(x=np.ma.masked_array(table()[0], table()[0] > 1))


def with_categories():
    model, arguments, _ = classes()
    return given(model, **{**arguments, "y": pd.Series(arguments["y"]).astype("category")})


@on_jax  # TensorFlow takes a mask for its numbers
@pytest.mark.parametrize("make", [with_a_mask, with_categories])
def test_what_is_more_than_numbers_is_for_keras_to_take_or_not(make):
    model, arguments, _ = make()
    with pytest.raises(ValueError, match=r"masked|category") as expected:
        model.fit(**arguments)
    model, arguments, _ = make()
    with pytest.raises(ValueError, match=r"masked|category") as found:
        covey.fit(model, **arguments)
    assert str(found.value) == str(expected.value)


@on_jax  # elsewhere no seed decides, which another test holds
def test_a_seed_of_a_data_set_is_said_to_decide_nothing():
    model, arguments, _ = data_set()
    with pytest.warns(CoveyWarning, match=r"a data set has an order of its own.*seed=3"):
        covey.fit(model, **{**arguments, "shuffle": True}, seed=3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"y": table(63)[1]}, "Received: x with 64 rows, y with 63 rows"),
        ({"sample_weight": [1.0]}, "x with 64 rows, y with 64 rows, sample_weight with 1 row\\."),
        (
            {"validation_data": (table(5)[0], {"one": table(4)[1]})},
            r"Received of `validation_data`: x with 5 rows, y\['one'\] with 4 rows",
        ),
    ],
)
def test_unequal_rows_are_named(options, message):
    X, Y = table()
    with pytest.raises(InputError, match=message):
        covey.fit(compiled(), **{"x": X, "y": Y, **options})


@pytest.mark.parametrize("name", ["x", "y", "sample_weight", "validation_data"])
def test_lists_of_several_lengths_are_named(name):
    X, Y = table(3)
    rags = [[1.0, 2.0], [3.0, 4.0], [5.0]]
    told, of = f"`{name}`", ""
    if name == "validation_data":
        rags, told, of = (X, rags), "`y`", " of `validation_data`"
    with pytest.raises(InputError, match=f"^Expected {told}{of} to be .*2 in row 0 and 1 in row 2"):
        covey.fit(compiled(), **{"x": X, "y": Y, name: rags})
    if name == "x":
        with pytest.raises(InputError, match=r"^Expected `x\['a'\]` to be an array"):
            covey.fit(compiled(), {"a": rags}, Y)


def test_what_cannot_be_used_is_refused():
    X, Y = table()
    model = compiled()
    before = model.get_weights()
    with pytest.raises(InputError, match=r"model\.compile"):
        covey.fit(keras.Sequential([keras.layers.Dense(2)]), X, Y)
    for options in ({"y": Y[1:]}, {"y": Y, "sample_weight": np.ones(3)}, {"y": Y.tolist()[1:]}):
        with pytest.raises(InputError, match="same number of rows"):
            covey.fit(model, X, **options)
    with pytest.raises(InputError, match="same number of rows"):
        covey.fit(model, X, Y, validation_data=(X, Y[1:]))
    with pytest.raises(InputError, match="at least 1"):
        covey.fit(model, X[:0], Y[:0])
    for name, value in (
        ("epochs", -1),
        ("epochs", 2.0),
        ("initial_epoch", True),
        ("batch_size", 1.5),
        ("batch_size", 0),
        ("validation_batch_size", True),
        *(("seed", seed) for seed in (-1, 2**40, 1.5, "a", True)),
    ):
        with pytest.raises(InputError, match=f"`{name}` must be"):
            covey.fit(model, X, Y, **{name: value})
    with pytest.raises(InputError, match="same family"):
        covey.fit(model, X, Y[:, :1], verbose=0)
    for one, two in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, two)


def test_the_example_holds():
    assert doctest.testmod(covey.members.keras_fit).failed == 0
