"""Log-densities in NumPy, which validations score by, against the distributions themselves."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from covey.families import LowRankNormal, Mixture, Normal, StudentT
from covey.families.internals import log_density, rescaled, scaling

FAMILIES = [
    Normal(1),
    Normal(4),
    StudentT(1),
    StudentT(5),
    LowRankNormal(6, 2),
    LowRankNormal(3, 0),
    Mixture(1, 3),
    Mixture(3, 2),
]
each_family = pytest.mark.parametrize("family", FAMILIES, ids=repr)


def draw(family, rows=40):
    r = np.random.default_rng(family.packed_size)
    raw = 0.5 * r.normal(size=(rows, 2, family.packed_size))
    y = r.normal(size=(rows, 2, family.n_targets)).astype("float32")
    return family.constrain(raw.astype("float32")), y, r


def holed(y, r):
    """The same with gaps; nothing is observed in the first row."""
    found = np.where(r.random(y.shape) < 0.4, np.float32(np.nan), y)
    found[0] = np.nan
    return found


def exact(family, packed, y):
    joint = family.distribution(packed.reshape(-1, family.packed_size))
    return joint.log_prob(y.reshape(-1, family.n_targets)).reshape(y.shape[:-1])


@each_family
def test_densities_are_those_of_the_distributions(family):
    packed, y, _ = draw(family)
    found = log_density(family, packed, y, missing=False)
    assert found.dtype == np.float32
    assert_allclose(found, exact(family, packed, y), rtol=1e-5, atol=1e-5)


@each_family
def test_gaps_are_marginalised(family):
    packed, y, r = draw(family)
    y = holed(y, r)
    found = log_density(family, packed, y, missing=True)
    assert found.dtype == np.float32
    assert_allclose(found, exact(family, packed, y), rtol=1e-4, atol=1e-4)
    assert_allclose(found[0], 0, atol=1e-6)


@each_family
def test_each_member_has_a_scale_of_its_own(family):
    packed, y, r = draw(family)
    d = family.n_targets
    scale = r.uniform(0.5, 2, size=(2, d))
    if not isinstance(family, LowRankNormal):
        scale = np.tril(0.3 * r.normal(size=(2, d, d)), -1) + scale[..., None] * np.eye(d)
    y = holed(y, r)
    moved = rescaled(family, packed, scaling(family, scale))
    found = log_density(family, moved, y, missing=True)
    for member in range(2):
        joint = family.distribution(packed[:, member])
        matrix = scale[member] if scale.ndim == 3 else np.diag(scale[member])
        expected = joint.affine(matrix).log_prob(y[:, member])
        assert_allclose(found[:, member], expected, rtol=2e-4, atol=2e-4)
