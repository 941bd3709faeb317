"""Bodies of CSV: as many rows come back as were sent, and good text is not refused."""

import io

import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient

import covey
from covey.serve import application

CSV = {"content-type": "text/csv"}


@pytest.fixture(scope="module")
def trained():
    """A model of a table of which one column has no name."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(80, 3)), columns=["a", "Unnamed: 1", "c"])
    Y = pd.DataFrame({"p": X["a"] + rng.normal(size=80), "q": X["c"] + rng.normal(size=80)})
    settings = {"members": 2, "max_steps": 5, "hidden_units": [4], "trees": False, "verbose": 0}
    return covey.JointRegressor(**settings).fit(X, Y), X


@pytest.fixture(scope="module")
def asked(trained):
    with TestClient(application(trained[0])) as client:
        yield lambda text: client.post("/predict", content=text, headers=CSV)


def means(answer):
    assert answer.status_code == 200, answer.text
    return pd.read_csv(io.StringIO(answer.text))[["mean_p", "mean_q"]].to_numpy()


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_a_column_without_a_name_is_found(trained, asked, end):
    model, X = trained
    text = X.rename(columns={"Unnamed: 1": ""}).to_csv(index=False, lineterminator=end)
    np.testing.assert_allclose(means(asked(text)), model.predict(X), rtol=1e-9)


def test_old_line_ends_with_one_new_one_are_no_wide_table(trained, asked):
    X = trained[1]
    many = pd.concat([X] * 90, ignore_index=True)  # 7,200 rows of three cells
    text = many.to_csv(index=False, lineterminator="\r").rstrip("\r") + "\n"
    assert len(means(asked(text))) == len(many)


@pytest.mark.parametrize("filling", ["word " * 20_001, "line\n" * 20_001])
def test_a_long_cell_of_another_column_is_no_wide_table(trained, asked, filling):
    model, X = trained
    text = X.assign(remark=["", filling, *[""] * (len(X) - 2)]).to_csv(index=False)
    np.testing.assert_allclose(means(asked(text)), model.predict(X), rtol=1e-9)


@pytest.mark.parametrize("last", ["Total", "Source: the press"])
def test_a_line_below_the_rows_is_refused_by_its_words(trained, asked, last):
    X = trained[1][:6].round(1)
    text = X.assign(label=list("uvwxyz")).loc[:, ["label", *X]].to_csv(index=False)
    assert len(means(asked(text))) == len(X)
    total = X.sum().round(1).tolist() if last == "Total" else ["", "", ""]
    answer = asked(f"{text}{last},{','.join(map(str, total))}\n")
    assert answer.status_code == 422
    assert last in answer.json()["error"]["message"]


def test_a_table_of_other_columns_is_told_which_it_lacks(asked):
    answer = asked("x,y\n1,2\n")
    assert answer.status_code == 422
    assert "'a'" in answer.text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,Unnamed: 1,c\n1,2,3\n1,2,3,4,5\n1,2\n" + "1,2,3\n" * 30, "commas between the cells"),
        (
            "a,b\n" + "".join(f"{n},{n / 3},{n / 7},9\n" for n in range(30)),
            "commas between the cells",
        ),
        (b"\xef\xbb\xbfa,b\n" + b"caf\xe9,1\n" * 9, "Send UTF-8."),
        ("n,a,b\n" + "x,1,2\n" * 9 + "\ncity,k,l\nRome,1,2\nParis,3,4\n", "a request of its own"),
    ],
)
def test_advice_is_what_a_client_can_do(asked, text, said):
    answer = asked(text)
    assert answer.status_code == 400
    assert said in answer.text
    assert "pass `" not in answer.text.lower()
    assert "`encoding`" not in answer.text
