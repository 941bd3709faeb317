"""What the demo does and says, in the order in which it happens."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from covey.datasets import load_air_quality
from covey.distributions import Elliptical, Mixture, MultivariateNormal, Transformed
from covey.distributions.internals import uncorrelated_log_prob
from covey.files import writable, write_table
from covey.regressor import JointRegressor
from covey.start.full import LinearModel
from covey.start.ridge import fit_ridge
from covey.table import FeatureSchema

if TYPE_CHECKING:
    import pandas as pd

UNITS = {"CO": "mg/m3", "NMHC": "ug/m3", "C6H6": "ug/m3", "NOx": "ppb", "NO2": "ug/m3"}
GASES = list(UNITS)
GIVEN = ["CO", "NOx"]  # what the conditional prediction is told
CALENDAR = ["month", "day_index"]  # in time-ordered data the future has values never seen
EVERY = 5  # weeks: one of so many is held out
PREDICTIONS = "air-quality-predictions.csv"
REPORT, PICTURE = "air-quality-report.html", "air-quality.png"  # beside the predictions
FIRST, PAIR = ["NOx"], ("CO", "NO2")  # what the picture is told, and what it shows


def run(
    output: str | os.PathLike[str] = PREDICTIONS,
    *,
    max_time: float | None = 60.0,
    verbose: int = 1,
    say: Callable[[str], None] = print,
) -> dict[str, float]:
    """Predict five gases jointly from a cheap sensor array, and say how well.

    Where matplotlib and Jinja are installed (`pip install "covey[report]"`), it ends with a report,
    `air-quality-report.html`, and a picture, `air-quality.png`, in the folder of `output`.

    Args:
        output: where the predictions of the held-out rows go (.csv or .parquet).
        max_time: seconds after which training stops.
        verbose: 1 shows the progress of the training.
        say: takes each line of text.

    Returns:
        The held-out negative log-likelihoods of what was measured, in nats per row, by the name of
        the method.

    Raises:
        InputError: `output`, or what goes beside it, cannot be written.
    """
    folder = Path(output).parent
    report, picture = folder / REPORT, folder / PICTURE
    missing = [name for name in ("matplotlib", "jinja2") if find_spec(name) is None]
    writable(output)
    if not missing:
        writable(report, (".html",))
        writable(picture, (".png",))
    say("Air quality in an Italian city (UCI Air Quality, CC BY 4.0; De Vito et al. 2008).")
    say("From a cheap sensor array and the weather, predict five gases jointly, hour by hour.\n")

    X, Y = load_air_quality()
    measured = Y[GASES].notna().any(axis=1)
    week = X["day_index"][measured] // 7
    X, Y = X[measured].drop(columns=CALENDAR), Y.loc[measured, GASES]
    test = week % EVERY == EVERY - 1
    X_train, X_test, Y_train, Y_test = X[~test], X[test], Y[~test], Y[test]
    say(f"features   {', '.join(X.columns)}")
    say(f"targets    {', '.join(f'{gas} ({UNITS[gas]})' for gas in GASES)}")
    gaps = ", ".join(f"{gas} {share:.0%}" for gas, share in Y_train.isna().mean().items())
    say(f"missing    {gaps}: left as they are")
    say(f"training   {len(X_train)} rows; folds hold out whole weeks")
    say(f"held out   {len(X_test)} rows: every fifth week\n")

    started = time.monotonic()
    model = JointRegressor(max_time=max_time, random_state=0, verbose=verbose)
    model.fit(X_train, Y_train, groups=week[~test])
    say(f"fitted in {time.monotonic() - started:.0f} s, compilation included\n")

    joint = model.predict_distribution(X_test)
    methods = {
        "ridge regression, constant covariance": _ridge(X_train, Y_train, X_test),
        "Covey, joint": joint,
    }
    found = {name: float(-d.log_prob(Y_test).mean()) for name, d in methods.items()}
    alone = float(-uncorrelated_log_prob(joint, Y_test).mean())
    ridge, ours = found.items()
    scores = dict([ridge, ("the same model, correlations ignored", alone), ours])
    say(
        "Mean negative log-likelihood of what was measured in held-out rows, in nats per row "
        "(lower is better):"
    )
    for name, score in scores.items():
        say(f"  {name:<40}{score:8.3f}")
    say(f"  (the family that scored best out of fold: {model.family_})")

    whole = np.flatnonzero(Y_test.notna().all(axis=1))
    row = int(whole[len(whole) // 2])
    truth = Y_test.iloc[row]
    say(f"\nOne held-out hour (row {X_test.index[row]} of the data), as measured and as predicted:")
    say(_indented(_means(joint[row], truth)))
    say("\nIts covariance matrix, in products of these units:")
    say(_indented(_table(joint[row].covariance[0])))
    say("\nand as correlations:")
    say(_indented(_table(joint[row].correlation[0])))

    told = Y_test[GIVEN]
    after = model.predict_distribution(X_test, given=told, keep=True)
    names = " and ".join(GIVEN)
    say(f"\nOnce the analysers of {names} have reported, the same hour is known better:")
    say(_indented(_means(after[row], truth)))
    others = [gas for gas in GASES if gas not in GIVEN]
    asked = told.notna().all(axis=1).to_numpy()
    narrower = np.median(after[asked].stddev / joint[asked].stddev, axis=0)
    say("Median standard deviation of the others, over all held-out hours, as a share of before:")
    say("  " + ", ".join(f"{gas} {narrower[GASES.index(gas)]:.0%}" for gas in others))

    write_table(joint.to_frame().rename_axis("row").reset_index(), output)
    if not missing:
        from covey.demo.picture import draw
        from covey.report import write_report

        say("\nWriting a report and a picture ...")
        known = model.predict_distribution(X_test, given=Y_test[FIRST], keep=True)
        silent = X_test.filter(like="PT08").isna().all(axis=1)
        draw(picture, joint, known, Y_test, pair=PAIR, given=FIRST, silent=silent, units=UNITS)
        write_report(report, model, X_test, Y_test, source="every fifth week of UCI Air Quality")
    say(f"\nPredictions  {os.fspath(output)}: means and covariances")
    if missing:
        say('Not written  a report and a picture, which need pip install "covey[report]"')
    else:
        say(f"Report       {report}: how good the model is")
        say(f"Picture      {picture}: what {FIRST[0]} tells of {' and '.join(PAIR)}")
    return scores


def _ridge(X: pd.DataFrame, Y: pd.DataFrame, X_test: pd.DataFrame) -> MultivariateNormal:
    schema = FeatureSchema.fit(X, named=True)
    known = schema.transform(X, named=True).astype(np.float64)
    linear = LinearModel.of(fit_ridge(known, Y.to_numpy(dtype=np.float64)))
    features = schema.transform(X_test, named=True)
    return linear.predict_distribution(features.astype(np.float64), targets=tuple(Y.columns))


def _means(joint: Elliptical | Mixture | Transformed, measured: pd.Series) -> str:
    import pandas as pd

    table = pd.DataFrame(
        {
            "unit": [UNITS[gas] for gas in joint.targets],
            "measured": measured.to_numpy(),
            "mean": joint.mean[0],
            "stddev": joint.stddev[0],
        },
        index=list(joint.targets),
    )
    return str(table.to_string(float_format=lambda value: f"{value:.4g}"))


def _table(matrix: np.ndarray) -> str:
    import pandas as pd

    table = pd.DataFrame(matrix, index=GASES, columns=GASES)
    return str(table.to_string(float_format=lambda value: f"{value:.4g}"))


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
