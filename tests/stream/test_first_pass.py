"""What two passes tell: the sample, the counts, the linear starts."""

import json

import numpy as np
import pandas as pd
import pytest

from covey.errors import CoveyWarning, InputError
from covey.families.student_t import START
from covey.members.plan import FullPlan, LowRankPlan
from covey.start.full import LinearModel
from covey.start.ridge import fit_ridge
from covey.start.start import unbounded_columns
from covey.stream import first_pass
from covey.stream.dataset import ParquetTable
from covey.stream.first_pass import FirstPass
from covey.stream.hash_folds import HashFolds
from covey.stream.rows import Roles
from covey.table import FeatureSchema

TARGETS = ["y", "z"]
pytestmark = pytest.mark.filterwarnings("ignore:Whole numbers that look like codes")


def passed_over(path, targets=TARGETS, members=5, features=None, weight=None, groups=None, **more):
    table = ParquetTable.open(path)
    roles = Roles.choose(table, targets, features, weight, groups)
    folds = HashFolds(members, 0)
    return FirstPass.of(table, roles, folds, plan=FullPlan(True), seed=0, **more), folds


def test_features_that_hold_a_target_are_said(folder, frame, tmp_path):
    copied = frame.assign(**{f"copy{i}": frame["y"] for i in range(7)})
    copied.to_parquet(tmp_path / "copied.parquet")
    with pytest.warns(CoveyWarning, match=r"hold the values .*'copy0' \(target 'y'\), .* 7 in all"):
        passed_over(tmp_path / "copied.parquet", weight="w", groups="site")


@pytest.mark.parametrize("members", [1, 5])
def test_a_sample_of_all_rows_is_the_table(folder, frame, members):
    found, folds = passed_over(folder, members=members, weight="w", groups="site")
    rows = np.flatnonzero(frame[TARGETS].notna().any(axis=1))
    assert found.rows == len(rows)
    assert np.array_equal(found.numbers, rows)
    known = frame.iloc[rows]
    assert np.array_equal(found.Y, known[TARGETS], equal_nan=True)
    assert found.mean_weight == pytest.approx(known["w"].mean())
    assert found.weight == pytest.approx(known["w"] / known["w"].mean())
    features = known[["a", "b", "colour", "day"]]
    schema = FeatureSchema.fit(features, True)
    assert found.schema == schema
    assert np.array_equal(found.inputs, schema.transform(features, True))
    split = found.folds(folds)
    assert len(split) == members
    complete = known[TARGETS].notna().all(axis=1).to_numpy()
    X = found.inputs.astype(float)
    for member, (train, test) in enumerate(split.pairs):
        assert not set(known["site"].iloc[train]) & set(known["site"].iloc[test])
        assert found.training[member] == len(train)
        assert found.complete[member] == complete[train].sum()
        blocks = found.fold[train]
        unbounded = unbounded_columns(found.inputs)
        model = LinearModel.of(
            fit_ridge(X[train], found.Y[train], found.weight[train], blocks, unbounded=unbounded),
            START,
        )
        assert found.linear[member].coef == pytest.approx(model.coef, abs=1e-6)
        assert found.linear[member].residual_scale_tril == pytest.approx(
            model.residual_scale_tril, abs=1e-6
        )


def test_a_small_sample_stands_for_all(folder, frame):
    whole, _ = passed_over(folder)
    found, _ = passed_over(folder, most_rows=1000)
    assert len(found.numbers) == len(found.Y) == len(found.inputs) == len(found.fold) == 1000
    assert set(found.numbers) < set(whole.numbers)
    assert found.rows == whole.rows
    assert np.array_equal(found.training, whole.training)
    for one, other in zip(found.linear, whole.linear, strict=True):
        assert one.location == pytest.approx(other.location, rel=1e-12)
        assert one.scale == pytest.approx(other.scale, rel=1e-12)
        assert one.residual_scale_tril == pytest.approx(other.residual_scale_tril, abs=0.1)


@pytest.mark.parametrize("plan", [FullPlan(True), LowRankPlan(1)])
def test_a_first_pass_can_be_kept(folder, plan):
    table = ParquetTable.open(folder)
    roles, folds = Roles.choose(table, TARGETS, None, "w"), HashFolds(2, 0)
    found = FirstPass.of(table, roles, folds, plan=plan, seed=0, most_rows=1000)
    manifest, arrays = found.snapshot()
    again = FirstPass.restored((json.loads(json.dumps(manifest)), arrays), type(found.linear[0]))
    assert (again.rows, again.schema) == (found.rows, found.schema)
    assert again.mean_weight == found.mean_weight
    for name in (*first_pass.ARRAYS, "weight"):
        assert np.array_equal(getattr(again, name), getattr(found, name), equal_nan=True)
    for one, other in zip(again.linear, found.linear, strict=True):
        for name, array in vars(one).items():
            assert np.array_equal(array, getattr(other, name))


def test_wide_tables_have_small_samples(folder, monkeypatch):
    monkeypatch.setattr(first_pass, "MOST_CELLS", 2000 * 7)
    assert len(passed_over(folder, features=["a", "b", "day", "w", "site"])[0].Y) == 2000
    monkeypatch.setattr(first_pass, "MOST_SQUARES", 1500 * 4)
    assert len(passed_over(folder)[0].Y) == 1500


