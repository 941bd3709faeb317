"""The low-rank family inside the network against SciPy and the NumPy object outside."""

import doctest

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

import covey.families.low_rank
from covey.distributions import LowRankMultivariateNormal
from covey.errors import InputError
from covey.families import LowRankNormal, internals
from covey.families.low_rank import GAIN, LARGEST_RATIO, START
from covey.layers import DistributionHead
from covey.losses import NegativeLogLikelihood

from .test_normal import PATTERNS, Shift, constrain, draw_of, extremes, holed, log_prob

ops = keras.ops
SIZES = [(1, 1), (3, 2), (5, 5), (8, 0), (40, 3)]
each_size = pytest.mark.parametrize(("d", "rank"), SIZES)


def draw(d, rank, rows=None, scale=0.5):
    """What `draw_of` says."""
    return draw_of(LowRankNormal(d, rank), rows, scale)


def test_what_the_packed_numbers_mean():
    packed = np.array([[10.0, 20.0, 30.0, 2.0, 0.5, 4.0, 1.0, 3.0, -1.0, 0.5, 0.0, 2.0]])
    own, loadings = np.diag([2.0, 0.5, 4.0]), np.array([[1.0, 0.5], [3.0, 0.0], [-1.0, 2.0]])
    joint = LowRankNormal(3, 2).distribution(packed, ["a", "b", "c"])
    assert type(joint) is LowRankMultivariateNormal
    assert joint.targets == ("a", "b", "c")
    assert_array_equal(joint.mean, [[10, 20, 30]])
    expected = own @ (np.eye(3) + loadings @ loadings.T) @ own
    assert_allclose(joint.covariance[0], expected)
    y = np.array([[11.0, 19.0, 33.0]])
    law = stats.multivariate_normal([10, 20, 30], expected)
    assert_allclose(log_prob(LowRankNormal(3, 2), packed, y), [law.logpdf(y[0])], rtol=1e-6)


@each_size
def test_the_density_in_other_units(d, rank):
    family, packed, y = draw(d, rank, rows=20)
    units = np.random.default_rng(0).uniform(0.2, 5, d)
    joint = family.distribution(packed).affine(np.diag(units))
    again = family.distribution(ops.convert_to_numpy(internals.scaled(family, packed, units)))
    assert_allclose(again.mean, joint.mean, rtol=1e-5)
    assert_allclose(again.covariance, joint.covariance, rtol=1e-4, atol=1e-5)
    expected = joint.log_prob(holed(y))
    scaled = ops.convert_to_numpy(internals.scaled(family, packed, units))
    assert_allclose(log_prob(family, scaled, holed(y)), expected, rtol=1e-4, atol=1e-4)


def test_each_member_has_its_own_units():
    family, packed, _ = draw(3, 2, rows=8)
    units = np.random.default_rng(0).uniform(0.2, 5, (2, 3))
    deep = ops.convert_to_numpy(internals.scaled(family, packed.reshape(4, 2, -1), units))
    for member in range(2):
        alone = ops.convert_to_numpy(internals.scaled(family, packed[member::2], units[member]))
        assert_allclose(deep[:, member], alone, rtol=1e-6)


@pytest.mark.parametrize("shape", [(2,), (3, 3, 3), ()])
def test_other_units_are_refused(shape):
    with pytest.raises(InputError, match=r"of shape \(3,\) or \(members, 3\)"):
        internals.scaled(LowRankNormal(3, 1), np.zeros((4, 9), "float32"), np.ones(shape))


def constrain_64(family, raw):
    d, limit = family.n_targets, -np.log(family.floor)
    own = np.exp(raw[:, d : 2 * d] / np.sqrt(1 + (raw[:, d : 2 * d] / limit) ** 2))
    loadings = GAIN * raw[:, 2 * d :].reshape(len(raw), family.rank, d) + family._start
    loadings /= np.sqrt(1 + np.sum(loadings**2, axis=1, keepdims=True) / LARGEST_RATIO)
    return np.concatenate([raw[:, :d], own, loadings.reshape(len(raw), -1)], axis=1)


