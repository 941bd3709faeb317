"""Score files into a folder: any number of rows, in little memory, resumed at any time."""

from __future__ import annotations

import hashlib
import math
import os
import tempfile
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from covey.bulk.inputs import Input, find_inputs
from covey.bulk.job import Job
from covey.bulk.layouts import Layout, layout_of
from covey.bulk.manifest import MANIFEST, Run
from covey.bulk.places import Place
from covey.bulk.predictor import CELLS, Predictor
from covey.errors import InputError, shown
from covey.files.notes import say
from covey.files.numerals import check_decimal
from covey.files.text import TextOptions
from covey.members.progress import Log, progress_bar

PART, FEWEST = 2**18, 2**10  # rows of a part, where nothing is said
ENGINES = ("local", "ray")


@dataclass(frozen=True)
class Scored:
    """What a run left behind.

    Attributes:
        output: the folder, as it was named.
        rows: how many rows the inputs have.
        rejected: how many of them could not be scored.
        parts: how many files of predictions there are.
        resumed: how many of these an earlier run had finished.
        seconds: how long this run took.
    """

    output: str
    rows: int
    rejected: int
    parts: int
    resumed: int
    seconds: float

    @property
    def manifest(self) -> str:
        """Path of the file that says which rows are in which part."""
        return f"{self.output.rstrip('/')}/{MANIFEST}"


