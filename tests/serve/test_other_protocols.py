"""The Open Inference Protocol and MLflow's, as their documents say clients speak them."""

import json

import numpy as np
import pandas as pd
import pytest

from covey.serve.inference_protocol import _tensor
from covey.serve.refusal import Refusal
from tests.small_table import table

INFER = "/v2/models/small/infer"


def tensors(frame):
    return [
        {
            "name": "number",
            "shape": [len(frame)],
            "datatype": "FP64",
            "data": frame["number"].tolist(),
        },
        {
            "name": "gaps",
            "shape": [len(frame), 1],
            "datatype": "FP32",
            "data": [[None if np.isnan(cell) else cell] for cell in frame["gaps"]],
        },
        {
            "name": "colour",
            "shape": [len(frame), 1],
            "datatype": "BYTES",
            "data": list(frame["colour"]),
        },
    ]


def test_inference_gives_a_tensor_for_each_column(client, model):
    X, _ = table()
    answer = client.post(INFER, json={"id": "7", "inputs": tensors(X[:5])})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["id"], found["model_name"]) == ("7", "small")
    outputs = {each["name"]: each for each in found["outputs"]}
    rounded = X[:5].assign(gaps=X["gaps"].astype(np.float32))
    joint = model.predict_distribution(rounded)
    assert outputs["mean_middle"]["shape"] == [5, 1]
    np.testing.assert_allclose(outputs["mean_middle"]["data"], joint.mean[:, 1])
    np.testing.assert_allclose(outputs["upper90_big"]["data"], joint.interval(0.9)[1][:, 2])


def test_inference_takes_parameters_and_outputs(client, model):
    X, Y = table()
    middle = {"name": "middle", "shape": [5], "datatype": "FP64", "data": Y["middle"][:5].tolist()}
    body = {
        "inputs": [*tensors(X[:5]), middle],
        "parameters": {"columns": "mean,cov", "given": "middle"},
        "outputs": [{"name": "cov_small_big"}],
    }
    (output,) = client.post(INFER, json=body).json()["outputs"]
    joint = model.predict_distribution(X[:5], given=Y[["middle"]][:5], keep=True)
    np.testing.assert_allclose(output["data"], joint.covariance[:, 0, 2])


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        ([{"name": "mean_big"}] * 4000, "'mean_big' twice"),
        ([{"name": "mean_big"}, {"name": "std_big"}, {"name": "mean_big"}], "'mean_big' twice"),
        ([{"name": "mean_huge"}], "Received: 'mean_huge'"),
        ([{"name": "cov_big_big"}], "parameter `columns`"),
        ([{"name": ["mean_big"]}], "objects with a `name`"),
        ([{}], "objects with a `name`"),
        (["mean_big"], "objects with a `name`"),
        ({"name": "mean_big"}, "objects with a `name`"),
        (0, "objects with a `name`"),
    ],
)
def test_outputs_that_cannot_be_are_refused_before_they_are_computed(
    client, monkeypatch, outputs, said
):
    from covey.serve.queue import Queue

    monkeypatch.setattr(Queue, "ask", None)
    answer = client.post(INFER, json={"inputs": tensors(table()[0][:5]), "outputs": outputs})
    assert answer.status_code == 422, answer.text
    assert said in answer.json()["error"]


def test_outputs_come_in_the_order_they_are_asked_in(client):
    for names in (["std_small", "mean_big"], ["mean_big", "std_small"]):
        body = {"inputs": tensors(table()[0][:2]), "outputs": [{"name": name} for name in names]}
        assert [each["name"] for each in client.post(INFER, json=body).json()["outputs"]] == names
    every = {"inputs": tensors(table()[0][:2]), "outputs": []}
    assert len(client.post(INFER, json=every).json()["outputs"]) == 12