@pytest.mark.parametrize(("d", "rank"), [(4, 2), (3, 0)])
def test_the_gradient_is_the_slope_of_the_density_and_stays_finite(d, rank):
    family, r, step = LowRankNormal(d, rank), np.random.default_rng(0), 1e-6
    usual = r.normal(size=(8, family.packed_size))
    raw = np.concatenate([usual, *(extremes(family, pattern, rows=8) for pattern in PATTERNS)])
    y = r.normal(size=(len(raw), d)).astype("float32")
    y[::2] = holed(y[::2])
    slope = np.zeros(usual.shape)
    for j in range(family.packed_size):
        ends = [usual + shift * np.eye(family.packed_size)[j] for shift in (-step, step)]
        values = [family.distribution(constrain_64(family, e)).log_prob(y[:8]) for e in ends]
        slope[:, j] = (values[1] - values[0]) / (2 * step)
    layer = Shift(raw, family)
    model = keras.Sequential([layer])
    model.compile(keras.optimizers.SGD(1.0), loss=NegativeLogLikelihood(family, reduction="sum"))
    model.train_on_batch(np.zeros((len(y), 1), "float32"), y)
    gradient = ops.convert_to_numpy(layer.shift.value)
    assert_allclose(gradient[:8], slope, rtol=1e-3, atol=1e-3)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("pattern", PATTERNS)
