"""What a transformed distribution is made of: latent variables, transforms, and moments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from covey.arguments.targets import target_positions
from covey.distributions.batch import frozen, names_targets
from covey.distributions.elliptical import Elliptical
from covey.distributions.immutable import Immutable
from covey.distributions.joint import Joint
from covey.distributions.mixture import Mixture
from covey.distributions.text import ROWS, describe
from covey.distributions.transform import Transform
from covey.distributions.transformed_moments import covariance, mean_and_stddev
from covey.distributions.transforms import Transforms, read_transform
from covey.errors import InputError, shown
from covey.types import Array, Mask, Selection

if TYPE_CHECKING:
    import pandas as pd


class OfLatent(Immutable, Joint):
    """N distributions of y = max(h(z), 0): those of z, and h of each target. It is immutable.

    Args:
        latent: as for `Transformed`.
        transform: as for `Transformed`.

    Raises:
        InputError: as for `Transformed`.
    """

    latent: Any
    transforms: Transforms

    def __init__(self, latent: Joint, transform: Mapping[str, Any] | str | Transform) -> None:
        if not isinstance(latent, (Elliptical, Mixture)):
            raise InputError(
                "Expected distributions to transform, such as a MultivariateNormal. Received "
                f"{type(latent).__name__}."
            )
        given: Any = transform
        if not isinstance(given, Mapping):
            given = dict.fromkeys(latent.targets, given)
        each: list[Transform | None] = [None] * len(latent.targets)
        for target, one in given.items():
            position = target_positions(target, latent.targets)[0]
            each[position] = read_transform(one, latent.targets[position])
        transforms = Transforms(tuple(each))
        check_tails(latent, transforms)
        self.__dict__.update(latent=latent, transforms=transforms)

    @classmethod
    def _trusted(cls, latent: Any, transforms: Transforms) -> Self:
        """Build from what fits, without checks."""
        self = cls.__new__(cls)
        self.__dict__.update(latent=latent, transforms=transforms)
        return self

    def __getstate__(self) -> dict[str, Any]:
        return {"latent": self.latent, "transforms": self.transforms}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """One batch out of several over the same targets with the same transforms, in order.

        Args:
            parts: at least one batch.

        Returns:
            A batch of all their rows, calibrated as their latent distributions are together.

        Raises:
            InputError: there is no part, or they differ in kind, targets or transforms.
        """
        parts = list(parts)
        alike = all(isinstance(p, OfLatent) for p in parts) and (
            len({p.transforms for p in parts}) == 1
        )
        if not alike:
            raise InputError(
                "Expected one or more transformed distributions with the same transforms. Received "
                f"{shown([type(part).__name__ for part in parts])}."
            )
        kind = type(parts[0].latent)
        return cls._trusted(kind.concatenate([p.latent for p in parts]), parts[0].transforms)

    def __len__(self) -> int:
        return len(self.latent)

    def __getitem__(self, rows: Selection) -> Self:
        """The distributions of some rows; an integer gives a batch of length 1.

        A name, or a list of names, gives the `marginal` of these targets.
        """
        if names_targets(rows):
            return self.marginal(rows)
        return self._trusted(self.latent[rows], self.transforms)

    def __repr__(self) -> str:
        few = self[:ROWS]
        return describe(type(self).__name__, few, len(self))

    @property
    def targets(self) -> tuple[str, ...]:  # type: ignore[override]
        """Names of the D targets."""
        names: tuple[str, ...] = self.latent.targets
        return names

    @property
    def index(self) -> pd.Index | None:  # type: ignore[override]
        """Row labels of the N rows, or None."""
        return self.latent.index

    def _labelled(self, index: pd.Index | None) -> Self:
        return self._trusted(self.latent._labelled(index), self.transforms)

    def to_arrays(self) -> dict[str, Array]:
        """The arrays of the latent distributions, by the names of their attributes."""
        arrays: dict[str, Array] = self.latent.to_arrays()
        return arrays

    # calibration, of the latent distributions

    def calibrated_by(self, calibration_set: Any) -> Self:
        """The same distributions, with regions and intervals that are calibrated on other rows.

        Args:
            calibration_set: latent predictions and values of other rows; None for none.

        Returns:
            A new batch.
        """
        return self._trusted(self.latent.calibrated_by(calibration_set), self.transforms)

    @property
    def calibration(self) -> str:
        """What `region` and `interval` are calibrated on: "model", "out_of_fold" or "conformal"."""
        found: str = self.latent.calibration
        return found

    # moments

    @property
    def observed(self) -> Mask:
        """Which targets are known exactly, shape (N, D): those `conditional` was given."""
        known: Mask = self.latent.observed
        return known

    @cached_property
    def _moments(self) -> tuple[Array, Array, list[tuple[Array, Array]]]:
        """Means and standard deviations, each of shape (N, D), and those of each component."""
        parts, weights = self.latent._components
        each = [mean_and_stddev(part, self.transforms) for part in parts]
        if len(each) == 1:
            return (*each[0], each)
        mean = sum(w[:, None] * m for w, (m, _) in zip(weights.T, each, strict=True))
        mean = np.where(self.observed, each[0][0], mean)
        variance = sum(
            w[:, None] * (np.square(s) + np.square(m - mean))
            for w, (m, s) in zip(weights.T, each, strict=True)
        )
        return mean, np.sqrt(variance), each

    @property
    def mean(self) -> Array:  # type: ignore[override]
        """Means, shape (N, D), in target units."""
        return frozen(self._moments[0])

    @property
    def stddev(self) -> Array:
        """Standard deviations, shape (N, D), in target units."""
        return frozen(self._moments[1])

    @cached_property
    def aleatoric(self) -> Array:
        """Average covariance of the components, shape (N, D, D), in products of target units."""
        parts, weights = self.latent._components
        each = zip(weights.T, parts, self._moments[2], strict=True)
        found = sum(w[:, None, None] * covariance(p, self.transforms, *m) for w, p, m in each)
        return frozen(np.asarray(found))

    @cached_property
    def epistemic(self) -> Array:
        """Covariance of the components' means, shape (N, D, D); zero where there is one."""
        weights = self.latent._components[1]
        spread = np.stack([mean for mean, _ in self._moments[2]]) - self.mean
        pairs = zip(weights.T, spread[:, :, :, None] * spread[:, :, None, :], strict=True)
        return frozen(np.asarray(sum(w[:, None, None] * pair for w, pair in pairs)))

    @cached_property
    def covariance(self) -> Array:
        """Covariance matrices, shape (N, D, D), in products of target units."""
        return frozen(self.aleatoric + self.epistemic)

    @property
    def correlation(self) -> Array:
        """Correlation matrices, shape (N, D, D), without unit; the diagonal is 1.

        A target known exactly has correlation 0 with the others.
        """
        scale = np.where(self.observed, 1.0, self.stddev)
        found = np.clip(self.covariance / scale[:, :, None] / scale[:, None, :], -1.0, 1.0)
        own = np.arange(self._shape[1])
        found[:, own, own] = 1.0
        return found


def check_tails(latent: Any, transforms: Transforms) -> None:
    """Refuse transforms that have no mean or no variance.

    Args:
        latent: an `Elliptical`, or a mixture.
        transforms: of its targets.

    Raises:
        InputError: tails are a Student-t's, and a transform grows faster than its variable.
    """
    if transforms.light_tails and latent._components[0][0]._radial_parameters:
        raise InputError(
            "A Student-t has tails too heavy for this transform: the mean or the variance of the "
            "target would be infinite. Use normal distributions, or 'clip', or a transform that is "
            "straight from some value on, such as covey.distributions.Log1p(top=100)."
        )
