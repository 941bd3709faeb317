"""What a fitted estimator says of new rows."""

from __future__ import annotations

from typing import Any

from sklearn.utils.validation import check_is_fitted

from covey.arguments.labels import FEATURES, labels_of
from covey.distributions import Elliptical, Mixture
from covey.distributions.internals import conditional_on, with_labels
from covey.errors import InputError
from covey.rows.training_data import network_inputs
from covey.table import read_features
from covey.types import Array


class PredictionMixin:
    """What lets a fitted `JointRegressor` predict."""

    ensemble_: Any
    _schema: Any
    _means: Any
    _reference: Any
    _flat: bool

    def predict(self, X: Any, return_std: bool = False, return_cov: bool = False) -> Any:
        """Predict the mean, and on request the standard deviations or the covariance matrices.

        Args:
            X: table of N rows with the columns of the training table, in any order.
            return_std: also return standard deviations.
            return_cov: also return covariance matrices across targets.

        Returns:
            The means, shape (N, D), in target units; or a pair of them and the standard deviations,
            shape (N, D), or the covariances, shape (N, D, D). With one target given as (N,), the
            means and standard deviations have shape (N,).

        Raises:
            InputError: both extras are asked for, or a column cannot be used.
        """
        if return_std and return_cov:
            raise InputError(
                "At most one of `return_std` and `return_cov` can be True. Received both; see "
                "`predict_distribution`."
            )
        if not (return_std or return_cov):
            mean = self._mean(X)
            return mean[:, 0] if self._flat else mean
        joint = self.predict_distribution(X)
        mean, stddev = joint.mean, joint.stddev
        if self._flat:
            mean, stddev = mean[:, 0], stddev[:, 0]
        return (mean, stddev) if return_std else (mean, joint.covariance)

    def predict_distribution(
        self, X: Any, given: Any = None, keep: bool | None = None
    ) -> Elliptical:
        """Predict one distribution per row: the first two moments of the ensemble.

        Args:
            X: table of N rows with the columns of the training table, in any order.
            given: targets that have been observed already, such as a table with some of them as
                columns, NaN where not observed, or a mapping: see `conditional`.
            keep: whether these stay: see `conditional`.

        Returns:
            N distributions over the targets (`MultivariateNormal`, `MultivariateT` or, of low rank,
            `LowRankMultivariateNormal`), in target units, with the row labels of `X`. Their
            covariance holds the average covariance of the members and what these disagree on;
            regions and intervals are calibrated on other rows (see `calibrate`). With `given`,
            their conditionals; those of the ensemble as it is, in which each member is weighted by
            its density of `given`, are `predict_mixture(X).conditional(given)`.

        Raises:
            InputError: a column is lacking or cannot be used, or `given` does not fit.
        """
        inputs = self._network_inputs(X)
        joint = self._calibrated(self.ensemble_.distribution(*inputs))
        joint = with_labels(joint, labels_of(X))
        return joint if given is None else conditional_on(joint, given, keep, FEATURES)

    def predict_mixture(self, X: Any) -> Mixture:
        """Predict the ensemble as it is: one mixture of the members' distributions per row.

        Args:
            X: table of N rows with the columns of the training table, in any order.

        Returns:
            N mixtures over the targets, in target units.

        Raises:
            InputError: a column is lacking or cannot be used.
        """
        inputs = self._network_inputs(X)
        return with_labels(self.ensemble_.mixture(*inputs), labels_of(X))

    def _mean(self, X: Any) -> Array:
        inputs = self._network_inputs(X)
        return self.ensemble_.mean(*inputs)

    def _calibrated(self, joint: Any) -> Any:
        return joint.calibrated_by(self._reference)

    def _network_inputs(self, X: Any) -> tuple[Any, Any]:
        """The matrix that the networks read, and what the mean model of the user says, or None."""
        check_is_fitted(self)
        frame, named = read_features(X)
        if self._means is None:
            return network_inputs(self._schema, frame, named), None
        frame = self._schema.align(frame, named)
        offsets = self._means.predict(self._schema.as_given(frame))
        return network_inputs(self._schema, frame, self._schema.named), offsets
