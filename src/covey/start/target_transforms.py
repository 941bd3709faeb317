"""Which targets are learned through a transform: as a user says, or by out-of-fold likelihood.

The linear starts of the members are fitted to each target through each transform, and rows that
they did not see are scored in target units: by the log-density of z, less the logarithm of dy / dz.
Where many rows share the least value (0, a limit of detection), it is scored by the probability of
being no more than that: there a density can be made as high as one likes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.stats import norm, t

from covey.arguments.family import AUTO, STUDENT_T
from covey.arguments.targets import target_positions
from covey.distributions.batch import evenly
from covey.distributions.transform import ANSCOMBE, Clip, Log1p, Sqrt, Transform
from covey.distributions.transforms import Transforms, read_transform
from covey.errors import InputError, counted
from covey.start.ridge import fit_ridge
from covey.start.start import unbounded_columns, with_unbounded
from covey.table.training_data import TrainingData
from covey.types import Array

MOST_ROWS = 20_000  # that transforms are compared on, evenly chosen
SHARES = (0.03, 0.1, 0.3, 1.0)  # of a target's spread: units that are tried
STRAIGHT = 0.75  # share of the values above 0 up to which a transform is curved
MANY = 0.01  # share of a target's values that are one value
FEW = 0.01  # share of 90% intervals below 0 up to which a target is left as it is
SURE = 2.0  # standard errors by which a transform must be better
LEAST = 0.02  # nats by which it must be better
DEGREES_OF_FREEDOM = 4.0  # of the Student-t that a transform must be better than, too
TAIL = float(norm.isf(0.05))  # of a 90% interval


@dataclass(frozen=True)
class TargetTransforms:
    """The transforms of D targets, and what they are worth.

    Attributes:
        transforms: one for each target, or None.
        gains: for each target by how much rows out of fold are likelier through its transform than
            without, under linear models, in nats per observed value; NaN without one.
    """

    transforms: Transforms
    gains: tuple[float, ...]

    @classmethod
    def none(cls, n_targets: int) -> TargetTransforms:
        """No transform of so many targets."""
        return cls(Transforms((None,) * n_targets), (np.nan,) * n_targets)

    def figures(self, targets: Sequence[str]) -> dict[str, dict[str, Any]]:
        """What to say of those that have one, by name, as JSON has it."""
        each = zip(targets, self.transforms.each, self.gains, strict=True)
        return {
            name: {"transform": one.described, "gain": gain if np.isfinite(gain) else None}
            for name, one, gain in each
            if one is not None
        }


def choose(given: Any, data: TrainingData, family: str) -> TargetTransforms:
    """The transforms that a user asks for.

    Args:
        given: the parameter `transform`: None, "auto", the name of a transform, or a mapping of
            targets to one of these.
        data: what members learn from, targets in target units.
        family: the parameter `family`.

    Returns:
        The transforms.

    Raises:
        InputError: a target or a transform is unknown, a value cannot be transformed, or the family
            has tails too heavy for it.
    """
    wanted = _wanted(given, data)
    if all(one is None for one in wanted):
        return TargetTransforms.none(len(wanted))
    for i, one in enumerate(wanted):
        if isinstance(one, Transform):
            _check(one, data, i)
    least = np.array([np.nanmin(column, initial=np.inf) for column in data.Y.T])
    auto = [i for i, one in enumerate(wanted) if one == AUTO and least[i] >= 0]
    tried = {i: _candidates(data.Y[:, i]) for i in auto}
    tried |= {i: [one] for i, one in enumerate(wanted) if isinstance(one, Transform)}
    if not tried:
        return TargetTransforms.none(len(wanted))
    return _chosen(tried, auto, data, family)


def _wanted(given: Any, data: TrainingData) -> list[Any]:
    """For each target a transform, "auto", or None."""
    targets = data.targets
    if not isinstance(given, Mapping):
        given = dict.fromkeys(targets, given)
    wanted: list[Any] = [None] * len(targets)
    for target, one in given.items():
        i = target_positions(target, targets)[0]
        found = AUTO if one == AUTO else read_transform(one, targets[i], (AUTO,))
        # what is named is curved up to the upper quartile, and straight beyond
        named = isinstance(one, str) and isinstance(found, Transform)
        wanted[i] = _up_to(found, data.Y[:, i]) if named else found
    return wanted


def _up_to(transform: Any, y: Array) -> Transform:
    """The same transform, straight beyond the upper quartile of the values above 0.

    Straight, a likely error of z is no enormous error of y: means stay near the middle of what is
    likely, and a mean and a variance exist for any family.
    """
    above = y[y > 0]
    if isinstance(transform, Clip) or not len(above):
        return transform if isinstance(transform, Clip) else replace(transform, top=1.0)
    found: Transform = replace(transform, top=float(np.quantile(above, STRAIGHT)))
    return found


def _check(transform: Transform, data: TrainingData, i: int) -> None:
    name, column = data.targets[i], data.Y[:, [i]]
    bad = np.flatnonzero(Transforms((transform,)).impossible(column)[:, 0])
    if len(bad):
        value = column[bad[0], 0]
        way = "Use 'log1p', which takes 0, or" if value == 0 else "Say"
        more = f" (and {counted(len(bad) - 1, 'more such value')})" if len(bad) > 1 else ""
        raise InputError(
            f"Target {name!r} cannot go through {transform.name!r}, which takes "
            f"{'values above 0' if transform.name == 'log' else 'no value below 0'}. Received "
            f"{value:.6g}{more}. {way} transform={{{name!r}: None}}"
            " to learn it as it is."
        )


def _candidates(y: Array) -> list[Transform]:
    """The transforms to try for a target that is never below 0."""
    known = y[~np.isnan(y)]
    spread = float(known.std()) if len(known) else 0.0
    if not spread:
        return [Clip()]
    whole = bool((known == np.round(known)).all())
    # at a value that many rows have a density can be made as high as one likes, by a small unit
    repeated = np.unique(known, return_counts=True)[1].max() > MANY * len(known)
    shares = [share for share in SHARES if share >= 0.3 or not repeated]
    units = [_rounded(share * spread) for share in shares]
    units = [unit for unit in units if unit > 1 or not whole]
    counts: list[Transform] = [Log1p(), Sqrt(ANSCOMBE)] if whole else []
    tried = [Clip(), *counts, *map(Log1p, units), *map(Sqrt, units[:2])]
    return [_up_to(one, known) for one in tried]


def _rounded(value: float) -> float:
    """A number with one digit, so that people can read it."""
    return float(f"{value:.0e}")


def _chosen(
    tried: Mapping[int, Sequence[Transform]], auto: list[int], data: TrainingData, family: str
) -> TargetTransforms:
    """Score the transforms of each target that are tried, and keep the best of each."""
    targets = sorted(tried)
    rows = evenly(len(data.Y), MOST_ROWS)
    chosen = np.zeros(len(data.Y), dtype=bool)
    chosen[rows] = True
    plain = _scores([None] * len(targets), targets, data, chosen, family)
    best: list[Transform | None] = [None] * len(data.targets)
    gains = [np.nan] * len(data.targets)
    found = []
    for turn in range(max(map(len, tried.values()))):
        these = [tried[i][min(turn, len(tried[i]) - 1)] for i in targets]
        found.append(_scores(these, targets, data, chosen, family).density)
    for column, i in enumerate(targets):
        ranked = [found[turn][:, column] for turn in range(len(tried[i]))]
        if i not in auto:
            best[i] = tried[i][0]
            gains[i] = _mean(ranked[0] - plain.density[:, column], data.weight)
            continue
        scores = [_mean(density, data.weight) for density in ranked]
        number = int(np.argmax(scores))
        gain = ranked[number] - plain.density[:, column]
        if plain.below[column] <= FEW:  # what is far from 0 networks learn as well without
            continue
        if _better(gain, data.weight):
            best[i], gains[i] = tried[i][number], _mean(gain, data.weight)
        else:
            best[i], gains[i] = Clip(), 0.0
    return TargetTransforms(Transforms(tuple(best)), tuple(gains))


@dataclass(frozen=True)
class _Scores:
    """How likely T targets are out of fold, (N, T), and how often intervals go below 0, (T,).

    Log-densities, but log-probabilities of no more than the least value where many rows share it.
    """

    density: Array
    below: Array


def _scores(
    each: Sequence[Transform | None],
    targets: list[int],
    data: TrainingData,
    chosen: Any,
    family: str,
) -> _Scores:
    """Score T targets through their transforms, under the linear start of each member.

    Where both families are tried, each target has the better of a normal and a Student-t.
    """
    through = Transforms(tuple(each))
    z = through.latent(data.Y[:, targets])
    slope = np.stack(
        [Transforms((one,)).log_slope(z[:, [k]]) for k, one in enumerate(each)], axis=1
    )
    floor = _floors(data.Y[:, targets])
    at_floor, z_floor = data.Y[:, targets] == floor, through.latent(floor[None])[0]
    density, heavy = np.full(z.shape, np.nan), np.full(z.shape, np.nan)
    below = np.full(z.shape, np.nan)
    unbounded = unbounded_columns(data.inputs.matrix)
    nu = DEGREES_OF_FREEDOM
    for member, (train, test) in enumerate(zip(data.folds.trains, data.folds.tests, strict=True)):
        blocks = data.folds.inner_blocks(member)
        kept = chosen[train]
        train, test = train[kept], test[chosen[test]]
        if len(train) < 2 or not len(test):
            continue
        ridge = fit_ridge(
            data.inputs.matrix[train],
            z[train],
            sample_weight=data.weight[train],
            blocks=None if blocks is None else blocks[kept],
            unbounded=unbounded,
        )
        line = ridge.regression
        features = with_unbounded(data.inputs.matrix[test], line.unbounded)
        mean = line.location + line.scale * (features @ line.coef + line.intercept)
        known = ~np.isnan(ridge.residuals)
        share = ridge.weight[:, None] * known
        squares = (share * np.square(np.nan_to_num(ridge.residuals))).sum(axis=0)
        spread = line.scale * np.sqrt(squares / np.maximum(share.sum(axis=0), 1e-12))
        spread = np.maximum(spread, 1e-9 * line.scale)
        narrow = spread * np.sqrt((nu - 2) / nu)
        for law, root, found in ((norm(), spread, density), (t(nu), narrow, heavy)):
            scaled = (z[test] - mean) / root
            likely = law.logpdf(scaled) - np.log(root) - slope[test]
            censored = law.logcdf((z_floor - mean) / root)
            found[test] = np.where(at_floor[test], censored, likely)
        below[test] = mean - TAIL * spread < 0
    if family in (AUTO, STUDENT_T):
        better = [
            _mean(heavy[:, k], data.weight) > _mean(density[:, k], data.weight)
            for k in range(len(targets))
        ]
        density = np.where(np.array(better) | (family == STUDENT_T), heavy, density)
    return _Scores(density, np.array([_mean(column, data.weight) for column in below.T]))


def _floors(Y: Array) -> Array:
    """The least value of each target where it is 0 or many rows share it, else NaN: shape (T,)."""
    found = np.full(Y.shape[1], np.nan)
    for k, column in enumerate(Y.T):
        known = column[~np.isnan(column)]
        if len(known) and (known.min() == 0 or np.mean(known == known.min()) > MANY):
            found[k] = known.min()
    return found


def _mean(values: Array, weight: Array) -> float:
    """The weighted mean of what is not NaN."""
    known = ~np.isnan(values)
    total = float(weight[known].sum())
    return float(weight[known] @ values[known]) / total if total > 0 else np.nan


def _better(gain: Array, weight: Array) -> bool:
    """Whether a gain is more than chance and rounding explain."""
    known = ~np.isnan(gain) & (weight > 0)
    if known.sum() < 2:
        return False
    mean, weight = _mean(gain, weight), weight[known]
    error = float(np.sqrt(np.square(weight * (gain[known] - mean)).sum()) / weight.sum())
    return bool(mean > max(SURE * error, LEAST))
