"""Read what distributions are made of and asked for: moments, levels and observed values."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from covey.arguments.frames import as_pandas
from covey.arguments.labels import DISTRIBUTIONS, are_default, check_rows, labels_of, row_name
from covey.arguments.numbers import is_number, read_numbers
from covey.arguments.targets import as_row
from covey.errors import InputError, shown
from covey.types import Array

SYMMETRY = 1e-8  # largest asymmetry accepted, relative to sigma_i sigma_j


def check_level(level: float) -> float:
    """Return `level` when it lies in (0, 1).

    Raises:
        InputError: it does not.
    """
    if not is_number(level):
        raise InputError(f"`level` must be a number in (0, 1). Received: level={shown(level)}.")
    if not 0 < level < 1:
        hint = f" Did you mean {level / 100:g}?" if 1 < level < 100 else ""
        raise InputError(f"`level` must lie in (0, 1). Received: level={level:g}.{hint}")
    return float(level)


def check_probability(q: ArrayLike) -> Array:
    """Return probabilities as an array of no or one dimension.

    Raises:
        InputError: a value lies outside (0, 1), or there are more dimensions.
    """
    levels = read_numbers(q, "q")
    if levels.ndim > 1 or levels.size == 0 or not np.all((levels > 0) & (levels < 1)):
        raise InputError(
            f"`q` must be a number, or several in a row, in (0, 1). Received: {shown(q)}."
        )
    return levels


def check_size(size: int, name: str = "size") -> int:
    """Return `size` when it is a positive integer; `name` is for the message.

    Raises:
        InputError: it is not.
    """
    if not is_number(size, whole=True) or size < 1:
        raise InputError(f"`{name}` must be a positive integer. Received: {name}={shown(size)}.")
    return int(size)


def read_generator(seed: Any) -> np.random.Generator:
    """Return a NumPy generator, for samples that the same seed repeats.

    Raises:
        InputError: NumPy does not take it for a seed, or it is True or False.
    """
    try:
        if isinstance(seed, (bool, np.bool_)):
            raise TypeError
        return np.random.default_rng(seed)
    except (TypeError, ValueError):
        raise InputError(
            "`seed` must be a non-negative integer, a numpy.random.Generator, or None. "
            f"Received: seed={shown(seed)}."
        ) from None


def read_mean(mean: ArrayLike) -> Array:
    """Return a copy of shape (N, D).

    Raises:
        InputError: the shape does not fit or a value is not finite.
    """
    means = read_numbers(mean, "mean")
    if means.ndim == 1:
        means = means[None, :]
    if means.ndim != 2 or means.shape[1] == 0:
        raise InputError(f"`mean` must have shape (N, D) with D >= 1. Received {means.shape}.")
    _check_finite(means, "mean")
    return means


def read_degrees_of_freedom(values: object, n_rows: int) -> Array:
    """Return a copy of shape (N,).

    Raises:
        InputError: the shape does not fit, or a value is not finite or not above 2.
    """
    nu = read_numbers(values, "degrees_of_freedom")
    if nu.shape not in ((), (1,), (n_rows,)):
        raise InputError(
            f"`degrees_of_freedom` must be a number or have shape ({n_rows},). "
            f"Received shape {nu.shape}."
        )
    nu = np.broadcast_to(nu, (n_rows,)).copy()
    bad = ~(np.isfinite(nu) & (nu > 2))
    if bad.any():
        raise InputError(
            "`degrees_of_freedom` must be finite and above 2: a covariance needs it. "
            f"Received {nu[_first(bad)]:g} for row {_first(bad)}."
        )
    return nu


def read_weights(weights: object, n_rows: int, n_components: int) -> Array:
    """Return weights of shape (N, K) that sum to 1 in each row; equal ones for None.

    Raises:
        InputError: the shape does not fit, a weight is negative or not finite, or all of a row are
            zero.
    """
    if weights is None:
        return np.full((n_rows, n_components), 1 / n_components)
    found = read_numbers(weights, "weights")
    if found.shape not in ((n_components,), (n_rows, n_components)):
        raise InputError(
            f"`weights` must have shape ({n_components},) or ({n_rows}, {n_components}). "
            f"Received shape {found.shape}."
        )
    found = np.broadcast_to(found, (n_rows, n_components)).copy()
    total = found.sum(axis=1)
    bad = ~(np.isfinite(total) & (total > 0)) | (found < 0).any(axis=1)
    if bad.any():
        raise InputError(
            "`weights` must be finite, non-negative and not all zero. "
            f"Received {found[_first(bad)].tolist()} for row {_first(bad)}."
        )
    return found / total[:, None]


def read_factor(covariance: Any, scale_tril: Any, shape: tuple[int, ...]) -> tuple[Array, bool]:
    """Return lower triangular factors of shape (N, D, D), and whether they are of a covariance.

    Raises:
        InputError: not exactly one of the two is given, or it is not valid.
    """
    if covariance is not None and scale_tril is None:
        return factor_covariance(covariance, shape), True
    if scale_tril is not None and covariance is None:
        return read_scale_tril(scale_tril, shape), False
    received = "neither" if covariance is None else "both"
    raise InputError(f"Expected exactly one of `covariance` and `scale_tril`. Received {received}.")


def read_scale_tril(scale_tril: ArrayLike, shape: tuple[int, ...]) -> Array:
    """Return a copy of shape (N, D, D).

    Raises:
        InputError: the shape does not fit, a value is not finite, an entry above the diagonal is
            not zero, or one on the diagonal is not positive.
    """
    factors = _matrices(scale_tril, shape, "scale_tril")
    bad = np.any(np.triu(factors, 1) != 0, axis=(1, 2))
    if bad.any():
        raise InputError(
            "`scale_tril` must be lower triangular: zero above the diagonal. "
            f"Row {_first(bad)} is not. Pass a full matrix as `covariance`."
        )
    bad = np.any(np.diagonal(factors, axis1=1, axis2=2) <= 0, axis=1)
    if bad.any():
        raise InputError(
            f"`scale_tril` must have a positive diagonal. Row {_first(bad)} has "
            f"{np.diagonal(factors[_first(bad)]).tolist()}."
        )
    return factors


def factor_covariance(covariance: ArrayLike, shape: tuple[int, ...]) -> Array:
    """Lower Cholesky factors of symmetric positive definite matrices, shape (N, D, D).

    The factorisation is that of the correlation matrix, so that targets of very different scales
    (1e-9 and 1e9) do not disturb each other.

    Raises:
        InputError: the shape does not fit, a value is not finite, or a matrix is not symmetric
            positive definite.
    """
    matrices = _matrices(covariance, shape, "covariance")
    variances = np.diagonal(matrices, axis1=1, axis2=2)
    bad = np.any(variances <= 0, axis=1)
    if bad.any():
        raise InputError(
            f"`covariance` must have positive variances on its diagonal. Row {_first(bad)} has "
            f"{variances[_first(bad)].tolist()}."
        )
    sigma = np.sqrt(variances)
    correlation = matrices / sigma[:, :, None] / sigma[:, None, :]
    transposed = np.swapaxes(correlation, 1, 2)
    bad = np.any(np.abs(correlation - transposed) > SYMMETRY, axis=(1, 2))
    if bad.any():
        raise InputError(f"`covariance` must be symmetric. Row {_first(bad)} is not.")
    correlation = (correlation + transposed) / 2
    try:
        factors = np.linalg.cholesky(correlation)
    except np.linalg.LinAlgError:
        smallest = np.linalg.eigvalsh(correlation)[:, 0]
        row = int(np.argmin(smallest))
        raise InputError(
            "`covariance` must be positive definite. The smallest eigenvalue of the correlation "
            f"matrix of row {row} is {smallest[row]:.3g}."
        ) from None
    return np.asarray(factors * sigma[:, :, None])


def read_low_rank(
    diagonal: ArrayLike, factor: ArrayLike, shape: tuple[int, ...], least_specific: float
) -> tuple[Array, Array]:
    """Return copies of the diagonal, shape (N, D), and the factor, shape (N, D, R).

    Raises:
        InputError: a shape does not fit, a value is not finite, or the diagonal is not positive or
            below `least_specific` times the variance.
    """
    n, d = shape
    variances, factors = read_numbers(diagonal, "diagonal"), read_numbers(factor, "factor")
    if variances.shape not in ((d,), shape):
        raise InputError(
            f"`diagonal` must have shape {shape}, as the mean, or ({d},) for all rows. "
            f"Received {variances.shape}."
        )
    if factors.ndim not in (2, 3) or factors.shape[:-1] not in ((d,), shape):
        raise InputError(
            f"`factor` must have shape ({n}, {d}, R) to go with a mean of shape {shape}, or "
            f"({d}, R) for all rows. Received {factors.shape}."
        )
    variances = np.broadcast_to(variances, shape).copy()
    factors = np.broadcast_to(factors, (n, d, factors.shape[-1])).copy()
    _check_finite(variances, "diagonal")
    _check_finite(factors, "factor")
    bad = np.any(variances <= 0, axis=1)
    if bad.any():
        raise InputError(
            f"`diagonal` must be positive. Row {_first(bad)} has "
            f"{variances[_first(bad)].min():g} in it."
        )
    bad = np.any(variances < least_specific * np.square(factors).sum(axis=2), axis=1)
    if bad.any():
        raise InputError(
            f"`diagonal` must be at least {least_specific:g} of the variance of each target, or "
            f"the covariance is singular to all digits. Row {_first(bad)} has less."
        )
    return variances, factors


def read_values(
    y: Any,
    shape: tuple[int, ...],
    names: tuple[str, ...],
    role: str = "y",
    *,
    rows: Any = None,
    of: str = DISTRIBUTIONS,
) -> Array:
    """Read observed values.

    Args:
        y: array of shape (N, D), (D,) when N is 1, (N,) when D is 1, a frame, or, when N is 1, a
            Series labelled by targets.
        shape: (N, D).
        names: the targets, by which the columns of a frame are found.
        role: name of the argument, for messages.
        rows: a table or an index of the same N rows, whose labels `y` must have, or None.
        of: what messages call `rows`.

    Returns:
        Array of shape (N, D), in target units; NaN where not observed.

    Raises:
        InputError: the shape, the columns or the row labels do not fit, or a value is infinite or
            no number.
    """
    found = as_pandas(y, role)
    table = as_row(found, names)
    labels = labels_of(y) if table is found else None
    if hasattr(table, "columns"):
        table, present = table_values(table, names, role)
        lacking = [name for name in names if name not in present]
        if lacking:
            raise InputError(
                f"Expected a table with the columns {list(names)}. Lacking: {lacking}."
            )
    values = read_numbers(table, role)
    if values.ndim == 1 and 1 in shape and values.size == max(shape):
        values = values.reshape(shape)
    if values.shape != shape:
        raise InputError(
            f"`{role}` must have shape {shape}: one row for each distribution, one column for each "
            f"of {list(names)}. Received {values.shape}."
        )
    if labels is not None and len(labels) != len(values) and not are_default(labels):
        raise labels_error(labels, names, role)  # a Series beside one row, labelled by no targets
    check_rows(rows, labels, role, of=of)
    refuse_infinity(values, names, role, labels)
    return values


def labels_error(labels: Any, names: tuple[str, ...], role: str) -> InputError:
    """The error for a Series that should be labelled by targets, and has other labels."""
    some = ", ".join(map(repr, labels[:5])) + (", ..." if len(labels) > 5 else "")
    return InputError(
        f"Expected `{role}` to be labelled by some of {list(names)}. Received a Series labelled "
        f"{some}. Name the targets that its values are of, or drop the labels to take its values "
        f"by position: {role}.to_numpy()."
    )


def table_values(table: Any, names: tuple[str, ...], role: str) -> tuple[Array, list[str]]:
    """The columns of a table that are targets, as numbers.

    Args:
        table: a frame of N rows; columns that are no targets are ignored.
        names: the D targets.
        role: name of the argument, for messages.

    Returns:
        (values, present): array of shape (N, D), NaN where there is no such column, and the names
        of the targets that have one.

    Raises:
        InputError: a target has several columns, or a column holds no numbers.
    """
    labels = [str(column) for column in table.columns]
    if twice := [name for name in names if labels.count(name) > 1]:
        raise InputError(f"`{role}` has more than one column of {twice}. Keep one.")
    present = [name for name in names if name in labels]
    values = np.full((len(table), len(names)), np.nan)
    for name in present:
        column = table.iloc[:, labels.index(name)]
        values[:, names.index(name)] = read_numbers(column, f"{role}[{name!r}]")
    return values, present


def refuse_infinity(values: Array, names: tuple[str, ...], role: str, labels: Any = None) -> None:
    """Raise an InputError that names the first target with an infinite value, and its row."""
    if np.isinf(values).any():
        row, column = np.argwhere(np.isinf(values))[0].tolist()
        label = row_name(labels if labels is not None and len(labels) == len(values) else None, row)
        raise InputError(
            f"`{role}` must be finite, or NaN where not observed. Received infinity for "
            f"{names[column]!r} in {label}."
        )


def _matrices(values: ArrayLike, shape: tuple[int, ...], name: str) -> Array:
    n, d = shape
    matrices = read_numbers(values, name)
    if matrices.shape not in ((d, d), (n, d, d)):
        raise InputError(
            f"`{name}` must have shape ({n}, {d}, {d}) to go with a mean of shape {shape}, or "
            f"({d}, {d}) for all rows. Received {matrices.shape}."
        )
    _check_finite(matrices, name)
    return np.broadcast_to(matrices, (n, d, d)).copy() if matrices.ndim == 2 else matrices


def _check_finite(values: Array, name: str) -> None:
    bad = np.any(~np.isfinite(values), axis=tuple(range(1, values.ndim)))
    if bad.any():
        raise InputError(f"`{name}` must be finite. Row {_first(bad)} holds NaN or infinity.")


def _first(bad: Any) -> int:
    return int(np.flatnonzero(bad)[0])
