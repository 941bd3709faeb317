"""The normal distribution against SciPy, closed forms, and its own laws."""

import copy
import doctest
import io
import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

import covey.distributions.normal
from covey.distributions import MultivariateNormal

# (N, D); N == D on purpose, where a wrong axis goes unnoticed by shapes
SHAPES = [(1, 1), (4, 1), (1, 3), (3, 3), (7, 2), (4, 5)]
each_shape = pytest.mark.parametrize(("n", "d"), SHAPES)
HUGE_AND_TINY = np.array([1e-9, 1e9, 1.0])


def draw(n, d, seed=0):
    """A batch whose rows and targets all differ."""
    rng = np.random.default_rng([seed, n, d])
    rows = rng.normal(size=(n, d, d + 2)) * rng.uniform(0.5, 2, size=(n, d, 1))
    return MultivariateNormal(rng.normal(size=(n, d)), covariance=rows @ np.swapaxes(rows, 1, 2))


def observations(joint, seed=1):
    rng = np.random.default_rng(seed)
    return joint.mean + 2 * joint.stddev * rng.normal(size=joint.mean.shape)


def scipys(joint):
    return [
        stats.multivariate_normal(m, c) for m, c in zip(joint.mean, joint.covariance, strict=True)
    ]


def holed(y, seed=2):
    """Some entries missing; the last row entirely."""
    y = np.where(np.random.default_rng(seed).random(y.shape) < 0.4, np.nan, y)
    y[-1] = np.nan
    return y


@each_shape
def test_covariance_and_its_factor_say_the_same(n, d):
    joint = draw(n, d)
    again = MultivariateNormal(joint.mean, scale_tril=joint.scale_tril)
    assert_array_equal(again.covariance, joint.covariance)
    assert_allclose(np.linalg.cholesky(joint.covariance), joint.scale_tril, rtol=1e-9, atol=1e-12)
    assert_array_equal(joint.covariance, np.swapaxes(joint.covariance, 1, 2))
    assert_allclose(joint.stddev**2, np.diagonal(joint.covariance, axis1=1, axis2=2))
    outer = joint.stddev[:, :, None] * joint.stddev[:, None, :]
    assert_allclose(joint.correlation, joint.covariance / outer, rtol=1e-12, atol=1e-12)
    assert np.all(np.diagonal(joint.correlation, axis1=1, axis2=2) == 1)
    assert joint.targets == tuple(f"y{i}" for i in range(d))


def test_the_covariance_given_comes_back():
    given = np.array([[[4.0, 1.0], [1.0, 9.0]], [[2.0, -1.0], [-1.0, 1.0]]])
    assert_allclose(MultivariateNormal(np.zeros((2, 2)), covariance=given).covariance, given)


@pytest.mark.parametrize("kind", ["covariance", "scale_tril"])
def test_one_matrix_serves_every_row(kind):
    matrix = [[2.0, 0.0], [1.0, 1.0]] if kind == "scale_tril" else [[2.0, 1.0], [1.0, 1.0]]
    shared = MultivariateNormal(np.zeros((2, 2)), **{kind: matrix})
    apart = MultivariateNormal(np.zeros((2, 2)), **{kind: [matrix, matrix]})
    assert_array_equal(shared.scale_tril, apart.scale_tril)


def test_a_flat_mean_is_one_row():
    assert len(MultivariateNormal([1.0, 2.0], covariance=np.eye(2))) == 1


def test_a_little_asymmetry_is_rounding_whatever_the_scale():
    scale = np.outer(HUGE_AND_TINY, HUGE_AND_TINY)
    nearly = np.eye(3)
    nearly[0, 1] = 1e-9
    joint = MultivariateNormal(np.zeros(3), covariance=nearly * scale)
    assert_allclose(joint.correlation[0, 0, 1], 5e-10)
    assert_array_equal(joint.covariance, np.swapaxes(joint.covariance, 1, 2))


@each_shape
def test_log_prob_entropy_and_mahalanobis_are_scipys(n, d):
    joint = draw(n, d)
    y = observations(joint)
    assert joint.log_prob(y).shape == joint.mahalanobis(y).shape == joint.entropy().shape == (n,)
    assert_allclose(joint.log_prob(y), [p.logpdf(y[i]) for i, p in enumerate(scipys(joint))])
    assert_allclose(joint.entropy(), [p.entropy() for p in scipys(joint)])
    shift = (y - joint.mean)[:, :, None]
    squared = (np.swapaxes(shift, 1, 2) @ np.linalg.solve(joint.covariance, shift)).ravel()
    assert_allclose(joint.mahalanobis(y), np.sqrt(squared))


