"""Mixtures of Student-t distributions: several modes, bent shapes, tails of any kind."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri, softmax

from covey.algebra.points import unit_points
from covey.backend.arrival import registered
from covey.backend.operations import of
from covey.distributions import Mixture as MixtureDistribution
from covey.distributions.members import of_members
from covey.errors import InputError, shown
from covey.families.family import Family
from covey.families.student_t import START, StudentT
from covey.types import Array, Tensor

APART = 0.7  # standard deviation of the components' means at raw outputs of zero
MOST_COMPONENTS = 64


@final
@registered
class Mixture(Family):
    """Mixtures of J Student-t distributions of D targets: several modes, bends and skews.

    Each component has a mean, a scale matrix and degrees of freedom of its own, as `StudentT` packs
    them, and a weight w_j. With p_j the density of a component,

        log p(y) = log sum_j w_j p_j(y)

    Targets that are not observed are marginalised in each component, so exactly.

    Packed parameters, on the last axis: those of the J components, one after another, then the J
    values log w_j. Raw outputs of zero give J components of equal weight about different means,
    always the same, whose mixture has mean 0 and about the covariance of the standard `StudentT`:
    components that begin at one place would stay together for ever, for their gradients are equal.

    Args:
        n_targets: D, at least 1.
        components: J, at least 1.
        floor: smallest of the positive numbers W_jj of each component, and the reciprocal of the
            largest; in (0, 1). A component that is much narrower than the rounding of a target
            raises the density without limit and tells nothing: 0.01 suits standardised targets.

    Raises:
        InputError: an argument lies outside its range.

    References:
        Bishop (1994), Mixture Density Networks, Aston University NCRG/94/004.
        Peel, McLachlan (2000), Robust mixture modelling using the t distribution, Statistics and
        Computing 10, doi 10.1023/A:1008981510081.

    Example:
        >>> import numpy as np
        >>> from covey.families import Mixture
        >>> family = Mixture(1, components=2)
        >>> packed = np.array([[-1.0, 1.0, 0.1, 1.0, 1.0, 0.1, np.log(0.5), np.log(0.5)]])
        >>> family.distribution(packed).mean
        array([[0.]])
    """

    def __init__(self, n_targets: int, components: int = 8, *, floor: float = 1e-6) -> None:
        super().__init__(n_targets, floor=floor)
        if isinstance(components, bool) or not isinstance(components, (int, np.integer)):
            raise InputError(
                f"`components` must be a whole number. Received: components={shown(components)}."
            )
        if not 1 <= components <= MOST_COMPONENTS:
            raise InputError(
                f"`components` must lie between 1 and {MOST_COMPONENTS}. Received: "
                f"components={components}."
            )
        self.components = int(components)
        self._component = StudentT(self.n_targets, floor=self.floor)

    @property
    def packed_size(self) -> int:
        """P, the width of the network's output: J (D + D (D + 1) / 2 + 2)."""
        return self.components * (self._component.packed_size + 1)

    @property
    def _size(self) -> int:
        """Packed parameters of all components together, without their weights."""
        return self.components * self._component.packed_size

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"n_targets": self.n_targets, "components": self.components, "floor": self.floor}

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.n_targets}, components={self.components}, "
            f"floor={self.floor:g})"
        )

    def constrain(self, raw: Tensor) -> Tensor:
        """Turn any finite outputs, shape (..., P), into packed parameters of the same shape."""
        ops = of(raw)
        raw = ops.convert_to_tensor(raw)
        each, logits = self._parts(raw)
        each = self._component.constrain(each + ops.convert_to_tensor(self._start))
        flat = ops.reshape(each, (*ops.shape(raw)[:-1], self._size))
        return ops.concatenate([flat, ops.log_softmax(logits, axis=-1)], axis=-1)

    @cached_property
    def _start(self) -> NDArray[np.float32]:
        """What raw outputs of the components begin at, shape (J, size of a component)."""
        j, d = self.components, self.n_targets
        start = np.zeros((j, self._component.packed_size), dtype=np.float32)
        if j == 1:
            return start
        if d == 1:
            points = ndtri((np.arange(j)[:, None] + 0.5) / j)
        else:
            points = ndtri(unit_points(d, 2 ** (j - 1).bit_length())[:j])
        points -= points.mean(axis=0)
        if j > d:  # then they can spread alike in all directions
            values, vectors = np.linalg.eigh(points.T @ points / j)
            points = points @ (vectors / np.sqrt(values)) @ vectors.T
        points /= np.sqrt(np.square(points).mean(axis=0))
        start[:, :d] = APART * np.sqrt(START / (START - 2)) * points
        start[:, d : 2 * d] = -0.5 * np.log(1 - APART**2)  # so much narrower is each component
        return start

    def _parts(self, packed: Tensor) -> tuple[Tensor, Tensor]:
        """Of the components, (..., J, size of one), and of their weights, (..., J)."""
        each = (self.components, self._component.packed_size)  # said, or TensorFlow forgets it
        ops = of(packed)
        parts = ops.reshape(packed[..., : self._size], (*ops.shape(packed)[:-1], *each))
        return parts, packed[..., self._size :]

    def _log_prob(self, packed: Tensor, y: Tensor, missing: bool) -> Tensor:
        """See `Family`."""
        ops = of(packed)
        each, log_weights = self._parts(packed)
        y = ops.expand_dims(y, -2) + ops.zeros_like(each[..., : self.n_targets])
        density = self._component._log_prob(each, y, missing)
        return ops.logsumexp(density + log_weights, axis=-1)

    def distribution(
        self, packed: ArrayLike, targets: Iterable[str] | None = None
    ) -> MixtureDistribution:
        """A `covey.Mixture` of N rows, from what `model.predict` returned: see `Family`."""
        values = self._read(packed)
        each, log_weights = self._columns(values)
        names = None if targets is None else tuple(targets)
        components = [self._component.distribution(one, names) for one in each]
        mixture = MixtureDistribution(components, softmax(log_weights, axis=1))
        return of_members([mixture])  # not so many members that disagree

    def _columns(self, values: Array) -> tuple[list[Array], Array]:
        """Packed parameters of each component, J of shape (N, size of one), and log w_j, (N, J)."""
        each = np.split(values[:, : self._size], self.components, axis=1)
        return each, values[:, self._size :]

    def _check_read(self, values: Array) -> NDArray[np.bool_]:
        """See `Family`."""
        each, _ = self._columns(values)
        return np.any([self._component._check_read(one) for one in each], axis=0)

    def _scaling(self, scale: Array) -> tuple[NDArray[np.float32], ...]:
        # an axis for the components, behind that of members
        return tuple(np.expand_dims(part, -3) for part in self._component._scaling(scale))

    def _rescaled(self, packed: Tensor, scaling: tuple[Tensor, ...]) -> Tensor:
        ops = of(packed)
        each, log_weights = self._parts(packed)
        each = self._component._rescaled(each, scaling)
        flat = ops.reshape(each, (*ops.shape(packed)[:-1], self._size))
        return ops.concatenate([flat, log_weights], axis=-1)
