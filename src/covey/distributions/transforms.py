"""Maps between a target that is never below 0 and a latent variable z without bounds.

Each is increasing, y = max(h(z), 0). From 0 on h is what its name says; below 0, where no value is
ever observed, it goes on as a straight line (the logarithm has no such part).

| name    | z of a value y              | moments exist for          |
|---------|-----------------------------|----------------------------|
| `clip`  | y                           | normal and Student-t       |
| `sqrt`  | 2 sqrt(1 + y / u) - 2       | normal, u = 3/8 by default |
| `log1p` | log(1 + y / u)              | normal, u = 1 by default   |
| `log`   | log y, for y > 0            | normal                     |

References: Tobin (1958), Econometrica 26(1) (`clip`); Anscombe (1948), Biometrika 35 (`sqrt`, 3/8);
Aitchison, Brown (1957), The Lognormal Distribution.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from scipy.special import log_ndtr, ndtr

from covey.errors import InputError, shown
from covey.types import Array, Mask

ANSCOMBE = 0.375  # what is added to a count before its root is taken


@dataclass(frozen=True)
class Transform(ABC):
    """How one target follows from a latent variable.

    Attributes:
        unit: u, positive, in target units.
        name: by which users call it.
        light_tails: whether moments exist for distributions with tails as light as a normal's only.
    """

    unit: float = 1.0
    name: ClassVar[str]
    light_tails: ClassVar[bool] = True
    at_zero: ClassVar[float] = 0.0  # the latent value of y = 0

    @abstractmethod
    def latent(self, y: Array) -> Array:
        """Z of values y >= 0, in target units; of negative ones, what the straight line gives."""

    @abstractmethod
    def restored(self, z: Array) -> Array:
        """h(z), in target units, not cut at 0."""

    @abstractmethod
    def log_slope(self, z: Array) -> Array:
        """Log h'(z), in nats."""

    @abstractmethod
    def coefficients(self, mean: Array, stddev: Array, count: int) -> Array:
        """Hermite coefficients of max(h(mean + stddev x), 0), for x standard normal.

        Args:
            mean: of z, shape (N,).
            stddev: of z, shape (N,), positive.
            count: K.

        Returns:
            Shape (K, N), in target units: E[y He_k(x)] / sqrt(k!) for k from 1 to K.
        """

    @abstractmethod
    def scaled(self, factor: float) -> tuple[Transform, float, float]:
        """The transform of factor y, and (a, b) of its latent variable a z + b."""

    @property
    def described(self) -> str:
        """The transform in words, such as "log1p" or "log1p(y / 35)"."""
        return self.name

    def to_manifest(self) -> dict[str, Any]:
        """What a file must hold."""
        return {"name": self.name, "unit": self.unit}


@dataclass(frozen=True)
class Clip(Transform):
    """y = max(z, 0): the target is what it is, but never below 0."""

    name: ClassVar[str] = "clip"
    light_tails: ClassVar[bool] = False

    def latent(self, y: Array) -> Array:
        """See `Transform`."""
        return y

    def restored(self, z: Array) -> Array:
        """See `Transform`."""
        return z

    def log_slope(self, z: Array) -> Array:
        """See `Transform`."""
        return np.where(np.isnan(z), np.nan, 0.0)

    def coefficients(self, mean: Array, stddev: Array, count: int) -> Array:
        """See `Transform`."""
        tails = _tails(-mean / stddev, count)
        return stddev * tails[:count] / _roots(count)

    def scaled(self, factor: float) -> tuple[Transform, float, float]:
        """See `Transform`."""
        return self, factor, 0.0


@dataclass(frozen=True)
class Sqrt(Transform):
    """y = u ((1 + z / 2)^2 - 1) from 0 on: the square root of a count has a steady spread."""

    unit: float = ANSCOMBE
    name: ClassVar[str] = "sqrt"

    def latent(self, y: Array) -> Array:
        """See `Transform`."""
        share = y / self.unit
        above = np.maximum(share, 0.0)
        return np.where(share < 0, share, 2 * above / (np.sqrt(1 + above) + 1))

    def restored(self, z: Array) -> Array:
        """See `Transform`."""
        return self.unit * np.where(z < 0, z, z * (1 + z / 4))

    def log_slope(self, z: Array) -> Array:
        """See `Transform`."""
        return np.log(self.unit) + np.log1p(np.maximum(z, 0.0) / 2)

    def coefficients(self, mean: Array, stddev: Array, count: int) -> Array:
        """See `Transform`."""
        tails, roots = _tails(-mean / stddev, count), _roots(count)
        before = np.concatenate([np.zeros((1, *mean.shape)), tails[: count - 1]])
        # x He_k = He_(k+1) + k He_(k-1)
        product = tails[1 : count + 1] * roots
        product[1:] += before[1:] * roots[:-1]
        slope = (1 + mean / 2) * tails[:count] + stddev / 2 * product
        return self.unit * stddev * slope / roots

    def scaled(self, factor: float) -> tuple[Transform, float, float]:
        """See `Transform`."""
        return replace(self, unit=self.unit * factor), 1.0, 0.0

    @property
    def described(self) -> str:
        """See `Transform`."""
        return self.name if self.unit == ANSCOMBE else f"sqrt(1 + y / {self.unit:.4g})"