def test_the_server_and_the_model_describe_themselves(client):
    assert client.get("/v2").json()["name"] == "covey"
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}
    assert client.get("/v2/models/small/ready").json()["ready"] is True
    found = client.get("/v2/models/small").json()
    assert [each["name"] for each in found["inputs"]] == ["number", "gaps", "colour"]
    assert found["inputs"][2]["datatype"] == "BYTES"
    missing = client.get("/v2/models/other")
    assert missing.status_code == 404
    assert "'small'" in missing.json()["error"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"shape": [4]}, "Expected data of the shape [4]"),
        ({"shape": [-1]}, "shape"),
        ({"datatype": "FP63"}, "datatype"),
        ({"datatype": "INT64"}, "row 0, column 'number'"),
        ({"data": "x"}, "`data`"),
        ({"name": "numbr"}, "'number'"),
        ({"shape": [1, 5]}, "[N, 1]"),
    ],
)
def test_bad_tensors_are_refused_in_words(client, change, said):
    X, _ = table()
    inputs = tensors(X[:5])
    inputs[0] = {**inputs[0], **change}
    answer = client.post(INFER, json={"inputs": inputs})
    assert answer.status_code == 422
    assert said in answer.json()["error"]


@pytest.mark.filterwarnings("ignore:Of 2 rows:covey.errors.CoveyWarning")
@pytest.mark.parametrize(
    ("kind", "least", "most"),
    [(f"INT{b}", np.iinfo(f"int{b}").min, np.iinfo(f"int{b}").max) for b in (8, 16, 32, 64)]
    + [(f"UINT{b}", 0, np.iinfo(f"uint{b}").max) for b in (8, 16, 32, 64)]
    + [(f"FP{b}", *(s * np.finfo(f"float{b}").max for s in (-1, 1))) for b in (16, 32)],
)
def test_what_a_datatype_cannot_hold_is_refused(client, kind, least, most):
    def sent(cell):
        inputs = tensors(table()[0][:2])
        inputs[2] = {"name": "colour", "shape": [2], "datatype": kind, "data": [1, cell]}
        return client.post(INFER, json={"inputs": inputs})

    whole = "INT" in kind
    least, most = (int(least), int(most)) if whole else (float(least), float(most))
    # a float of 32 bits is written with as few digits as tell it, which may be a little more
    for cell in (least, most, None, *(() if whole else (float(f"{most:.8g}"), -most))):
        answer = sent(cell)
        assert answer.status_code == 200, answer.text
    for cell in (least - 1, most + 1) if whole else (least * 1.001, most * 1.001, 1e300):
        answer = sent(cell)
        assert answer.status_code == 422, cell
        assert "row 1, column 'colour'" in answer.json()["error"]
        assert f"a value of {kind}" in answer.json()["error"]


def forms(frame):
    clean = frame.astype(object).where(frame.notna(), None)
    return {
        "dataframe_split": {"columns": list(frame.columns), "data": clean.to_numpy().tolist()},
        "dataframe_records": clean.to_dict("records"),
        "instances": clean.to_dict("records"),
        "inputs": {name: clean[name].tolist() for name in frame},
    }


@pytest.mark.parametrize("form", ["dataframe_split", "dataframe_records", "instances", "inputs"])
def test_invocations_take_all_forms(client, model, form):
    X, _ = table()
    answer = client.post("/invocations", json={form: forms(X[:5])[form]})
    assert answer.status_code == 200, answer.text
    found = pd.DataFrame(answer.json()["predictions"])
    joint = model.predict_distribution(X[:5])
    np.testing.assert_allclose(found[["mean_small", "mean_middle", "mean_big"]], joint.mean)
    np.testing.assert_allclose(found["std_big"], joint.stddev[:, 2])


def test_invocations_take_csv_and_lists(client, model):
    X, Y = table()
    send = {"content": X[:5].to_csv(index=False), "headers": {"content-type": "text/csv"}}
    found = pd.DataFrame(client.post("/invocations", **send).json()["predictions"])
    joint = model.predict_distribution(X[:5])
    np.testing.assert_allclose(found["mean_middle"], joint.mean[:, 1])
    lists = forms(X[:5])["dataframe_split"]["data"]
    listed = pd.DataFrame(client.post("/invocations", json={"inputs": lists}).json()["predictions"])
    pd.testing.assert_frame_equal(found, listed)
    records = X[:5].assign(middle=Y["middle"]).astype(object)
    records = records.where(records.notna(), None).to_dict("records")
    body = {"dataframe_records": records, "params": {"columns": "mean", "given": ["middle"]}}
    given = pd.DataFrame(client.post("/invocations", json=body).json()["predictions"])
    joint = model.predict_distribution(X[:5], given=Y[["middle"]][:5], keep=True)
    np.testing.assert_allclose(given["mean_big"], joint.mean[:, 2])
    assert list(given.columns) == ["mean_small", "mean_middle", "mean_big"]


