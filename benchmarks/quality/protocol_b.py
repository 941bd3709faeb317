"""Protocol B: the volume of conformal regions, exactly as Braun, Berta, Jordan and Bach ran it.

Multivariate Standardized Residuals for Conformal Prediction, arXiv 2507.20941. One random split
for each seed: 70% to train, 10% to stop on, 10% to calibrate and the rest to test, from the one
stream of random numbers that their programs seed; features and targets through a quantile transform
to the normal, fitted on the training part. Levels 90% and 95%. Figures of two kinds of regions:
"ellipsoid", of the Mahalanobis distance, and "density", of where the density is high.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import stats
from sklearn.preprocessing import QuantileTransformer

import covey
from benchmarks.quality import conditional
from benchmarks.quality.scores import LEVEL, log_volume
from benchmarks.quality.tables import read

TITLES = {
    "mvcs_bias": "Bias",
    "mvcs_casp": "CASP",
    "mvcs_house": "House",
    "rf1": "rf1",
    "scm20d": "scm20d",
    "mvcs_taxi": "Taxi",
}
LEVELS = (LEVEL, 0.95)
SHAPES = ("ellipsoid", "density")
SHARES = (0.7, 0.1, 0.1, 0.1)
DRAWS = 400  # of each row, for the volume of a region of high density
AT_ONCE = 500  # rows


class Parts(NamedTuple):
    """(X, Y) of each part, transformed, and the stream of random numbers as the split leaves it."""

    train: tuple[np.ndarray, np.ndarray]
    stop: tuple[np.ndarray, np.ndarray]
    calibration: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]
    generator: np.random.RandomState

    @property
    def fit(self) -> tuple[np.ndarray, np.ndarray]:
        """The rows to train and to stop on: folds see to both."""
        X, Y = zip(self.train, self.stop, strict=True)
        return np.concatenate(X), np.concatenate(Y)


def prepare(name: str, seed: int) -> Parts:
    """One split of one set, the same as the authors': rows in the order of the file.

    The transforms draw from the same stream as the split, features first, as theirs do.
    """
    frame, targets = read(name)
    complete = targets.notna().all(axis=1)
    X, Y = (part[complete].to_numpy(np.float64) for part in (frame, targets))
    X = np.where(np.isnan(X), np.nanmedian(X, axis=0), X)
    generator = np.random.RandomState(seed)
    rows = split_rows(len(X), generator)
    sides = []
    for values in (X, Y):
        transform = QuantileTransformer(
            n_quantiles=min(1000, len(rows[0])),  # 1,000 by itself, with a warning if rows are less
            output_distribution="normal",
            random_state=generator,
        ).fit(values[rows[0]])
        sides.append([transform.transform(values[part]) for part in rows])
    train, stop, calibration, test = zip(*sides, strict=True)
    return Parts(train, stop, calibration, test, generator)


def split_rows(n: int, generator: np.random.RandomState) -> list[np.ndarray]:
    """Numbers of the rows to train, to stop, to calibrate and to test on."""
    sizes = [int(n * share) for share in SHARES[:-1]]
    return np.split(generator.permutation(n), np.cumsum(sizes))


def with_gaps(Y: np.ndarray, generator: np.random.RandomState) -> np.ndarray:
    """A copy in which every row lacks 1 to D - 1 of its targets, drawn as the authors draw them."""
    Y = Y.copy()
    d = Y.shape[1]
    for row in Y:
        row[generator.choice(d, size=generator.randint(1, d), replace=False)] = np.nan
    return Y


def revealed(d: int) -> list[int]:
    """The targets that are told of every row: the first of two, the first five of more."""
    return list(range(min(5, d - 1)))


def conformal_radius(score: np.ndarray, level: float) -> float:
    """The ceil((n + 1) level)-th smallest of n scores: covers a fresh row with `level`."""
    rank = int(np.ceil((len(score) + 1) * level))
    return float(np.sort(score)[rank - 1]) if rank <= len(score) else np.inf


def score(joint: Any, Y: np.ndarray, shape: str) -> np.ndarray:
    """How far each row is from the middle of what is predicted, shape (N,)."""
    return joint.mahalanobis(Y) if shape == "ellipsoid" else -joint.log_prob(Y)


def mean_volume(joint: Any, bound: float, shape: str) -> float:
    """Mean over the rows of the volume of {y: score <= bound}, to the power 1/D."""
    d = joint.mean.shape[1]
    if shape == "ellipsoid":
        return float(np.exp(log_volume(joint, bound) / d).mean())
    found = [
        _density_volume(joint[start : start + AT_ONCE], bound)
        for start in range(0, len(joint), AT_ONCE)
    ]
    return float(np.mean(np.concatenate(found) ** (1 / d)))


def _density_volume(joint: Any, bound: float) -> np.ndarray:
    """Volumes of {y: -log p(y) <= bound}, from draws of p: the mean of 1 / p over those inside."""
    drawn = joint.sample(DRAWS, seed=0)
    density = np.stack([joint.log_prob(y) for y in drawn])
    return np.mean(np.where(-density <= bound, np.exp(-density), 0.0), axis=0)


def run(
    name: str, seed: int, shapes: Sequence[str] = SHAPES, **settings: Any
) -> dict[str, dict[str, Any]]:
    """One split of one set: whole regions, some targets revealed, missing, and projected.

    Args:
        name: of a set in `TITLES`.
        seed: number of the authors' experiment.
        shapes: some of `SHAPES`, of regions by one and the same fit.
        settings: for `JointRegressor`, none by default.

    Returns:
        For each shape what is to be kept; figures of each level under its name.
    """
    parts = prepare(name, seed)
    model = covey.JointRegressor(random_state=seed, verbose=0, **settings).fit(*parts.fit)
    joints = {part: model.predict_distribution(getattr(parts, part)[0]) for part in _TWO}
    gaps = _missing(parts, joints)
    return {
        shape: {
            "table": name,
            "seed": seed,
            "shape": shape,
            "family": model.family_,
            **_figures(parts, joints, gaps, seed, shape),
        }
        for shape in shapes
    }


def _figures(
    parts: Parts, joints: dict[str, Any], gaps: dict[str, float], seed: int, shape: str
) -> dict[str, Any]:
    Y = {part: getattr(parts, part)[1] for part in _TWO}
    d = parts.test[1].shape[1]
    known = revealed(d)
    found: dict[str, Any] = {"test_rows": len(parts.test[1]), "targets": d}
    names = joints["test"].targets
    told = {part: {names[k]: Y[part][:, k] for k in known} for part in _TWO}
    others = {part: np.delete(Y[part], known, axis=1) for part in _TWO}
    given = {part: joints[part].conditional(told[part]) for part in _TWO}
    X_told = np.column_stack([parts.test[0], Y["test"][:, known]])
    whole = _regions(joints, Y, shape, parts.test[0])
    part = _regions(given, others, shape, X_told)
    matrix = conditional.projection(seed, d) if d > 2 else None
    projected = {}
    if matrix is not None:
        flat = {p: joints[p].affine(matrix) for p in _TWO}
        projected = _regions(flat, {p: Y[p] @ matrix.T for p in _TWO}, shape)
    for level in LEVELS:
        key = f"{level:.2f}"
        found[key] = {**whole[key], "missing_coverage": gaps[key]}
        found[key] |= {f"revealed_{k}": v for k, v in part[key].items()}
        found[key] |= {f"projected_{k}": v for k, v in projected.get(key, {}).items()}
    return found


_TWO = ("calibration", "test")


def _regions(
    joints: dict[str, Any], Y: dict[str, np.ndarray], shape: str, X: np.ndarray | None = None
) -> dict[str, dict[str, float]]:
    """Volume and coverage at each level; with features, how coverage varies with them."""
    calibration, test = (score(joints[part], Y[part], shape) for part in _TWO)
    found = {}
    for level in LEVELS:
        bound = conformal_radius(calibration, level)
        inside = test <= bound
        found[f"{level:.2f}"] = {
            "volume": mean_volume(joints["test"], bound, shape),
            "coverage": float(inside.mean()),
            **({} if X is None else conditional.coverage(X, inside, level)),
        }
    return found


def _missing(parts: Parts, joints: dict[str, Any]) -> dict[str, float]:
    """Coverage where targets lack in the rows to calibrate and to test on, none in training.

    As the authors do it: a row's score is the chi-squared probability of its squared distance,
    with as many degrees of freedom as it has targets. Any shape of region: the distance is that of
    the moments.
    """
    scores = []
    generator = parts.generator
    for part in ("train", "stop", *_TWO):
        Y = with_gaps(getattr(parts, part)[1], generator)  # all, so that the draws are theirs
        if part in _TWO:
            normal = covey.MultivariateNormal(joints[part].mean, covariance=joints[part].covariance)
            count = np.sum(~np.isnan(Y), axis=1)
            scores.append(stats.chi2.cdf(normal.mahalanobis(Y) ** 2, count))
    return {
        f"{level:.2f}": float(np.mean(scores[1] <= conformal_radius(scores[0], level)))
        for level in LEVELS
    }


def run_missing(name: str, seed: int, **settings: Any) -> dict[str, Any]:
    """Harder than theirs: every training row lacks 1 to D - 1 of its targets.

    Regions are then calibrated and tested on complete rows.
    """
    parts = prepare(name, seed)
    X, Y = parts.fit
    Y = with_gaps(Y, parts.generator)
    model = covey.JointRegressor(random_state=seed, verbose=0, **settings).fit(X, Y)
    joints = {part: model.predict_distribution(getattr(parts, part)[0]) for part in _TWO}
    whole = {part: getattr(parts, part)[1] for part in _TWO}
    return {
        "table": name,
        "seed": seed,
        "family": model.family_,
        "test_rows": len(whole["test"]),
        **_regions(joints, whole, "ellipsoid"),
    }
