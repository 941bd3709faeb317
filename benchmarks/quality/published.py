"""The published figures of protocol B, and Covey's beside them.

Braun, Berta, Jordan and Bach (arXiv 2507.20941): volumes at 90% from their paper, all others from
the records in their repository, means of 10 seeds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.quality.markdown import table
from benchmarks.quality.protocol_b import LEVELS, SHAPES, TITLES

COLUMNS = (
    "learned covariance",
    "constant covariance",
    "highest density of a flow",
    "optimal transport",
    "MVCS",
)
NONE = float("nan")


@dataclass(frozen=True)
class Figure:
    """One figure of the protocol, by data set.

    Attributes:
        title: what readers see.
        key: its name in results.
        coverage: name in results of the coverage of these regions.
        level: of the regions.
        columns: what is published.
        values: of these columns, for each set.
        best: "least", or "most" where more is better.
        places: how many are shown.
    """

    title: str
    key: str
    coverage: str
    level: float
    columns: tuple[str, ...]
    values: Mapping[str, tuple[float, ...]]
    best: str = "least"
    places: int = 3


FIGURES = (
    Figure(
        "Volume of the 90% region",
        "volume",
        "coverage",
        0.9,
        COLUMNS,
        {
            "mvcs_bias": (1.07, 1.11, 1.34, 1.28, 1.09),
            "mvcs_casp": (1.37, 1.57, 1.32, 1.54, 1.30),
            "mvcs_house": (1.00, 1.22, 1.15, 1.25, 1.15),
            "rf1": (0.28, 0.60, 0.46, 0.53, 0.28),
            "scm20d": (1.29, 1.75, NONE, 2.61, 1.49),
            "mvcs_taxi": (3.33, 3.45, 2.64, 3.34, 3.32),
        },
    ),
    Figure(
        "Volume of the 95% region",
        "volume",
        "coverage",
        0.95,
        COLUMNS,
        {
            "mvcs_bias": (1.286, 1.356, 1.678, 1.471, 1.305),
            "mvcs_casp": (1.734, 1.975, 1.742, 2.310, 1.628),
            "mvcs_house": (1.231, 1.612, 1.465, 1.824, 1.408),
            "rf1": (0.322, 0.895, 0.557, 0.547, 0.309),
            "scm20d": (1.494, 2.187, 1.950, 2.638, 1.873),
            "mvcs_taxi": (4.067, 4.188, 3.239, 3.947, 4.083),
        },
    ),
    Figure(
        "Volume of the 90% region, targets revealed",
        "revealed_volume",
        "revealed_coverage",
        0.9,
        (
            "learned covariance, conditional",
            "learned covariance, not updated",
            "constant covariance",
            "optimal transport",
            "MVCS",
        ),
        {
            "mvcs_bias": (0.891, 1.025, 1.047, 1.155, 1.051),
            "mvcs_casp": (0.794, 1.049, 1.205, 1.029, 0.809),
            "mvcs_house": (0.740, 0.910, 1.093, 1.339, 0.984),
            "rf1": (0.262, 0.315, 0.813, 0.547, 0.305),
            "scm20d": (1.238, 1.291, 1.804, 2.629, 0.822),
            "mvcs_taxi": (2.611, 3.096, 3.249, 2.669, 2.962),
        },
    ),
    Figure(
        "Volume of the 90% region, projected to two dimensions",
        "projected_volume",
        "projected_coverage",
        0.9,
        (
            "learned covariance",
            "likelihood score",
            "constant covariance",
            "optimal transport",
        ),
        {
            "rf1": (0.925, 0.902, 1.303, 1.731),
            "scm20d": (5.631, 5.542, 6.586, 8.308),
        },
    ),
    Figure(
        "ERT x 100 of the 90% region, by `covmetrics`",
        "ert",
        "coverage",
        0.9,
        COLUMNS,
        {
            "mvcs_bias": (1.68, 3.72, 2.00, 3.69, 3.06),
            "mvcs_casp": (1.89, 4.64, 1.52, 4.32, 2.31),
            "mvcs_house": (3.01, 6.54, 2.52, 6.56, 6.84),
            "rf1": (3.02, 11.24, 4.70, 3.30, 9.62),
            "scm20d": (1.39, 9.29, 5.17, 2.91, 8.99),
            "mvcs_taxi": (0.64, 2.77, 0.85, 3.69, 2.30),
        },
        places=2,
    ),
    Figure(
        "WSC of the 90% region, by `covmetrics`",
        "wsc",
        "coverage",
        0.9,
        COLUMNS,
        {
            "mvcs_bias": (0.72, 0.72, 0.72, 0.73, 0.72),
            "mvcs_casp": (0.82, 0.80, 0.84, 0.80, 0.82),
            "mvcs_house": (0.77, 0.72, 0.80, 0.72, 0.71),
            "rf1": (0.73, 0.53, 0.74, 0.73, 0.55),
            "scm20d": (0.74, 0.70, 0.82, 0.75, 0.70),
            "mvcs_taxi": (0.84, 0.80, 0.85, 0.75, 0.82),
        },
        best="most",
        places=2,
    ),
)
# coverage of the 90% region where targets lack in calibration and test
MISSING = {
    "mvcs_bias": 0.904,
    "mvcs_casp": 0.898,
    "mvcs_house": 0.897,
    "rf1": 0.907,
    "scm20d": 0.899,
    "mvcs_taxi": 0.899,
}

TEXT = """\
## Conformal regions

