"""`covey[report]`: a page about a model that others trained."""

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

import covey

assert find_spec("jax") is None
r = np.random.default_rng(0)
X = pd.DataFrame({"number": r.normal(size=30), "gaps": 1.0, "colour": "red"})
Y = pd.DataFrame(r.normal(size=(30, 3)) * [1e-9, 1.0, 1e9], columns=["small", "middle", "big"])
covey.report.write_report("page.html", covey.load(sys.argv[1]), X, Y)
assert "<svg" in Path("page.html").read_text(encoding="utf-8")
