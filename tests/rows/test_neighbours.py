"""Rows that depend on their neighbours are noticed, sorted and independent ones are not."""

import numpy as np
import pytest

from covey.rows.neighbours import dependence


def autoregressive(r, n, rho):
    noise = r.normal(size=n) * np.sqrt(1 - rho**2)
    noise[0] = r.normal()
    for i in range(1, n):
        noise[i] += rho * noise[i - 1]
    return noise


def seen(X, Y, order=None):
    Y = Y if Y.ndim == 2 else Y[:, None]
    return dependence(X, Y, np.arange(len(Y)) if order is None else order)


@pytest.mark.parametrize("time", [False, True])
@pytest.mark.parametrize(("n", "rho"), [(200, 0.8), (600, 0.5), (4000, 0.3)])
def test_autoregressive_noise_is_noticed(n, rho, time):
    r = np.random.default_rng(n)
    X = r.normal(size=(n, 3))
    if time:  # which tells where each row stands
        X[:, 2] = np.linspace(-1.7, 1.7, n)
    found = seen(X, np.column_stack([r.normal(size=n), X[:, 0] + autoregressive(r, n, rho)]))
    assert found.target == 1
    assert found.lag == 1
    assert found.correlation == pytest.approx(rho, abs=0.15)  # which is that of the noise


def test_a_random_walk_and_batches_are_noticed():
    r = np.random.default_rng(0)
    X = r.normal(size=(600, 2))
    assert seen(X, np.cumsum(r.normal(size=600))).correlation > 0.9
    time = np.linspace(-1.7, 1.7, 2000)[:, None]
    assert seen(time, np.cumsum(r.normal(size=2000))).correlation > 0.9
    batch = np.repeat(r.normal(size=30), 20)
    found = seen(X, batch + 0.5 * r.normal(size=600))
    assert found.correlation == pytest.approx(0.95 / 1.25, abs=0.15)  # one pair in 20 is no pair


def test_the_order_is_what_counts():
    r = np.random.default_rng(1)
    X, y = r.normal(size=(500, 2)), autoregressive(r, 500, 0.8)
    shuffled = r.permutation(500)
    assert seen(X[shuffled], y[shuffled]) is None
    assert seen(X[shuffled], y[shuffled], order=np.argsort(shuffled)) == seen(X, y)


def test_rows_in_turn_depend_on_those_some_rows_before():
    r = np.random.default_rng(2)
    y = np.column_stack([autoregressive(r, 300, 0.8) for _ in range(3)]).ravel()
    found = seen(r.normal(size=(900, 2)), y)
    assert found.lag == 3
    assert found.correlation == pytest.approx(0.8, abs=0.1)


def test_gaps_and_heavy_tails():
    r = np.random.default_rng(3)
    n = 800
    X, noise = r.normal(size=(n, 2)), autoregressive(r, n, 0.8)
    Y = np.column_stack([r.standard_t(1.2, size=n), np.sinh(2 * noise)])  # no moments to speak of
    Y[r.random((n, 2)) < 0.4] = np.nan
    found = seen(X, Y)
    assert found.target == 1
    assert found.correlation == pytest.approx(0.8, abs=0.2)


TAILS = {
    "normal": lambda r, n: r.normal(size=n),
    "cauchy": lambda r, n: r.standard_cauchy(n),
    "counts": lambda r, n: r.poisson(0.7, n).astype(float),
    "two values": lambda r, n: (r.random(n) < 0.1).astype(float),
    "lognormal": lambda r, n: np.exp(2 * r.normal(size=n)),
}


@pytest.mark.parametrize("tail", TAILS)
def test_independent_rows_pass_in_silence(tail):
    alarms = 0
    for seed in range(100):
        r = np.random.default_rng(seed)
        n = int(r.integers(20, 200)) if seed % 4 else 1000
        X = r.normal(size=(n, int(r.integers(1, 6))))
        Y = np.column_stack([TAILS[tail](r, n) + X[:, 0] ** 2 for _ in range(1 + seed % 3)])
        if seed % 2:
            Y[r.random(Y.shape) < 0.3] = np.nan
            Y[0] = 1.0
        alarms += seen(X, Y) is not None
    assert alarms == 0  # 1 in 10,000 is what the bound allows