Braun, Berta, Jordan and Bach (arXiv 2507.20941), on their own splits: the seed of an experiment
gives 70/10/10/10% of the rows to train, stop, calibrate and test, after a quantile transform to the
normal. The volume of a region, to the power 1/D, averaged over the test rows (lower is better).
*Ellipsoid* is the region of the Mahalanobis distance, *density* that of {y: log p(y) >= c}, whose
volume is drawn (400 draws of each row). *Revealed*: target 0 of two, or targets 0 to 4 of more, are
known in every row to calibrate and test on; the region is of the others given these. *Projected*:
of A y, with their random 2 x D matrix A. *ERT* (excess risk of the target coverage, lower) and
*WSC* (worst slab, higher, 0.90 at best) ask how coverage varies with the features. The best of a
row is in bold; coverage has twice its error by chance behind it.
"""


def section(records: Mapping[tuple[str, str], list[dict[str, Any]]]) -> str:
    """What the page says of protocol B."""
    if not any((f"protocol_b_{shape}", name) in records for shape in SHAPES for name in TITLES):
        return ""
    parts = [TEXT]
    for figure in FIGURES:
        lines = [_line(records, figure, name) for name in figure.values]
        ours = [f"Covey, {shape}" for shape in SHAPES]
        head = ["data", *ours, *figure.columns, *(f"coverage, {shape}" for shape in SHAPES)]
        parts.append(f"### {figure.title}\n\n" + table([*head, "splits"], lines))
    parts.append(
        "The published revealed volume of MVCS on scm20d is below that of any other region by so "
        "much that it looks odd to us.\n"
    )
    return "\n".join([*parts, _missing(records)])


def _line(
    records: Mapping[tuple[str, str], list[dict[str, Any]]], figure: Figure, name: str
) -> list[str]:
    level = f"{figure.level:.2f}"
    found = [records.get((f"protocol_b_{shape}", name), []) for shape in SHAPES]
    ours = [_mean([r[level].get(figure.key, NONE) for r in several]) for several in found]
    values = np.array([*ours, *figure.values[name]])
    best = NONE
    if not np.all(np.isnan(values)):
        best = np.nanmin(values) if figure.best == "least" else np.nanmax(values)
    cells = []
    for value in values:
        text = "" if np.isnan(value) else f"{value:.{figure.places}f}"
        cells.append(f"**{text}**" if value == best else text)
    covered = [_covered(several, level, figure) for several in found]
    splits = max(len(several) for several in found)
    return [TITLES[name], *cells, *covered, str(splits)]


def _covered(found: list[dict[str, Any]], level: str, figure: Figure) -> str:
    """Mean coverage, and twice the error that so many rows to test and to calibrate on leave."""
    values = [r[level][figure.coverage] for r in found if figure.coverage in r[level]]
    if not values:
        return ""
    rows = np.mean([r["test_rows"] for r in found])
    error = np.sqrt(float(level) * (1 - float(level)) * 2 / rows / len(values))
    return f"{np.mean(values):.3f} ± {2 * error:.3f}"


def _missing(records: Mapping[tuple[str, str], list[dict[str, Any]]]) -> str:
    lines = []
    for name, theirs in MISSING.items():
        same = records.get(("protocol_b_ellipsoid", name), [])
        harder = records.get(("protocol_b_missing", name), [])
        ours = [
            *(_mean([r[f"{level:.2f}"]["missing_coverage"] for r in same]) for level in LEVELS),
            _mean([r["0.90"]["coverage"] for r in harder]),
            _mean([r["0.90"]["volume"] for r in harder]),
        ]
        cells = ["" if np.isnan(value) else f"{value:.3f}" for value in ours]
        splits = f"{len(same)}, {len(harder)}"
        lines.append([TITLES[name], *cells, f"{theirs:.3f}", splits])
    head = [
        "data",
        "coverage, 90%",
        "coverage, 95%",
        "missing in training too: coverage, 90%",
        "its volume",
        "published coverage, 90%",
        "splits",
    ]
    return (
        "### Targets missing\n\n"
        "Every row to calibrate and test on lacks 1 to D - 1 of its targets, drawn as theirs are; "
        "training is complete.\n*Missing in training too*: every training row lacks as many, and "
        "regions are calibrated and tested on complete rows.\n\n" + table(head, lines)
    )


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else NONE
