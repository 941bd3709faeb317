"""One fit to Parquet files: streamed, in memory, or streamed, killed in the middle, and resumed."""

from answers import clock, serve  # isort: skip

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd

import covey
import covey.members.fitting
import covey.stream.checkpoint
import covey.stream.fitting
from covey.backend.select import keras

EVERY = 2.0  # seconds between two checkpoints, so that one is there when the fit is killed


class Looks(keras.callbacks.Callback):
    """When each look at the held-out rows was over; the end of the process at one of them."""

    def __init__(self, kill_at):
        super().__init__()
        self.times, self.kill_at = [], kill_at

    def on_epoch_end(self, epoch, logs=None):
        self.times.append(time.perf_counter())
        if len(self.times) == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


def fit(job, **options):
    """(model, looks): what job["way"] says."""
    looks = Looks(job.get("kill_at"))
    model = covey.JointRegressor(
        "student_t",
        callbacks=[looks],
        max_steps=job["max_steps"],
        batch_size=job["batch"],
        random_state=0,
        verbose=0,
        **job.get("settings", {}),
    )
    if job["way"] == "memory":
        table = pd.read_parquet(job["files"])
        model.fit(table.drop(columns=job["targets"]), table[job["targets"]])
    else:
        model.fit_files(job["files"], job["targets"], **options)
    return model, looks


def resumed(job):
    """A fit in another process, killed without warning, and finished in this one."""
    options = {"checkpoint": f"{job['files']}.checkpoint", "resume": True}
    half = {**job, "way": "streamed", "kill_at": max(job["looks"] // 2, 1)}
    command = [sys.executable, __file__, json.dumps({"half": half, "options": options})]
    status = subprocess.run(command, stderr=subprocess.DEVNULL).returncode
    if status != -signal.SIGKILL or not os.path.exists(options["checkpoint"]):
        raise RuntimeError(f"nothing was killed, or nothing was kept: status {status}")
    return fit(job, **options)


def prepare(job):
    with np.load(job["test"]) as arrays:
        X, Y = arrays["X"], arrays["Y"]
    X = pd.DataFrame(X, columns=job["features"])

    def repeat():
        found = []
        work = resumed if job["way"] == "resumed" else fit
        seconds = clock(lambda: found.extend(work(job)))
        model, looks = found
        nll = -model.predict_distribution(X).log_prob(Y).mean()
        return {
            "fit_seconds": seconds,
            "looks": len(looks.times),
            "rows_per_second": rate(job, looks.times),
            "score": model.out_of_fold_score_,
            "nll": round(float(nll), 5),
        }

    return {"facts": {"engine": keras.config.backend()}}, repeat


def rate(job, times):
    """Rows that each member sees in a second, looks included, compilation not."""
    if len(times) < 2:
        return None
    steps = job["max_steps"] / job["looks"] * (len(times) - 1)
    return round(steps * job["batch"] / (times[-1] - times[0]))


PACKAGES = ("covey", "keras", "jax", "pyarrow", "numpy")

if __name__ == "__main__":
    told = json.loads(sys.argv[1])
    if "half" in told:
        covey.stream.checkpoint.EVERY = EVERY
        fit(told["half"], **told["options"])
    else:
        serve(prepare, PACKAGES)
