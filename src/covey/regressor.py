"""`JointRegressor`: a table in, a mean vector and a covariance matrix per row out."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Sequence
from typing import Any, Self

from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from covey.archive import estimator
from covey.assess.summary import summarise
from covey.fitted.assessment import AssessmentMixin
from covey.fitted.prediction import PredictionMixin
from covey.rows.training_data import TrainingTable, check_family, check_verbose, read_seed
from covey.stream.estimator import FilesMixin
from covey.table import chosen_targets

__all__ = ["JointRegressor", "load"]


def __dir__() -> list[str]:
    return __all__


class JointRegressor(PredictionMixin, AssessmentMixin, FilesMixin, RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Predict several numeric columns jointly: a mean vector and a full covariance matrix per row.

    An ensemble of neural networks, trained by cross-fitting: member k never trains on fold k, is
    stopped by its likelihood on it, and so every training row has an honest out-of-fold prediction.
    Each member starts at ridge regression with a constant residual covariance and can only improve
    on it.

    Args:
        family: distribution of the targets given the features: "normal", "student_t" (heavy tails,
            robust to outliers), "low_rank" (a normal for many targets), or "auto": of a normal and
            a Student-t that with the better out-of-fold score, and "low_rank" from 100 targets on.
            The normal starts from a trained Student-t, so "normal" takes as long as "auto" and says
            what the other would gain; "student_t" alone is quicker.
        members: number of networks, and of folds; 1 is one holdout split of a fifth of the rows.
        rank: for "low_rank", how many factors the targets share; by default a quarter of the number
            of targets, at most 24. With 0 they are independent given the features.
        base: regressor with the interface of scikit-learn that models the mean; Covey models, given
            the features, the residuals it leaves. It sees the table as the user passes it, and is
            fitted once for each member and once for each pair of members, so that no residual is of
            a row its fit has seen. By default the mean is Covey's own.
        cv: "shuffled" or "blocks": folds of rows at random, or of whole stretches of the table, as
            by default if rows depend on their neighbours. Or a scikit-learn splitter, or iterable
            of (train, test) indices, one member for each split; overrides `members`.
        hidden_units: widths of the hidden layers of each member.
        activation: name of a Keras activation.
        dropout: share of hidden units left out in each step, in [0, 1); by default up to 0.1, the
            more the more features there are.
        learning_rate: peak of the learning rate.
        weight_decay: of AdamW.
        batch_size: rows per member and gradient step; by default chosen from the number of rows.
        max_steps: gradient steps at most; by default chosen from the number of rows.
        max_time: seconds after which training stops and keeps the best so far; None is no limit.
        callbacks: Keras callbacks, one or several, for each training (of the Student-t, then of the
            normal); one "epoch" is the stretch of steps between two looks at the held-out rows, and
            its logs hold "out_of_fold_score". They see the model as it is, and a learning rate that
            they set holds from there on. Those for batches make training slower.
        random_state: integer or `numpy.random.RandomState`; an integer gives the same result twice
            on the same machine and engine.
        verbose: 1 shows a progress bar with the out-of-fold score, which family was chosen and by
            how much, and a verdict of five lines; 0 is silent.

    Attributes:
        targets_: names of the D targets.
        family_: the family that was chosen, "normal", "student_t" or "low_rank".
        family_scores_: out-of-fold score of each family that was trained, in nats per row.
        n_features_in_: F, number of columns of X.
        feature_names_in_: their names, when X had any.
        out_of_fold_: distributions of the training rows by members that did not train on them, with
            their row labels (which `save` does not keep); `fit_files` keeps none.
        out_of_fold_rows_: the numbers of these rows; all that hold a target, unless `members=1` or
            `cv` held out fewer.
        out_of_fold_score_: mean log-density of the observed targets of these rows under
            `out_of_fold_`, in nats per row; higher is better.
        out_of_fold_evaluation_: what `evaluate` says of these rows and `out_of_fold_`, but for the
            energy and variogram scores; and `order`, why folds are blocks, or None.
        base_: the fits of `base`, one for each member; None without one.
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
        members: int = 5,
        *,
        rank: int | None = None,
        base: Any = None,
        cv: Any = None,
        hidden_units: Sequence[int] = (128, 128, 128),
        activation: str = "silu",
        dropout: float | None = None,
        learning_rate: float = 1e-2,
        weight_decay: float = 0.02,
        batch_size: int | None = None,
        max_steps: int | None = None,
        max_time: float | None = None,
        callbacks: Any = None,
        random_state: Any = None,
        verbose: int = 1,
    ) -> None:
        self.family = family
        self.members = members
        self.rank = rank
        self.base = base
        self.cv = cv
        self.hidden_units = hidden_units
        self.activation = activation
        self.dropout = dropout
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.max_steps = max_steps
        self.max_time = max_time
        self.callbacks = callbacks
        self.random_state = random_state
        self.verbose = verbose

    def fit(
        self,
        X: Any,
        Y: Any = None,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        *,
        y: Any = None,
    ) -> Self:
        """Fit to a table of features and a table of targets.

        What has row labels must have the same in the same order, here and in all other methods:
        see `covey.arguments.labels`.

        Args:
            X: DataFrame or array of shape (N, F): numeric, boolean, categorical or text columns;
                missing values allowed.
            Y: DataFrame, array of shape (N, D), or (N,) for one target, in any units. NaN means
                "not observed": such cells are marginalised exactly, and a row without any target is
                as if it were not there.
            sample_weight: array of shape (N,), non-negative: the share of each row in every average
                that is taken; rows of weight 0 do not count.
            groups: a label per row, shape (N,): rows of one group are never on both sides of a
                fold.
            y: scikit-learn's name for `Y`.

        Returns:
            The fitted estimator.

        Raises:
            InputError: an argument or a column cannot be used; the message names it. A fitted
                estimator is left as it was.
        """
        from covey.members.fitting import fit_table, hand_over  # Keras: 3 to 10 s to import

        started = time.monotonic()
        check_family(self.family)
        check_verbose(self.verbose)
        seed = read_seed(self.random_state)
        shares = {"members": self.members, "cv": self.cv, "seed": seed}
        table = TrainingTable.read(X, chosen_targets(Y, y), sample_weight, groups, **shares)
        table, fitted = fit_table(table, self.get_params(deep=False), seed=seed, started=started)
        hand_over(fitted, table, self)
        return self

    def summary(self) -> str:
        """Describe the fitted model in a few lines.

        Returns:
            Text: the family and what the other one would be worth, the out-of-fold score, how
            uncertain each target typically is, and how the targets move together.
        """
        check_is_fitted(self)
        return summarise(self)

    def save(self, path: str | os.PathLike[str], trusted: Collection[str] = ()) -> None:
        """Write the fitted model to one file, as a whole or not at all.

        The file holds JSON and arrays, no code. Callbacks, a splitter and an object as
        `random_state` are for training and are not kept. The fits of a `base` are kept by skops, if
        they consist of types of scikit-learn.

        Args:
            path: where to write; the folder must exist.
            trusted: full names of further types that a `base` may consist of.

        Raises:
            InputError: the file cannot be written there, or the `base` consists of other types, or
                skops is not installed. Nothing is written then.
        """
        check_is_fitted(self)
        estimator.write(path, self, trusted)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags


def load(path: str | os.PathLike[str], trusted: Collection[str] = ()) -> JointRegressor:
    """Load a model that `save` wrote, under any engine.

    Args:
        path: the file.
        trusted: full names of types outside scikit-learn that a `base` may consist of. Name only
            what you know: loading them runs their code. And load a model with a `base` from people
            you know only: a forged tree of scikit-learn can crash Python when it predicts.

    Returns:
        The fitted estimator.

    Raises:
        ArtifactError: the file is no Covey model, is damaged, or comes from a newer Covey.
        FileNotFoundError: there is no such file.
    """
    return estimator.read(path, JointRegressor, trusted)
