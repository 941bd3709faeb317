"""Covey's own routes, beside what the model says in Python."""

import datetime
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
import scipy.stats
from fastapi.testclient import TestClient

import covey
from covey.serve import Limits, application, questions
from covey.serve.documents import REASONS
from covey.serve.questions import Question, Wanted
from tests.small_table import table

ARROW = "application/vnd.apache.arrow.stream"
PARQUET = "application/vnd.apache.parquet"
GOLDEN = Path(__file__).parents[1] / "data" / "golden"


def by_target(rows, name, targets):
    return np.array([[row[name][target] for target in targets] for row in rows], dtype=float)


def test_predictions_are_those_of_the_model(client, model, rows):
    wanted = ["mean", "std", "interval", "covariance", "correlation"]
    answer = client.post("/predict", json={"rows": rows, "level": 0.8, "outputs": wanted})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    joint = model.predict_distribution(table()[0])
    assert found["targets"] == list(joint.targets)
    np.testing.assert_allclose(by_target(found["rows"], "mean", joint.targets), joint.mean)
    np.testing.assert_allclose(by_target(found["rows"], "std", joint.targets), joint.stddev)
    ends = np.array([[row["interval"][t] for t in joint.targets] for row in found["rows"]])
    np.testing.assert_allclose(np.moveaxis(ends, -1, 0), joint.interval(0.8))
    np.testing.assert_allclose([row["covariance"] for row in found["rows"]], joint.covariance)
    np.testing.assert_allclose([row["correlation"] for row in found["rows"]], joint.correlation)


def test_given_targets_are_conditioned_on_row_by_row(client, model, rows):
    given = [{"middle": 0.5}, {}, {"middle": None, "small": 1e-9}]
    answer = client.post("/predict", json={"rows": rows[:3], "given": given}).json()
    values = np.array([[np.nan, 0.5, np.nan], [np.nan] * 3, [1e-9, np.nan, np.nan]])
    joint = model.predict_distribution(table()[0][:3], given=values)
    np.testing.assert_allclose(by_target(answer["rows"], "mean", joint.targets), joint.mean)
    assert [row["observed"] for row in answer["rows"]] == [["middle"], [], ["small"]]
    for_all = client.post("/predict", json={"rows": rows[:3], "given": {"middle": 0.5}}).json()
    joint = model.predict_distribution(table()[0][:3], given={"middle": 0.5}, keep=True)
    np.testing.assert_allclose(by_target(for_all["rows"], "std", joint.targets), joint.stddev)


def test_scores_are_those_of_the_model(client, model, rows):
    X, Y = table()
    observed = Y[:4].to_dict("records")
    observed[1] = {"middle": observed[1]["middle"]}
    observed[2] = {}
    answer = client.post("/score", json={"rows": rows[:4], "observed": observed}).json()
    values = Y[:4].to_numpy(copy=True)
    values[1, [0, 2]] = values[2] = np.nan
    joint = model.predict_distribution(X[:4])
    density = joint.log_prob(values)
    assert answer["log_density"][2] is None
    assert answer["region"][2] is None
    np.testing.assert_allclose(
        np.array(answer["log_density"], float)[[0, 1, 3]], density[[0, 1, 3]]
    )
    assert answer["mean_log_density"] == pytest.approx(density[[0, 1, 3]].mean())
    assert answer["rows"] == 3
    assert answer["error"][0]["middle"] == pytest.approx(values[0, 1] - joint.mean[0, 1])


def arrow(frame):
    made = pa.Table.from_pandas(frame, preserve_index=False)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, made.schema) as writer:
        writer.write_table(made)
    return sink.getvalue().to_pybytes()


