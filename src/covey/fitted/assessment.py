"""How a fitted estimator is judged by rows whose targets are known, and calibrated by them."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from covey.arguments.check import read_values
from covey.arguments.frames import as_pandas
from covey.arguments.labels import FEATURES, check_tables, labels_of
from covey.assess.calibration import calibration_rows
from covey.assess.evaluation import evaluate, mean_r2, row_width
from covey.assess.seen import CALIBRATED, EVALUATED, RECALLED, SCORED, Seen
from covey.distributions.conformal import CalibrationSet
from covey.errors import InputError, warn
from covey.table import chosen_targets, read_features
from covey.table.folds import even_weights, read_weights
from covey.types import Array


class AssessmentMixin:
    """What lets a fitted `JointRegressor` be judged; it predicts, as `PredictionMixin` has it."""

    ensemble_: Any
    targets_: tuple[str, ...]
    _baseline: Any
    _reference: Any
    _schema: Any
    _seen: Any
    _seen_in_calibration: Any
    _calibrated: Any
    _network_inputs: Any

    def score(
        self, X: Any, Y: Any = None, sample_weight: ArrayLike | None = None, *, y: Any = None
    ) -> float:
        """Coefficient of determination of the means, averaged over the targets.

        Args:
            X: table of N rows.
            Y: their targets, as `fit` takes them; each target counts on the rows that hold it.
            sample_weight: array of shape (N,), non-negative: the share of each row in the average;
                rows of weight 0 do not count.
            y: scikit-learn's name for `Y`.

        Returns:
            R^2: 1 for perfect means; NaN, with scikit-learn's warning, of a single row.

        Raises:
            InputError: a column, the targets or the weights cannot be used.
        """
        X, Y, weight = _counted(X, chosen_targets(Y, y), sample_weight)
        inputs = self._network_inputs(X)
        mean = self.ensemble_.mean(*inputs)
        values = self._outcome(X, Y, mean)
        self._share_of(self._seen, inputs[0], values, weight, SCORED, once=True)
        return mean_r2(values, mean, weight)

    def calibrate(self, X: Any, Y: Any = None, *, y: Any = None) -> Self:
        """Calibrate regions and intervals on fresh rows, for a guarantee; means and scores stay.

        After `fit` they are calibrated on rows held out of a part of the training: about right,
        without a proof. After this they are those of split conformal prediction: of new rows from
        the same source (not later ones, nor other groups), a region of level p holds a share of at
        least p on average, whatever the model is worth. Fewer rows than p / (1 - p) make it
        infinite.

        Args:
            X: table of N rows that had no part in the fit; a `CoveyWarning` says so if some had.
            Y: their targets, as `fit` takes them; NaN means "not observed".
            y: scikit-learn's name for `Y`.

        Returns:
            The estimator itself, changed.

        Raises:
            InputError: a column cannot be used, or no row holds a target. The estimator is left as
                it was.

        References:
            Vovk, Gammerman, Shafer (2005), Algorithmic Learning in a Random World; Johnstone, Cox
            (2021), Conformal uncertainty sets for robust optimization, PMLR 152.
        """
        Y, inputs = chosen_targets(Y, y), self._network_inputs(X)
        joint = self.ensemble_.distribution(*inputs)
        values = self._outcome(X, Y, joint.mean)
        if np.isnan(values).all():
            raise InputError("`Y` must hold at least one target to calibrate on. It holds none.")
        self._share_of(self._seen, inputs[0], values, None, CALIBRATED)
        rows = calibration_rows(values, width=row_width(joint))
        self._reference = CalibrationSet(joint[rows], values[rows], "conformal")
        self._seen_in_calibration = Seen.of(inputs[0], values)
        return self

    def evaluate(
        self, X: Any, Y: Any = None, sample_weight: ArrayLike | None = None, *, y: Any = None
    ) -> dict[str, Any]:
        """Score the model on a table, beside two simpler predictions.

        These are ridge regression, or the `base` alone, with one normal covariance for all rows
        (that of their residuals in rows that they were not fitted to), and the model itself with
        all correlations ignored. A `CoveyWarning` says so if there are training rows in the table.

        Args:
            X: table of N rows that had no part in the fit, nor in `calibrate`.
            Y: their targets, as `fit` takes them; NaN means "not observed".
            sample_weight: array of shape (N,), non-negative: the share of each row in every
                average; rows of weight 0 do not count.
            y: scikit-learn's name for `Y`.

        Returns:
            Plain numbers: see `covey.assess.evaluation.evaluate`, and `covey.report.verdict` for
            words; besides, `training_rows`, the share of the rows that the model was trained on,
            and `beyond_range`, the rows with a number that is beyond those of training.

        Raises:
            InputError: a column, the targets or the weights cannot be used.
        """
        X, Y, weight = _counted(X, chosen_targets(Y, y), sample_weight)
        inputs = self._network_inputs(X)
        joint = self._calibrated(self.ensemble_.distribution(*inputs))
        values = self._outcome(X, Y, joint.mean)
        self._share_of(self._seen_in_calibration, inputs[0], values, weight, RECALLED)
        constant = self._baseline.distribution(inputs[0], self.targets_, inputs[1])
        figures = evaluate(
            joint, values, constant, self._baseline.description, sample_weight=weight
        )
        return {
            **figures,
            "training_rows": self._share_of(self._seen, inputs[0], values, weight, EVALUATED),
            "beyond_range": self._schema.beyond_range(*read_features(X)),
        }

    def _share_of(
        self,
        seen: Seen | None,
        inputs: Any,
        values: Array,
        weight: Array | None,
        why: str,
        *,
        once: bool = False,
    ) -> float:
        """The share of a table that was seen before; says so if there is any."""
        share = 0.0 if seen is None else seen.share_of(inputs, values, weight)
        if seen is not None and share > 0 and (seen.first_time(why) or not once):
            warn(f"About {share:.0%} of the rows {why}")
        return share

    def _outcome(self, X: Any, Y: Any, mean: Array) -> Array:
        return read_values(Y, mean.shape, self.targets_, "Y", rows=labels_of(X), of=FEATURES)


def _counted(X: Any, Y: Any, sample_weight: Any) -> tuple[Any, Any, Array | None]:
    """The rows that have a weight, their targets, and their weights; None if all count alike."""
    if sample_weight is None:
        return X, Y, None
    check_tables(X=X, Y=Y, sample_weight=sample_weight)
    frame, named = read_features(X)
    weight = read_weights(sample_weight, len(frame))
    Y = as_pandas(Y, "Y")
    if weight is None or (weight > 0).all() or np.shape(Y)[:1] != (len(frame),):
        return (
            X,
            Y,
            even_weights(weight),
        )  # with another number of rows, to be refused where Y is read
    rows = np.flatnonzero(weight)
    some = frame.iloc[rows]
    known = Y.iloc[rows] if hasattr(Y, "iloc") else np.asarray(Y)[rows]
    return some if named else some.to_numpy(), known, even_weights(weight[rows])
