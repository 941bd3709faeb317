"""`covey evaluate`: how good a model is on a table, in figures and in words."""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from typing import TYPE_CHECKING, Any

from covey.cli.columns import add_sample_weight, as_cell, choose, choose_one
from covey.cli.model_file import add_model, add_trusted, load_model
from covey.cli.tables import add_reading, add_table, called, features_of, read
from covey.cli.words import in_options
from covey.errors import CoveyWarning, InputError, counted

if TYPE_CHECKING:
    import pandas as pd

MOST_PARTS = 50

EXAMPLES = """\
examples:
  covey evaluate air.covey test.csv
  covey evaluate air.covey test.csv --report report.html
  covey evaluate air.covey test.csv --by station
  covey evaluate air.covey test.csv --json > figures.json
"""


def add(commands: Any) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "evaluate",
        help="say how good a model is on a table",
        description="Score a model on rows that had no part in its training, beside two simpler\n"
        "predictions: accuracy, joint density, coverage, and a verdict in five lines.",
        epilog=EXAMPLES,
    )
    add_model(command)
    add_table(command, "the rows, with their targets")
    add_sample_weight(command)
    command.add_argument(
        "--by",
        metavar="COLUMN",
        help="also say how good it is for each value of a column, such as a station or a month",
    )
    command.add_argument(
        "--json", action="store_true", help="print all figures as JSON, and nothing else"
    )
    command.add_argument(
        "--report",
        metavar="PAGE",
        help="the page to write, .html: one file, with pictures (needs covey[report])",
    )
    add_reading(command)
    add_trusted(command)
    command.set_defaults(call=call)


def call(options: argparse.Namespace) -> None:
    """Run the command."""
    import pandas as pd

    from covey.assess.advice import verdict_with_advice
    from covey.assess.shifts import shifts_of
    from covey.assess.verdict import tabulate
    from covey.files import writable
    from covey.table import read_features
    from covey.table.weights import read_sample_weight

    if options.report:
        writable(options.report, (".html",))
    model = load_model(options)
    table = read(options.table, options, model)
    of, names = called(options.table), list(table.columns)
    targets = choose(names, [as_cell(name) for name in model.targets_], "the targets", of)
    weight, by = (
        None if name is None else table[name]
        for name in (
            choose_one(names, options.sample_weight, "--sample-weight", of),
            choose_one(names, options.by, "--by", of),
        )
    )
    if weight is not None:  # what text means is seen from the whole column
        numbers = read_sample_weight(weight, len(table))
        weight = pd.Series(numbers, index=weight.index, name=weight.name)
    parts = _parts(by)
    X, Y = features_of(model, table, of), model.fitted_.observed(table[targets], "Y")
    figures = model.evaluate(X, Y, sample_weight=weight)
    frame = model.schema_.align(*read_features(X))
    for sentence in shifts_of(model.schema_, frame):
        print(f"covey: warning: {sentence}", file=sys.stderr)
    if parts:
        # what text means is seen from the whole table
        found = _each(model, frame if model.schema_.named else X, Y, weight, parts)
        figures["by"] = {"column": options.by, "parts": found}
    if options.report:
        from covey.report import write_report

        write_report(options.report, model, X, Y, figures=figures, source=of)
    if options.json:
        print(json.dumps(figures, indent=1, allow_nan=False))
        return
    print(f"{options.model} on {of}: {counted(figures['of_rows'], 'row')} with a target\n")
    print(tabulate(figures) + "\n")
    if parts:
        print(_by(options.by, found) + "\n")
    if options.report:
        print(f"report: {options.report}\n")
    print(in_options("\n".join(verdict_with_advice(figures))))


def _parts(labels: pd.Series | None) -> dict[str, Any]:
    """Numbers of the rows of each value of a column, by the value."""
    import pandas as pd

    if labels is None:
        return {}
    codes, values = pd.factorize(labels, use_na_sentinel=False)
    if len(values) > MOST_PARTS:
        raise InputError(
            f"Expected at most {MOST_PARTS} values in the column of --by. Received: "
            f"{len(values)} in {labels.name}. Add a column that says less, such as the month."
        )
    names = pd.Series(values).astype(object)
    numbers = pd.to_numeric(names, errors="coerce")  # cells of text files are text
    missing = names.isna()
    key = numbers if (numbers.notna() | missing).all() else names.astype(str)
    return {
        "no value" if missing[code] else str(names[code]): (codes == code).nonzero()[0]
        for code in key[~missing].sort_values().index.append(names.index[missing])
    }


def _each(model: Any, X: Any, Y: Any, weight: Any, parts: dict[str, Any]) -> dict[str, Any]:
    """The figures of `evaluate` for each part of a table."""
    found: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CoveyWarning)  # said of the whole
        for value, rows in parts.items():
            if not Y.iloc[rows].notna().any(axis=None):
                found[value] = None
                continue
            share = None if weight is None else weight.iloc[rows]
            found[value] = model.evaluate(X.iloc[rows], Y.iloc[rows], sample_weight=share)
    return found


def _by(column: str, parts: dict[str, Any]) -> str:
    """A table of a few figures of each part."""
    from covey.assess.verdict import tabulate_parts

    return tabulate_parts(column, parts)
