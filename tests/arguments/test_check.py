"""What a distribution refuses, and in which words."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from covey.arguments.check import check_level, check_size, factor_covariance, read_values
from covey.distributions import Mixture, MultivariateNormal
from covey.errors import InputError

EYE = np.eye(2)
INDEFINITE = [EYE, [[1, 2], [2, 1]], EYE]
JOINT = MultivariateNormal(np.zeros((3, 2)), covariance=EYE, targets=["CO", "NOx"])
OTHER = MultivariateNormal(np.zeros((3, 2)), covariance=EYE, targets=["NOx", "CO"])
FRAME = JOINT.to_frame()
FRAME_OF_Y = pd.DataFrame({"CO": [0.0, 0.0, 0.0], "NOx": [0.0, 0.0, 0.0]}, index=["p", "q", "r"])


def make(mean=(0.0, 0.0), **arguments):
    return lambda: MultivariateNormal(mean, **arguments)


REFUSED = {
    # constructor
    "both": (make(covariance=EYE, scale_tril=EYE), "exactly one of .* Received both"),
    "neither": (make(), "exactly one of .* Received neither"),
    "mean of NaN": (make([[0, 0], [0, np.nan]], covariance=EYE), "`mean` .* finite. Row 1"),
    "mean of inf": (make([0, np.inf], covariance=EYE), "`mean` must be finite. Row 0"),
    "mean of text": (make(["a", "b"], covariance=EYE), "`mean` must be an array of numbers"),
    "mean of rags": (make([[1], [1, 2]], covariance=EYE), "`mean` must be an array of numbers"),
    "mean a number": (make(0.0, covariance=EYE), r"shape \(N, D\).* Received \(\)"),
    "mean of 3 axes": (make(np.zeros((1, 1, 2)), covariance=EYE), r"Received \(1, 1, 2\)"),
    "no target": (make(np.zeros((3, 0)), covariance=EYE), "D >= 1"),
    "shape": (make(covariance=np.eye(3)), r"\(1, 2, 2\) .* Received \(3, 3\)"),
    "rows": (make(covariance=[EYE, EYE]), r"`covariance` must .* Received \(2, 2, 2\)"),
    "factor's shape": (make(scale_tril=[1, 1]), r"`scale_tril` must have shape .* \(2,\)"),
    "NaN": (make(covariance=EYE * np.nan), "`covariance` must be finite"),
    "factor of NaN": (make(scale_tril=[[1, 0], [np.nan, 1]]), "`scale_tril` must be finite"),
    "asymmetric": (make(covariance=[[1, 0.5], [0.4, 1]]), "must be symmetric. Row 0 is not"),
    "asymmetric, tiny": (
        make(covariance=[[1e-18, 5e-19], [4e-19, 1e-18]]),
        "must be symmetric. Row 0 is not",
    ),
    "a lower triangle": (make(covariance=[[1, 0], [0.5, 1]]), "must be symmetric"),
    "indefinite": (
        make(np.zeros((3, 2)), covariance=INDEFINITE),
        "positive definite. The smallest eigenvalue .* row 1 is -1",
    ),
    "singular": (make(covariance=np.ones((2, 2))), "positive definite"),
    "zero variance": (
        make(np.zeros((2, 2)), covariance=[EYE, np.diag([0, 1])]),
        r"positive variances .* Row 1 has \[0.0, 1.0\]",
    ),
    "negative variance": (make(covariance=np.diag([1, -1])), r"Row 0 has \[1.0, -1.0\]"),
    "upper entries": (
        make(scale_tril=[[1, 1e-9], [0, 1]]),
        "zero above the diagonal. Row 0 is not. Pass a full matrix as `covariance`",
    ),
    "zero diagonal": (
        make(np.zeros((2, 2)), scale_tril=[EYE, np.diag([1, 0])]),
        r"positive diagonal. Row 1 has \[1.0, 0.0\]",
    ),
    "negative diagonal": (make(scale_tril=-EYE), r"positive diagonal. Row 0 has \[-1.0, -1.0\]"),
    # methods
    "level of 90": (lambda: JOINT.interval(90), r"in \(0, 1\).*level=90. Did you mean 0.9\?"),
    "level of 0": (lambda: JOINT.interval(0), r"in \(0, 1\). Received: level=0.$"),
    "level of 1": (lambda: JOINT.interval(1), r"level=1.$"),
    "level of 100": (lambda: JOINT.interval(100), r"level=100.$"),
    "level of NaN": (lambda: JOINT.interval(np.nan), "level=nan"),
    "level of True": (lambda: JOINT.interval(True), "must be a number .* level=True"),
    "level of text": (lambda: JOINT.interval("90%"), "must be a number .* level='90%'"),
    "size of 0": (lambda: JOINT.sample(0), "`size` must be a positive integer. .*size=0"),
    "size of 2.0": (lambda: JOINT.sample(2.0), "size=2.0"),
    "size of True": (lambda: JOINT.sample(True), "size=True"),
    "size of a mixture": (lambda: Mixture([JOINT]).sample(0), "size=0"),
    "y of inf": (
        lambda: JOINT.log_prob([[0, -np.inf], [0, 0], [0, 0]]),
        "finite, or NaN where not observed. Received infinity for 'NOx'",
    ),
    "y of text": (lambda: JOINT.mahalanobis([["a", "b"]] * 3), "`y` must be an array of numbers"),
    "y of text beside numbers": (
        lambda: JOINT.log_prob(FRAME_OF_Y.assign(NOx=["46.459", "5", "?"])),
        r"`y\['NOx'\]` must be an array of numbers. Received '\?' in row 'r'",
    ),
    "y of text in a list": (
        lambda: JOINT.log_prob([[0, "46.459"], [0, "?"], [0, 0]]),
        r"Received '\?' in row 1, column 1",
    ),
    "y of dates": (
        lambda: JOINT.log_prob(FRAME_OF_Y.assign(CO=pd.to_datetime(["2024-01-01"] * 3))),
        r"`y\['CO'\]` .* Received Timestamp\('2024-01-01 00:00:00'\) in row 'p'",
    ),
    "y of complex numbers": (lambda: JOINT.log_prob(np.full((3, 2), 1j)), "1j in row 0, column 0"),
    "y beyond float64": (lambda: JOINT.log_prob([[0, 0], [0, 10**400], [0, 0]]), "in row 1, col"),
    "y of inf in a frame": (
        lambda: JOINT.log_prob(FRAME_OF_Y.assign(CO=[0, np.inf, 0])),
        "Received infinity for 'CO' in row 'q'",
    ),
    "seed of True": (lambda: JOINT.sample(1, seed=True), "`seed` must be .* seed=True"),
    "seed of text": (lambda: JOINT.sample(1, seed="a"), "`seed` must be .* seed='a'"),
    "keep of 1": (lambda: JOINT.conditional({"CO": 1.0}, keep=1), "`keep` must be True, False"),
    "y of one row": (
        lambda: JOINT.log_prob([[0, 0]]),
        r"shape \(3, 2\): .*\['CO', 'NOx'\]. Received \(1, 2\)",
    ),
    "y, flat": (lambda: JOINT.log_prob(np.zeros(6)), r"Received \(6,\)"),
    "y, flat and long": (lambda: JOINT[0].log_prob(np.zeros(3)), r"Received \(3,\)"),
    "y, turned": (lambda: JOINT.log_prob(np.zeros((2, 3))), r"Received \(2, 3\)"),
    "y lacks a column": (
        lambda: JOINT.log_prob(pd.DataFrame({"CO": [0, 0, 0]})),
        r"columns \['CO', 'NOx'\]. Lacking: \['NOx'\]",
    ),
    "y lacks a row": (
        lambda: JOINT.log_prob(pd.DataFrame({"CO": [0], "NOx": [0]})),
        r"Received \(1, 2\)",
    ),
    "targets in another order": (lambda: JOINT.kl_divergence(OTHER), r"Received .*\['NOx', 'CO'\]"),
    "rows do not pair": (lambda: JOINT.kl_divergence(JOINT[:2]), "3 rows, .* Received 2 rows"),
    "A is flat": (lambda: JOINT.affine([1, 1]), r"\(M, 2\) or \(3, M, 2\). Received shape \(2,\)"),
    "A's columns": (lambda: JOINT.affine(np.eye(3)), r"Received shape \(3, 3\)"),
    "A's rows": (lambda: JOINT.affine(np.ones((2, 1, 2))), r"Received shape \(2, 1, 2\)"),
    "A of NaN": (lambda: JOINT.affine(EYE * np.nan), "`A` and `b` must be finite"),
    "b of inf": (lambda: JOINT.affine(EYE, [0, np.inf]), "`A` and `b` must be finite"),
    "b's shape": (lambda: JOINT.affine(EYE, np.zeros(3)), r"`b` .*\(2,\) or \(3, 2\).*\(3,\)"),
    "A too tall": (lambda: JOINT.affine([[1, 0], [0, 1], [1, 1]]), "independent .* Received 3"),
    "A of no rows": (lambda: JOINT.affine(np.empty((0, 2))), "1 to 2 .* Received 0"),
    "A dependent": (lambda: JOINT.affine([[1, 2], [2, 4]]), "independent, .* For row 0"),
    "A dependent, row 2": (
        lambda: JOINT.affine([[[1, 2], [2, 1]], EYE, [[3, 1], [-6, -2]]]),
        "independent, .* For row 2",
    ),
    "A dependent, tiny": (lambda: JOINT.affine([[1e-9, 2e-9], [1e9, 2e9]]), "independent, "),
    "A of zeros": (lambda: JOINT.affine([[0, 0]]), "independent, "),
    "A's names": (lambda: JOINT.affine([[1, 1]], targets=["a", "b"]), "Expected 1 target name,"),
    "no such name": (lambda: JOINT["SO2"], "Expected one of the targets"),
    "no such names": (lambda: JOINT[["CO", "SO2"]], "Expected one of the targets"),
    "rows of numbers": (lambda: JOINT[[0.5]], "Rows are selected by an integer, a slice"),
    "rows of text": (lambda: JOINT.region()["CO"], "Rows are selected by an integer, a slice"),
    "rows in 2 axes": (lambda: JOINT[[[0], [1]]], r"Received an array of shape \(2, 1\)"),
    "no mean column": (
        lambda: MultivariateNormal.from_frame(FRAME.iloc[:, 2:]),
        "mean_<target> and .* Lacking: every mean_<target>",
    ),
    "no covariance column": (
        lambda: MultivariateNormal.from_frame(FRAME.drop(columns="cov_CO_NOx")),
        r"Lacking: \['cov_CO_NOx'\]",
    ),
    "bad covariance column": (
        lambda: MultivariateNormal.from_frame(FRAME.assign(cov_CO_NOx=[0, 0, 2])),
        "positive definite.* row 2",
    ),
    # mixtures
    "no component": (lambda: Mixture([]), "list of one or more distributions"),
    "one distribution for a list": (lambda: Mixture(JOINT), "list of one or more distributions"),
    "text for a list": (lambda: Mixture("ab"), "list of one or more distributions"),
    "mixtures of mixtures": (
        lambda: Mixture([Mixture([JOINT]), Mixture([JOINT])]),
        "list of one or more distributions",
    ),
    "components of other targets": (
        lambda: Mixture([JOINT, OTHER]),
        "same targets and number of rows. Received",
    ),
    "components of other rows": (lambda: Mixture([JOINT, JOINT[:2]]), "number of rows"),
}


@pytest.mark.parametrize(("call", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_what_is_accepted_comes_back_as_plain_numbers():
    assert type(check_level(np.float32(0.5))) is float
    assert type(check_size(np.int64(3))) is int


def test_the_factor_of_a_covariance_is_lower():
    factor = factor_covariance([[4.0, 2.0], [2.0, 10.0]], (1, 2))
    assert_array_equal(factor, [[[2, 0], [1, 3]]])


@pytest.mark.parametrize("shape", [(1, 3), (3, 1), (1, 1)])
def test_a_flat_y_where_it_can_only_mean_one_thing(shape):
    names = tuple("abc"[: shape[1]])
    y = np.arange(max(shape), dtype=float)
    assert_array_equal(read_values(y, shape, names), y.reshape(shape))
    assert read_values(y, shape, names) is not y
