"""One change of the recipe at a time: what each part is worth.

Every run is of the Student-t alone, on one split of each table, beside the recipe as it is. A
change is a setting of `JointRegressor`, or a patch of the module that holds the number.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import numpy as np

import covey
from benchmarks.quality.scores import scores
from benchmarks.quality.tables import split

TABLES = ("airquality", "bias_correction", "enb", "mpg", "tetuan_power")
MOST_ROWS = 3000


@dataclass(frozen=True)
class Change:
    """What differs from the recipe.

    Attributes:
        title: what readers see.
        settings: of `JointRegressor`.
        patches: full name of a module's attribute, and what takes its place.
    """

    title: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    patches: Mapping[str, Any] = field(default_factory=dict)


@contextmanager
def patched(patches: Mapping[str, Any]) -> Iterator[None]:
    """Put other values in the place of module attributes, for a while."""
    started = [mock.patch(name, new) for name, new in patches.items()]
    for patch in started:
        patch.start()
    try:
        yield
    finally:
        for patch in started:
            patch.stop()


def _no_knots(inputs: np.ndarray, bins: int | None = None) -> tuple[tuple[float, ...], ...]:
    return ()


CHANGES = {
    "recipe": Change("the recipe"),
    "no-trees": Change("no trees in the means", {"trees": False}),
    "normal": Change("a normal in place of the Student-t", {"family": "normal"}),
    "no-functions": Change(
        "no piecewise linear functions", patches={"covey.members.fitting.quantile_knots": _no_knots}
    ),
    "no-average": Change(
        "no running average of the weights", patches={"covey.members.averaging.AVERAGED": 1e-9}
    ),
    "no-dropout": Change("no dropout", {"dropout": 0.0}),
    "more-dropout": Change("dropout 0.2 in place of 0.1", {"dropout": 0.2}),
    "one-member": Change("1 member in place of 5", {"members": 1}),
    "ten-members": Change("10 members in place of 5", {"members": 10}),
    "wider": Change("256-256-256 units in place of 128-128-128", {"hidden_units": (256,) * 3}),
    "smaller": Change("64-64 units in place of 128-128-128", {"hidden_units": (64, 64)}),
    "longer": Change(
        "twice the steps",
        patches={
            "covey.members.recipe.LEAST_STEPS": 4000,
            "covey.members.recipe.STEPS_PER_ROW": 0.3,
        },
    ),
    "slower": Change("learning rate 3e-3 in place of 1e-2", {"learning_rate": 3e-3}),
    "more-decay": Change("weight decay 0.2 in place of 0.02", {"weight_decay": 0.2}),
    "relu": Change("ReLU in place of SiLU", {"activation": "relu"}),
}


def run(table: str, change: str, seed: int = 0) -> dict[str, Any]:
    """One change on one table."""
    made = CHANGES[change]
    rows = split(table, seed, most_rows=MOST_ROWS)
    settings = {"family": "student_t", "random_state": seed, "verbose": 0, **made.settings}
    with patched(made.patches):
        started = time.perf_counter()
        model = covey.JointRegressor(**settings).fit(rows.X_train, rows.Y_train)
        fitted = time.perf_counter()
    mixture = model.predict_mixture(rows.X_test)
    arrays = [component.to_arrays() for component in mixture.components]
    together = {name: np.stack([a[name] for a in arrays]) for name in arrays[0]}
    one = scores(mixture.moment_matched().to_arrays(), rows.Y_test, rows.Y_train)
    return {
        "table": table,
        "change": change,
        "nll": one["nll"],
        "mixture_nll": scores(together, rows.Y_test, rows.Y_train)["nll"],
        "fit_seconds": round(fitted - started, 1),
    }
