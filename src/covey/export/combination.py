"""From what members predict to the outputs: what `Ensemble.distribution` does in NumPy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from covey.export.components import Components
from covey.export.graph import Graph
from covey.members.ensemble import Ensemble
from covey.types import Array

MEAN, COVARIANCE, FREEDOM = "mean", "covariance", "degrees_of_freedom"
WEIGHTS, MEANS, FACTORS = "component_weights", "component_means", "component_factors"
COMPONENT_FREEDOM = "component_degrees_of_freedom"
OUTPUTS = (MEAN, COVARIANCE, FREEDOM, WEIGHTS, MEANS, FACTORS, COMPONENT_FREEDOM)


@dataclass(frozen=True)
class Combination:
    """The mixture of all components of all members.

    Attributes:
        graph: to add to.
        parts: what members predict.
        shrinkage: share of the correlations of each component that is taken away.
        mean: of the mixture, shape (N, D), in target units.
    """

    graph: Graph
    parts: Components
    shrinkage: float
    mean: str

    @classmethod
    def of(cls, graph: Graph, ensemble: Ensemble, parts: Components) -> Combination:
        """Combine what members predict, and widen it about its mean by the ensemble's scales."""
        members = parts.size[0]
        mean = graph.total(parts.member_mean(graph), 0)
        mean = graph.op("Div", mean, np.float64(members))
        if not np.all(ensemble.scales == 1):
            parts = _widened(graph, parts, mean, ensemble.scales)
        share = 0.0 if ensemble.caution is None else ensemble.caution.shrinkage
        return cls(graph, parts, share, mean)

    def add_outputs(self) -> None:
        """Make mean, covariance and what else there is outputs of the graph."""
        graph, parts = self.graph, self.parts
        members, count, _, d = parts.size
        graph.output(MEAN, self.mean, d)
        graph.output(COVARIANCE, self._covariance(), d, d)
        if parts.is_mixture:
            self._add_components()
        elif parts.freedom is not None:
            inverse = graph.total(graph.op("Reciprocal", parts.freedom), 0, 2)
            freedom = graph.op("Div", np.float64(members * count), inverse)
            graph.output(FREEDOM, freedom)

    def _covariance(self) -> str:
        """Average covariance of the components plus the covariance of their means."""
        graph, parts = self.graph, self.parts
        members, count, height, d = parts.size
        # roots of weights, and of covariance over scale matrix
        weight, ratio = self._weight(), parts.ratio(graph)
        both = weight if ratio is None else graph.op("Mul", weight, ratio)
        rows = graph.op("Mul", parts.rows, graph.unsqueezed(graph.op("Sqrt", both), -1, -2))
        found = self._square(rows, members * count * height, d)
        if parts.specific is not None:
            specific = graph.op("Mul", parts.specific, graph.unsqueezed(both, -1))
            diagonal = graph.unsqueezed(graph.total(specific, 0, 2), -1)
            found = graph.op("Add", found, graph.op("Mul", diagonal, np.eye(d)))
        if self.shrinkage:
            share = self.shrinkage
            found = graph.op("Mul", found, (1 - share) * np.ones((d, d)) + share * np.eye(d))
        away = graph.op("Sub", parts.mean, graph.unsqueezed(self.mean, 0, 2))
        away = graph.op("Mul", away, graph.unsqueezed(graph.op("Sqrt", weight), -1))
        away = graph.unsqueezed(away, 3)
        found = graph.op("Add", found, self._square(away, members * count, d))
        # symmetric to the last digit
        mirrored = graph.op("Transpose", found, perm=[0, 2, 1])
        return graph.op("Mul", graph.op("Add", found, mirrored), np.float64(0.5))

    def _square(self, rows: str, height: int, width: int) -> str:
        """Sum of R'R over all components, of shape (K, N, J, Q, D), which have so many rows."""
        graph = self.graph
        upright = graph.op("Transpose", rows, perm=[1, 0, 2, 3, 4])
        upright = graph.reshaped(upright, 0, height, width)
        # not by a transposition of the former: onnxruntime 1.20 fuses that with the product, and
        # has no such product of doubles
        turned = graph.op("Transpose", rows, perm=[1, 4, 0, 2, 3])
        return graph.op("MatMul", graph.reshaped(turned, 0, width, height), upright)

    def _weight(self) -> str:
        """Weights of all components, of sum 1 in each row; a shape that fits (K, N, J)."""
        members = np.float64(self.parts.size[0])
        if self.parts.weight is not None:
            return self.graph.op("Div", self.parts.weight, members)
        return self.graph.constant(np.full((1, 1, 1), 1 / members))

    def _add_components(self) -> None:
        """Outputs of a mixture: weights, means, factors and degrees of freedom."""
        graph, parts = self.graph, self.parts
        members, count, height, d = parts.size
        total = members * count

        def by_row(value: str, *shape: int) -> str:
            axes = [1, 0, *range(2, 3 + len(shape))]
            return graph.reshaped(graph.op("Transpose", value, perm=axes), 0, total, *shape)

        factor = graph.op("Transpose", parts.rows, perm=[0, 1, 2, 4, 3])
        if self.shrinkage:  # of R'R + s (diagonal - R'R)
            factor = graph.op("Mul", factor, np.float64(np.sqrt(1 - self.shrinkage)))
            root = graph.op("Sqrt", graph.total(graph.squared(parts.rows), -2))
            root = graph.op("Mul", root, np.float64(np.sqrt(self.shrinkage)))
            own = graph.op("Mul", graph.unsqueezed(root, -1), np.eye(d))
            factor = graph.op("Concat", factor, own, axis=-1)
            height += d
        graph.output(WEIGHTS, by_row(self._weight()), total)
        graph.output(MEANS, by_row(parts.mean, d), total, d)
        graph.output(FACTORS, by_row(factor, d, height), total, d, height)
        graph.output(COMPONENT_FREEDOM, by_row(str(parts.freedom)), total)


def _widened(graph: Graph, parts: Components, mean: str, scales: Array) -> Components:
    """Components widened about the mean of their mixture, target by target."""
    about = graph.unsqueezed(mean, 0, 2)
    away = graph.op("Mul", graph.op("Sub", parts.mean, about), scales)
    specific = parts.specific
    if specific is not None:
        specific = graph.op("Mul", specific, np.square(scales))
    return Components(
        mean=graph.op("Add", about, away),
        rows=graph.op("Mul", parts.rows, scales),
        specific=specific,
        freedom=parts.freedom,
        weight=parts.weight,
        size=parts.size,
    )
