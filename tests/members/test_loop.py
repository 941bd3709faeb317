"""Training: members do not feel each other, and each keeps its best."""

import warnings

import numpy as np
import pytest

from covey.backend import compilation
from covey.backend.select import keras
from covey.errors import CoveyWarning, InputError
from covey.members.architecture import Architecture
from covey.members.batches import Batches
from covey.members.loop import Training
from covey.members.network import build, read_weights, write_weights
from covey.members.recipe import Recipe
from covey.members.run import Run
from covey.members.validation import HeldOut
from covey.start.whitening import Whitened
from tests.training import RECIPE, training_data


def problem(n=120, members=2, seed=0):
    r = np.random.default_rng(seed)
    inputs = r.normal(size=(n, 3)).astype(np.float32)
    noise = r.normal(size=(n, 2)) * np.exp(0.5 * inputs[:, :1])
    targets = np.column_stack([np.sin(2 * inputs[:, 0]), inputs[:, 1] ** 2 - 1]) + noise
    rows = r.permutation(n)
    parts = np.array_split(rows, members)
    folds = [(np.setdiff1d(rows, part), part) for part in parts]
    return inputs, [targets] * members, folds


def as_whitened(targets, log_scale=0.0):
    """Targets of each member, all of them complete and white already."""
    y = np.stack(targets, axis=1).astype(np.float32)
    n, k, d = y.shape
    return Whitened(y, np.ones(n, bool), np.stack([np.eye(d)] * k), np.full((n, k), log_scale))


def network(members=2, dropout=0.0):
    sizes = {"members": members, "hidden_units": (8,)}
    return Architecture(3, 2, **sizes, activation="silu", dropout=dropout)


def changed(recipe, **changes):
    return Recipe(**{**vars(recipe), **changes})


class Last(keras.callbacks.Callback):
    """Remembers the weights at the end, which the best ones replace."""

    def on_epoch_end(self, epoch, logs=None):
        self.weights = read_weights(self.model)


def run(inputs, whitened, folds, recipe=RECIPE, **options):
    last = Last()
    dropout = options.pop("dropout", 0.0)
    if isinstance(whitened, list):
        whitened = as_whitened(whitened, options.pop("log_scale", 0.0))
    weight = options.pop("sample_weight", None)
    training = Training(
        network(len(folds), dropout),
        *rows_of(inputs, whitened, folds, recipe, weight),
        recipe,
        Run(**{"callbacks": [last], **options}),
    )
    return training.model, training.run(), getattr(last, "weights", None)


def rows_of(inputs, whitened, folds, recipe, sample_weight=None):
    data = training_data(inputs, whitened.y[:, 0], folds, sample_weight)
    source = Batches(data, whitened, recipe.batch_size, np.random.default_rng(0))
    return source, HeldOut.gather(data, whitened)


def held_out_scores(model, inputs, whitened, folds):
    family = network().family
    packed = model.predict(np.repeat(inputs[:, None], len(folds), axis=1), verbose=0)
    return [
        family.distribution(packed[test, k]).log_prob(whitened[k][test]).mean()
        for k, (_, test) in enumerate(folds)
    ]


def test_training_improves_and_keeps_the_best_weights_of_each_member():
    inputs, whitened, folds = problem()
    model, trained, _ = run(inputs, whitened, folds, changed(RECIPE, max_steps=200))
    scores = held_out_scores(model, inputs, whitened, folds)
    np.testing.assert_allclose(trained.scores, scores, atol=1e-4)
    start = build(network())
    write_weights(start, network().initial_weights(np.random.default_rng(0)))
    assert (trained.scores > np.array(held_out_scores(start, inputs, whitened, folds)) + 0.1).all()
    for kept, now in zip(trained.weights, read_weights(model), strict=True):
        np.testing.assert_array_equal(kept, now)
    assert (trained.best_steps > 0).all()
    assert trained.steps == 200


