"""The result of a fit, in one object: the estimator holds it, and files store it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from covey.assess.fingerprints import Fingerprints
from covey.distributions import Elliptical, Mixture, Transformed
from covey.distributions.conformal import CalibrationSet
from covey.distributions.internals import transformed
from covey.distributions.transforms import Transforms
from covey.errors import InputError, shown
from covey.rows.training_table import both_inputs, network_inputs
from covey.start.baseline import Baseline
from covey.start.mean_model import MeanModel, PredictionError
from covey.table import FeatureSchema, NumericColumn, TargetText, read_features, targets_in_text
from covey.table.inputs import Inputs
from covey.types import Array, Rows

if TYPE_CHECKING:  # Keras takes 3 to 10 s to import, and is not needed to hold a model
    from covey.members.ensemble import Ensemble


@dataclass(frozen=True, eq=False, repr=False)  # of arrays, neither is of use
class FittedModel:
    """A fitted ensemble, what it needs to read a table, and how good it was on held-out rows.

    Attributes:
        schema: how the columns of a table become the numbers that the networks read.
        one_dimensional: whether the targets came as one array of shape (N,), so that means and
            standard deviations go out in that shape.
        ensemble: the fitted members.
        mean_model: the user's own mean models, one for each member, or None.
        family_scores: out-of-fold score of each family trained to the end, in nats per row.
        evaluation: figures of `evaluate` for the held-out rows, without the energy and variogram
            scores; and `order`, why folds are blocks, or None.
        baseline: the simple prediction beside which the model is judged.
        calibration_set: rows with their observed values, on which regions are calibrated.
        training_fingerprints: fingerprints of the training rows.
        calibration_fingerprints: those of the rows that `calibrate` was given, or None.
        out_of_fold: distributions of the held-out training rows, each by members that did not
            train on it; None if the table was larger than memory.
        out_of_fold_rows: numbers of these rows in the user's table, or None as well.
        transforms: of the targets whose latent variables the members predict; None for none. The
            ensemble and the calibration set are in latent units, all else in target units.
        interrupted: whether Ctrl-C ended the training, and this is the best so far.
        target_texts: how training wrote each of the D targets; empty if an earlier Covey did not
            keep it.
    """

    schema: FeatureSchema
    one_dimensional: bool
    ensemble: Ensemble
    mean_model: MeanModel | None
    family_scores: dict[str, float]
    evaluation: dict[str, Any]
    baseline: Baseline
    calibration_set: CalibrationSet
    training_fingerprints: Fingerprints
    calibration_fingerprints: Fingerprints | None = None
    out_of_fold: Elliptical | Mixture | Transformed | None = None
    out_of_fold_rows: Rows | None = None
    transforms: Transforms | None = None
    interrupted: bool = False
    target_texts: tuple[TargetText, ...] = ()

    def __repr__(self) -> str:
        return f"FittedModel(family={self.family!r}, targets={shown(self.targets)})"

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the D targets."""
        return self.ensemble.targets

    @property
    def family(self) -> str:
        """Name of the family that the members predict."""
        return self.ensemble.architecture.family_name

    @property
    def out_of_fold_score(self) -> float:
        """Mean log-density of the held-out rows, in nats per row."""
        return self.family_scores[self.family]

    def distribution(self, inputs: Inputs) -> Elliptical | Mixture | Transformed:
        """The prediction of all members as one distribution for every row, calibrated.

        Args:
            inputs: of N rows.

        Returns:
            N distributions, in target units.
        """
        joint = self.ensemble.distribution(inputs).calibrated_by(self.calibration_set)
        found: Elliptical | Mixture | Transformed = transformed(joint, self.transforms)
        return found

    def mixture(self, inputs: Inputs) -> Mixture | Transformed:
        """The predictions of all members as mixtures, in target units; arguments as above."""
        found: Mixture | Transformed = transformed(self.ensemble.mixture(inputs), self.transforms)
        return found

    def mean(self, inputs: Inputs) -> Array:
        """The means of `distribution`, shape (N, D), in target units."""
        return self.distribution(inputs).mean if self.transforms else self.ensemble.mean(inputs)

    @property
    def percentages(self) -> tuple[str, ...]:
        """Names of the features and targets that training had as text such as "5%"."""
        # files of an earlier Covey have none
        targets = zip(self.targets, self.target_texts, strict=False)
        return (
            *self.schema.percentages,
            *(name for name, text in targets if text.is_percentage),
        )

    @property
    def with_commas(self) -> tuple[str, ...]:
        """Names of the features and targets that training had as text with decimal commas.

        They are read as such: of the canonical "1.540" a point would part thousands.
        """
        spellings = [
            *((c.name, c.spelling) for c in self.schema.columns if isinstance(c, NumericColumn)),
            *((n, t.spelling) for n, t in zip(self.targets, self.target_texts, strict=False)),
        ]
        return tuple(name for name, found in spellings if found and found.decimal == ",")

    def inputs(self, X: Any) -> Inputs:
        """Turn a table into what the ensemble takes.

        Args:
            X: table of N rows with the columns of the training table, in any order.

        Returns:
            The numbers that the networks read, and what is added to the means: what the user's mean
            models predict or, without any, what linear models add beyond the range of training.

        Raises:
            InputError: a column is lacking or cannot be used, or a mean model cannot predict a row.
        """
        frame, named = read_features(X)
        if self.mean_model is None:
            matrix, further = both_inputs(self.schema, frame, named)
            if further is None:
                return Inputs(matrix)
            return Inputs(matrix, self.ensemble.further(matrix, further))
        frame = self.schema.align(frame, named)
        matrix = network_inputs(self.schema, frame, self.schema.named)
        try:
            offsets = self.mean_model.predict(self.schema.as_given(frame))
        except PredictionError as error:
            new = self.schema.new_labels(frame, self.schema.named)
            if not new:
                raise
            raise InputError(f"{error} Labels that training did not have: {'; '.join(new)}.") from (
                error.__cause__
            )
        return Inputs(matrix, offsets)

    def observed(self, values: Any, role: str) -> Any:
        """Read what of observed targets is text, as training read its own.

        Args:
            values: a table or a column of targets, an array, or a mapping of targets to columns.
            role: name of the argument, for messages.

        Returns:
            The same with numbers in place of text, in target units; see `targets_in_text`.

        Raises:
            InputError: text is no numbers, or in another unit.
        """
        return targets_in_text(values, self.targets, role, self.target_texts)
