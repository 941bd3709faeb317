"""What is asked of a table of rows, and the answers: the part of a server that computes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from covey.distributions.internals import level_of
from covey.fitted.figures import Figures
from covey.serve.model import Model
from covey.serve.refusal import Refusal
from covey.serve.rows import canonical, notes, problems
from covey.types import Array

if TYPE_CHECKING:
    import pandas as pd

OUTPUTS = ("mean", "std", "interval", "covariance", "correlation")
USUAL_OUTPUTS = ("mean", "std", "interval", "covariance")


@dataclass(frozen=True)
class Wanted:
    """What a request wants of each row; those that want the same are answered together.

    Attributes:
        kind: "rows", for answers row by row; "columns", for flat columns; "score", for how good the
            predictions are.
        outputs: of rows, some of `OUTPUTS`; of columns, words as `covey predict --columns` has
            them.
        level: of intervals, in (0, 1).
    """

    kind: str
    outputs: tuple[str, ...] = USUAL_OUTPUTS
    level: float = 0.9


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
    frames: list[pd.DataFrame] = []
    able: list[int] = []
    for place, question in enumerate(questions):
        try:
            if bad := problems(question.frame, model.schema_):
                found[place] = Refusal.of_rows(bad)
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
        joint = model.predict_distribution(frame)
        return _scores(joint, given, parts)
    if given is not None and np.isnan(given).all():
        given = None
    joint = model.predict_distribution(frame, given=given, keep=True)
    if wanted.kind == "columns":
        table = (
            joint.to_frame(False) if not wanted.outputs else Figures.named(wanted.outputs).of(joint)
        )
        return [table.iloc[part] for part in parts]
    rows, noted = _rows(joint, wanted), notes(frame, model.schema_)
    return [
        {
            "targets": list(joint.targets),
            "level": wanted.level,
            "rows": rows[part],
            "notes": [
                {**note, "row": note["row"] - part.start}
                for note in noted
                if part.start <= note["row"] < part.stop
            ],
        }
        for part in parts
    ]


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
    observed: Any = joint.observed
    if observed.any():
        columns["observed"] = [[targets[i] for i in np.flatnonzero(row)] for row in observed]
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _scores(joint: Any, values: Array | None, parts: list[slice]) -> list[Any]:
    assert values is not None
    density, level = joint.log_prob(values), level_of(joint, values)
    error = np.where(np.isnan(values), np.nan, values - joint.mean)
    found = []
    for part in parts:
        some: Any = ~np.isnan(values[part]).all(axis=1)
        mean = float(density[part][some].mean()) if some.any() else None
        found.append(
            {
                "targets": list(joint.targets),
                "log_density": [
                    value if known else None
                    for value, known in zip(plain(density[part]), some.tolist(), strict=True)
                ],
                "region": plain(level[part]),
                "error": [dict(zip(joint.targets, row, strict=True)) for row in plain(error[part])],
                "mean_log_density": plain(np.array(np.nan if mean is None else mean)),
                "rows": int(some.sum()),
            }
        )
    return found


def plain(values: Array) -> Any:
    """An array as lists that JSON can hold: None for what is no finite number."""
    finite = np.isfinite(values)
    if finite.all():
        return values.tolist()
    return np.where(finite, values.astype(object), np.array(None)).tolist()
