"""Requests that wait are answered together, and none hears of another's mistakes."""

import asyncio
import threading

import numpy as np
import pytest

from covey.errors import InputError
from covey.serve.questions import Question, Wanted, answer
from covey.serve.queue import Queue
from covey.serve.refusal import Refusal
from covey.serve.rows import from_records
from tests.small_table import table

ROWS = Wanted("rows")


def question(model, rows, wanted=ROWS):
    return Question(from_records(rows, model.schema_, 100), None, wanted)


def test_what_arrives_meanwhile_is_one_batch(model, rows):
    sizes, first, go = [], threading.Event(), threading.Event()

    def slow(questions):
        sizes.append(len(questions))
        first.set()
        assert go.wait(10)
        return answer(model, questions)

    async def run():
        queue = Queue(slow, 100)
        asked = [asyncio.create_task(queue.ask(question(model, rows[:1])))]
        await asyncio.to_thread(first.wait, 10)
        for count, wanted in ((1, ROWS), (2, Wanted("rows", ("mean",))), (3, ROWS)):
            asked.append(asyncio.create_task(queue.ask(question(model, rows[:count], wanted))))
        await asyncio.sleep(0.01)
        go.set()
        found = await asyncio.gather(*asked)
        queue.close()
        return found

    found = asyncio.run(run())
    assert sizes == [1, 2, 1]  # by what they want
    assert [len(each["rows"]) for each in found] == [1, 1, 2, 3]
    joint = model.predict_distribution(table()[0][:3])
    for row, mean in zip(found[3]["rows"], joint.mean, strict=True):
        np.testing.assert_allclose(list(row["mean"].values()), mean)


def test_answers_do_not_depend_on_company(model, rows):
    alone = [answer(model, [question(model, [row])])[0] for row in rows[:8]]
    assert answer(model, [question(model, [row]) for row in rows[:8]]) == alone


def test_what_text_means_does_not_depend_on_company(model, rows):
    texts = [{**rows[0], "number": text} for text in ("0.5", "1e-1", "0,5")]
    company = [question(model, [row]) for row in (*rows[:3], *texts)]
    found = answer(model, company)
    alone = [answer(model, [each])[0] for each in company]
    for one, other in zip(found, alone, strict=True):
        assert one == other or (isinstance(one, Refusal) and one.rows == other.rows)
    plain = answer(model, [question(model, [{**rows[0], "number": 0.5}])])[0]
    assert found[3] == plain


def test_a_mistake_is_its_own(model, rows):
    bad = question(model, [{**rows[0], "number": "warm"}])
    found = answer(model, [question(model, rows[:1]), bad, question(model, rows[1:2])])
    assert isinstance(found[1], Refusal)
    assert found[1].rows[0]["column"] == "number"
    assert found[0]["rows"] == answer(model, [question(model, rows[:1])])[0]["rows"]
    odd = question(model, rows[:1], Wanted("columns", ("nothing",)))
    assert isinstance(answer(model, [odd])[0], InputError)


def test_a_failure_reaches_all_who_wait_and_the_queue_goes_on(model, rows):
    def fail(questions):
        if len(questions[0].frame) == 2:
            raise ZeroDivisionError
        return answer(model, questions)

    async def run():
        queue = Queue(fail, 100)
        with pytest.raises(ZeroDivisionError):
            await queue.ask(question(model, rows[:2]))
        found = await queue.ask(question(model, rows[:1]))
        assert queue.waiting == 0
        queue.close()
        return found

    assert len(asyncio.run(run())["rows"]) == 1


def test_too_many_are_told_to_come_again(model, rows):
    go = threading.Event()

    def slow(questions):
        assert go.wait(10)
        return answer(model, questions)

    async def run():
        queue = Queue(slow, 2)

        async def ask():
            with queue.place():
                return await queue.ask(question(model, rows[:1]))

        asked = [asyncio.create_task(ask()) for _ in range(2)]
        while queue.waiting < 2:
            await asyncio.sleep(0)
        with pytest.raises(Refusal) as refused:
            await ask()
        go.set()
        await asyncio.gather(*asked)
        queue.close()
        return refused.value

    refusal = asyncio.run(run())
    assert refusal.status == 503
    assert refusal.headers["retry-after"] == "1"


def test_whatever_a_question_does_wrong_its_neighbours_are_answered(model, rows):
    wrong = [{**rows[0], "colour": "\ud800"}]
    found = answer(
        model, [question(model, rows[:2]), question(model, wrong), question(model, rows[2:3])]
    )
    assert isinstance(found[1], Refusal)
    assert found[1].status == 422
    alone = [answer(model, [question(model, part)])[0] for part in (rows[:2], rows[2:3])]
    assert [found[0], found[2]] == alone
