"""Predictions of a fitted estimator for new rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, overload

from covey.arguments.labels import FEATURES, labels_of
from covey.distributions import Elliptical, Mixture
from covey.distributions.internals import conditional_on, with_labels
from covey.errors import InputError
from covey.fitted.attributes import FittedAttributes
from covey.table import read_features
from covey.table.beyond import beyond_table
from covey.types import Array, Observations, Table

if TYPE_CHECKING:
    import pandas as pd


class PredictionMixin(FittedAttributes):
    """The predictions of a fitted `JointRegressor`."""

    @overload
    def predict(
        self, X: Table, return_std: Literal[False] = False, return_cov: Literal[False] = False
    ) -> Array: ...

    @overload
    def predict(
        self, X: Table, return_std: bool = False, return_cov: bool = False
    ) -> Array | tuple[Array, Array]: ...

    def predict(
        self, X: Table, return_std: bool = False, return_cov: bool = False
    ) -> Array | tuple[Array, Array]:
        """Predict the mean, and on request the standard deviations or the covariance matrices.

        Args:
            X: table of N rows with the columns of the training table, in any order.
            return_std: also return standard deviations.
            return_cov: also return covariance matrices, across the targets of a row: shape (N, D,
                D). scikit-learn's Gaussian process gives the covariance across rows, (N, N).

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
        fitted = self.fitted_
        if not (return_std or return_cov):
            mean = fitted.mean(fitted.inputs(X))
            return mean[:, 0] if fitted.one_dimensional else mean
        joint = self.predict_distribution(X)
        mean, stddev = joint.mean, joint.stddev
        if fitted.one_dimensional:
            mean, stddev = mean[:, 0], stddev[:, 0]
        return (mean, stddev) if return_std else (mean, joint.covariance)

    def predict_distribution(
        self,
        X: Table,
        given: Mapping[Any, Any] | Observations | None = None,
        *,
        keep: bool | None = None,
    ) -> Elliptical | Mixture | Any:  # a `Transformed` after a fit with `transform`
        """Predict one distribution per row, with the mean and the covariance of the ensemble.

        Args:
            X: table of N rows with the columns of the training table, in any order.
            given: targets that have been observed already, such as a table with some of them as
                columns, NaN where not observed, or a mapping: see `conditional`.
            keep: whether these stay; by default those named are left out: see `conditional`.

        Returns:
            N distributions over the targets (`MultivariateNormal`, `MultivariateT`, `Mixture` or,
            of low rank, `LowRankMultivariateNormal`; a `Transformed` one after a fit with
            `transform`), in target units, with the row labels of `X`. A `Mixture` holds the
            components of all members. Their covariance, before a transform, is the
            average covariance of the members plus the covariance of their means; regions and
            intervals are calibrated on rows with known targets (see `calibrate`). With `given`,
            their conditionals. To condition the ensemble instead, so that members that predicted
            the given values better weigh more, use `predict_mixture(X).conditional(given)`.

        Raises:
            InputError: a column is lacking or cannot be used, or `given` does not fit.
        """
        fitted = self.fitted_
        joint = with_labels(fitted.distribution(fitted.inputs(X)), labels_of(X))
        if given is None:
            return joint
        given = fitted.observed(given, "given")
        return conditional_on(joint, given, keep, FEATURES)

    def predict_mixture(self, X: Table) -> Mixture | Any:  # or a `Transformed`, likewise
        """Predict one mixture per row, of the distributions of all members.

        Args:
            X: table of N rows with the columns of the training table, in any order.

        Returns:
            N mixtures over the targets, in target units; with `transform` a `Transformed` of them.
            After a fit of `family="mixture"` they are those of `predict_distribution`, without
            calibration.

        Raises:
            InputError: a column is lacking or cannot be used.
        """
        fitted = self.fitted_
        return with_labels(fitted.mixture(fitted.inputs(X)), labels_of(X))

    def beyond_training(self, X: Table) -> pd.DataFrame:
        """List the cells of a table that are beyond what training saw.

        They are used all the same, and no held-out row has checked how well. A row without any may
        still be unlike training in how its values go together: see `predict_mixture`, whose
        `epistemic` covariance is what the members disagree on.

        Args:
            X: table of N rows with the columns of the training table, in any order.

        Returns:
            One row for each such cell, in the order of `X` and with its row label, or the number of
            its row where `X` has no labels: `column`; `value`, as it was given; `what` it is:
            "below" or "above" the range of training, a "new label", a "rare or new label" where
            rare ones were not told apart, or "missing" where training had no gaps; `taken_for`, the
            number or date that networks and trees read in its place; and `ranges`, how far it is
            from there, in ranges of training. Columns that the model does not use have none.

        Raises:
            InputError: a column is lacking or cannot be used.
        """
        frame, named = read_features(X)
        found = beyond_table(self.fitted_.schema, frame, named)
        labels = labels_of(X)
        return found if labels is None else found.set_axis(labels[found.index], axis="index")