@each_shape
def test_missing_entries_are_marginalised(n, d):
    joint = draw(n, d)
    y = holed(observations(joint))
    assert joint.log_prob(y)[-1] == joint.mahalanobis(y)[-1] == 0
    for i, seen in enumerate(~np.isnan(y)):
        if seen.any():
            part = stats.multivariate_normal(
                joint.mean[i, seen], joint.covariance[i][np.ix_(seen, seen)]
            )
            assert_allclose(joint.log_prob(y)[i], part.logpdf(y[i, seen]))
            distance = np.sqrt(2 * (part.logpdf(part.mean) - part.logpdf(y[i, seen])))
            assert_allclose(joint.mahalanobis(y)[i], distance)


def test_observations_come_in_several_forms():
    joint = MultivariateNormal(np.zeros((3, 2)), covariance=np.eye(2), targets=["a", "b"])
    y = np.arange(6.0).reshape(3, 2)
    frame = pd.DataFrame({"b": y[:, 1], "other": "text", "a": y[:, 0]})
    assert_array_equal(joint.log_prob(frame), joint.log_prob(y))
    assert_array_equal(joint.log_prob(y.tolist()), joint.log_prob(y))
    assert_array_equal(joint[1].log_prob(y[1]), joint.log_prob(y)[1:2])
    column = draw(4, 1)
    assert_array_equal(column.log_prob(np.arange(4.0)), column.log_prob(np.arange(4.0)[:, None]))


def test_scales_of_1e_minus_9_and_1e9_in_one_object():
    base = draw(3, 3)
    scale = np.diag(HUGE_AND_TINY)
    joint = MultivariateNormal(
        base.mean @ scale, covariance=scale @ base.covariance @ scale, targets=base.targets
    )
    y = observations(base)
    for other in (joint, base.affine(scale)):
        assert_allclose(other.log_prob(y @ scale), base.log_prob(y) - np.log(HUGE_AND_TINY).sum())
        assert_allclose(other.mahalanobis(holed(y) * HUGE_AND_TINY), base.mahalanobis(holed(y)))
        assert_allclose(other.correlation, base.correlation, atol=1e-12)
        assert_allclose(other.kl_divergence(joint), 0, atol=1e-9)


@pytest.mark.parametrize("gap", [2.0**-20, 2.0**-40])
def test_a_nearly_singular_correlation(gap):
    joint = MultivariateNormal([0, 0], covariance=[[1, 1 - gap], [1 - gap, 1]])
    determinant = gap * (2 - gap)
    expected = -np.log(2 * np.pi) - np.log(determinant) / 2 - 1 / (2 - gap)
    assert_allclose(joint.log_prob([[1, 1]]), [expected], rtol=1e-4)
    assert_allclose(joint.mahalanobis([[1, -1]]), [np.sqrt(2 / gap)], rtol=1e-4)


@each_shape
def test_kl_divergence_is_the_closed_form(n, d):
    p, q = draw(n, d), draw(n, d, seed=5)
    shift = (q.mean - p.mean)[:, :, None]
    inverse = np.linalg.inv(q.covariance)
    expected = 0.5 * (
        np.trace(inverse @ p.covariance, axis1=1, axis2=2)
        + (np.swapaxes(shift, 1, 2) @ inverse @ shift).ravel()
        - d
        + np.linalg.slogdet(q.covariance)[1]
        - np.linalg.slogdet(p.covariance)[1]
    )
    assert_allclose(p.kl_divergence(q), expected)
    assert_allclose(p.kl_divergence(p), np.zeros(n), atol=1e-12)
    rows = [q[i].kl_divergence(p[0])[0] for i in range(n)]
    assert_allclose(q.kl_divergence(p[0]), rows)  # one row for all, on either side
    assert_allclose(p[0].kl_divergence(q), [p[0].kl_divergence(q[i])[0] for i in range(n)])


def test_samples_have_the_moments_and_rows_are_independent():
    joint, size = draw(2, 3), 200_000
    y = joint.sample(size, seed=0)
    assert y.shape == (size, 2, 3)
    assert np.all(np.abs(y.mean(axis=0) - joint.mean) < 5 * joint.stddev / np.sqrt(size))
    both = np.cov(y.reshape(size, 6), rowvar=False)
    expected = np.zeros((6, 6))
    expected[:3, :3], expected[3:, 3:] = joint.covariance
    outer = np.outer(joint.stddev, joint.stddev)
    assert np.all(np.abs(both - expected) < 7 * outer / np.sqrt(size))


def test_seeds():
    joint = draw(2, 2)
    first = joint.sample(3, seed=1)
    assert_array_equal(first, joint.sample(3, seed=1))
    assert_array_equal(first, joint.sample(np.int64(3), seed=np.random.default_rng(1)))
    assert not np.any(first == joint.sample(3, seed=2))
    assert not np.any(joint.sample(3) == joint.sample(3))


AFFINE = [(n, d, m) for n, d in SHAPES for m in {1, d - 1, d} if m]


