"""The normal family inside the network against SciPy and the NumPy object outside."""

import doctest
from functools import cache
from itertools import pairwise

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

import covey.families.normal
from covey.algebra import triangular
from covey.errors import InputError
from covey.families import LowRankNormal, Normal, internals
from covey.families.inverse_cholesky import LARGEST_INVERSE
from covey.losses import NegativeLogLikelihood

ops = keras.ops
DS = [1, 2, 3, 5, 8]
each_d = pytest.mark.parametrize("d", DS)
NORMALS = [Normal(d) for d in DS]
NORMALS += [LowRankNormal(d, r) for d, r in [(1, 1), (3, 2), (5, 5), (8, 0), (40, 3)]]
each_normal = pytest.mark.parametrize("family", NORMALS, ids=repr)


ROWS = 64  # whatever a test needs is cut to this: jax compiles again for every new shape


def blocks(array):
    """Blocks of the same number of rows; the last row fills the last block."""
    for start in range(0, len(array), ROWS):
        yield np.float32(array[np.minimum(np.arange(start, start + ROWS), len(array) - 1)])


@cache
def models(family):
    """`constrain` and `log_prob`, compiled."""
    size = family.packed_size
    packed, y = keras.Input((size,)), keras.Input((family.n_targets,))
    layer = keras.layers.Lambda(family.constrain, output_shape=(size,))
    density = keras.layers.Lambda(lambda pair: family.log_prob(*pair), output_shape=())
    return (
        keras.Model(packed, layer(packed)),
        keras.Model([packed, y], density([packed, y])),
    )


def constrain(family, raw):
    parts = [models(family)[0].predict_on_batch(block) for block in blocks(raw)]
    return np.concatenate(parts)[: len(raw)]


def log_prob(family, packed, y):
    pairs = zip(blocks(packed), blocks(y), strict=True)
    parts = [models(family)[1].predict_on_batch(list(pair)) for pair in pairs]
    return np.concatenate(parts)[: len(y)]


def draw(d, rows=None, scale=0.5):
    """What `draw_of` says."""
    return draw_of(Normal(d), rows, scale)


def draw_of(family, rows=None, scale=0.5):
    """A family, packed parameters and observations; as many rows as targets unless said."""
    d, rng = family.n_targets, np.random.default_rng(family.n_targets)
    packed = constrain(family, scale * rng.normal(size=(rows or d, family.packed_size)))
    return family, packed, rng.normal(size=(rows or d, d)).astype("float32")


def holed(y, seed=0):
    """Some entries missing; one row entirely, one not at all."""
    y = np.where(np.random.default_rng(seed).random(y.shape) < 0.4, np.nan, y)
    y[0], y[-1] = np.nan, 0.5
    return y.astype("float32")


def unit_lower(family, packed):
    """A, where W = A diag(w)."""
    d = family.n_targets
    A = np.tile(np.eye(d), (len(packed), 1, 1))
    A[(slice(None), *np.tril_indices(d, -1))] = packed[:, 2 * d : family.packed_size]
    return A


@pytest.mark.parametrize("rows", [None, 7])
@each_normal
def test_log_prob_is_scipys(family, rows):
    family, packed, y = draw_of(family, rows)
    joint = family.distribution(packed)
    expected = [
        stats.multivariate_normal(m, c).logpdf(v)
        for m, c, v in zip(joint.mean, joint.covariance, y, strict=True)
    ]
    assert_allclose(log_prob(family, packed, y), expected, rtol=1e-5, atol=1e-5)


def test_what_the_packed_numbers_mean():
    packed = np.array([[10.0, 20.0, 30.0, 2.0, 0.5, 4.0, 3.0, -1.0, 1.0]])
    W = np.array([[1.0, 0, 0], [3, 1, 0], [-1, 1, 1]]) @ np.diag([2.0, 0.5, 4.0])
    joint = Normal(3).distribution(packed, ["a", "b", "c"])
    assert joint.targets == ("a", "b", "c")
    assert_array_equal(joint.mean, [[10, 20, 30]])
    assert_allclose(joint.covariance[0], np.linalg.inv(W.T @ W))
    y = np.array([[11.0, 19.0, 33.0]])
    z = W @ [1, -1, 3]
    expected = np.log(2 * 0.5 * 4) - z @ z / 2 - 1.5 * np.log(2 * np.pi)
    assert_allclose(log_prob(Normal(3), packed, y), [expected], rtol=1e-6)


