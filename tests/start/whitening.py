"""What whitening is, in two lines, for tests of what does it for many rows and members."""

import numpy as np


def residuals(start, X, Y):
    """How far targets are from the means of a linear start, in standardised units."""
    return (Y - start.mean(X)) / start.scale


def whitened(start, X, Y):
    """Residuals without the whitening factor B of a linear start, B^-1 r."""
    factor = start.whitening_factor
    factor = np.diag(factor) if factor.ndim == 1 else factor
    found = np.full(Y.shape, np.nan)
    for row, r in enumerate(residuals(start, X, Y)):
        known = ~np.isnan(r)  # of all targets, or of some if B is diagonal
        found[row, known] = np.linalg.solve(factor[np.ix_(known, known)], r[known])
    return found