def score(
    model: Any,
    inputs: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    columns: str | Iterable[str] | None = None,
    given: str | Iterable[str] = (),
    keep: str | Iterable[str] = (),
    strict: bool = False,
    engine: str = "local",
    address: str | None = None,
    part_rows: int | None = None,
    random_state: int | None = None,
    sep: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    na: Iterable[str] = (),
    trusted: Collection[str] = (),
    verbose: int = 1,
) -> Scored:
    """Predict the rows of files of any size, into a folder of Parquet files that read as one table.

    Files are read and predicted a part at a time. Each part is there as a whole or not at all; the
    same call again goes on after the parts that are there, and does nothing where all are.

    Args:
        model: path of a saved model, or a fitted estimator.
        inputs: files, folders and patterns, one or several: Parquet, CSV and what else `covey
            predict` reads, on this machine or with a scheme such as "s3://". Of folders that are
            called key=value, keys are columns.
        output: folder to write to, of this machine or with a scheme: new, empty, or one in which
            the same run was begun.
        columns: what to write, such as ["mean", "std", "interval90"]; by default means and
            covariances, and what else the distribution needs to be read again.
        given: names of targets that the files hold already, where observed.
        keep: names of columns of the files to write too, before the predictions.
        strict: whether a row that cannot be scored is an error. By default such rows are set aside,
            into `_covey_rejects.csv`, with file, row (from 0) and reason.
        engine: "local", or "ray" for tasks of Ray, one for each part.
        address: of a Ray cluster; by default that of the environment, or one on this machine.
        part_rows: rows of a part at most (of text about); by default 262,144, and fewer where rows
            have more than 64 columns, those of the predictions among them.
        random_state: of samples; the same seed gives the same samples, whatever the engine.
        sep: what separates cells of text; found out by default, as are the next two.
        decimal: the decimal mark of text, "." or ",".
        encoding: of text.
        na: further marks of a missing value.
        trusted: see `covey.load`.
        verbose: 1 shows rows, rows in a second and the time that is left; 0 is silent.

    Returns:
        What was done.

    Raises:
        InputError: an argument or a file cannot be used, or the folder holds something else; or a
            row cannot be scored and `strict` is set. Parts that are finished stay.
        ArtifactError: `model` is no model.
    """
    started = time.monotonic()
    if engine not in ENGINES:
        raise InputError(f"`engine` must be 'local' or 'ray'. Received: {shown(engine)}.")
    if part_rows is not None and (type(part_rows) is not int or part_rows < 1):
        raise InputError(f"`part_rows` must be 1 or more. Received: {shown(part_rows)}.")
    check_decimal(decimal)
    marks = (na,) if isinstance(na, str) else tuple(na)
    place = Place.of(output)
    with _as_file(model, trusted) as path:
        settings: dict[str, Any] = {"random_state": random_state, "trusted": tuple(trusted)}
        predictor = Predictor(path, columns, given, keep, **settings)
        fitted = predictor.loaded(anew=True)
        if part_rows is None:
            width = fitted.n_features_in_ + len(predictor.keep) + len(predictor.nothing.columns)
            part_rows = min(PART, max(CELLS // width, FEWEST))
        usual, commas = fitted.schema_.decimal, fitted.fitted_.with_commas
        reading = TextOptions(sep, decimal, encoding, marks, usual, as_written=commas)
        inputs = [inputs] if isinstance(inputs, str | os.PathLike) else list(inputs)
        files = find_inputs(inputs)
        _check_apart(place, files, inputs)
        options = {
            "columns": predictor.columns,
            "given": predictor.given,
            "keep": predictor.keep,
            "strict": strict,
            "part_rows": part_rows,
            "random_state": random_state,
            "sep": sep,
            "decimal": decimal,
            "encoding": encoding,
            "na": marks,
        }
        run = Run.of(place, _hash(path), options, files)
        percentages = tuple(fitted.fitted_.percentages)
        layouts = _Layouts(files, reading, part_rows, percentages)
        keys = _keys(files)
        for each in layouts.described():
            predictor.check(fitted, [*each.columns, *keys], each.input.place.name)
        layouts.say()
        kept = _kept(predictor, layouts.first, keys)
        run.begin()
        job = Job(predictor, place, run.fingerprint, kept, strict, keys)
        bar = progress_bar(max(layouts.rows, 1), "predict", verbose=verbose)
        records: list[dict[str, Any]] = []
        resumed = scored = 0
        with bar:
            for record, is_new in _engine(engine, address)(run, job, layouts, part_rows):
                records.append(record)
                resumed += not is_new
                scored += record["rows"] * is_new
                _show(bar, record["rows"], scored / (time.monotonic() - started))
        records.sort(key=lambda each: str(each["part"]))
        run.finish(records)
    rows, rejected = (sum(each[name] for each in records) for name in ("rows", "rejected"))
    seconds = time.monotonic() - started
    return Scored(place.name, rows, rejected, len(records), resumed, seconds)


def _engine(name: str, address: str | None) -> Any:
    if name == "local":
        from covey.bulk.local import parts

        return parts
    from covey.bulk.cluster import on_ray

    return on_ray(address)


class _Layouts:
    """How files are cut, those of the first pass kept where this is cheap."""

    def __init__(
        self, files: list[Input], reading: TextOptions, size: int, percentages: tuple[str, ...]
    ) -> None:
        self.files, self.reading, self.size = files, reading, size
        self.percentages = percentages
        self.rows = 0
        self.kept: dict[int, Layout] = {}
        self.first: Layout | None = None

    def described(self) -> Iterator[Layout]:
        """Each file, without the rows of those that are read at once."""
        for each in self.files:
            found = layout_of(each, self.reading, self.size, self.percentages)
            self.rows += found.rows
            self.kept[each.number] = replace(found, frame=None) if each.kind == "whole" else found
            self.first = self.first or found
            yield found

    def say(self) -> None:
        """Say what was recognised of text."""
        say([(each.input.place.name, each.notes) for each in self.kept.values()])

    def __iter__(self) -> Iterator[Layout]:
        """Each file, ready to be read."""
        for each in self.files:
            found = self.kept[each.number]
            if each.kind == "whole":
                found = layout_of(each, self.reading, self.size, self.percentages)
            yield found


def _keys(files: list[Input]) -> dict[str, bool]:
    """The keys of folders, and whether the values of each are whole numbers as Python has them."""
    found = {}
    for name in files[0].keys:
        values = [each.keys[name] for each in files if each.keys[name] is not None]
        found[name] = all(v.lstrip("-").isdecimal() and str(int(v)) == v for v in values if v)
    return found


def _kept(predictor: Predictor, first: Layout | None, keys: dict[str, bool]) -> dict[str, Any]:
    """The types of the columns to keep, as the first file has them."""
    import pyarrow as pa

    assert first is not None
    found: dict[str, Any] = {}
    for name in predictor.keep:
        if name not in first.columns:
            found[name] = pa.int64() if keys[name] else pa.string()
        elif first.frame is not None:
            found[name] = pa.Array.from_pandas(first.frame[name]).type
        else:
            kind = first.columns[name]
            found[name] = pa.string() if kind is None else kind
    return found


def _show(bar: Any, rows: int, rate: float) -> None:
    """Show that so many more rows are done; in a log, at which rate, in rows a second."""
    bar.total = max(bar.total, bar.n + rows)  # of text it is an estimate
    if isinstance(bar, Log) and rate:
        left = math.ceil((bar.total - bar.n - rows) / rate)
        bar.set_postfix_str(f"{rate:,.0f} rows/s, {left:,} s left")
    bar.update(rows)


@contextmanager
def _as_file(model: Any, trusted: Collection[str]) -> Iterator[str]:
    """The path of a model; an estimator is written to a file first."""
    if isinstance(model, str | os.PathLike):
        yield os.path.abspath(os.fsdecode(model))
        return
    if not hasattr(model, "save") or not hasattr(model, "predict_distribution"):
        raise InputError(
            "`model` must be the path of a saved model or a fitted JointRegressor. Received: "
            f"{shown(model)}."
        )
    with tempfile.TemporaryDirectory(prefix="covey-") as folder:
        path = os.path.join(folder, "model.covey")
        model.save(path, trusted=trusted)
        yield path


def _hash(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_apart(output: Place, files: list[Input], inputs: list[Any]) -> None:
    """Refuse a folder of predictions that holds inputs, or that would be one of them next time."""
    folder = output.path.rstrip("/") + "/"
    for each in files:
        if each.place.system == output.system and each.place.path.startswith(folder):
            raise InputError(
                "Expected an output folder apart from the inputs. Received: "
                f"{output.name}, which holds {each.place.name}. Name another folder."
            )
    for named in inputs:
        place = Place.of(named)
        own = place.path.rstrip("/") + "/"
        if place.system == output.system and folder.startswith(own) and folder != own:
            raise InputError(
                "Expected an output folder apart from the inputs. Received: "
                f"{output.name}, in the folder {place.name} that is scored. Name another folder."
            )
