"""Lines around regions: of a mixture they are where its density is that of the region."""

from types import SimpleNamespace

import numpy as np

from covey.distributions.internals import mixture_of_arrays
from covey.serve.contours import explore


def test_lines_around_two_parts_have_the_density_of_the_region():
    scale = np.linalg.cholesky([[1.0, 0.3], [0.3, 2.0]])
    mixture = mixture_of_arrays(
        ("a", "b"),
        np.array([[0.5, 0.5]]),
        np.array(1),  # one member of two components
        mean=np.array([[[-6.0, 0.0], [6.0, 0.0]]]),
        scale_tril=np.broadcast_to(scale, (1, 2, 2, 2)),
        degrees_of_freedom=np.full((1, 2), 30.0),
    )
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
