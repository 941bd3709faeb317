"""The Student-t family: its log-density in Keras ops against the NumPy object's."""

import doctest

import numpy as np
import pytest
from scipy.special import digamma, gammaln

import covey.families.student_t
from covey.backend.select import keras
from covey.errors import InputError
from covey.families import Normal, StudentT, internals
from covey.families.student_t import _log_norm
from covey.layers import DistributionHead
from covey.losses import NegativeLogLikelihood

ops = keras.ops
SIZES = [1, 2, 3, 5, 8, 12]


def constrain(family, raw):
    tensor = ops.convert_to_tensor(raw.astype(np.float32))
    return ops.convert_to_numpy(family.constrain(tensor))


def draw(d, n=64, seed=0):
    r = np.random.default_rng(seed)
    family = StudentT(d)
    raw = r.normal(size=(n, family.packed_size))
    raw[:, -1] *= 4
    packed = constrain(family, raw)
    joint = family.distribution(packed)
    return family, packed, joint, joint.sample(1, seed=seed)[0].astype(np.float32)


@pytest.mark.parametrize("d", SIZES)
def test_the_log_density_is_that_of_the_object(d):
    family, packed, joint, y = draw(d)
    density = ops.convert_to_numpy(family.log_prob(packed, y))
    np.testing.assert_allclose(density, joint.log_prob(y), rtol=1e-4, atol=2e-4)
    plain = ops.convert_to_numpy(family.log_prob(packed, y, missing=False))
    np.testing.assert_allclose(plain, density, rtol=1e-6)


@pytest.mark.parametrize("d", SIZES)
def test_missing_entries_are_marginalised(d):
    family, packed, joint, y = draw(d)
    y[np.random.default_rng(1).random(y.shape) < 0.4] = np.nan
    y[0] = np.nan
    density = ops.convert_to_numpy(family.log_prob(packed, y))
    np.testing.assert_allclose(density, joint.log_prob(y), rtol=1e-4, atol=2e-4)
    assert density[0] == pytest.approx(0, abs=1e-5)


def test_the_density_of_a_linear_transform():
    family, packed, joint, y = draw(3)
    scale_tril = np.array([[2.0, 0, 0], [1, 0.5, 0], [-1, 0.3, 1]])
    scaled = internals.scaled(family, ops.convert_to_tensor(packed), scale_tril)
    y[::3, 1] = np.nan
    expected = joint.affine(scale_tril).log_prob(y)
    density = ops.convert_to_numpy(family.log_prob(scaled, y))
    np.testing.assert_allclose(density, expected, rtol=1e-4, atol=2e-4)


FREEDOM = np.geomspace(2.5, 1e5, 200)


def near(count):
    """What the sum of about as many numbers of size 1 loses in float32."""
    return 1e-6 + 1e-7 * count


def exact_norm(freedom, count):
    ratio = gammaln((freedom + count) / 2) - gammaln(freedom / 2)
    return ratio - count / 2 * np.log(freedom * np.pi)


@pytest.mark.parametrize("count", [*range(13), 98, 99])
def test_the_norming_constant_is_exact_for_all_degrees_of_freedom(count):
    inverse = ops.convert_to_tensor((1 / FREEDOM).astype(np.float32))
    ours = ops.convert_to_numpy(_log_norm(inverse, count, count))
    np.testing.assert_allclose(ours, exact_norm(FREEDOM, count), rtol=2e-6, atol=near(count))


@pytest.mark.parametrize("most", [1, 2, 3, 12, 99])
def test_rows_that_differ_in_what_is_observed_have_each_its_own_constant(most):
    counts = np.arange(most + 1)
    freedom = np.repeat(FREEDOM[::20, None], most + 1, axis=1)
    inverse = ops.convert_to_tensor((1 / freedom).astype(np.float32))
    ours = ops.convert_to_numpy(_log_norm(inverse, counts.astype(np.float32), most))
    np.testing.assert_allclose(ours, exact_norm(freedom, counts), rtol=2e-6, atol=near(most))