@each_size
def test_whatever_comes_out_of_the_network_is_valid(d, rank, pattern):
    family = LowRankNormal(d, rank)
    raw = extremes(family, pattern)
    packed = constrain(family, raw)
    joint = family.distribution(packed)
    correlation = joint.correlation
    np.linalg.cholesky(correlation)
    assert np.linalg.eigvalsh(correlation).min() > 0.99 / (1 + LARGEST_RATIO)
    assert np.all(joint.stddev > 0)
    y = np.random.default_rng(0).normal(size=(len(raw), d))
    for values in (y, holed(y)):
        assert np.isfinite(log_prob(family, packed, values)).all()
    raw[:, : 2 * d] = 0  # so that float32 can hold what comes
    packed = constrain(family, raw)
    joint = family.distribution(packed)
    y = joint.sample(1, seed=0)[0]
    assert_allclose(log_prob(family, packed, y), joint.log_prob(y), rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("apart", [0.0, 1e-6, 1e-3, 1.0])
def test_factors_that_are_nearly_alike_and_explain_all_have_a_density(apart):
    """The worst matrix there is to factorise, in float32: of condition 1e7."""
    family, r = LowRankNormal(1000, 8), np.random.default_rng(0)
    loadings = 1e6 * (1 + apart * r.normal(size=(3, 8000)))
    packed = constrain(family, np.concatenate([np.zeros((3, 2000)), loadings], axis=1))
    joint = family.distribution(packed)
    y = joint.sample(1, seed=0)[0]
    assert_allclose(log_prob(family, packed, y), joint.log_prob(y), rtol=1e-5)


@each_size
def test_raw_outputs_lead_to_what_is_wanted(d, rank):
    family, r = LowRankNormal(d, rank), np.random.default_rng(0)
    mean, own = r.normal(size=(4, d)), r.uniform(0.01, 3, (4, d))
    loadings = 5 * r.normal(size=(4, d, rank))
    joint = family.distribution(
        constrain(family, internals.raw_outputs(family, mean, own, loadings))
    )
    assert_allclose(joint.mean, mean, rtol=1e-6)
    assert_allclose(joint.diagonal, own**2, rtol=1e-5)
    assert_allclose(joint.factor, own[:, :, None] * loadings, rtol=1e-4, atol=1e-5)


def test_what_no_raw_output_leads_to_is_refused():
    family = LowRankNormal(2, 1, floor=1e-3)
    mean, own, loadings = np.zeros(2), np.ones(2), np.ones((2, 1))
    for values in ((mean, 1e-3 * own, loadings), (mean, own, 100 * loadings)):
        with pytest.raises(InputError, match=r"between 0\.001 and 1000"):
            internals.raw_outputs(family, *values)


@each_size
def test_it_starts_near_the_standard_normal(d, rank):
    family = LowRankNormal(d, rank)
    joint = family.distribution(constrain(family, np.zeros((2, family.packed_size))))
    assert_array_equal(joint.mean, 0)
    assert_allclose(joint.diagonal, 1, rtol=1e-6)
    expected = d * START**2 * np.eye(rank)  # factors of one size, orthogonal to each other
    product = np.swapaxes(joint.factor, 1, 2) @ joint.factor
    assert_allclose(product, np.broadcast_to(expected, product.shape), rtol=0.01, atol=1e-5)


def test_a_plain_model_learns_correlations_from_there(tmp_path):
    r = np.random.default_rng(0)
    x = r.normal(size=(2000, 2)).astype("float32")
    shared = r.normal(size=(2000, 1))
    y = (shared * [1.0, -1.0, 1.0, 0.0, 2.0, 1.0] + 0.5 * r.normal(size=(2000, 6))).astype(
        "float32"
    )
    family = LowRankNormal(6, 1)
    model = keras.Sequential([keras.layers.Dense(8, activation="tanh"), DistributionHead(family)])
    model.compile(keras.optimizers.Adam(0.03), loss=NegativeLogLikelihood(family))
    model.fit(x, y, epochs=8, batch_size=100, verbose=0)
    packed = model.predict(x, verbose=0)
    joint = family.distribution(packed)
    assert_allclose(joint.correlation.mean(axis=0), np.corrcoef(y.T), atol=0.2)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.loss.family == family
    assert_allclose(again.predict(x, verbose=0), packed, rtol=1e-6, atol=1e-6)


def test_nothing_of_d_rows_and_columns_is_in_the_graph():
    jax = pytest.importorskip("jax")
    if keras.config.backend() != "jax":
        pytest.skip("jax shows what is in the graph")
    d, family = 50, LowRankNormal(50, 3)

    def loss(raw, y):
        return family.log_prob(family.constrain(raw), y).sum()

    graph = jax.make_jaxpr(jax.value_and_grad(loss))(
        np.zeros((4, family.packed_size), "float32"), np.zeros((4, d), "float32")
    )
    assert "4,3,50" in str(graph)
    assert "50,50" not in str(graph)


def test_config_equality_and_text():
    family = LowRankNormal(np.int64(5), np.int64(2), floor=1e-4)
    assert family.packed_size == 20
    assert family.get_config() == {"n_targets": 5, "rank": 2, "floor": 1e-4}
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(family))
    assert again == family
    assert hash(again) == hash(family)
    assert family != LowRankNormal(5, 3, floor=1e-4)
    assert repr(family) == "LowRankNormal(5, rank=2, floor=0.0001)"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_targets": 3, "rank": 4}, "between 0 and the number of targets, 3.*rank=4"),
        ({"n_targets": 3, "rank": -1}, "rank=-1"),
        ({"n_targets": 3, "rank": 1.0}, "`rank` must be a whole number"),
        ({"n_targets": 3, "rank": True}, "`rank` must be a whole number"),
        ({"n_targets": 0, "rank": 0}, "`n_targets` must be at least 1"),
        ({"n_targets": 3, "rank": 1, "floor": 1.0}, "`floor` must lie in"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        LowRankNormal(**arguments)


@pytest.mark.parametrize(
    ("packed", "message"),
    [
        (np.ones((2, 5)), r"shape \(N, 6\) for 2 targets. Received shape \(2, 5\)"),
        (np.full((2, 6), np.nan), "finite packed parameters"),
        (-np.ones((2, 6)), "positive diagonal"),
    ],
)
def test_what_is_no_packed_parameters_is_refused(packed, message):
    with pytest.raises(InputError, match=message):
        LowRankNormal(2, 1).distribution(packed)


def test_the_example_runs():
    failed, attempted = doctest.testmod(covey.families.low_rank)
    assert attempted
    assert not failed
