"""A model that is loaded where it is needed: predictions for the tables that engines hand out."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from covey.arguments.frames import as_pandas
from covey.bulk.predictor import Predictor
from covey.errors import InputError, shown


class Scorer:
    """Predictions of a model as columns of a table, for engines that call a function by the batch.

    It is small, can be pickled, and loads the model when it is first called in a process, once for
    all of them there. A row's predictions do not depend on the batch that it comes in.

    Args:
        model: path of a file that `JointRegressor.save` wrote, the same on all machines.
        columns: what to predict, such as ["mean", "std", "interval90"], or as one text
            "mean,std,interval90"; by default means and covariances, and what else the distribution
            needs to be read again.
        given: names of targets that tables hold already, where observed.
        keep: names of columns of tables that go before the predictions.
        random_state: of samples: a seed, for each batch the same; None for another one every time.
        trusted: see `covey.load`.

    Example:
        >>> scorer = covey.bulk.Scorer("air.covey", columns="mean,std", keep="id")  # doctest: +SKIP
        >>> scorer(table)  # doctest: +SKIP
    """

    def __init__(
        self,
        model: str | os.PathLike[str],
        columns: str | Iterable[str] | None = None,
        given: str | Iterable[str] = (),
        keep: str | Iterable[str] = (),
        *,
        random_state: int | None = None,
        trusted: Collection[str] = (),
    ) -> None:
        self._predictor = Predictor(
            model, columns, given, keep, random_state=random_state, trusted=trusted
        )

    def __call__(self, table: Any) -> Any:
        """Predict the rows of a table.

        Args:
            table: of N rows: a Table or RecordBatch of pyarrow, or a DataFrame of pandas, polars or
                what else `JointRegressor.predict` takes. It is not changed.

        Returns:
            Table of N rows of the same library: the columns to keep, then the predictions.

        Raises:
            InputError: a column is lacking, or holds what cannot be read.
        """
        import pandas as pd
        import pyarrow as pa

        if isinstance(table, pa.Table | pa.RecordBatch):
            found = self._predictor.frame(table.to_pandas())
            result = pa.Table.from_pandas(found, preserve_index=False)
            for name in self._predictor.keep:  # with the types that they came with
                place = result.column_names.index(name)
                result = result.set_column(place, name, table.column(name))
            return (
                result if isinstance(table, pa.Table) else result.combine_chunks().to_batches()[0]
            )
        frame = as_pandas(table, "table")
        if not isinstance(frame, pd.DataFrame):
            raise InputError(f"`table` must be a table. Received: {shown(table)}.")
        found = self._predictor.frame(frame)
        if isinstance(table, pd.DataFrame):
            return found
        import narwhals as nw

        like = nw.from_native(table, eager_only=True)
        arrow = pa.Table.from_pandas(found, preserve_index=False)
        return nw.from_arrow(arrow, backend=like.implementation).to_native()

    def map(self, tables: Iterable[Any]) -> Iterator[Any]:
        """Predict table after table, as the mapInPandas of Spark wants it.

        Args:
            tables: as `__call__` takes them.

        Yields:
            What `__call__` returns of each.
        """
        return map(self, tables)

    def __repr__(self) -> str:
        return f"Scorer({self._predictor.model!r}, columns={self._predictor.columns!r})"
