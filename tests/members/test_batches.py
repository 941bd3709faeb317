"""Batches: every member its own rows, complete ones first, each row counting once."""

import numpy as np
import pytest

from covey.members.batches import Batches, BatchRows, gather
from covey.start.whitening import Whitened
from tests.training import training_data


def problem(n=120, gaps=0.0, seed=0):
    r = np.random.default_rng(seed)
    y = r.normal(size=(n, 2, 3)).astype(np.float32)
    complete = r.random(n) >= gaps
    y[~complete, :, 1] = np.nan
    whitened = Whitened(y, complete, np.stack([np.eye(3)] * 2), np.zeros((n, 2)))
    parts = np.array_split(r.permutation(n), 2)
    labelled = np.arange(n, dtype=np.float32)[:, None]
    return labelled, whitened, [np.setdiff1d(np.arange(n), part) for part in parts]


def batches_of(labelled, whitened, training, weight=None, batch_size=16):
    everything = np.arange(len(labelled))
    folds = [(rows, np.setdiff1d(everything, rows)) for rows in training]
    data = training_data(labelled, whitened.y[:, 0], folds, weight)
    return Batches(data, whitened, batch_size, np.random.default_rng(0))


def walk(batches, times):
    for _ in range(times):
        data, order = batches.draw(6)
        assert len(order) == 6
        data = BatchRows(*(None if part is None else np.asarray(part) for part in data))
        yield from (gather(data, rows) for rows in order)


def test_batches_walk_through_each_members_own_rows():
    labelled, whitened, training = problem()
    batches = batches_of(labelled, whitened, training)
    assert batches.complete == 16
    seen = [[], []]
    for rows, targets in walk(batches, 30):
        for k in range(2):
            numbers = rows[:, k, 0].astype(int)
            np.testing.assert_array_equal(targets[:, k], whitened.y[numbers, k])
            seen[k] += numbers.tolist()
    for k, rows in enumerate(training):
        passes = [seen[k][i : i + len(rows)] for i in range(0, len(seen[k]), len(rows))][:-1]
        assert len(passes) > 2
        assert all(sorted(one) == sorted(rows) for one in passes)
        assert passes[0] != passes[1]


@pytest.mark.parametrize("gaps", [0.03, 0.4, 0.9])
@pytest.mark.parametrize("weighted", [False, True])
def test_complete_rows_come_first_and_every_row_counts_alike(gaps, weighted):
    labelled, whitened, training = problem(400, gaps)
    own = np.random.default_rng(1).uniform(0.5, 2, 400) if weighted else None
    batches = batches_of(labelled, whitened, training, own)
    assert 1 <= batches.complete < 16
    total = np.zeros((400, 2))
    for rows, targets, weight in walk(batches, 400):
        numbers = rows[:, :, 0].astype(int)
        assert whitened.complete[numbers[: batches.complete]].all()
        assert not whitened.complete[numbers[batches.complete :]].any()
        for k in range(2):
            np.testing.assert_array_equal(targets[:, k], whitened.y[numbers[:, k], k])
            np.add.at(total[:, k], numbers[:, k], weight[:, k])
    for k, rows in enumerate(training):
        expected = np.zeros(400)
        expected[rows] = 1.0 if own is None else own[rows]
        share = total[:, k] / total[:, k].sum()
        np.testing.assert_allclose(share, expected / expected.sum(), atol=0.06 / len(rows))


def test_a_member_without_gaps_fills_their_place_with_rows_of_no_weight():
    labelled, whitened, training = problem(200, 0.2)
    training[0] = training[0][whitened.complete[training[0]]]
    batches = batches_of(labelled, whitened, training)
    for _, targets, weight in walk(batches, 5):
        assert np.isfinite(targets[:, 0]).all()
        np.testing.assert_array_equal(weight[batches.complete :, 0], 0)
        assert weight[batches.complete :, 1].all()


def test_nothing_but_gaps_needs_no_weights():
    labelled, whitened, training = problem(200, 1.0)
    batches = batches_of(labelled, whitened, training)
    assert batches.complete == 0
    assert len(next(walk(batches, 1))) == 2


def test_a_batch_holds_at_least_one_row_of_each_kind():
    labelled, whitened, training = problem(200, 0.5)
    batches = batches_of(labelled, whitened, training, batch_size=1)
    assert batches.complete == 1
    assert len(next(walk(batches, 1))[0]) == 2
    labelled, whitened, training = problem(200, 0.0)
    batches = batches_of(labelled, whitened, training, batch_size=1)
    assert len(next(walk(batches, 1))[0]) == 1


def test_batches_go_on_where_a_snapshot_was_taken():
    labelled, whitened, training = problem(200, 0.2)
    batches = batches_of(labelled, whitened, training)
    batches.draw(3)
    snapshot = batches.snapshot()
    expected = [batches.draw(5).order for _ in range(4)]
    other = batches_of(labelled, whitened, training)
    other.restore(snapshot)
    for order in expected:
        np.testing.assert_array_equal(other.draw(5).order, order)
