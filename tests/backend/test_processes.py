"""Two processes on this machine train one model, each on rows of its own."""

import os
import socket
import subprocess
import sys

import keras
import numpy as np
import pytest

import covey

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="training over several processes: jax"
)

BLOCKS = """
import sys

rank, world, port, out = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]

import keras
import numpy as np

if world > 1:
    keras.distribution.initialize(f"127.0.0.1:{port}", world, rank)
    keras.distribution.set_distribution(
        keras.distribution.DataParallel(
            devices=keras.distribution.list_devices(), auto_shard_dataset=False
        )
    )
import covey

r = np.random.default_rng(0)
X = r.normal(size=(256, 3))
Y = np.sin(X[:, :2]) + r.normal(size=(256, 2)) * np.exp(0.5 * X[:, :1])
Y[::5, 0] = np.nan
size = 32 // world
own = np.arange(256).reshape(-1, world, size)[:, rank].reshape(-1)
keras.utils.set_random_seed(0)
"""

KERAS = (
    BLOCKS
    + """
family = covey.families.Normal(2)
inputs = keras.Input((3,))
hidden = keras.layers.Dense(8, activation="tanh")(inputs)
model = keras.Model(inputs, covey.layers.DistributionHead(family)(hidden))
model.compile(keras.optimizers.Adam(0.01), loss=covey.losses.NegativeLogLikelihood(family))
log = covey.fit(model, X[own], Y[own], epochs=3, batch_size=size, shuffle=False, verbose=0)
np.savez(f"{out}/{rank}.npz", *model.get_weights(), loss=log.history["loss"])
"""
)

TABLE = (
    BLOCKS
    + """
import pandas as pd

X = pd.DataFrame(X, columns=["a", "b", "c"])
X["kind"] = np.where(X["a"] > 0.8, "high", "low")  # another order, another share in each process
own = np.arange(rank, 256, world)[: 128 - 9 * rank]
model = covey.JointRegressor(
    members=2, hidden_units=(8,), max_steps=40, random_state=rank, verbose=0
)
model.fit(X.iloc[own], Y[own])
if world > 1:
    keras.distribution.set_distribution(None)
joint = model.predict_distribution(X)
np.savez(f"{out}/{rank}.npz", *model.ensemble_.weights, mean=joint.mean,
    covariance=joint.covariance, family=model.family_, score=model.out_of_fold_score_,
    density=joint.log_prob(Y).mean(), steps=len(model.out_of_fold_rows_))
model.save(f"{out}/{rank}.covey")
"""
)

AGREE = (
    BLOCKS
    + """
from covey.backend import processes

assert processes.count() == world
told = processes.agreed({"rank": rank, "text": "x" * (5 + 50 * rank)})
total = processes.summed(np.array([[1e-17 + rank, 1e300]]))
np.savez(f"{out}/{rank}.npz", told=told["rank"], length=len(told["text"]), total=total)
"""
)


def run(script, world, folder, extra=""):
    """What each process saved."""
    folder.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-W", "ignore", "-c", script + extra]
    started = [
        subprocess.Popen(
            [*command, str(rank), str(world), str(port), str(folder)],
            env={**os.environ, "KERAS_BACKEND": "jax"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for rank in range(world)
    ]
    try:
        outputs = [process.communicate(timeout=600)[0].decode() for process in started]
    finally:
        for process in started:
            process.kill()
    for process, output in zip(started, outputs, strict=True):
        assert process.returncode == 0, output
    return [dict(np.load(folder / f"{rank}.npz")) for rank in range(world)]


@pytest.mark.slow
def test_keras_blocks_learn_from_both_as_from_one(tmp_path):
    (alone,) = run(KERAS, 1, tmp_path / "alone")
    both = run(KERAS, 2, tmp_path / "both")
    for name, expected in alone.items():
        for found in both:
            np.testing.assert_allclose(found[name], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_an_estimator_learns_from_the_rows_of_both(tmp_path):
    first, second = run(TABLE, 2, tmp_path / "both")
    assert (first.pop("steps"), second.pop("steps")) == (128, 119)
    assert first.keys() == second.keys()
    for name, found in first.items():
        np.testing.assert_array_equal(found, second[name])
    (alone,) = run(TABLE, 1, tmp_path / "alone")
    assert first["density"] > alone["density"] - 0.05
    model = covey.load(tmp_path / "both" / "0.covey")
    assert len(model.targets_) == 2


def test_processes_agree(tmp_path):
    for found in run(AGREE, 2, tmp_path / "agree"):
        assert found["told"] == 0
        assert found["length"] == 5
        np.testing.assert_array_equal(found["total"], [[1.0 + 2e-17, 2e300]])
