"""Figures that other people published, to be beaten with default settings.

O'Malley, Sykulski, Lumpkin, Schuler (2021), Multivariate Probabilistic Regression with Natural
Gradient Boosting, arXiv 2106.03823, section 4: a simulation of two targets.
"""

import numpy as np
import pytest

import covey


def simulate(n, generator):
    """Rows, targets and the true distributions of the simulation."""
    x = generator.uniform(0, np.pi, n)
    mean = np.column_stack(
        [np.sin(2.5 * x) * np.sin(1.5 * x) + x, np.cos(3.5 * x) * np.cos(0.5 * x) - x**2]
    )
    variance = 0.01 + 0.25 * (1 - np.column_stack([np.sin(2.5 * x), np.cos(3.5 * x)])) ** 2
    covariance = np.zeros((n, 2, 2))
    covariance[:, [0, 1], [0, 1]] = variance
    between = np.sin(2.5 * x) * np.cos(0.5 * x) * np.sqrt(variance.prod(axis=1))
    covariance[:, 0, 1] = covariance[:, 1, 0] = between
    truth = covey.MultivariateNormal(mean, covariance=covariance)
    return x[:, None], truth.sample(1, seed=generator)[0], truth


def test_the_simulation_is_the_published_one():
    _, Y, truth = simulate(200_000, np.random.default_rng(0))
    assert -truth.log_prob(Y).mean() == pytest.approx(0.7227, abs=0.01)
    assert np.sqrt(np.square(Y - truth.mean).mean()) == pytest.approx(0.6131, abs=0.003)


@pytest.mark.slow
def test_default_settings_beat_the_published_figures_at_1000_rows():
    scores, divergences, coverage = [], [], []
    for repetition in range(3):
        generator = np.random.default_rng(repetition)
        X, Y, _ = simulate(1300, generator)  # 1000 to train on and 300 to stop on
        X_test, Y_test, truth = simulate(1000, generator)
        model = covey.JointRegressor(random_state=repetition, verbose=0).fit(X, Y)
        joint = model.predict_distribution(X_test)
        scores.append(-joint.log_prob(Y_test).mean())
        divergences.append(joint.kl_divergence(truth).mean())
        coverage.append((joint.mahalanobis(Y_test) < np.sqrt(2 * np.log(10))).mean())
    print(
        f"NLL {np.mean(scores):.3f}, KL {np.mean(divergences):.3f}, cover {np.mean(coverage):.3f}"
    )
    assert np.mean(scores) < 0.888
    assert np.mean(divergences) < 0.257
    assert 0.86 < np.mean(coverage) < 0.94