@pytest.mark.parametrize(("n", "d", "m"), AFFINE)
@pytest.mark.parametrize("per_row", [False, True])
def test_affine_is_the_product_of_matrices(n, d, m, per_row):
    joint, rng = draw(n, d), np.random.default_rng(7)
    A = rng.normal(size=(n, m, d) if per_row else (m, d))
    b = rng.normal(size=(n, m) if per_row else m)
    image = joint.affine(A, b)
    assert_allclose(image.mean, (A @ joint.mean[:, :, None])[:, :, 0] + b)
    assert_allclose(image.covariance, A @ joint.covariance @ np.swapaxes(A, -1, -2))
    assert_array_equal(np.triu(image.scale_tril, 1), 0)
    assert np.all(np.diagonal(image.scale_tril, axis1=1, axis2=2) > 0)
    assert_allclose(joint.affine(A).mean, image.mean - b, atol=1e-12)


@each_shape
def test_affine_maps_compose_and_change_the_density_by_the_determinant(n, d):
    joint, rng = draw(n, d), np.random.default_rng(8)
    A, B, b = rng.normal(size=(d, d)), rng.normal(size=(d, d)), rng.normal(size=d)
    twice, once = joint.affine(A, b).affine(B), joint.affine(B @ A, B @ b)
    assert_allclose(twice.mean, once.mean)
    assert_allclose(twice.covariance, once.covariance, rtol=1e-6)
    y = observations(joint)
    moved = joint.affine(A, b).log_prob(y @ A.T + b)
    assert_allclose(moved, joint.log_prob(y) - np.linalg.slogdet(A)[1])


@pytest.mark.parametrize(
    ("A", "names", "expected"),
    [
        (np.diag([2.0, 3.0]), None, ("a", "b")),
        (np.diag([-2.0, 3.0]), None, ("a", "b")),
        ([[1.0, 0.0], [1.0, 1.0]], None, ("y0", "y1")),
        ([[0.0, 1.0], [1.0, 0.0]], None, ("y0", "y1")),
        ([[1.0, 0.0]], None, ("y0",)),
        ([[1.0, 1.0]], ["sum"], ("sum",)),
        (np.eye(2), ["c", "d"], ("c", "d")),
    ],
)
def test_a_change_of_units_keeps_the_names(A, names, expected):
    joint = MultivariateNormal([1.0, 2.0], covariance=[[2.0, 1.0], [1.0, 3.0]], targets=["a", "b"])
    image = joint.affine(A, targets=names)
    assert image.targets == expected
    assert_allclose(image.covariance[0], A @ joint.covariance[0] @ np.transpose(A))


@pytest.mark.parametrize("level", [0.1, 0.9, np.float32(0.5), 1 - 1e-12])
def test_interval_is_scipys(level):
    joint = draw(4, 3)
    lower, upper = joint.interval(level)
    expected = stats.norm.interval(float(level), joint.mean, joint.stddev)
    assert_allclose(lower, expected[0], rtol=1e-4 if level > 0.99 else 1e-7)
    assert_allclose(upper, expected[1], rtol=1e-4 if level > 0.99 else 1e-7)
    assert_array_equal(joint.interval()[1], joint.interval(0.9)[1])


def test_the_columns_of_a_table():
    joint = MultivariateNormal([1, 2], covariance=[[4, 1], [1, 9]], targets=["CO", "NOx"])
    frame = joint.to_frame()
    names = ["mean_CO", "mean_NOx", "cov_CO_CO", "cov_CO_NOx", "cov_NOx_NOx"]
    assert list(frame.columns) == names
    assert_allclose(frame.to_numpy(), [[1, 2, 4, 1, 9]])


@pytest.mark.parametrize("through_csv", [False, True])
@each_shape
def test_tables_come_back(n, d, through_csv):
    joint = draw(n, d).affine(np.diag(10.0 ** np.arange(-9, 2 * d - 9, 2)))
    frame = joint.to_frame()
    if through_csv:
        frame = pd.read_csv(io.StringIO(frame.to_csv(index=False)))
    frame.insert(0, "station", "north")
    again = MultivariateNormal.from_frame(frame[[*frame.columns[d + 1 :], *frame.columns[: d + 1]]])
    assert again.targets == joint.targets
    assert_allclose(again.mean, joint.mean, rtol=1e-12)
    assert_allclose(again.covariance, joint.covariance, rtol=1e-12)


ROWS = [
    slice(None),
    slice(1, 3),
    slice(None, None, -1),
    slice(2, 2),
    [2, 0, 0, -1],
    np.array([True, False, True, False]),
    np.zeros(4, dtype=bool),
]