def parquet(frame):
    sink = io.BytesIO()
    frame.to_parquet(sink)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("kind", "write", "read"),
    [
        (
            "text/csv",
            lambda frame: frame.to_csv(index=False).encode(),
            lambda b: pd.read_csv(io.BytesIO(b)),
        ),
        (ARROW, arrow, lambda b: pa.ipc.open_stream(b).read_all().to_pandas()),
        (PARQUET, parquet, lambda b: pd.read_parquet(io.BytesIO(b))),
    ],
)
def test_tables_come_back_as_flat_columns(client, model, kind, write, read):
    X, Y = table()
    frame = X.assign(further=1, middle=Y["middle"])
    send = {"content": write(frame), "headers": {"content-type": kind}}
    plain = client.post("/predict", **send)
    assert plain.status_code == 200, plain.text
    assert plain.headers["content-type"].startswith(kind)
    wanted = model.predict_distribution(X).to_frame()
    np.testing.assert_allclose(read(plain.content)[wanted.columns], wanted)
    chosen = client.post("/predict?columns=mean,interval90&given=middle", **send)
    joint = model.predict_distribution(X, given=Y[["middle"]], keep=True)
    found = read(chosen.content)
    np.testing.assert_allclose(found["mean_big"], joint.mean[:, 2])
    np.testing.assert_allclose(found["lower90_small"], joint.interval(0.9)[0][:, 0])


def test_the_schema_tells_ranges_and_an_example(client, model):
    schema = client.get("/schema").json()
    X, _ = table()
    features = {feature["name"]: feature for feature in schema["features"]}
    assert list(features) == list(X.columns)
    assert features["number"]["low"] == pytest.approx(X["number"].min())
    assert features["number"]["typical"] == pytest.approx(X["number"].median())
    assert features["gaps"]["missing_in_training"]
    assert sorted(features["colour"]["labels"]) == ["blue", "green", "red"]
    assert [target["name"] for target in schema["targets"]] == list(model.targets_)
    assert client.post("/predict", json={"rows": [schema["example"]]}).status_code == 200


# the model's own words go to the log
@pytest.mark.filterwarnings("ignore:Of 4 rows:covey.errors.CoveyWarning")
def test_what_training_did_not_see_is_noted(client, rows):
    changes = [{}, {"colour": "mauve"}, {"number": 1e6}, {"number": None}]
    odd = [{**row, **change} for row, change in zip(rows, changes, strict=False)]
    answer = client.post("/predict", json={"rows": odd}).json()
    noted = [(note["row"], note["column"]) for note in answer["notes"]]
    assert noted == [(1, "colour"), (2, "number"), (3, "number")]
    assert "'mauve'" in answer["notes"][0]["reason"]
    assert answer["notes"][2]["reason"].startswith("missing, and never was in training")


ROW = {"number": 0.1, "gaps": None, "colour": "red"}


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ({"number": "warm"}, "'warm'"),
        ({"number": [1]}, "[1]"),
        ({"number": {"a": 1}}, "expected a number, text"),
        ({"number": ...}, "lacking"),
        ({"number": 10**400}, "longer"),
        ({"colour": ["red"]}, "expected a number, text"),
    ],
)
def test_a_bad_cell_is_named_with_its_row(client, cell, said):
    bad = {name: value for name, value in {**ROW, **cell}.items() if value is not ...}
    answer = client.post("/predict", json={"rows": [ROW, ROW, bad]})
    assert answer.status_code == 422
    error = answer.json()["error"]
    (found,) = error["rows"]
    assert (found["row"], found["column"]) == (2, next(iter(cell)))
    assert said in found["reason"]
    assert f"row 2, column {next(iter(cell))!r}" in error["message"]


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_no_finite_number_is_refused(client, text):
    body = f'{{"rows": [{{"number": {text}, "gaps": 1, "colour": "red"}}]}}'
    answer = client.post("/predict", content=body)
    assert answer.status_code == 422
    assert answer.json()["error"]["rows"][0]["column"] == "number"


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [
        ("{", 400, "Expected JSON"),
        (b"\xff\xfe", 400, "Expected JSON"),
        ("[" * 100_000, 413, "at most"),
        ("[" * 50_000, 400, "too deeply"),
        ("[]", 422, "an object"),
        ("{}", 422, "`rows`"),
        ('{"rows": []}', 422, "one row or more"),
        ('{"rows": [1]}', 422, "row 0"),
        ('{"rows": [{}], "lvel": 1}', 422, "lvel"),
        (json.dumps({"rows": [ROW], "level": 90}), 422, "Did you mean 0.9?"),
        (json.dumps({"rows": [ROW], "outputs": ["men"]}), 422, "`outputs`"),
        (json.dumps({"rows": [ROW], "outputs": [[]]}), 422, "`outputs`"),
        (json.dumps({"rows": [ROW], "given": {"CO": 1}}), 422, "no target"),
        (json.dumps({"rows": [ROW], "given": {"middle": "x"}}), 422, "'middle'"),
        (json.dumps({"rows": [ROW], "given": [{}, {}]}), 422, "a list of 1"),
        (json.dumps({"rows": [ROW] * 51}), 413, "at most 50"),
    ],
)
def test_bad_requests_say_what_was_expected(client, content, status, said):
    if len(content) == 100_000:
        content = content + " "
    answer = client.post("/predict", content=content, headers={"x-request-id": "mine"})
    assert answer.status_code == status
    error = answer.json()["error"]
    assert said in error["message"]
    assert error["request_id"] == "mine" == answer.headers["x-request-id"]
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("kind", ["text/csv", ARROW, PARQUET])
def test_tables_that_are_none_are_refused(client, kind):
    for content in (b"", b"PAR1 no", b"\xff\xff\xff\xff....", b"\0\0\0"):
        answer = client.post("/predict", content=content, headers={"content-type": kind})
        assert answer.status_code in (400, 422), (kind, content, answer.text)
        assert answer.json()["error"]["message"]