class Freedom(keras.layers.Layer):
    """The norming constants of a row for each 1 / nu, which are its weights."""

    def __init__(self, inverse, count, most):
        super().__init__()
        self.count, self.most = count, most
        self.inverse = self.add_weight(shape=inverse.shape, initializer="zeros")
        self.inverse.assign(inverse)

    def call(self, inputs):
        return _log_norm(self.inverse, self.count, self.most) + 0 * inputs


@pytest.mark.parametrize(("most", "fixed"), [(1, None), (2, None), (31, None), (31, 30), (31, 31)])
def test_the_gradient_of_the_norming_constant_is_the_digamma_function(most, fixed):
    counts = np.arange(most + 1) if fixed is None else np.full(1, fixed)
    freedom = np.repeat(FREEDOM[::40, None], len(counts), axis=1)
    by_freedom = 0.5 * (digamma((freedom + counts) / 2) - digamma(freedom / 2) - counts / freedom)
    start = (1 / freedom).astype("f4").ravel()
    count = fixed or np.tile(counts, len(freedom)).astype("f4")
    layer = Freedom(start, count, most)
    model = keras.Sequential([layer])
    # one step of SGD adds the gradient of the sum over the entries
    model.compile(keras.optimizers.SGD(1.0), loss=lambda _, y: -ops.sum(y, axis=-1))
    model.train_on_batch(np.zeros((1, len(start)), "f4"), np.zeros((1, 1), "f4"))
    gradient = ops.convert_to_numpy(layer.inverse.value) - start
    np.testing.assert_allclose(
        gradient.reshape(freedom.shape), -(freedom**2) * by_freedom, rtol=1e-4, atol=2e-4
    )


def test_many_counts_take_no_more_operations_than_few():
    """Each operation is compiled for itself: a step of a loop over counts took seconds."""
    called = []

    class Counting:
        def __getattr__(self, name):
            called.append(name)
            return getattr(ops, name)

    sizes = {}
    for most in (3, 99):
        called.clear()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(covey.families.student_t, "of", lambda _: Counting())
            inverse, counts = np.full(4, 0.2, "f4"), np.array([0, 1, 2, 3], "f4")
            _log_norm(ops.convert_to_tensor(inverse), counts, most)
        sizes[most] = len(called)
    assert sizes[3] == sizes[99]


def test_raw_zeros_are_a_standard_student_t_with_8_degrees_of_freedom():
    joint = StudentT(3).distribution(constrain(StudentT(3), np.zeros((1, 10))))
    assert joint.degrees_of_freedom == pytest.approx(8.0, rel=1e-6)
    np.testing.assert_array_equal(joint.mean, np.zeros((1, 3)))
    np.testing.assert_array_equal(joint.scale_tril, [np.eye(3)])


@pytest.mark.parametrize("size", [1.0, 1e4, 1e30])
def test_any_raw_output_is_a_valid_distribution(size):
    for d in SIZES:
        family = StudentT(d)
        raw = np.random.default_rng(d).normal(size=(200, family.packed_size))
        raw[:, d:] = np.clip(raw[:, d:] * size, -1e15, 1e15)
        joint = family.distribution(constrain(family, raw))
        assert (joint.degrees_of_freedom >= 2.5).all()
        assert (joint.degrees_of_freedom < 1.3e5).all()
        np.linalg.cholesky(joint.correlation)
        assert np.isfinite(joint.covariance).all()


def test_an_outlier_pulls_less_than_under_a_normal():
    """The gradient towards the mean falls with the distance; that of the normal grows."""
    pulls = {}
    for family in (Normal(2), StudentT(2)):
        loss = NegativeLogLikelihood(family)
        inputs = keras.Input((1,))
        model = keras.Model(inputs, DistributionHead(family)(inputs))
        losses = [
            float(loss(np.array([[y, 0.0]], "f4"), model.predict(np.ones((1, 1), "f4"), verbose=0)))
            for y in (10.0, 10.1, 100.0, 100.1)
        ]
        pulls[type(family)] = (losses[1] - losses[0], losses[3] - losses[2])
    assert pulls[Normal][1] > 5 * pulls[Normal][0]
    assert pulls[StudentT][1] < 0.5 * pulls[StudentT][0]


