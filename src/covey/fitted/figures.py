"""What a table of predictions holds: the figures that somebody names, column by column."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from covey.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from covey.types import Array

Columns = dict[str, "Array"]  # each of shape (N,)

PLAIN = ("mean", "std", "cov", "correlation", "quantiles")
COUNTED = ("interval", "quantile", "sample")
PAIRS = {"cov": 0, "correlation": 1}  # of pairs of targets, from which diagonal on
QUANTILES = (5.0, 25.0, 50.0, 75.0, 95.0)  # in per cent
WORD = re.compile(r"([a-z_]+?)(\d+(?:\.\d+)?|\.\d+)?")
MOST_DRAWS = 100_000


@dataclass(frozen=True)
class Figures:
    """Which columns of predictions to write.

    Attributes:
        parts: for each word, its kind and its number, or None.
        seed: of samples; None for another one every time.
    """

    parts: tuple[tuple[str, float | None], ...]
    seed: int | None

    @classmethod
    def named(cls, words: Sequence[str], seed: int | None = None) -> Self:
        """Read what somebody named.

        Args:
            words: such as "mean", "interval90", "quantile5", "sample10".
            seed: of samples, or None.

        Returns:
            The figures.

        Raises:
            InputError: a word names nothing, or its number is out of range.
        """
        if seed is not None and seed < 0:
            raise InputError(f"`random_state` must be 0 or more. Received: {seed}.")
        parts = [part for word in words for part in _parts(word)]
        return cls(tuple(dict.fromkeys(parts)), seed)

    def width(self, targets: int) -> int:
        """How many columns these figures have.

        Args:
            targets: D, how many targets there are.
        """
        pairs = targets * (targets - 1) // 2
        each = {"cov": targets + pairs, "correlation": pairs, "interval": 2 * targets}
        return sum(
            int(number) * targets if kind == "sample" and number else each.get(kind, targets)
            for kind, number in self.parts
        )

    def names(self, targets: Sequence[str]) -> list[str]:
        """The names of the columns, as `of` has them.

        Args:
            targets: D names.
        """
        blank = np.empty((0, len(targets)))
        square = np.empty((0, len(targets), len(targets)))
        found: dict[str, Any] = {}
        for kind, number in self.parts:
            if kind in PAIRS:
                found.update(_pairs(kind, targets, square, PAIRS[kind]))
                continue
            for name in _heads(kind, number):
                found.update(_each(name, targets, blank))
        return list(found)

    def of(self, joint: Any) -> pd.DataFrame:
        """The figures of distributions.

        Args:
            joint: N of them, over D targets.

        Returns:
            DataFrame of N rows, with the row labels of the distributions. In target units, and cov
            in products of them.
        """
        import pandas as pd

        columns: Columns = {}
        for kind, number in self.parts:
            columns.update(self._columns(joint, kind, number))
        return pd.DataFrame(columns, index=joint.index)

    def _columns(self, joint: Any, kind: str, number: float | None) -> Columns:
        targets = joint.targets
        if number is None:
            plain: dict[str, Callable[[], Columns]] = {
                "mean": lambda: _each("mean", targets, joint.mean),
                "std": lambda: _each("std", targets, joint.stddev),
                "cov": lambda: _pairs("cov", targets, joint.covariance, PAIRS[kind]),
                "correlation": lambda: _pairs(kind, targets, joint.correlation, PAIRS[kind]),
            }
            return plain[kind]()
        columns: Columns = {}
        heads = _heads(kind, number)
        if kind == "interval":
            values = joint.interval(number / 100)
        elif kind == "quantile":
            values = [joint.quantile(number / 100)]
        else:
            values = joint.sample(int(number), seed=self.seed)
        for head, each in zip(heads, values, strict=True):
            columns.update(_each(head, targets, each))
        return columns


def _heads(kind: str, number: float | None) -> list[str]:
    """What the names of columns begin with, the target aside, for figures of one target each."""
    if number is None:
        return [kind]
    if kind == "interval":
        return [f"lower{_percent(number)}", f"upper{_percent(number)}"]
    if kind == "quantile":
        return [f"quantile{_percent(number)}"]
    return [f"sample{count}" for count in range(1, int(number) + 1)]


def _parts(word: str) -> list[tuple[str, float | None]]:
    match = WORD.fullmatch(word.lower())
    kind, text = (match[1], match[2]) if match else ("", None)
    if text is None and kind == "quantiles":
        return [("quantile", percent) for percent in QUANTILES]
    if text is None and kind in PLAIN:
        return [(kind, None)]
    if kind not in COUNTED or text is None:
        raise InputError(_unknown(word))
    number = float(text)
    if kind == "sample":
        if not 1 <= number <= MOST_DRAWS or number % 1:
            raise InputError(
                f"Expected a number of draws from 1 to {MOST_DRAWS} in `columns`, such as "
                f"sample10. Received: {word}."
            )
        return [(kind, number)]
    # 0.9 is a share, as Python's callers give it; 90 is the same in per cent
    percent = round(100 * number, 10) if number < 1 else number
    if not 0 < percent < 100:
        raise InputError(
            f"Expected a level between 0 and 100 per cent in `columns`, such as {kind}90. "
            f"Received: {word}."
        )
    return [(kind, percent)]


def _unknown(word: str) -> str:
    known = (*PLAIN, "interval90", "quantile5", "sample10")
    close = get_close_matches(word, known, n=1, cutoff=0.5)
    meant = f" Did you mean {close[0]}?" if close else ""
    return (
        f"Expected in `columns` some of {', '.join(known)} (with any numbers). Received: "
        f"{word!r}.{meant}"
    )


def _percent(number: float) -> str:
    """Per cent with two digits before the point, so that names are in order: 05, 50, 97.5."""
    whole, _, rest = f"{number:.10f}".rstrip("0").rstrip(".").partition(".")
    return whole.zfill(2) + (f".{rest}" if rest else "")


def _each(kind: str, targets: Sequence[str], values: Array) -> Columns:
    return {f"{kind}_{target}": values[:, i] for i, target in enumerate(targets)}


def _pairs(kind: str, targets: Sequence[str], values: Array, above: int) -> Columns:
    first, second = np.triu_indices(len(targets), above)
    return {
        f"{kind}_{targets[i]}_{targets[j]}": values[:, i, j]
        for i, j in zip(first.tolist(), second.tolist(), strict=True)
    }