def test_what_is_kept_is_a_running_average():
    inputs, whitened, folds = problem()
    seen = []
    watch = keras.callbacks.LambdaCallback(
        on_train_begin=lambda logs: seen.append(read_weights(watch.model)),
        on_epoch_end=lambda epoch, logs: seen.append(read_weights(watch.model)),
    )
    recipe = changed(RECIPE, max_steps=300, learning_rate=0.0005)
    _, trained, _ = run(inputs, whitened, folds, recipe, callbacks=[watch], seed=3)
    per_validation = trained.steps // (len(seen) - 1)
    averages = [seen[0]]
    for number, now in enumerate(seen[1:], 1):
        kept = max(1 - 9 / number, 0)
        averages.append([kept * a + (1 - kept) * b for a, b in zip(averages[-1], now, strict=True)])
    for member, step in enumerate(trained.best_steps):
        assert step > 12 * per_validation
        best = averages[step // per_validation]
        for one, other in zip(trained.weights, best, strict=True):
            np.testing.assert_allclose(one[member], other[member], rtol=1e-5, atol=1e-6)


def test_members_are_stopped_apart():
    """One member has nothing to learn: it keeps its start, while the other goes on."""
    inputs, whitened, folds = problem()
    r = np.random.default_rng(1)
    noise = r.normal(size=whitened[0].shape)
    noise[folds[0][0]] += 3.0  # what it learns is wrong where it is stopped
    model, trained, _ = run(inputs, [noise, whitened[1]], folds)
    assert trained.best_steps[0] == 0
    assert trained.best_steps[1] > 0
    head_kernel = read_weights(model)[-2]
    assert not head_kernel[0].any()
    assert head_kernel[1].any()


@pytest.mark.parametrize("what", ["targets", "outlier"])
def test_a_member_does_not_feel_the_others(what):
    inputs, whitened, folds = problem()
    other = whitened[1] * 5.0
    if what == "outlier":
        other = whitened[1].copy()
        other[folds[1][0][:5]] = 1e6
    _, _, first = run(inputs, whitened, folds)
    _, _, again = run(inputs, [whitened[0], other], folds)
    for one, two in zip(first, again, strict=True):
        np.testing.assert_allclose(one[0], two[0], rtol=1e-4, atol=1e-6)
    assert not np.allclose(first[0][1], again[0][1], atol=1e-3)


@pytest.mark.parametrize("some_complete", [True, False])
def test_rows_with_gaps_teach_what_they_hold(some_complete):
    inputs, targets, folds = problem(n=300)
    L = np.array([[[2.0, 0.0], [-0.5, 0.5]], [[0.5, 0.0], [1.0, 3.0]]])
    residual = np.einsum("kij,knj->nki", L, np.stack(targets))
    residual[::2, :, 1] = np.nan  # only complete rows know of the second
    residual[1 :: 4 if some_complete else 2, :, 0] = np.nan
    complete = ~np.isnan(residual[:, 0]).any(axis=1)
    y = np.where(complete[:, None, None], np.stack(targets, axis=1), residual).astype("float32")
    log_L = np.log(np.diagonal(L, axis1=1, axis2=2)).sum(axis=1)
    whitened = Whitened(y, complete, L, np.where(complete[:, None], -log_L, 0.0))
    recipe = changed(RECIPE, max_steps=300)
    model, trained, _ = run(inputs, whitened, folds, recipe)
    untrained = build(network())
    write_weights(untrained, network().initial_weights(np.random.default_rng(0)))
    for k, (_, test) in enumerate(folds):
        scores = []
        for each in (untrained, model):
            copies = np.repeat(inputs[test][:, None], len(folds), axis=1)
            packed = each.predict(copies, verbose=0)[:, k]
            joint = network().family.distribution(packed).affine(L[k], targets=["y0", "y1"])
            both = joint.log_prob(residual[test, k])
            second = joint.marginal("y1").log_prob(residual[test, k, 1:])
            scores.append((both.mean(), second[~np.isnan(residual[test, k, 1])].mean()))
        assert trained.scores[k] == pytest.approx(scores[1][0], abs=1e-4)
        assert np.all(np.array(scores[1]) > np.array(scores[0]) + 0.1)


def test_held_out_rows_are_never_trained_on():
    inputs, whitened, folds = problem()
    poisoned = whitened[0].copy()
    poisoned[folds[0][1]] = 1e6
    _, _, first = run(inputs, whitened, folds)
    _, _, again = run(inputs, [poisoned, whitened[1]], folds)
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, two)


def test_rows_of_weight_zero_do_not_count():
    inputs, whitened, folds = problem()
    weight = np.ones(len(inputs))
    weight[::3] = 0.0
    poisoned = whitened[0].copy()
    poisoned[::3] = 50.0
    _, first, _ = run(inputs, whitened, folds, sample_weight=weight)
    _, again, _ = run(inputs, [poisoned, poisoned], folds, sample_weight=weight)
    np.testing.assert_allclose(first.scores, again.scores, rtol=1e-4)


def test_patience_ends_the_training():
    inputs, whitened, folds = problem()
    noise = [np.random.default_rng(k).normal(size=whitened[0].shape) for k in range(2)]
    recipe = changed(RECIPE, max_steps=1000, patience=(0.1, 0.1), learning_rate=0.1)
    _, trained, _ = run(inputs, noise, folds, recipe)
    assert trained.steps < 1000
    assert (trained.steps - trained.best_steps >= 100).all()


