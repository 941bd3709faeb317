"""A small table of which `tests/data/small.covey` was made: numbers, gaps, labels, three units."""

import numpy as np
import pandas as pd

ROWS = 40


def table():
    r = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "number": r.normal(size=ROWS),
            "gaps": np.where(r.random(ROWS) < 0.2, np.nan, r.normal(size=ROWS)),
            "colour": r.choice(["red", "green", "blue"], ROWS),
        }
    )
    noise = r.normal(size=(ROWS, 3)) @ [[1.0, 0.8, 0.0], [0.0, 0.6, 0.5], [0.0, 0.0, 0.9]]
    Y = (noise + X[["number"]].to_numpy()) * [1e-9, 1.0, 1e9]
    return X, pd.DataFrame(Y, columns=["small", "middle", "big"])
