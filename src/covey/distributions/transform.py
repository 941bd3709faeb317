"""Maps between a target that is never below 0 and a latent variable z without bounds.

Each is increasing, y = max(h(z), 0). From 0 to `top`, in a fit the upper quartile, h is
what its name says; beyond, on both sides, it goes on as a straight line with the slope that it has
there. So the tails of y are those of z, and it has a mean and a variance where z has.

| name    | z of a value y, up to `top` | u, unless given |
|---------|-----------------------------|-----------------|
| `clip`  | y                           |                 |
| `sqrt`  | 2 sqrt(1 + y / u) - 2       | 3/8             |
| `log1p` | log(1 + y / u)              | 1               |
| `log`   | log y, for y > 0 alone      |                 |

References: Tobin (1958), Econometrica 26(1) (`clip`); Anscombe (1948), Biometrika 35 (`sqrt`, 3/8);
Aitchison, Brown (1957), The Lognormal Distribution.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from scipy.special import log_ndtr, ndtr

from covey.errors import InputError, shown
from covey.types import Array

LARGEST = 700.0  # of what an exponential is taken
WIDE = 5.0  # standard deviation of z beyond which a recursion loses half of the digits
NODES = 96  # of an integral over a part of a normal variable
REACH = 8.5  # standard deviations beyond which a normal's density is nothing
ANSCOMBE = 0.375  # what is added to a count before its root is taken
FEW_NODES = 32  # over a part as short as this, of polynomials of no higher degree
SHORT, SMOOTH = 3.0, 48
_RULES = {count: np.polynomial.legendre.leggauss(count) for count in (NODES, FEW_NODES)}


@dataclass(frozen=True)
class Transform(ABC):
    """How one target follows from a latent variable.

    Attributes:
        unit: u, positive, in target units.
        top: where the straight line begins, in target units; infinite for none.
        name: by which users call it.
        at_zero: the latent value of y = 0.

    Raises:
        InputError: `unit` is not a positive number, or `top` is neither positive nor, of `clip`, 0.
    """

    unit: float = 1.0
    top: float = np.inf
    name: ClassVar[str]
    at_zero: ClassVar[float] = 0.0
    _straight: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not _is_number(self.unit) or not 0 < self.unit < np.inf:
            raise InputError(
                f"`unit` of {self.name!r} must be a positive number, in target units. Received: "
                f"{shown(self.unit)}."
            )
        if not _is_number(self.top) or not (self.top > 0 or (self._straight and self.top == 0)):
            raise InputError(
                f"`top` of {self.name!r} must be above 0, in target units: there the straight line "
                f"begins. Received: {shown(self.top)}."
            )

    @abstractmethod
    def _curve(self, y: Array) -> Array:
        """Z of values from 0 to `top`."""

    @abstractmethod
    def _value(self, z: Array) -> Array:
        """h(z), for z of such values."""

    @abstractmethod
    def _log_slope(self, z: Array) -> Array:
        """Log h'(z), for z of such values."""

    @abstractmethod
    def _curved(self, mean: Array, stddev: Array, ends: Array, count: int) -> Array:
        """The integrals of h'(mean + stddev x) He_k(x) phi(x) / sqrt(k!) between two ends.

        Args:
            mean: of z, shape (N,).
            stddev: of z, shape (N,), positive.
            ends: x from which and to which, shape (2, N).
            count: K.

        Returns:
            Shape (K, N), for k from 0 to K - 1.
        """

    @property
    def at_top(self) -> float:
        """The latent value of `top`."""
        return float(self._curve(np.array(self.top)))

    @property
    def light_tails(self) -> bool:
        """Whether moments exist only where the tails of z are as light as a normal's."""
        return bool(np.isinf(self.top))

    def latent(self, y: Array) -> Array:
        """Z of values y, in target units; of negative ones, what the straight line gives."""
        inner = np.clip(y, 0.0, self.top)
        with np.errstate(divide="ignore"):
            z = self._curve(inner)
        return z + _beyond(y, inner, -self._log_slope(z))

    def restored(self, z: Array) -> Array:
        """h(z), in target units, not cut at 0."""
        inner = np.clip(z, self.at_zero, self.at_top)
        return self._value(inner) + _beyond(z, inner, self._log_slope(inner))

    def log_slope(self, z: Array) -> Array:
        """Log h'(z), in nats."""
        return np.asarray(self._log_slope(np.clip(z, self.at_zero, self.at_top)))

    def coefficients(self, mean: Array, stddev: Array, count: int) -> Array:
        """Hermite coefficients of max(h(mean + stddev x), 0), for x standard normal.

        Args:
            mean: of z, shape (N,).
            stddev: of z, shape (N,), positive.
            count: K.

        Returns:
            Shape (K, N), in target units: E[y He_k(x)] / sqrt(k!) for k from 1 to K.
        """
        ends = (np.array([[self.at_zero], [self.at_top]]) - mean) / stddev
        found = self._curved(mean, stddev, ends, count)
        if np.isfinite(self.top):
            found += np.exp(self._log_slope(np.array(self.at_top))) * _tails(ends[1], count)[:count]
        return stddev * found / _roots(count)

    def scaled(self, factor: float) -> tuple[Transform, float, float]:
        """The transform of factor y, and (a, b) of its latent variable a z + b."""
        return replace(self, unit=self.unit * factor, top=self.top * factor), 1.0, 0.0

    @property
    def described(self) -> str:
        """The transform in words, such as "log1p" or "log1p(y / 35)"."""
        return self.name

    def to_manifest(self) -> dict[str, Any]:
        """What a file must hold."""
        return {
            "name": self.name,
            "unit": float(self.unit),
            "top": float(self.top) if np.isfinite(self.top) else None,
        }


