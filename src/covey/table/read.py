"""Whatever a user holds, as pandas and NumPy: tables of features and tables of targets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from covey.arguments.coordinates import is_xarray
from covey.arguments.frames import as_pandas, in_library_of, refuse_mapping
from covey.arguments.labels import row_name
from covey.arguments.numbers import culprit, uneven
from covey.arguments.targets import are_targets, as_row, target_position
from covey.errors import InputError, shown, warn
from covey.table.cells import (
    decode,
    first_infinity,
    kind_of,
    listed,
    refuse_infinity,
)
from covey.table.columns import merged
from covey.table.said import (
    say_bare,
    say_doubtful_targets,
    say_long_targets,
    say_lost_targets,
    say_units_of_targets,
)
from covey.table.target_text import TargetText
from covey.types import Array, Mask

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


def read_features(X: Any) -> tuple[pd.DataFrame, bool]:
    """Take any table of features as a pandas DataFrame with unique column names.

    Args:
        X: DataFrame (pandas, or any other, such as those of polars and pyarrow: see
            `covey.arguments.frames`), array or nested list of shape (N, F).

    Returns:
        The frame, of shape (N, F), and whether `X` had column names; if not, the columns are
        called x0, x1, and so on.

    Raises:
        InputError: `X` is sparse, complex, empty, not two-dimensional, or repeats a column name.
    """
    frame, named, one_dimensional = _frame(X, "X")
    if one_dimensional:
        raise InputError(
            "Expected 2D array, got 1D array instead: `X` must have the shape (rows, columns), all "
            "rows equally long. Reshape your data: X.reshape(-1, 1) if it is a single column, "
            "X.reshape(1, -1) if it is a single row."
        )
    return frame, named


def read_targets(
    Y: Any, rows: Mask | None = None
) -> tuple[Array, tuple[str, ...] | None, bool, tuple[TargetText, ...]]:
    """Take any table of targets as a float64 matrix.

    Args:
        Y: DataFrame or Series (pandas, or any other: see `covey.arguments.frames`), array or nested
            list of shape (N, D) or (N,), in target units; booleans count as 0 and 1. Text is read
            if nearly all of it is numbers; a `CoveyWarning` says what of it is not, and is missing.
        rows: which of the N rows count, shape (N,): what the others hold is not looked at. All by
            default.

    Returns:
        The values of these rows, of shape (M, D), in target units, NaN where not observed; the
        names of the D columns, or None if `Y` had none; whether `Y` had one dimension only; and how
        each of the D targets is written.

    A `CoveyWarning` names targets that are constant or identical.

    Raises:
        InputError: `Y` is sparse, complex, empty, has over two dimensions, repeats a column
            name, or holds text, dates or infinity, or a column without any value.
    """
    frame, named, one_dimensional = _frame(Y, "Y")
    if rows is not None:
        if len(frame) != len(rows):
            raise InputError(
                "Expected `X` and `Y` to have the same number of rows. Received inconsistent "
                f"numbers: {len(rows)} and {len(frame)}."
            )
        frame = frame[rows]
    # categories are numbers here: a target has an order
    categories = {n: object for n, dtype in frame.dtypes.items() if dtype.name == "category"}
    frame = frame.astype(categories) if categories else frame
    columns = []
    infinite = {}
    lost, doubts, long, texts = [], [], [], []
    for name, column in frame.items():
        kind, values = decode(column)
        texts.append(TargetText())
        if kind == "text":
            reading, texts[-1] = TargetText.learn(str(name), column)
            kind, values = "number", reading.values
            lost += [reading.lost.of(str(name))] if reading.lost else []
            doubts += [(str(name), reading.doubt)] if reading.doubt else []
        if kind not in ("number", "empty"):
            row = int(np.flatnonzero(column.notna())[0])
            first = f"{shown(column.iloc[row])} in {row_name(column.index, row)}"
            raise InputError(
                f"`Y` must hold numbers. Received {culprit(column) or first}, column {name!r}. "
                "Convert the column to numbers, or leave it out."
            )
        long += [str(name)] if merged(column, values) else []
        columns.append(values)
        infinite[str(name)] = first_infinity(column, values)
    refuse_infinity("Y", infinite)
    say_lost_targets(lost)
    say_doubtful_targets(doubts)
    say_long_targets(long)
    say_units_of_targets(
        [(str(n), t.spelling.unit) for n, t in zip(frame, texts, strict=True) if t.spelling]
    )
    matrix = np.column_stack(columns)
    missing = np.isnan(matrix).sum(axis=0)
    if (missing == len(matrix)).any():
        raise InputError(
            "Each column of `Y` must hold values. Received nothing but NaN in "
            f"{listed(frame.columns[missing == len(matrix)])}. Leave the column out."
        )
    # what is alike as numbers alone need not be
    exact = [place for place, name in enumerate(frame.columns) if str(name) not in long]
    _warn_of_degenerate(matrix[:, exact], [frame.columns[place] for place in exact])
    return matrix, tuple(frame.columns) if named else None, one_dimensional, tuple(texts)


def chosen_targets(Y: Any, y: Any) -> Any:
    """The targets of a method that takes them as its second argument or as `y`.

    Args:
        Y: the second argument, or None.
        y: scikit-learn's name for it, or None.

    Returns:
        The one that was passed.

    Raises:
        InputError: both were, or none.
    """
    if Y is not None and y is not None:
        raise InputError(
            "Expected the targets once, as the second argument or as `y`. Received both; leave one "
            "out."
        )
    if Y is None and y is None:
        raise InputError(
            "JointRegressor requires y to be passed, but the target y is None. Pass the targets as "
            "the second argument."
        )
    return y if Y is None else Y


def targets_in_text(
    values: Any, targets: Sequence[str], role: str, texts: Sequence[TargetText] = ()
) -> Any:
    """Read what of observed targets is text, as training read its own.

    Args:
        values: a table or a column of targets, an array, or a mapping of targets to columns.
        targets: D names; further columns of a table are left out if it holds text.
        role: name of the argument, for messages.
        texts: how training wrote each of the D targets; empty if that is not known, and text then
            speaks for itself, by the rules of `read_targets`.

    Returns:
        The same with numbers in place of text, NaN where a cell is none, which a `CoveyWarning`
        says; `values` itself if it holds no text.

    Raises:
        InputError: much of a column of text is no numbers, or they are written otherwise than in
            training.
    """
    import pandas as pd

    if isinstance(values, Mapping) and not is_xarray(values):
        each: dict[Any, Any] = {}
        for key, cells in values.items():
            one, text = _one(key, targets, texts)
            each[key] = targets_in_text(cells, one, role, text)
        return each
    names = tuple(targets)
    if isinstance(values, str | Real):
        table = _without_text(pd.DataFrame({targets[0]: [values]}), targets, texts, role)
        return values if table is None else table.iloc[0, 0]
    data = as_pandas(values, role)
    if isinstance(data, pd.api.extensions.ExtensionArray):
        data = data.to_numpy(dtype=object)
    if isinstance(data, list | tuple):
        data = np.array(data, dtype=object) if not uneven(data) else None
    kinds = "OSUfiu" if any(text.is_percentage for text in texts) else "OSU"
    if isinstance(data, np.ndarray) and data.dtype.kind in kinds and data.ndim in (1, 2):
        found = _without_text(pd.DataFrame(data), targets, texts, role)
        return values if found is None else found.to_numpy(np.float64).reshape(data.shape)
    if isinstance(data, pd.Series):
        # a row of a table, labelled by targets
        row = str(data.name) not in targets and are_targets(data.index, names)
        frame = as_row(data, names) if row else data.to_frame()
        found = _without_text(frame, targets, texts, role)
        if row and found is not None:
            return found.iloc[0]
        return values if found is None else found.iloc[:, 0]
    found = _without_text(data, targets, texts, role) if isinstance(data, pd.DataFrame) else None
    return values if found is None else in_library_of(values, found, labelled=False)


def _one(
    key: Any, targets: Sequence[str], texts: Sequence[TargetText]
) -> tuple[list[str], list[TargetText]]:
    """One target by its name or number, and how it was written if that is known."""
    try:
        place = target_position(key, tuple(targets))
    except InputError:  # which the reader of the values says better
        return [str(key)], []
    return [targets[place]], list(texts[place : place + 1])


def _without_text(
    frame: pd.DataFrame, targets: Sequence[str], texts: Sequence[TargetText], role: str
) -> pd.DataFrame | None:
    """A table with numbers in place of text; None if it holds no text."""
    named = [name in targets for name in map(str, frame.columns)]
    if any(named):
        frame = frame.loc[:, named]
    known = dict(zip(targets, texts, strict=True)) if texts else {}
    by_place = not any(named) and frame.shape[1] == len(targets)
    labels = list(targets) if by_place else [str(name) for name in frame.columns]
    numbers, lost, doubts, shares = {}, [], [], []
    for place, name in enumerate(labels):
        column, text = frame.iloc[:, place], known.get(name)
        kind = kind_of(column)
        if kind == "number" and text is not None and (found := text.shares(column)) is not None:
            shares.append((name, found))
        if kind == "text":
            reading = (
                TargetText.learn(name, column, role)[0]
                if text is None
                else text.read(name, column, role)
            )
            numbers[place] = reading.values
            lost += [reading.lost.of(name)] if reading.lost else []
            doubts += [(name, reading.doubt)] if reading.doubt else []
    say_bare(shares)
    if not numbers:
        return None
    say_lost_targets(lost)
    say_doubtful_targets(doubts)
    result = frame.copy()
    for place, cells in numbers.items():
        result.isetitem(place, cells)
    return result


def _warn_of_degenerate(matrix: Array, names: Sequence[str]) -> None:
    spread = np.nanmax(matrix, axis=0) - np.nanmin(matrix, axis=0)
    constant = [name for name, width in zip(names, spread, strict=True) if width == 0]
    if constant and len(matrix) > 1:
        warn(
            f"These targets are constant: {constant}. Their predictions are that constant with a "
            "tiny variance; leave them out to model the others undisturbed."
        )
    first: dict[bytes, str] = {}
    for name, column in zip(names, matrix.T, strict=True):
        twin = first.setdefault(np.ascontiguousarray(column).tobytes(), name)
        if twin != name and name not in constant:
            warn(
                f"The targets {twin!r} and {name!r} are identical: their correlation will be close "
                "to 1 and their joint density very high. Leave one out."
            )


def _frame(data: Any, role: str) -> tuple[pd.DataFrame, bool, bool]:
    """Return a checked frame, whether it came with names, and whether it had one dimension."""
    import pandas as pd
    from scipy.sparse import issparse

    if issparse(data):
        size = 8 * np.prod(data.shape, dtype=float) / 1e9
        memory = f", which takes {size:,.0f} GB, or fewer columns" if size > 1 else ""
        raise InputError(f"`{role}` must be dense. Received: sparse. Use {role}.toarray(){memory}.")
    data = as_pandas(data, role)
    refuse_mapping(data, role)
    one_dimensional = isinstance(data, pd.Series)
    named = not one_dimensional or data.name not in (None, "")
    if one_dimensional:
        data = data.to_frame()
    elif not isinstance(data, pd.DataFrame):
        array = _array(data)
        if array.ndim == 1 and any(isinstance(row, Mapping) for row in array):
            raise InputError(
                f"Expected `{role}` to be a table or an array. Received a list of dictionaries; "
                f"pass pandas.DataFrame({role}) if these are its rows."
            )
        if array.ndim == 1 and array.dtype == object and (said := uneven(data)):
            raise InputError(
                f"Expected `{role}` to be a table whose rows are equally long. Received {said}. "
                "Cut them, or fill them up with NaN."
            )
        if array.ndim not in (1, 2):
            raise InputError(
                f"`{role}` must be a table of rows and columns, of two dimensions. Received: "
                f"{type(data).__name__} of {array.ndim} dimensions. Reshape your data, or pass a "
                "DataFrame that is in memory."
            )
        one_dimensional, named = array.ndim == 1, False
        try:
            data = pd.DataFrame(array)
        except OverflowError:  # pandas 3.0, of whole numbers beyond float64: refused as such below
            data = pd.DataFrame(array, dtype=object)
    for count, what in ((data.shape[1], "feature(s)"), (data.shape[0], "sample(s)")):
        if count == 0:
            raise InputError(
                f"Found array with 0 {what} (shape={data.shape}) while a minimum of 1 is required. "
                f"Pass at least one row and one column in `{role}`."
            )
    given = list(data.columns)
    names = [str(n) if named else f"{role.lower()}{i}" for i, n in enumerate(given)]
    if repeated := [name for name, count in Counter(names).items() if count > 1]:
        raise InputError(
            f"Columns of `{role}` must have unique names. Received more than one "
            f"{listed(repeated)}. Rename or drop them."
        )
    plain = names == given and all(type(name) is str for name in given)
    frame = data if plain else data.set_axis(names, axis=1)
    # other types hold no complex numbers, and one by one they take long
    doubtful = [place for place, dtype in enumerate(frame.dtypes) if dtype.kind in "cO"]
    if imaginary := [n for n in doubtful if kind_of(frame.iloc[:, n]) == "complex"]:
        where = listed(names[place] for place in imaginary)
        raise InputError(
            f"Complex data not supported: `{role}` must be real. Received complex numbers in "
            f"{where}. Pass real and imaginary parts as two columns."
        )
    return frame, named, one_dimensional


def _array(data: Any) -> NDArray[Any]:
    """Return an array; of objects if the rows mix types, so that numbers stay numbers."""
    if isinstance(data, np.ma.MaskedArray):
        data, mask = data.data.astype(object), np.ma.getmaskarray(data)
        data[mask] = None
    try:
        array = np.asarray(data)
    except (TypeError, ValueError):
        array = np.empty(0, dtype="U")
    if array.dtype.kind not in "SU" or isinstance(data, np.ndarray):
        return array
    return np.asarray(data, dtype=object)
