"""Which transform is chosen: as a user says, or by the likelihood of rows out of fold."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats
from sklearn.linear_model import LinearRegression

from covey.distributions.transform import Clip, Log1p, Sqrt
from covey.errors import InputError
from covey.start.target_transforms import choose
from covey.table.folds import Folds
from tests.training import training_data

N = 1500


def table(make, seed=0, n=N, weight=None):
    r = np.random.default_rng(seed)
    x = r.normal(size=(n, 2))
    Y = np.column_stack(make(x[:, 0], r))
    return training_data(x, Y, Folds.split(n, 3, seed=seed), weight)


def lognormal(x, r):
    return [5 * np.exp(x + 0.7 * r.normal(size=len(x)))]


def test_what_multiplies_is_learned_by_its_logarithm():
    chosen = choose("auto", table(lognormal), "auto")
    assert isinstance(chosen.transforms.each[0], Log1p)
    assert chosen.gains[0] > 0.3


@pytest.mark.parametrize("floor", [None, 0.0, 2.0])
def test_a_gain_is_that_of_regressions_on_other_rows_and_counts_weights(floor):
    weight = np.random.default_rng(1).integers(0, 4, N) * 1.0
    data = table(lognormal, weight=weight)
    y, gain = data.Y[:, 0], np.zeros(N)
    if floor is not None:
        y[:] = np.where(y < 2.5, floor, y)
    chosen = choose({"y0": Log1p(0.5)}, data, "normal")
    for train, test in zip(data.folds.trains, data.folds.tests, strict=True):
        for z, slope, sign in ((np.log1p(y / 0.5), np.log(0.5 + y), 1), (y, 0 * y, -1)):
            line = LinearRegression().fit(data.inputs.matrix[train], z[train], weight[train])
            squares = np.square(z[train] - line.predict(data.inputs.matrix[train]))
            law = stats.norm(
                line.predict(data.inputs.matrix[test]),
                np.sqrt(np.average(squares, weights=weight[train])),
            )
            density = law.logpdf(z[test]) - slope[test]
            # what many rows share is as likely as a value no greater than it
            gain[test] += sign * np.where(y[test] == floor, law.logcdf(z[test]), density)
    assert_allclose(chosen.gains[0], np.average(gain, weights=weight), rtol=0.05)


@pytest.mark.parametrize("slope", [1.0, 0.0])
@pytest.mark.parametrize(("mean", "floor"), [(1.5, 0.0), (0.0, 0.0), (0.6, 0.1)])
@pytest.mark.parametrize("family", ["auto", "normal"])
def test_values_cut_off_below_are_clipped(mean, floor, slope, family):
    """The truth is a straight line that is cut at 0 or at a limit of detection (Tobin 1958)."""

    def make(x, r):
        return [np.maximum(slope * x + mean + r.normal(size=len(x)), floor)]

    for seed in range(3):
        chosen = choose("auto", table(make, seed), family)
        assert isinstance(chosen.transforms.each[0], Clip)
        assert chosen.gains[0] == 0


@pytest.mark.parametrize(("half", "kind"), [(1, Log1p), (0, Clip)])
def test_rows_that_weigh_choose(half, kind):
    """Half of the rows are lognormal, half of them normal: the heavier half is right."""

    def make(x, r):
        straight = np.maximum(3 + 2 * x + r.normal(size=len(x)), 0)
        return [np.where(np.arange(len(x)) % 2, lognormal(x, r)[0], straight)]

    weight = np.where(np.arange(N) % 2 == half, 1.0, 1e-3)
    chosen = choose("auto", table(make, weight=weight), "normal")
    assert isinstance(chosen.transforms.each[0], kind)


def test_a_single_row_near_0_changes_nothing():
    """All but one of 1,500 intervals stay above 0, and what multiplies is far from 0."""

    def make(x, r):
        y = np.exp(3 + 0.2 * x + 0.1 * r.normal(size=len(x)))
        return [y]

    data = table(make)
    assert choose("auto", data, "auto").transforms.each[0] is None
    data.inputs.matrix[7, 0] = -9.0  # its mean is far below 0
    assert choose("auto", data, "auto").transforms.each[0] is None


def test_counts_are_tried_in_their_own_unit():
    chosen = choose("auto", table(lambda x, r: [1.0 * r.poisson(np.exp(1 + x))]), "auto")
    assert isinstance(chosen.transforms.each[0], Log1p | Sqrt)
    assert chosen.transforms.each[0].unit in (1, 0.375, 2)
    assert 3 < chosen.transforms.each[0].top < 8  # the upper quartile of the counts above 0


def test_what_is_fine_as_it_is_stays_so():
    def make(x, r):
        far = 1000 + x + r.normal(size=len(x))
        near = np.maximum(3 + x + r.normal(size=len(x)), 0)
        negative = x + r.normal(size=len(x))
        return [far, near, negative, np.zeros(len(x))]

    chosen = choose("auto", table(make), "auto")
    far, near, negative, nothing = chosen.transforms.each
    assert far is None
    assert isinstance(near, Clip)
    assert negative is None
    assert nothing is None or isinstance(nothing, Clip)
    assert set(chosen.figures(["far", "near", "negative", "nothing"])) >= {"near"}
    assert "far" not in chosen.figures(["far", "near", "negative", "nothing"])


def test_gaps_and_other_targets_change_no_choice():
    def make(x, r):
        y = lognormal(x, r)[0]
        return [y, np.where(r.random(len(x)) < 0.5, np.nan, y), x]

    chosen = choose({"y0": "auto", "y1": "auto"}, table(make), "student_t")
    one, gaps, none = chosen.transforms.each
    assert isinstance(one, Log1p)
    assert isinstance(gaps, Log1p)
    assert none is None
    assert np.isnan(chosen.gains[2])


def test_what_is_named_is_taken_and_straight_above_the_upper_quartile():
    data = table(lognormal)
    chosen = choose("sqrt", data, "auto")
    assert chosen.transforms.each[0] == Sqrt(top=float(np.quantile(data.Y, 0.75)))
    own = Log1p(3.0)
    assert choose({"y0": own}, data, "normal").transforms.each[0] is own
    for nothing in (None, {}, {"y0": None}):
        assert not choose(nothing, data, "auto").transforms


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("log1p", r"Target 'y0' cannot go through 'log1p'.*no value below 0.*-2\. Say"),
        ({"y1": "log"}, r"'y1'.*'log'.*values above 0.*Received 0.*'log1p', which takes 0"),
        ("cube", r"transform of target 'y0' must be one of .*or auto.*'cube'"),
        ({"z": "log"}, "Expected one of the targets"),
        (7, "must be one of"),
    ],
)
def test_what_cannot_be_is_refused(given, message):
    def make(x, r):
        y = np.abs(x) + 0.1
        first, second = y.copy(), y.copy()
        first[4], second[5] = -2.0, 0.0
        return [first, second]

    with pytest.raises(InputError, match=message):
        choose(given, table(make, n=60), "auto")
