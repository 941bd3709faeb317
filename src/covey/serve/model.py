"""What a server asks of a fitted model."""

from __future__ import annotations

from typing import Any, Protocol

from covey.table import FeatureSchema
from covey.types import Table


class Model(Protocol):
    """A fitted `JointRegressor`, as far as a server reads it; the class is on a higher floor."""

    @property
    def fitted_(self) -> Any:
        """The fitted model."""

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
    def members_(self) -> int:
        """How many members there are."""

    @property
    def out_of_fold_score_(self) -> float:
        """Mean log-density of held-out rows, in nats per row."""

    @property
    def out_of_fold_evaluation_(self) -> Any:
        """Figures for the rows that members held out."""

    def predict_distribution(self, X: Table, given: Any = None, *, keep: bool | None = None) -> Any:
        """One distribution for each of N rows."""
