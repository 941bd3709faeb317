"""Lines around regions: of a mixture they are where its density is that of the region."""

from types import SimpleNamespace

import numpy as np

import covey
from covey.serve.contours import explore


def test_lines_around_two_parts_have_the_density_of_the_region():
    parts = [
        covey.MultivariateNormal(
            [[x, 0.0]], covariance=[[[1.0, 0.3], [0.3, 2.0]]], targets=["a", "b"]
        )
        for x in (-6.0, 6.0)
    ]
    mixture = covey.Mixture(parts, [0.5, 0.5])
    model = SimpleNamespace(predict_distribution=lambda frame, given, keep: mixture)
    (contour,) = explore(model, None, None, ("b", "a"), (0.8,))
    assert len(contour["lines"]) == 2
    marginal = mixture.marginal(["b", "a"])
    limit = marginal.region(0.8, shape="density").log_threshold[0]
    for line in contour["lines"]:
        assert line[0] == line[-1]
        for point in line[:: max(len(line) // 5, 1)]:
            density = marginal.log_prob(np.array([point]))[0]
            assert abs(density - limit) < 0.1  # between points of the grid
