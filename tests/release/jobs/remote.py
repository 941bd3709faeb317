"""`covey[remote]`: rows are scored into a place that is no folder of this machine."""

import sys
from importlib.util import find_spec

import fsspec
import pandas as pd

import covey

assert find_spec("jax") is None
X = pd.DataFrame({"number": [0.0, 1.0], "gaps": [None, 1.0], "colour": ["red", "blue"]})
X.to_parquet("rows.parquet")
scored = covey.bulk.score(sys.argv[1], "rows.parquet", "memory://scored", verbose=0)
assert scored.parts == 1
found = fsspec.filesystem("memory").glob("/scored/part-*.parquet")
assert len(found) == 1, found
