"""Marginals, conditionals, maps, quantiles and boxes against brute-force algebra and SciPy."""

from itertools import product

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import xarray as xr
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from covey.distributions import (
    LowRankMultivariateNormal,
    Mixture,
    MultivariateNormal,
    MultivariateT,
)
from covey.errors import InputError

KINDS = ["normal", "student_t", "low_rank"]
each_kind = pytest.mark.parametrize("kind", KINDS)
any_kind = pytest.mark.parametrize("kind", [*KINDS, "mixture"])


def draw(kind, n, d, seed=0):
    """A batch whose rows and targets all differ, with correlations from weak to strong."""
    r = np.random.default_rng([seed, n, d])
    targets = [f"t{i}" for i in range(d)]
    if kind == "mixture":
        components = [draw("student_t", n, d, seed=s) for s in (seed, seed + 1, seed + 2)]
        return Mixture(components, r.uniform(0.2, 1, size=(n, 3)))
    factor = np.tril(r.normal(size=(n, d, d)), -1) + np.eye(d) * r.uniform(0.5, 2, (n, 1, d))
    arrays = {"scale_tril": factor * r.uniform(0.3, 3, (n, d, 1)), "targets": targets}
    mean = r.normal(size=(n, d))
    if kind == "normal":
        return MultivariateNormal(mean, **arrays)
    if kind == "low_rank":
        diagonal, factor = r.uniform(0.1, 2, (n, d)), arrays["scale_tril"][:, :, : d // 2 + 1]
        return LowRankMultivariateNormal(mean, diagonal=diagonal, factor=factor, targets=targets)
    return MultivariateT(mean, degrees_of_freedom=2.5 + r.exponential(5, n), **arrays)


def shape_matrix(joint, row):
    return joint.scale_tril[row] @ joint.scale_tril[row].T


def brute_conditional(joint, row, a, b, y_a):
    """Textbook formulas: (mean, scale matrix, degrees of freedom) of b given a."""
    mean, shape = joint.mean[row], shape_matrix(joint, row)
    solved = np.linalg.solve(shape[np.ix_(a, a)], shape[np.ix_(a, b)]).T
    shift = y_a - mean[a]
    new_mean = mean[b] + solved @ shift
    new_shape = shape[np.ix_(b, b)] - solved @ shape[np.ix_(a, b)]
    if not isinstance(joint, MultivariateT):
        return new_mean, new_shape, None
    freedom = joint.degrees_of_freedom[row]
    q = shift @ np.linalg.solve(shape[np.ix_(a, a)], shift)
    return new_mean, new_shape * (freedom + q) / (freedom + len(a)), freedom + len(a)


def scipys(mean, shape, freedom):
    if freedom is None:
        return stats.multivariate_normal(mean, shape, allow_singular=False)
    return stats.multivariate_t(mean, shape, df=freedom)


def patterns(d):
    """Every pattern of observed targets for small D, a few random ones for large."""
    if d <= 4:
        return np.array(list(product([False, True], repeat=d)))
    return np.random.default_rng(d).random((12, d)) < 0.5


def relative(matrix, expected):
    scale = np.sqrt(np.diagonal(expected))
    return (matrix - expected) / np.outer(scale, scale)


@each_kind
@pytest.mark.parametrize("d", range(1, 13))
def test_conditionals_and_marginal_densities_are_those_of_the_textbook(kind, d):
    seen = patterns(d)
    joint = draw(kind, len(seen), d)
    y = joint.sample(1, seed=1)[0]
    given = np.where(seen, y, np.nan)
    result = joint.conditional(given)
    assert type(result) is type(joint)
    assert_array_equal(result.observed, seen)
    assert_array_equal(result.mean[seen], y[seen])
    assert_array_equal(result.stddev == 0, seen)
    log_prob = joint.log_prob(given)
    for row, pattern in enumerate(seen):
        a, b = np.flatnonzero(pattern), np.flatnonzero(~pattern)
        freedom = joint.degrees_of_freedom[row] if kind == "student_t" else None
        if len(a):
            known = scipys(joint.mean[row, a], shape_matrix(joint, row)[np.ix_(a, a)], freedom)
            assert_allclose(log_prob[row], known.logpdf(y[row, a]), rtol=1e-9, atol=1e-9)
        else:
            assert log_prob[row] == 0
        if len(b) and len(a):
            mean, shape, freedom = brute_conditional(joint, row, a, b, y[row, a])
            unit = np.sqrt(np.diagonal(shape))
            assert_allclose(result.mean[row, b], mean, atol=1e-9 * unit.max(), rtol=1e-9)
            inside = shape_matrix(result, row)
            assert_allclose(relative(inside[np.ix_(b, b)], shape), 0, atol=1e-9)
            assert not inside[a].any()
            assert not result.covariance[row, a].any()
            if freedom is not None:
                assert_allclose(result.degrees_of_freedom[row], freedom, rtol=1e-12)
            # what is left has the density of the others, whatever stands where it was observed
            rest = scipys(mean, shape, freedom)
            assert_allclose(result.log_prob(y)[row], rest.logpdf(y[row, b]), rtol=1e-9, atol=1e-9)
    # p(a) p(b | a) = p(a, b), and one after the other is all at once
    assert_allclose(log_prob + result.log_prob(y), joint.log_prob(y), rtol=1e-9, atol=1e-9)
    whole = result.conditional(y)
    assert whole.observed.all()
    assert_array_equal(whole.mean, y)
    assert_array_equal(whole.log_prob(y), 0)


@any_kind
def test_one_after_the_other_is_both_at_once(kind):
    joint = draw(kind, 5, 4)
    y = joint.sample(1, seed=3)[0]
    both = joint.conditional({"t1": y[:, 1], "t3": y[:, 3]})
    apart = joint.conditional({"t3": y[:, 3]}).conditional({1: y[:, 1]})
    assert both.targets == apart.targets == ("t0", "t2")
    assert_allclose(both.mean, apart.mean, rtol=1e-9)
    assert_allclose(both.covariance, apart.covariance, rtol=1e-9)
    assert_allclose(both.log_prob(y[:, [0, 2]]), apart.log_prob(y[:, [0, 2]]), rtol=1e-9)


@any_kind
def test_chain_rule(kind):
    joint = draw(kind, 6, 3)
    y = joint.sample(1, seed=2)[0]
    first = joint.marginal(["t2", "t0"])
    rest = joint.conditional({"t0": y[:, 0], "t2": y[:, 2]})
    total = first.log_prob(y[:, [2, 0]]) + rest.log_prob(y[:, [1]])
    assert_allclose(total, joint.log_prob(y), rtol=1e-9)


@any_kind
def test_the_forms_of_what_is_given(kind):
    joint = draw(kind, 4, 3)
    y = np.array([[1.0, np.nan, np.nan]] * 4)
    y[2] = np.nan
    by_array = joint.conditional(y)
    by_frame = joint.conditional(pd.DataFrame({"other": "text", "t0": y[:, 0]}))
    by_mapping = joint.conditional({"t0": [1.0, 1.0, np.nan, 1.0]})
    for other in (by_frame, by_mapping, joint.conditional({0: y[:, 0]})):
        assert other.targets == ("t1", "t2")
        assert not other.observed.any()
        expected = by_array.marginal([1, 2])
        assert_allclose(other.mean, expected.mean, rtol=1e-12)
        assert_allclose(other.covariance, expected.covariance, rtol=1e-12)
    # nothing known of row 2: a marginal there
    assert_allclose(by_mapping.mean[2], joint.mean[2, 1:])
    assert_allclose(by_mapping.covariance[2], joint.covariance[2, 1:, 1:])
    assert_allclose(joint.conditional({}).mean, joint.mean)
    assert_allclose(joint.conditional({"t0": 1.0}).mean[[0, 1, 3]], by_mapping.mean[[0, 1, 3]])


@any_kind
def test_all_forms_of_what_is_given_mean_the_same(kind):
    joint = draw(kind, 4, 3)
    value = [1.0, 0.5, np.nan, -1.0]
    array = np.full((4, 3), np.nan)
    array[:, 0] = value
    forms = {
        "mapping": {"t0": value},
        "number": {0: value},
        "Series": pd.Series(value, name="t0"),
        "Arrow's": {"t0": pa.array(value)},
        "frame": pd.DataFrame({"t0": value}),
        "frame of more": pd.DataFrame({"x": ["a"] * 4, "t0": value}),
        "Arrow's table": pa.table({"t0": value}),
        "Arrow's batch": pa.table({"t0": value}).to_batches()[0],
        "polars": pl.DataFrame({"t0": value}),
        "polars' Series": pl.Series("t0", value),
        "structured array": np.array([(v,) for v in value], dtype=[("t0", ">f8")]),
        "Dataset": xr.Dataset({"t0": ("row", value)}),
        "DataArray": xr.DataArray(value, dims="row", name="t0"),
        "array": array,
    }
    for name, given in forms.items():
        drops = name != "array"
        left = joint.conditional(given, keep=False)
        whole = joint.conditional(given, keep=True)
        by_default = joint.conditional(given)
        assert left.targets == ("t1", "t2")
        assert whole.targets == ("t0", "t1", "t2")
        assert by_default.targets == (left if drops else whole).targets
        assert_array_equal(by_default.mean, (left if drops else whole).mean)
        assert_array_equal(left.mean, joint.conditional(forms["mapping"]).mean)
        assert_array_equal(left.covariance, joint.conditional(forms["mapping"]).covariance)
        assert_array_equal(whole.mean[[0, 1, 3], 0], [1.0, 0.5, -1.0])
        assert_array_equal(whole.observed[:, 0], [True, True, False, True])
        assert not whole.observed[:, 1:].any()


@any_kind
def test_a_frame_of_all_targets_is_an_array_with_names(kind):
    joint = draw(kind, 3, 2)
    y = np.array([[1.0, np.nan], [np.nan, 2.0], [np.nan, np.nan]])
    frame = pd.DataFrame({"t1": y[:, 1], "t0": y[:, 0]})
    for given in (frame, pl.from_pandas(frame), pa.table(frame), frame.to_records(), y):
        found = joint.conditional(given)
        assert found.targets == ("t0", "t1")
        assert_array_equal(found.observed, ~np.isnan(y))
        assert_array_equal(found.mean, joint.conditional(y).mean)
        with pytest.raises(InputError, match=r"none would be left.* keep=True"):
            joint.conditional(given, keep=False)
    with pytest.raises(InputError, match=r"none would be left.* keep=True"):
        joint.conditional(dict(frame))
    assert_array_equal(joint.conditional(dict(frame), keep=True).observed, ~np.isnan(y))


@any_kind
def test_a_series_labelled_by_targets_is_a_row_of_a_table(kind):
    joint = draw(kind, 4, 3)
    row = pd.Series([2.0, np.nan, 1.0], index=["t2", "t1", "t0"], name=7)  # as frame.loc[7]
    for given, keep in ((row, None), (row.dropna(), True)):
        found = joint[0].conditional(given, keep=keep)
        assert found.observed.tolist() == [[True, False, True]]
        assert_allclose(found.mean[0, [0, 2]], [1.0, 2.0], rtol=1e-12)
    for given in (row.dropna(), xr.Dataset({"t0": 1.0, "t2": 2.0})):
        left = joint[0].conditional(given)
        assert left.targets == ("t1",)
        assert_array_equal(left.mean, joint[0].conditional({"t0": 1.0, "t2": 2.0}).mean)
    with pytest.raises(InputError, match=r"none would be left.* keep=True"):
        joint[0].conditional(row, keep=False)
    with pytest.raises(InputError, match=r"dict\(given\) for one value of each target"):
        joint.conditional(row)


@any_kind
@pytest.mark.parametrize(
    ("given", "message"),
    [
        (pd.Series([1.0] * 4, name="CO"), "a Series that has the name of a target"),
        (pd.Series([1.0] * 3, name="t0"), "named 't0', of 3 rows"),
        (pd.DataFrame({"t0": ["1", "?", "2", "3"]}), r"given\['t0'\].*'\?' in row 1"),
        ({"CO": 1.0}, "Expected one of the targets"),
        ({"t0": 1.0, 0: 1.0}, "twice"),
        ({"t0": 1.0, "t1": 1.0, "t2": 2.0}, "every target"),
        ({"t0": [1.0, 2.0]}, "one for each of 4 rows"),
        ({"t0": np.inf}, "finite"),
        ({"t0": "much"}, "array of numbers"),
        (np.zeros((4, 2)), r"shape \(4, 3\)"),
        (pd.DataFrame({"a": [1.0] * 4}), "at least one of the columns"),
        (pd.DataFrame({"t1": [1.0] * 3}), "4 rows, one for each"),
        (pd.DataFrame({"t1": [np.inf] * 4}), "finite"),
    ],
)
def test_what_cannot_be_given_is_refused(kind, given, message):
    with pytest.raises(InputError, match=message):
        draw(kind, 4, 3).conditional(given)


@any_kind
def test_marginals_keep_what_they_keep_in_the_order_asked_for(kind):
    joint = draw(kind, 3, 4)
    part = joint.marginal(["t3", "t0"])
    assert part.targets == ("t3", "t0")
    assert_array_equal(part.mean, joint.mean[:, [3, 0]])
    assert_allclose(part.covariance, joint.covariance[:, [3, 0]][:, :, [3, 0]], rtol=1e-9)
    y = joint.sample(1, seed=4)[0]
    hidden = np.where([True, False, False, True], y, np.nan)
    assert_allclose(part.log_prob(y[:, [3, 0]]), joint.log_prob(hidden), rtol=1e-9)
    assert joint.marginal("t1").targets == joint.marginal(1).targets == ("t1",)
    assert joint.marginal([-1]).targets == ("t3",)
    assert joint.marginal(np.array([0, 2])).targets == ("t0", "t2")
    for bad in ([], ["t0", 0], ["x"], [4], [True], [0.5]):
        with pytest.raises(InputError, match="Expected one"):
            joint.marginal(bad)


@any_kind
def test_methods_act_on_what_is_not_known(kind):
    joint = draw(kind, 6, 3)
    y = joint.sample(1, seed=5)[0]
    seen = patterns(3)[:6]
    partly = joint.conditional(np.where(seen, y, np.nan))
    samples = partly.sample(50, seed=0)
    lower, upper = partly.interval(0.8)
    for row, pattern in enumerate(seen):
        free = np.flatnonzero(~pattern)
        assert_array_equal(
            samples[:, row, pattern], np.broadcast_to(y[row, pattern], (50, pattern.sum()))
        )
        assert np.all(np.std(samples[:, row, free], axis=0) > 0)
        assert_array_equal(lower[row, pattern], y[row, pattern])
        assert_array_equal(upper[row, pattern], y[row, pattern])
        alone = partly[row].marginal(free)
        assert not alone.observed.any()
        assert_allclose(partly.mahalanobis(y)[row], alone.mahalanobis(y[[row]][:, free])[0])
        assert_allclose(alone.interval(0.8)[0][0], lower[row, free])
        region, expected = partly.region(0.7), alone.region(0.7)
        assert_allclose(region.radius[row], expected.radius[0], rtol=5e-3)
        if kind != "mixture":
            assert_allclose(region.volume()[row], expected.volume()[0])
            assert_allclose(partly.entropy()[row], alone.entropy()[0])
            assert_allclose(partly.covariance[row][np.ix_(free, free)], alone.covariance[0])
            assert_allclose(partly.correlation[row][np.ix_(free, free)], alone.correlation[0])
            assert_array_equal(partly.correlation[row][pattern], np.eye(3)[pattern])
        box = partly.probability(y - 1, y + 1)[row]
        expected_box = alone.probability(y[row, free] - 1, y[row, free] + 1)[0]
        assert_allclose(box, expected_box, atol=1e-12)
    # a known target outside its bounds
    assert partly.probability(lower={"t0": y[:, 0] + 1})[5] == 0  # row 5 knows t0 and t2
    assert "±" in repr(partly)
    assert len(partly[2:4]) == 2
    assert_array_equal(partly[2:4].observed, seen[2:4])


@each_kind
def test_partly_known_rows_diverge_by_what_is_not_known(kind):
    joint, other = draw(kind, 4, 3), draw(kind, 4, 3, seed=9)
    given = np.where(patterns(3)[:4], 0.5, np.nan)
    first, second = joint.conditional(given), other.conditional(given)
    divergence = first.kl_divergence(second)
    for row, pattern in enumerate(patterns(3)[:4]):
        free = np.flatnonzero(~pattern)
        alone = first[row].marginal(free).kl_divergence(second[row].marginal(free))
        assert_allclose(divergence[row], alone[0], rtol=1e-9)
    with pytest.raises(InputError, match="same targets exactly"):
        first.kl_divergence(other)


@each_kind
def test_tables_keep_what_is_known(kind):
    joint = draw(kind, 4, 3).conditional(np.where(patterns(3)[:4], 2.0, np.nan))
    frame = joint.to_frame()
    again = type(joint).from_frame(frame)
    assert_array_equal(again.observed, joint.observed)
    assert_allclose(again.covariance, joint.covariance, rtol=1e-9, atol=1e-12)
    assert frame["cov_t2_t2"].iloc[1] == 0


@any_kind
def test_combinations_by_name(kind):
    joint = draw(kind, 5, 3)
    A = np.array([[1.0, 0.0, 2.0], [0.0, 1.0, -1.0]])
    named = joint.affine({"total": {"t0": 1, "t2": 2}, "gap": {"t1": 1, 2: -1}}, {"gap": 3.0})
    plain = joint.affine(A, [0.0, 3.0], ["total", "gap"])
    assert named.targets == plain.targets == ("total", "gap")
    assert_array_equal(named.mean, plain.mean)
    assert_array_equal(named.covariance, plain.covariance)
    assert_allclose(named.mean, joint.mean @ A.T + [0, 3])
    assert_allclose(named.covariance, A @ joint.covariance @ A.T, rtol=1e-9, atol=1e-12)
    weights = np.arange(1.0, 6.0)
    per_row = joint.affine({"w": {"t0": weights, "t1": 1}})
    assert_allclose(per_row.mean[:, 0], weights * joint.mean[:, 0] + joint.mean[:, 1])
    total = joint.sum()
    assert total.targets == ("sum",)
    assert_allclose(total.mean[:, 0], joint.mean.sum(axis=1))
    assert_allclose(total.covariance[:, 0, 0], joint.covariance.sum(axis=(1, 2)), rtol=1e-9)
    part = joint.sum(["t2", 0], name="NOx + CO")
    assert part.targets == ("NOx + CO",)
    assert_allclose(part.mean[:, 0], joint.mean[:, 0] + joint.mean[:, 2])


@any_kind
@pytest.mark.parametrize(
    ("A", "options", "message"),
    [
        ({}, {}, "at least one new variable"),
        ({"a": 1.0}, {}, "map targets to coefficients"),
        ({"a": {"x": 1.0}}, {}, "Expected one of the targets"),
        ({"a": {"t0": [1.0, 2.0]}}, {}, "one for each of 5 rows"),
        ({"a": {"t0": 1.0}}, {"targets": ["b"]}, "must be left out"),
        ({"a": {"t0": 1.0}}, {"b": {"b": 1.0}}, "Expected one of the targets"),
        ({"a": {"t0": 1.0}, "b": {"t0": 2.0}}, {}, "linearly independent"),
        ({"a": {"t0": 0.0}}, {}, "linearly independent"),
        ({"a": {"t0": np.nan}}, {}, "finite"),
    ],
)
def test_combinations_that_are_none_are_refused(kind, A, options, message):
    with pytest.raises(InputError, match=message):
        draw(kind, 5, 3).affine(A, **options)


@any_kind
def test_a_table_of_coefficients_is_read_by_its_labels(kind):
    joint = draw(kind, 3, 3)
    table = pd.DataFrame([[2.0, 1.0], [0.0, 3.0]], columns=["t2", "t0"], index=["mix", "pure"])
    found = joint.affine(table)
    expected = joint.affine({"mix": {"t2": 2, "t0": 1}, "pure": {"t0": 3}})
    assert found.targets == ("mix", "pure")
    assert_array_equal(found.mean, expected.mean)
    assert_array_equal(found.covariance, expected.covariance)


MAP = {"t": {"t0": 1.0, "t1": 1.0}, "s": {"t2": 1.0}}
DAYS = pd.Index(["mon", "tue", "wed"])


@any_kind
def test_shifts_go_by_the_names_of_the_new_variables(kind):
    joint = draw(kind, 3, 3)._labelled(DAYS)
    mean = joint.mean @ [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    each = pd.DataFrame({"s": [1.0, 2, 3], "t": [100.0, 200, 300]}, index=DAYS)
    plain = each[["t", "s"]].to_numpy()
    for b, shift in (
        (each, plain),
        (pa.table({"s": [1.0, 2, 3], "t": [100.0, 200, 300]}), plain),
        (pd.Series({"s": 0.0, "t": 100.0}), [100, 0]),
        (pd.Series({"s": 7.0}), [0, 7]),
        (each["s"], [[0, 1], [0, 2], [0, 3]]),
        (pd.Series([100.0, 0.0]), [100, 0]),
        ([100.0, 0.0], [100, 0]),
    ):
        assert_allclose(joint.affine(MAP, b).mean, mean + shift)
    only = joint.affine({"t": MAP["t"]}, each["s"].rename(None))
    assert_allclose(only.mean[:, 0], mean[:, 0] + [1, 2, 3])


@any_kind
def test_shifts_of_other_rows_or_names_are_refused(kind):
    joint = draw(kind, 3, 3)._labelled(DAYS)
    each = pd.DataFrame({"t": [100.0, 200, 300], "s": [1.0, 2, 3]}, index=DAYS)
    for b, message in (
        (each.set_axis(["t", "t"], axis=1), r"to have the columns.*\['t', 't'\]"),
        (each[["t", "s", "t"]], "`b` names 't' twice"),
        ({"t": 1.0, 0: 2.0}, "`b` names 't' twice"),
        (pd.Series({"t": 1.0, "other": 2.0}), r"labelled by some of \['t', 's'\].*'other'"),
        (pd.Series([1.0, 2.0], index=[7, 8]), r"labelled 7, 8\..*b\.to_numpy\(\)"),
        (each["s"].rename("day"), "labelled 'mon', 'tue', 'wed'"),
        (each["s"][::-1], "same row labels in different orders"),
    ):
        with pytest.raises(InputError, match=message):
            joint.affine(MAP, b)
    with pytest.raises(InputError, match="same row labels in different orders"):
        joint.affine({"t": MAP["t"]}, each["s"].rename(None)[::-1])


def test_bounds_go_by_targets_and_rows():
    joint = draw("normal", 3, 2)._labelled(DAYS)
    upper = pd.DataFrame({"t1": [0.1, 0.2, 0.3], "t0": [1.0, 2, 3]}, index=DAYS)
    expected = joint.probability(upper=upper[["t0", "t1"]].to_numpy())
    assert_array_equal(joint.probability(upper=upper), expected)
    expected = joint.probability(upper=np.stack([upper["t0"], [np.inf] * 3], axis=1))
    assert_array_equal(joint.probability(upper=upper["t0"]), expected)
    for bound, message in (
        (upper.set_axis(["t0", "t0"], axis=1), "`upper` names 't0' twice"),
        (pd.Series([1.0, 2.0], index=["a", "b"]), r"some of \['t0', 't1'\].*labelled 'a', 'b'\."),
        (upper["t0"].rename(None), "labelled 'mon', 'tue', 'wed'"),
        (upper["t0"][::-1], "same row labels in different orders"),
    ):
        with pytest.raises(InputError, match=message):
            joint.probability(upper=bound)
        with pytest.raises(InputError, match=message.replace("upper", "lower")):
            joint.probability(bound)


def test_rows_of_bounds_of_one_target():
    alone = draw("normal", 3, 2)._labelled(DAYS).marginal("t0")
    bound = pd.Series([0.5, -1.0, 2.0], index=DAYS)
    sigma = np.sqrt(alone.covariance[:, 0, 0])
    expected = stats.norm.cdf(bound, alone.mean[:, 0], sigma)
    for given in (bound, bound.rename("other"), bound.rename("t0")):
        assert_allclose(alone.probability(upper=given), expected, rtol=1e-12)
    numbered = alone._labelled(None)
    assert_allclose(numbered.probability(upper=bound.reset_index(drop=True)), expected, rtol=1e-12)
    low = pd.Series({"t0": 0.5})  # of all rows
    assert_allclose(alone.probability(low), stats.norm.sf(0.5, alone.mean[:, 0], sigma), rtol=1e-12)
    with pytest.raises(InputError, match="same row labels in different orders"):
        alone.probability(upper=bound[::-1])
    with pytest.raises(InputError, match="labelled 'x'"):
        alone.probability(upper=pd.Series([0.5], index=["x"]))


@any_kind
def test_a_row_labelled_by_other_things_is_no_observation(kind):
    joint = draw(kind, 1, 2)
    values = [1.0, 2.0]
    plain = joint.log_prob(values)
    assert_array_equal(joint.log_prob(pd.Series(values)), plain)
    assert_array_equal(joint.log_prob(pd.Series(values[::-1], index=["t1", "t0"])), plain)
    with pytest.raises(InputError, match=r"`y` to be labelled by some of .*labelled 'u', 't0'\."):
        joint.log_prob(pd.Series(values, index=["u", "t0"]))


@any_kind
@pytest.mark.parametrize("targets", [{"t0": 2.0}, {"t0", "t1"}])
def test_what_has_no_order_names_no_targets(kind, targets):
    for method in (draw(kind, 3, 3).sum, draw(kind, 3, 3).marginal):
        with pytest.raises(InputError, match=r"in an order.*for coefficients use affine"):
            method(targets)


@any_kind
def test_combinations_of_what_is_known_are_known(kind):
    joint = draw(kind, 3, 3)
    given = np.array([[1.0, 2.0, np.nan], [np.nan, 2.0, np.nan], [np.nan] * 3])
    partly = joint.conditional(given)
    image = partly.affine({"sum": {"t0": 1, "t1": 1}, "t2": {"t2": 2}, "t1": {"t1": 10}})
    assert_array_equal(image.observed, [[1, 0, 1], [0, 0, 1], [0, 0, 0]])
    assert_allclose(image.mean[0, [0, 2]], [3, 20])
    A = np.array([[1.0, 1, 0], [0, 0, 2], [0, 10, 0]])
    expected = A @ partly.covariance @ A.T
    assert_allclose(image.covariance, expected, rtol=1e-9, atol=1e-12)
    total = partly.sum(["t0", "t1"])
    assert_array_equal(total.observed, [[True], [False], [False]])
    # two rows of A that differ in a known target only
    with pytest.raises(InputError, match="row 0"):
        partly.affine({"a": {"t2": 1, "t0": 1}, "b": {"t2": 1}})
    with pytest.raises(InputError, match="linearly independent"):
        partly.affine({"a": {"t0": 0.0}, "b": {"t1": 1.0}})


@each_kind
def test_quantiles_and_intervals_are_scipys(kind):
    joint = draw(kind, 4, 3)
    scale = np.sqrt(np.einsum("nij,nij->ni", joint.scale_tril, joint.scale_tril))
    levels = np.array([0.01, 0.5, 0.9])
    if kind != "student_t":
        law = stats.norm(joint.mean, scale)
    else:
        law = stats.t(joint.degrees_of_freedom[:, None], joint.mean, scale)
    found = joint.quantile(levels)
    assert found.shape == (3, 4, 3)
    assert_allclose(found, law.ppf(levels[:, None, None]), rtol=1e-9, atol=1e-12)
    assert_array_equal(joint.quantile(0.9), found[2])
    assert_allclose(joint.interval(0.8), law.interval(0.8), rtol=1e-9, atol=1e-12)
    for bad in ([], 0.0, 1.0, -1, 90, np.nan, [[0.5]], "many"):
        with pytest.raises(InputError, match="`q` must"):
            joint.quantile(bad)


def test_quantiles_of_a_mixture_have_the_probability():
    joint = draw("mixture", 4, 2)
    for level in (0.02, 0.5, 0.97):
        at = joint.quantile(level)
        below = sum(
            w[:, None]
            * stats.t(
                c.degrees_of_freedom[:, None],
                c.mean,
                np.sqrt(np.einsum("nij,nij->ni", c.scale_tril, c.scale_tril)),
            ).cdf(at)
            for w, c in zip(joint.weights.T, joint.components, strict=True)
        )
        assert_allclose(below, level, rtol=1e-9)


@any_kind
def test_boxes_hold_what_samples_say(kind):
    joint = draw(kind, 3, 3)
    samples = joint.sample(200_000, seed=0)
    lower, upper = joint.mean - joint.stddev, joint.mean + 0.5 * joint.stddev
    inside = np.mean(np.all((samples > lower) & (samples < upper), axis=2), axis=0)
    assert_allclose(joint.probability(lower, upper), inside, atol=0.005)
    tail = np.mean(samples[:, :, 1] > lower[:, 1], axis=0)
    assert_allclose(joint.probability(lower={"t1": lower[:, 1]}), tail, atol=0.005)
    assert_allclose(
        joint.probability({"t1": lower[:, 1]}, {"t2": 0.0}),
        np.mean((samples[:, :, 1] > lower[:, 1]) & (samples[:, :, 2] < 0), axis=0),
        atol=0.005,
    )
    assert_allclose(joint.probability(), 1)
    assert_allclose(
        joint.probability(-np.inf, [np.inf, np.inf, 0.0]), joint.probability(upper={2: 0})
    )
    for bad, message in (({"x": 1}, "one of the targets"), ([1.0, 2.0], "shape"), (np.nan, "NaN")):
        with pytest.raises(InputError, match=message):
            joint.probability(bad)


@any_kind
def test_no_row_depends_on_its_neighbours(kind):
    joint = draw(kind, 8, 3)
    y = joint.sample(1, seed=6)[0]
    given = np.where(patterns(3), y, np.nan)
    together = joint.conditional(given)
    for row in range(8):
        alone = joint[row].conditional(given[row])
        assert_allclose(alone.mean[0], together.mean[row], rtol=1e-12)
        assert_allclose(alone.covariance[0], together.covariance[row], rtol=1e-12)


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_conditionals_bear_any_unit_and_strong_correlation(scale):
    correlation = np.full((3, 3), 1 - 1e-7) + 1e-7 * np.eye(3)
    units = np.array([scale, 1.0, 1 / scale])
    joint = MultivariateNormal(np.zeros((1, 3)), covariance=correlation * np.outer(units, units))
    rest = joint.conditional({"y0": 2 * scale})
    rho = 1 - 1e-7
    assert_allclose(rest.mean[0] / units[1:], 2 * rho, rtol=1e-9)
    assert_allclose(rest.stddev[0] / units[1:], np.sqrt(1 - rho**2), rtol=1e-6)
    assert np.all(np.linalg.eigvalsh(rest.correlation) > 0)
