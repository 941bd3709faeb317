"""What a distribution shows: the public names, and no private ones that other rooms read."""

import ast

import pytest

import covey
from tests.house import is_private, own_names, reaches
from tests.test_floors import files

OF_ALL = {
    *("affine", "calibration", "conditional", "correlation", "covariance", "entropy", "index"),
    *("interval", "kl_divergence", "log_prob", "mahalanobis", "marginal", "mean", "observed"),
    *("probability", "quantile", "region", "sample", "stddev", "sum", "targets", "to_frame"),
    *("concatenate", "to_xarray"),
}
OF_ELLIPTICAL = {"calibrated_by", "from_frame", "scale_tril", "to_arrays"}
EYE = [[1.0, 0.0], [0.0, 1.0]]
NORMAL = covey.MultivariateNormal([[0.0, 0.0]], covariance=EYE)
PUBLIC = [
    (NORMAL, OF_ELLIPTICAL),
    (
        covey.MultivariateT([[0.0, 0.0]], degrees_of_freedom=5.0, covariance=EYE),
        {*OF_ELLIPTICAL, "degrees_of_freedom"},
    ),
    (
        covey.LowRankMultivariateNormal([[0.0, 0.0]], diagonal=[1.0, 1.0], factor=EYE),
        {*OF_ELLIPTICAL, "diagonal", "factor", "rank"},
    ),
    (
        covey.Mixture([NORMAL]),
        {
            *("aleatoric", "calibrated_by", "components", "epistemic", "moment_matched"),
            *("to_arrays", "weights"),
        },
    ),
    (
        covey.Transformed(NORMAL, "log1p"),
        {
            *("aleatoric", "calibrated_by", "epistemic", "latent", "moment_matched", "to_arrays"),
            "transforms",
        },
    ),
]


@pytest.mark.parametrize(("joint", "further"), PUBLIC, ids=lambda value: type(value).__name__)
def test_the_public_names_are_these(joint, further):
    assert {name for name in dir(joint) if not name.startswith("_")} == OF_ALL | further


def test_no_other_room_reads_private_names_of_distributions():
    sources = files()
    given = set()
    for path, source in sources.items():
        if path.startswith("covey/distributions/"):
            given.update(name for name in own_names(ast.parse(source)) if is_private(name))
    assert [found for found in reaches(sources) if found[1] in given] == []
