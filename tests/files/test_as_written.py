"""A model that learned from text with decimal commas reads them so in files, by every way in."""

import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient

import covey
from covey.cli import main
from covey.errors import CoveyWarning, InputError
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


def answers(client, rows):
    sent = client.post("/predict", json={"rows": rows, "outputs": ["mean"]})
    assert sent.status_code == 200, sent.text
    return [[row["mean"]["a"], row["mean"]["b"]] for row in sent.json()["rows"]]


@pytest.mark.parametrize("places", [3, 2])
def test_points_for_decimals_in_a_later_table(model, tmp_path, capsys, places):
    """Another export of the same data: "1.540" is 1.54, as in training "1,540" was."""
    numbers = tables()[0].assign(x=[1.54, 2.31, 1.2, 2.0] * (ROWS // 4))[:4]
    texts = numbers.assign(x=numbers["x"].map(f"{{:.{places}f}}".format))
    path, saved = tmp_path / "rows.csv", str(tmp_path / "model.covey")
    model.save(saved)
    model = covey.load(saved)  # which has said nothing yet
    with pytest.warns(CoveyWarning, match="point for decimals, where training had a comma: 'x'"):
        wanted = model.predict(texts)
    np.testing.assert_allclose(wanted, model.predict(numbers), rtol=1e-9)

    texts.to_csv(path, index=False)
    main(["predict", saved, str(path), "--columns", "mean"])
    heard = capsys.readouterr()
    assert "point for decimals, where training had a comma: 'x'" in heard.err
    found = np.array([line.split(",") for line in heard.out.splitlines()[1:]], dtype=float)
    np.testing.assert_allclose(found, wanted, rtol=1e-9)

    folder = tmp_path / "out"
    main(["predict", saved, str(path), "--columns", "mean", "--output", f"{folder}/", "--quiet"])
    parts = pd.concat(pd.read_parquet(part) for part in sorted(folder.glob("*.parquet")))
    np.testing.assert_allclose(parts[["mean_a", "mean_b"]], wanted, rtol=1e-9)

    send = {"content": path.read_bytes(), "headers": {"content-type": "text/csv"}}
    with TestClient(application(model)) as client:
        rows = client.post("/rows", **send).json()["rows"]
        assert [row["x"] for row in rows] == numbers["x"].tolist()
        answer = client.post("/predict?columns=mean", **send).text.splitlines()
        records = texts.to_dict("records")
        np.testing.assert_allclose(answers(client, records), wanted, rtol=1e-9)
        np.testing.assert_allclose(answers(client, records[:1]), wanted[:1], rtol=1e-9)
    by_server = np.array([line.split(",") for line in answer[1:]], dtype=float)
    np.testing.assert_allclose(by_server, wanted, rtol=1e-9)


def test_what_may_be_two_numbers_is_refused_whatever_stands_beside_it(tmp_path):
    """Of numbers from 1 to 30,000 nothing tells what "1.540" is; other cells of a table do."""
    X, Y = tables()
    X.loc[1:2, "x"] = "30000,5", "1,25"
    options = {"members": 2, "hidden_units": (8,), "max_steps": 20}
    model = covey.JointRegressor("normal", **options, random_state=0, verbose=0).fit(X, Y)
    open_row, sure, point = ({"x": x, "z": 1.0} for x in ("1.540", "12,5", "12.5"))
    whole = {"x": 1540, "z": 1.0}
    with pytest.raises(InputError, match=r"'1\.540' in row 0, which may be 1540 or 1\.54"):
        model.predict(pd.DataFrame([open_row, whole]))
    np.testing.assert_array_equal(
        model.predict(pd.DataFrame([open_row, sure])),
        model.predict(pd.DataFrame([{**open_row, "x": 1540.0}, sure])),
    )
    with TestClient(application(model, name="m")) as client:
        for company in ([], [sure], [point]):
            body = {"rows": [*company, open_row]}
            refused = client.post("/predict", json=body)
            assert refused.status_code == 422
            (row,) = refused.json()["error"]["rows"]
            assert (row["row"], row["column"]) == (len(company), "x")
            assert "may be 1540 or 1.54" in row["reason"]
        tensor = {"name": "x", "shape": [2], "datatype": "BYTES", "data": ["12,5", "1.540"]}
        other = {"name": "z", "shape": [2], "datatype": "FP64", "data": [1.0, 1.0]}
        refused = client.post("/v2/models/m/infer", json={"inputs": [tensor, other]})
        assert refused.status_code == 422
        refused = client.post("/invocations", json={"dataframe_records": [sure, open_row]})
        assert refused.status_code == 422
        assert answers(client, [point, sure]) == answers(client, [sure, point])
        table = {"content": b'x,z\n1.540,1\n"12,5",1\n', "headers": {"content-type": "text/csv"}}
        assert client.post("/predict", **table).status_code == 200
