"""What an ONNX file says of its model besides the graph: columns, targets, calibrated levels."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import expit

from covey import __version__
from covey.arguments.family import MIXTURE
from covey.distributions.conformal import CalibrationSet
from covey.export.inputs import Feature
from covey.members.fitted_model import FittedModel

LEVELS = (0.5, 0.8, 0.9, 0.95, 0.99)
PREFIX = "covey."


def metadata(fitted: FittedModel, features: Sequence[Feature]) -> dict[str, str]:
    """Texts by name, of JSON where they are not of one word.

    Args:
        fitted: the model.
        features: columns of its training table, with their inputs.

    Returns:
        `covey.version`; `covey.family`; `covey.targets`, the D names; `covey.features`, how each
        column is read; `covey.levels`, see `calibrated_levels`.
    """
    found: dict[str, Any] = {
        "features": [feature.described for feature in features],
        "targets": list(fitted.targets),
        "levels": calibrated_levels(fitted.calibration_set, fitted.family, len(fitted.targets)),
    }
    texts = {name: json.dumps(value, allow_nan=False) for name, value in found.items()}
    texts |= {"version": __version__, "family": fitted.family}
    return {PREFIX + name: text for name, text in texts.items()}


def calibrated_levels(calibration: CalibrationSet, family: str, n_targets: int) -> dict[str, Any]:
    """Which level of the prediction itself holds a target as often as a level asks for.

    Args:
        calibration: the rows that regions are calibrated on.
        family: of the model.
        n_targets: D.

    Returns:
        `method`, "out_of_fold" or "conformal"; and for each level: `interval`, for each target the
        level of its own central interval by the model that is the calibrated interval; `region`,
        the same for the region of all targets together, an ellipsoid or, for mixtures, a region by
        density. 1 where there are too few rows for a guarantee.
    """
    all_of_one = np.ones((1, n_targets), dtype=bool)
    shape = "density" if family == MIXTURE else "ellipsoid"
    (_, together), *_ = calibration.quantiles(all_of_one, shape)
    each = [quantile for _, _, quantile in calibration.quantiles_of_each(all_of_one)]
    found: dict[str, Any] = {"method": calibration.method, "shape": shape}
    for level in LEVELS:
        tail = 1 - level
        found[f"{level:g}"] = {
            "interval": [float(expit(quantile.at(level, tail))) for quantile in each],
            "region": float(expit(together.at(level))),
        }
    return found
