"""Attributes of a fitted estimator, which it has after a fit and not before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from covey.assess.figures import Evaluation
from covey.assess.summary import fit_lines
from covey.distributions import Elliptical
from covey.members.fitted_model import FittedModel
from covey.table import FeatureSchema
from covey.types import Rows

if TYPE_CHECKING:  # Keras takes 3 to 10 s to import
    from covey.members.ensemble import Ensemble


class FittedAttributes:
    """Attributes of a fitted `JointRegressor`, all read from one object.

    Before a fit each of them raises scikit-learn's `NotFittedError`, which is an `AttributeError`.
    """

    family: str
    verbose: int
    _fitted: FittedModel | None = None

    def __sklearn_is_fitted__(self) -> bool:
        return self._fitted is not None

    @property
    def fitted_(self) -> FittedModel:
        """The fitted model, from which all other attributes are read."""
        check_is_fitted(self)
        assert self._fitted is not None
        return self._fitted

    @fitted_.setter
    def fitted_(self, fitted: FittedModel) -> None:
        self._fitted = fitted

    def _set_fitted(self, fitted: FittedModel) -> None:
        """Hold a new fit; with `verbose`, print which family was chosen and how good it is."""
        self.fitted_ = fitted
        if self.verbose:
            print("\n".join(fit_lines(fitted, self.family)))

    @property
    def schema_(self) -> FeatureSchema:
        """How the columns of a table become the numbers that the networks read."""
        return self.fitted_.schema

    @property
    def targets_(self) -> tuple[str, ...]:
        """Names of the D targets."""
        return self.fitted_.targets

    @property
    def n_features_in_(self) -> int:
        """Number of columns of the training table."""
        return len(self.fitted_.schema.names)

    @property
    def feature_names_in_(self) -> NDArray[np.object_]:
        """Names of these columns; absent if the table had none."""
        schema = self.fitted_.schema
        if not schema.named:
            raise AttributeError(
                "`feature_names_in_` is there only after a fit to a table whose columns have names."
            )
        return np.array(schema.names, dtype=object)

    @property
    def family_(self) -> str:
        """Name of the family that was chosen."""
        return self.fitted_.family

    @property
    def family_scores_(self) -> dict[str, float]:
        """Out-of-fold score of each family that was trained, in nats per row."""
        return self.fitted_.family_scores

    @property
    def members_(self) -> int:
        """How many members there are."""
        return self.fitted_.ensemble.architecture.members

    @property
    def ensemble_(self) -> Ensemble:
        """The fitted members."""
        return self.fitted_.ensemble

    @property
    def base_(self) -> tuple[Any, ...] | None:
        """The fits of `base`, one for each member; None without one."""
        mean_model = self.fitted_.mean_model
        return None if mean_model is None else mean_model.estimators

    @property
    def out_of_fold_(self) -> Elliptical:
        """Distributions of the training rows, each by members that did not train on it."""
        return _kept(self.fitted_.out_of_fold, "out_of_fold_")

    @property
    def out_of_fold_rows_(self) -> Rows:
        """Numbers of these rows in the training table."""
        return _kept(self.fitted_.out_of_fold_rows, "out_of_fold_rows_")

    @property
    def out_of_fold_score_(self) -> float:
        """Mean log-density of the observed targets of these rows, in nats per row."""
        return self.fitted_.out_of_fold_score

    @property
    def out_of_fold_evaluation_(self) -> Evaluation:
        """The figures of `evaluate` for these rows, without the energy and variogram scores."""
        return Evaluation(self.fitted_.evaluation)


def _kept(value: Any, name: str) -> Any:
    if value is None:
        raise AttributeError(
            f"`{name}` is not kept by `fit_files`, whose rows need not fit into memory. "
            "`out_of_fold_score_` and `out_of_fold_evaluation_` are of a random sample of them."
        )
    return value
