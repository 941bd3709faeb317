"""Names of targets: defaults, checks, positions, and the table columns named after them."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Set
from numbers import Real
from typing import Any

import numpy as np

from covey.errors import InputError, counted, shown


def target_names(targets: Iterable[str] | None, n_targets: int) -> tuple[str, ...]:
    """Return checked names for `n_targets` targets, `y0, y1, ...` by default.

    Args:
        targets: the names, or None for the default ones.
        n_targets: D, how many there must be.

    Returns:
        Tuple of D strings.

    Raises:
        InputError: the number is wrong, a name appears twice, or two pairs of names would give the
            same `cov_<a>_<b>` column.
    """
    if targets is None:
        return tuple(f"y{i}" for i in range(n_targets))
    if isinstance(targets, str):
        raise InputError(
            f"`targets` must be a sequence of {counted(n_targets, 'name')}. Received the single "
            f"string {targets!r}; put it into a list."
        )
    names = tuple(str(name) for name in targets)
    if len(names) != n_targets:
        raise InputError(
            f"Expected {counted(n_targets, 'target name')}, one for each target. Received "
            f"{len(names)}: {list(names)}."
        )
    duplicates = sorted(name for name, count in Counter(names).items() if count > 1)
    if duplicates:
        raise InputError(f"Target names must differ. These appear more than once: {duplicates}.")
    if alike := _same_column(names):
        first, second = alike
        raise InputError(
            f"Target names must give distinct covariance columns, but {first} and {second} both "
            f"give {covariance_column(*first)!r}. Rename one of these targets."
        )
    return names


def _same_column(names: tuple[str, ...]) -> tuple[tuple[str, str], tuple[str, str]] | None:
    """Two pairs of names, each in order, that give one column: (a_x, d) and (a, x_d)."""
    place = {name: number for number, name in enumerate(names)}
    after: dict[str, list[tuple[str, str]]] = {}  # by x, all (a, a_x)
    for name in names:
        for cut in (number for number, letter in enumerate(name) if letter == "_"):
            if name[:cut] in place:
                after.setdefault(name[cut + 1 :], []).append((name[:cut], name))
    for name in names:
        for cut in (number for number, letter in enumerate(name) if letter == "_"):
            if name[cut + 1 :] in place:
                for first, joined in after.get(name[:cut], []):
                    pairs = (joined, name[cut + 1 :]), (first, name)
                    if all(place[one] <= place[two] for one, two in pairs):
                        return pairs
    return None


def target_position(target: Any, names: tuple[str, ...]) -> int:
    """The position of a target, by its name or its number.

    Names are text here, and may be numbers or tuples in the user's table. So what reads like a name
    is that name: 2020 is the target "2020", or "2020.0". Any other integer is a position, unless
    some names are numbers too: then it could be either, and is refused.

    Args:
        target: a name, or an integer; negative ones count from the end.
        names: the D names.

    Returns:
        An integer from 0 to D - 1.

    Raises:
        InputError: there is no such target, or a number could be a name as well as a position.
    """
    for name in _spellings(target):
        if name in names:
            return names.index(name)
    if isinstance(target, (int, np.integer)) and not isinstance(target, bool):
        # columns 0, 1, 2, ... are their own positions
        if numbers := [n for i, n in enumerate(names) if _is_number(n) and n not in _spellings(i)]:
            raise InputError(
                f"Expected one of the targets {list(names)}. Received: {shown(target)}. Since "
                f"{numbers[0]!r} is a name, numbers are names here and no positions."
            )
        if -len(names) <= target < len(names):
            return range(len(names))[int(target)]
    raise InputError(
        f"Expected one of the targets {list(names)}, or a number below {len(names)}. "
        f"Received: {shown(target)}."
    )


def _spellings(target: Any) -> list[str]:
    """The names that a target may have: pandas takes 1 and 1.0 for the same label."""
    if isinstance(target, tuple):
        parts = (part.item() if isinstance(part, np.generic) else part for part in target)
        return [str(target), str(tuple(parts))]
    spellings = [str(target)]
    if isinstance(target, Real) and not isinstance(target, bool) and math.isfinite(target):
        spellings.append(str(float(target)))
        if float(target).is_integer():
            spellings.append(str(int(float(target))))
    return spellings


def _is_number(name: str) -> bool:
    try:
        return math.isfinite(float(name))
    except ValueError:
        return False


def are_targets(labels: Iterable[Any], names: tuple[str, ...]) -> bool:
    """Whether there is at least one label, and each is the name of a target."""
    some = False
    for label in labels:
        if str(label) not in names:
            return False
        some = True
    return some


def as_row(values: Any, names: tuple[str, ...]) -> Any:
    """A Series labelled by targets as a table of one row; anything else as it is."""
    if not hasattr(values, "to_frame") or hasattr(values, "columns"):
        return values
    if not hasattr(values, "index") or not are_targets(values.index, names):
        return values
    return values.to_frame().T.infer_objects()


def target_positions(targets: Any, names: tuple[str, ...]) -> list[int]:
    """The positions of several targets, by their names or numbers.

    Args:
        targets: one name or number, or several, none twice.
        names: the D names.

    Returns:
        At least one integer from 0 to D - 1, in the order given.

    Raises:
        InputError: there is no such target, one is named twice, or none is.
    """
    if isinstance(targets, (Mapping, Set)):
        raise InputError(
            "Expected targets in an order, such as a list of names. Received a "
            f"{type(targets).__name__}; for coefficients use affine({{'name': {{...}}}})."
        )
    one = isinstance(targets, str) or not isinstance(targets, Iterable)
    # of a table of two headers
    one = one or (isinstance(targets, tuple) and not set(names).isdisjoint(_spellings(targets)))
    several = [targets] if one else targets
    found = [target_position(target, names) for target in several]
    if not found or len(set(found)) < len(found):
        raise InputError(
            f"Expected one or more of the targets {list(names)}, each once. "
            f"Received: {[names[position] for position in found]}."
        )
    return found


def mean_column(target: str) -> str:
    """Name of the table column that holds the mean of `target`."""
    return f"mean_{target}"


def covariance_column(first: str, second: str) -> str:
    """Name of the table column that holds the covariance of two targets, in their order."""
    return f"cov_{first}_{second}"
