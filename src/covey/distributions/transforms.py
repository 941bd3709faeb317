"""The transforms of D targets: one for each, or none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from covey.distributions.transform import Clip, Log, Log1p, Sqrt, Transform
from covey.errors import InputError, shown
from covey.types import Array, Mask

KINDS: dict[str, type[Transform]] = {kind.name: kind for kind in (Clip, Sqrt, Log1p, Log)}


@dataclass(frozen=True)
class Transforms:
    """One transform for each of D targets; None for a target that is its own latent variable.

    Values have the shape (..., D). NaN stays NaN.
    """

    each: tuple[Transform | None, ...]

    def __bool__(self) -> bool:
        return any(one is not None for one in self.each)

    @property
    def light_tails(self) -> bool:
        """Whether any target has moments for distributions with light tails only."""
        return any(one is not None and one.light_tails for one in self.each)

    @property
    def bounded(self) -> Mask:
        """Which targets are never below 0, shape (D,)."""
        found: Mask = np.array([one is not None for one in self.each], dtype=bool)
        return found

    @property
    def at_zero(self) -> Array:
        """The latent values of 0, shape (D,); minus infinity without a bound."""
        return np.array([-np.inf if one is None else one.at_zero for one in self.each])

    def chosen(self, positions: Iterable[int]) -> Self:
        """Those of some targets, in this order."""
        return type(self)(tuple(self.each[position] for position in positions))

    def latent(self, y: Array) -> Array:
        """The latent values z of values y, in target units."""
        return self._applied(y, lambda one, column: one.latent(column))

    def restored(self, z: Array) -> Array:
        """h(z), in target units, not cut at 0."""
        return self._applied(z, lambda one, column: one.restored(column))

    def reported(self, z: Array) -> Array:
        """max(h(z), 0), in target units."""
        return self._applied(z, lambda one, column: np.maximum(one.restored(column), 0.0))

    def log_slope(self, z: Array) -> Array:
        """Log h'(z), summed over the targets that are not NaN, of shape (...), in nats."""
        total = np.zeros(z.shape[:-1])
        for i, one in enumerate(self.each):
            if one is not None:
                slope = one.log_slope(z[..., i])
                total += np.where(np.isnan(slope), 0.0, slope)
        return total

    def impossible(self, y: Array) -> Mask:
        """Which values the targets never have, of the shape of y."""
        zero = (y == 0) & np.isinf(self.at_zero)
        return np.asarray(((y < 0) | zero) & self.bounded)

    def bound(self, position: int) -> str:
        """What is said of the values of a target that has a transform."""
        return "was always above 0" if np.isinf(self.at_zero[position]) else "was never below 0"

    def _applied(self, values: Array, what: Any) -> Array:
        found = np.array(values, dtype=np.float64)
        for i, one in enumerate(self.each):
            if one is not None:
                found[..., i] = what(one, found[..., i])
        return found

    def to_manifest(self) -> list[dict[str, Any] | None]:
        """What a file must hold."""
        return [None if one is None else one.to_manifest() for one in self.each]

    @classmethod
    def from_manifest(cls, each: Iterable[Mapping[str, Any] | None]) -> Self:
        """Rebuild what `to_manifest` described.

        Raises:
            ValueError: there is no such transform, or a unit or an end of the curve cannot be.
        """
        found: list[Transform | None] = []
        for one in each:
            found.append(None if one is None else from_manifest(one))
        return cls(tuple(found))


def from_manifest(one: Mapping[str, Any]) -> Transform:
    """Rebuild what `Transform.to_manifest` described.

    Raises:
        ValueError: there is no such transform, or a unit or an end of the curve cannot be.
    """
    if one["name"] not in KINDS:
        raise ValueError(f"a transform, {dict(one)}")
    try:
        top = np.inf if one["top"] is None else float(one["top"])
        return KINDS[one["name"]](float(one["unit"]), top)
    except InputError as error:
        raise ValueError(f"a transform, {dict(one)}") from error


def read_transform(given: Any, target: str, others: tuple[str, ...] = ()) -> Transform | None:
    """The transform that a user names for a target.

    Args:
        given: a name, a `Transform`, or None.
        target: name of the target, for messages.
        others: further names that the caller takes, for messages.

    Returns:
        The transform; None for none.

    Raises:
        InputError: there is no transform of this name.
    """
    if given is None or isinstance(given, Transform):
        return given
    if isinstance(given, str) and given in KINDS:
        return KINDS[given]()
    raise InputError(
        f"The transform of target {target!r} must be one of {', '.join(sorted(KINDS))}; or "
        f"{', or '.join([*others, 'none'])}. Received: {shown(given)}."
    )