def test_invocations_refuse_as_mlflow_does(client):
    assert client.get("/ping").status_code == 200
    for body in ({}, {"instances": [[1]]}, {"inputs": 3}, [], {"dataframe_split": {"data": 1}}):
        answer = client.post("/invocations", json=body)
        assert answer.status_code == 422
        assert answer.json()["error_code"] == "BAD_REQUEST"


def test_the_one_version_may_be_named_and_no_other(client):
    X, _ = table()
    body = {"inputs": tensors(X[:2])}
    plain = client.post(INFER, json=body)
    named = client.post("/v2/models/small/versions/1/infer", json=body)
    assert named.status_code == 200
    assert named.json() == plain.json()
    assert client.get("/v2/models/small/versions/1").json()["versions"] == ["1"]
    assert client.get("/v2/models/small/versions/1/ready").json()["ready"] is True
    for answer in (
        client.get("/v2/models/small/versions/2"),
        client.get("/v2/models/small/versions/2/ready"),
        client.post("/v2/models/small/versions/latest/infer", json=body),
    ):
        assert answer.status_code == 404
        assert "version 1" in answer.json()["error"]


def test_the_identifier_of_a_request_comes_back_whatever_it_is(client):
    X, _ = table()
    for text, wanted in ((r"\ud800", "\ud800"), ("\\u00e9\\n", "\u00e9\n")):
        body = json.dumps({"inputs": tensors(X[:1])})[:-1] + f', "id": "{text}"}}'
        answer = client.post(INFER, content=body)
        assert answer.status_code == 200, answer.text
        assert json.loads(answer.content)["id"] == wanted
    wrong = client.post(INFER, json={"id": 7, "inputs": tensors(X[:1])})
    assert wrong.status_code == 422
    assert "`id`" in wrong.json()["error"]


@pytest.mark.parametrize("cell", [True, "warm", [1.0], 10**400])
def test_a_target_that_is_no_number_is_refused_by_row_and_column(client, cell):
    X, _ = table()
    records = [{**row, "middle": 0.5} for row in forms(X[:3])["dataframe_records"]]
    records[2]["middle"] = cell
    columns = {name: [row[name] for row in records] for name in records[0]}
    params = {"given": "middle"}
    answers = [
        client.post("/invocations", json={"dataframe_records": records, "params": params}),
        client.post("/invocations", json={"inputs": columns, "params": params}),
    ]
    kinds = {bool: "BOOL", str: "BYTES"}
    if type(cell) in kinds:
        data = [False, True, True] if cell is True else ["0.5", "0.5", cell]
        middle = {"name": "middle", "shape": [3], "datatype": kinds[type(cell)], "data": data}
        body = {"inputs": [*tensors(X[:3]), middle], "parameters": params}
        answers.append(client.post(INFER, json=body))
    for answer in answers:
        assert answer.status_code == 422, answer.text
        said = answer.json().get("error") or answer.json()["message"]
        assert "'middle'" in said
        assert f"row {0 if 'BOOL' in str(answer.request.content) else 2}" in said


def test_each_row_says_which_targets_are_given(client, model):
    X, Y = table()
    records = forms(X[:3])["dataframe_records"]
    records[1]["middle"] = float(Y["middle"][1])
    records[2] |= {"middle": None, "big": float(Y["big"][2])}
    body = {"dataframe_records": records, "params": {"columns": "mean,std", "given": "middle,big"}}
    answer = client.post("/invocations", json=body)
    assert answer.status_code == 200, answer.text
    found = pd.DataFrame(answer.json()["predictions"])
    given = np.full((3, 3), np.nan)
    given[1, 1], given[2, 2] = Y["middle"][1], Y["big"][2]
    joint = model.predict_distribution(X[:3], given=given, keep=True)
    np.testing.assert_allclose(found[[f"mean_{t}" for t in model.targets_]], joint.mean)
    np.testing.assert_allclose(found[[f"std_{t}" for t in model.targets_]], joint.stddev)