@pytest.mark.parametrize("rows", ROWS, ids=str)
def test_indexing_is_numpys(rows):
    joint = draw(4, 3)
    part = joint[rows]
    assert_array_equal(part.mean, joint.mean[rows])
    assert_array_equal(part.covariance, joint.covariance[rows])
    assert part.targets == joint.targets
    assert len(part) == len(joint.mean[rows])


@pytest.mark.parametrize("i", [0, 3, -1, -4, np.int64(2)])
def test_an_integer_gives_a_batch_of_one(i):
    joint = draw(4, 3)
    assert joint[i].mean.shape == (1, 3)
    assert_array_equal(joint[i].mean[0], joint.mean[i])
    assert_array_equal(joint[i].scale_tril[0], joint.scale_tril[i])


@pytest.mark.parametrize("i", [4, -5])
def test_out_of_range_is_an_index_error(i):
    with pytest.raises(IndexError):
        draw(4, 3)[i]


def test_iteration_ends():
    assert_array_equal(np.concatenate([row.mean for row in draw(3, 2)]), draw(3, 2).mean)


def test_no_rows_at_all():
    empty = draw(4, 3)[:0]
    for joint in (
        empty,
        MultivariateNormal(np.empty((0, 3)), covariance=np.eye(3)),
        MultivariateNormal(np.empty((0, 3)), scale_tril=np.empty((0, 3, 3))),
        MultivariateNormal.from_frame(empty.to_frame()),
        empty.affine(np.eye(3)),
    ):
        assert len(joint) == len(joint.log_prob(np.empty((0, 3)))) == len(joint.entropy()) == 0
        assert joint.covariance.shape == joint.correlation.shape == (0, 3, 3)
        assert joint.sample(2).shape == (2, 0, 3)
        assert joint.affine([[1.0, 1.0, 1.0]]).stddev.shape == (0, 1)
        assert joint.kl_divergence(empty).shape == joint.interval(0.5)[0].shape[:1] == (0,)
        assert "0 rows, 3 targets" in repr(joint)


ARRAYS = ["mean", "scale_tril", "covariance", "stddev", "correlation"]


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize(
    "made",
    [
        lambda joint: joint,
        lambda joint: joint[1:],
        lambda joint: joint[[0, 1]],
        lambda joint: joint.affine(np.eye(2)),
        lambda joint: pickle.loads(pickle.dumps(joint)),
        copy.deepcopy,
    ],
)
def test_nothing_can_be_changed(name, made):
    joint = draw(3, 2)
    assert joint.correlation is not None  # cached before the copy is made
    joint = made(joint)
    with pytest.raises(ValueError, match="read-only"):
        getattr(joint, name)[0] = 1
    with pytest.raises(AttributeError, match=f"immutable: cannot set '{name}'"):
        setattr(joint, name, 1)


@pytest.mark.parametrize("kind", ["covariance", "scale_tril"])
def test_the_callers_arrays_stay_his_own(kind):
    mean, matrix = np.zeros((2, 2)), np.stack([np.eye(2), np.eye(2)])
    joint = MultivariateNormal(mean, **{kind: matrix})
    mean[:], matrix[:] = 7, 7
    assert_array_equal(joint.mean, 0)
    assert_array_equal(joint.covariance, [np.eye(2), np.eye(2)])


def test_repr_of_one_row_shows_the_correlations():
    joint = MultivariateNormal([1, 2], covariance=[[4, 3], [3, 9]], targets=["CO", "NOx"])
    text = repr(joint)
    for part in (
        "MultivariateNormal: 1 row, 2 targets",
        "CO",
        "NOx",
        "1.0 ± 2.0",
        "2.0 ± 3.0",
        "0.50",
    ):
        assert part in text


def test_repr_of_much_is_short():
    text = repr(draw(100, 12))
    assert "100 rows, 12 targets" in text
    assert "95 more rows" in text
    assert "y7" in text
    assert "y8" not in text
    assert "..." in text.splitlines()[1]
    assert len(text.splitlines()) < 10
    assert max(map(len, text.splitlines())) < 160


def test_repr_of_one_target_has_no_correlation():
    assert "correlation" not in repr(draw(1, 1))
    assert "1 target" in repr(draw(1, 1))


def test_the_example_runs():
    failed, attempted = doctest.testmod(covey.distributions.normal)
    assert attempted
    assert not failed


@pytest.mark.parametrize("kind", ["MultivariateNormal", "MultivariateT", "Mixture"])
def test_what_a_method_does_is_written_once(kind):
    told = {}
    for owner in getattr(covey, kind).__mro__:
        if not owner.__module__.startswith("covey."):
            continue
        for name, method in vars(owner).items():
            text = getattr(method, "__doc__", None) or ""
            if "Args:" in text:
                told.setdefault((name, text.split("\n")[0]), []).append(owner.__name__)
    assert {key: owners for key, owners in told.items() if len(owners) > 1} == {}
    assert "Args:" in getattr(covey, kind).concatenate.__doc__
