"""How long a user waits: for a first row, a first fit and the next, each in a process of its own.

One process fits and saves; the others, which are timed, are started from here.
"""

from answers import serve  # isort: skip

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import covey

CACHE = "JAX_COMPILATION_CACHE_DIR"
DATA = """
import json, sys, time
import numpy as np

def clock(do):
    begun = time.perf_counter()
    do()
    return time.perf_counter() - begun

def table(rows):
    r = np.random.default_rng(0)
    X = r.normal(size=(rows, {features}))
    mixing = np.tril(r.normal(size=({targets}, {targets})))
    return X, np.sin(2 * X[:, :{targets}]) + 0.3 * r.normal(size=(rows, {targets})) @ mixing
"""
ROW = """
import covey
model = covey.load(sys.argv[1])
X, _ = table(50)

def one(number):
    joint = model.predict_distribution(X[number : number + 1])
    return joint.mean, joint.covariance

one(0)
first = time.time()
further = sorted(clock(lambda n=n: one(n)) for n in range(1, 50))
print(json.dumps({"first": first, "further": further[24], "keras": "keras" in sys.modules}))
"""
FITS = """
import covey, covey.members.fitting
options = json.loads(sys.argv[1])
found = [
    clock(lambda: covey.JointRegressor(random_state=0, verbose=0, **options).fit(*table(rows)))
    for rows in {rows}
]
print(json.dumps(found))
"""
SEARCH = """
import covey, covey.members.fitting
from sklearn.model_selection import GridSearchCV
options = json.loads(sys.argv[1])
grid = {{"learning_rate": [0.003, 0.01], "weight_decay": [0.02, 0.05]}}
search = GridSearchCV(covey.JointRegressor(random_state=0, verbose=0, **options), grid, cv=5)
print(json.dumps(clock(lambda: search.fit(*table({searched})))))
"""


def prepare(job):
    folder = tempfile.TemporaryDirectory()
    scope = {}
    exec(DATA.format(**job), scope)
    covey.JointRegressor(random_state=0, verbose=0, **job["options"]).fit(
        *scope["table"](job["fitted"])
    ).save(Path(folder.name) / "joint.covey")

    def started(code, argument, **variables):
        code = DATA.format(**job) + code
        command = [sys.executable, "-c", code, argument]
        begun = time.time()
        done = subprocess.run(
            command, stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, **variables}
        )
        return begun, json.loads(done.stdout)

    def repeat():
        begun, row = started(ROW, str(Path(folder.name) / "joint.covey"))
        with tempfile.TemporaryDirectory() as empty:
            options = json.dumps(job["options"])
            kept = {CACHE: empty, "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
            fits = FITS.format(rows=job["rows"])
            _, cold = started(fits, options, **kept)
            _, filled = started(FITS.format(rows=job["rows"][:1]), options, **kept)
        _, search = started(SEARCH.format(**job), options)
        return {
            "first_row_seconds": row["first"] - begun,
            "further_row_seconds": row["further"],
            "keras": row["keras"],
            "fit_seconds": cold,
            "filled_seconds": filled[0],
            "search_seconds": search,
        }

    return {}, repeat


PACKAGES = ("covey", "keras", "jax", "numpy")

if __name__ == "__main__":
    serve(prepare, PACKAGES)
