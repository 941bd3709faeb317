"""A regressor of the user's own as the mean model, cross-fitted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import clone
from sklearn.utils import get_tags
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import has_fit_parameter

from covey.errors import InputError, clipped, counted, shown
from covey.table.training_data import TrainingData
from covey.types import Array, Mask, Rows

if TYPE_CHECKING:
    from sklearn.multioutput import MultiOutputRegressor


class PredictionError(InputError):
    """A regressor that was fitted cannot predict other rows, whose labels may be new to it."""


@dataclass(frozen=True)
class MeanModel:
    """Fits of one scikit-learn regressor, each to the training rows of one member.

    What a model is off by on rows it was fitted to says little about new rows. So the residuals
    that a member trains on come from fits to other parts of its training rows, and those that it is
    stopped and scored on from a fit to all of them: no prediction is of a row its fit has seen.

    Regressors take no gaps in their targets. So if a target is not observed in every row, each
    target gets a fit of its own, to the rows that hold it. Where one of the fits for a member would
    be left without any row, the constant 0 takes the place of all its fits to that target: means of
    different kinds, for the rows it trains on and for new ones, would mislead it.

    Attributes:
        estimators: K fitted regressors; with gaps, each a `MultiOutputRegressor`.
        n_targets: D.
    """

    estimators: tuple[Any, ...]
    n_targets: int

    @property
    def description(self) -> str:
        """The regressor and its parameters, on one line."""
        return " ".join(repr(self.estimators[0]).split())

    @classmethod
    def fit(
        cls, base: Any, table: Any, data: TrainingData, *, one_dimensional: bool = False
    ) -> tuple[Self, Array]:
        """Cross-fit a regressor.

        Args:
            base: regressor with the interface of scikit-learn; it is cloned, not fitted itself. One
                that takes a single target is fitted to each target on its own; with gaps any is,
                and of a `MultiOutputRegressor` the one inside.
            table: DataFrame or array of N rows, as the regressor is to see it.
            data: the same rows, as numbers. Those of weight 0 are left out; the other weights go
                to `fit` of the regressor, if they differ.
            one_dimensional: give the regressor its one target as shape (N,).

        Returns:
            The fits, and for each member the prediction of every row by a fit that did not see the
            row, shape (K, N, D), in target units.

        Raises:
            InputError: `base` is no regressor, takes no weights, cannot be fitted to one target at
                a time where it must be, or cannot predict rows that it was not fitted to, or
                predicts another shape or numbers that are not finite.
        """
        from sklearn.multioutput import MultiOutputRegressor

        Y, folds, weight = data.Y, data.folds, data.weight
        multiple = _checked(base, weight)
        observed = ~np.isnan(Y)
        gaps = not observed.all()
        if gaps:
            if not isinstance(base, MultiOutputRegressor):
                base = MultiOutputRegressor(base)
            _checked(base.estimator, weight)
        target = Y[:, 0] if one_dimensional or (Y.shape[1] == 1 and not multiple) else Y
        uneven = weight if _differ(weight) else None

        def fitted(rows: Rows, without: Mask) -> Any:
            nonlocal base
            rows = rows[weight[rows] > 0]
            if len(rows) == 0:
                raise InputError(
                    "Expected rows of positive weight for every fit of `base`. Received a part of "
                    "a fold without any; use fewer members, or fewer weights of zero."
                )
            if gaps:
                return _fitted_apart(base, table, Y, rows, without, uneven)
            share = {} if uneven is None else {"sample_weight": uneven[rows]}
            examples = _rows(table, rows), target[rows]
            try:
                return clone(base).fit(*examples, **share)
            except Exception as error:  # CatBoost's, for one, are of no kind that Python knows
                # few say of themselves that they take several targets; more just take them
                if multiple or target.ndim == 1 or isinstance(base, MultiOutputRegressor):
                    raise
                each = MultiOutputRegressor(base)
                try:
                    found = clone(each).fit(*examples, **share)
                except Exception:
                    raise error from None
                base = each
                return found

        predictions = np.empty((len(folds), *Y.shape))
        estimators = []
        shared: dict[bytes, Any] = {}  # two members that leave out each other's rows share a fit
        usable = observed & (weight > 0)[:, None]
        for member, train in enumerate(folds.trains):
            parts = folds.inner_pairs(member)
            without = ~np.all([usable[rows].any(axis=0) for rows, _ in parts], axis=0)
            estimators.append(fitted(train, without))
            unseen = np.setdiff1d(np.arange(len(Y)), train)
            predictions[member, unseen] = _predicted(estimators[-1], table, unseen, Y.shape[1])
            for rows, held in parts:
                key = rows.tobytes() + without.tobytes()
                found = shared.pop(key, None)
                if found is None:
                    found = shared[key] = fitted(rows, without)
                predictions[member, held] = _predicted(found, table, held, Y.shape[1])
        return cls(tuple(estimators), Y.shape[1]), predictions

    def predict(self, table: Any) -> Array:
        """The means that each member starts from.

        Args:
            table: N rows, of the columns and the kind that `fit` got.

        Returns:
            Array of shape (K, N, D), in target units.

        Raises:
            InputError: a regressor cannot predict these rows, or predicts another shape or numbers
                that are not finite.
        """
        rows = np.arange(len(table))
        return np.stack([_predicted(e, table, rows, self.n_targets) for e in self.estimators])


def _differ(weight: Array) -> bool:
    """Whether weights differ, those of 0 apart."""
    return np.unique(weight[weight > 0]).size > 1


def _checked(base: Any, weight: Array) -> bool:
    """Whether the regressor says that it takes several targets at once."""
    try:
        if isinstance(base, type):
            raise TypeError("a class; make an object of it")
        tags = get_tags(clone(base))
        if tags.estimator_type not in ("regressor", None) or not hasattr(base, "predict"):
            raise TypeError(f"a {tags.estimator_type or type(base).__name__}")
    except (TypeError, AttributeError, ValueError) as error:
        raise InputError(
            "`base` must be a regressor with the interface of scikit-learn, for example "
            f"HistGradientBoostingRegressor(). Received: base={shown(base)}: {error}."
        ) from error
    if _differ(weight) and not has_fit_parameter(base, "sample_weight"):
        raise InputError(
            "With `sample_weight`, expected a `base` whose `fit` takes it too. Received: "
            f"base={shown(base)}. Use a regressor that does, or no weights."
        )
    return bool(tags.target_tags.multi_output)


def _fitted_apart(
    base: MultiOutputRegressor,
    table: Any,
    Y: Array,
    rows: Rows,
    without: Mask,
    sample_weight: Array | None,
) -> Any:
    """Fit to each target, in the rows that hold it, or put a constant in the place of the fit."""
    found = clone(base)
    found.estimators_ = Parallel(n_jobs=base.n_jobs)(
        delayed(_zero if constant else _fitted_to_one)(
            base.estimator,
            table,
            y,
            rows[~np.isnan(y[rows])],
            sample_weight,
            f"target number {number}",
        )
        for number, (y, constant) in enumerate(zip(Y.T, without, strict=True))
    )
    for name in ("n_features_in_", "feature_names_in_"):  # as its own `fit` does
        for each in found.estimators_:
            if hasattr(each, name):
                setattr(found, name, getattr(each, name))
                break
    return found


def _fitted_to_one(
    regressor: Any, table: Any, y: Array, rows: Rows, sample_weight: Array | None, name: str
) -> Any:
    weight = {} if sample_weight is None else {"sample_weight": sample_weight[rows]}
    try:
        return clone(regressor).fit(_rows(table, rows), y[rows], **weight)
    except Exception as error:  # of any kind, as above
        raise InputError(
            "With missing targets, `base` must take one target at a time, of shape (N,), in the "
            f"rows that hold it. {type(regressor).__name__} could not be fitted to {name} in "
            f"{counted(len(rows), 'row')}: {error}"
        ) from error


def _zero(regressor: Any, table: Any, *_: Any) -> Any:
    from sklearn.dummy import DummyRegressor

    first = np.zeros(1, dtype=np.int64)
    return DummyRegressor(strategy="constant", constant=0.0).fit(_rows(table, first), [0.0])


def _predicted(estimator: Any, table: Any, rows: Rows, n_targets: int) -> Array:
    if len(rows) == 0:
        return np.empty((0, n_targets))
    try:
        found = np.asarray(estimator.predict(_rows(table, rows)), dtype=np.float64)
    except MemoryError:
        raise
    except Exception as error:  # of any kind, as above
        raise _no_prediction(estimator, error) from error
    if found.shape not in [(len(rows), n_targets), (len(rows),) * (n_targets == 1)]:
        raise InputError(
            f"Expected `base` to predict an array of shape ({len(rows)}, {n_targets}). Received "
            f"one of shape {found.shape} from {type(estimator).__name__}."
        )
    if not np.isfinite(found).all():
        raise InputError(
            f"Expected `base` to predict finite numbers. Received NaN or infinity from "
            f"{type(estimator).__name__}."
        )
    return found.reshape(len(rows), n_targets)


def _no_prediction(estimator: Any, error: Exception) -> PredictionError:
    said = " ".join(str(error).split())
    advice = "Give it rows like those it was fitted to, or make it take such rows."
    if re.search(r"unknown|unseen|not seen|new label|could not convert string|not in index", said):
        advice = (
            "Let it take labels that it was not fitted to, as OneHotEncoder("
            "handle_unknown='ignore') does, and fit again; or leave out rows with such labels."
        )
    return PredictionError(
        "Expected `base` to predict rows that it was not fitted to. "
        f"{shown(estimator)} could not, and says {type(error).__name__}: {clipped(said, 300)}. "
        f"{advice}"
    )


def _rows(table: Any, rows: Rows) -> Any:
    return table.iloc[rows] if hasattr(table, "iloc") else table[rows]
