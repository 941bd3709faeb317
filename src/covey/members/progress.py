"""Progress bars that fit a terminal, lines in a log, and what they say at the end."""

from __future__ import annotations

import shutil
import sys
import time
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

WIDE = 76  # columns of a terminal in which all of a bar has room
BAR = "{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}, {rate_fmt}{postfix}"
NARROW = "{desc} {percentage:3.0f}%|{bar}| {elapsed}{postfix}"
OVER = "{desc} {percentage:.0f}%, {elapsed}{postfix}"  # with room for words
OVER_NARROW = "{desc} {percentage:.0f}%{postfix}"
SHARE = 0.1  # of the work between two lines of a log
PAUSE = 10.0  # seconds between them at least


class Log:
    """What a bar is where nobody watches, as in a log: a line now and then.

    Attributes:
        n: how much is done.
        total: of how much.
    """

    def __init__(self, total: int, name: str, initial: int = 0) -> None:
        self.total, self.n = total, initial
        self._name, self._postfix = name, ""
        self._next, self._last = SHARE * total, time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        pass

    def set_postfix_str(self, text: str, refresh: bool = True) -> None:
        """Set what the next line says."""
        self._postfix = text

    def update(self, more: int) -> None:
        """Count what was done, and print a line if it is time."""
        self.n += more
        now = time.monotonic()
        if self.n >= self._next and now - self._last >= PAUSE and self.n < self.total:
            self._last, self._next = now, self.n + SHARE * self.total
            self.line(f"{self.n / self.total:.0%}")

    def line(self, what: str) -> None:
        """Print a line."""
        said = f", {self._postfix}" if self._postfix else ""
        print(f"{self._name}: {what}{said}", file=sys.stderr)


def progress_bar(
    total: int, name: str, *, scale: int = 1, initial: int = 0, verbose: int = 1
) -> Any:
    """A progress bar, for a terminal, a notebook or a log.

    Args:
        total: units of work.
        name: of the work.
        scale: rows in a unit.
        initial: how many are done.
        verbose: 0 shows nothing.

    Returns:
        A tqdm bar or a `Log`.
    """
    notebook = in_notebook()
    if verbose and not notebook and not sys.stderr.isatty():
        return Log(total, f"covey: {name}", initial)
    wide = notebook or shutil.get_terminal_size().columns >= WIDE
    return tqdm(
        total=total,
        initial=initial,
        desc=name,
        unit="row",  # that each member has seen
        unit_scale=scale if scale > 1 else True,
        disable=not verbose,
        bar_format=BAR if wide else NARROW,
        dynamic_ncols=not notebook,
        file=sys.stdout if notebook else None,  # notebooks show errors in red
        leave=True,
    )


def in_notebook() -> bool:
    """Whether this runs in a notebook."""
    shell = sys.modules.get("IPython")
    kernel = None if shell is None else getattr(shell.get_ipython(), "kernel", None)
    return kernel is not None


def show(bar: Any, steps: int, score: float, start: float) -> None:
    """Show how far a training is.

    Args:
        bar: from `progress_bar`.
        steps: taken so far.
        score: out-of-fold score of the best so far, in nats per row.
        start: that of the linear start.
    """
    narrow = getattr(bar, "bar_format", None) == NARROW
    bar.set_postfix_str(
        f"score {score:.3f}" + ("" if narrow else f" (start {start:.3f})"), refresh=False
    )
    bar.update(steps - bar.n)


def finish(bar: Any, score: float, best_steps: NDArray[np.int64], why: str) -> None:
    """Show that a training is over: the bar ends at 100%, wherever it is.

    Args:
        bar: from `progress_bar`.
        score: out-of-fold score of the best, in nats per row.
        best_steps: the step at which each member was best, shape (K,).
        why: it is over before all steps are taken; "" if it is not.
    """
    low, high = int(best_steps.min()), int(best_steps.max())
    best = f"best at step {low}" if low == high else f"best at steps {low}-{high}"
    narrow = getattr(bar, "bar_format", None) == NARROW
    said = ", ".join(part for part in (why, best, "" if narrow else f"score {score:.3f}") if part)
    if isinstance(bar, Log):
        bar.set_postfix_str("")
        bar.line(said)
        return
    bar.n = bar.total
    over = OVER_NARROW if narrow else OVER
    bar.bar_format = NARROW if in_notebook() else over
    bar.set_postfix_str(said, refresh=False)
    bar.refresh()
