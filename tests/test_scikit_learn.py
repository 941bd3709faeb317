"""The conventions of scikit-learn, by its own checks."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

import covey

EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": (
        "it passes `y` by keyword; and a row of weight 2 is not drawn like the row twice"
    ),
}
ESTIMATOR = covey.JointRegressor(
    members=2, hidden_units=(8,), max_steps=40, random_state=0, verbose=0
)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(
    [ESTIMATOR], expected_failed_checks=lambda estimator: EXPECTED_FAILURES, xfail_strict=True
)
def test_scikit_learn(estimator, check):
    check(estimator)
