"""Runs methods on splits, each in an environment of its own, and keeps the figures."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.quality.methods import FOLDER, Method
from benchmarks.quality.scores import scores
from benchmarks.quality.tables import ROOT, Split

RESULTS = Path(__file__).parent / "results"
LIMIT = 600.0  # seconds of processor time, for each thread, of one method on one split
PATIENCE = 5  # times as long it may take by the clock, where others use the processor too


def revision() -> str:
    """The commit that is measured, "-dirty" if code differs from it; "" if there is none.

    Figures that are being written do not count as code.
    """
    describe = ["describe", "--always", "--exclude=*"]
    changed = ["status", "--porcelain", "--", "src", "benchmarks", ":(exclude)*/results/*"]
    try:
        commit, differs = (
            subprocess.run(
                ["git", "-C", str(ROOT), *command], capture_output=True, text=True, check=True
            ).stdout.strip()
            for command in (describe, changed)
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return f"{commit}-dirty" if differs else commit


def result_path(results: Path, table: str, method: str, seed: int) -> Path:
    """Where the figures of one cell are kept."""
    return results / table / f"{method}-{seed}.json"


def run(
    method: Method,
    name: str,
    split: Split,
    results: Path = RESULTS,
    *,
    threads: int = 2,
    limit: float = LIMIT,
    settings: Iterable[str] = (),
    keep_seconds: bool = False,
) -> dict[str, Any]:
    """Fit, predict, score and write the figures; a failure is a figure too.

    With `keep_seconds` the seconds that were written earlier stay, with the revision they are of:
    those that are taken beside other work are not to be compared with them.

    Returns:
        What was written: the scores, or `failure` with the last line of what the method said.
    """
    d = split.Y_train.shape[1]
    record: dict[str, Any] = {
        "table": split.name,
        "method": name,
        "seed": split.seed,
        "rows": len(split.Y_train),
        "targets": d,
        "threads": threads,
    }
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in.npz"), Path(folder, "out.npz")
        X_train, X_test = split.numbers()
        np.savez(
            source,
            X_train=X_train,
            Y_train=split.Y_train,
            X_test=X_test,
            validation=split.validation,
            seed=split.seed,
            threads=threads,
        )
        command = [method.python, str(FOLDER / method.script), str(source), str(target)]
        if method.environment is None:
            record["revision"] = revision()
        if method.script == "covey_default.py":
            split.X_train.to_parquet(Path(folder, "train.parquet"))
            split.X_test.to_parquet(Path(folder, "test.parquet"))
            command += [str(Path(folder, "train.parquet")), *settings]
        command += method.arguments
        failure = _call(command, threads, limit)
        if failure is None:
            try:
                record |= _figures(target, split)
            except Exception as error:  # a covariance that is none, a file that is not there
                failure = f"{type(error).__name__}: {error}"
        if failure is not None:
            record["failure"] = failure[-300:]
    path = result_path(results, split.name, name, split.seed)
    if keep_seconds and path.exists() and failure is None:
        record |= _seconds_of(json.loads(path.read_text()))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=1) + "\n")
    return record


def _seconds_of(record: dict[str, Any]) -> dict[str, Any]:
    """The seconds of a record, and the revision they are of."""
    found = {key: record[key] for key in ("fit_seconds", "predict_seconds") if key in record}
    of = record.get("seconds_revision", record.get("revision"))
    return found | ({"seconds_revision": of} if found and of else {})


def _call(command: list[str], threads: int, limit: float) -> str | None:
    """Run a script; what went wrong, or None."""
    variables = {
        **os.environ,
        **{f"{name}_NUM_THREADS": str(threads) for name in ("OMP", "OPENBLAS", "MKL")},
        "PYTHONPATH": str(ROOT / "src"),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    cores = set(sorted(os.sched_getaffinity(0))[:threads])
    try:
        process = subprocess.Popen(
            command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
    except OSError as error:
        return f"could not be started: {error}"
    with process:
        # not in the child before it starts: that would need a fork, which backends warn of
        with suppress(ProcessLookupError):
            os.sched_setaffinity(process.pid, cores)
            most = int(np.ceil(limit * threads))
            resource.prlimit(process.pid, resource.RLIMIT_CPU, (most, most + 5))
        try:
            _, said = process.communicate(timeout=PATIENCE * limit)
        except subprocess.TimeoutExpired:
            process.kill()
            return f"did not end within {limit:.0f} s"
    if process.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return f"did not end within {limit:.0f} s"
    if process.returncode:
        lines = [line for line in said.splitlines() if line.strip()]
        return lines[-1] if lines else f"exit status {process.returncode}"
    return None


def _figures(target: Path, split: Split) -> dict[str, Any]:
    with np.load(target) as arrays:
        found = {key: arrays[key] for key in arrays}
    keys = ("mean", "scale_tril", "degrees_of_freedom", "weights", "samples")
    joint = {key: found[key] for key in keys if key in found}
    figures: dict[str, Any] = {
        "fit_seconds": round(float(found["fit_seconds"]), 2),
        "predict_seconds": round(float(found["predict_seconds"]), 3),
        "scores": _rounded(scores(joint, split.Y_test, split.Y_train)),
    }
    mixture = {key: found[f"mixture_{key}"] for key in keys if f"mixture_{key}" in found}
    if mixture:
        figures["mixture"] = _rounded(scores(mixture, split.Y_test, split.Y_train))
    if "residuals" in found:
        figures["claimed"] = round(_claimed(found["residuals"]), 5)
    if str(found["note"]):
        figures["note"] = str(found["note"])
    return figures


def _claimed(residuals: np.ndarray) -> float:
    """What a constant covariance of out-of-fold residuals says of them, in nats per target."""
    d = residuals.shape[1]
    covariance = np.atleast_2d(np.cov(residuals.T, bias=True))
    covariance += 1e-9 * np.trace(covariance) / d * np.eye(d)
    whitened = np.linalg.solve(np.linalg.cholesky(covariance), residuals.T)
    logarithm = np.linalg.slogdet(2 * np.pi * covariance)[1]
    return float((np.square(whitened).sum(axis=0).mean() + logarithm) / 2 / d)


def _rounded(figures: dict[str, float]) -> dict[str, float]:
    if bad := [name for name, value in figures.items() if not np.isfinite(value)]:
        raise ValueError(f"figures that are not finite: {', '.join(bad)}")
    return {name: round(value, 5) for name, value in figures.items()}
