"""Options of the estimator: how much is printed, and the seed."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from covey.arguments.family import AUTO
from covey.arguments.numbers import is_number
from covey.errors import InputError, shown


def check_verbose(verbose: Any) -> None:
    """Check how much a user wants printed.

    Args:
        verbose: the parameter of the `JointRegressor`.

    Raises:
        InputError: it is no whole number of at least 0, and neither True nor False.
    """
    flag = isinstance(verbose, (bool, np.bool_))
    if not flag and not (is_number(verbose, whole=True) and verbose >= 0):
        raise InputError(
            "`verbose` must be 0 (silent) or 1 (a progress bar and a verdict). "
            f"Received: verbose={shown(verbose)}."
        )


def check_trees(trees: Any) -> None:
    """Check whether boosted trees are to have a share in the means.

    Args:
        trees: the parameter of the `JointRegressor`.

    Raises:
        InputError: it is neither True nor False nor "auto".
    """
    flag = isinstance(trees, (bool, np.bool_))
    if not flag and not (isinstance(trees, str) and trees == AUTO):
        raise InputError(
            f'`trees` must be True, False or "{AUTO}". Received: trees={shown(trees)}.'
        )


def read_seed(random_state: Any) -> int:
    """Turn what scikit-learn calls a random state into an integer.

    Args:
        random_state: an integer, a `numpy.random.RandomState`, or None for another seed every time;
            NumPy's global generator is never touched.

    Returns:
        The seed.

    Raises:
        InputError: it is none of these.
    """
    if random_state is None:
        return int(np.random.default_rng().integers(2**31 - 1))
    try:
        if isinstance(random_state, (bool, np.bool_)):
            raise ValueError
        return int(check_random_state(random_state).randint(2**31 - 1))
    except ValueError as error:
        raise InputError(
            "`random_state` must be a non-negative integer below 2**32, a "
            f"numpy.random.RandomState, or None. Received: {shown(random_state)}."
        ) from error
