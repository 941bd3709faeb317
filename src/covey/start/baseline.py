"""The baseline that a model is compared with: simple means, one covariance for all rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from covey.distributions import Elliptical, Mixture
from covey.distributions.internals import transformed, with_mean
from covey.distributions.transforms import Transforms
from covey.start.start import LinearStart
from covey.table.folds import collected
from covey.table.inputs import Inputs
from covey.table.training_data import TrainingData
from covey.types import Array


@dataclass(frozen=True)
class Baseline:
    """Ridge regression, or the user's own regressor alone, with one normal covariance.

    The covariance is that of the residuals of rows that the means were not fitted to. It is a
    normal's, whatever the network starts from: a network that learns a Student-t starts from the
    scale matrix of one, which is narrower than the covariance.

    Attributes:
        starts: K linear models, of which each has such a covariance.
        predictor: what predicts the means, in words.
        transforms: of the targets whose latent variables they predict; None for none.
    """

    starts: tuple[LinearStart, ...]
    predictor: str
    transforms: Transforms | None = None

    @classmethod
    def of(
        cls,
        linear: Sequence[LinearStart],
        covariances: Sequence[Mapping[str, Any]],
        base: str | None = None,
    ) -> Self:
        """Join linear models with covariances of the residuals of the simplest means.

        Args:
            linear: the K linear models that the members start from.
            covariances: for each, the covariance of the simplest mean's residuals, as arrays of a
                linear model by name.
            base: name of the user's regressor, whose means come as offsets; None for ridge.

        Returns:
            The baseline.
        """
        starts = linear if base is None else [start.of_offset_alone() for start in linear]
        pairs = zip(starts, covariances, strict=True)
        predictor = "ridge regression" if base is None else f"the base alone ({base})"
        return cls(tuple(replace(start, **arrays) for start, arrays in pairs), predictor)

    @property
    def description(self) -> str:
        """The baseline in words."""
        also = " (through the same transforms)" if self.transforms else ""
        return f"{self.predictor} with one covariance for all rows{also}"

    def distribution(self, inputs: Inputs, targets: tuple[str, ...]) -> Elliptical:
        """The mean of the K means for every row, and the mean of the K covariances.

        Args:
            inputs: of N rows.
            targets: D names.

        Returns:
            N normals, in target units, all with the same covariance.
        """
        features = inputs.features
        means = [start.mean(features, inputs.offset(k)) for k, start in enumerate(self.starts)]
        mean = np.mean(means, axis=0)
        nowhere, center = np.zeros((1, features.shape[1])), np.zeros((1, len(targets)))
        each = [start.predict_distribution(nowhere, targets) for start in self.starts]
        one: Any = Mixture([with_mean(joint, center) for joint in each]).moment_matched()
        joint = with_mean(one[np.zeros(len(inputs), dtype=np.int64)], mean)
        return transformed(joint, self.transforms)

    def held_out(self, data: TrainingData) -> Elliptical:
        """The prediction for training rows by the models that were not fitted to them.

        Args:
            data: the rows; each of the K models was fitted to those that one member trains on.

        Returns:
            Normals of the rows `data.folds.held_out`, in target units.
        """
        parts = []
        for k, (start, test) in enumerate(zip(self.starts, data.folds.tests, strict=True)):
            inputs = data.inputs[test]
            parts.append(
                start.predict_distribution(inputs.features, data.targets, inputs.offset(k))
            )
        return transformed(collected(parts, data.folds), self.transforms)

    def to_arrays(self) -> dict[str, Array]:
        """The K covariances as arrays by name; the rest of a baseline is in the linear models."""
        names, key = self.starts[0].covariance_names(), self.starts[0].key
        return {key(name): np.stack([getattr(one, name) for one in self.starts]) for name in names}

    @classmethod
    def from_arrays(
        cls,
        linear: Sequence[LinearStart],
        arrays: Mapping[str, NDArray[Any]],
        base: str | None = None,
    ) -> Self:
        """Rebuild what `to_arrays` described; the other arguments as for `of`.

        Raises:
            KeyError: an array is lacking.
            ValueError: one has another shape than that of the linear models, or is not finite.
        """
        names, key = linear[0].covariance_names(), linear[0].key
        for name in names:
            expected = (len(linear), *np.shape(getattr(linear[0], name)))
            array = arrays[key(name)]
            if array.shape != expected or not np.isfinite(array).all():
                raise ValueError(f"the covariance of the baseline, {name}")
        each = [{name: arrays[key(name)][k] for name in names} for k in range(len(linear))]
        return cls.of(linear, each, base)


def regressor_name(regressor: Any) -> str:
    """What a user's regressor is called: its class, or that of the one inside of several."""
    inside = getattr(regressor, "estimator", None)
    several = type(regressor).__name__ == "MultiOutputRegressor" and inside is not None
    return type(inside if several else regressor).__name__
