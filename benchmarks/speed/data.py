"""Data that are made: a nonlinear mean, and a covariance whose sizes and angles go by the row."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

FACTORS = 3  # that the targets share


@dataclass(frozen=True)
class Law:
    """y = m(x) + s(x) * (e + (A + t(x) B) z), with e and z standard normal, z of few entries.

    Attributes:
        features: number of features, each standard normal.
        targets: D.
    """

    features: int
    targets: int

    @cached_property
    def _coefficients(self) -> dict[str, np.ndarray]:
        r = np.random.default_rng(0)
        wide = (self.features, self.targets)
        few = (self.targets, FACTORS)
        fan = np.sqrt(self.features)
        return {
            "wave": r.normal(size=wide) * 1.5 / fan,
            "slope": r.normal(size=wide) * 0.5 / fan,
            "size": r.normal(size=wide) / fan,
            "turn": r.normal(size=self.features) / fan,
            "loading": r.normal(size=few) / np.sqrt(FACTORS),
            "turning": r.normal(size=few) / np.sqrt(FACTORS),
        }

    def draw(self, rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Features (N, F) and targets (N, D), float64."""
        r = np.random.default_rng([seed, 1])
        X = r.normal(size=(rows, self.features))
        mean, size, turn = self._parts(X)
        z = r.normal(size=(rows, FACTORS))
        c = self._coefficients
        shared = z @ c["loading"].T + turn[:, None] * (z @ c["turning"].T)
        return X, mean + size * (r.normal(size=mean.shape) + shared)

    def moments(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The true means (N, D) and covariances (N, D, D)."""
        mean, size, turn = self._parts(X)
        c = self._coefficients
        loading = c["loading"] + turn[:, None, None] * c["turning"]
        covariance = np.eye(self.targets) + loading @ loading.swapaxes(1, 2)
        return mean, covariance * size[:, :, None] * size[:, None, :]

    def nll(self, X: np.ndarray, Y: np.ndarray) -> float:
        """Mean negative log-likelihood under the truth, in nats per row."""
        mean, covariance = self.moments(X)
        residual = Y - mean
        solved = np.linalg.solve(covariance, residual[:, :, None])[:, :, 0]
        logdet = np.linalg.slogdet(2 * np.pi * covariance)[1]
        return float(0.5 * np.mean(logdet + np.sum(residual * solved, axis=1)))

    def _parts(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        c = self._coefficients
        mean = np.sin(X @ c["wave"]) + X @ c["slope"]
        size = 0.4 * np.exp(0.6 * np.sin(X @ c["size"]))
        return mean, size, np.tanh(2 * X @ c["turn"])
