"""Streamed batches: every row in its turn, for the right members, from any place on."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from covey.errors import InputError
from covey.members.plan import FullPlan
from covey.stream import dataset
from covey.stream.dataset import ParquetTable
from covey.stream.first_pass import FirstPass
from covey.stream.hash_folds import HashFolds
from covey.stream.rows import Roles
from covey.stream.source import Streamed
from tests.start.whitening import residuals, whitened

BATCH = 16


def streamed(path, targets=("y", "z"), members=5, weight=None, groups=None, size=700):
    table = ParquetTable.open(path)
    roles = Roles.choose(table, targets, ["a", "row"], weight, groups)
    folds = HashFolds(members, 0)
    first_pass = FirstPass.of(table, roles, folds, plan=FullPlan(True), seed=0)
    return Streamed(table, roles, folds, first_pass, BATCH, 0, size)


def written(path, frame, **options):
    frame = frame.assign(row=np.arange(len(frame)) / len(frame))
    frame.to_parquet(path, **options)
    return frame


@pytest.fixture(params=["whole", "gaps"])
def source(request, frame, tmp_path, monkeypatch):
    monkeypatch.setattr(dataset, "SLICE", 200)
    monkeypatch.setattr(dataset, "MOST_OPEN", 6)
    known = frame.dropna(subset=["y", "z"]).reset_index(drop=True)
    known = known if request.param == "whole" else frame
    frame = written(tmp_path / "f.parquet", known, row_group_size=150)
    source = streamed(tmp_path)
    source.frame = frame
    yield source
    source.close()


def numbers(source, inputs):
    """Which rows of the frame have these inputs: the second column is a function of the number."""
    column = source.first_pass.schema.columns[1]
    row = source.frame["row"].to_numpy()
    z = (row - column.center) / column.scale
    known = z / np.sqrt(1 + (z / 3) ** 2)
    found = np.abs(known - inputs[..., -1, None]).argmin(axis=-1)
    assert np.abs(known[found] - inputs[..., -1]).max() < 1e-4
    return found


def buffer_of(source):
    """All steps of a buffer, and the numbers of its rows."""
    chunk = source.draw(10**6)
    rows = numbers(source, np.asarray(chunk.data.inputs)[:-1])
    return chunk, np.append(rows, -1)


def test_members_walk_through_their_own_rows(source):
    chunk, rows = buffer_of(source)
    assert chunk.order.shape[1:] == (BATCH, 5) == (source.complete + source.gaps, 5)
    usable = source.frame[["y", "z"]].notna().any(axis=1).to_numpy()
    assert usable[rows[:-1]].all()
    assert len(set(rows)) == source.size + 1 == len(chunk.data.inputs)
    home = source.folds.of(np.arange(len(source.frame)))
    whole = source.frame[["y", "z"]].notna().all(axis=1).to_numpy()
    for member in range(5):
        seen = rows[chunk.order[..., member]]
        assert not (home[seen] == member).any()
        assert whole[seen[:, : source.complete]].all()
        assert not whole[seen[:, source.complete :]].any()
        own = home[rows[:-1]] != member
        kind = whole[rows[:-1]]
        for part, these in (
            (seen[:, : source.complete], kind),
            (seen[:, source.complete :], ~kind),
        ):
            if part.size:
                counts = np.bincount(part.ravel(), minlength=len(home))[rows[:-1]][own & these]
                assert counts.max() - counts.min() <= 1


def test_targets_are_those_of_the_rows(source):
    chunk, rows = buffer_of(source)
    Y = source.frame[["y", "z"]].to_numpy()[rows[:-1]]
    X = np.asarray(chunk.data.inputs)[:-1].astype(np.float64)
    whole = ~np.isnan(Y).any(axis=1)
    for member, start in enumerate(source.first_pass.linear):
        targets = np.asarray(chunk.data.targets)[:-1, member]
        assert targets[whole] == pytest.approx(whitened(start, X[whole], Y[whole]), abs=1e-4)
        expected = residuals(start, X, Y)[~whole]
        assert targets[~whole] == pytest.approx(expected, abs=1e-4, nan_ok=True)


def test_kinds_count_by_their_share(source):
    chunk, rows = buffer_of(source)
    if source.gaps == 0:
        assert chunk.data.position_weight is None
        return
    weight = np.asarray(chunk.data.position_weight)
    assert weight.sum(axis=0) == pytest.approx(BATCH, rel=1e-5)
    whole = source.frame[["y", "z"]].notna().all(axis=1).to_numpy()[rows[:-1]]
    home = source.folds.of(np.arange(len(source.frame)))[rows[:-1]]
    for member in range(5):
        share = whole[home != member].mean()
        assert weight[: source.complete, member].sum() / BATCH == pytest.approx(share, rel=1e-5)


def test_a_pass_has_all_rows(source):
    seen = []
    while len(seen) * source.size < source.first_pass.rows - source.size:
        seen.append(buffer_of(source)[1][:-1])
    joined = np.concatenate(seen)
    assert len(set(joined)) == len(joined)
    other = np.concatenate([buffer_of(source)[1][:-1] for _ in range(2)])
    assert set(other) - set(joined)  # the end of the pass
    again = [row for row in other if row in set(joined)]  # the beginning of the next
    assert len(again) > 100
    assert again[:100] != joined[:100].tolist()


def test_it_goes_on_from_anywhere(source):
    per_buffer = len(source.draw(10**6).order)
    source.draw(per_buffer)
    source.draw(3)
    snapshot = source.snapshot()
    expected = [source.draw(7) for _ in range(2 * per_buffer // 7 + 1)]
    source.restore(snapshot)
    for one in expected:
        again = source.draw(7)
        assert np.array_equal(one.order, again.order)
        for mine, theirs in zip(one.data, again.data, strict=True):
            assert np.array_equal(mine, theirs, equal_nan=True) if mine is not None else True


def test_a_snapshot_at_the_end_of_a_buffer(source):
    source.draw(10**6)
    snapshot = source.snapshot()
    expected = source.draw(2)
    source.restore(snapshot)
    again = source.draw(2)
    assert len(again.order) == 2
    assert np.array_equal(expected.order, again.order)
    assert np.array_equal(expected.data.inputs, again.data.inputs)


def test_small_files_fit_into_one_buffer(tmp_path, frame):
    written(tmp_path / "f.parquet", frame[:60])
    source = streamed(tmp_path, members=2)
    assert source.size == source.first_pass.rows < 60
    for _ in range(3):
        assert len(source.draw(1).order) == 1
    source.close()


def test_weights_are_of_mean_one(tmp_path, frame):
    written(tmp_path / "f.parquet", frame)
    source = streamed(tmp_path, weight="w", size=5000)
    data = source.draw(1).data
    weight = np.asarray(data.weight)
    assert weight[-1] == 0
    assert weight[:-1].mean() == pytest.approx(1, abs=0.02)
    source.close()


def test_a_large_group_does_not_repeat_the_others(tmp_path, frame):
    # most rows are of one group, which one member holds out: it has few rows of its own
    site = np.where(np.arange(len(frame)) % 20 > 0, -1, np.arange(len(frame)))
    known = frame.assign(site=site).dropna(subset=["y", "z"])
    written(tmp_path / "f.parquet", known, row_group_size=100_000)
    source = streamed(tmp_path, groups="site")
    data, order = source.draw(10**6)
    weight = np.asarray(data.position_weight)
    fold = source.folds.of(np.zeros(1, dtype=int), pa.chunked_array([[-1]]))[0]
    few = source.folds.held_out[:, fold].argmax()
    assert weight.shape == (BATCH, 5)
    counts = np.bincount(order[..., few].ravel())
    assert (counts * weight[0, few]).max() < 1.5
    assert counts.max() > 5
    assert np.delete(weight[0], few) == pytest.approx(1, abs=0.2)
    source.close()


def test_kinds_may_stand_apart(tmp_path, frame):
    # a buffer without complete rows, and one without gaps
    order = np.argsort(frame[["y", "z"]].isna().any(axis=1), kind="stable")
    written(tmp_path / "f.parquet", frame.iloc[order].reset_index(drop=True), row_group_size=6000)
    source = streamed(tmp_path)
    totals = []
    for _ in range(9):
        data, rows = source.draw(10**6)
        weight = np.asarray(data.position_weight)
        targets = np.asarray(data.targets)[rows[0], np.arange(5)]
        assert np.isfinite(targets[: source.complete]).all()
        totals.append(weight[: source.complete, 0].sum() / BATCH)
    assert max(totals) == 1
    assert min(totals) == 0
    source.close()


def test_a_fault_in_the_background_is_raised(tmp_path, frame):
    path = tmp_path / "f.parquet"
    written(path, frame, row_group_size=500)
    source = streamed(tmp_path)
    pd.DataFrame({"a": [1.0]}).to_parquet(path)

    def drawn():
        for _ in range(20):
            source.draw(10**6)

    with pytest.raises(InputError, match="cannot be read") as caught:
        drawn()
    assert str(path) in str(caught.value)
    source.close()
