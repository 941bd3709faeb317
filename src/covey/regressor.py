"""`JointRegressor`: a table in, a mean vector and a covariance matrix per row out."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_is_fitted

from covey import saved
from covey.distributions import Mixture, MultivariateNormal, MultivariateT
from covey.distributions.check import read_values
from covey.errors import InputError
from covey.linear import LinearModel
from covey.mean_model import MeanModel
from covey.summary import family_sentence, summarise
from covey.table import FeatureSchema, check_same_order, read_features
from covey.training_table import TrainingTable, network_inputs, read_seed

Array = NDArray[np.float64]
CHOICES = ("auto", "normal", "student_t")


class JointRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Predict several numeric columns jointly: a mean vector and a full covariance matrix per row.

    An ensemble of neural networks, trained by cross-fitting: member k never trains on fold k, is
    stopped by its likelihood on it, and so every training row has an honest out-of-fold prediction.
    Each member starts at ridge regression with a constant residual covariance and can only improve
    on it.

    Args:
        family: distribution of the targets given the features: "normal", "student_t" (heavy tails,
            robust to outliers), or "auto", whichever has the better out-of-fold score. The normal
            starts from a trained Student-t, so "normal" takes as long as "auto" and says what the
            other would gain; "student_t" alone is quickest.
        members: number of networks, and of folds; 1 is one holdout split of a fifth of the rows.
        base: regressor with the interface of scikit-learn that models the mean; Covey models, given
            the features, the residuals it leaves. It sees the table as the user passes it, and is
            fitted once for each member and once for each pair of members, so that no residual is of
            a row its fit has seen. By default the mean is Covey's own.
        cv: scikit-learn splitter, or iterable of (train, test) indices, one member for each split;
            overrides `members`.
        hidden_units: widths of the hidden layers of each member.
        activation: name of a Keras activation.
        dropout: share of hidden units left out in each step, in [0, 1); by default up to 0.1, the
            more the more features there are.
        learning_rate: peak of the learning rate.
        weight_decay: of AdamW.
        batch_size: rows per member and gradient step; by default chosen from the number of rows.
        max_steps: gradient steps at most; by default chosen from the number of rows.
        max_time: seconds after which training stops and keeps the best so far; None is no limit.
        callbacks: Keras callbacks for each training (of the Student-t, then of the normal); one
            "epoch" is the stretch of steps between two looks at the held-out rows, and its logs
            hold "out_of_fold_score".
        random_state: integer or `numpy.random.RandomState`; an integer gives the same result twice
            on the same machine and engine.
        verbose: 1 shows a progress bar with the out-of-fold score, and which family was chosen and
            by how much; 0 is silent.

    Attributes:
        targets_: names of the D targets.
        family_: the family that was chosen, "normal" or "student_t".
        family_scores_: out-of-fold score of each family that was trained, in nats per row.
        n_features_in_: F, number of columns of X.
        feature_names_in_: their names, when X had any.
        out_of_fold_: distributions of the training rows by members that did not train on them.
        out_of_fold_rows_: the numbers of these rows; all that hold a target, unless `members=1` or
            `cv` held out fewer.
        out_of_fold_score_: mean log-density of the observed targets of these rows under
            `out_of_fold_`, in nats per row; higher is better.
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
        callbacks: Sequence[Any] | None = None,
        random_state: Any = None,
        verbose: int = 1,
    ) -> None:
        self.family = family
        self.members = members
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
        Y: Any,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Fit to a table of features and a table of targets.

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

        Returns:
            The fitted estimator.

        Raises:
            InputError: an argument or a column cannot be used; the message names it. A fitted
                estimator is left as it was.
        """
        from covey.candidates import train_candidates  # Keras: 3 to 10 s to import
        from covey.families.student_t import START
        from covey.network import Network, quantile_knots
        from covey.recipe import Recipe

        started = time.monotonic()
        if self.family not in CHOICES:
            raise InputError(
                f"`family` must be one of {', '.join(map(repr, CHOICES))}. "
                f"Received: family={self.family!r}."
            )
        seed = read_seed(self.random_state)
        table = TrainingTable.read(
            X, Y, sample_weight, groups, members=self.members, cv=self.cv, seed=seed
        )
        folds, inputs, Y, weight = table.folds, table.inputs, table.Y, table.weight
        network = Network(
            n_features=inputs.shape[1],
            n_targets=Y.shape[1],
            members=len(folds),
            hidden_units=tuple(np.atleast_1d(self.hidden_units).tolist()),
            activation=self.activation,
            dropout=self.dropout,
            family_name="student_t",
            knots=quantile_knots(inputs),
        )
        recipe = Recipe.for_table(
            *Y.shape,
            max_steps=self.max_steps,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            max_time=self.max_time,
        )
        means, offsets = None, None
        if self.base is not None:
            means, offsets = MeanModel.fit(
                self.base,
                _as_given(table.schema, table.frame),
                Y,
                folds,
                flat=table.flat,
                sample_weight=weight,
            )
        features = inputs.astype(np.float64)
        linear = tuple(
            LinearModel.fit(
                features[rows],
                Y[rows],
                None if weight is None else weight[rows],
                folds.inner_blocks(member),
                START,
                None if offsets is None else offsets[member, rows],
            )
            for member, (rows, _) in enumerate(folds.pairs)
        )
        candidates = train_candidates(
            network,
            inputs,
            Y,
            linear,
            folds,
            recipe,
            table.targets,
            normal=self.family != "student_t",
            offsets=offsets,
            sample_weight=weight,
            callbacks=np.atleast_1d(self.callbacks).tolist() if self.callbacks else (),
            seed=seed,
            verbose=int(bool(self.verbose)),
            started=started,
        )
        asked = [found for found in candidates if self.family in ("auto", found.family)]
        best = max(asked, key=lambda found: found.score)

        self.targets_ = table.targets
        self.n_features_in_ = table.frame.shape[1]
        if table.schema.named:
            self.feature_names_in_ = np.array(table.schema.names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_  # of an earlier fit
        self.family_ = best.family
        self.family_scores_ = {found.family: found.score for found in candidates}
        self.base_ = None if means is None else means.estimators
        self.ensemble_ = best.ensemble
        self.out_of_fold_ = best.out_of_fold
        self.out_of_fold_rows_ = table.rows[folds.held_out]
        self.out_of_fold_score_ = best.score
        self._means = means
        self._schema = table.schema
        self._flat = table.flat
        if self.verbose:
            scores = self.family_scores_
            print(
                f"covey: {family_sentence(self.family, self.family_, scores, len(self.targets_))}"
            )
        return self

    def summary(self) -> str:
        """Describe the fitted model in a few lines.

        Returns:
            Text: the family and what the other one would be worth, the out-of-fold score, how
            uncertain each target typically is, and how the targets move together.
        """
        check_is_fitted(self)
        return summarise(self)

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
                "At most one of `return_std` and `return_cov` can be True. Received both; "
                "`predict_distribution` gives everything at once."
            )
        joint = self.predict_distribution(X)
        mean, stddev = joint.mean, joint.stddev
        if self._flat:
            mean, stddev = mean[:, 0], stddev[:, 0]
        if return_std:
            return mean, stddev
        return (mean, joint.covariance) if return_cov else mean

    def score(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Coefficient of determination of the means, averaged over the targets.

        Args:
            X: table of N rows.
            y: their targets, as `fit` takes them; each target counts on the rows that hold it.
            sample_weight: array of shape (N,).

        Returns:
            R^2: 1 for perfect means.
        """
        mean = self.predict_distribution(X).mean
        values = read_values(y, mean.shape, self.targets_)
        weight = np.ones(len(mean)) if sample_weight is None else np.asarray(sample_weight)
        parts = zip(~np.isnan(values).T, values.T, mean.T, strict=True)
        each = [r2_score(v[k], m[k], sample_weight=weight[k]) for k, v, m in parts if k.any()]
        return float(np.mean(each))

    def predict_distribution(self, X: Any, given: Any = None) -> MultivariateNormal | MultivariateT:
        """Predict one distribution per row: the first two moments of the ensemble.

        Args:
            X: table of N rows with the columns of the training table, in any order.
            given: targets that have been observed already, as `conditional` takes them: a table
                with some of the targets as columns or an array of shape (N, D), NaN where not
                observed, or a mapping of targets to values.

        Returns:
            N distributions over the targets, in target units. Their covariance holds both the
            average covariance of the members and what the members disagree on. With `given`, the
            conditionals of these distributions; those of the ensemble as it is, whose members
            count the more the better they had foreseen what was observed, are
            `predict_mixture(X).conditional(given)`.

        Raises:
            InputError: a column is lacking or cannot be used, or `given` does not fit.
        """
        joint: Any = self.predict_mixture(X).moment_matched()
        if given is None:
            return joint
        for told in given.values() if isinstance(given, Mapping) else [given]:
            check_same_order(X, told, "given")
        return joint.conditional(given)

    def predict_mixture(self, X: Any) -> Mixture:
        """Predict the ensemble as it is: one mixture of the members' distributions per row.

        Args:
            X: table of N rows with the columns of the training table, in any order.

        Returns:
            N mixtures over the targets, in target units.

        Raises:
            InputError: a column is lacking or cannot be used.
        """
        check_is_fitted(self)
        frame, named = read_features(X)
        if self._means is None:
            return self.ensemble_.mixture(network_inputs(self._schema, frame, named))
        frame = self._schema.align(frame, named)
        offsets = self._means.predict(_as_given(self._schema, frame))
        matrix = network_inputs(self._schema, frame, self._schema.named)
        return self.ensemble_.mixture(matrix, offsets)

    def save(self, path: str | os.PathLike[str], trusted: Collection[str] = ()) -> None:
        """Write the fitted model to one file, as a whole or not at all.

        The file holds JSON and arrays, no code. Callbacks, `cv` and an object as `random_state` are
        for training and are not kept. The fits of a `base` are kept by skops, if they consist of
        types of scikit-learn.

        Args:
            path: where to write; the folder must exist.
            trusted: full names of further types that a `base` may consist of.

        Raises:
            InputError: the file cannot be written there, or the `base` consists of other types, or
                skops is not installed. Nothing is written then.
        """
        check_is_fitted(self)
        saved.write(path, self, trusted)

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
    return saved.read(path, JointRegressor, trusted)


def _as_given(schema: FeatureSchema, frame: Any) -> Any:
    """A table for the user's own regressor: a frame if the user gave names, else an array."""
    return frame if schema.named else frame.to_numpy()
