"""Read observed values, bounds and linear combinations that are given by names of targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from covey.arguments.check import labels_error, read_values, refuse_infinity, table_values
from covey.arguments.frames import as_pandas
from covey.arguments.labels import DISTRIBUTIONS, are_default, check_rows, labels_of
from covey.arguments.numbers import read_numbers
from covey.arguments.targets import (
    are_targets,
    as_row,
    target_names,
    target_position,
    target_positions,
)
from covey.errors import InputError, counted, shown
from covey.types import Array


def read_given(
    given: Any,
    shape: tuple[int, int],
    names: tuple[str, ...],
    keep: bool | None = None,
    rows: Any = None,
    of: str = DISTRIBUTIONS,
) -> tuple[Array, list[int]]:
    """Read the observed values that a distribution is conditioned on.

    Args:
        given: mapping of a target to a number or one number per row; or a Series named after a
            target; or a frame of any library that has some of the targets as columns, others being
            ignored; or, when N is 1, a Series labelled by targets, as a row of such a frame; or an
            array of shape (N, D).
        shape: (N, D).
        names: the D targets.
        keep: whether the targets that were given stay; None leaves out those given by name, and
            keeps all of an array or of a frame of all D targets.
        rows: the labels of the distributions, or None.
        of: what messages call that.

    Returns:
        (values, dropped): array of shape (N, D), in target units, NaN where not observed; and the
        positions of the targets to leave out.

    Raises:
        InputError: a target is unknown or named twice, a shape or the row labels do not fit, a
            value is infinite, or no target would be left.
    """
    if keep is not None and not isinstance(keep, (bool, np.bool_)):
        raise InputError(f"`keep` must be True, False or None. Received: keep={shown(keep)}.")
    table, row_of_table = _as_mapping_or_table(given, shape, names)
    if isinstance(table, Mapping):
        role = "given[{!r}]" if isinstance(given, Mapping) else "given"  # as the user wrote it
        values, seen = _mapped_values(table, shape, names, rows, of, role)
        keep = False if keep is None else keep
    elif hasattr(table, "columns"):
        values, present = table_values(table, names, "given")
        seen = [names.index(name) for name in present]
        if not present:
            raise InputError(
                f"Expected a table with at least one of the columns {list(names)}. "
                f"Received {list(table.columns)}."
            )
        if len(values) != shape[0]:
            raise InputError(
                f"`given` must have {counted(shape[0], 'row')}, one for each distribution. "
                f"Received {len(values)}."
            )
        if not row_of_table:
            check_rows(rows, given, "given", of=of)
        keep = len(seen) == shape[1] if keep is None else keep  # of all targets: as an array
    else:
        values = read_values(given, shape, names, "given", rows=rows, of=of)
        seen = np.flatnonzero(~np.isnan(values).all(axis=0)).tolist()
        keep = True if keep is None else keep
    refuse_infinity(values, names, "given", labels_of(given))
    if keep:
        return values, []
    if len(seen) == shape[1]:
        raise InputError(
            "`given` names every target, and none would be left. Leave one out, or keep them all: "
            "keep=True."
        )
    return values, seen


def _as_mapping_or_table(
    given: Any, shape: tuple[int, int], names: tuple[str, ...]
) -> tuple[Any, bool]:
    """A Series as a mapping of its target or a table of one row, all else as pandas has it.

    The second says whether it was a row of a table, labelled by targets.
    """
    table = as_pandas(given, "given")
    if not hasattr(table, "to_frame") or not hasattr(table, "name") or hasattr(table, "columns"):
        return table, False
    if len(table) == shape[0] and str(table.name) in names:
        return {table.name: given}, False
    if shape[0] == 1 and are_targets(table.index, names):
        return as_row(table, names).reset_index(drop=True), True
    if table.name in (None, "") and shape[1] == 1:
        return table, False
    raise InputError(
        f"Expected a Series that has the name of a target and {counted(shape[0], 'row')}; the "
        f"targets are {list(names)}. Received one named {table.name!r}, of "
        f"{counted(len(table), 'row')}; rename it, or pass a mapping, such as dict(given) for one "
        "value of each target."
    )


def _mapped_values(
    given: Mapping[Any, Any],
    shape: tuple[int, int],
    names: tuple[str, ...],
    rows: Any,
    of: str,
    role: str,
) -> tuple[Array, list[int]]:
    values = np.full(shape, np.nan)
    seen: list[int] = []
    for key, value in given.items():
        position = target_position(key, names)
        if position in seen:
            raise InputError(f"`given` names the target {names[position]!r} twice.")
        seen.append(position)
        values[:, position] = _per_row(value, shape[0], role.format(key), rows, of)
    return values, seen


def read_bounds(
    bound: Any,
    shape: tuple[int, int],
    names: tuple[str, ...],
    name: str,
    default: float,
    rows: Any = None,
) -> Array:
    """Read the bounds of a box.

    Args:
        bound: None, a number, an array of shape (D,) or (N, D), or (N,) if D is 1, or a mapping of
            a target to a number or one number per row, or a frame or a Series labelled by targets,
            or a Series of N rows that has the name of a target, or any if D is 1; infinite where
            there is no bound.
        shape: (N, D).
        names: the D targets.
        name: of the argument, for messages.
        default: for targets without a bound, minus or plus infinity.
        rows: the labels of the distributions, or None.

    Returns:
        Array of shape (N, D), in target units.

    Raises:
        InputError: a target is unknown or named twice, a shape or the labels do not fit, or a value
            is NaN.
    """
    entries = _by_name(bound, shape, names, name, default, rows)
    values = np.full(shape, default) if entries is None else entries
    if entries is None and bound is not None:
        found = read_numbers(bound, name)
        found = found[:, None] if shape[1] == 1 and found.shape == shape[:1] else found
        if found.shape not in ((), (shape[1],), shape):
            raise InputError(
                f"`{name}` must be a number, have shape ({shape[1]},) or {shape}, or map targets "
                f"to bounds. Received shape {found.shape}."
            )
        values[:] = found
    if np.isnan(values).any():
        raise InputError(f"`{name}` must not hold NaN; use -inf or inf where there is no bound.")
    return values


def read_map(
    A: Any,
    b: Any,
    targets: Any,
    shape: tuple[int, int],
    names: tuple[str, ...],
    rows: Any = None,
) -> tuple[Array, Array, tuple[str, ...]]:
    """Read the matrix, the shift and the new names of an affine map.

    Args:
        A: array of shape (M, D) or (N, M, D), or a mapping of each new name to a mapping of targets
            to coefficients, each a number or one number per row; or a frame of coefficients, a row
            for each new variable, with targets as columns.
        b: array of shape (M,) or (N, M), or (N,) if M is 1, or a mapping of new names to numbers or
            one number per row, or a frame or a Series as for bounds, of all new names; else zero.
        targets: M new names; None for the default ones.
        shape: (N, D).
        names: the D targets.
        rows: the labels of the distributions, or None.

    Returns:
        (A, b, names): arrays of shape (1 or N, M, D) and (M,) or (N, M), and M names.

    Raises:
        InputError: a target is unknown or named twice, a shape or the labels do not fit, or a value
            is not finite.
    """
    n, d = shape
    labels, A = labels_of(A), as_pandas(A, "A")
    if hasattr(A, "columns"):
        if targets is None and labels is not None and all(isinstance(n, str) for n in labels):
            targets = list(labels)
        coefficients = read_numbers(A, "A")
        positions = target_positions([str(column) for column in A.columns], names)
        A = np.zeros((len(coefficients), d))
        A[:, positions] = coefficients
    if isinstance(A, Mapping):
        if targets is not None:
            raise InputError("`targets` must be left out where `A` names the new variables itself.")
        matrix, targets = _named_matrix(A, shape, names, rows), tuple(str(key) for key in A)
    else:
        matrix = read_numbers(A, "A")
        matrix = matrix[None] if matrix.ndim == 2 else matrix
    if matrix.ndim != 3 or matrix.shape[0] not in (1, n) or matrix.shape[2] != d:
        raise InputError(
            f"`A` must have shape (M, {d}) or ({n}, M, {d}). Received shape {np.shape(A)}."
        )
    m = matrix.shape[1]
    if not 1 <= m <= d:
        raise InputError(
            f"`A` must have 1 to {d} linearly independent rows for {counted(d, 'target')}. "
            f"Received {m}."
        )
    is_diagonal = m == d and not np.any(matrix * ~np.eye(d, dtype=bool))
    new_names = names if targets is None and is_diagonal else target_names(targets, m)
    columns = getattr(as_pandas(b, "b"), "columns", new_names)
    if {str(column) for column in columns} != {*new_names}:
        raise InputError(
            f"Expected `b` to have the columns {list(new_names)}. Received {list(columns)}."
        )
    shift = _by_name(b, (n, m), new_names, "b", 0.0, rows)
    if shift is None:
        shift = np.zeros(m) if b is None else read_numbers(b, "b")
        shift = shift[:, None] if m == 1 and shift.shape == (n,) else shift
    if shift.shape not in ((m,), (n, m)):
        raise InputError(f"`b` must have shape ({m},) or ({n}, {m}). Received {shift.shape}.")
    if not (np.isfinite(matrix).all() and np.isfinite(shift).all()):
        raise InputError("`A` and `b` must be finite. Received NaN or infinity.")
    return matrix, shift, new_names


def _by_name(
    values: Any,
    shape: tuple[int, int],
    names: tuple[str, ...],
    role: str,
    default: float,
    rows: Any,
) -> Array | None:
    """Read values that are given by the names of targets.

    Args:
        values: a mapping, a frame or a Series; anything else has no names.
        shape: (N, D).
        names: the D targets.
        role: name of the argument, for messages.
        default: the value of targets that are not named.
        rows: the labels of the distributions, or None.

    Returns:
        Array of shape (N, D); None if `values` has no names.

    Raises:
        InputError: a name is unknown or given twice, or a Series has labels of something else.
    """
    table = as_pandas(values, role)
    entries = _entries(table, shape[0], names, role)
    if entries is None:
        return None
    if not isinstance(table, Mapping) and labels_of(values) is None:
        rows = None  # of a library without labels: those it has now are of pandas
    found = np.full(shape, default)
    seen: set[int] = set()
    for key, value, name in entries:
        position = target_position(key, names)
        if position in seen:
            keys = [key for key, *_ in entries]
            raise InputError(f"`{role}` names {names[position]!r} twice. Received: {keys}.")
        seen.add(position)
        found[:, position] = _per_row(value, shape[0], name, rows)
    return found


def _entries(
    values: Any, n_rows: int, names: tuple[str, ...], role: str
) -> list[tuple[Any, Any, str]] | None:
    """(name, value, name of the value in messages) of each target that is named; None of none."""
    if isinstance(values, Mapping):
        return [(key, value, f"{role}[{key!r}]") for key, value in values.items()]
    if hasattr(values, "columns"):
        columns = enumerate(values.columns)
        return [(label, values.iloc[:, i], f"{role}[{label!r}]") for i, label in columns]
    labels = labels_of(values)
    if labels is None or labels is values:
        return None
    if are_targets(labels, names):
        pairs = zip(labels, values, strict=True)
        return [(label, value, f"{role}[{label!r}]") for label, value in pairs]
    if len(values) == n_rows and (len(names) == 1 or str(values.name) in names):
        return [(names[0] if len(names) == 1 else values.name, values, role)]
    if are_default(labels):
        return None
    raise labels_error(labels, names, role)


def _named_matrix(
    A: Mapping[Any, Any], shape: tuple[int, int], names: tuple[str, ...], rows: Any
) -> Array:
    n, d = shape
    columns = []
    for key, coefficients in A.items():
        if not isinstance(coefficients, Mapping):
            raise InputError(
                "Where `A` is a mapping, expected each of its values to map targets to "
                f"coefficients. Received for {key!r}: {shown(coefficients)}."
            )
        row = np.zeros((n, d))
        for target, coefficient in coefficients.items():
            position = target_position(target, names)
            row[:, position] += _per_row(coefficient, n, f"A[{key!r}][{target!r}]", rows)
        columns.append(row)
    if not columns:
        raise InputError("`A` must name at least one new variable. Received an empty mapping.")
    matrix = np.stack(columns, axis=1)
    return matrix[:1] if n and (matrix == matrix[:1]).all() else matrix


def _per_row(value: Any, n_rows: int, name: str, rows: Any, of: str = DISTRIBUTIONS) -> Array:
    numbers = read_numbers(value, name)
    if numbers.shape not in ((), (1,), (n_rows,)):
        raise InputError(
            f"`{name}` must be a number, or hold one for each of {counted(n_rows, 'row')}. "
            f"Received shape {numbers.shape}."
        )
    check_rows(rows, value, name, of=of)
    return numbers
