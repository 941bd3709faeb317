"""`covey[excel]`: a workbook in, predictions out."""

import sys
from importlib.util import find_spec

import pandas as pd

from covey.cli import main

assert find_spec("jax") is None
X = pd.DataFrame({"number": [0.0, 1.0], "gaps": [None, 1.0], "colour": ["red", "blue"]})
X.to_excel("table.xlsx", index=False)
main(["predict", sys.argv[1], "table.xlsx", "--output", "joint.csv"])
assert len(pd.read_csv("joint.csv")) == 2
