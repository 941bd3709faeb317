"""What a mixture is made of: components of one kind and their weights, as one batch of N rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike

from covey.arguments.check import read_weights
from covey.arguments.labels import check_rows
from covey.distributions.batch import frozen, names_targets, row_index
from covey.distributions.calibrated import Calibrated
from covey.distributions.conformal import CalibrationSet
from covey.distributions.elliptical import Elliptical
from covey.distributions.immutable import Immutable
from covey.distributions.joint import Joint
from covey.errors import InputError, shown
from covey.types import Array, Mask, Selection

if TYPE_CHECKING:
    import pandas as pd


class Components(Immutable, Calibrated):
    """K distributions of one kind over the same targets and rows, each row with K weights.

    It is immutable, as its components are: rows of it are rows of all its components. `Mixture`
    says what such a batch is the distribution of.

    Args:
        components: as for `Mixture`.
        weights: as for `Mixture`.

    Raises:
        InputError: as for `Mixture`.
    """

    components: tuple[Elliptical, ...]
    weights: Array  # shape (N, K)
    _members: int  # of which each predicted as many components, one after another

    def __init__(self, components: Sequence[Elliptical], weights: ArrayLike | None = None) -> None:
        members = () if isinstance(components, Joint | str) else tuple(components)
        if not members or not all(isinstance(member, Elliptical) for member in members):
            raise InputError(
                "A mixture needs a list of one or more distributions of one kind, such as "
                f"MultivariateNormal. Received {shown(components)}."
            )
        kinds = {(type(member).__name__, len(member), member.targets) for member in members}
        if len(kinds) > 1:
            raise InputError(
                "The components of a mixture must be of one kind, with the same targets and number "
                f"of rows. Received {sorted(kinds)}."
            )
        for member in members[1:]:
            check_rows(members[0].index, member.index, "components", of="the first component")
        if any(np.any(member.observed != members[0].observed) for member in members[1:]):
            raise InputError("The components of a mixture must know the same targets exactly.")
        if np.ndim(weights) == 2:  # type: ignore[arg-type]
            check_rows(members[0].index, weights, "weights", of="the first component")
        self.__dict__["components"] = members
        self.__dict__["weights"] = frozen(read_weights(weights, len(members[0]), len(members)))
        self.__dict__["_members"] = len(members)

    @classmethod
    def _trusted(
        cls,
        components: Sequence[Elliptical],
        weights: Array,
        members: int | None = None,
        calibration_set: CalibrationSet | None = None,
    ) -> Self:
        """Build from what is right by construction, to the last bit of the weights."""
        self = cls.__new__(cls)
        components = tuple(components)
        self.__dict__.update(
            components=components,
            weights=frozen(weights),
            _members=len(components) if members is None else members,
        )
        if calibration_set is not None:
            self.__dict__["_calibration_set"] = calibration_set
        return self

    def _of(self, components: Sequence[Elliptical], weights: Array) -> Self:
        """Mixtures of as many components, by the same members, without calibration."""
        return self._trusted(components, weights, self._members)

    def _uncalibrated(self) -> Self:
        return self._of(self.components, self.weights)

    def __getstate__(self) -> dict[str, Any]:
        kept = ("components", "weights", "_members", "_calibration_set")
        return {name: self.__dict__[name] for name in kept if name in self.__dict__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        # a pickled or copied array is writable again
        self.__dict__.update(state, weights=frozen(state["weights"]))

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """One batch out of several over the same targets, in order.

        Args:
            parts: at least one mixture; of fewer components than others it gets more, of weight 0.

        Returns:
            Mixtures of all their rows.

        Raises:
            InputError: there is no part, or they differ in kind or targets.
        """
        parts = list(parts)
        kinds = {
            (type(p).__name__, type(p.components[0]).__name__, p.targets)
            if isinstance(p, Components)
            else (type(p).__name__,)
            for p in parts
        }
        if len(kinds) != 1 or not all(isinstance(part, Components) for part in parts):
            raise InputError(
                "Expected one or more mixtures of one kind of component, all over the same "
                f"targets. Received {sorted(map(str, kinds))}."
            )
        most = max(len(part.components) for part in parts)
        alike = [_of_components(part, most) for part in parts]
        columns = zip(*(components for components, _ in alike), strict=True)
        kind = type(parts[0].components[0])
        components = [
            kind.concatenate([c.calibrated_by(None) for c in column]) for column in columns
        ]
        sizes = {len(part.components) // part._members for part in parts}  # of a member
        members = most // sizes.pop() if len(sizes) == 1 else None
        weights = np.concatenate([own for _, own in alike])
        return cls._calibrated_as(cls._trusted(components, weights, members), parts)

    def __len__(self) -> int:
        return len(self.components[0])

    def __getitem__(self, rows: Selection) -> Self:
        """The mixtures of some rows; an integer gives a batch of length 1.

        A name, or a list of names, gives the `marginal` of these targets.
        """
        if names_targets(rows):
            return self.marginal(rows)
        index = row_index(rows, len(self), self.index)
        joint = self._of([c[index] for c in self.components], self.weights[index])
        if self._calibration_set is not None:
            number = row_index(rows, len(self))
            joint.__dict__["_calibration_set"] = self._calibration_set.of_rows(number)
        return joint

    @property
    def targets(self) -> tuple[str, ...]:  # type: ignore[override]
        """Names of the D targets."""
        return self.components[0].targets

    @property
    def index(self) -> pd.Index | None:  # type: ignore[override]
        """Row labels of the N rows, or None."""
        return self.components[0].index

    def _labelled(self, index: pd.Index | None) -> Self:
        components = [component._labelled(index) for component in self.components]
        return self._trusted(components, self.weights, self._members, self._calibration_set)

    def to_arrays(self) -> dict[str, Array]:
        """The arrays of all components and the weights, rows in front, and of how many members."""
        each = [component.to_arrays() for component in self.components]
        stacks = {name: np.stack([one[name] for one in each], axis=1) for name in each[0]}
        return {**stacks, "weights": self.weights, "members": np.array(self._members)}

    @property
    def observed(self) -> Mask:
        """Which targets are known exactly, shape (N, D): those `conditional` was given."""
        return self.components[0].observed

    @property
    def _components(self) -> tuple[tuple[Elliptical, ...], Array]:
        return self.components, self.weights


def _of_components(mixture: Components, count: int) -> tuple[list[Elliptical], Array]:
    """Components and weights of a mixture, filled up to `count` by its first one with weight 0."""
    more = count - len(mixture.components)
    components = [*mixture.components, *[mixture.components[0]] * more]
    return components, np.pad(mixture.weights, ((0, 0), (0, more)))
