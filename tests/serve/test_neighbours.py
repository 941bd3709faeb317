"""The answer to a request is the same, byte for byte, whoever is answered with it."""

import asyncio
import json

import numpy as np
import pytest

from covey.serve import Limits
from covey.serve.json_bodies import write_json
from covey.serve.questions import answer
from covey.serve.queue import Queue
from covey.serve.rows import MOST_NOTES
from covey.serve.service import Service
from tests.small_table import table

pytestmark = pytest.mark.filterwarnings("ignore::covey.errors.CoveyWarning")
FAR = 1e9  # beyond any number of training


@pytest.fixture(scope="module")
def service(model):
    service = Service(model, "small", Limits())
    yield service
    service.close()


def bodies(rows):
    """Requests as unlike as can be that are answered together."""
    one, far = rows[0], {**rows[0], "number": FAR}
    return {
        "one": {"rows": [one]},
        "another": {"rows": [rows[1]]},
        "three": {"rows": rows[2:5]},
        "far": {"rows": [far]},
        "many far": {"rows": [far] * 60},
        "text": {"rows": [{**one, "number": "0.25"}]},
        "decimal comma": {"rows": [{**one, "number": "0,25"}]},
        "new label": {"rows": [{**one, "colour": "octarine"}]},
        "number for a label": {"rows": [{**one, "colour": 7}]},
        "gap": {"rows": [{**one, "gaps": None, "colour": None}]},
        "no number": {"rows": [{**one, "number": "warm"}]},
        "half a letter": {"rows": [{**one, "colour": "\ud800"}]},
        "given": {"rows": [one], "given": {"middle": 1.0}},
        "another given": {"rows": rows[:60], "given": {"big": 2.0, "small": 0.5}},
        "given to some": {"rows": rows[:2], "given": [{}, {"small": 0.5}]},
        "given nothing": {"rows": [one], "given": {}},
        "given nulls": {"rows": [one], "given": [{"middle": None}]},
        "given too far": {"rows": [one], "given": {"middle": 1e308}},
    }


def text(found):
    return str(vars(found)) if isinstance(found, Exception) else write_json(found)


def texts(model, questions):
    return [text(found) for found in answer(model, questions)]


def test_predictions(model, rows, service):
    asked = {
        k: service.reader.rows(json.dumps(body).encode())[0] for k, body in bodies(rows).items()
    }
    alone = {name: texts(model, [question])[0] for name, question in asked.items()}
    for name, question in asked.items():
        for other, neighbour in asked.items():
            if neighbour.wanted == question.wanted:  # as the queue has it
                assert texts(model, [neighbour, question])[1] == alone[name], (name, other)


def test_the_queue(model, rows, service):
    asked = [service.reader.rows(json.dumps(body).encode())[0] for body in bodies(rows).values()]
    sizes = []

    def counted(questions):
        sizes.append(len(questions))
        return answer(model, questions)

    async def run():
        queue = Queue(counted, 100)
        found = await asyncio.gather(*map(queue.ask, asked), return_exceptions=True)
        queue.close()
        return found

    for one, question in zip(asyncio.run(run()), asked, strict=True):
        assert text(one) == texts(model, [question])[0]
    assert max(sizes) >= 6


def test_scores(model, rows, service):
    far = [{"middle": 1e300}]
    contents = [
        {"rows": rows[:1] * 60, "observed": far * 60},
        {"rows": rows[:1], "observed": far},
        {"rows": rows[:3], "observed": [{"small": 1.0}, {}, {"small": 1.0, "big": 2.0}]},
        {"rows": rows[1:2], "observed": {"big": 2.0}},
    ]
    asked = [service.reader.score(json.dumps(content).encode())[0] for content in contents]
    alone = [texts(model, [question])[0] for question in asked]
    assert texts(model, asked) == alone
    notes = [json.loads(text)["notes"] for text in alone]
    assert [len(each) for each in notes] == [MOST_NOTES, 1, 0, 0]


def test_tables(model, service):
    X, Y = table()
    plain = service.reader.table(X[:3], "mean,cov")
    given = service.reader.table(X[:5].assign(middle=Y["middle"][:5]), "mean,cov", "middle")
    empty = service.reader.table(X[:5].assign(middle=np.nan), "mean,cov", "middle")
    asked = [plain, given, empty]
    for one, question in zip(answer(model, asked), asked, strict=True):
        alone = answer(model, [question])[0]
        np.testing.assert_array_equal(one.to_numpy(), alone.to_numpy())


@pytest.mark.parametrize(
    ("given", "observed"),
    [
        (..., None),
        (None, None),
        ({}, [[], []]),
        ([{}, {}], [[], []]),
        ({"middle": None}, [[], []]),
        ([{}, {"big": 1.0}], [[], ["big"]]),
    ],
)
def test_who_sends_given_hears_what_was_observed(client, rows, given, observed):
    body = {"rows": rows[:2]} | ({} if given is ... else {"given": given})
    found = client.post("/predict", json=body).json()["rows"]
    assert [row.get("observed") for row in found] == (observed or [None, None])
    assert all(("observed" in row) == (observed is not None) for row in found)
