"""An evaluation as a dict that can be read: in words and tables, in a console and in a notebook."""

from __future__ import annotations

from html import escape
from typing import Any

from covey.assess.verdict import tables, tabulate, verdict
from covey.distributions.text import html_block, html_table

MOST_TARGETS = 20  # in a table of a notebook or a console


class Evaluation(dict[str, Any]):
    """What `evaluate` found: a dict of plain numbers that shows itself as verdict and tables.

    It is a dict in all else: `json.dumps(found)`, `found["energy_score"]`, `dict(found)`.
    """

    def __repr__(self) -> str:
        try:
            return "\n".join([*self._verdict(), "", tabulate(self, most=MOST_TARGETS)])
        except (KeyError, TypeError):  # its owner changed it: it is shown as what it is
            return super().__repr__()

    def _repr_html_(self) -> str | None:
        try:
            return self._html()
        except (KeyError, TypeError):
            return None

    def _html(self) -> str:
        lines = [line.partition("? ") for line in self._verdict()]
        said = [
            f"<p><strong>{escape(head + mark.strip())}</strong> {escape(rest)}</p>"
            for head, mark, rest in lines
        ]
        shown = [html_table(table) for table in tables(self, most=MOST_TARGETS)]
        return html_block("".join([*said, *shown]))

    def _verdict(self) -> list[str]:
        # only the rows that a fit held out come with their order
        return verdict(self, held_out="order" in self)
