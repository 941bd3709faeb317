"""The loss of rows of which the complete ones come whitened."""

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from covey.errors import InputError
from covey.families import Normal, StudentT
from covey.members.loss import WhitenedLikelihood


@pytest.mark.parametrize("family", [Normal(3), StudentT(3)], ids=["normal", "student_t"])
@pytest.mark.parametrize("complete", [0, 2])
@pytest.mark.parametrize("members", [False, True])
def test_complete_rows_come_whitened_and_the_others_as_they_are(family, complete, members):
    rng = np.random.default_rng(0)
    raw = rng.normal(size=(6, 2, family.packed_size)).astype("float32")
    packed = keras.ops.convert_to_numpy(family.constrain(keras.ops.convert_to_tensor(raw)))
    y = rng.normal(size=(6, 2, 3))
    y[2, :, 0], y[3, :, 1:], y[4] = np.nan, np.nan, np.nan
    L = np.tril(rng.normal(size=(2, 3, 3)), -1) + np.eye(3) * rng.uniform(0.5, 2, (2, 1, 3))
    L = L if members else L[:1].repeat(2, axis=0)
    loss = WhitenedLikelihood(
        family, complete=complete, scale_tril=L if members else L[0], reduction="none"
    )
    found = keras.ops.convert_to_numpy(loss(y.astype("float32"), packed))
    for k in range(2):
        whitened = family.distribution(packed[:, k])
        expected = -whitened.affine(L[k]).log_prob(y[:, k])
        expected[:complete] = -whitened.log_prob(y[:, k])[:complete]
        assert_allclose(found[:, k], expected, rtol=1e-4, atol=1e-4)
    assert_allclose(found[4], 0, atol=1e-5)  # nothing observed


@pytest.mark.parametrize("complete", [-1, 1.5, True])
def test_what_cannot_be_a_number_of_rows_is_refused(complete):
    with pytest.raises(InputError, match="`complete` must be a number of rows"):
        WhitenedLikelihood(Normal(2), complete=complete)
    with pytest.raises(InputError, match="leave one of the two out"):
        WhitenedLikelihood(Normal(2), missing=False, scale_tril=np.eye(2))


def test_the_configuration_comes_back():
    loss = WhitenedLikelihood(Normal(3, floor=1e-3), complete=3, scale_tril=np.tri(3), name="z")
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert type(again) is WhitenedLikelihood
    assert again.get_config() == loss.get_config()
    assert again.family == loss.family
    assert again.complete == 3
    np.testing.assert_array_equal(again.scale_tril, np.tri(3))
