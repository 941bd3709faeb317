"""Rows grouped by which of their entries are marked, so that no loop goes over rows."""

from collections.abc import Iterator

import numpy as np

from covey.types import Mask, Rows


def by_pattern(mask: Mask) -> Iterator[tuple[Rows, Mask]]:
    """Yield the rows of each pattern, and the pattern.

    Args:
        mask: array of shape (N, M).

    Yields:
        (rows, pattern): row numbers in ascending order, and a boolean array of shape (M,).
    """
    n = len(mask)
    if n == 0:
        return
    if (mask == mask[0]).all():
        yield np.arange(n), mask[0]
        return
    bits = np.packbits(mask, axis=1)
    padded = np.zeros((n, -(-bits.shape[1] // 8) * 8), dtype=np.uint8)
    padded[:, : bits.shape[1]] = bits
    words = padded.view(np.uint64)
    _, number = np.unique(words[:, 0], return_inverse=True)
    for word in words.T[1:]:  # each further 64 entries split the groups further
        _, finer = np.unique(word, return_inverse=True)
        _, number = np.unique(number * (finer.max() + 1) + finer, return_inverse=True)
    order = np.argsort(number, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(number[order])) + 1):
        yield rows, mask[rows[0]]
