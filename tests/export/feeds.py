"""A table as an ONNX graph of Covey takes it: doubles, times in seconds, labels as text."""

import numpy as np
import pandas as pd


def cells(column):
    if column.dtype.kind == "M":
        return (column - pd.Timestamp(0)).dt.total_seconds()
    if column.dtype.kind == "m":
        return column.dt.total_seconds()
    if column.dtype == object:  # times of day
        return column.map(lambda t: 3600.0 * t.hour + 60 * t.minute + t.second)
    return column


def feeds(session, X):
    if isinstance(X, np.ndarray):
        return {"X": X.astype(np.float64)}
    found = {}
    for one in session.get_inputs():
        column = X[one.name.removeprefix("X:")]
        if one.type == "tensor(string)":
            values = column.astype(object).where(column.notna(), "").astype(str).to_numpy(object)
        else:
            values = cells(column).to_numpy(dtype=np.float64)
        found[one.name] = values.reshape(-1, 1)
    return found


def run(session, X):
    names = [one.name for one in session.get_outputs()]
    return dict(zip(names, session.run(None, feeds(session, X)), strict=True))