def test_the_degrees_of_freedom_are_learned():
    r = np.random.default_rng(0)
    y = (r.standard_normal((4000, 2)) / np.sqrt(r.chisquare(4, (4000, 1)) / 4)).astype("f4")
    family = StudentT(2)
    inputs = keras.Input((1,))
    model = keras.Model(inputs, DistributionHead(family)(inputs))
    model.compile(keras.optimizers.Adam(0.05), loss=NegativeLogLikelihood(family, missing=False))
    model.fit(np.zeros((4000, 1), "f4"), y, epochs=12, batch_size=400, verbose=0)
    joint = family.distribution(model.predict(np.zeros((1, 1), "f4"), verbose=0))
    assert joint.degrees_of_freedom[0] == pytest.approx(4.0, rel=0.2)
    np.testing.assert_allclose(joint.scale_tril[0], np.eye(2), atol=0.1)


def test_a_model_with_it_is_saved_and_loaded(tmp_path):
    family = StudentT(2, floor=1e-3)
    inputs = keras.Input((3,))
    model = keras.Model(inputs, DistributionHead(family)(inputs))
    model.compile("adam", loss=NegativeLogLikelihood(family))
    model.fit(np.zeros((2, 3), "f4"), np.zeros((2, 2), "f4"), verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.loss.family == family
    assert hash(loaded.loss.family) == hash(family)
    assert loaded.loss.family != Normal(2, floor=1e-3)
    assert repr(family) == "StudentT(2, floor=0.001)"


def test_what_is_no_packed_parameter_is_refused():
    good = constrain(StudentT(2), np.zeros((2, 6)))
    for spoil, message in (
        (lambda p: p[:, :-1], "shape"),
        (lambda p: np.where(np.arange(6) == 5, 0.5, p), "degrees of freedom"),
        (lambda p: np.where(np.arange(6) == 5, 0.0, p), "degrees of freedom"),
        (lambda p: p * np.nan, "finite"),
    ):
        with pytest.raises(InputError, match=message):
            StudentT(2).distribution(spoil(good))
    with pytest.raises(InputError, match="`n_targets` must be at least 1"):
        StudentT(0)


def test_the_examples_run():
    failed, attempted = doctest.testmod(covey.families.student_t)
    assert attempted
    assert not failed


def test_a_head_for_the_normal_has_the_same_means_and_a_multiple_of_the_scale():
    student, normal = StudentT(3), Normal(3)
    r = np.random.default_rng(0)
    inputs = r.normal(size=(7, 2, 5)).astype(np.float32)
    kernel = 0.1 * r.normal(size=(2, 5, student.packed_size)).astype(np.float32)
    bias = 0.1 * r.normal(size=(2, student.packed_size)).astype(np.float32)
    before = kernel.copy(), bias.copy()
    log_scale = np.array([0.0, 0.4])
    nearly = internals.nearly_normal(student, kernel, bias, log_scale)
    head = internals.normal_head(*nearly)
    assert [array.shape for array in head] == [(2, 5, normal.packed_size), (2, normal.packed_size)]
    for member in range(2):
        raw = [inputs[:, member] @ k[member] + b[member] for k, b in (before, head, nearly)]
        t = student.distribution(constrain(student, raw[0]))
        n = normal.distribution(constrain(normal, raw[1]))
        y = n.sample(1, seed=member)[0]
        close = student.distribution(constrain(student, raw[2]))
        np.testing.assert_allclose(close.log_prob(y), n.log_prob(y), atol=2e-4)
        np.testing.assert_allclose(n.mean, t.mean, atol=1e-6)
        scale = np.exp(log_scale[member]) * t.scale_tril
        np.testing.assert_allclose(n.scale_tril, scale, rtol=5e-3, atol=1e-5)
    np.testing.assert_array_equal(kernel, before[0])
    np.testing.assert_array_equal(bias, before[1])
