"""Evaluation of a fitted estimator on rows with known targets, and calibration on them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from covey.arguments.check import read_values
from covey.arguments.frames import as_pandas
from covey.arguments.labels import FEATURES, check_tables, labels_of, row_name
from covey.assess.calibration import calibration_rows
from covey.assess.evaluation import evaluate, mean_r2, row_width
from covey.assess.figures import Evaluation
from covey.assess.fingerprints import CALIBRATED, EVALUATED, RECALLED, SCORED, Fingerprints
from covey.distributions.conformal import CalibrationSet
from covey.errors import InputError, counted, warn
from covey.fitted.attributes import FittedAttributes
from covey.table import chosen_targets, read_features
from covey.table.weights import of_mean_one, read_sample_weight
from covey.types import Array, Observations, Table


class AssessmentMixin(FittedAttributes):
    """Evaluation and calibration of a fitted `JointRegressor` on rows with known targets."""

    def score(
        self,
        X: Table,
        Y: Observations | None = None,
        sample_weight: ArrayLike | None = None,
        *,
        y: Observations | None = None,
    ) -> float:
        """Coefficient of determination of the means, averaged over the targets.

        Args:
            X: table of N rows.
            Y: their targets, as `fit` takes them; each target counts on the rows that hold it.
            sample_weight: array of shape (N,), non-negative: how much each row counts in the
                average; rows of weight 0 are left out.
            y: scikit-learn's name for `Y`.

        Returns:
            R^2: 1 for perfect means; NaN, with scikit-learn's warning, for a single row.

        Raises:
            InputError: a column, the targets or the weights cannot be used.
        """
        X, Y, weight = _counted(X, chosen_targets(Y, y), sample_weight)
        fitted = self.fitted_
        inputs = fitted.inputs(X)
        mean = fitted.mean(inputs)
        values = self._outcome(X, Y, mean)
        _share_of(fitted.training_fingerprints, inputs.matrix, values, weight, SCORED, once=True)
        return mean_r2(values, mean, weight)

    def calibrate(
        self, X: Table, Y: Observations | None = None, *, y: Observations | None = None
    ) -> Self:
        """Calibrate regions and intervals on fresh rows, so that their coverage is guaranteed.

        After `fit` they are calibrated on rows that members held out in turn: about right, but
        without a guarantee. After `calibrate` they are those of split conformal prediction: of new
        rows from the same source (not of later ones, nor of other groups) a region of level p
        covers at least the share p on average, however good or bad the model is. With fewer than
        p / (1 - p) rows it is infinite. Means and densities do not change.

        Args:
            X: table of N rows that had no part in the fit; a `CoveyWarning` is given if some had.
            Y: their targets, as `fit` takes them; NaN means "not observed".
            y: scikit-learn's name for `Y`.

        Returns:
            The same estimator, calibrated.

        Raises:
            InputError: a column cannot be used, no row holds a target, or a target with a transform
                has a value that it never had. The estimator is left as it was.

        References:
            Vovk, Gammerman, Shafer (2005), Algorithmic Learning in a Random World; Johnstone, Cox
            (2021), Conformal uncertainty sets for robust optimization, PMLR 152.
        """
        Y, fitted = chosen_targets(Y, y), self.fitted_
        inputs = fitted.inputs(X)
        joint = fitted.ensemble.distribution(inputs)
        values = self._outcome(X, Y, joint.mean)
        if np.isnan(values).all():
            raise InputError("`Y` must hold at least one target to calibrate on. It holds none.")
        self._check_possible(values, X)
        _share_of(fitted.training_fingerprints, inputs.matrix, values, None, CALIBRATED)
        rows = calibration_rows(values, width=row_width(joint))
        latent = (
            transforms.latent(values)[rows] if (transforms := fitted.transforms) else values[rows]
        )
        self.fitted_ = replace(
            fitted,
            calibration_set=CalibrationSet(joint[rows], latent, "conformal"),
            calibration_fingerprints=Fingerprints.of(inputs.matrix, values),
        )
        return self

    def evaluate(
        self,
        X: Table,
        Y: Observations | None = None,
        sample_weight: ArrayLike | None = None,
        *,
        y: Observations | None = None,
    ) -> Evaluation:
        """Score the model on a table, beside two simpler predictions.

        One is ridge regression, or `base` alone, with the same normal covariance for all rows: that
        of its residuals on rows that it was not fitted to. The other is the model itself with all
        correlations set to zero. A `CoveyWarning` is given if the table holds training rows.

        Args:
            X: table of N rows that had no part in the fit, nor in `calibrate`.
            Y: their targets, as `fit` takes them; NaN means "not observed".
            sample_weight: array of shape (N,), non-negative: how much each row counts in every
                average; rows of weight 0 are left out.
            y: scikit-learn's name for `Y`.

        Returns:
            Plain numbers: those of `covey.assess.evaluation.evaluate`; `training_rows`, the share
            of the rows that the model was trained on; and `beyond_range`, how many rows hold a
            feature outside its range in training. They are a dict, which
            shows itself as a verdict and a few tables.

        Raises:
            InputError: a column, the targets or the weights cannot be used, or a target with a
                transform has a value that it never had.
        """
        X, Y, weight = _counted(X, chosen_targets(Y, y), sample_weight)
        fitted = self.fitted_
        inputs = fitted.inputs(X)
        joint = fitted.distribution(inputs)
        values = self._outcome(X, Y, joint.mean)
        self._check_possible(values, X)
        _share_of(fitted.calibration_fingerprints, inputs.matrix, values, weight, RECALLED)
        baseline = fitted.baseline
        constant = baseline.distribution(inputs, fitted.targets)
        figures = evaluate(joint, values, constant, baseline.description, sample_weight=weight)
        trained = _share_of(fitted.training_fingerprints, inputs.matrix, values, weight, EVALUATED)
        beyond = fitted.schema.beyond_range(*read_features(X))
        return Evaluation({**figures, "training_rows": trained, "beyond_range": beyond})

    def _check_possible(self, values: Array, X: Any) -> None:
        """Refuse values that a target with a transform never has: their density is 0."""
        transforms = self.fitted_.transforms
        if not transforms:
            return
        bad = np.argwhere(transforms.impossible(values))
        if len(bad):
            row, target = bad[0].tolist()
            more = f" (and {counted(len(bad) - 1, 'more such value')})" if len(bad) > 1 else ""
            raise InputError(
                f"Target {self.targets_[target]!r} {transforms.bound(target)} in training, and is "
                f"predicted as such. Received {values[row, target]:.6g} in "
                f"{row_name(labels_of(X), row)}{more}. Leave such rows out, or fit with "
                f"transform={{{self.targets_[target]!r}: None}}."
            )

    def _outcome(self, X: Any, Y: Any, mean: Array) -> Array:
        rows = None if labels_of(Y) is None else labels_of(X)
        Y = self.fitted_.observed(Y, "Y")
        return read_values(Y, mean.shape, self.targets_, "Y", rows=rows, of=FEATURES)


def _share_of(
    known: Fingerprints | None,
    inputs: NDArray[np.float32],
    values: Array,
    weight: Array | None,
    why: str,
    *,
    once: bool = False,
) -> float:
    """The share of a table that was seen before; warns of it if there is any.

    Args:
        known: fingerprints of the rows that were, or None.
        inputs: features as the networks read them, shape (N, F).
        values: targets, shape (N, D), NaN where not observed.
        weight: of the rows, shape (N,), or None.
        why: the rest of the warning's sentence.
        once: warn only the first time.

    Returns:
        A number in [0, 1].
    """
    share = 0.0 if known is None else known.share_of(inputs, values, weight)
    if known is not None and share > 0 and (known.first_time(why) or not once):
        warn(f"About {share:.0%} of the rows {why}")
    return share


def _counted(X: Any, Y: Any, sample_weight: Any) -> tuple[Any, Any, Array | None]:
    """The rows that have a weight, their targets, and their weights; None if all count alike."""
    if sample_weight is None:
        return X, Y, None
    check_tables(X=X, Y=Y, sample_weight=sample_weight)
    frame, named = read_features(X)
    weight = read_sample_weight(sample_weight, len(frame))
    Y = as_pandas(Y, "Y")
    # another number of rows is refused where Y is read
    if weight is None or (weight > 0).all() or np.shape(Y)[:1] != (len(frame),):
        return X, Y, of_mean_one(weight)
    rows = np.flatnonzero(weight)
    # checked above: whatever labels there are belong to the rows of both
    found = (labels_of(X), labels_of(Y), frame.index)
    labels = next(index for index in found if index is not None)
    features = frame.set_axis(labels).iloc[rows]
    targets = Y.set_axis(labels).iloc[rows] if hasattr(Y, "iloc") else np.asarray(Y)[rows]
    return features if named else features.to_numpy(), targets, of_mean_one(weight[rows])