@dataclass(frozen=True)
class Clip(Transform):
    """y = max(z, 0): the target is what it is, but never below 0."""

    top: float = 0.0
    name: ClassVar[str] = "clip"
    _straight: ClassVar[bool] = True

    def _curve(self, y: Array) -> Array:
        return y

    def _value(self, z: Array) -> Array:
        return z

    def _log_slope(self, z: Array) -> Array:
        return 0.0 * z

    def _curved(self, mean: Array, stddev: Array, ends: Array, count: int) -> Array:
        return np.zeros((count, *mean.shape))

    def scaled(self, factor: float) -> tuple[Transform, float, float]:
        """See `Transform`."""
        return self, factor, 0.0


@dataclass(frozen=True)
class Sqrt(Transform):
    """y = u ((1 + z / 2)^2 - 1): the square root of a count has a steady spread."""

    unit: float = ANSCOMBE
    name: ClassVar[str] = "sqrt"

    def _curve(self, y: Array) -> Array:
        share = y / self.unit
        finite = np.where(np.isinf(share), 0.0, share)
        return np.where(np.isinf(share), np.inf, 2 * finite / (np.sqrt(1 + finite) + 1))

    def _value(self, z: Array) -> Array:
        return self.unit * z * (1 + z / 4)

    def _log_slope(self, z: Array) -> Array:
        return np.log(self.unit) + np.log1p(z / 2)

    def _curved(self, mean: Array, stddev: Array, ends: Array, count: int) -> Array:
        part = _tails(ends[0], count) - _tails(ends[1], count)
        roots = _roots(count)
        # x He_k = He_(k+1) + k He_(k-1)
        product = part[1 : count + 1] * roots
        product[1:] += part[: count - 1] * roots[:-1]
        return self.unit * ((1 + mean / 2) * part[:count] + stddev / 2 * product)

    @property
    def described(self) -> str:
        """See `Transform`."""
        return self.name if self.unit == ANSCOMBE else f"sqrt(1 + y / {self.unit:.4g})"


@dataclass(frozen=True)
class Log1p(Transform):
    """y = u (exp(z) - 1): what is added or lost is a share of what there is."""

    name: ClassVar[str] = "log1p"

    def _curve(self, y: Array) -> Array:
        return np.log1p(y / self.unit)

    def _value(self, z: Array) -> Array:
        return self.unit * np.expm1(z)

    def _log_slope(self, z: Array) -> Array:
        return np.log(self.unit) + z

    def _curved(self, mean: Array, stddev: Array, ends: Array, count: int) -> Array:
        return self.unit * _exponential(mean, stddev, ends, count)

    @property
    def described(self) -> str:
        """See `Transform`."""
        return self.name if self.unit == 1 else f"log1p(y / {self.unit:.4g})"