@dataclass(frozen=True)
class Log1p(Transform):
    """y = u (exp(z) - 1) from 0 on: what is added or lost is a share of what there is."""

    name: ClassVar[str] = "log1p"

    def latent(self, y: Array) -> Array:
        """See `Transform`."""
        share = y / self.unit
        return np.where(share < 0, share, np.log1p(np.maximum(share, 0.0)))

    def restored(self, z: Array) -> Array:
        """See `Transform`."""
        return self.unit * np.where(z < 0, z, np.expm1(np.maximum(z, 0.0)))

    def log_slope(self, z: Array) -> Array:
        """See `Transform`."""
        return np.log(self.unit) + np.maximum(z, 0.0)

    def coefficients(self, mean: Array, stddev: Array, count: int) -> Array:
        """See `Transform`."""
        return self.unit * _of_exponential(mean, stddev, -mean / stddev, count)

    def scaled(self, factor: float) -> tuple[Transform, float, float]:
        """See `Transform`."""
        return replace(self, unit=self.unit * factor), 1.0, 0.0

    @property
    def described(self) -> str:
        """See `Transform`."""
        return self.name if self.unit == 1 else f"log1p(y / {self.unit:.4g})"


@dataclass(frozen=True)
class Log(Transform):
    """y = exp(z): a target that is never 0."""

    name: ClassVar[str] = "log"
    at_zero: ClassVar[float] = -np.inf

    def latent(self, y: Array) -> Array:
        """See `Transform`."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log(y)

    def restored(self, z: Array) -> Array:
        """See `Transform`."""
        return np.exp(z)

    def log_slope(self, z: Array) -> Array:
        """See `Transform`."""
        return z

    def coefficients(self, mean: Array, stddev: Array, count: int) -> Array:
        """See `Transform`."""
        return _of_exponential(mean, stddev, np.full(mean.shape, -np.inf), count)

    def scaled(self, factor: float) -> tuple[Transform, float, float]:
        """See `Transform`."""
        return self, 1.0, float(np.log(factor))


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
            ValueError: there is no such transform, or a unit is not positive.
        """
        found: list[Transform | None] = []
        for one in each:
            if one is not None and (one["name"] not in KINDS or not float(one["unit"]) > 0):
                raise ValueError(f"a transform, {one}")
            found.append(None if one is None else KINDS[one["name"]](float(one["unit"])))
        return cls(tuple(found))


def read_transform(given: Any, target: str) -> Transform | None:
    """The transform that a user names for a target.

    Args:
        given: a name, a `Transform`, or None.
        target: name of the target, for messages.

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
        f"The transform of target {target!r} must be one of {sorted(KINDS)} or None. Received: "
        f"{shown(given)}."
    )


def _roots(count: int) -> Array:
    """sqrt(k) for k from 1 to K, shape (K, 1)."""
    return np.sqrt(np.arange(1.0, count + 1))[:, None]


def _tails(x: Array, count: int) -> Array:
    """The integral of He_k phi from x on, over sqrt(k!), for k from 0 to K: shape (K + 1, N)."""
    found = np.empty((count + 1, *x.shape))
    found[0] = ndtr(-x)
    found[1:] = _hermite(x, count) / _roots(count)
    return found


def _hermite(x: Array, count: int) -> Array:
    """He_k(x) phi(x) / sqrt(k!) for k from 0 to K - 1, shape (K, N); 0 at infinity."""
    x = np.clip(x, -40.0, 40.0)  # where phi is 0 to all digits
    found = np.empty((count, *x.shape))
    found[0] = np.exp(-np.square(x) / 2) / np.sqrt(2 * np.pi)
    if count > 1:
        found[1] = x * found[0]
    for k in range(1, count - 1):
        found[k + 1] = (x * found[k] - np.sqrt(k) * found[k - 1]) / np.sqrt(k + 1)
    return found


def _of_exponential(mean: Array, stddev: Array, x: Array, count: int) -> Array:
    """Coefficients of exp(z) from x on, z = mean + stddev x: shape (K, N), see `Transform`."""
    found = np.empty((count, *mean.shape))
    inside = np.isfinite(x)
    edge = np.where(inside, np.exp(mean + stddev * np.where(inside, x, 0.0)), 0.0)
    edges = _hermite(x, count) * edge
    found[0] = np.exp(mean + np.square(stddev) / 2 + log_ndtr(stddev - x))
    for k in range(1, count):
        found[k] = (edges[k - 1] + stddev * found[k - 1]) / np.sqrt(k)
    return stddev * found / _roots(count)