def test_very_wide_tables_start_from_the_sample(folder, monkeypatch):
    expected, _ = passed_over(folder)
    monkeypatch.setattr(first_pass, "MOST_MOMENTS", 10)
    found, _ = passed_over(folder)
    for one, other in zip(found.linear, expected.linear, strict=True):
        assert one.coef == pytest.approx(other.coef, abs=1e-6)


def test_rare_categories_are_as_unseen_ones(tmp_path):
    r = np.random.default_rng(0)
    colour = np.where(np.arange(5000) == 17, "rare", r.choice(["red", "blue"], 5000))
    pd.DataFrame({"c": colour, "x": r.normal(size=5000), "y": r.normal(size=5000)}).to_parquet(
        tmp_path / "f.parquet"
    )
    found, _ = passed_over(tmp_path, targets=["y"], most_rows=1000)
    assert set(found.schema.output_names) == {"c=red", "c=blue", "x"}


def test_folds_that_lack_rows(tmp_path, frame):
    path = tmp_path / "f.parquet"
    frame.assign(site=frame.index % 2).to_parquet(path)
    with pytest.raises(InputError, match=r"Folds go by a hash.* many groups"):
        passed_over(path, groups="site")
    rare = frame.copy()
    rare.loc[1:, "z"] = np.nan
    rare.loc[0, "z"] = 1.0
    rare.to_parquet(path)
    with pytest.raises(InputError, match="no value of 'z' to learn from"):
        passed_over(path)
    frame.assign(y=np.nan, z=np.nan).to_parquet(path)
    with pytest.raises(InputError, match="Fold 0 needs rows"):
        passed_over(path)


def test_warnings_are_those_of_a_table(tmp_path, frame):
    frame.assign(twin=frame["y"], empty=np.nan).to_parquet(tmp_path / "f.parquet")
    with pytest.warns(CoveyWarning) as caught:
        passed_over(tmp_path, targets=["y", "twin"])
    text = " ".join(str(warning.message) for warning in caught)
    assert "identical" in text
    assert "'empty'" in text


def test_infinity_is_refused_wherever_it_stands(tmp_path, frame):
    changed = frame.copy()
    changed.loc[5000, "b"] = np.inf
    changed.to_parquet(tmp_path / "f.parquet")
    for most_rows in (1000, 100_000):
        with pytest.raises(InputError, match="infinity in 'b'"):
            passed_over(tmp_path, most_rows=most_rows)


def with_bad_cells(rows, bad, path, **files):
    """Numbers as text, of which some are not, and the target."""
    r = np.random.default_rng(0)
    texts = pd.Series(np.round(r.normal(size=rows), 3)).astype(str)
    texts[bad] = "unmeasured"
    pd.DataFrame({"k": texts, "x": r.normal(size=rows), "y": r.normal(size=rows)}).to_parquet(
        path, **files
    )


def test_bad_cells_that_stand_together_are_those_of_a_table(tmp_path):
    # 5% of the whole, and two of every three rows of their chunk
    bad = slice(35_000, 38_000)
    with_bad_cells(60_000, bad, tmp_path / "f.parquet", row_group_size=4000)
    with pytest.warns(CoveyWarning) as caught:
        found, _ = passed_over(tmp_path, targets=["y"], members=2)
    said = [str(w.message) for w in caught if "count as missing" in str(w.message)]
    assert said == [
        "Cells that do not fit among the numbers of their column count as missing: 3,000 of 60,000 "
        "in 'k', the first "
        "'unmeasured' in row 35000. If such a column holds labels, say categorical=['k']."
    ]
    whole = pd.read_parquet(tmp_path / "f.parquet")[["k", "x"]]
    with pytest.warns(CoveyWarning, match="in row 35000"):
        assert found.schema == FeatureSchema.fit(whole, True)
    missing = found.inputs[:, found.schema.output_names.index("k is missing")]
    assert np.array_equal(np.flatnonzero(missing), np.arange(35_000, 38_000))


def test_bad_cells_that_the_sample_lacks_are_said_with_their_row_in_the_files(tmp_path):
    # of row groups that are read together, first halves come before second ones
    with_bad_cells(40_000, [3000, 32_100], tmp_path / "f.parquet", row_group_size=4000)
    with pytest.warns(CoveyWarning) as caught:
        found, _ = passed_over(tmp_path, targets=["y"], members=2, most_rows=1000)
    assert not {3000, 32_100} & set(found.numbers)
    said = [str(w.message) for w in caught if "count as missing" in str(w.message)]
    assert len(said) == 1
    assert "2 of 40,000 in 'k', the first 'unmeasured' in row 3000." in said[0]


def test_infinity_is_named_with_its_row_in_the_files(tmp_path, frame):
    many = pd.concat([frame] * 7, ignore_index=True)
    many.loc[41_000, "b"] = np.inf
    many.to_parquet(tmp_path / "f.parquet", row_group_size=2000)
    for most_rows in (1000, 100_000):
        with pytest.raises(InputError, match=r"infinity in 'b' \(row 41000\)"):
            passed_over(tmp_path, most_rows=most_rows)