@dataclass(frozen=True)
class Log(Transform):
    """y = exp(z): a target that is never 0."""

    name: ClassVar[str] = "log"
    at_zero: ClassVar[float] = -np.inf

    def _curve(self, y: Array) -> Array:
        return np.log(y)

    def _value(self, z: Array) -> Array:
        return np.exp(z)

    def _log_slope(self, z: Array) -> Array:
        return z

    def _curved(self, mean: Array, stddev: Array, ends: Array, count: int) -> Array:
        return _exponential(mean, stddev, ends, count)

    def scaled(self, factor: float) -> tuple[Transform, float, float]:
        """See `Transform`."""
        return replace(self, top=self.top * factor), 1.0, float(np.log(factor))


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)


def _beyond(values: Array, inner: Array, log_slope: Array) -> Array:
    """How far the straight lines lead from the ends; 0 between them, and at infinite ends."""
    within = values == inner
    shift = np.where(within, 0.0, values - np.where(within, 0.0, inner))
    return shift * np.exp(np.where(within, 0.0, log_slope))


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
    before = np.empty_like(x)
    for k in range(1, count - 1):  # without a new array in each turn
        np.multiply(found[k - 1], np.sqrt(k), out=before)
        np.multiply(x, found[k], out=found[k + 1])
        found[k + 1] -= before
        found[k + 1] /= np.sqrt(k + 1)
    return found


def _exponential(mean: Array, stddev: Array, ends: Array, count: int) -> Array:
    """`Transform._curved` for h' = exp.

    By parts each integral follows from the one before, and errors grow as exp(s^2 / 2). So where
    z spreads far, and the part is finite, each is a sum over Gauss-Legendre nodes.
    """
    found = np.empty((count, *mean.shape))
    wide = (stddev > WIDE) & np.isfinite(ends[1])
    for rows, integrals in ((~wide, _by_parts), (wide, _by_nodes)):
        if rows.any():
            found[:, rows] = integrals(mean[rows], stddev[rows], ends[:, rows], count)
    return found


def _by_nodes(mean: Array, stddev: Array, ends: Array, count: int) -> Array:
    """See `_exponential`."""
    low, high = np.clip(ends, -REACH, REACH)
    short = count <= SMOOTH and (high - low).max(initial=0.0) <= SHORT
    nodes, share = _RULES[FEW_NODES if short else NODES]
    x = low[:, None] + (high - low)[:, None] * (nodes + 1) / 2
    weight = np.exp(mean[:, None] + stddev[:, None] * x) * share * (high - low)[:, None] / 2
    return np.stack([(term * weight).sum(axis=1) for term in _hermite(x, count)])


def _by_parts(mean: Array, stddev: Array, ends: Array, count: int) -> Array:
    """See `_exponential`."""
    low, high = ends
    found = np.empty((count, *mean.shape))
    edges = np.zeros((count, *mean.shape))
    for x, sign in ((low, 1.0), (high, -1.0)):
        inside = np.isfinite(x)
        z = np.where(inside, mean + stddev * np.where(inside, x, 0.0), 0.0)
        edges += sign * np.where(inside, np.exp(np.minimum(z, LARGEST)), 0.0) * _hermite(x, count)
    log_mean = mean + np.square(stddev) / 2
    # the difference of two probabilities, from the side where they are small
    upper = np.isfinite(low) & (np.where(np.isfinite(low), low, 0.0) + high > 2 * stddev)
    a = np.where(upper, stddev - low, high - stddev)
    b = np.where(upper, stddev - high, low - stddev)
    found[0] = np.exp(log_mean + log_ndtr(a)) - np.exp(log_mean + log_ndtr(b))
    for k in range(1, count):
        found[k] = (edges[k - 1] + stddev * found[k - 1]) / np.sqrt(k)
    return found
