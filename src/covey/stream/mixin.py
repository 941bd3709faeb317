"""Fitting an estimator to files larger than memory."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any, Self

from covey.arguments.family import check_family
from covey.arguments.options import check_verbose, read_seed
from covey.errors import InputError, shown
from covey.fitted.attributes import FittedAttributes
from covey.table.member_count import USUAL


class FilesMixin(FittedAttributes):
    """The fit of a `JointRegressor` to files."""

    def fit_files(
        self,
        paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
        targets: str | Sequence[str],
        *,
        features: Sequence[str] | None = None,
        sample_weight: str | None = None,
        groups: str | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        resume: bool = False,
    ) -> Self:
        """Fit to Parquet files that need not fit into memory.

        Rows are streamed: a background thread reads row groups in random order, several at a time,
        while the members train on the rows before. Each member sees each of its rows once, or more
        often if there are few of them. A random sample of at most 100,000 rows decides how features
        are scaled, which categories there are and when members stop; they are scored and calibrated
        on it, too. `out_of_fold_` and `out_of_fold_rows_` are not kept. The fold of a row is given
        by its hash or, if rows depend on their neighbours, by its place in the files or in time.
        There are 5 members by default, however few the rows.

        Args:
            paths: a file, a folder (with all .parquet and .pq files in it and below), a pattern
                such as "big/*.parquet", or several of these; all with the same columns.
            targets: names of the columns to predict, NaN or null where not observed. If it is one
                name and not a list, predictions have one dimension, as for a `Y` of shape (N,).
            features: names of the columns to predict from; by default all others.
            sample_weight: name of a column of weights.
            groups: name of a column of labels: rows of one label are never on both sides of a fold.
                A hash of the label gives the fold, so there should be many labels.
            checkpoint: a file that keeps the progress, written every half minute and at Ctrl-C,
                removed when the fit is done.
            resume: continue from the checkpoint, if there is one. The model is the one that an
                uninterrupted fit would have given, up to rounding.

        Returns:
            The fitted estimator.

        Raises:
            InputError: a file, a column or an argument cannot be used; the message names it. `base`
                and a splitter need a table in memory. A fitted estimator is left as it was.
            ArtifactError: the checkpoint is damaged, or is not a checkpoint.
        """
        from covey.stream.fitting import fit_files  # Keras: 3 to 10 s to import

        model: Any = self
        check_family(model.family)
        check_verbose(model.verbose)
        if not isinstance(resume, bool):
            raise InputError(f"`resume` must be True or False. Received: resume={shown(resume)}.")
        parameters = model.get_params(deep=False)
        fitted = fit_files(
            paths,
            targets,
            {**parameters, "members": USUAL if model.members is None else model.members},
            features=features,
            sample_weight=sample_weight,
            groups=groups,
            checkpoint=checkpoint,
            resume=resume,
            seed=read_seed(model.random_state),
        )
        self._set_fitted(fitted)
        return self
