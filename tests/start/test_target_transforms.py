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


def table(make, seed=0, n=N):
    r = np.random.default_rng(seed)
    x = r.normal(size=(n, 2))
    Y = np.column_stack(make(x[:, 0], r))
    return training_data(x, Y, Folds.split(n, 3, seed=seed))


def lognormal(x, r):
    return [5 * np.exp(x + 0.7 * r.normal(size=len(x)))]


def test_what_multiplies_is_learned_by_its_logarithm():
    chosen = choose("auto", table(lognormal), "auto")
    assert isinstance(chosen.transforms.each[0], Log1p)
    assert chosen.gains[0] > 0.3


def test_a_gain_is_that_of_regressions_on_other_rows():
    data = table(lognormal)
    chosen = choose({"y0": Log1p(0.01)}, data, "normal")
    y, gain = data.Y[:, 0], np.zeros(N)
    for train, test in zip(data.folds.trains, data.folds.tests, strict=True):
        for z, slope, sign in ((np.log1p(y / 0.01), np.log(0.01 + y), 1), (y, 0 * y, -1)):
            line = LinearRegression().fit(data.inputs.matrix[train], z[train])
            spread = np.std(z[train] - line.predict(data.inputs.matrix[train]))
            mean = line.predict(data.inputs.matrix[test])
            gain[test] += sign * (stats.norm.logpdf(z[test], mean, spread) - slope[test])
    assert_allclose(chosen.gains[0], gain.mean(), rtol=0.05)


def test_counts_are_tried_in_their_own_unit():
    chosen = choose("auto", table(lambda x, r: [1.0 * r.poisson(np.exp(1 + x))]), "auto")
    assert chosen.transforms.each[0].described in ("log1p", "sqrt")
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


def test_gaps_weights_and_other_targets_change_no_choice():
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
        ("log1p", r"Target 'y0' cannot go through 'log1p'.*no value below 0.*-2 \(and 0 more"),
        ({"y1": "log"}, r"'y1'.*'log'.*values above 0.*Received 0.*'log1p', which takes 0"),
        ("cube", r"transform of target 'y0' must be one of.*'cube'"),
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