@pytest.mark.skipif(not compilation.available(), reason="trainings pause on jax alone")
def test_a_training_that_pauses_comes_to_the_same(capsys):
    X, Y, folds = problem()
    straight = Training(network(), *rows_of(X, as_whitened(Y), folds, RECIPE), RECIPE, Run())
    rows = rows_of(X, as_whitened(Y), folds, RECIPE)
    paused = Training(network(), *rows, RECIPE, Run(verbose=1))
    whole = straight.run()
    first = paused.run(until=20)
    assert 20 <= first.steps < 30
    assert "best at" not in capsys.readouterr().err
    assert paused.score == pytest.approx(np.mean(first.scores))
    last = paused.run()
    assert capsys.readouterr().err.count("best at") == 1
    assert last.steps == whole.steps == RECIPE.max_steps
    np.testing.assert_array_equal(last.best_steps, whole.best_steps)
    for one, other in zip(last.weights, whole.weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    assert paused.run().steps == last.steps  # over is over


def test_members_wait_for_half_the_steps_of_their_best_within_bounds():
    recipe = changed(RECIPE, max_steps=1000, patience=(0.1, 0.3))
    waits = recipe.waits(np.array([0, 100, 300, 500, 900]))
    np.testing.assert_array_equal(waits, [100, 100, 150, 250, 300])


def test_a_member_that_diverges_keeps_what_it_had():
    inputs, whitened, folds = problem()
    wild = [whitened[0].copy(), whitened[1]]
    wild[0][folds[0][0]] = np.inf
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", CoveyWarning)
        model, trained, _ = run(inputs, wild, folds)
    assert any("members [0] became infinite or NaN" in str(one.message) for one in caught)
    assert all(np.isfinite(w).all() for w in trained.weights)
    assert np.isfinite(held_out_scores(model, inputs, whitened, folds)).all()
    assert trained.best_steps[0] == 0
    assert trained.best_steps[1] > 0


def test_dropout_does_not_disturb_the_seed():
    inputs, whitened, folds = problem()
    runs = [run(inputs, whitened, folds, dropout=0.3, seed=seed)[1] for seed in (0, 0, 1)]
    np.testing.assert_array_equal(runs[0].weights[0], runs[1].weights[0])
    assert not np.array_equal(runs[0].weights[0], runs[2].weights[0])


def test_the_recipe_for_more_rows_takes_more():
    rates = {"learning_rate": 1e-3, "weight_decay": 0.0}
    recipes = [Recipe.for_table(n, 2, **rates) for n in (10, 10**3, 10**6)]
    for name in ("max_steps", "batch_size"):
        values = [getattr(recipe, name) for recipe in recipes]
        assert values == sorted(values)
        assert values[0] < values[-1]
    own = Recipe.for_table(10, 2, max_steps=7, batch_size=3, **rates)
    assert (own.max_steps, own.batch_size) == (7, 3)


def test_many_targets_take_smaller_batches():
    sizes = [
        Recipe.for_table(10_000, d, learning_rate=1e-3, weight_decay=0.0).batch_size
        for d in (1, 24, 48, 93, 1000)
    ]
    assert sizes == [256, 256, 64, 32, 32]


@pytest.mark.parametrize(
    "changes",
    [{"max_steps": 0}, {"batch_size": 0}, {"learning_rate": -1.0}, {"max_time": float("nan")}],
)
def test_a_recipe_that_cannot_be_followed_is_refused(changes):
    with pytest.raises(InputError, match=f"`{next(iter(changes))}` must be a number of at least"):
        changed(RECIPE, **changes)


def test_scores_are_in_the_units_that_the_scales_say():
    inputs, whitened, folds = problem()
    _, plain, _ = run(inputs, whitened, folds)
    _, scaled, _ = run(inputs, whitened, folds, log_scale=[3.0, -2.0])
    np.testing.assert_allclose(scaled.scores - plain.scores, [3.0, -2.0], rtol=1e-6)


class Watch(keras.callbacks.Callback):
    """Looks at the model in each hook, and may say what the learning rate is."""

    def __init__(self, hook=None, rate=None):
        super().__init__()
        self.seen, self.hook, self.rate = [], hook, rate

    def look(self, hook):
        self.seen.append((hook, read_weights(self.model), int(self.model.optimizer.iterations)))
        if hook == self.hook:
            self.model.optimizer.learning_rate = self.rate

    def on_train_begin(self, logs=None):
        self.look("on_train_begin")

    def on_epoch_begin(self, epoch, logs=None):
        self.look("on_epoch_begin")

    def on_epoch_end(self, epoch, logs=None):
        self.look("on_epoch_end")

    def on_train_end(self, logs=None):
        self.look("on_train_end")


class WatchBatches(Watch):
    def on_train_batch_begin(self, batch, logs=None):
        self.look("on_train_batch_begin")

    def on_train_batch_end(self, batch, logs=None):
        assert np.isfinite(logs["loss"])
        self.look("on_train_batch_end")
        self.model.stop_training = int(self.model.optimizer.iterations) == 7


def distance(one, two):
    return max(np.abs(first - second).max() for first, second in zip(one, two, strict=True))


@pytest.mark.parametrize("quick", [True, False])
def test_callbacks_see_the_model_as_it_is(quick, monkeypatch):
    if not quick:
        monkeypatch.setattr(compilation, "available", lambda: False)
    watch = Watch()
    run(*problem(), callbacks=watch)
    hooks, weights, steps = zip(*watch.seen, strict=True)
    assert hooks[:3] == ("on_train_begin", "on_epoch_begin", "on_epoch_end")
    assert hooks[-2:] == ("on_epoch_end", "on_train_end")
    assert steps[:2] == (0, 0)
    assert steps[-1] == steps[-2] == RECIPE.max_steps
    assert list(steps) == sorted(steps)
    for number in range(1, len(steps)):
        moved = distance(weights[number], weights[number - 1])
        assert (moved > 0) == (steps[number] > steps[number - 1])


@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize("hook", ["on_train_begin", "on_epoch_begin", "on_epoch_end"])
def test_a_rate_that_a_callback_sets_counts(hook, quick, monkeypatch):
    if not quick:
        monkeypatch.setattr(compilation, "available", lambda: False)
    watch = Watch(hook, rate=0.0)
    run(*problem(), callbacks=[watch])
    ends = [weights for name, weights, _ in watch.seen if name.endswith("end")]
    assert distance(ends[0], ends[-1]) == 0
    start = watch.seen[0][1]
    assert (distance(start, ends[0]) > 0) == (hook == "on_epoch_end")


def test_schedulers_of_keras_count():
    rates = []
    scheduler = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.01 * 0.5**epoch)
    plateau = keras.callbacks.ReduceLROnPlateau(
        monitor="loss", patience=0, min_delta=100.0, factor=0.5
    )
    read = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: rates.append(float(read.model.optimizer.learning_rate))
    )
    run(*problem(), callbacks=[scheduler, read])
    np.testing.assert_allclose(rates, 0.01 * 0.5 ** np.arange(len(rates)), rtol=1e-5)
    rates.clear()
    run(*problem(), callbacks=[read, plateau])
    np.testing.assert_allclose(
        rates[2:], rates[1] * 0.5 ** np.arange(len(rates) - 1)[1:], rtol=1e-5
    )


