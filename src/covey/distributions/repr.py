"""The text a distribution shows of itself."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
ROWS, COLUMNS = 5, 8


def describe(
    kind: str, targets: tuple[str, ...], mean: Array, stddev: Array, correlation: Array
) -> str:
    """A few rows as `mean ± stddev`, and the correlations when there is only one row.

    Args:
        kind: name of the class.
        targets: D names.
        mean: array of shape (N, D), in target units.
        stddev: array of shape (N, D), in target units.
        correlation: array of shape (N, D, D).

    Returns:
        Several lines of text.
    """
    n, d = mean.shape
    head = f"{kind}: {n} {'row' if n == 1 else 'rows'}, {d} {'target' if d == 1 else 'targets'}"
    shown = targets[:COLUMNS]
    cells = [["", *shown]]
    cells += [
        [str(i), *(f"{m:.4g} ± {s:.2g}" for m, s in zip(mean[i], stddev[i], strict=True))][
            : len(shown) + 1
        ]
        for i in range(min(n, ROWS))
    ]
    lines = [head, *_aligned(cells, more=d > COLUMNS)]
    if n > ROWS:
        lines.append(f"... {n - ROWS} more rows")
    if n == 1 and d > 1:
        table = [["", *shown]]
        table += [
            [name, *(f"{value:.2f}" for value in correlation[0, i, : len(shown)])]
            for i, name in enumerate(shown)
        ]
        lines += ["correlation", *_aligned(table, more=d > COLUMNS)]
    return "\n".join(lines)


def _aligned(cells: list[list[str]], *, more: bool) -> list[str]:
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    tail = "  ..." if more else ""
    return [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) + tail
        for row in cells
    ]
