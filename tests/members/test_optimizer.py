"""Each member of an ensemble is optimised as if it were alone."""

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from covey.errors import InputError
from covey.members.optimizer import MemberAdamW

SHAPES = [(3, 4, 2), (3, 2)]  # the variables of three members
OPTIONS = {"learning_rate": 0.01, "weight_decay": 0.1, "epsilon": 0.1}  # which feels the length


def gradients(steps=4):
    """Gradients of very different lengths, shorter and longer than the clipping norm."""
    rng = np.random.default_rng(0)
    lengths = rng.choice([1e-3, 0.1, 10.0, 1e6], size=(steps, 3))
    return [
        [rng.normal(size=s) * length.reshape(-1, *[1] * (len(s) - 1)) for s in SHAPES]
        for length in lengths
    ]


def run(optimizer, steps, shapes):
    variables = [keras.Variable(np.ones(shape), dtype="float32") for shape in shapes]
    optimizer.build(variables)
    for step in steps:
        optimizer.apply([keras.ops.convert_to_tensor(g, dtype="float32") for g in step], variables)
    return [keras.ops.convert_to_numpy(v.value) for v in variables]


def test_a_member_is_adamw_on_its_own_clipped_gradient():
    steps, clipnorm = gradients(), 0.5
    together = run(MemberAdamW(**OPTIONS, member_clipnorm=clipnorm), steps, SHAPES)
    for k in range(3):
        alone = []
        for step in steps:
            norm = np.sqrt(sum(np.sum(g[k] ** 2) for g in step))
            alone.append([g[k] * min(1.0, clipnorm / norm) for g in step])
        expected = run(keras.optimizers.AdamW(**OPTIONS), alone, [s[1:] for s in SHAPES])
        for value, one in zip(together, expected, strict=True):
            assert_allclose(value[k], one, rtol=1e-5)


def test_a_huge_gradient_leaves_the_other_members_as_they_are():
    steps = gradients()
    calm = run(MemberAdamW(**OPTIONS), steps, SHAPES)
    for step in steps[1:3]:
        for gradient in step:
            gradient[0] *= 1e9
    wild = run(MemberAdamW(**OPTIONS), steps, SHAPES)
    for before, after in zip(calm, wild, strict=True):
        assert_array_equal(before[1:], after[1:])
        assert np.all(np.isfinite(after))
    assert not np.array_equal(calm[0][0], wild[0][0])


def test_the_configuration_comes_back():
    optimizer = MemberAdamW(0.02, 0.3, 0.7, name="mine", beta_2=0.9)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert type(again) is MemberAdamW
    assert again.get_config() == optimizer.get_config()
    assert again.member_clipnorm == 0.7
    assert again.weight_decay == 0.3
    assert again.beta_2 == 0.9
    assert_allclose(float(again.learning_rate), 0.02, rtol=1e-6)


@pytest.mark.parametrize("rate", [0.02, 0.0])
def test_a_rate_that_is_set_holds_from_there_on(rate):
    """As with Keras' AdamW of that rate, whatever the schedule would have said."""
    steps = [[np.full(shape, 0.01) for shape in SHAPES] for _ in range(3)]
    schedule = keras.optimizers.schedules.ExponentialDecay(0.5, 1, 0.1)
    optimizer = MemberAdamW(schedule, member_clipnorm=100.0)
    found = [keras.Variable(np.ones(shape), dtype="float32") for shape in SHAPES]
    optimizer.build(found)
    assert_allclose(float(optimizer.learning_rate), 0.5, rtol=1e-6)
    optimizer.learning_rate = rate
    for step in steps:
        optimizer.apply([keras.ops.convert_to_tensor(g, dtype="float32") for g in step], found)
    theirs = keras.optimizers.AdamW(0.02)
    theirs.learning_rate = rate
    for variable, one in zip(found, run(theirs, steps, SHAPES), strict=True):
        assert_allclose(keras.ops.convert_to_numpy(variable.value), one, rtol=1e-6)
    assert_allclose(float(optimizer.learning_rate), rate, rtol=1e-6)


@pytest.mark.parametrize("steps", [1, 7, 40, 1000])
def test_the_rate_rises_and_falls_as_by_keras_schedule(steps):
    optimizer = MemberAdamW(0.01, decay_steps=steps)
    optimizer.build([keras.Variable(np.ones(shape), dtype="float32") for shape in SHAPES])
    warm = max(1, steps // 20)
    theirs = keras.optimizers.schedules.CosineDecay(
        0.01 / 50, max(1, steps - warm), 0.01, warmup_target=0.01, warmup_steps=warm
    )
    for step in {0, 1, warm - 1, warm, warm + 1, steps // 2, steps - 1, steps, steps + 5}:
        optimizer.iterations.assign(step)
        assert_allclose(float(optimizer.learning_rate), float(theirs(step)), rtol=1e-5)


def test_a_peak_that_is_set_before_building_holds_and_a_schedule_beside_steps_is_refused():
    optimizer = MemberAdamW(0.01, decay_steps=100)
    optimizer.learning_rate = 0.5
    optimizer.build([keras.Variable(np.ones(shape), dtype="float32") for shape in SHAPES])
    assert_allclose(float(optimizer.learning_rate), 0.5 / 50, rtol=1e-5)
    schedule = keras.optimizers.schedules.ExponentialDecay(0.5, 1, 0.1)
    with pytest.raises(InputError, match="must be a number"):
        MemberAdamW(schedule, decay_steps=100)


def test_what_is_excluded_from_the_decay_of_weights_does_not_decay():
    variables = [
        keras.Variable(np.ones(shape), dtype="float32", name=name)
        for shape, name in zip(SHAPES, ("kernel", "bias"), strict=True)
    ]
    optimizer = MemberAdamW(0.1, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    optimizer.build(variables)
    optimizer.apply([keras.ops.zeros(shape) for shape in SHAPES], variables)
    kernel, bias = (keras.ops.convert_to_numpy(variable.value) for variable in variables)
    assert_allclose(kernel, 0.95, rtol=1e-5)
    assert_array_equal(bias, 1.0)
