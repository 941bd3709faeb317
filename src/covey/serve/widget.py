"""The page in a notebook: an output cell whose sliders move what Python predicts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import numpy as np

from covey.arguments.check import read_values
from covey.arguments.labels import FEATURES, labels_of
from covey.errors import CoveyError, InputError, clipped, counted, shown, without_warnings
from covey.serve.bodies import CSV, read_table, write_table
from covey.serve.json_bodies import write_json
from covey.serve.limits import Limits
from covey.serve.model import Model
from covey.serve.page_text import page, part
from covey.serve.questions import Question, answer, plain
from covey.serve.reader import Reader
from covey.serve.refusal import Refusal
from covey.serve.rows import from_records, observed
from covey.serve.rows_of_file import columns_of, rows_of_file
from covey.table import read_features
from covey.types import Array, Observations, Table

try:
    import anywidget
    import traitlets
except ImportError:
    raise InputError(
        "Exploring a model in a notebook needs anywidget, which is not installed. Run "
        'pip install "covey[widget]", and start the notebook again.'
    ) from None

if TYPE_CHECKING:
    import pandas as pd

PER_PAGE = 10  # rows of the table that are shown at a time, as in rows.js
LEVELS = (0.5, 0.8, 0.9, 0.95)  # of intervals, as the page has them
STATE = ("row", "given", "pair", "level", "index")


class Explorer(anywidget.AnyWidget):
    """One row of features, and the joint distribution of its targets, in a notebook.

    Attributes:
        state: what is shown, and what each place that shows it follows if it is set: `row`, the
            features by name; `given`, the observed targets; `pair`, two targets or None; `level` of
            the intervals; and `index`, which row of the table that is, counted from 0, or None.
            What is left out is as at the beginning.

    Args:
        model: a fitted estimator.
        X: table of N rows to page through; None for none.
        Y: what was observed in these rows; None for nothing.
    """

    _esm = part("widget.js")
    _page = traitlets.Unicode().tag(sync=True)
    state = traitlets.Dict().tag(sync=True)

    def __init__(self, model: Model, X: Table | None = None, Y: Observations | None = None) -> None:
        if X is None and Y is not None:
            raise InputError("`Y` is shown beside the rows of `X`. Received `Y` alone.")
        self._model = model
        self._reader = reader = Reader(model, "", Limits())
        self._names = (model.targets_, model.schema_.names)
        self._rows = None if X is None else _Rows(reader, X, Y)
        count = 0 if self._rows is None else self._rows.count
        first = {"schema": reader.description.content, "rows": count}
        state = {"row": {}} if self._rows is None else {"row": self._rows.record(0), "index": 0}
        super().__init__(_page=page("notebook", first)[0], state=state)
        self.on_msg(self._heard)

    def __repr__(self) -> str:
        """What is shown where there are no widgets."""
        return f"{type(self).__name__}(row={self.state['row']}, given={self.given})"

    @property
    def row(self) -> pd.DataFrame:
        """The features that are shown: a table of one row, for `predict_distribution` and all."""
        return from_records([self.state["row"]], self._model.schema_, 1)

    @property
    def given(self) -> dict[str, float]:
        """The targets that were typed in as observed, in target units."""
        return dict(self.state["given"])

    @property
    def distribution(self) -> Any:
        """The joint distribution of the row; given observed targets that of the others.

        Raises:
            InputError: all targets are observed.
        """
        if len(self.given) == len(self._model.targets_):
            raise InputError(
                "Expected a target that is not observed. Received values of all of them in "
                "`given`. Clear one on the page, or in `state`."
            )
        given = {name: [value] for name, value in self.given.items()}
        return self._model.predict_distribution(self.row, given=given or None)

    @traitlets.validate("state")
    def _whole(self, proposal: Any) -> dict[str, Any]:
        """All of what is shown, from what somebody or the page says of it."""
        said, model = proposal["value"], self._model
        _known(said, STATE, "`state`")
        row, given = said.get("row") or {}, said.get("given") or {}
        _known(row, model.schema_.names, "`row` of `state`")
        _known(given, model.targets_, "`given` of `state`")
        example = self._reader.description.example
        cells = {name: _cell(row.get(name, cell)) for name, cell in example.items()}
        try:
            from_records([cells], model.schema_, 1)
            observed(dict(given), model.targets_, 1, "given")
        except Refusal as refusal:
            raise InputError(f"`state` cannot be shown: {refusal}") from None
        pair, level, index = said.get("pair"), said.get("level", 0.9), said.get("index")
        two = [name for name in model.targets_ if isinstance(pair, list | tuple) and name in pair]
        if pair is not None and (len(two) != 2 or len(pair) != 2):
            raise InputError(f"`pair` of `state` takes two targets. Received: {shown(pair)}.")
        if level not in LEVELS:
            raise InputError(f"`level` of `state` is one of {LEVELS}. Received: {shown(level)}.")
        count = 0 if self._rows is None else self._rows.count
        if index is not None and index not in range(count):
            raise InputError(
                f"`index` of `state` is that of one of {counted(count, 'row')}, or None. "
                f"Received: {shown(index)}."
            )
        typed = {name: _cell(value) for name, value in given.items() if value is not None}
        pair = None if pair is None else list(pair)
        return {"row": cells, "given": typed, "pair": pair, "level": level, "index": index}

    def _heard(self, _: Any, content: Any, buffers: list[Any]) -> None:
        """Answer what the page asks, as a server would."""
        said = {key: content[key] for key in ("view", "id")}
        body = bytes(buffers[0]) if buffers else (content.get("text") or "").encode()
        try:
            with without_warnings():  # the page has notes of its own
                found, status = self._answer(content["path"], body, file=bool(buffers)), 200
        except Refusal as refusal:
            found, status = refusal.body("", ""), refusal.status
        except CoveyError as error:
            found, status = Refusal(422, str(error)).body("", ""), 422
        except Exception as error:
            words = f"Python met a {type(error).__name__}: the notebook's log has all of it."
            self.send({**said, "status": 500, "body": Refusal(500, words).body("", "").decode()})
            raise
        self.send({**said, "status": status, "body": found.decode()})

    def _answer(self, path: str, body: bytes, *, file: bool) -> bytes:
        reader, url = self._reader, urlsplit(path)
        if (self._model.targets_, self._model.schema_.names) != self._names:
            raise Refusal(422, "The model was fitted anew, to other columns. Run this cell again.")
        if url.path == "explore":
            asked = reader.exploration(body)
            return asked.answer(self._ask(asked.question), asked.lines(self._model))
        if url.path == "predict" and file:
            columns = parse_qs(url.query)["columns"][0]
            table = reader.table(read_table(body, CSV, reader.bounds), columns)
            return write_table(self._ask(table), CSV)
        if url.path == "predict":
            question, write = reader.rows(body)
            return write(self._ask(question))
        if url.path == "rows":
            return rows_of_file(body, reader)
        if url.path == "table" and self._rows is not None:
            return self._rows.page(int(body))
        raise Refusal(404, f"Expected a question of the page. Received: {url.path[:100]!r}.")

    def _ask(self, question: Question) -> Any:
        self._reader.check_answer(question)
        (found,) = answer(self._model, [question])
        if isinstance(found, Exception):
            raise found
        return found


class _Rows:
    """The rows of a table, and what was observed in them, as the page takes them."""

    def __init__(self, reader: Reader, X: Any, Y: Any) -> None:
        model, most = reader.model, reader.limits.max_rows
        frame, named = read_features(X)
        if len(frame) > most:
            raise InputError(
                f"Expected `X` to have at most {counted(most, 'row')}. Received {len(frame):,}. "
                "Choose some, such as X[:1000]."
            )
        try:
            self._columns = columns_of(model.schema_.align(frame, named), model)
        except Refusal as refusal:
            raise InputError(str(refusal)) from None
        self.count = len(frame)
        labels = labels_of(X)
        self._labels = [str(label) for label in (range(len(frame)) if labels is None else labels)]
        self._targets = model.targets_
        self._values: Array | None = None
        if Y is not None:
            shape, values = (len(frame), len(self._targets)), model.fitted_.observed(Y, "Y")
            self._values = read_values(values, shape, self._targets, "Y", rows=labels, of=FEATURES)

    def record(self, row: int) -> dict[str, Any]:
        """The features of a row."""
        return {name: _cell(cells[row]) for name, cells in self._columns.items()}

    def page(self, start: int) -> bytes:
        """Ten rows, from one on."""
        some = range(start, min(start + PER_PAGE, self.count))
        shown = [self.record(row) for row in some]
        seen: list[dict[str, Any]] = [{} for _ in some]
        if self._values is not None:
            values = plain(self._values[start : start + PER_PAGE])
            seen = [dict(zip(self._targets, row, strict=True)) for row in values]
        labels = self._labels[start : start + PER_PAGE]
        return write_json({"rows": shown, "observed": seen, "labels": labels})


def _known(said: Any, names: Sequence[str], role: str) -> None:
    """Refuse what is no mapping of these names."""
    if not isinstance(said, Mapping):
        raise InputError(f"Expected {role} to be a mapping. Received: {shown(said)}.")
    if unknown := [name for name in said if name not in names]:
        known = clipped(", ".join(map(repr, names)))
        raise InputError(f"{role} has no {shown(unknown[0])}. It has {known}.")


def _cell(cell: Any) -> Any:
    """A cell as JSON has it, a number, a text, a boolean or None; a list stays what it is."""
    import pandas as pd

    cell = cell.item() if isinstance(cell, np.generic) else cell
    if cell is None or cell is pd.NA or cell is pd.NaT:
        return None
    if isinstance(cell, float) and not math.isfinite(cell):
        return None if math.isnan(cell) else str(cell)
    kept = isinstance(cell, (bool, int, float, str, Mapping, Sequence))
    return cell if kept else str(cell)
