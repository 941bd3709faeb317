"""What is compiled once for many calls; `tests/members/test_steps.py` holds it beside Keras."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from covey.backend import compilation

on_jax = pytest.mark.skipif(keras.backend.backend() != "jax", reason="compiled by jax itself")


@on_jax
def test_products_are_exact_on_every_device():
    product = compilation._jit(keras.ops.matmul)
    a, b = np.random.default_rng(0).normal(size=(2, 3, 3)).astype("float32")
    assert "HIGHEST" in product.lower(a, b).as_text()
    np.testing.assert_allclose(product(a, b), a @ b, rtol=1e-5)


FORK = """
import multiprocessing, os, sys, warnings
warnings.simplefilter("ignore")  # Python and jax warn of every fork
root, what = sys.argv[1:]
sys.path.insert(0, root)
import covey
import numpy as np
from tests.small_table import table

X, Y = table()
model = covey.load(root + "/tests/data/small.covey")
many = np.repeat(X, 400, axis=0)  # so many that trees and networks take several threads
before = model.predict(many)
if what == "keras":
    from covey.backend.select import keras
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
if what == "fit":
    covey.JointRegressor(members=1, max_steps=1, verbose=0).fit(X, Y)

def attempt(*calls):
    for call in calls:
        try:
            tell.send((None, call()))
        except covey.errors.EngineError as error:
            tell.send((str(error), None))

hear, tell = multiprocessing.Pipe(False)
fit = lambda: covey.JointRegressor(members=1, max_steps=1, verbose=0).fit(X, Y).predict(X)
calls = [lambda: model.predict(many), fit]
child = multiprocessing.get_context("fork").Process(target=attempt, args=calls)
child.start()
try:
    for number in range(2):
        if not hear.poll(40):
            sys.exit("the forked process hangs")
        error, mean = hear.recv()
        if number == 0:
            assert error is None, error
            np.testing.assert_array_equal(mean, before)
        elif what == "nothing":
            assert error is None and np.isfinite(mean).all(), error
        else:
            assert f"forked from process {os.getpid()}" in error and "spawn" in error, error
finally:
    child.kill()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@on_jax
@pytest.mark.parametrize("what", ["fit", "keras", "nothing"])
def test_a_forked_process_predicts_and_does_not_hang_where_jax_was_at_work(what):
    command = [sys.executable, "-c", FORK, str(Path(__file__).parents[2]), what]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