def test_a_table_of_too_many_rows_is_refused_before_it_is_unpacked(client):
    many = pd.DataFrame({"number": np.zeros(1_000_000), "gaps": 0.0, "colour": "red"})
    answer = client.post("/predict", content=parquet(many), headers={"content-type": PARQUET})
    assert answer.status_code == 413


def test_other_bodies_are_not_read(client):
    answer = client.post("/predict", content=b"<a/>", headers={"content-type": "text/xml"})
    assert answer.status_code == 415
    assert "text/csv" in answer.json()["error"]["message"]


def test_the_page_gets_rows_and_regions(client, model, rows):
    row = {"row": rows[0], "pair": ["small", "big"], "levels": [0.9], "level": 0.9}
    (contour,) = client.post("/explore", json=row).json()["contours"]
    (line,) = contour["lines"]
    region = model.predict_distribution(table()[0][:1]).marginal(["small", "big"]).region(0.9)
    np.testing.assert_allclose(np.min(line, axis=0), region.boundary(73)[0].min(axis=0), rtol=1e-4)
    given = client.post("/explore", json={**row, "given": {"middle": 0.0}}).json()
    narrower = np.ptp(given["contours"][0]["lines"][0], axis=0)
    assert (narrower < np.ptp(line, axis=0)).all()
    known = client.post("/explore", json={**row, "given": {"big": 0.0}}).json()
    (segment,) = known["contours"][0]["lines"]
    assert len(segment) == 2
    assert segment[0][1] == segment[1][1] == 0.0
    text = table()[0].to_csv(index=False)
    read = client.post("/rows", content=text, headers={"content-type": "text/csv"}).json()
    assert len(read["rows"]) == len(rows)
    assert [row["gaps"] is None for row in read["rows"]] == [row["gaps"] is None for row in rows]


def test_counts_are_there_for_prometheus(client, rows):
    client.post("/predict", json={"rows": rows[:2]})
    client.get("/no/such/route")
    text = client.get("/metrics").text
    assert 'covey_requests_total{route="/predict",method="POST",status="200"}' in text
    assert 'route="other",method="GET",status="404"' in text
    assert "/no/such" not in text
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert all(
        len(line.rsplit(" ", 1)) == 2 and float(line.rsplit(" ", 1)[1]) >= 0 for line in lines
    )


def test_the_document_lists_all_routes(client):
    document = client.get("/openapi.json").json()
    assert {"/predict", "/score", "/v2/models/{name}/infer", "/invocations"} <= {*document["paths"]}
    statuses = document["paths"]["/predict"]["post"]["responses"]
    assert {str(status) for status in REASONS if status != 404} <= {*statuses}
    cells = document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]
    properties = cells["schema"]["properties"]["rows"]["items"]["properties"]
    assert properties["number"]["type"] == ["number", "null"]


