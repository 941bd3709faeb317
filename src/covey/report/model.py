"""What a report asks of a fitted model."""

from __future__ import annotations

from typing import Any, Protocol

from covey.distributions import Elliptical, Mixture, Transformed
from covey.table import FeatureSchema
from covey.types import Observations, Table


class Model(Protocol):
    """A fitted `JointRegressor`, as far as a report reads it; the class is on a higher floor."""

    family: str

    @property
    def fitted_(self) -> Any:
        """The fitted model, with its calibration set and its mean models."""

    @property
    def ensemble_(self) -> Any:
        """The fitted members."""

    @property
    def schema_(self) -> FeatureSchema:
        """How columns become numbers."""

    @property
    def targets_(self) -> tuple[str, ...]:
        """Names of the D targets."""

    @property
    def family_(self) -> str:
        """Name of the family that was chosen."""

    @property
    def family_scores_(self) -> dict[str, float]:
        """Out-of-fold score of each family, in nats per row."""

    @property
    def out_of_fold_score_(self) -> float:
        """That of the family chosen."""

    @property
    def out_of_fold_evaluation_(self) -> dict[str, Any]:
        """Figures for the rows that members held out."""

    def evaluate(self, X: Table, Y: Observations | None = None) -> dict[str, Any]:
        """Figures for a table of N rows and their targets."""

    def predict_distribution(self, X: Table) -> Elliptical | Mixture | Transformed:
        """One distribution for each of N rows."""

    def predict_mixture(self, X: Table) -> Mixture | Transformed:
        """Mixtures of N rows, in target units."""

    def summary(self) -> str:
        """The model in a few lines."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters of the estimator, by name."""
