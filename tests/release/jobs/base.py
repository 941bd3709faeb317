"""No extra: a model that others trained predicts, and what is missing is named."""

import contextlib
import io
import sys
from importlib.util import find_spec

import numpy as np
import pandas as pd
from sklearn.linear_model import Ridge

import covey
from covey.archive import scikit_learn
from covey.cli import main

assert "site-packages" in covey.__file__, covey.__file__
backends = ("jax", "tensorflow", "torch")
absent = (*backends, "matplotlib", "jinja2", "openpyxl", "xarray", "skops", "onnx")
assert not [name for name in absent if find_spec(name)], "the environment is not empty"

model = covey.load(sys.argv[1])
X = pd.DataFrame({"number": [0.0, 1.0], "gaps": [np.nan, 1.0], "colour": ["red", "blue"]})
Y = pd.DataFrame({"small": [0.0, 1e-9], "middle": [0.0, 1.0], "big": [0.0, np.nan]})
joint = model.predict_distribution(X)
assert joint.covariance.shape == (2, 3, 3)
assert (np.linalg.eigvalsh(joint.correlation) > 0).all()
X.join(Y).to_csv("table.csv", index=False)
main(["predict", sys.argv[1], "table.csv", "--output", "joint.csv"])
assert len(pd.read_csv("joint.csv")) == 2
main(["evaluate", sys.argv[1], "table.csv"])


def named(extra, call):
    """The error of a call names the extra that it needs."""
    try:
        call()
    except covey.errors.CoveyError as error:
        if f"covey[{extra}]" not in str(error):
            sys.exit(f"expected covey[{extra}] in: {error}")
    else:
        sys.exit(f"it worked without covey[{extra}]")


named("jax", lambda: covey.JointRegressor(verbose=0).fit(X, Y))
named("plot", lambda: covey.plot.ellipses(joint))
named("report", lambda: covey.report.write_report("page.html", model, X, Y))
named("skops", lambda: scikit_learn.to_bytes([Ridge()]))
named("xarray", joint.to_xarray)
named("onnx", lambda: model.write_onnx("model.onnx"))

said = io.StringIO()
with contextlib.redirect_stderr(said), contextlib.suppress(SystemExit):
    main(["predict", sys.argv[1], "table.csv", "--output", "joint.xlsx"])
assert "covey[excel]" in said.getvalue(), said.getvalue()
