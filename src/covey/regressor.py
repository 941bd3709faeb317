"""`JointRegressor`: a table in, a mean vector and a covariance matrix per row out."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin

from covey.archive import estimator
from covey.arguments.family import check_family
from covey.arguments.options import check_trees, check_verbose, read_seed
from covey.assess.summary import summarise, summary_html
from covey.distributions.transform import Transform
from covey.fitted.assessment import AssessmentMixin
from covey.fitted.parameters import ParametersMixin
from covey.fitted.prediction import PredictionMixin
from covey.rows.training_table import TrainingTable
from covey.stream.mixin import FilesMixin
from covey.table import Declared, chosen_targets
from covey.table.member_count import USUAL
from covey.types import Observations, Regressor, Splitter, Table

if TYPE_CHECKING:  # Keras takes 3 to 10 s to import
    from covey.backend.select import keras
    from covey.serve.widget import Explorer

__all__ = ["JointRegressor", "load"]


def __dir__() -> list[str]:
    return __all__


class JointRegressor(
    ParametersMixin,
    PredictionMixin,
    AssessmentMixin,
    FilesMixin,
    RegressorMixin,  # type: ignore[misc]
    BaseEstimator,  # type: ignore[misc]
):
    """Predict several numeric columns jointly: a mean vector and a full covariance matrix per row.

    An ensemble of neural networks, trained by cross-fitting: member k never trains on the rows of
    fold k. Their likelihood decides when it stops, and it predicts them out of fold. Each member
    starts at ridge regression with a constant residual covariance, and departs from it only where
    that improves the likelihood.

    Args:
        family: distribution of the targets given the features: "normal", "student_t" (heavy tails,
            robust to outliers), "mixture" (of up to 8 Student-t components for each member: several
            modes, bends and skews), "low_rank" (a normal for many targets), or "auto": below 100
            targets the Student-t, unless out-of-fold rows say by more than chance that another is
            better, and "low_rank" from there on. "auto" tries a mixture from 400 rows on, up to 32
            targets without gaps and with 500 steps or more; of it and the Student-t, what is far
            behind early on is not trained further. The normal starts from a trained Student-t, so
            that "normal" reports the score of both; "student_t" alone is quickest.
        members: number of networks and of folds; with 1, a fifth of the rows is held out. By
            default 10 for 50 to 999 rows and up to 16 targets, and 5 otherwise: where there are
            more, where rows are held out by `groups`, `cv`, `time` or in blocks, with a `base`,
            where several processes train together, and in `fit_files`.
        rank: for "low_rank", how many factors the targets share; by default a quarter of the number
            of targets, at most 24. With 0 they are independent given the features.
        base: regressor with scikit-learn's interface that predicts the mean; Covey then models its
            residuals given the features. It gets the table as the user passes it, and is fitted
            once for each member and once for each pair of members, so that every residual is of a
            row that the fit did not see. By default Covey models the mean, too.
        cv: "shuffled", for folds of random rows, "blocks", for folds of consecutive rows, or
            "later": the last fifth is cut into one part for each member, which trains on all rows
            before it. By default blocks if rows depend on their neighbours. Or a scikit-learn
            splitter, or an iterable of (train, test) indices, one member for each split; overrides
            `members`.
        transform: how targets that are never below 0 are learned, so that nothing is predicted
            below 0: "clip", "sqrt", "log1p" or "log" (for values above 0), one for all targets or a
            mapping of some; or "auto", which chooses for each such target by its out-of-fold
            likelihood under linear models, and leaves it as it is where their 90% intervals stay
            above 0. By default targets are learned as they are.
        trees: whether boosted trees (LightGBM) share in the means: True, False, or "auto", for the
            targets whose out-of-fold likelihood and CRPS they improve by more than chance. "auto"
            grows none for fewer than 50 training rows, more than a million rows or more than 160
            pairs of member and target, where several processes train together, and in `fit_files`.
        hidden_units: widths of the hidden layers of each member.
        activation: name of a Keras activation.
        dropout: share of hidden units left out in each step, in [0, 1); by default 0.1 (1 - 1 / F)
            for F inputs of the network.
        learning_rate: highest learning rate of the schedule.
        weight_decay: of AdamW.
        batch_size: rows per member and gradient step; by default chosen from the number of rows.
        max_steps: gradient steps at most; by default chosen from the number of rows.
        max_time: seconds after which training stops and keeps the best so far; None is no limit.
        callbacks: Keras callbacks, one or several, for each training (of the Student-t, then of the
            normal, then of the mixture). An "epoch" is the steps between two validations on the
            held-out rows; its logs hold "out_of_fold_score". Callbacks see the current weights, not
            their average, and a learning rate that they set stays in force. Those that act on
            batches slow training.
        categorical: names of columns of `X` whose values are labels, also if they look like numbers
            or dates, such as ["zipcode"].
        dates: names of columns of `X` that hold dates; or a mapping of names to their format, such
            as {"Date": "%d/%m/%Y"}, or to the unit of numbers that count from 1970: "s", "ms", "D".
            By default dates are recognised, except numbers such as 20171231.
        random_state: integer or `numpy.random.RandomState`; an integer gives the same result twice
            on the same machine and backend.
        verbose: 1 shows a progress bar with the out-of-fold score, then which family was chosen and
            by how much, and a verdict of five lines; 0 is silent.

    Attributes:
        fitted_: the fitted model, from which all attributes that follow are read.
        schema_: how the columns of a table become the numbers that the networks read.
        targets_: names of the D targets.
        family_: the family that was chosen, "normal", "student_t", "mixture" or "low_rank".
        family_scores_: out-of-fold score of each family that was trained to the end, in nats per
            row; one that is far behind early on is not.
        n_features_in_: F, number of columns of X.
        feature_names_in_: their names, when X had any.
        out_of_fold_: distributions of the training rows by members that did not train on them, with
            their row labels (which `save` does not keep); `fit_files` keeps none.
        out_of_fold_rows_: their numbers in the training table: all rows that hold a target, unless
            `members=1` or `cv` held out fewer.
        out_of_fold_score_: mean log-density of the observed targets of these rows under
            `out_of_fold_`, in nats per row; higher is better.
        out_of_fold_evaluation_: the figures of `evaluate` for these rows and `out_of_fold_`,
            without the energy and variogram scores; and `order`, why folds are blocks, or None.
        base_: the fits of `base`, one for each member; None without one.
        members_: how many members there are.
        ensemble_: the fitted members.

    Example:
        >>> import covey
        >>> X, Y = covey.datasets.load_air_quality()  # doctest: +SKIP
        >>> model = covey.JointRegressor().fit(X, Y)  # doctest: +SKIP
        >>> model.predict_distribution(X).covariance  # doctest: +SKIP
    """

    def __init__(
        self,
        family: str = "auto",
        members: int | None = None,
        *,
        rank: int | None = None,
        base: Regressor | None = None,
        cv: str | Splitter | Iterable[tuple[ArrayLike, ArrayLike]] | None = None,
        transform: str | Mapping[Any, str | Transform | None] | None = None,
        trees: bool | str = "auto",
        hidden_units: Sequence[int] = (128, 128, 128),
        activation: str = "silu",
        dropout: float | None = None,
        learning_rate: float = 1e-2,
        weight_decay: float = 0.02,
        batch_size: int | None = None,
        max_steps: int | None = None,
        max_time: float | None = None,
        callbacks: keras.callbacks.Callback | Sequence[keras.callbacks.Callback] | None = None,
        categorical: str | Iterable[str] | None = None,
        dates: str | Iterable[str] | Mapping[str, str] | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 1,
    ) -> None:
        self.family = family
        self.members = members
        self.rank = rank
        self.base = base
        self.cv = cv
        self.transform = transform
        self.trees = trees
        self.hidden_units = hidden_units
        self.activation = activation
        self.dropout = dropout
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.max_steps = max_steps
        self.max_time = max_time
        self.callbacks = callbacks
        self.categorical = categorical
        self.dates = dates
        self.random_state = random_state
        self.verbose = verbose

    def fit(
        self,
        X: Table,
        Y: Observations | None = None,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        *,
        y: Observations | None = None,
        time: ArrayLike | None = None,
    ) -> Self:
        """Fit to a table of features and a table of targets.

        Tables that have row labels must have the same labels in the same order, here and in all
        other methods. Ctrl-C ends the training and keeps the best so far, with a `CoveyWarning`; a
        second one raises `KeyboardInterrupt` at once.

        Args:
            X: DataFrame or array of shape (N, F): numeric, boolean, categorical or text columns;
                missing values allowed.
            Y: DataFrame, array of shape (N, D), or (N,) for one target, in any units. NaN means
                "not observed": such cells are marginalised exactly, and a row without any target is
                left out.
            sample_weight: array of shape (N,), non-negative: how much each row counts in every
                average; rows of weight 0 are left out.
            groups: a label per row, shape (N,): rows of one group are never on both sides of a
                fold.
            y: scikit-learn's name for `Y`.
            time: a date or number per row, shape (N,), in any order: members then hold out later
                rows than those they train on, as with cv="later". Rows of one time stay together.

        Returns:
            The fitted estimator.

        Raises:
            InputError: an argument or a column cannot be used; the message names it. A fitted
                estimator is left as it was.
        """
        from covey.backend import processes  # Keras: 3 to 10 s to import
        from covey.members.fitting import fit_table

        started = _now()
        check_family(self.family)
        check_trees(self.trees)
        check_verbose(self.verbose)
        seed = read_seed(self.random_state)
        targets, declared = chosen_targets(Y, y), Declared.of(self.categorical, self.dates)
        members = self.members
        if members is None and (self.base is not None or processes.count() > 1):
            members = USUAL  # many fits of a base; processes whose rows are not equally many
        split: dict[str, Any] = {"members": members, "cv": self.cv, "time": time}
        table = TrainingTable.read(
            X, targets, sample_weight, groups, seed=seed, declared=declared, **split
        )
        parameters = self.get_params(deep=False)
        self._set_fitted(fit_table(table, parameters, seed=seed, started=started))
        return self

    def summary(self) -> str:
        """Describe the fitted model in a few lines.

        Returns:
            Text: the family and how the score of the other compares, the out-of-fold score, the
            typical standard deviation of each target, and their mean correlations.
        """
        return summarise(self.fitted_, self.family)

    def save(self, path: str | os.PathLike[str], *, trusted: Collection[str] = ()) -> None:
        """Write the fitted model to one file, as a whole or not at all.

        The file holds JSON and arrays, no code. Callbacks, a splitter and an object as
        `random_state` serve training alone and are not saved. The fits of a `base` are saved with
        skops, if they consist of types of scikit-learn.

        Args:
            path: where to write; the folder must exist.
            trusted: full names of further types that a `base` may consist of.

        Raises:
            InputError: the file cannot be written there, or the `base` consists of other types, or
                skops is not installed. Nothing is written then.
        """
        estimator.write(path, self.fitted_, self.get_params(deep=False), trusted)

    def write_onnx(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted model as an ONNX file, for systems in which there is no Covey.

        One graph goes from the cells of a table to the mean and the covariance of
        `predict_distribution`, in target units; of a mixture to its components, too. Inputs,
        outputs and what the file says of itself: docs/how-to/export.md.

        Args:
            path: where to write; the folder must exist. It is written as a whole or not at all.

        Raises:
            InputError: the file cannot be written there; the model has a `base` or a `transform`,
                or an activation that ONNX lacks; or the package onnx is not installed. Nothing is
                written then.
        """
        from covey.export.file import write  # needs a package that few have

        write(path, self.fitted_)

    def explore(self, X: Table | None = None, Y: Observations | None = None) -> Explorer:
        """Show the fitted model in a notebook: sliders for features, and what is predicted moves.

        It is the page that `covey serve` has, as the output of a cell; no server is started. What
        it shows can be had in Python: `row`, `given` and `distribution` of the returned widget.

        Args:
            X: table of N rows to page through, at most 100,000, the first of which is shown; by
                default a typical row is.
            Y: what was observed in these rows, to be shown beside the predictions.

        Returns:
            The widget, for Jupyter, JupyterLab, VS Code, Colab and marimo.

        Raises:
            InputError: a column cannot be used, `Y` does not fit `X`, or the package anywidget is
                not installed.
        """
        from covey.serve.widget import Explorer  # needs a package that few have

        return Explorer(self, X, Y)

    def _html_repr(self) -> str:
        """What notebooks show: scikit-learn's diagram and, after a fit, the summary."""
        diagram = str(super()._html_repr())
        return diagram + (
            summary_html(self.fitted_, self.family) if self.__sklearn_is_fitted__() else ""
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags


def _now() -> float:
    return time.monotonic()


def load(path: str | os.PathLike[str], *, trusted: Collection[str] = ()) -> JointRegressor:
    """Load a model that `save` wrote, on any backend.

    Args:
        path: the file.
        trusted: full names of types outside scikit-learn that a `base` may consist of. Name only
            what you know: loading them runs their code. Load a model with a `base` only from people
            you trust: a forged tree of scikit-learn can crash Python when it predicts.

    Returns:
        The fitted estimator.

    Raises:
        ArtifactError: the file is no Covey model, is damaged, or comes from a newer Covey.
        FileNotFoundError: there is no such file.
    """
    fitted, parameters = estimator.read(path, trusted)
    try:
        model = JointRegressor(**parameters)
    except TypeError as error:
        raise estimator.incomplete(path, error) from error
    model.fitted_ = fitted
    return model
