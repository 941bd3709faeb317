"""A table in, a float32 matrix out: columns, categories, missing values, and targets.

`read_features` and `read_targets` take whatever a user holds and return pandas and NumPy.
`FeatureSchema` remembers what training saw in each column, and turns any later table into the
matrix that the network reads.
"""

from covey.table.category_column import CategoricalColumn
from covey.table.date_column import DateColumn
from covey.table.declared import Declared
from covey.table.number_column import NumericColumn
from covey.table.read import chosen_targets, read_features, read_targets, targets_in_text
from covey.table.schema import FeatureSchema
from covey.table.soft_bound import unclipped
from covey.table.target_text import TargetText

__all__ = [
    "CategoricalColumn",
    "DateColumn",
    "Declared",
    "FeatureSchema",
    "NumericColumn",
    "TargetText",
    "chosen_targets",
    "read_features",
    "read_targets",
    "targets_in_text",
    "unclipped",
]
