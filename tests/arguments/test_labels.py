"""Rows go together by their labels or are refused, at every door alike."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

import covey
from covey import scores
from covey.arguments.labels import check_rows, check_tables, labels_of
from covey.errors import CoveyWarning, InputError

N = 60
SCORES = [f for f in vars(scores).values() if getattr(f, "__module__", "") == "covey.scores"]
SCORES = [f for f in SCORES if not f.__name__.startswith("_")]


def tables(seed=0):
    """Labelled in no order; the features tell the targets, so that a shuffle would show."""
    r = np.random.default_rng(seed)
    labels = pd.Index([f"r{i}" for i in r.permutation(N)])
    X = pd.DataFrame(r.normal(size=(N, 2)), columns=["u", "v"], index=labels)
    noise = 0.1 * r.normal(size=(N, 2))
    Y = pd.DataFrame({"a": X["u"] + noise[:, 0], "b": X["u"] - X["v"] + noise[:, 1]})
    return X, Y


X, Y = tables()


@pytest.fixture(scope="module")
def model():
    settings = {"members": 2, "hidden_units": (4,), "max_steps": 1, "random_state": 0}
    return covey.JointRegressor("student_t", verbose=0, **settings).fit(X, Y)


@pytest.fixture(scope="module")
def joint(model):
    return model.predict_distribution(X)


# name -> what is done with Y (or a column of it) that has labels of its own
DOORS = {
    "fit Y": lambda m, j, Y: copy.copy(m).fit(X, Y),
    "fit y": lambda m, j, Y: copy.copy(m).fit(X, y=Y),
    "fit Y of one column": lambda m, j, Y: copy.copy(m).fit(X, Y["a"]),
    "fit sample_weight": lambda m, j, Y: copy.copy(m).fit(X, W, Y["a"] ** 2),
    "fit groups": lambda m, j, Y: copy.copy(m).fit(X, W, groups=Y["a"] > 0),
    "score": lambda m, j, Y: m.score(X, Y),
    "score sample_weight": lambda m, j, Y: m.score(X, W, Y["a"] ** 2),
    "evaluate": lambda m, j, Y: m.evaluate(X, Y),
    "calibrate": lambda m, j, Y: copy.copy(m).calibrate(X, Y),
    "given a frame": lambda m, j, Y: m.predict_distribution(X, given=Y[["a"]]),
    "given a Series": lambda m, j, Y: m.predict_distribution(X, given=Y["a"]),
    "given a mapping": lambda m, j, Y: m.predict_distribution(X, given={"a": Y["a"]}),
    "conditional": lambda m, j, Y: j.conditional(Y[["b"]]),
    "conditional of a mixture": lambda m, j, Y: m.predict_mixture(X).conditional({"b": Y["b"]}),
    "log_prob": lambda m, j, Y: j.log_prob(Y),
    "log_prob of a mixture": lambda m, j, Y: m.predict_mixture(X).log_prob(Y),
    "log_prob of a marginal": lambda m, j, Y: j.marginal("a").log_prob(Y["a"]),
    "mahalanobis": lambda m, j, Y: j.mahalanobis(Y),
    "contains": lambda m, j, Y: j.region(0.5).contains(Y),
    "probability": lambda m, j, Y: j.probability(upper={"a": Y["a"]}),
    "probability of a frame": lambda m, j, Y: j.probability(lower=Y),
    "affine": lambda m, j, Y: j.affine({"c": {"a": Y["a"]}}),
    "affine, b": lambda m, j, Y: j.affine({"c": {"a": 1.0}}, {"c": Y["a"]}),
    "kl_divergence": lambda m, j, Y: j.kl_divergence(j._labelled(Y.index)),
    "rows of a mask": lambda m, j, Y: j[Y["a"] > 0],
    "rows of a mask of a mixture": lambda m, j, Y: m.predict_mixture(X)[Y["a"] > 0],
    "rows of a mask of regions": lambda m, j, Y: j.region(0.5)[Y["a"] > 0],
    "weights of a mixture": lambda m, j, Y: covey.Mixture([j, j], Y**2),
    "degrees of freedom": lambda m, j, Y: covey.MultivariateT(
        Z, covariance=np.eye(2), degrees_of_freedom=Y["a"] ** 2 + 3
    ),
    "a mixture": lambda m, j, Y: covey.Mixture([j, j._labelled(Y.index)]),
    **{f.__name__: lambda m, j, Y, f=f: f(j, Y) for f in SCORES},
}
Z = Y * 0.0
W = Y.to_numpy()  # of no labels
# the model is judged by the rows it was fitted to: labels are what matters here
pytestmark = pytest.mark.filterwarnings("ignore:About .* the model was trained on")
each_door = pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)


def test_every_score_is_a_door():
    assert len(SCORES) == 10


@each_door
def test_the_same_labels_are_taken_without_a_word(model, joint, door):
    door(model, joint, Y)


@each_door
@pytest.mark.parametrize("order", [np.arange(N)[::-1], np.roll(np.arange(N), 1)])
def test_another_order_is_refused_and_the_first_row_named(model, joint, door, order):
    with pytest.raises(InputError, match=r"same order.* row 0 is labelled 'r\d+' in .* and 'r\d+'"):
        door(model, joint, Y.iloc[order])


@each_door
def test_labels_of_other_rows_are_refused(model, joint, door):
    with pytest.raises(InputError, match=r"same row labels.* row 0 is labelled 'r\d+' in .* 's0'"):
        door(model, joint, Y.set_axis([f"s{i}" for i in range(N)]))


@each_door
def test_labels_of_some_other_rows_are_refused(model, joint, door):
    with pytest.raises(
        InputError, match=r"same row labels.* row 25 is labelled 'r\d+' in .* 'other'"
    ):
        door(model, joint, Y.rename({Y.index[25]: "other"}))


@each_door
def test_default_labels_go_by_position_and_that_is_said(model, joint, door):
    said = r"taken by their position: .* has row labels \(the first is 'r\d+'\)"
    with pytest.warns(CoveyWarning, match=said):
        door(model, joint, Y.reset_index(drop=True).set_axis(pd.RangeIndex(N)))


def test_arrays_go_by_position_without_a_word(model, joint):
    y = Y.to_numpy()
    assert_array_equal(joint.log_prob(y), joint.log_prob(Y))
    assert_array_equal(joint.conditional({"a": y[:, 0]}).mean, joint.conditional(Y["a"]).mean)
    assert model.score(X, y) == model.score(X, Y) == model.score(X, y=Y)
    assert model.evaluate(X, y) == model.evaluate(X, Y) == model.evaluate(X, y=Y)


INDEXES = {
    "numbers": pd.Index([3, 1, 2]),
    "texts": pd.Index(["3", "1", "2"]),
    "dates": pd.DatetimeIndex(["2024-01-03", "2024-01-01", "2024-01-02"]),
    "dates with a zone": pd.DatetimeIndex(["2024-01-03", "2024-01-01", "2024-01-02"], tz="UTC"),
    "pairs": pd.MultiIndex.from_tuples([("a", 3), ("a", 1), ("b", 2)]),
    "twice": pd.Index([3, 3, 1]),
    "a slice": pd.RangeIndex(100, 103),
    "several types": pd.Index([3, "1", None]),
    "gaps": pd.Index([3.0, np.nan, np.nan]),
}


def column(index):
    return pd.Series(0.0, index=index)


@pytest.mark.parametrize("name", INDEXES)
def test_of_labels_of_any_type_only_the_same_go_together(name):
    index = INDEXES[name]
    check_rows(column(index), column(index.copy()), "Y")
    check_rows(column(index), [0, 0, 0], "Y")
    check_rows(column(index), column(index[:2]), "Y")  # for others to complain about
    with pytest.raises(InputError, match="same row labels in different orders"):
        check_rows(column(index), column(index[[2, 0, 1]]), "Y")
    for other, labels in INDEXES.items():
        if other != name:
            with pytest.raises(InputError, match="Expected `X` and `Y` to have the same row"):
                check_rows(column(index), column(labels), "Y")


def test_the_type_that_holds_the_labels_does_not_matter():
    for one, two in (
        (pd.Index([1, 2]), pd.Index([1.0, 2.0])),
        (pd.Index(["a", "b"]), pd.CategoricalIndex(["a", "b"])),
        (pd.date_range("2024", periods=2, unit="s"), pd.date_range("2024", periods=2, unit="ns")),
        (pd.RangeIndex(5, 7), pd.Index([5, 6])),
        (pd.Index([1, 2], name="key"), pd.Index([1, 2])),
    ):
        check_rows(column(one), column(two), "Y")


def test_some_rows_go_with_the_same_rows(joint):
    few = joint[[7, 3, 50]]
    assert_array_equal(few.log_prob(Y.iloc[[7, 3, 50]]), joint.log_prob(Y)[[7, 3, 50]])
    with pytest.raises(InputError, match="same row labels"):
        joint[:20].log_prob(Y[1:21])
    with pytest.raises(InputError, match="same order"):
        few.region(0.5).contains(Y.iloc[[3, 7, 50]])
    with pytest.raises(InputError, match="same order"):
        joint.region(0.5)[:2].contains(Y.iloc[[1, 0]])


def test_a_shuffle_of_default_labels_is_seen():
    table = pd.DataFrame({"a": range(5)})
    with pytest.raises(InputError, match="row 0 is labelled 0 in `X`, and 4 in `Y`"):
        check_rows(table, table[::-1], "Y")
    with pytest.warns(CoveyWarning, match=r"`Y` has row labels \(the first is 'v'\), `X` none"):
        check_rows(table, table.set_axis(list("vwxyz")), "Y")
    check_rows(table, table[::-1].reset_index(drop=True), "Y")


def test_what_is_told_to_do_works():
    one, two = column(pd.Index([3, 1, 2])), column(pd.Index([1, 2, 3]))
    with pytest.raises(InputError, match=r"use Y\.loc\[X\.index\].*reset_index\(drop=True\)"):
        check_rows(one, two, "Y")
    check_rows(one, two.loc[one.index], "Y")
    check_rows(one.reset_index(drop=True), two.reset_index(drop=True), "Y")
    two = column(pd.Index([7, 8, 9]))
    with pytest.raises(InputError, match=r"Y\.set_axis\(X\.index\)"):
        check_rows(one, two, "Y")
    check_rows(one, two.set_axis(one.index), "Y")


def test_weights_are_held_against_the_labels_that_there_are():
    plain, named = column(pd.RangeIndex(3)), column(pd.Index(list("abc")))
    with pytest.warns(CoveyWarning, match="taken by their position"):
        check_tables(X=plain, Y=named, sample_weight=None, groups=[1, 2, 3])
    with pytest.raises(InputError, match="Expected `Y` and `groups` to have their rows"):
        check_tables(X=[1, 2, 3], Y=named, groups=named[::-1])
    check_tables(X=[1, 2, 3], Y=np.zeros(3))
    assert labels_of({"a": 1}) is None


def test_predictions_join_the_rows_they_are_of(model):
    r = np.random.default_rng(1)
    new = pd.DataFrame(r.normal(size=(500, 2)), columns=["u", "v"]).sample(frac=1, random_state=0)
    for joint in (model.predict_distribution(new), model.predict_mixture(new).moment_matched()):
        side = new.join(joint.to_frame())
        # the truth: a is u, but for noise of 0.1; of another row it would be farther off
        assert np.median(np.abs(side["mean_a"] - side["u"])) < 0.15
        assert_array_equal(side["mean_b"], joint.mean[:, 1])
    assert list(joint.to_frame(index=False).index) == list(range(500))
    assert list(joint[:2].to_frame(index=["p", "q"]).index) == ["p", "q"]
    assert joint[:2].to_frame(index=True).index.equals(new.index[:2])
    with pytest.raises(InputError, match=r"one label for each of 500 rows. Received 2"):
        joint.to_frame(index=["p", "q"])


def test_the_rows_of_a_fit_keep_their_labels(model):
    gaps = Y.copy()
    gaps.iloc[::7] = np.nan
    fitted = copy.copy(model).fit(X, gaps)
    side = X.join(fitted.out_of_fold_.to_frame(), how="inner")
    assert len(side) == N - len(Y[::7])
    assert np.median(np.abs(side["mean_a"] - side["u"])) < 0.15
    fitted.out_of_fold_.log_prob(gaps.dropna())
    of_arrays = copy.copy(model).fit(X.to_numpy(), gaps.to_numpy())
    assert of_arrays.out_of_fold_.index is None
    of_arrays.fit(X.to_numpy(), gaps).out_of_fold_.log_prob(gaps.dropna())  # those of Y


def labelled(mean, index, targets=("a", "b")):
    table = covey.MultivariateNormal(mean, covariance=np.eye(2), targets=targets).to_frame()
    return covey.MultivariateNormal.from_frame(table.set_axis(index))


LABELS = pd.Index(["p", "q", "r"])
FOLLOW = {
    "marginal": (lambda j: j.marginal("b"), ["p", "q", "r"]),
    "conditional": (lambda j: j.conditional({"a": 1.0}), ["p", "q", "r"]),
    "conditional, kept": (lambda j: j.conditional({"a": 1.0}, keep=True), ["p", "q", "r"]),
    "affine": (lambda j: j.affine([[1.0, 1.0]]), ["p", "q", "r"]),
    "sum": (lambda j: j.sum(), ["p", "q", "r"]),
    "a row": (lambda j: j[1], ["q"]),
    "the last row": (lambda j: j[-1], ["r"]),
    "a slice": (lambda j: j[::-2], ["r", "p"]),
    "a mask": (lambda j: j[np.array([True, False, True])], ["p", "r"]),
    "numbers": (lambda j: j[[2, 0, 0]], ["r", "p", "p"]),
    "pickled": (lambda j: pickle.loads(pickle.dumps(j)), ["p", "q", "r"]),
    "copied": (copy.deepcopy, ["p", "q", "r"]),
}
KINDS = {
    "normal": lambda j: j,
    "student_t": lambda j: covey.MultivariateT(
        j.mean, degrees_of_freedom=5, covariance=j.covariance, targets=j.targets
    )._labelled(j.index),
    "low_rank": lambda j: covey.LowRankMultivariateNormal(
        j.mean, diagonal=[1.0, 1.0], factor=[[1.0], [2.0]], targets=j.targets
    )._labelled(j.index),
    "mixture": lambda j: covey.Mixture([j, j]),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", FOLLOW)
def test_labels_follow_the_rows(kind, way):
    joint = KINDS[kind](labelled(np.zeros((3, 2)), LABELS))
    method, expected = FOLLOW[way]
    found = method(joint)
    assert list(found.index) == expected
    assert len(found) == len(expected)
    assert list(joint.index) == ["p", "q", "r"]


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"mixture"}))
def test_batches_are_put_together_with_their_labels(kind):
    joint = KINDS[kind](labelled(np.zeros((3, 2)), LABELS))
    again = type(joint).concatenate([joint[2:], joint[:2]])
    assert list(again.index) == ["r", "p", "q"]
    assert type(joint).concatenate([joint, joint._labelled(None)]).index is None


def test_a_table_of_distributions_keeps_its_labels():
    joint = labelled(np.arange(6.0).reshape(3, 2), LABELS)
    again = covey.MultivariateNormal.from_frame(joint.to_frame())
    assert again.index.equals(LABELS)
    assert again.to_frame().loc["q", "mean_a"] == 2.0


def test_a_row_of_targets_is_no_column_of_rows():
    joint = labelled([[1.0, 2.0]], ["p"])
    density = joint.log_prob([[1.0, 2.0]])
    assert_array_equal(joint.log_prob(pd.Series({"b": 2.0, "a": 1.0}, name="q")), density)


def test_labels_cannot_be_changed():
    joint = labelled(np.zeros((3, 2)), LABELS)
    with pytest.raises(AttributeError, match="immutable"):
        joint.index = None
    with pytest.raises(TypeError):
        joint.index[0] = "z"


def test_both_and_no_targets_are_refused(model):
    for method in (copy.copy(model).fit, model.score, model.evaluate, copy.copy(model).calibrate):
        with pytest.raises(InputError, match="Received both"):
            method(X, Y, y=Y)
        with pytest.raises(InputError, match="requires y to be passed"):
            method(X)


@pytest.mark.parametrize("labels", [range(100, 100 + N), range(5, 5 + N), range(0, 2 * N, 2)])
def test_other_numbers_are_other_rows(labels):
    """A head of a table beside its tail: both are labelled by numbers, one from 0."""
    X = pd.DataFrame({"x": np.arange(N, dtype=float)})
    other = pd.Series(0.0, index=pd.RangeIndex(labels.start, labels.stop, labels.step))
    for one, two in ((X, other), (other, X)):
        with pytest.raises(InputError, match=r"same row labels.* row \d+ is labelled"):
            check_rows(one, two, "Y")


def test_a_shift_is_matched_by_names_and_labels():
    index = pd.Index(["r0", "r1", "r2"])
    joint = covey.MultivariateNormal(
        np.zeros((3, 2)), covariance=[np.eye(2)] * 3, targets=["a", "b"]
    )._labelled(index)
    A = {"s": {"a": 1, "b": 1}, "t": {"a": 1, "b": -1}}
    b = pd.DataFrame({"s": [1.0, 2.0, 3.0], "t": [10.0, 20.0, 30.0]}, index=index)
    expected = b.to_numpy()
    assert_array_equal(joint.affine(A, b=b).mean, expected)
    assert_array_equal(joint.affine(A, b=b[["t", "s"]]).mean, expected)
    assert_array_equal(joint.affine(A, b=pd.Series({"t": 10.0, "s": 1.0})).mean, [[1.0, 10.0]] * 3)
    assert_array_equal(joint.affine({"s": {"a": 1}}, b=b["s"]).mean, expected[:, :1])
    with pytest.raises(InputError, match="same order"):
        joint.affine(A, b=b[::-1])
    with pytest.raises(InputError, match="to have the columns"):
        joint.affine(A, b=b.rename(columns={"t": "u"}))


def test_advice_can_be_typed():
    one, two = (pd.Series(0.0, index=list(labels)) for labels in ("ab", "ba"))
    with pytest.raises(InputError, match="put both into one order") as refused:
        check_rows(one, two, "other", of="the first")
    assert ".loc" not in str(refused.value)


def test_advice_names_what_was_typed_and_distributions_have():
    """A column has no name of its own in a dictionary; distributions have no `reset_index`."""
    joint = labelled(np.zeros((3, 2)), LABELS)
    turned = pd.Series([1.0, 2.0, 3.0], index=LABELS[::-1], name="b")
    others = turned.set_axis(["x", "y", "z"])
    for call, order, stand in (
        (lambda b: joint.conditional(b), "use given.loc[joint.index]", "use given.set_axis"),
        (
            lambda b: joint.conditional({"b": b}),
            "take .loc[joint.index] of what `given['b']` holds",
            "take .set_axis(joint.index) of what `given['b']` holds",
        ),
        (
            lambda b: joint.affine({"s": {"a": b}}),
            "take .loc[joint.index] of what `A['s']['a']` holds",
            "take .set_axis(joint.index) of what `A['s']['a']` holds",
        ),
        (lambda b: joint.probability(b), "use lower.loc[joint.index]", "use lower.set_axis"),
    ):
        for b, ways in ((turned, (order, stand)), (others, (stand,))):
            with pytest.raises(InputError) as refused:
                call(b)
            assert all(way in str(refused.value) for way in ways)
            assert "reset_index" not in str(refused.value)
        assert len(call(turned.loc[joint.index])) == len(call(turned.set_axis(joint.index))) == 3


def test_advice_on_two_distributions_can_be_followed():
    one, two = labelled(np.zeros((3, 2)), LABELS), labelled(np.ones((3, 2)), LABELS[::-1])
    with pytest.raises(InputError, match=r"joint\[numbers\].*features without labels, X\.reset"):
        covey.Mixture([one, two])
    assert list(covey.Mixture([one, two[[2, 1, 0]]]).index) == ["p", "q", "r"]
    with pytest.raises(InputError, match="as they stand, predict both for features without labels"):
        one.kl_divergence(two._labelled(pd.Index(list("xyz"))))


@pytest.mark.parametrize("kind", ["bool", "boolean", "bool[pyarrow]", "object"])
def test_masks_of_any_type_choose_rows(joint, kind):
    mask = Y["a"] > 0
    for mine in (mask.astype(kind), mask.reset_index(drop=True).astype(kind).to_numpy()):
        assert list(joint[mine].index) == list(Y.index[mask])
    assert list(joint[pd.Series([3, 1], index=["x", "y"])].index) == list(X.index[[3, 1]])
