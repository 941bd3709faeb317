"""What requests ask of one fitted model: bodies in, questions out, by whichever protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from covey.errors import InputError, clipped, counted, shown
from covey.fitted.figures import Figures
from covey.serve.contours import explore
from covey.serve.description import Description
from covey.serve.json_bodies import read_json, write_json
from covey.serve.limits import Limits
from covey.serve.model import Model
from covey.serve.questions import OUTPUTS, USUAL_OUTPUTS, Question, Wanted
from covey.serve.refusal import Refusal
from covey.serve.rows import from_records, from_table, is_absent, observed
from covey.serve.typed_tables import Bounds
from covey.types import Array

if TYPE_CHECKING:
    import pandas as pd

Asked = tuple[Question, Callable[[Any], bytes]]  # and how its answer is written
FLAT = ("mean", "std", "interval90")  # the columns of protocols that have none of their own
REQUEST = ("rows", "given", "level", "outputs")
SCORED = ("rows", "observed")
EXPLORED = ("row", "given", "level", "pair", "levels")
MOST_CONTOURS = 4
UNPACKED = 8  # bytes of a table, unpacked, for each of a body


@dataclass(frozen=True, eq=False)
class Exploration:
    """What the page asks of a row.

    Attributes:
        question: of one row.
        pair: two targets whose regions are wanted; None for no regions.
        levels: probabilities that the regions hold.
    """

    question: Question
    pair: tuple[str, str] | None
    levels: tuple[float, ...]

    def lines(self, model: Model) -> list[dict[str, Any]]:
        """The regions of the pair, for each level, as `contours.explore` has them."""
        if self.pair is None:
            return []
        return explore(model, self.question.frame, self.question.given, self.pair, self.levels)

    def answer(self, row: Mapping[str, Any], lines: list[dict[str, Any]]) -> bytes:
        """The body of the answer.

        Args:
            row: the answer to the question.
            lines: of the regions.
        """
        pair = None if self.pair is None else list(self.pair)
        return write_json({**row, "pair": pair, "contours": lines})


class Reader:
    """Reads requests to a model, and refuses what cannot be answered or is too much.

    Args:
        model: a fitted estimator.
        name: what it is called.
        limits: what is refused.
    """

    def __init__(self, model: Model, name: str, limits: Limits) -> None:
        self.model, self.name, self.limits = model, name, limits
        self.description = Description.of(model, name)
        self.bounds = Bounds(
            limits.max_rows,
            UNPACKED * limits.max_bytes,
            frozenset((*model.schema_.names, *model.targets_)),
            model.schema_.decimal,
            model.fitted_.with_commas,
        )

    def check_answer(self, question: Question) -> int:
        """Refuse a question whose answer is too large, before it is computed.

        Returns:
            How many numbers the answer has.

        Raises:
            Refusal: 413.
        """
        rows, most = len(question.frame), self.limits.max_numbers
        wanted = question.wanted
        each = wanted.width(len(self.model.targets_)) or len(self._plain_columns)
        if rows * each > most:
            fewer = f"at most {counted(most // each, 'row')}" if most >= each else "a row"
            word = "columns" if wanted.kind == "columns" else "outputs"
            less = "" if wanted.kind == "score" else f", or ask for fewer `{word}`"
            raise Refusal(
                413,
                f"Expected a request whose answer has at most {counted(most, 'number')}. Received "
                f"{counted(rows, 'row')}, with {counted(each, 'number')} to answer for each. "
                f"Send {fewer} at a time{less}.",
            )
        return rows * each

    def columns(self, question: Question) -> list[str]:
        """The names of the flat columns that a question of `table` asks for."""
        words = question.wanted.outputs
        return Figures.named(words).names(self.model.targets_) if words else self._plain_columns

    @cached_property
    def _plain_columns(self) -> list[str]:
        """The columns that a table of predictions has if nothing else is asked for."""
        frame = from_records([self.description.example], self.model.schema_, 1)
        table = self.model.predict_distribution(frame).to_frame(False)
        return [str(name) for name in table.columns]

    def rows(self, body: bytes) -> Asked:
        """Predictions row by row, as `/predict` gives them for JSON."""
        fields = _object(read_json(body, ("rows", "given")), REQUEST)
        frame = self._records(fields)
        outputs = _outputs(fields.get("outputs"))
        given = self._given(fields, len(frame))
        wanted = Wanted("rows", outputs, _level(fields.get("level")), given is not None)
        return Question(frame, given, wanted), write_json

    def score(self, body: bytes) -> Asked:
        """How probable observed targets are under their predictions."""
        fields = _object(read_json(body, SCORED), SCORED)
        frame = self._records(fields)
        values = observed(fields.get("observed"), self.model.targets_, len(frame), "observed")
        if np.isnan(values).all():
            raise Refusal(422, "Expected observed values to score in `observed`. Received none.")
        return Question(frame, values, Wanted("score", ())), write_json

    def exploration(self, body: bytes) -> Exploration:
        """What the page asks of one row."""
        fields = _object(read_json(body), EXPLORED)
        frame = from_records([fields.get("row")], self.model.schema_, 1)
        given = self._given(fields, 1)
        pair = fields.get("pair")
        targets = self.model.targets_
        if pair is not None and not (
            isinstance(pair, list)
            and len(pair) == 2
            and all(isinstance(name, str) and name in targets for name in pair)
            and pair[0] != pair[1]
        ):
            raise Refusal(
                422,
                f"Expected `pair` to be two of the targets {clipped(', '.join(targets))}. "
                f"Received: {shown(pair)}.",
            )
        levels = fields.get("levels", [0.5, 0.9])
        if not isinstance(levels, list) or not 1 <= len(levels) <= MOST_CONTOURS:
            raise Refusal(422, f"Expected `levels` to be 1 to {MOST_CONTOURS} numbers.")
        levels = tuple(_level(level) for level in levels)
        wanted = Wanted("rows", OUTPUTS, _level(fields.get("level")), given is not None)
        return Exploration(
            Question(frame, given, wanted), None if pair is None else tuple(pair), levels
        )

    def table(self, frame: pd.DataFrame, columns: Any = None, given: Any = None) -> Question:
        """Ask for flat columns for a table.

        Args:
            frame: N rows, with columns that the model does not read, perhaps.
            columns: words as `covey predict --columns` has them, in a list or one text; None for
                means and covariances.
            given: names of targets that the table holds, and to condition on, likewise.

        Returns:
            The question, whose answer is a DataFrame of N rows.
        """
        words, targets = _words(columns, "columns"), self.model.targets_
        figures = Figures.named(words) if words else None  # says what is wrong with them
        if figures and sum(int(n or 0) for kind, n in figures.parts if kind == "sample") > 1000:
            raise Refusal(422, "Expected at most 1,000 samples in `columns`. Ask for fewer.")
        features = from_table(frame, self.model.schema_, self.limits.max_rows)
        names = _words(given, "given")
        if unknown := [name for name in names if name not in targets]:
            raise Refusal(
                422, f"`given` takes targets of the model, {targets}. Received: {unknown}."
            )
        if lacking := [name for name in names if name not in frame.columns]:
            raise Refusal(422, f"`given` names columns of the table. It lacks {lacking}.")
        values = self._observed_columns(frame, names) if names else None
        return Question(features, values, Wanted("columns", tuple(words)))

    def _observed_columns(self, frame: pd.DataFrame, names: list[str]) -> Array:
        cells = frame[names].reset_index(drop=True)
        table = self.model.fitted_.observed(cells, "given")
        values = np.full((len(frame), len(self.model.targets_)), np.nan)
        for name in names:
            try:
                column = table[name].to_numpy(dtype=np.float64, na_value=np.nan)
            except (TypeError, ValueError, OverflowError):
                raise Refusal(422, f"Expected numbers in the given column {name!r}.") from None
            if np.isinf(column).any():
                row = int(np.flatnonzero(np.isinf(column))[0])
                reason = "expected a finite number, or none."
                raise Refusal.of_rows([{"row": row, "column": name, "reason": reason}])
            for row in np.flatnonzero(np.isnan(column) & cells[name].notna()).tolist():
                if not is_absent(cell := cells[name][row]):
                    reason = f"expected a number or null for a target. Received: {shown(cell)}."
                    raise Refusal.of_rows([{"row": row, "column": name, "reason": reason}])
            values[:, self.model.targets_.index(name)] = column
        return values

    def _records(self, fields: Mapping[str, Any]) -> pd.DataFrame:
        rows = fields.get("rows")
        if not isinstance(rows, list):
            raise Refusal(422, f"Expected `rows` to be a list of objects. Received: {shown(rows)}.")
        return from_records(rows, self.model.schema_, self.limits.max_rows)

    def _given(self, fields: Mapping[str, Any], count: int) -> Array | None:
        given = fields.get("given")
        return None if given is None else observed(given, self.model.targets_, count, "given")


def _object(content: Any, names: tuple[str, ...]) -> Mapping[str, Any]:
    known = ", ".join(f"`{name}`" for name in names)
    if not isinstance(content, Mapping):
        raise Refusal(422, f"Expected an object with {known}. Received: {shown(content)}.")
    if unknown := [name for name in content if name not in names]:
        raise Refusal(422, f"Expected no other fields than {known}. Received: {shown(unknown)}.")
    return content


def _outputs(outputs: Any) -> tuple[str, ...]:
    if outputs is None:
        return USUAL_OUTPUTS
    if (
        not isinstance(outputs, list)
        or not outputs
        or any(o not in OUTPUTS for o in outputs if isinstance(o, str))
        or not all(isinstance(o, str) for o in outputs)
    ):
        raise Refusal(
            422,
            f"Expected `outputs` to be some of {', '.join(OUTPUTS)}. Received: {shown(outputs)}.",
        )
    return tuple(name for name in OUTPUTS if name in outputs)


def _level(level: Any) -> float:
    if level is None:
        return 0.9
    if isinstance(level, bool) or not isinstance(level, int | float) or not 0 < level < 1:
        hint = " Did you mean 0.9?" if level == 90 else ""
        raise Refusal(422, f"`level` must be a number in (0, 1). Received: {shown(level)}.{hint}")
    return float(level)


def _words(words: Any, role: str) -> list[str]:
    if words is None:
        return []
    if isinstance(words, str):
        return [word for word in (part.strip() for part in words.split(",")) if word]
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise InputError(f"Expected `{role}` to be names. Received: {shown(words)}.")
    return words
