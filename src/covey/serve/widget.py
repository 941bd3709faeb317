"""The page in a notebook: an output cell whose sliders move what Python predicts."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import numpy as np

from covey.arguments.check import read_values
from covey.arguments.labels import FEATURES, labels_of
from covey.errors import CoveyError, CoveyWarning, InputError, counted
from covey.serve.bodies import CSV, read_table, write_table
from covey.serve.json_bodies import write_json
from covey.serve.limits import Limits
from covey.serve.model import Model
from covey.serve.page_text import page, part
from covey.serve.questions import Question, answer, plain
from covey.serve.reader import Reader
from covey.serve.refusal import Refusal
from covey.serve.rows import from_records
from covey.serve.rows_of_file import records_of, rows_of_file
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
FAILED = "Python met an error; its log has all of it."


class Explorer(anywidget.AnyWidget):
    """One row of features, and the joint distribution of its targets, in a notebook.

    Args:
        model: a fitted estimator.
        X: table of N rows to page through; None for none.
        Y: what was observed in these rows; None for nothing.
    """

    _esm = part("widget.js")
    _page = traitlets.Unicode().tag(sync=True)
    state = traitlets.Dict().tag(sync=True)  # what is shown: row, given, pair, level

    def __init__(self, model: Model, X: Table | None = None, Y: Observations | None = None) -> None:
        self._model = model
        self._reader = Reader(model, "", Limits())
        self._rows = None if X is None else _Rows(self._reader, X, Y)
        if X is None and Y is not None:
            raise InputError("`Y` is shown beside the rows of `X`. Received `Y` alone.")
        first = {
            "schema": self._reader.description.content,
            "state": {},
            "rows": len(self._rows.records) if self._rows else 0,
        }
        super().__init__(_page=page("notebook", first)[0])
        self.on_msg(self._heard)

    @property
    def row(self) -> pd.DataFrame:
        """The features that are shown: a table of one row, for `predict_distribution` and all."""
        example, shown = self._reader.description.example, self._shown("row")
        cells = {name: shown.get(name, cell) for name, cell in example.items()}
        try:
            return from_records([cells], self._model.schema_, 1)
        except Refusal as refusal:
            raise InputError(f"`state` holds no row that can be read: {refusal}") from None

    @property
    def given(self) -> dict[str, float]:
        """The targets that were typed in as observed, in target units."""
        shown = self._shown("given")
        cells = {name: shown[name] for name in self._model.targets_ if name in shown}
        kinds = (int, float)
        return {n: float(c) for n, c in cells.items() if isinstance(c, kinds) and math.isfinite(c)}

    @property
    def distribution(self) -> Any:
        """The joint distribution of the row; given observed targets that of the others."""
        given = {name: [value] for name, value in self.given.items()}
        return self._model.predict_distribution(self.row, given=given or None)

    def _shown(self, what: str) -> dict[str, Any]:
        found = self.state.get(what)
        return found if isinstance(found, dict) else {}

    def _heard(self, _: Any, content: Any, buffers: list[Any]) -> None:
        """Answer what the page asks, as a server would."""
        said = {key: content[key] for key in ("view", "id")}
        body = bytes(buffers[0]) if buffers else (content.get("text") or "").encode()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", CoveyWarning)  # the page has notes of its own
                found, status = self._answer(content["path"], body, file=bool(buffers)), 200
        except Refusal as refusal:
            found, status = refusal.body("", ""), refusal.status
        except CoveyError as error:
            found, status = Refusal(422, str(error)).body("", ""), 422
        except Exception:
            self.send({**said, "status": 500, "body": Refusal(500, FAILED).body("", "").decode()})
            raise
        self.send({**said, "status": status, "body": found.decode()})

    def _answer(self, path: str, body: bytes, *, file: bool) -> bytes:
        reader, url = self._reader, urlsplit(path)
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
            records = records_of(model.schema_.align(frame, named), model)
        except Refusal as refusal:
            raise InputError(str(refusal)) from None
        self.records = [{name: _cell(cell) for name, cell in row.items()} for row in records]
        labels = labels_of(X)
        self._labels = [str(label) for label in (range(len(frame)) if labels is None else labels)]
        self._targets = model.targets_
        self._values: Array | None = None
        if Y is not None:
            shape, values = (len(frame), len(self._targets)), model.fitted_.observed(Y, "Y")
            self._values = read_values(values, shape, self._targets, "Y", rows=labels, of=FEATURES)

    def page(self, start: int) -> bytes:
        """Ten rows, from one on."""
        some = slice(start, start + PER_PAGE)
        labels, rows = self._labels[some], self.records[some]
        observed: list[dict[str, Any]] = [{} for _ in rows]
        if self._values is not None:
            values = plain(self._values[some])
            observed = [dict(zip(self._targets, row, strict=True)) for row in values]
        return write_json({"rows": rows, "observed": observed, "labels": labels})


def _cell(cell: Any) -> Any:
    """A cell as JSON has it: a number, a text, a boolean or None."""
    cell = cell.item() if isinstance(cell, np.generic) else cell
    finite = isinstance(cell, float) and math.isfinite(cell)
    return cell if finite or cell is None or isinstance(cell, bool | int | str) else str(cell)