def in_order_of(key, *arrays):
    order = np.argsort(key, kind="stable")
    return tuple(array[order] for array in arrays)


@pytest.mark.parametrize("n", [150, 500, 2000])
@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_tables_sorted_by_what_is_known_are_no_rows_that_depend(n, noise):
    r = np.random.default_rng(n)
    X = r.normal(size=(n, 3))
    curve = X[:, 0] ** 2 + noise * r.normal(size=n)
    grid = np.linspace(0, 1, n)[:, None]
    tables = {
        "by a feature": in_order_of(X[:, 0], X, curve),
        "by a feature, falling": in_order_of(-X[:, 0], X, curve),
        "by a function of two": in_order_of(
            (X[:, :2] ** 2).sum(axis=1), X, (X[:, :2] ** 2).sum(axis=1) + noise * X[:, 2]
        ),
        "by the target": in_order_of(X[:, 1] + curve, X, X[:, 1] + curve),
        "on a grid": (grid, np.sin(2 * np.pi * grid[:, 0]) + noise * r.normal(size=n)),
        "by a label": in_order_of(X[:, 0] > 0, (X > 0).astype(float), curve),
    }
    assert [name for name, (features, y) in tables.items() if seen(features, y)] == []


def test_targets_that_are_rarely_observed_say_nothing():
    r = np.random.default_rng(4)
    for rows in ([], range(5), range(2000, 2004), range(0, 5000, 60), [2500, 2501, *range(20)]):
        Y = np.full((5000, 2), np.nan)
        Y[:, 0] = r.normal(size=5000)
        Y[list(rows), 1] = 5.0
        Y[list(rows)[::3], 1] = 50.0
        assert seen(r.normal(size=(5000, 2)), Y) is None


def test_what_rounding_leaves_says_nothing():
    X = np.arange(300.0)[:, None] / 300
    assert seen(X, 1e9 + 3 * X[:, 0]) is None
    assert seen(X, np.ones(300)) is None


def test_few_rows_say_nothing():
    r = np.random.default_rng(0)
    assert seen(r.normal(size=(29, 1)), np.cumsum(r.normal(size=29))) is None


def test_a_target_that_only_rises_does_not_hide_what_depends():
    r = np.random.default_rng(0)
    X = r.normal(size=(600, 2))
    meter = np.cumsum(r.exponential(size=600))
    noise = autoregressive(r, 600, 0.8)
    found = seen(X, np.column_stack([meter, noise]))
    assert found.target == 1
    # but one by which a table is sorted explains the others
    y = X[:, 0] + r.normal(size=600)
    X, Y = in_order_of(y, X, np.column_stack([y**3 + r.normal(size=600), y]))
    assert seen(X, Y) is None
    assert seen(X, Y[:, :1]) is not None


@pytest.mark.parametrize("size", [1, 2, 5, 10])
def test_rows_of_two_groups_that_depend_are_noticed(size):
    r = np.random.default_rng(size)
    n, group = 1500, np.arange(1500) // size
    X = r.normal(size=(n, 3))
    y = X[:, 0] + autoregressive(r, n, 0.95)
    found = dependence(X, y[:, None], np.arange(n), group)
    # to the row before, and so across a border between groups
    assert found.correlation == pytest.approx(0.95, abs=0.1)


@pytest.mark.parametrize("size", [2, 3, 5, 10, 50])
def test_what_rows_of_one_group_share_says_nothing_of_neighbours(size):
    alarms, without = 0, 0
    for seed in range(16):
        r = np.random.default_rng([size, seed])
        n = int(r.integers(100, 1000))
        group = np.arange(n) // size
        X = r.normal(size=(n, 3))
        X[:, 1] = r.normal(size=n)[group]  # known of the group
        share = [0.3, 3.0][seed % 2]
        y = X[:, 0] + X[:, 1] ** 2 + share * r.standard_t(3, size=n)[group] + r.normal(size=n)
        alarms += dependence(X, y[:, None], np.arange(n), group) is not None
        without += dependence(X, y[:, None], np.arange(n)) is not None
    assert alarms == 0
    assert without > 0  # as it is seen if nobody says what belongs together
