"""Which columns of a table are what in a fit: targets, features, weights, groups, time."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from covey.cli.columns import as_cell, cells, choose, choose_one
from covey.errors import InputError, warn


@dataclass(frozen=True)
class Roles:
    """What the columns of a table are in a fit.

    Attributes:
        targets: names of the columns to predict.
        features: names of the columns to predict from.
        sample_weight: name of the column of weights, or None.
        groups: name of the column of labels of groups, or None.
        time: name of the column along which later rows are held out, or None.
        categorical: features whose values are names, whatever they look like.
        dates: features that are dates; their formats, where such are given.
    """

    targets: list[str]
    features: list[str]
    sample_weight: str | None
    groups: str | None
    time: str | None
    categorical: list[str]
    dates: dict[str, str | None]

    @classmethod
    def named(cls, columns: Sequence[str], options: argparse.Namespace, of: str) -> Self:
        """The roles that options give to columns.

        Args:
            columns: all there are.
            options: of `covey fit`.
            of: what has the columns, for messages.

        Returns:
            The roles.

        Raises:
            InputError: a column is not there, or has two roles that exclude each other.
        """
        targets = choose(columns, options.targets, "--targets", of)
        drop = choose(columns, options.drop, "--drop", of)
        sample_weight = choose_one(columns, options.sample_weight, "--sample-weight", of)
        groups = choose_one(columns, options.groups, "--groups", of)
        time = choose_one(columns, options.time, "--time", of)
        features = choose(columns, options.features, "--features", of)
        left_out = {*targets, *drop, sample_weight, groups}
        given = {"--drop": drop, "--features": features}
        for option, names in given.items():
            if both := [name for name in names if name in targets]:
                what = (
                    "A column is either a target or a feature"
                    if option == "--features"
                    else ("A column that is left out is no target")
                )
                raise InputError(f"{what}. Received with --targets and {option}: {both}.")
        if both := [name for name in features if name in drop]:
            raise InputError(
                "A column that is left out is no feature. Received with --features and --drop: "
                f"{both}."
            )
        single = {"--sample-weight": sample_weight, "--groups": groups, "--time": time}
        for option, name in single.items():
            if name in targets:
                raise InputError(f"A target has no other use. Received with {option} too: {name}.")
            if name in features and option != "--time":
                warn(
                    f"{name!r} is named with --features and {option}: it is both, and must be "
                    "there in every table to predict. If that is wrong, leave it out of --features."
                )
            if name is not None and name == sample_weight and option != "--sample-weight":
                raise InputError(
                    f"A weight has no other use. Received with --sample-weight and {option}: "
                    f"{name}."
                )
        features = features or [name for name in columns if name not in left_out]
        if not features:
            raise InputError(f"No column of {of} is left to predict from. Name them: --features.")
        categorical = choose(columns, options.categorical, "--categorical", of)
        dates = _dates(columns, options.dates, of)
        for option, names in (("--categorical", categorical), ("--dates", list(dates))):
            if idle := [name for name in names if name not in features]:
                raise InputError(
                    f"{option} is for columns to predict from. Received: {idle}, which are not."
                )
        return cls(targets, features, sample_weight, groups, time, categorical, dates)


def _dates(columns: Sequence[str], words: Sequence[str] | None, of: str) -> dict[str, str | None]:
    """Names of columns of dates, each with its format if one was given as NAME=FORMAT."""
    found: dict[str, str | None] = {}
    for word in words or ():
        name, equals, _ = word.partition("=")
        # a format may hold commas
        whole = word in columns or (equals and name in columns and word.count("=") == 1)
        for cell in [word] if whole else cells(word):
            name, equals, form = cell.rpartition("=")
            if cell in columns or not equals:
                name, form = cell, ""
            for column in choose(columns, [as_cell(name)], "--dates", of):
                found[column] = form or None
    return found
