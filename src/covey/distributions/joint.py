"""The methods of every batch of joint distributions: they read the arguments of users."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self, overload

import numpy as np
from numpy.typing import ArrayLike

from covey.arguments.check import (
    check_level,
    check_probability,
    check_size,
    read_generator,
    read_values,
)
from covey.arguments.frames import in_library_of
from covey.arguments.given import read_bounds, read_given, read_map
from covey.arguments.labels import DISTRIBUTIONS
from covey.arguments.targets import target_positions
from covey.distributions.dataset import moments_to_dataset
from covey.distributions.density_region import DensityRegion
from covey.distributions.frame import chosen_labels, labels_like, moments_to_frame
from covey.distributions.kind import Kind
from covey.distributions.region import Region
from covey.distributions.text import ROWS, describe, describe_html
from covey.errors import InputError, shown
from covey.types import Array, Labels, Observations, TargetValues

if TYPE_CHECKING:
    import pandas as pd


class Joint(Kind):
    """N joint distributions over the same D named targets.

    In some rows some targets may be known exactly (`observed`): these have their value for a mean
    and no variance, and every method acts on the others.

    Predictions of a fitted model carry a calibration set: predictions and observed values of other
    rows. `region`, `interval` and `quantile` are calibrated on it; densities, moments, samples and
    the probabilities of boxes are those of the model alone.

    Predictions for a DataFrame have its row labels, which follow the rows through every method.
    Data that are compared with them row by row, if they have labels too, must have the same in the
    same order: `covey.arguments.labels` has the rule.

    Attributes:
        mean: shape (N, D), in target units.
        targets: D names.
        index: row labels, a pandas Index of N, or None.
    """

    def __repr__(self) -> str:
        return describe(self._title, self[:ROWS]._matched(), len(self))

    def _repr_html_(self) -> str:
        return describe_html(self._title, self[:ROWS]._matched(), len(self))

    def log_prob(self, y: Observations) -> Array:
        """Log-density of one observation per row.

        Args:
            y: array of shape (N, D) in target units, or a frame with the targets as columns. NaN
                means "not observed": such entries are marginalised exactly, and a row without any
                observed entry has log-density 0. Targets known exactly do not enter.

        Returns:
            Array of shape (N,), in nats.

        Raises:
            InputError: the shape, the columns or the row labels do not fit, or a value is infinite.
        """
        return self._log_prob(self._read(y))

    def mahalanobis(self, y: Observations) -> Array:
        """Mahalanobis distance of one observation per row (the distance, not its square).

        It is taken with the covariance: sqrt((y - mean)' Sigma^-1 (y - mean)).

        Args:
            y: as for `log_prob`; NaN entries are marginalised.

        Returns:
            Array of shape (N,), without unit.

        Raises:
            InputError: the shape, the columns or the row labels do not fit, or a value is infinite.
        """
        return self._mahalanobis(self._read(y))

    def sample(self, size: int, seed: int | np.random.Generator | None = None) -> Array:
        """Draw `size` samples of every row.

        Args:
            size: how many samples, at least 1.
            seed: an integer or a NumPy Generator for repeatable samples.

        Returns:
            Array of shape (size, N, D), in target units.

        Raises:
            InputError: `size` is not a positive integer, or `seed` is no seed.
        """
        return self._sample(check_size(size), read_generator(seed))

    def marginal(self, targets: str | int | Iterable[str | int]) -> Self:
        """The joint distribution of some of the targets, whatever the others are.

        Args:
            targets: one name or number, or several, in the order wanted.

        Returns:
            A distribution of the same kind, of N rows and M targets.

        Raises:
            InputError: there is no such target, one is named twice, or none is.
        """
        return self._marginal(target_positions(targets, self.targets))

    def conditional(
        self,
        given: TargetValues,
        *,
        keep: bool | None = None,
    ) -> Self:
        """The distribution of the other targets, given what has been observed of some.

        Args:
            given: what was observed, in target units. A mapping of targets, by name or number, to
                a value or one value per row; a Series that has the name of a target; a frame of any
                library that has some of the targets as columns (for one row also a Series labelled
                by targets): all three mean the same. Or an array of shape (N, D). NaN means "not
                observed", so that each row may have its own pattern.
            keep: whether the targets that were given stay in the result, with their value for a
                mean and zero variance where they were observed (see `observed`), or are left out,
                observed or not. By default those that were named are left out, and an array keeps
                all D; so does a frame that has all D as columns, of which nothing would be left.

        Returns:
            A distribution of the same kind, of N rows.

        Raises:
            InputError: a target is unknown or named twice, a shape or the row labels do not fit, a
                value is infinite, or no target is left.
        """
        return self._given(given, keep)

    def _given(self, given: TargetValues, keep: bool | None, of: str = DISTRIBUTIONS) -> Self:
        """See `conditional`; messages call what has the rows `of`."""
        values, dropped = read_given(given, self._shape, self.targets, keep, self.index, of)
        joint = self._conditional(np.where(self.observed, np.nan, values))
        if not dropped:
            return joint
        return joint._marginal([i for i in range(len(self.targets)) if i not in dropped])

    def affine(
        self,
        A: ArrayLike | Mapping[str, Mapping[Any, Any]],
        b: TargetValues | None = None,
        targets: Iterable[str] | None = None,
    ) -> Self:
        """The joint distribution of `A y + b`: changes of units, sums, differences, weighted means.

        Args:
            A: what each new variable is made of, by name, such as
                `{"total": {"CO": 1, "NO2": 2}, "CO": {"CO": 1}}`, the coefficients being numbers or
                one number per row; or an array of shape (M, D), or (N, M, D) for one matrix per
                row. Its rows must be linearly independent, so M <= D.
            b: array of shape (M,) or (N, M), or (N,) if M is 1, in the new units, or a mapping of
                new names, or a frame or a Series labelled by them; zero by default.
            targets: M names of the new variables, for an array `A`. By default a diagonal `A` (a
                change of units) keeps the names, any other gives `y0, y1, ...`.

        Returns:
            A distribution of the same kind, of N rows and M targets; of a low-rank normal a
            `MultivariateNormal`, unless each target enters at most one new variable. A combination
            of targets known exactly is known exactly.

        Raises:
            InputError: a target is unknown, a shape does not fit, a value is not finite, or the
                rows of `A` are linearly dependent (their distribution would have no density).
        """
        mapped = self._mapped(*read_map(A, b, targets, self._shape, self.targets, self.index))
        return mapped._labelled(self.index)

    def sum(self, targets: Iterable[str | int] | None = None, *, name: str = "sum") -> Self:
        """The distribution of the sum of some targets; other combinations are for `affine`.

        Args:
            targets: names or numbers; all by default. They should have the same unit.
            name: of the sum.

        Returns:
            A distribution of the same kind, of N rows and one target.

        Raises:
            InputError: there is no such target, one is named twice, or none is.
        """
        wanted = self.targets if targets is None else targets
        matrix = np.zeros((1, len(self.targets)))
        matrix[0, target_positions(wanted, self.targets)] = 1.0
        return self.affine(matrix, targets=[name])

    def quantile(self, q: ArrayLike, *, method: str = "auto") -> Array:
        """Quantiles of each target on its own, calibrated as `interval` is: these are its ends.

        Args:
            q: a probability in (0, 1), or Q of them.
            method: as for `region`.

        Returns:
            Array of shape (N, D), or (Q, N, D) for several probabilities, in target units.
            `quantile(0.05)` and `quantile(0.95)` are the ends of `interval(0.9)`.

        Raises:
            InputError: a probability lies outside (0, 1), or `method` is unknown.
        """
        levels, calibrated = check_probability(q), uses_calibration(method)
        found = []
        for level in levels.ravel():
            below, above = float(level), 1 - float(level)
            tail = 2 * min(below, above)
            ends = self._calibrated_ends(abs(below - above), tail) if calibrated else None
            if ends is None or below == above:
                found.append(self._quantiles(below))
            else:
                found.append(ends[1] if below > above else ends[0])
        return np.stack(found) if levels.ndim else found[0]

    def interval(self, level: float = 0.9, *, method: str = "auto") -> tuple[Array, Array]:
        """Central interval of each target on its own, calibrated as `region` is.

        Args:
            level: probability that each interval holds, in (0, 1).
            method: as for `region`.

        Returns:
            (lower, upper), two arrays of shape (N, D) in target units.

        Raises:
            InputError: `level` lies outside (0, 1), or `method` is unknown.
        """
        level = check_level(level)
        tail = (1 - level) / 2
        ends = self._calibrated_ends(level, 1 - level) if uses_calibration(method) else None
        return (self._quantiles(tail), self._quantiles(1 - tail)) if ends is None else ends

    def region(
        self, level: float = 0.9, *, method: str = "auto", shape: str | None = None
    ) -> Region | DensityRegion:
        """The region that holds all targets together with some probability.

        Predictions of a fitted model carry a calibration set: the out-of-fold predictions, or those
        for the rows that `calibrate` was given. The size of their regions is a conformal quantile
        of how far out these rows lie, under the same marginal, conditional or transformation;
        `Region.method` says which rows these were. What is guaranteed then:
        docs/how-to/calibration.md.

        Args:
            level: probability that the region holds, in (0, 1).
            method: "auto" uses the calibration set that the distributions carry, if any; "model"
                the distributions alone.
            shape: "ellipsoid", around the mean, with the axes of the covariance; or "density", all
                y of at least some density, which may have any shape and several parts. Of a normal
                or a Student-t the two are the same. By default what fits: "density" for
                predictions of `family="mixture"`, "ellipsoid" for all others.

        Returns:
            A `Region` of N rows, or a `DensityRegion`. By the model an ellipsoid is exact for a
            normal or a Student-t; for a `Mixture` it holds a probability that differs from `level`
            by 0.001 or so, at most 0.01, and a region by density one that differs by about 0.01.

        Raises:
            InputError: `level` lies outside (0, 1), or `method` or `shape` is unknown.
        """
        level, calibrated = check_level(level), uses_calibration(method)
        shape = self._fitting_shape if shape is None else check_shape(shape)
        method = self.calibration if calibrated else "model"
        components, _ = self._components
        if shape == "density" and len(components) > 1:
            limit = self._calibrated_limit(level, shape) if calibrated else None
            if limit is None:
                limit = np.full(len(self), np.log(level) - np.log1p(-level))
            return DensityRegion(self, limit, level, method)
        radius = self._calibrated_radius(level) if calibrated else None
        if radius is None:
            return Region(self, self._matched(), self._radius(level), level)
        return Region(self, self._matched(), radius, level, method)

    def probability(
        self, lower: TargetValues | None = None, upper: TargetValues | None = None
    ) -> Array:
        """Probability that every target lies between its bounds, by the model.

        A calibration set tells how large regions and intervals must be, not how likely a box is,
        so no calibration enters: `quantile(q, method="model")` is consistent with this.

        Args:
            lower: a number for all targets, an array of shape (D,) or (N, D), or (N,) if D is 1,
                or a mapping of targets to a number or one number per row, such as `{"CO": 1.5}`, or
                a frame or a Series labelled by targets, or a Series of rows named after one, in
                target units; targets without one are unbounded below.
            upper: the same from above.

        Returns:
            Array of shape (N,). Good to 1e-9 for one target or two, else to 1e-4 (Genz's
            quasi-Monte Carlo integration, always with the same points). A target known exactly
            keeps bounds that hold its value; where `lower` is not below `upper` there is 0.

        Raises:
            InputError: a target is unknown or named twice, a shape or the labels do not fit, or a
                bound is NaN.
        """
        low = read_bounds(lower, self._shape, self.targets, "lower", -np.inf, self.index)
        high = read_bounds(upper, self._shape, self.targets, "upper", np.inf, self.index)
        return self._box(low, high)

    @overload
    def to_frame(self, index: Labels = None) -> pd.DataFrame: ...

    @overload
    def to_frame(self, index: Labels = None, *, like: Any) -> Any: ...

    def to_frame(self, index: Labels = None, *, like: Any = None) -> Any:
        """A labelled table: `mean_<t>`, then `cov_<t>_<u>` (upper triangle with the diagonal).

        Of a `Mixture` and of `Transformed` it holds the first two moments, not all that they are,
        and `MultivariateNormal.from_frame` reads it as the normal of these moments.

        Args:
            index: N row labels, or False for the numbers from 0. By default those of the table that
                was predicted, so that `X.join(joint.to_frame())` puts rows side by side.
            like: a table of the library that the result shall be of, such as `X`, or the library's
                name ("pandas", "polars", "pyarrow", "xarray"). Distributions without row labels
                take those of such a table of N rows. In libraries without row labels there are
                none.

        Returns:
            DataFrame of pandas, or what `like` is, of N rows and D + D (D + 1) / 2 columns, in
            target units and their products; a distribution with a further parameter has one more
            column, named after it.

        Raises:
            InputError: `index` has not N labels, `like` is no table or has other row labels.
        """
        own = labels_like(like, self.index, len(self)) if index is None else self.index
        labels = chosen_labels(index, own, len(self))
        return in_library_of(
            like,
            moments_to_frame(self.targets, self.mean, self.covariance, self._parameters, labels),
            labelled=labels is not None,
        )

    def to_xarray(self) -> Any:
        """The same as a Dataset of xarray, whose dimensions have names.

        Returns:
            Dataset with the variables `mean` (row, target), in target units, and `covariance` (row,
            target, target_2), in their products, and a further parameter (row) if there is one.
            Names of targets, and row labels if there are any, are coordinates.

        Raises:
            InputError: xarray is not installed.
        """
        return moments_to_dataset(
            self.targets, self.mean, self.covariance, self._parameters, self.index
        )

    def _read(self, y: Observations) -> Array:
        values = read_values(y, self._shape, self.targets, rows=self.index)
        return np.where(self.observed, np.nan, values)

    @property
    def calibration(self) -> str:
        """What `region` and `interval` are calibrated on: "model", "out_of_fold" or "conformal"."""
        return "model"


def check_shape(shape: Any) -> str:
    """The shape of a region, "ellipsoid" or "density"."""
    if shape not in ("ellipsoid", "density"):
        raise InputError(
            f"`shape` must be 'ellipsoid' or 'density'. Received: shape={shown(shape)}."
        )
    return str(shape)


def uses_calibration(method: str) -> bool:
    """Whether the calibration set of a distribution, if it has one, counts: `method` is "auto"."""
    if method not in ("auto", "model"):
        raise InputError(f"`method` must be 'auto' or 'model'. Received: method={shown(method)}.")
    return bool(method == "auto")
