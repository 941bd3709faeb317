"""`covey[ray]`: rows are scored by tasks of Ray."""

import sys
from importlib.util import find_spec

import pandas as pd

import covey

assert find_spec("jax") is None
X = pd.DataFrame({"number": [0.0, 1.0], "gaps": [None, 1.0], "colour": ["red", "blue"]})
X.to_parquet("rows.parquet")
scored = covey.bulk.score(sys.argv[1], "rows.parquet", "scored", engine="ray", verbose=0)
assert scored.parts == 1
assert len(pd.read_parquet("scored")) == 2
