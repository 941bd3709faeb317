"""The mixture family: its density by SciPy's, its start, and what a Keras model learns with it."""

import doctest

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_t

import covey.families.mixture
from covey.backend.select import keras
from covey.errors import InputError
from covey.families import Mixture, StudentT, internals
from covey.layers import DistributionHead
from covey.losses import NegativeLogLikelihood

ops = keras.ops
SIZES = [(1, 2), (2, 3), (3, 8), (5, 4)]  # targets and components


def constrained(family, raw):
    tensor = ops.convert_to_tensor(np.asarray(raw, dtype=np.float32))
    return ops.convert_to_numpy(family.constrain(tensor))


def draw(d, components, n=24, seed=0):
    r = np.random.default_rng(seed)
    family = Mixture(d, components)
    packed = constrained(family, r.normal(size=(n, family.packed_size)))
    joint = family.distribution(packed)
    return family, packed, joint, joint.sample(1, seed=seed)[0].astype(np.float32)


def by_scipy(joint, row, y):
    """The log-density of the observed entries of y in one row, by SciPy alone."""
    seen = np.flatnonzero(~np.isnan(y))
    terms = [
        np.log(weight)
        + multivariate_t(
            part.mean[row, seen],
            (part.scale_tril[row] @ part.scale_tril[row].T)[np.ix_(seen, seen)],
            df=part.degrees_of_freedom[row],
        ).logpdf(y[seen])
        for part, weight in zip(joint.components, joint.weights[row], strict=True)
    ]
    return logsumexp(terms)


@pytest.mark.parametrize(("d", "components"), SIZES)
@pytest.mark.parametrize("missing", [False, True])
def test_the_log_density_is_that_of_scipys_components(d, components, missing):
    family, packed, joint, y = draw(d, components)
    if missing:
        y[np.random.default_rng(1).random(y.shape) < 0.4] = np.nan
    some = ~np.isnan(y).all(axis=1)
    expected = [by_scipy(joint, row, y[row]) if some[row] else 0.0 for row in range(len(y))]
    density = ops.convert_to_numpy(family.log_prob(packed, y, missing=missing))
    np.testing.assert_allclose(density, expected, rtol=2e-4, atol=1e-3)
    np.testing.assert_allclose(joint.log_prob(y), expected, rtol=1e-9, atol=1e-9)


def test_the_packed_weights_are_those_of_the_object():
    family, packed, joint, _ = draw(2, 3)
    np.testing.assert_allclose(np.exp(packed[:, -3:]), joint.weights, rtol=1e-6)
    np.testing.assert_allclose(joint.weights.sum(axis=1), 1.0)
    mean = sum(w[:, None] * c.mean for w, c in zip(joint.weights.T, joint.components, strict=True))
    np.testing.assert_allclose(joint.mean, mean)
    assert family.packed_size == 3 * (2 + 3 + 1 + 1)


@pytest.mark.parametrize(("d", "components"), [*SIZES, (4, 3), (6, 8)])
def test_it_starts_as_wide_as_a_student_t_with_its_components_apart(d, components):
    family = Mixture(d, components)
    joint = family.distribution(constrained(family, np.zeros((1, family.packed_size))))
    plain = StudentT(d)
    one = plain.distribution(constrained(plain, np.zeros((1, plain.packed_size))))
    np.testing.assert_allclose(joint.mean, one.mean, atol=1e-6)
    np.testing.assert_allclose(joint.stddev, one.stddev, rtol=0.15)
    np.testing.assert_allclose(joint.weights, 1 / components, rtol=1e-6)
    means = np.array([part.mean[0] for part in joint.components])
    apart = np.linalg.norm(means[:, None] - means[None], axis=2)[np.triu_indices(components, 1)]
    assert apart.min() > 0.1


def test_the_density_of_a_linear_transform():
    family, packed, joint, y = draw(3, 4)
    scale_tril = np.array([[2.0, 0, 0], [1, 0.5, 0], [-1, 0.3, 1]])
    scaled = internals.scaled(family, ops.convert_to_tensor(packed), scale_tril)
    y[::3, 1] = np.nan
    expected = joint.affine(scale_tril).log_prob(y)
    np.testing.assert_allclose(
        ops.convert_to_numpy(family.log_prob(scaled, y)), expected, rtol=1e-4, atol=1e-3
    )


def test_each_member_has_a_transform_of_its_own():
    family, packed, joint, y = draw(2, 3)
    each = np.array([[[2.0, 0], [1, 0.5]], [[0.3, 0], [-2, 4]]])
    scaled = internals.scaled(family, np.stack([packed, packed], axis=1), each)
    found = ops.convert_to_numpy(family.log_prob(scaled, np.stack([y, y], axis=1)))
    for member, matrix in enumerate(each):
        expected = joint.affine(matrix).log_prob(y)
        np.testing.assert_allclose(found[:, member], expected, rtol=1e-4, atol=1e-3)


def test_a_keras_model_learns_two_modes():
    """Half of the rows lie about x, half about -x, with noise of 0.2: no ellipse says that."""
    r = np.random.default_rng(0)
    x = r.uniform(1, 3, size=(2000, 1))
    side = r.choice([-1.0, 1.0], size=(2000, 1))
    y = side * x + 0.2 * r.normal(size=(2000, 1))
    family = Mixture(1, components=3)
    inputs = keras.Input((1,))
    hidden = keras.layers.Dense(24, activation="silu")(inputs)
    model = keras.Model(inputs, DistributionHead(family)(hidden))
    model.compile(optimizer=keras.optimizers.Adam(0.02), loss=NegativeLogLikelihood(family))
    model.fit(x, y / 2, epochs=30, batch_size=200, verbose=0)
    loss = -family.distribution(model.predict(x, verbose=0)).log_prob(y / 2).mean()
    # the entropy of an even mixture of two normals that lie far apart, y being halved
    entropy = np.log(2) + 0.5 * np.log(2 * np.pi * np.e * 0.1**2)
    assert entropy - 0.05 < loss < entropy + 0.15  # one normal would lose about 1.3 more


def test_a_model_with_it_can_be_saved(tmp_path):
    inputs = keras.Input((3,))
    model = keras.Model(inputs, DistributionHead(Mixture(2, components=3))(inputs))
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    before = model.predict(x, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.predict(x, verbose=0), before)
    assert again.layers[-1].family == Mixture(2, components=3) != Mixture(2, components=4)


@pytest.mark.parametrize("components", [0, 65, 2.5, True, None])
def test_a_number_of_components_that_cannot_be_is_refused(components):
    with pytest.raises(InputError, match="components"):
        Mixture(2, components)


def test_what_is_no_prediction_is_refused():
    family, packed, _, _ = draw(2, 3)
    with pytest.raises(InputError, match="shape"):
        family.distribution(packed[:, :-1])
    bad = packed.copy()
    bad[4, 8] = -1.0  # a width of the second component
    with pytest.raises(InputError, match="Row 4"):
        family.distribution(bad)


def test_the_example_in_the_docstring():
    assert doctest.testmod(covey.families.mixture).failed == 0