@each_normal
def test_missing_entries_are_marginalised_as_in_numpy(family):
    family, packed, y = draw_of(family, rows=20)
    y = holed(y)
    expected = family.distribution(packed).log_prob(y)
    assert expected[0] == 0
    assert_allclose(log_prob(family, packed, y), expected, rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize("scale", [1e2, 1e4])
@pytest.mark.parametrize("d", [2, 3, 5])
def test_missing_entries_of_strongly_correlated_targets(d, scale):
    family, rng = Normal(d), np.random.default_rng(0)
    raw = rng.normal(size=(200, family.packed_size))
    raw[:, 2 * d :] *= scale
    packed, y = constrain(family, raw), holed(rng.normal(size=(200, d)))
    expected = family.distribution(packed).log_prob(y)
    assert_allclose(log_prob(family, packed, y), expected, rtol=0.1, atol=0.1)


@pytest.mark.parametrize("family", [Normal(3), LowRankNormal(3, 2)], ids=repr)
@pytest.mark.parametrize("missing", [False, True])
def test_leading_axes_are_only_leading_axes(family, missing):
    lead = (3, 3)  # rows and members, as many of each as targets
    family, packed, y = draw_of(family, rows=9)
    y = holed(y) if missing else y
    raw = np.random.default_rng(0).normal(size=packed.shape).astype("float32")
    deep_packed, deep_y, deep_raw = (
        ops.convert_to_tensor(a.reshape(*lead, -1)) for a in (packed, y, raw)
    )
    deep = family.log_prob(deep_packed, deep_y, missing=missing)
    assert tuple(deep.shape) == lead
    expected = family.distribution(packed).log_prob(y)
    assert_allclose(ops.convert_to_numpy(deep).ravel(), expected, rtol=1e-5, atol=2e-5)
    shaped = ops.convert_to_numpy(family.constrain(deep_raw))
    assert shaped.shape == (*lead, family.packed_size)
    assert_allclose(shaped.reshape(9, -1), constrain(family, raw), rtol=1e-6)


def lower(d, members=None, seed=0):
    """Factors of scale matrices with strong correlations."""
    rng = np.random.default_rng(seed)
    below = np.tril(rng.normal(size=(members or 1, d, d)), -1)
    factor = below + np.eye(d) * rng.uniform(0.3, 2, size=(len(below), 1, d))
    return factor if members else factor[0]


def test_matrices_are_made_of_some_rows_at_a_time(monkeypatch):
    family, packed, _ = draw(3, rows=8)
    whole = family.distribution(packed)
    factor, covariance = whole.scale_tril, whole.covariance
    monkeypatch.setattr(triangular, "CACHED", 27)  # three rows
    parts = family.distribution(packed)
    assert_array_equal(parts.scale_tril, factor)
    assert_array_equal(parts.covariance, covariance)
    assert_allclose(covariance, factor @ np.swapaxes(factor, 1, 2), rtol=1e-12, atol=1e-12)


@each_d
def test_the_density_of_a_linear_transform(d):
    family, packed, y = draw(d, rows=20)
    L = lower(d)
    joint = family.distribution(packed).affine(L, targets=[f"y{i}" for i in range(d)])
    scaled = ops.convert_to_numpy(internals.scaled(family, ops.convert_to_tensor(packed), L))
    again = family.distribution(scaled)
    assert_allclose(again.mean, joint.mean, rtol=1e-5, atol=1e-5)
    assert_allclose(again.covariance, joint.covariance, rtol=1e-4, atol=1e-4)
    expected = joint.log_prob(holed(y))
    assert_allclose(log_prob(family, scaled, holed(y)), expected, rtol=1e-4, atol=1e-4)


def test_each_member_has_its_own_transform():
    family, packed, _ = draw(3, rows=8)
    L = lower(3, members=2)
    deep = ops.convert_to_numpy(internals.scaled(family, packed.reshape(4, 2, 9), L))
    for member in range(2):
        alone = ops.convert_to_numpy(internals.scaled(family, packed[member::2], L[member]))
        assert_allclose(deep[:, member], alone, rtol=1e-5, atol=1e-6)


class Shift(keras.layers.Layer):
    """Adds a weight for each entry: after one step of SGD that weight is minus the gradient."""

    def __init__(self, raw, family):
        super().__init__()
        self.raw, self.family = raw.astype("float32"), family
        self.shift = self.add_weight(shape=raw.shape, initializer="zeros")

    def call(self, inputs):
        raw = ops.convert_to_tensor(self.raw) + self.shift + 0 * inputs[:, :1]
        return self.family.constrain(raw)


def constrain_64(family, raw):
    d, limit = family.n_targets, -np.log(family.floor)
    diagonal = np.exp(raw[:, d : 2 * d] / np.sqrt(1 + (raw[:, d : 2 * d] / limit) ** 2))
    below = raw[:, 2 * d :]
    ball = (d - 1) * LARGEST_INVERSE ** (1 / (d - 1)) - d
    below = below / np.sqrt(1 + np.sum(below**2, axis=1, keepdims=True) / ball)
    return np.concatenate([raw[:, :d], diagonal, below], axis=1)


@pytest.mark.parametrize("d", [3, pytest.param(12, marks=pytest.mark.slow)])
def test_the_gradient_is_the_slope_of_the_density_and_stays_finite(d):
    family, rng, step = Normal(d), np.random.default_rng(0), 1e-6
    usual = rng.normal(size=(8, family.packed_size))
    raw = np.concatenate([usual, *(extremes(family, pattern, rows=8) for pattern in PATTERNS)])
    y = rng.normal(size=(len(raw), d)).astype("float32")
    y[::2] = holed(y[::2])
    slope = np.zeros(usual.shape)
    for j in range(family.packed_size):
        ends = [usual + shift * np.eye(family.packed_size)[j] for shift in (-step, step)]
        values = [family.distribution(constrain_64(family, e)).log_prob(y[:8]) for e in ends]
        slope[:, j] = (values[1] - values[0]) / (2 * step)
    layer = Shift(raw, family)
    model = keras.Sequential([layer])
    loss = NegativeLogLikelihood(family, reduction="sum")
    model.compile(keras.optimizers.SGD(1.0), loss=loss)
    model.train_on_batch(np.zeros((len(y), 1), "float32"), y)
    gradient = ops.convert_to_numpy(layer.shift.value)
    assert_allclose(gradient[:8], slope, rtol=1e-3, atol=1e-3)
    assert np.isfinite(gradient).all()


def extremes(family, pattern, rows=50, bound=1e4):
    rng = np.random.default_rng(family.n_targets)
    shape = (rows, family.packed_size)
    uniform = rng.uniform(-bound, bound, shape)
    raw = {
        "uniform": uniform,
        "signs": bound * rng.choice([-1.0, 1.0], shape),
        "positive": np.full(shape, bound),
        "negative": np.full(shape, -bound),
        "sparse": np.where(rng.random(shape) < 0.2, uniform, 0.0),
        "moderate": uniform * 10 / bound,
        "small": uniform * 1e-30,
    }[pattern]
    return raw.astype("float32")


PATTERNS = ["uniform", "signs", "positive", "negative", "sparse", "moderate", "small"]


def check_valid(family, raw, y):
    packed = constrain(family, raw)
    assert packed.shape == raw.shape
    joint = family.distribution(packed)
    for array in (joint.mean, joint.covariance, joint.correlation, joint.scale_tril):
        assert np.isfinite(array).all()
    assert np.all(joint.stddev > 0)
    assert_array_equal(joint.covariance, np.swapaxes(joint.covariance, 1, 2))
    assert_array_equal(joint.correlation, np.swapaxes(joint.correlation, 1, 2))
    np.linalg.cholesky(joint.correlation)
    type(joint)(joint.mean, covariance=joint.covariance)  # and is accepted when it comes back
    assert np.isfinite(log_prob(family, packed, y)).all()


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("d", [*DS, 12])
def test_whatever_comes_out_of_the_network_is_valid(d, pattern):
    family = Normal(d)
    raw = extremes(family, pattern)
    y = np.random.default_rng(0).normal(size=(len(raw), d))
    check_valid(family, raw, y)
    check_valid(family, raw, holed(y))


@settings(max_examples=40, derandomize=True)
@given(d=st.sampled_from([*DS, 12]), data=st.data())
def test_whatever_hypothesis_puts_out_is_valid(d, data):
    family = Normal(d)
    raw, y = (
        data.draw(arrays("float32", (3, size), elements=st.floats(-1e4, 1e4, width=32)))
        for size in (family.packed_size, d)
    )
    check_valid(family, raw, y)


@pytest.mark.parametrize("d", range(2, 9))
def test_no_search_finds_a_correlation_without_a_factor(d):
    family, rng = Normal(d), np.random.default_rng(d)
    below = 2 * d
    best = np.zeros((64, family.packed_size))
    best[:, below:] = rng.normal(size=(64, family.packed_size - below)) * 1e3
    worst = np.zeros(64)
    for step in range(60):
        size = 10.0 ** rng.uniform(-1, 7, size=(64, 1))
        tried = best + size * rng.normal(size=best.shape) * (rng.random(best.shape) < 0.4)
        tried[:, :below] = 0
        if step % 2:
            tried = np.where(rng.random(best.shape) < 0.3, -best, best * rng.uniform(0, 2, (64, 1)))
        correlation = family.distribution(constrain(family, tried)).correlation
        np.linalg.cholesky(correlation)
        condition = np.linalg.cond(correlation)
        better = condition > worst
        best[better], worst[better] = tried[better], condition[better]
    assert worst.max() > 1e10  # the search went where it is dangerous


@pytest.mark.parametrize("d", [2, 3, 5, 12])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_ball_bounds_the_inverse(d, pattern):
    family = Normal(d)
    raw = extremes(family, pattern, bound=1e9)
    A = unit_lower(family, constrain(family, raw))
    radius_squared = (d - 1) * LARGEST_INVERSE ** (1 / (d - 1)) - d
    squares = np.sum(A**2, axis=(1, 2)) - d
    assert np.all(squares <= radius_squared * (1 + 1e-5))
    if pattern == "signs":
        assert np.all(squares >= radius_squared * (1 - 1e-3))  # reached
    assert np.all(np.linalg.norm(np.linalg.inv(A), 2, axis=(1, 2)) ** 2 <= LARGEST_INVERSE * 1.001)


def test_the_bound_on_the_inverse_is_a_theorem():
    # the smallest singular value of a unit lower triangular matrix of given Frobenius norm
    rng = np.random.default_rng(0)
    for d in (2, 3, 6):
        A = np.tril(rng.normal(size=(1000, d, d)) * 10 ** rng.uniform(-2, 3, (1000, 1, 1)), -1)
        A = A + np.eye(d)
        bound = (np.sum(A**2, axis=(1, 2)) / (d - 1)) ** ((d - 1) / 2)
        assert np.all(np.linalg.norm(np.linalg.inv(A), 2, axis=(1, 2)) <= bound * (1 + 1e-6))


def test_the_ball_leaves_room_for_extreme_correlations():
    raw = np.zeros((1, 5))
    raw[0, 4] = 1e4
    joint = Normal(2).distribution(constrain(Normal(2), raw))
    assert -1 < joint.correlation[0, 0, 1] < -1 + 1e-8


@each_d
def test_small_outputs_are_hardly_bounded(d):
    family = Normal(d)
    raw = 0.5 * np.random.default_rng(0).uniform(-1, 1, (9, family.packed_size))
    packed = constrain(family, raw)
    assert_array_equal(packed[:, :d], raw[:, :d].astype("float32"))
    assert_allclose(packed[:, d : 2 * d], np.exp(raw[:, d : 2 * d]), rtol=1e-3)
    below = packed[:, 2 * d :]
    assert_allclose(below, raw[:, 2 * d :], rtol=0.25)


@pytest.mark.parametrize("floor", [1e-6, 1e-3, 0.5])
@each_d
def test_the_floor_is_reached_and_not_crossed(d, floor):
    family = Normal(d, floor=floor)
    raw = np.zeros((201, family.packed_size))
    raw[:, d : 2 * d] = np.concatenate([[-1e4], np.linspace(-30, 30, 199), [1e4]])[:, None]
    diagonal = constrain(family, raw)[:, d : 2 * d]
    assert_allclose(diagonal[[0, -1]], [[floor] * d, [1 / floor] * d], rtol=1e-4)
    assert np.all((diagonal >= floor * (1 - 1e-5)) & (diagonal <= (1 + 1e-5) / floor))
    assert all(np.all(lower < upper) for lower, upper in pairwise(diagonal[1:-1]))


@each_d
def test_it_starts_at_the_standard_normal(d):
    family = Normal(d)
    packed = constrain(family, np.zeros((2, family.packed_size)))
    joint = family.distribution(packed)
    assert_array_equal(joint.mean, 0)
    assert_array_equal(joint.covariance, [np.eye(d)] * 2)
    y = np.arange(2 * d).reshape(2, d)
    assert_allclose(log_prob(family, packed, y), stats.norm.logpdf(y).sum(axis=1), rtol=1e-5)


@each_d
def test_the_size_is_what_constrain_and_distribution_take(d):
    assert Normal(d).packed_size == d + d * (d + 1) // 2
    assert len(Normal(d).distribution(np.empty((0, Normal(d).packed_size)))) == 0


def test_config_equality_and_text():
    family = Normal(np.int64(3), floor=1e-4)
    assert family.get_config() == {"n_targets": 3, "floor": 1e-4}
    assert type(family.n_targets) is int
    for again in (
        Normal.from_config(family.get_config()),
        keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(family)),
    ):
        assert again == family
        assert hash(again) == hash(family)
    assert len({family, Normal(3), Normal(3), Normal(4), Normal(3, floor=1e-4)}) == 3
    assert family != "Normal(3)"
    assert eval(repr(family)) == family


