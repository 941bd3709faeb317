"""The estimator that a command asks for: a file of parameters, and options that override it."""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from covey.cli.columns import cells
from covey.errors import InputError, clipped

NOTHING = "none"
OBJECTS = ("base", "callbacks")  # which no file of parameters can hold
TREES = {"auto": "auto", "true": True, "false": False}  # as files of parameters write them
LATER = "later"  # the `cv` that holds out later rows
# options of the same names as parameters, `-` for `_`
OPTIONS = ("family", "members", "cv", "max_time", "random_state", "transform", "trees")


def estimator(options: argparse.Namespace) -> Any:
    """The estimator, not fitted yet.

    Args:
        options: of `covey fit`; those that were given stand above the file of --params.

    Returns:
        A `JointRegressor`.

    Raises:
        InputError: the file cannot be read, or names no parameter.
    """
    from covey.regressor import JointRegressor

    parameters: dict[str, Any] = {}
    if options.params is not None:
        parameters = read_parameters(options.params, list(JointRegressor().get_params(deep=False)))
    given = {name: getattr(options, name) for name in OPTIONS}
    if options.transform is not None:
        given["transform"] = mapping_or_name(options.transform)
    if options.trees is not None:
        given["trees"] = TREES[options.trees]
    if options.time is not None:
        if options.cv not in (None, LATER):
            raise InputError(
                f"--time holds out later rows. Received: --cv {options.cv} too; leave one out."
            )
        given["cv"] = LATER
    if options.quiet:
        given["verbose"] = 0
    parameters |= {name: value for name, value in given.items() if value is not None}
    return JointRegressor(**parameters)


def read_parameters(path: str, known: Sequence[str]) -> dict[str, Any]:
    """Read parameters from a TOML file.

    Args:
        path: of the file: lines such as `max_steps = 2000` or `hidden_units = [64, 64]`.
        known: names that it may hold.

    Returns:
        Values by name.

    Raises:
        InputError: the file cannot be read, or holds a name that is not known.
    """
    try:
        with open(path, "rb") as stream:
            found = tomllib.load(stream)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(
            "Expected lines such as `max_steps = 2000` (TOML) with --params. Received: "
            f"{path}, in which {clipped(str(error))}."
        ) from None
    except OSError as error:
        raise InputError(
            f"Expected a file of parameters with --params. Received: {path}: {error.strerror}."
        ) from None
    for name in found:
        if name in OBJECTS:
            raise InputError(
                f"Expected text, numbers and lists in {path}. Received: {name!r}, which is an "
                "object of Python: fit with covey.JointRegressor there, or leave it out."
            )
        if name not in known:
            close = get_close_matches(name.replace("-", "_"), known, n=1)
            meant = f" Did you mean {close[0]}?" if close else ""
            raise InputError(
                f"Expected parameters of the estimator in {path}. Received: {name!r}.{meant} "
                f"There are: {', '.join(known)}."
            )
    return found


def mapping_or_name(words: Sequence[str]) -> str | dict[str, str | None]:
    """What is given for all targets, or for some by name.

    Args:
        words: such as "auto", or "CO=log1p,NO2=none"; none stands for no transform.

    Returns:
        The name, or names by target.

    Raises:
        InputError: several words are given, of which one has no target.
    """
    if len(words) == 1 and "=" not in words[0]:
        return words[0]
    found: dict[str, str | None] = {}
    for cell in (cell for word in words for cell in cells(word)):
        name, equals, value = cell.rpartition("=")
        if not equals or not name or not value:
            raise InputError(
                "Expected one word for all targets with --transform, or some such as CO=log1p. "
                f"Received: {cell!r}."
            )
        found[name.strip()] = None if value.strip() == NOTHING else value.strip()
    return found