def test_an_observed_value_of_any_size_is_answered(client, model, rows):
    joint = model.predict_distribution(table()[0][:1])
    for value in (1e3, 1e100, -1e200, 1e308):
        body = {"rows": rows[:1], "observed": [{"middle": value}]}
        answer = client.post("/score", json=body)
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert found["region"] == [pytest.approx(1.0, abs=1e-9)]
        assert found["error"][0]["middle"] == pytest.approx(value - joint.mean[0, 1])
        if abs(value) > 1e150:  # whose square is no number
            assert found["log_density"] == [None]
            (note,) = found["notes"]
            assert (note["row"], note["column"]) == (0, "middle")
            continue
        nu = joint.degrees_of_freedom
        scale = joint.stddev[0, 1] * np.sqrt((nu - 2) / nu)
        wanted = scipy.stats.t.logpdf(value, nu, joint.mean[0, 1], scale)
        assert found["log_density"] == [pytest.approx(float(np.ravel(wanted)[0]), rel=1e-6)]
        assert found["notes"] == []


@pytest.mark.parametrize("value", [1e150, 1e160, -1e200, 1e308])
def test_a_given_value_too_far_out_is_refused_by_name(client, rows, value):
    given = [{}, {"middle": value}]
    answers = [
        client.post("/predict", json={"rows": rows[:2], "given": given}),
        client.post("/explore", json={"row": rows[0], "given": given[1], "pair": ["small", "big"]}),
        client.post(
            "/explore", json={"row": rows[0], "given": given[1], "pair": ["small", "middle"]}
        ),
    ]
    for answer, row in zip(answers, (1, 0, 0), strict=True):
        assert answer.status_code == 422, answer.text
        (found,) = answer.json()["error"]["rows"]
        assert (found["row"], found["column"]) == (row, "middle")
        assert f"{value:g}" in found["reason"]
    body = {"dataframe_records": [{**rows[0], "middle": value}], "params": {"given": ["middle"]}}
    assert client.post("/invocations", json=body).status_code == 422
    near = client.post("/predict", json={"rows": rows[:2], "given": {"middle": 1e100}})
    assert all(cell is not None for cell in near.json()["rows"][0]["std"].values())


@pytest.mark.parametrize("name", ["mixture", "transform", "low_rank"])
def test_no_given_value_makes_any_server_fail(name):
    model = covey.load(GOLDEN / f"{name}.covey")
    with TestClient(application(model), raise_server_exceptions=False) as client:
        row = client.get("/schema").json()["example"]
        first, second = model.targets_[:2]
        for value in (0, -1e308, -1.0, 1e-300, 1e160, 1.7e308):
            body = {"row": row, "given": {first: value}, "pair": [first, second]}
            for pair in ([first, second], [second, model.targets_[-1]]):
                if pair[0] != pair[1]:
                    answer = client.post("/explore", json={**body, "pair": pair})
                    assert answer.status_code in (200, 422), answer.text
            body = {"rows": [row], "observed": {first: value}}
            assert client.post("/score", json=body).status_code in (200, 422)


def test_a_name_that_comes_twice_is_refused(client):
    for content, said in (
        ('{"rows": [{"number": 1, "gaps": 1, "colour": "red"}, {"number": 1, "number": 2}]}', 1),
        ('{"rows": [], "rows": []}', None),
        ('{"rows": [], "given": {"middle": 1, "middle": 1}}', None),
    ):
        answer = client.post("/predict", content=content)
        assert answer.status_code == 422
        error = answer.json()["error"]
        assert "twice" in error["message"]
        if said is not None:
            assert [(r["row"], r["column"]) for r in error["rows"]] == [(said, "number")]