def test_columns_that_come_twice_are_refused(client):
    split = {"columns": ["number", "gaps", "colour", "number"], "data": [[1, 2, "red", 3]]}
    answer = client.post("/invocations", json={"dataframe_split": split})
    assert answer.status_code == 422
    assert "'number' twice" in answer.json()["message"]
    content = '{"dataframe_records": [{"number": 1, "gaps": 2, "colour": "red", "number": 3}]}'
    answer = client.post("/invocations", content=content)
    assert answer.status_code == 422
    assert "row 0, column 'number'" in answer.json()["message"]
    for path, text, where in (
        (INFER, '{"inputs": [{"name": "a"}, {"name": "number", "name": "gaps"}]}', "inputs[1]"),
        (INFER, '{"inputs": [], "outputs": [{"name": "a", "name": "b"}]}', "outputs[0]"),
        (INFER, '{"parameters": {"name": "a", "name": "b"}}', "parameters"),
        ("/invocations", '{"params": {"name": "a", "name": "b"}}', "params"),
        ("/explore", '{"row": {"name": 1, "name": 2}}', "row"),
        ("/predict", '{"rows": [{"number": [{"name": 1, "name": 2}]}]}', "rows[0].number[0]"),
    ):
        answer = client.post(path, content=text)
        assert answer.status_code == 422
        said = json.dumps(answer.json())
        assert f"Received 'name' twice in '{where}'" in said, said
        assert "column" not in said


def test_binary_tensors_are_refused_by_their_name(client):
    # as tritonclient sends an input unless it is told `binary_data=False`
    head = {"inputs": [{"name": "number", "shape": [1], "datatype": "FP64"}]}
    head["inputs"][0]["parameters"] = {"binary_data_size": 8}
    text = json.dumps(head).encode()
    answer = client.post(
        INFER,
        content=text + np.array([0.7]).tobytes(),
        headers={"Inference-Header-Content-Length": str(len(text))},
    )
    assert answer.status_code == 415
    assert "binary_data=False" in answer.json()["error"]


def test_gaps_come_as_the_client_of_mlflow_writes_them(client, model):
    # ScoringServerClient sends a DataFrame's gaps as NaN, of labels too, and infinity likewise
    X, _ = table()
    X = X[:6].assign(colour=["red", np.nan, "green", "blue", np.nan, "red"])
    content = json.dumps({"dataframe_split": X.to_dict("split")})
    assert "NaN" in content
    answer = client.post("/invocations", content=content)
    assert answer.status_code == 200, answer.text
    found = pd.DataFrame(answer.json()["predictions"])
    joint = model.predict_distribution(X)
    np.testing.assert_allclose(found["mean_middle"], joint.mean[:, 1])
    X.loc[3, "number"] = np.inf
    content = json.dumps({"dataframe_split": X.to_dict("split")})
    answer = client.post("/invocations", content=content)
    assert answer.status_code == 422
    assert "row 3, column 'number'" in answer.json()["message"]


FLOATS = [
    # what a client's array of the datatype holds of it: by IEEE 754, as NumPy has it
    ("FP32", 1e-50, 0.0),
    ("FP32", 1e-45, 1.401298464324817e-45),
    ("FP32", 0.1, 0.10000000149011612),
    ("FP16", 1e-8, 0.0),
    ("FP16", 0.1, 0.0999755859375),
    ("FP16", 65519.0, 65504.0),
    ("FP64", 1e-50, 1e-50),
    ("FP64", 0.1, 0.1),
    ("FP32", 2**24, 2**24),
]


@pytest.mark.parametrize(("kind", "sent", "value"), FLOATS)
def test_a_number_is_the_nearest_of_its_datatype(kind, sent, value):
    _, _, data = _tensor({"name": "x", "shape": [2], "datatype": kind, "data": [sent, None]})
    assert data == [value, None]


@pytest.mark.parametrize(
    ("kind", "sent"), [("FP16", 2049), ("FP32", 2**24 + 1), ("FP64", 2**53 + 1)]
)
def test_whole_numbers_that_a_datatype_would_round_are_refused(kind, sent):
    with pytest.raises(Refusal, match=f"row 1, column 'x': expected a value of {kind}"):
        _tensor({"name": "x", "shape": [2], "datatype": kind, "data": [sent - 1, sent]})
