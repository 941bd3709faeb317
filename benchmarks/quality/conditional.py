"""How coverage varies with the features, by the package `covmetrics`, and a matrix by torch.

Both run in an environment of their own (`environments/covmetrics.txt`). Where it is not there,
these figures are left out; nothing else is computed under their names.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.quality.methods import ENVIRONMENTS, FOLDER

PYTHON = ENVIRONMENTS / "covmetrics" / "bin" / "python"
SCRIPT = FOLDER / "covmetrics_figures.py"


def coverage(X: np.ndarray, inside: np.ndarray, level: float) -> dict[str, float]:
    """Excess risk of the target coverage (times 100), and coverage of the worst slab.

    Args:
        X: features of the test rows, shape (N, F), as the model saw them.
        inside: whether each row is inside its region, shape (N,).
        level: that was promised.

    Returns:
        ert and wsc; nothing without the environment.

    Raises:
        RuntimeError: the package is there and failed.
    """
    found = _call("coverage", X=X, inside=inside, level=level)
    return {} if found is None else {name: float(found[name]) for name in ("ert", "wsc")}


def projection(seed: int, d: int) -> np.ndarray | None:
    """The authors' matrix of shape (2, D) for a seed; None without the environment."""
    found = _call("projection", seed=seed, targets=d)
    return None if found is None else np.asarray(found["matrix"], dtype=np.float64)


def _call(what: str, **arrays: object) -> dict[str, np.ndarray] | None:
    if not PYTHON.exists():
        return None
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in.npz"), Path(folder, "out.npz")
        np.savez(source, **{name: np.asarray(value) for name, value in arrays.items()})
        command = [str(PYTHON), str(SCRIPT), what, str(source), str(target)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"covmetrics failed: {done.stderr.strip()[-300:]}")
        with np.load(target) as found:
            return dict(found)
