"""The command line: parses, calls, prints."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import signal
import sys
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from covey import __version__
from covey.arguments.family import AUTO, CHOICES
from covey.errors import CoveyError, CoveyWarning, InputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["main"]


def __dir__() -> list[str]:
    return __all__


TABLE = "a .csv, .tsv or .parquet file"


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    top = argparse.ArgumentParser(
        prog="covey",
        description="Joint predictions for tabular data: for every row a mean vector and a full "
        "covariance matrix of several targets.",
    )
    top.add_argument("--version", action="version", version=f"covey {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    fit = commands.add_parser(
        "fit",
        help="train a model on a table",
        description="Train a model on a table. Several Parquet files, or a folder of them, are "
        "read as one table that need not fit into memory: its rows are streamed, and MODEL"
        ".checkpoint keeps the progress until the model is written.",
    )
    fit.add_argument(
        "table",
        nargs="+",
        help=f"the training rows: {TABLE}; or Parquet files or folders with the same columns",
    )
    fit.add_argument(
        "--targets",
        required=True,
        type=_names,
        metavar="A,B,...",
        help="the columns to predict, separated by commas",
    )
    fit.add_argument("--output", required=True, metavar="MODEL", help="the file to write")
    fit.add_argument(
        "--features",
        type=_names,
        metavar="A,B,...",
        help="the columns to predict from (default: all others)",
    )
    fit.add_argument("--drop", type=_names, default=[], metavar="A,B,...", help="to leave out")
    fit.add_argument("--categorical", type=_names, metavar="A,B,...", help="columns of labels")
    dates = 'a column of dates and its format, "Date=%%d/%%m/%%Y", or the unit since 1970, "time=s"'
    split: Any = {"type": lambda text: text.partition("=")[::2], "metavar": "COLUMN[=FORMAT]"}
    fit.add_argument("--dates", action="append", help=dates, **split)
    fit.add_argument(
        "--groups",
        metavar="COLUMN",
        help="the column of group labels: a group is held out as a whole",
    )
    fit.add_argument(
        "--cv",
        choices=("shuffled", "blocks"),
        help="hold out rows at random, or whole blocks of neighbours (default: blocks if rows "
        "depend on their neighbours)",
    )
    fit.add_argument("--sample-weight", metavar="COLUMN", help="the column of sample weights")
    fit.add_argument(
        "--family",
        default=AUTO,
        choices=CHOICES,
        help="distribution of the targets (default: the better one on held-out rows; low_rank from "
        "100 targets on)",
    )
    fit.add_argument("--members", type=int, default=5, help="networks and folds (default: 5)")
    fit.add_argument("--max-time", type=float, metavar="SECONDS", help="stop after so long")
    fit.add_argument("--random-state", type=int, help="the same number gives the same model")
    fit.add_argument(
        "--stream", action="store_true", help="stream the rows of a single Parquet file too"
    )
    fit.add_argument(
        "--resume",
        action="store_true",
        help="continue from MODEL.checkpoint, if an interrupted fit left one (streamed rows only)",
    )
    fit.add_argument("--quiet", action="store_true", help="no progress bar, no summary")
    fit.set_defaults(call=_fit)

    predict = commands.add_parser(
        "predict",
        help="predict the rows of a table",
        description="Write mean_<target> and cov_<target>_<target> (upper triangle) for every row; "
        "degrees_of_freedom too, where the distribution is a Student-t. A value that is given is "
        "written as its own mean, with variance 0.",
    )
    predict.add_argument("model", help="a file that `covey fit` wrote")
    predict.add_argument("table", help=f"the rows to predict: {TABLE}")
    predict.add_argument(
        "--output", metavar="TABLE", help="the file to write (default: CSV to the screen)"
    )
    predict.add_argument(
        "--given",
        type=_names,
        metavar="A,B,...",
        help="targets that the table holds already, where observed: predict the others given these",
    )
    predict.add_argument(
        "--carry-over",
        type=_names,
        default=[],
        metavar="A,B,...",
        help="input columns to write, too",
    )
    _add_trusted(predict)
    predict.set_defaults(call=_predict)

    evaluate = commands.add_parser(
        "evaluate",
        help="say how good a model is on a table",
        description="Score a model on rows that had no part in its training, beside two simpler "
        "predictions: accuracy, joint density, coverage, and a verdict in five lines.",
    )
    evaluate.add_argument("model", help="a file that `covey fit` wrote")
    evaluate.add_argument("table", help=f"the rows, with their targets: {TABLE}")
    evaluate.add_argument(
        "--sample-weight", metavar="COLUMN", help="the column that holds the weight of each row"
    )
    evaluate.add_argument("--json", action="store_true", help="print all figures as JSON instead")
    evaluate.add_argument(
        "--report",
        metavar="PAGE",
        help="the page to write, .html: one file, with pictures (needs covey[report])",
    )
    _add_trusted(evaluate)
    evaluate.set_defaults(call=_evaluate)

    info = commands.add_parser(
        "info", help="say what a model file holds", description="Say what a model file holds."
    )
    info.add_argument("model", help="a file that `covey fit` wrote")
    info.set_defaults(call=_info)

    demo = commands.add_parser(
        "demo",
        help="run the main job on bundled real data",
        description="Predict five gas concentrations jointly, on bundled real data.",
    )
    demo.add_argument(
        "--output",
        default="air-quality-predictions.csv",
        metavar="TABLE",
        help="the file to write (default: %(default)s)",
    )
    demo.add_argument("--quiet", action="store_true", help="no progress bar")
    demo.set_defaults(call=_demo)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: the words after `covey`; those of the process by default.

    Returns:
        Exit status: 0, or 2 after an error that was said on the standard error.
    """
    options = parser().parse_args(arguments)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", CoveyWarning)
            warnings.showwarning = _show_warning
            options.call(options)
    except BrokenPipeError:  # the reader of the output has seen enough
        sys.stderr.close()
        return 0
    except (CoveyError, OSError) as error:
        print(f"covey: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("covey: interrupted", file=sys.stderr)
        return 130
    return 0


def _fit(options: argparse.Namespace) -> None:
    from covey.arguments.destination import destination
    from covey.regressor import JointRegressor
    from covey.table.files import TABLE_SUFFIXES

    destination(options.output)
    if options.output.endswith(TABLE_SUFFIXES):
        raise InputError(
            f"`--output` takes the model, for example air.covey. Received a table: {options.output}"
        )
    model = JointRegressor(
        options.family,
        members=options.members,
        cv=options.cv,
        max_time=options.max_time,
        categorical=options.categorical,
        dates=dict(options.dates or ()) or None,
        random_state=options.random_state,
        verbose=0 if options.quiet else 1,
    )
    stream = options.stream or len(options.table) > 1 or os.path.isdir(options.table[0])
    if options.resume and not stream:
        raise InputError(
            "`--resume` is for rows that are streamed. Received one file: add --stream, or leave "
            "--resume out."
        )
    verdict = io.StringIO()  # for the end, when the file is there
    with contextlib.redirect_stdout(verdict):
        rows = (_fit_streamed if stream else _fit_in_memory)(model, options)
    model.save(options.output)
    if not options.quiet:
        count, columns = len(model.targets_), model.n_features_in_
        print(
            f"{options.output}: {count} target{'s' * (count > 1)} from {columns} columns, "
            f"{rows} rows; out-of-fold score {model.out_of_fold_score_:.3f} nats per row"
        )
        print(verdict.getvalue(), end="")


def _fit_in_memory(model: Any, options: argparse.Namespace) -> int:
    from covey.table.files import read_table

    table = read_table(options.table[0])
    features = _features_to_fit(list(table.columns), options)
    model.fit(
        table[features],
        table[options.targets],
        sample_weight=table[options.sample_weight] if options.sample_weight else None,
        groups=table[options.groups] if options.groups else None,
    )
    return len(table)


def _fit_streamed(model: Any, options: argparse.Namespace) -> int:
    from covey.stream.dataset import ParquetTable

    table = ParquetTable.open(options.table)
    checkpoint = f"{options.output}.checkpoint"
    # a polite kill is as good as Ctrl-C: both leave the checkpoint
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        model.fit_files(
            options.table,
            options.targets,
            features=_features_to_fit(list(table.kinds), options),
            sample_weight=options.sample_weight,
            groups=options.groups,
            checkpoint=checkpoint,
            resume=options.resume,
        )
    except KeyboardInterrupt:
        if os.path.exists(checkpoint):
            print(f"covey: {checkpoint} keeps the progress: --resume", file=sys.stderr)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
    return len(table)


def _features_to_fit(columns: list[str], options: argparse.Namespace) -> list[str]:
    """The columns to predict from, if all that are named are there."""
    special = [name for name in (options.groups, options.sample_weight) if name]
    used = [*options.targets, *(options.features or []), *options.drop, *special]
    _check_columns(columns, used, options.table[0])
    left_out = {*options.targets, *options.drop, *special}
    features = options.features or [name for name in columns if name not in left_out]
    if overlap := [name for name in features if name in options.targets]:
        raise InputError(f"A column is either a target or a feature. Received as both: {overlap}.")
    return features


def _predict(options: argparse.Namespace) -> None:
    from covey.regressor import load
    from covey.table.files import TABLE_SUFFIXES, read_table, writable, write_table

    if options.output:
        writable(options.output, TABLE_SUFFIXES)
        if os.path.realpath(options.output) == os.path.realpath(options.table):
            raise InputError(f"`--output` would overwrite the input table {options.table}.")
    table = read_table(options.table)
    named = [*options.carry_over, *(options.given or [])]
    _check_columns(list(table.columns), named, options.table)
    model = load(options.model, trusted=options.trusted)
    if unknown := [name for name in options.given or [] if name not in model.targets_]:
        raise InputError(
            f"`--given` takes targets of the model: {', '.join(model.targets_)}. "
            f"Received: {unknown}."
        )
    given = table[options.given] if options.given else None
    features = _features(table, model, options.given or [])
    joint = model.predict_distribution(features, given=given).to_frame()
    if clash := [name for name in options.carry_over if name in joint.columns]:
        raise InputError(f"`--carry-over` names columns that the predictions have too: {clash}.")
    result = table[options.carry_over].join(joint)
    if options.output:
        write_table(result, options.output)
    else:
        result.to_csv(sys.stdout, index=False)


def _evaluate(options: argparse.Namespace) -> None:
    from covey.assess.verdict import tabulate, verdict
    from covey.regressor import load
    from covey.table.files import read_table, writable

    if options.report:
        writable(options.report, (".html",))
    table = read_table(options.table)
    model = load(options.model, trusted=options.trusted)
    special = [options.sample_weight] if options.sample_weight else []
    _check_columns(list(table.columns), [*model.targets_, *special], options.table)
    X = _features(table, model, [*model.targets_, *special])
    Y = table[list(model.targets_)]
    weight = table[options.sample_weight] if options.sample_weight else None
    figures = model.evaluate(X, Y, sample_weight=weight)
    if options.report:
        from covey.report import write_report

        write_report(options.report, model, X, Y, figures=figures, source=options.table)
    if options.json:
        print(json.dumps(figures, indent=1, allow_nan=False))
        return
    print(f"{options.model} on {options.table}: {figures['of_rows']:,} rows with a target\n")
    print(tabulate(figures) + "\n")
    if options.report:
        print(f"report: {options.report}\n")
    print("\n".join(verdict(figures)))


def _info(options: argparse.Namespace) -> None:
    from covey.archive.describe import describe

    for name, value in describe(options.model).items():
        print(f"{name:<18}  {value}")


def _demo(options: argparse.Namespace) -> None:
    from covey.demo import run

    run(options.output, verbose=0 if options.quiet else 1)


def _features(table: pd.DataFrame, model: Any, others: Sequence[str]) -> pd.DataFrame:
    """The table without columns that are not for the model to predict from."""
    return table.drop(columns=set(others) - set(getattr(model, "feature_names_in_", ())))


def _add_trusted(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--trusted",
        action="append",
        default=[],
        metavar="NAME",
        help="a type outside scikit-learn that the model's base may consist of: its code runs",
    )


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise argparse.ArgumentTypeError(f"expected names separated by commas, got {text!r}")
    return names


def _check_columns(columns: Sequence[str], names: Sequence[str], path: str) -> None:
    lacking = [name for name in names if name not in columns]
    if lacking:
        present = ", ".join(map(str, columns))
        raise InputError(f"Expected the columns {lacking} in {path}. It has: {present}.")


def _show_warning(message: Any, *_: Any, **__: Any) -> None:
    print(f"covey: warning: {message}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
