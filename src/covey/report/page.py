"""The page itself: one HTML file, with its pictures in it and nothing to fetch."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from covey import __version__
from covey.arguments.check import read_values
from covey.arguments.destination import destination
from covey.assess.advice import advice
from covey.assess.verdict import LEVEL, calibrated, verdict
from covey.distributions.batch import evenly
from covey.distributions.text import measured, rounded
from covey.errors import CoveyWarning, InputError, counted
from covey.files import write_text
from covey.report.facts import data_warnings, features_of, settings_of, targets_of, versions
from covey.report.model import Model
from covey.report.pictures import MOST_PANELS, draw_all, typical_row
from covey.report.rows import surprises
from covey.types import Observations, Table

TEMPLATE = Path(__file__).parent / "page.html.jinja"
NONE, MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"
PICTURED_ROWS = 5000  # evenly chosen, for the pictures


def write_report(
    path: str | os.PathLike[str],
    model: Model,
    X: Table,
    Y: Observations,
    *,
    figures: Mapping[str, Any] | None = None,
    source: str = "",
    title: str = "",
) -> None:
    """Write a page that says how good a model is on a table.

    It is one HTML file without scripts: pictures are inside, and opening it asks nobody for
    anything. It follows the reader's choice of light or dark, and prints.

    Args:
        path: where to write, as a whole or not at all; the folder must exist.
        model: a fitted `JointRegressor`.
        X: table of N rows that had no part in its training.
        Y: their targets, as `fit` takes them; NaN means "not observed".
        figures: what `model.evaluate(X, Y)` returned; computed by default.
        source: where the table comes from, for the reader.
        title: of the page; names the targets by default.

    Raises:
        InputError: matplotlib or Jinja is not installed, a column cannot be used, no row holds a
            target, or the file cannot be written there.
    """
    destination(path)
    text = page(model, X, Y, figures=figures, source=source, title=title)
    write_text(text, path)


def page(
    model: Model,
    X: Table,
    Y: Observations,
    *,
    figures: Mapping[str, Any] | None = None,
    source: str = "",
    title: str = "",
) -> str:
    """The text of the page; arguments as for `write_report`."""
    try:
        import jinja2
    except ImportError:
        raise InputError(
            'A report needs Jinja, which is not installed. Run pip install "covey[report]".'
        ) from None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", CoveyWarning)
        Y = model.fitted_.observed(Y, "Y")
        figures = model.evaluate(X, Y) if figures is None else figures
        mixture = model.predict_mixture(X)
        joint = model.predict_distribution(X)
    if not figures["rows"]:
        raise InputError("A report needs rows that hold a target. Received none.")
    said = [str(warning.message) for warning in caught]
    values = read_values(Y, joint.mean.shape, joint.targets, "Y", rows=joint.index)
    some = np.flatnonzero(~np.isnan(values).all(axis=1))
    index = X.index if isinstance(X, pd.DataFrame) else pd.RangeIndex(len(values))
    labels, numbered = list(index), bool(index.equals(pd.RangeIndex(len(values))))
    shown = some[evenly(len(some), PICTURED_ROWS)]
    few, y = joint[shown], values[shown]
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters.update(
        number=_number,
        share=_share,
        signed=_signed,
        measured=_measured,
        rounded=_rounded,
        counted=counted,
    )
    names = list(joint.targets)
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        title=title or f"Joint predictions of {_listed(names)}",
        source=source,
        date=datetime.now().strftime("%d %B %Y").lstrip("0"),
        verdict=[
            (*line.partition("? "), todo)
            for line, todo in zip(verdict(figures)[:-1], advice(figures)[:-1], strict=True)
        ],
        calibrated=calibrated(figures),
        figures=figures,
        methods=_methods(figures),
        targets=targets_of(joint, values),
        features=features_of(model, X),
        pictures=draw_all(few, mixture[shown], y),
        typical=str(labels[shown[typical_row(few, y)]]),
        surprises=surprises(joint[some], values[some], [labels[row] for row in some]),
        numbered=numbered,
        panels=min(len(names), MOST_PANELS),
        notes=[*data_warnings(model, X, values, figures), *said],
        settings=settings_of(model, joint.calibration),
        summary=model.summary(),
        versions=versions(),
        version=__version__,
    )


def _methods(figures: Mapping[str, Any]) -> list[dict[str, Any]]:
    """This model and its baselines, with what each loses to the best."""
    ours = {**figures, "coverage": figures["coverage"][LEVEL]["joint"]}
    beside = {each["description"]: each for each in figures["baselines"].values()}
    methods = {"this model": ours, **beside}
    nats = {name: found["negative_log_likelihood_per_target"] for name, found in methods.items()}
    least, most = min(nats.values()), max(nats.values())
    return [
        {
            "name": _capital(name),
            "nats": nats[name],
            "behind": nats[name] - least,
            "bar": 100 * (nats[name] - least) / (most - least) if most > least else 0.0,
            "energy": found.get("energy_score"),
            "coverage": found["coverage"],
        }
        for name, found in methods.items()
    ]


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _listed(names: list[str], most: int = 4, letters: int = 90) -> str:
    """Names as a headline has room for: some, and how many others there are."""
    while most > 2 and len(", ".join(names[:most])) > letters:
        most -= 1
    if len(names) > most:
        others = len(names) - most + 1
        return f"{', '.join(names[: most - 1])} and {others} other{'s' if others > 1 else ''}"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _number(value: float | None, digits: int = 3) -> str:
    """A number rounded to the digits that matter, as text."""
    if value is None or np.isnan(value):
        return NONE
    if value == 0:
        return "0"
    size = int(np.floor(np.log10(abs(value))))
    if -4 <= size < 7:
        text = f"{value:,.{max(digits - 1 - size, 0)}f}"
    else:
        text = f"{value:.{digits - 1}e}"
    return text.replace("-", MINUS)


def _measured(value: float, error: float) -> str:
    return measured(value, error).replace("-", MINUS)


def _rounded(value: float, error: float) -> str:
    return rounded(value, error).replace("-", MINUS)


def _share(value: float | None, decimals: int = 1) -> str:
    return NONE if value is None or np.isnan(value) else f"{value:.{decimals}%}"


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", MINUS)
