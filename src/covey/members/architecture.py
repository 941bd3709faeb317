"""The architecture of an ensemble: all that is to be known of its networks but their weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from covey.arguments.family import MIXTURE, NORMAL
from covey.arguments.numbers import is_number
from covey.errors import InputError, counted, shown
from covey.families.internals import nearly_normal, normal_head
from covey.members.activations import is_activation
from covey.members.registry import FAMILIES, FamilyClasses
from covey.types import Array

BINS = (4, 5, 6, 8, 10, 12, 16, 20, 24, 32)
COMPONENTS, MOST_OUTPUTS = (3, 8), 512  # least and most of a mixture, and numbers in their scales


@dataclass(frozen=True)
class Architecture:
    """All that is to be known of a network but its weights.

    Attributes:
        n_features: F, width of the input of each member.
        n_targets: D.
        members: K, networks side by side.
        hidden_units: widths of the hidden layers.
        activation: name of a Keras activation.
        dropout: share of hidden units left out in each training step; by default 0.1 (1 - 1 / F).
            It helps where many features invite coincidences, and blurs a function of one feature.
        floor: floor of the family, in whitened units.
        family_name: a key of `covey.members.registry.FAMILIES`.
        knots: for each feature, where the piecewise linear functions of it bend; empty for one that
            has none. Nothing at all by default.
        functions: number of such functions of a feature that has knots; by default 128 in all, but
            at least 2 and at most 8 of each.
        rank: number of factors, for a family that has any; else None.
        components: of each member's mixture, for a family that has any; else None.

    Raises:
        InputError: an attribute lies outside its range.
    """

    n_features: int
    n_targets: int
    members: int
    hidden_units: tuple[int, ...]
    activation: str
    dropout: float | None = None
    floor: float = 1e-4
    family_name: str = NORMAL
    knots: tuple[tuple[float, ...], ...] = ()
    functions: int | None = None
    rank: int | None = None
    components: int | None = None

    def __post_init__(self) -> None:
        if self.family_name not in FAMILIES:
            raise InputError(
                f"`family` must be one of {', '.join(map(repr, FAMILIES))}. "
                f"Received: {shown(self.family_name)}."
            )
        if not all(is_number(u, whole=True) and u >= 1 for u in self.hidden_units):
            raise InputError(
                "`hidden_units` must be positive integers. Received: "
                f"hidden_units={shown(self.hidden_units)}."
            )
        object.__setattr__(self, "hidden_units", tuple(int(u) for u in self.hidden_units))
        if len(self.knots) not in (0, self.n_features):
            raise InputError(
                f"Expected the knots of {counted(self.n_features, 'feature')}, or none. Received "
                f"those of {len(self.knots)}."
            )
        if self.functions is None:
            bent = sum(map(bool, self.knots))
            object.__setattr__(self, "functions", min(max(128 // max(bent, 1), 2), 8))
        if self.dropout is None:
            object.__setattr__(self, "dropout", 0.1 * (1 - 1 / self.n_features))
        elif not is_number(self.dropout) or not 0 <= self.dropout < 1:
            raise InputError(
                f"`dropout` must be a number in [0, 1). Received: dropout={shown(self.dropout)}."
            )
        # never an object: files hold no code
        if not isinstance(self.activation, str) or not is_activation(self.activation):
            raise InputError(
                "`activation` must name a Keras activation, for example 'silu'. Received: "
                f"activation={shown(self.activation)}."
            )

    @property
    def classes(self) -> FamilyClasses:
        """The classes of the family."""
        return FAMILIES[self.family_name]

    @cached_property
    def family(self) -> Any:
        """The family of the output."""
        given = {"rank": self.rank, "components": self.components}
        options = {name: value for name, value in given.items() if value is not None}
        return self.classes.family(self.n_targets, **options, floor=self.floor)

    def to_manifest(self) -> dict[str, Any]:
        """The attributes, as JSON takes them."""
        found = {**asdict(self), "hidden_units": list(self.hidden_units)}
        if self.components is None:  # as earlier Coveys wrote and read it
            del found["components"]
        return found

    @classmethod
    def from_manifest(cls, manifest: dict[str, Any]) -> Self:
        """The network that `to_manifest` describes."""
        units, knots = tuple(manifest["hidden_units"]), tuple(map(tuple, manifest["knots"]))
        return cls(**{**manifest, "hidden_units": units, "knots": knots})

    @property
    def bends(self) -> tuple[list[int], NDArray[np.float32]]:
        """The C features that have piecewise linear functions, and their knots, (C, T + 1).

        Bins without width at the end make them all of one length.
        """
        columns = [column for column, knots in enumerate(self.knots) if knots]
        longest = max((len(self.knots[column]) for column in columns), default=0)
        padded = [
            (*self.knots[column], *[self.knots[column][-1]] * (longest - len(self.knots[column])))
            for column in columns
        ]
        return columns, np.array(padded, dtype=np.float32).reshape(len(columns), longest)

    @property
    def skeleton(self) -> Self:
        """The same with other knots, for what is compiled: the knots are weights to it."""
        longest = max(map(len, self.knots), default=0)
        ranks = tuple(map(float, range(longest)))
        return replace(self, knots=tuple(ranks if knots else () for knots in self.knots))

    @property
    def weight_shapes(self) -> list[tuple[int, ...]]:
        """Shapes of the kernels and biases, layer by layer, the member axis in front."""
        columns, knots = self.bends
        functions = self.functions or 0
        shapes: list[tuple[int, ...]] = []
        width = self.n_features
        if columns:
            shapes.append((self.members, len(columns), knots.shape[1] - 1, functions))
            width += len(columns) * functions
        widths = [width, *self.hidden_units, self.family.packed_size]
        for before, after in pairwise(widths):
            shapes += [(self.members, before, after), (self.members, after)]
        return shapes

    def initial_weights(
        self, generator: np.random.Generator, head: Array | None = None
    ) -> list[NDArray[np.float32]]:
        """Weights to start from.

        Hidden kernels are normal with variance 1 / fan-in (2 / fan-in for the fractions that make
        up piecewise linear functions), drawn in NumPy so that every backend starts at the same
        place. The kernel of the head is zero, so that the model starts at one distribution for all
        rows.

        Args:
            generator: source of randomness.
            head: raw outputs of each member that this is, shape (K, P); by default zero, for the
                family's standard distribution.

        Returns:
            List of arrays of the shapes that `weight_shapes` says.
        """
        weights = [np.zeros(shape, dtype=np.float32) for shape in self.weight_shapes]
        for kernel in weights[:-2]:
            if kernel.ndim > 2:  # biases stay zero
                fan_in = kernel.shape[1] if kernel.ndim == 3 else kernel.shape[2] / 2
                kernel[:] = generator.standard_normal(kernel.shape) / np.sqrt(fan_in)
        if head is not None:
            weights[-1][:] = head
        return weights

    def as_mixture(self) -> Self:
        """The same for mixtures: of 8 components, or fewer of many targets."""
        components = int(np.clip(MOST_OUTPUTS // self.n_targets**2, *COMPONENTS))
        return replace(self, family_name=MIXTURE, components=components)

    def nearly_normal(
        self, weights: list[NDArray[np.float32]], log_ratio: Array
    ) -> list[NDArray[np.float32]]:
        """Weights from which this network, of a Student-t, learns a normal.

        Args:
            weights: of this network, trained.
            log_ratio: for each member, half the logarithm of the ratio of the normal's covariance
                to the Student-t's scale matrix, shape (K,).

        Returns:
            Weights of the same shapes: the same hidden layers and means, and degrees of freedom
            that stay at their largest.
        """
        *hidden, kernel, bias = weights
        head = nearly_normal(self.family, kernel, bias, log_ratio)
        return [*(array.copy() for array in hidden), *head]

    def as_normal(
        self, weights: list[NDArray[np.float32]]
    ) -> tuple[Self, list[NDArray[np.float32]]]:
        """The network of a normal, from what `nearly_normal` was trained to.

        Returns:
            (network, weights): the same hidden layers and means, the degrees of freedom left out.
        """
        *hidden, kernel, bias = weights
        return replace(self, family_name=NORMAL), [*hidden, *normal_head(kernel, bias)]


def quantile_knots(
    inputs: NDArray[np.float32], bins: int | None = None
) -> tuple[tuple[float, ...], ...]:
    """Knots at the quantiles of each feature, for `Architecture`.

    Args:
        inputs: array of shape (N, F).
        bins: number of bins, of about equal numbers of rows; by default half the root of N, but at
            least 4 and at most 32, and one of few numbers, so that what is compiled serves tables
            of about as many rows.

    Returns:
        F tuples of at most `bins` + 1 distinct ascending numbers; empty for a feature of fewer than
        three values, of which every function is a straight line.
    """
    if bins is None:
        bins = max(number for number in BINS if number <= max(np.sqrt(len(inputs)) / 2, BINS[0]))
    levels = np.linspace(0, 1, bins + 1)
    knots = []
    for column in inputs.T:
        values = np.unique(column)
        few = len(values) <= bins + 1
        edges = values if few else np.unique(np.quantile(column, levels).astype(np.float32))
        knots.append(tuple(edges.tolist()) if len(edges) > 2 else ())
    return tuple(knots)