NAN = np.array([[0.0, 0.0, 1.0, 1.0, 0.0], [0.0, np.nan, 1.0, 1.0, 0.0]])

REFUSED = {
    "zero targets": (lambda: Normal(0), "at least 1. Received: 0"),
    "negative targets": (lambda: Normal(-1), "at least 1. Received: -1"),
    "half a target": (lambda: Normal(2.0), "positive integer. Received: 2.0"),
    "True targets": (lambda: Normal(True), "positive integer. Received: True"),
    "text": (lambda: Normal("5"), "positive integer. Received: '5'"),
    "floor of 0": (lambda: Normal(2, floor=0.0), r"`floor` must lie in \(0, 1\).*floor=0.0"),
    "floor of 1": (lambda: Normal(2, floor=1.0), "floor=1.0"),
    "floor of NaN": (lambda: Normal(2, floor=np.nan), "floor=nan"),
    "width": (lambda: Normal(2).distribution(np.ones((3, 6))), r"\(N, 5\) for 2 .*\(3, 6\)"),
    "flat": (lambda: Normal(2).distribution(np.ones(5)), r"Received shape \(5,\)"),
    "members": (lambda: Normal(2).distribution(np.ones((4, 3, 5))), r"shape \(4, 3, 5\)"),
    "NaN": (lambda: Normal(2).distribution(NAN), "finite packed .* Row 1 .* training diverged"),
    "inf": (lambda: Normal(1).distribution([[0, np.inf]]), "Row 0"),
    "raw": (lambda: Normal(1).distribution([[0, 1], [0, 0]]), "positive diagonal.* Row 1"),
    "names": (lambda: Normal(1).distribution([[0, 1]], targets=["a", "b"]), "Expected 1 target"),
    "scale": (
        lambda: internals.scaled(Normal(2), np.ones((3, 5)), np.eye(3)),
        r"\(2, 2\) or.*\(3, 3\)",
    ),
}


@pytest.mark.parametrize(("call", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_the_example_runs():
    failed, attempted = doctest.testmod(covey.families.normal)
    assert attempted
    assert not failed
