"""What the members predict for each row, as ONNX nodes: means, scale matrices, tails, weights."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log
from typing import Any, Self

import numpy as np

from covey.arguments.family import LOW_RANK, MIXTURE, NORMAL
from covey.export.graph import Graph
from covey.export.network import raw_outputs
from covey.export.trees import tree_means
from covey.families.internals import ball_of, start_of
from covey.families.low_rank import GAIN, LARGEST_RATIO
from covey.families.student_t import LEAST_FREEDOM, LIMIT, START
from covey.members.ensemble import Ensemble
from covey.stacking.stack import Stack
from covey.start.start import LinearStart
from covey.table.soft_bound import EDGE, FAR


@dataclass(frozen=True)
class Components:
    """J distributions by each of K members for N rows, all in double precision.

    Attributes:
        mean: shape (K, N, J, D), in target units.
        rows: R of Q rows, shape (K, N, J, Q, D), in target units: the scale matrix is R'R and, of
            low rank, a diagonal.
        specific: that diagonal, shape (K, N, J, D), or None.
        freedom: degrees of freedom, shape (K, N, J), or None for normals.
        weight: of the components of a member, shape (K, N, J), or None where each has but one.
        size: K, J, Q and D.
    """

    mean: str
    rows: str
    specific: str | None
    freedom: str | None
    weight: str | None
    size: tuple[int, int, int, int]

    @classmethod
    def of(cls, graph: Graph, ensemble: Ensemble, matrix: str, followed: str) -> Self:
        """What the members predict.

        Args:
            graph: to add to.
            ensemble: the members.
            matrix: what networks and trees read, shape (N, F), in single precision.
            followed: what linear models read, likewise.
        """
        raw = graph.double(raw_outputs(graph, ensemble, matrix))
        linear = _linear_means(graph, ensemble.linear, followed)
        family = ensemble.architecture.family_name
        build = cls._low_rank if family == LOW_RANK else cls._full
        found = build(graph, ensemble, raw, linear)
        if ensemble.stack is not None:
            added = None
            if followed != matrix:
                here = _linear_means(graph, ensemble.linear, matrix)
                added = graph.op("Sub", linear, here)
            means = tree_means(graph, ensemble.stack, matrix)
            found = found._moved(graph, ensemble.stack, means, added)
        if ensemble.caution is not None and found.freedom is not None:
            freedom = graph.op("Min", found.freedom, np.float64(ensemble.caution.freedom))
            found = replace(found, freedom=freedom)
        return found

    @classmethod
    def _full(cls, graph: Graph, ensemble: Ensemble, raw: str, linear: str) -> Self:
        """Of a family whose network puts out a mean and an inverse Cholesky factor."""
        architecture = ensemble.architecture
        d, members = architecture.n_targets, architecture.members
        count = architecture.components or 1
        weight = None
        if architecture.family_name == MIXTURE:
            each = architecture.family.packed_size // count - 1
            whole = graph.last(raw, 0, count * each)
            weight = graph.op("Softmax", graph.last(raw, count * each, count * (each + 1)), axis=-1)
            raw = graph.reshaped(whole, 0, 0, count, each)
            raw = graph.op("Add", raw, start_of(architecture.family).astype(np.float64))
        else:
            raw = graph.unsqueezed(raw, 2)
        widths = _exponential(graph, graph.last(raw, d, 2 * d), architecture.floor)
        below = 2 * d + d * (d - 1) // 2
        inverse = None
        if d > 1:
            entries = graph.last(raw, 2 * d, below)
            squares = graph.total(graph.squared(entries), -1, keep=True)
            ball = np.float64(ball_of(architecture.family))
            bound = graph.op("Add", graph.op("Div", squares, ball), np.float64(1))
            entries = graph.op("Div", entries, graph.op("Sqrt", bound))
            inverse = _inverse(graph, entries, (members, count, d))
        # B, and W^-1 = diag(1 / w) A^-1
        unwhitening = np.stack([one.unwhitening for one in ensemble.linear])
        narrow = graph.unsqueezed(graph.op("Reciprocal", widths), -1)
        if inverse is None:
            factor = graph.op("Mul", narrow, unwhitening[:, None, None])
        else:
            factor = graph.op("Mul", inverse, narrow)
            factor = graph.op("MatMul", unwhitening[:, None, None], factor)
        means = np.swapaxes(unwhitening, 1, 2)[:, None]
        mean = graph.op("MatMul", graph.last(raw, 0, d), means)
        mean = graph.op("Add", mean, graph.unsqueezed(linear, 2))
        freedom = None
        if architecture.family_name != NORMAL:
            logit = _bounded(graph, graph.last(raw, below, below + 1), LIMIT)
            middle = np.float64(log(LEAST_FREEDOM / (START - LEAST_FREEDOM)))
            share = graph.op("Sigmoid", graph.op("Add", logit, middle))
            freedom = graph.op("Div", np.float64(LEAST_FREEDOM), share)
            freedom = graph.op("Squeeze", freedom, np.array([-1], dtype=np.int64))
        rows = graph.op("Transpose", factor, perm=[0, 1, 2, 4, 3])
        return cls(mean, rows, None, freedom, weight, (members, count, d, d))

    @classmethod
    def _low_rank(cls, graph: Graph, ensemble: Ensemble, raw: str, linear: str) -> Self:
        """Of a family whose network puts out a mean, specific deviations and loadings."""
        architecture = ensemble.architecture
        d, members, rank = architecture.n_targets, architecture.members, architecture.rank or 0
        unit = np.stack([one.unwhitening for one in ensemble.linear])[:, None]  # K, 1, D
        mean = graph.op("Add", graph.op("Mul", graph.last(raw, 0, d), unit), linear)
        specific = _exponential(graph, graph.last(raw, d, 2 * d), architecture.floor)
        specific = graph.op("Mul", specific, unit)
        if rank:
            loadings = graph.reshaped(graph.last(raw, 2 * d, (rank + 2) * d), 0, 0, rank, d)
            start = start_of(architecture.family).astype(np.float64)
            loadings = graph.op("Add", graph.op("Mul", loadings, np.float64(GAIN)), start)
            squares = graph.total(graph.squared(loadings), 2, keep=True)
            bound = graph.op(
                "Add", graph.op("Div", squares, np.float64(LARGEST_RATIO)), np.float64(1)
            )
            loadings = graph.op("Div", loadings, graph.op("Sqrt", bound))
            rows = graph.op("Mul", loadings, graph.unsqueezed(specific, 2))
        else:  # one row of zeros
            rows = graph.unsqueezed(graph.op("Mul", specific, np.float64(0)), 2)
        return cls(
            graph.unsqueezed(mean, 2),
            graph.unsqueezed(rows, 2),
            graph.unsqueezed(graph.squared(specific), 2),
            None,
            None,
            (members, 1, max(rank, 1), d),
        )

    @property
    def is_mixture(self) -> bool:
        """Whether each member is a mixture."""
        return self.weight is not None

    def ratio(self, graph: Graph) -> str | None:
        """The covariance over the scale matrix, shape (K, N, J); None for normals: it is 1."""
        if self.freedom is None:
            return None
        return graph.op("Div", self.freedom, graph.op("Sub", self.freedom, np.float64(2)))

    def member_mean(self, graph: Graph) -> str:
        """Mean of each member, shape (K, N, D)."""
        if self.weight is None:
            return graph.op("Squeeze", self.mean, np.array([2], dtype=np.int64))
        weighted = graph.op("Mul", self.mean, graph.unsqueezed(self.weight, -1))
        return graph.total(weighted, 2)

    def _moved(self, graph: Graph, stack: Stack, means: str, added: str | None) -> Self:
        """The same, each member about the mean of network and trees, as `Stack.moved` has it.

        Args:
            graph: to add to.
            stack: what trees count.
            means: of the trees, shape (N, D), in target units.
            added: to the means of members beyond the range of training, shape (K, N, D), or None.
        """
        own = self.member_mean(graph)
        variance = graph.total(graph.squared(self.rows), -2)  # K, N, J, D
        if self.specific is not None:
            variance = graph.op("Add", variance, self.specific)
        ratio = self.ratio(graph)
        if ratio is not None:
            variance = graph.op("Mul", variance, graph.unsqueezed(ratio, -1))
        if self.weight is not None:
            away = graph.op("Sub", self.mean, graph.unsqueezed(own, 2))
            variance = graph.op("Add", variance, graph.squared(away))
            variance = graph.op("Mul", variance, graph.unsqueezed(self.weight, -1))
        variance = graph.total(variance, 2)
        # log(stddev) is half of log(variance)
        spread = graph.op("Mul", graph.op("Log", variance), np.float64(0.5))
        logit = graph.op("Mul", graph.op("Sub", spread, stack.center), np.float64(stack.slope))
        share = graph.op("Sigmoid", graph.op("Add", logit, stack.logit))
        share = graph.op("Mul", share, stack.shared.astype(np.float64))
        trees = means if added is None else graph.op("Add", added, means)
        move = graph.op("Mul", share, graph.op("Sub", trees, own))
        return replace(self, mean=graph.op("Add", self.mean, graph.unsqueezed(move, 2)))


def _linear_means(graph: Graph, linear: tuple[LinearStart, ...], matrix: str) -> str:
    """Means of the K linear models, shape (K, N, D), in target units."""
    features = graph.double(matrix)
    columns = linear[0].unbounded
    stacked: Any = {
        name: np.stack([getattr(one, name) for one in linear])
        for name in ("location", "scale", "coef", "intercept")
    }
    if len(columns):
        held = graph.op("Gather", features, np.asarray(columns, dtype=np.int64), axis=1)
        most = FAR / np.sqrt(1.0 + (FAR / EDGE) ** 2)
        held = graph.clipped(held, np.float64(-most), np.float64(most))
        square = graph.squared(graph.op("Div", held, np.float64(EDGE)))
        root = graph.op("Sqrt", graph.op("Sub", np.float64(1), square))
        free = graph.op("Div", held, root)
        features = graph.op("Concat", features, free, axis=1)
    found = graph.op("MatMul", graph.unsqueezed(features, 0), stacked["coef"])
    found = graph.op("Add", found, stacked["intercept"][:, None])
    found = graph.op("Mul", found, stacked["scale"][:, None])
    return graph.op("Add", found, stacked["location"][:, None])


def _bounded(graph: Graph, x: str, limit: float) -> str:
    """x, softly held in (-limit, limit), as `families.inverse_cholesky.bounded` has it."""
    square = graph.squared(graph.op("Div", x, np.float64(limit)))
    return graph.op("Div", x, graph.op("Sqrt", graph.op("Add", square, np.float64(1))))


def _exponential(graph: Graph, x: str, floor: float) -> str:
    """Positive numbers that stay between a floor and its reciprocal."""
    return graph.op("Exp", _bounded(graph, x, -log(floor)))


def _inverse(graph: Graph, entries: str, size: tuple[int, int, int]) -> str:
    """The inverse of unit lower triangular matrices, by halves, all halves of one size at once.

    With the inverses X of the blocks of s rows on the diagonal, and M what is beside them in blocks
    of 2 s rows, the inverses of these are X - X M X.

    Args:
        graph: to add to.
        entries: below the diagonal, row by row, shape (K, N, J, D (D - 1) / 2).
        size: K, J and D.

    Returns:
        Value of shape (K, N, J, D, D).
    """
    _, count, d = size
    place = np.full((d, d), d * (d - 1) // 2, dtype=np.int64)  # of a zero behind the entries
    place[np.tril_indices(d, -1)] = np.arange(d * (d - 1) // 2)
    zero = graph.op("Mul", graph.last(entries, 0, 1), np.float64(0))
    whole = graph.op("Concat", entries, zero, axis=-1)
    flat = graph.op("Gather", whole, place.ravel(), axis=3)
    lower = graph.reshaped(flat, 0, 0, count, d, d)
    number, found, half = np.arange(d), "", 1
    while half < d:
        together = number[:, None] // (2 * half) == number // (2 * half)
        beside = together & (number[:, None] // half > number // half)
        part = graph.op("Mul", lower, beside.astype(np.float64))
        if found:
            part = graph.op("MatMul", graph.op("MatMul", found, part), found)
            found = graph.op("Sub", found, part)
        else:
            found = graph.op("Sub", np.eye(d), part)
        half *= 2
    return found