def test_an_answer_of_too_many_numbers_is_refused_before_it_is_computed(model, rows, monkeypatch):
    from covey.serve import service

    monkeypatch.setattr(service.Service, "warm_up", lambda self: None)
    limits = Limits(max_numbers=1000)  # 40 rows: 25 numbers each
    csv = {"content": table()[0].to_csv(index=False), "headers": {"content-type": "text/csv"}}
    tensor = [
        {"name": name, "shape": [40], "datatype": "BYTES" if name == "colour" else "FP64"}
        | {"data": [row[name] for row in rows]}
        for name in rows[0]
    ]
    with TestClient(application(model, name="small", limits=limits)) as client:
        # mean 3, std 3, interval 6, covariance 9, correlation 9; a table has 3 + 6 and one more
        assert client.post("/predict", json={"rows": rows}).status_code == 200
        assert client.post("/predict", **csv).status_code == 200
        assert client.post("/rows", **csv).status_code == 200
        monkeypatch.setattr(service.Queue, "ask", None)
        everything = ["mean", "std", "interval", "covariance", "correlation"]
        answers = [
            client.post("/predict", json={"rows": rows, "outputs": everything}),
            client.post("/predict?columns=sample9", **csv),
            client.post("/predict?columns=mean,std,cov,correlation,interval90,quantiles", **csv),
            client.post(
                "/v2/models/small/infer",
                json={"inputs": tensor, "parameters": {"columns": "sample9"}},
            ),
            client.post(
                "/invocations", json={"dataframe_records": rows, "params": {"columns": "sample9"}}
            ),
        ]
        for answer, each in zip(answers, (30, 27, 36, 27, 27), strict=True):
            assert answer.status_code == 413, answer.text
            assert "1,000 numbers" in answer.text
            assert f"{each} numbers to answer for each" in answer.text
            assert f"at most {1000 // each} rows" in answer.text


def test_large_answers_are_those_of_small_ones(model, monkeypatch):
    X, Y = table()
    given = Y.to_numpy(copy=True)
    given[:, [0, 2]] = np.nan
    asked = [
        Question(X, values, wanted)
        for wanted, values in (
            (Wanted("rows", level=0.8), given),
            (Wanted("columns", ("mean", "cov")), None),
            (Wanted("columns", ()), None),
            (Wanted("score", ()), Y.to_numpy()),
        )
    ]
    whole = [questions.answer(model, [each])[0] for each in asked]
    monkeypatch.setattr(questions, "AT_ONCE", 9 * 7)
    monkeypatch.setattr(questions, "LEAST_AT_ONCE", 7)
    for each, one in zip(asked, whole, strict=True):
        (parts,) = questions.answer(model, [each])
        if isinstance(one, pd.DataFrame):
            pd.testing.assert_frame_equal(parts, one)
        else:
            assert parts == one


def test_rows_of_a_file_mean_the_same_alone():
    model = covey.load(GOLDEN / "dates.covey")
    text = (
        "a;b;when;took;clock\n"
        "1000001,5;0,25;13/02/2021 10:00;0 days 00:30:00.5;10:30\n"
        "1000002;0,5;03/04/2021;0 days 01:00:00;22:59:59.25\n"
        "1000003,25;0,75;03/04/2021 07:08:09.5;;\n"
    )
    send = {"content": text, "headers": {"content-type": "text/csv"}}
    with TestClient(application(model)) as client:
        rows = client.post("/rows", **send).json()["rows"]
        # the first row says that the day comes first, and that a comma is a decimal mark
        assert [row["when"][:10] for row in rows] == ["2021-02-13", "2021-04-03", "2021-04-03"]
        assert [row["a"] for row in rows] == [1000001.5, 1000002, 1000003.25]
        assert rows[2]["took"] is None
        wanted = pd.DataFrame(
            {
                "a": [1000001.5, 1000002, 1000003.25],
                "b": [0.25, 0.5, 0.75],
                "when": pd.to_datetime(
                    ["2021-02-13 10:00", "2021-04-03 00:00", "2021-04-03 07:08:09.5"],
                    format="ISO8601",
                ),
                "took": pd.to_timedelta([1800.5, 3600, None], "s"),
                "clock": [datetime.time(10, 30), datetime.time(22, 59, 59, 250000), None],
            }
        )
        mean = model.predict_distribution(wanted).mean
        for row, numbers in zip(rows, mean, strict=True):
            (found,) = client.post("/predict", json={"rows": [row]}).json()["rows"]
            np.testing.assert_allclose(list(found["mean"].values()), numbers, rtol=1e-9)
        mixed = text.replace("13/02/2021 10:00", "yesterday")
        refused = client.post("/rows", **{**send, "content": mixed})
        assert refused.status_code == 422
        assert "'when'" in refused.json()["error"]["message"]
