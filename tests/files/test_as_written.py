"""A model that learned from text with decimal commas reads them so in files, by every way in."""

import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient

import covey
from covey.cli import main
from covey.serve import application

ROWS = 80


def tables():
    """Text in `x`, numbers in `z`; of `x` every number but one could have thousands."""
    r = np.random.default_rng(0)
    numbers = pd.DataFrame({"x": r.uniform(1, 3, ROWS).round(3), "z": r.uniform(0, 5, ROWS)})
    numbers.loc[0, "x"] = 2.5
    numbers["z"] = numbers["z"].round(2)
    Y = pd.DataFrame({"a": 10 * numbers["x"] + numbers["z"], "b": numbers["z"] - numbers["x"]})
    Y += r.normal(0, 0.1, Y.shape)
    texts = [f"{value:.3f}".replace(".", ",") for value in numbers["x"]]
    X = numbers.assign(x=["2,5", *texts[1:]])
    return X, Y


@pytest.fixture(scope="module")
def model():
    X, Y = tables()
    options = {"members": 2, "hidden_units": (8,), "max_steps": 20}
    return covey.JointRegressor("normal", **options, random_state=0, verbose=0).fit(X, Y)


@pytest.mark.filterwarnings("ignore:.*decimal")
def test_files_mean_what_the_table_means(model, tmp_path, capsys):
    X, _ = tables()
    X = X[1:9]
    wanted = model.predict(X)
    path = tmp_path / "rows.csv"
    X.to_csv(path, index=False, sep=";", decimal=",")
    model.save(tmp_path / "model.covey")

    main(["predict", str(tmp_path / "model.covey"), str(path), "--columns", "mean"])
    lines = capsys.readouterr().out.splitlines()
    by_command = np.array([line.split(",") for line in lines[1:]], dtype=float)
    np.testing.assert_allclose(by_command, wanted, rtol=1e-9)

    folder = tmp_path / "out"
    arguments = [str(tmp_path / "model.covey"), str(path), "--columns", "mean"]
    main(["predict", *arguments, "--output", f"{folder}/", "--quiet"])
    parts = pd.concat(pd.read_parquet(part) for part in sorted(folder.glob("*.parquet")))
    means = parts[["mean_a", "mean_b"]]
    np.testing.assert_allclose(means, wanted, rtol=1e-9)

    send = {"content": path.read_bytes(), "headers": {"content-type": "text/csv"}}
    with TestClient(application(model)) as client:
        rows = client.post("/rows", **send).json()["rows"]
        assert [row["x"] for row in rows] == [float(x.replace(",", ".")) for x in X["x"]]
        answer = client.post("/predict?columns=mean", **send).text.splitlines()
    by_server = np.array([line.split(",") for line in answer[1:]], dtype=float)
    np.testing.assert_allclose(by_server, wanted, rtol=1e-9)
