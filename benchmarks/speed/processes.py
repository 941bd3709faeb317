"""Every method in a process of its own, and the processes by turns: A B C, A B C, ..."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from threading import Timer
from typing import Any

from benchmarks.quality.methods import ENVIRONMENTS

ROOT = Path(__file__).parents[2]
WORKERS = Path(__file__).parent / "workers"
LIMIT = 900.0  # seconds for one answer

Record = dict[str, Any]


class MethodFailedError(Exception):
    """A process that did not answer; the message is what it said last."""


@dataclass(frozen=True)
class Method:
    """A script, and what it is asked to do.

    Attributes:
        title: what readers see.
        script: file name in `workers/`.
        job: what the script is given, as JSON takes it.
        environment: a name in `benchmarks/quality/environments/`, or None for Covey's own.
    """

    title: str
    script: str
    job: dict[str, Any] = field(default_factory=dict)
    environment: str | None = None

    @property
    def command(self) -> list[str]:
        python = sys.executable
        if self.environment is not None:
            python = str(ENVIRONMENTS / self.environment / "bin" / "python")
        return [python, str(WORKERS / self.script), json.dumps(self.job)]


class Process:
    """A method that has been started: `ready` once, `again` as often as wanted, then `end`."""

    def __init__(self, method: Method, limit: float = LIMIT) -> None:
        self.limit = limit
        self.said = tempfile.TemporaryFile("w+")  # noqa: SIM115  closed by `end`
        variables = {
            "KERAS_BACKEND": "jax",
            **os.environ,
            "PYTHONPATH": str(ROOT / "src"),
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        try:
            self.process = subprocess.Popen(
                method.command,
                env=variables,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.said,
                text=True,
            )
        except OSError as error:
            self.said.close()
            raise MethodFailedError(f"could not be started: {error.strerror}") from error

    def ready(self) -> Record:
        """Wait for the preparations: imports, compilation, a first epoch."""
        return self._answer()

    def again(self) -> Record:
        """Let it do what it is timed at, once."""
        try:
            self.process.stdin.write("\n")
            self.process.stdin.flush()
        except OSError:
            raise MethodFailedError(self._last_words()) from None
        return self._answer()

    def end(self) -> Record:
        """Let it go; what it says of its memory."""
        self.process.stdin.close()
        found = self._answer()
        self.close()
        return found

    def close(self) -> None:
        """End the process, whatever it does."""
        if self.said.closed:
            return
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        with suppress(OSError):  # what nobody reads any more
            self.process.stdin.close()
        self.said.close()

    def _answer(self) -> Record:
        late = Timer(self.limit, self.process.kill)
        begun = time.monotonic()
        late.start()
        line = self.process.stdout.readline()
        late.cancel()
        if line:
            return json.loads(line)
        if time.monotonic() - begun >= self.limit:
            raise MethodFailedError(f"did not end within {self.limit:.0f} s")
        raise MethodFailedError(self._last_words())

    def _last_words(self) -> str:
        status = self.process.wait()
        self.said.seek(0)
        lines = [line for line in self.said if line.strip()]
        words = lines[-1].strip() if lines else f"exit status {status}"
        # where this checkout lies is nobody's business
        return words.replace(f"{ROOT}/", "").replace(str(Path.home()), "~")[-300:]


class Here:
    """The same in this process, of which nobody can say what memory a method took: for a trial."""

    def __init__(self, method: Method, limit: float = LIMIT) -> None:
        self.method = method
        if str(WORKERS) not in sys.path:
            sys.path.insert(0, str(WORKERS))

    def ready(self) -> Record:
        """What `Process.ready` says."""
        from answers import begin

        script = import_module(self.method.script.removesuffix(".py"))
        try:
            ready, self.repeat = begin(script.prepare, self.method.job, script.PACKAGES)
        except Exception as error:
            raise MethodFailedError(f"{type(error).__name__}: {error}") from error
        return ready

    def again(self) -> Record:
        """What `Process.again` says."""
        return self.repeat()

    def end(self) -> Record:
        """Nothing."""
        return {"peak_mb": None}

    def close(self) -> None:
        """Nothing to close."""


def by_turns(
    methods: dict[str, Method],
    *,
    rounds: int,
    repetitions: int,
    limit: float = LIMIT,
    start: Callable[[Method, float], Process | Here] = Process,
) -> dict[str, Record]:
    """Run all methods, one at a time and by turns.

    In each round every method gets a new process. All are prepared, one after the other; then each
    in turn is timed once, and so on. An idle process waits for a line and takes no time.

    Args:
        methods: by name.
        rounds: processes of each method.
        repetitions: timings in each process.
        limit: seconds for one answer.
        start: `Here` runs all in this process.

    Returns:
        For each method its `title`, `facts` of the first process, `ready` (what each process said
        of its preparations), `timed` (what came of each repetition) and `peak_mb` of each process;
        or `failure`, and what there was until then.
    """
    records: dict[str, Record] = {
        name: {"title": method.title, "ready": [], "timed": [], "peak_mb": []}
        for name, method in methods.items()
    }
    running: dict[str, Process | Here] = {}

    def attempt(name: str, what: Any) -> Any:
        record = records[name]
        if "failure" in record:
            return None
        try:
            return what()
        except MethodFailedError as error:
            record["failure"] = str(error)
            print(f"    {methods[name].title}: failed: {error}", flush=True)
            return None

    try:
        for _ in range(rounds):
            for name, method in methods.items():
                running[name] = attempt(name, lambda m=method: start(m, limit))
                if ready := attempt(name, lambda n=name: running[n].ready()):
                    records[name].setdefault("facts", ready.pop("facts", {}))
                    ready.pop("facts", None)
                    records[name]["ready"].append(ready)
            for _ in range(repetitions):
                for name in methods:
                    if (timed := attempt(name, lambda n=name: running[n].again())) is not None:
                        records[name]["timed"].append(timed)
            for name in methods:
                if ended := attempt(name, lambda n=name: running[n].end()):
                    records[name]["peak_mb"] += filter(None, [ended["peak_mb"]])
                if running.get(name):
                    running.pop(name).close()
    finally:
        for process in filter(None, running.values()):
            process.close()
    return records