@pytest.mark.parametrize("quick", [True, False])
def test_callbacks_of_batches_have_steps_taken_one_by_one(quick, monkeypatch):
    if not quick:
        monkeypatch.setattr(compilation, "available", lambda: False)
    watch = WatchBatches()
    _, trained, _ = run(*problem(), callbacks=watch)
    ends = [steps for name, _, steps in watch.seen if name == "on_train_batch_end"]
    assert ends == [1, 2, 3, 4, 5, 6, 7]  # and there it was stopped
    assert trained.steps == 7
    seen = [weights for name, weights, _ in watch.seen if "batch" in name]
    for before, after in zip(seen[::2], seen[1::2], strict=True):
        assert distance(before, after) > 0


@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize("hook", ["on_epoch_begin", "on_epoch_end"])
def test_a_callback_stops_training_from_each_hook(hook, quick, monkeypatch):
    if not quick:
        monkeypatch.setattr(compilation, "available", lambda: False)

    def stop(epoch, logs=None):
        callback.model.stop_training = epoch == 1

    callback = keras.callbacks.LambdaCallback(**{hook: stop})
    ends = Watch()
    _, trained, _ = run(*problem(), callbacks=[ends, callback])
    assert [name for name, *_ in ends.seen].count("on_epoch_end") == 2
    assert 0 < trained.steps < RECIPE.max_steps


def test_no_callbacks_and_one_are_taken():
    for callbacks in (None, (), Last(), [[Last()]], keras.callbacks.CallbackList([Last()])):
        assert run(*problem(), callbacks=callbacks)[1].steps == RECIPE.max_steps


def test_callbacks_are_told_how_long_the_training_can_be():
    told, watch = {}, keras.callbacks.LambdaCallback()
    watch.on_train_begin = lambda logs=None: told.update(watch.params)
    looks = Watch()
    run(*problem(), callbacks=[watch, looks])
    assert told["epochs"] == [name for name, *_ in looks.seen].count("on_epoch_end")
    assert (told["epochs"] - 1) * told["steps"] < RECIPE.max_steps <= told["epochs"] * told["steps"]
    assert told["verbose"] == 0
