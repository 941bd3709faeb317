"""Small models of every kind, as files that must load and predict the same numbers for ever.

`python -m tests.golden` fits them and writes `tests/data/golden`: once for each version of the file
format, into a folder of its own if that ever changes. It is not run again for a change of the
recipe. Files are small, since the models are: few rows, few units.

Tables come from a sequence of numbers that is written down here, not from a generator of random
numbers, whose sequence may change with the version of NumPy.
"""

from pathlib import Path

import numpy as np
import pandas as pd

FOLDER = Path(__file__).parent / "data" / "golden"
ROWS, NEW = 72, 24
SMALL = {"hidden_units": (6, 5), "max_steps": 40, "verbose": 0, "random_state": 0}


def spread(number, count=ROWS):
    """Numbers in (0, 1) that are spread evenly and follow no order: an additive recurrence."""
    return (0.5 + np.arange(1, count + 1) * np.sqrt(2 + number) % 1) % 1


def normal(number, count=ROWS):
    """The same as quantiles of about a normal distribution, by the logistic one."""
    u = spread(number, count)
    return np.log(u / (1 - u)) / 1.7


def numbers(count=ROWS):
    return pd.DataFrame({"a": 1e6 + normal(0, count), "b": -np.log(spread(1, count))})


def labels(count=ROWS):
    names = np.array(["red", "Zürich", "7", "blue green"], dtype=object)
    colour = pd.Series(names[(spread(3, count) ** 2 * 4).astype(int)])
    colour[spread(4, count) < 0.1] = None
    return numbers(count).assign(
        colour=colour, flag=spread(5, count) < 0.4, code=(spread(6, count) * 3).astype(int)
    )


def gaps(count=ROWS):
    X = numbers(count).assign(c=normal(8, count))
    return X.mask(np.stack([spread(20 + j, count) < 0.15 for j in range(3)], axis=1))


def dates(count=ROWS):
    minutes = (spread(9, count) * 3 * 365 * 24 * 60).astype(int)
    when = pd.Series(pd.Timestamp("2019-03-01") + pd.to_timedelta(minutes, "min"))
    when[spread(10, count) < 0.1] = pd.NaT
    clock = [pd.Timestamp(0).replace(hour=int(24 * u)).time() for u in spread(12, count)]
    took = pd.to_timedelta((spread(11, count) * 5000).astype(int), "s")
    return numbers(count).assign(when=when, took=took, clock=clock)


def array(count=ROWS):
    return np.stack([normal(7, count), spread(13, count)], axis=1)


def targets(X, count=3, scale=10.0, offset=0.0):
    """So many targets in different units, correlated, with more noise in some rows."""
    numeric = np.asarray(X)[:, :2].astype(float)
    numeric = np.nan_to_num((numeric - np.nanmean(numeric, axis=0)) / np.nanstd(numeric, axis=0))
    noise = np.stack([normal(30 + j, len(X)) for j in range(count)], axis=1)
    noise[:, 1:] += 0.7 * noise[:, :-1]
    mean = np.stack([numeric @ [1.0, np.sin(j)] for j in range(count)], axis=1)
    found = mean + noise * (0.3 + 0.2 * np.abs(numeric[:, [1]]))
    return pd.DataFrame(
        found * scale ** (np.arange(count) % 4 - 1) + offset,
        columns=[f"t{j}" for j in range(count)],
    )


# name: table, targets (one as an array), parameters
CASES = {
    "normal": (numbers, 3, {"family": "normal", "trees": False}),
    "student_t": (numbers, 3, {"family": "student_t", "trees": False}),
    "mixture": (numbers, 2, {"family": "mixture", "trees": False}),
    "mixture_blocks": (labels, 2, {"family": "mixture", "trees": True, "cv": "blocks"}),
    "trees": (labels, 3, {"family": "student_t", "trees": True, "members": 3}),
    "low_rank": (numbers, 9, {"family": "low_rank", "rank": 2, "trees": False}),
    "categories": (labels, 2, {"family": "normal", "trees": False, "categorical": ["code"]}),
    "gaps": (gaps, 2, {"family": "student_t", "trees": False, "activation": "gelu"}),
    "dates": (dates, 2, {"family": "student_t", "trees": False, "cv": "shuffled"}),
    "one_target": (array, 1, {"family": "normal", "trees": True, "members": 3}),
    "calibrated": (numbers, 6, {"family": "student_t", "trees": False, "cv": "blocks"}),
    "transform": (numbers, 2, {"family": "normal", "trees": False, "transform": "log1p"}),
}


def observed(name, X):
    """The targets of a case."""
    count = CASES[name][1]
    Y = targets(X, count, offset=1e9 if name == "student_t" else 0.0)
    if name == "transform":
        Y = Y.abs()
    return Y["t0"].to_numpy() if count == 1 else Y


def new_rows(name):
    """Rows that training did not have, with numbers beyond it and labels it did not know."""
    X = CASES[name][0](ROWS + NEW)[ROWS:]
    if isinstance(X, np.ndarray):
        X = X.copy()
        X[:2] = [[60.0, -7.0], [np.nan, 0.5]] if name != "one_target" else [[60.0, -7], [0, 0.5]]
        return X
    X = X.reset_index(drop=True)
    X.loc[0, "a"], X.loc[1, "b"], X.loc[2, "a"] = 1e6 + 60, 50.0, 1e6 - 4
    if "colour" in X:
        X.loc[3, "colour"] = "never seen"
    if "when" in X:
        X.loc[4, "when"] = pd.Timestamp("2035-07-01 12:00")
    return X


def file_of(name):
    return FOLDER / f"{name}.covey"


def write():
    """Fit all models, and write them with what they predict."""
    import covey

    found = {}
    for name, (table, _, parameters) in CASES.items():
        X = table()
        options = {"members": 2, **SMALL, **parameters}
        model = covey.JointRegressor(**options).fit(X, observed(name, X))
        if name == "calibrated":
            more = table(2 * ROWS)
            model.calibrate(more[ROWS:], targets(more, 6)[ROWS:])
        model.save(file_of(name))
        joint = model.predict_distribution(new_rows(name))
        lower, upper = joint.interval(0.8)
        parts = {"mean": joint.mean, "covariance": joint.covariance, "lower": lower, "upper": upper}
        found |= {f"{name}_{part}": array for part, array in parts.items()}
    np.savez_compressed(FOLDER / "predictions.npz", **found)


if __name__ == "__main__":
    write()
