"""A table in, a float32 matrix out: columns, categories, missing values, and targets.

`read_features` and `read_targets` take whatever a user holds and return pandas and NumPy.
`FeatureSchema` remembers what training saw in each column, and turns any later table into the
matrix that the network reads.
"""

from covey.table.columns import CategoricalColumn, NumericColumn, unclipped
from covey.table.read import chosen_targets, read_features, read_targets
from covey.table.schema import FeatureSchema

__all__ = [
    "CategoricalColumn",
    "FeatureSchema",
    "NumericColumn",
    "chosen_targets",
    "read_features",
    "read_targets",
    "unclipped",
]
