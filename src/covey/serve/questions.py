"""What is asked of a table of rows, and the answers: the part of a server that computes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from covey.arguments.labels import FEATURES
from covey.distributions.internals import conditional_on, level_of
from covey.fitted.figures import Figures
from covey.serve.model import Model
from covey.serve.refusal import Refusal
from covey.serve.rows import MOST_NOTES, canonical, notes, problems
from covey.types import Array, Mask

if TYPE_CHECKING:
    import pandas as pd

OUTPUTS = ("mean", "std", "interval", "covariance", "correlation")
USUAL_OUTPUTS = ("mean", "std", "interval", "covariance")
AT_ONCE = 2_000_000  # numbers of the covariance matrices that are held at a time
LEAST_AT_ONCE = 64  # rows


@dataclass(frozen=True)
class Wanted:
    """What a request wants of each row; those that want the same are answered together.

    Attributes:
        kind: "rows", for answers row by row; "columns", for flat columns; "score", for how good the
            predictions are.
        outputs: of rows, some of `OUTPUTS`; of columns, words as `covey predict --columns` has
            them.
        level: of intervals, in (0, 1).
        observed: whether each row tells which targets were given.
    """

    kind: str
    outputs: tuple[str, ...] = USUAL_OUTPUTS
    level: float = 0.9
    observed: bool = False

    def width(self, targets: int) -> int:
        """How many numbers are wanted of each row; 0 if that is up to the distribution.

        Args:
            targets: D, how many targets there are.
        """
        if self.kind == "score":
            return targets + 2
        if self.kind == "columns":
            return Figures.named(self.outputs).width(targets) if self.outputs else 0
        each = {"interval": 2, "covariance": targets, "correlation": targets}
        return targets * sum(each.get(output, 1) for output in self.outputs)


@dataclass(frozen=True, eq=False)
class Question:
    """Rows, and what is wanted of them.

    Attributes:
        frame: table of N rows, with the features in order.
        given: shape (N, D), observed targets on which to condition, or those to score, in target
            units; NaN where not observed; None for none.
        wanted: of each row.
    """

    frame: pd.DataFrame
    given: Array | None
    wanted: Wanted

    @property
    def conditions(self) -> bool:
        """Whether anything is given."""
        return self.given is not None and not np.isnan(self.given).all()


def answer(model: Model, questions: Sequence[Question]) -> list[Any]:
    """Answer questions that want the same, together.

    Args:
        model: a fitted estimator.
        questions: whose `wanted` are equal. No row's answer depends on another's.

    Returns:
        For each question its answer, or the error that it met: no other question meets it.
    """
    import pandas as pd

    found: list[Any] = [None] * len(questions)
    groups = [
        [place for place, question in enumerate(questions) if question.conditions == conditions]
        for conditions in (False, True)
    ]
    if all(groups):  # what is given to some makes the last digits of others differ
        for group in groups:
            for place, one in zip(group, answer(model, [questions[p] for p in group]), strict=True):
                found[place] = one
        return found
    frames: list[pd.DataFrame] = []
    able: list[int] = []
    for place, question in enumerate(questions):
        try:
            if refusal := problems(question.frame, model.schema_).refusal:
                found[place] = refusal
                continue
            frame, joins = canonical(question.frame, model.schema_)
        except UnicodeError:
            found[place] = Refusal(
                422, "Expected text. Received halves of characters (surrogates)."
            )
            continue
        except Exception as error:  # of this question alone
            found[place] = error
            continue
        if joins or len(questions) == 1:
            able.append(place)
            frames.append(frame)
        else:
            found[place] = answer(model, [question])[0]
    if not able:
        return found
    frame = frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)
    counts = [len(each) for each in frames]
    given = _stacked([questions[place].given for place in able], counts, len(model.targets_))
    try:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # it is looked for
            answers = _answers(model, frame, given, questions[able[0]].wanted, counts)
    except Exception as error:
        if len(able) == 1:
            found[able[0]] = error
            return found
        # one of them is to blame, and not the others
        answers = [answer(model, [questions[place]])[0] for place in able]
    for place, one in zip(able, answers, strict=True):
        found[place] = one
    return found


def _stacked(given: list[Array | None], counts: list[int], width: int) -> Array | None:
    if all(each is None for each in given):
        return None
    return np.concatenate(
        [
            np.full((count, width), np.nan) if each is None else each
            for each, count in zip(given, counts, strict=True)
        ]
    )


def _answers(
    model: Model, frame: pd.DataFrame, given: Array | None, wanted: Wanted, counts: list[int]
) -> list[Any]:
    ends = np.cumsum(counts)
    parts = [slice(end - count, end) for end, count in zip(ends.tolist(), counts, strict=True)]
    if wanted.kind == "score":
        return _scores(model, frame, given, parts)
    if given is not None and np.isnan(given).all():
        given = None
    found: list[Any] = []
    for joint, _ in _joints(model, frame, given):
        if wanted.kind == "columns":
            figures = Figures.named(wanted.outputs) if wanted.outputs else None
            found.append(figures.of(joint) if figures else joint.to_frame(False))
        else:
            found += _rows(joint, wanted)
    if wanted.kind == "columns":
        import pandas as pd

        table = found[0] if len(found) == 1 else pd.concat(found, ignore_index=True)
        return [table.iloc[part] for part in parts]
    return [
        {
            "targets": list(model.targets_),
            "level": wanted.level,
            "rows": found[part],
            "notes": noted,
        }
        for part, noted in zip(parts, notes(frame, model.schema_, parts), strict=True)
    ]


def _joints(model: Model, frame: pd.DataFrame, given: Array | None) -> Iterator[tuple[Any, int]]:
    """The distributions of the rows, some at a time, and the number of the first of each time.

    Text was read as a whole; between, no row depends on another.
    """
    fitted = model.fitted_
    inputs = fitted.inputs(frame)
    step = max(AT_ONCE // len(model.targets_) ** 2, LEAST_AT_ONCE)
    for start in range(0, len(frame), step):
        rows = slice(start, start + step)
        joint = fitted.distribution(inputs if len(frame) <= step else inputs[rows])
        if given is not None:
            before, joint = joint, conditional_on(joint, given[rows], True, FEATURES)
            lost = _finite(before) & ~_finite(joint)
            for row in np.flatnonzero(lost)[:1].tolist():
                raise _too_far(start + row, given[start + row], model.targets_)
        yield joint, start


def _finite(joint: Any) -> Mask:
    """Rows whose means and standard deviations are numbers, shape (N,)."""
    found: Mask = (np.isfinite(joint.mean) & np.isfinite(joint.stddev)).all(axis=1)
    return found


def _too_far(row: int, given: Array, targets: Sequence[str]) -> Refusal:
    name, value = _farthest(given, targets)
    reason = (
        f"the given value {value:g} is so far from the prediction that mean and std of the others "
        "are no finite numbers. Check it, or leave it out."
    )
    return Refusal.of_rows([{"row": row, "column": name, "reason": reason}])


def _farthest(values: Array, targets: Sequence[str]) -> tuple[str, float]:
    place = int(np.nanargmax(np.abs(values)))
    return targets[place], float(values[place])


def _rows(joint: Any, wanted: Wanted) -> list[dict[str, Any]]:
    """For each of N rows what is wanted of it, by target; matrices as lists in their order."""
    targets = joint.targets
    columns: dict[str, list[Any]] = {}
    for output in wanted.outputs:
        if output == "interval":
            ends = np.stack(joint.interval(wanted.level), axis=-1)
            columns[output] = [dict(zip(targets, row, strict=True)) for row in plain(ends)]
        elif output in ("covariance", "correlation"):
            columns[output] = plain(getattr(joint, output))
        else:
            values = plain(joint.mean if output == "mean" else joint.stddev)
            columns[output] = [dict(zip(targets, row, strict=True)) for row in values]
    if wanted.observed:
        observed: Any = joint.observed
        columns["observed"] = [[targets[i] for i in np.flatnonzero(row)] for row in observed]
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _scores(
    model: Model, frame: pd.DataFrame, values: Array | None, parts: list[slice]
) -> list[Any]:
    assert values is not None
    found = []
    for joint, start in _joints(model, frame, None):
        some = values[start : start + len(joint)]
        error = np.where(np.isnan(some), np.nan, some - joint.mean)
        found.append((joint.log_prob(some), level_of(joint, some), error))
    density, level, error = (np.concatenate(each) for each in zip(*found, strict=True))
    known: Any = ~np.isnan(values).all(axis=1)
    answers = []
    for part in parts:
        some = known[part]
        noted = []
        for row in np.flatnonzero(some & ~np.isfinite(density[part]))[:MOST_NOTES].tolist():
            name, value = _farthest(values[part][row], model.targets_)
            reason = f"{value:g} is so far from the prediction that its log-density is no finite"
            noted.append({"row": row, "column": name, "reason": f"{reason} number"})
        mean = density[part][some].mean() if some.any() else np.nan
        answers.append(
            {
                "targets": list(model.targets_),
                "log_density": [
                    value if counts else None
                    for value, counts in zip(plain(density[part]), some.tolist(), strict=True)
                ],
                "region": plain(level[part]),
                "error": [
                    dict(zip(model.targets_, row, strict=True)) for row in plain(error[part])
                ],
                "mean_log_density": plain(np.array(mean)),
                "rows": int(some.sum()),
                "notes": noted,
            }
        )
    return answers


def plain(values: Array) -> Any:
    """An array as lists that JSON can hold: None for what is no finite number."""
    finite = np.isfinite(values)
    if finite.all():
        return values.tolist()
    return np.where(finite, values.astype(object), np.array(None)).tolist()
