"""What is compiled once for many calls; tests/test_runner.py holds it beside Keras' own loops."""

import keras
import numpy as np
import pytest

from covey import dispatch

on_jax = pytest.mark.skipif(keras.backend.backend() != "jax", reason="compiled by jax itself")


@on_jax
def test_products_are_exact_on_every_device():
    product = dispatch.compiled(keras.ops.matmul)
    a, b = np.random.default_rng(0).normal(size=(2, 3, 3)).astype("float32")
    assert "HIGHEST" in product.lower(a, b).as_text()
    np.testing.assert_allclose(product(a, b), a @ b, rtol=1e-5)
