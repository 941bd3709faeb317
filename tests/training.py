"""Training data out of arrays, for tests that need no table."""

import numpy as np

from covey.members.recipe import Recipe
from covey.table.folds import Folds
from covey.table.inputs import Inputs
from covey.table.training_data import TrainingData

RECIPE = Recipe(
    max_steps=60,
    batch_size=16,
    learning_rate=0.01,
    weight_decay=0.02,
    patience=(1.0, 1.0),
    max_time=None,
)


def training_data(X, Y, folds, weight=None, offsets=None):
    """Rows of numbers, with targets called "y0", "y1", ...

    `folds` are `Folds`, or pairs of row numbers.
    """
    folds = folds if isinstance(folds, Folds) else Folds(tuple(folds), None)
    inputs = Inputs(np.asarray(X, dtype=np.float32), offsets)
    weight = np.ones(len(X)) if weight is None else np.asarray(weight, dtype=np.float64)
    return TrainingData(inputs, Y, weight, folds, tuple(f"y{j}" for j in range(Y.shape[1])))
