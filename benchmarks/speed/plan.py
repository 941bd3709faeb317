"""How thoroughly to measure, and what sections share: data on disk, medians, paired ratios."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.speed.data import Law
from benchmarks.speed.processes import LIMIT, Here, Method, Process, Record, by_turns

FEATURES = 6


@dataclass(frozen=True)
class Plan:
    """How thoroughly to measure.

    Attributes:
        folder: where data lie while they are needed.
        quick: the tiny form: does everything still run? Covey and the floor alone.
        rounds: processes of each method.
        repetitions: timings in each process.
    """

    folder: Path
    quick: bool = False
    rounds: int = 3
    repetitions: int = 5

    def data(self, rows: int, targets: int) -> str:
        """A file of X and Y, float32; the same rows for everyone."""
        path = self.folder / f"{rows}-{targets}.npz"
        if not path.exists():
            X, Y = Law(FEATURES, targets).draw(rows, seed=0)
            np.savez(path, X=X.astype(np.float32), Y=Y.astype(np.float32))
        return str(path)

    def measure(
        self,
        methods: dict[str, Method],
        *,
        rounds: int | None = None,
        repetitions: int | None = None,
        limit: float = LIMIT,
    ) -> dict[str, Record]:
        """Run the methods by turns."""
        return by_turns(
            methods,
            rounds=self.rounds if rounds is None else rounds,
            repetitions=self.repetitions if repetitions is None else repetitions,
            limit=limit,
            start=Here if self.quick else Process,
        )


def figures(record: Record | None, key: str, of: str = "timed") -> list[float]:
    """All values of a figure, in the order in which they were taken; none if it failed."""
    if not record or "failure" in record:
        return []
    return [found[key] for found in record[of] if found.get(key) is not None]


def median(values: Iterable[float]) -> float:
    """The median; NaN of nothing."""
    values = list(values)
    return float(np.median(values)) if values else np.nan


def ratio(ours: list[float], theirs: list[float]) -> float:
    """The median of the ratios of what was timed in the same turn; NaN if there is none."""
    return median(a / b for a, b in zip(ours, theirs, strict=False))


def peak(record: Record) -> str:
    """Megabytes: at most, and what is left of it without the imports."""
    most, imports = median(record["peak_mb"]), median(figures(record, "imported_mb", "ready"))
    if np.isnan(most) or np.isnan(imports):
        return ""
    return f"{most:.0f} ({most - imports:.0f})"


def text(value: float, form: str = ".2f") -> str:
    """A number, or nothing where there is none."""
    return "" if np.isnan(value) else format(value, form)


def failed(record: Record) -> str:
    """What to say in the place of figures."""
    return f"failed: {record['failure']}" if "failure" in record else ""
