"""What a fit has reached, in one file, so that an interrupted one can go on."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from covey.archive import container
from covey.arguments.destination import destination
from covey.errors import ArtifactError, InputError, warn
from covey.members.trained import Trained
from covey.types import Snapshot

KIND = "checkpoint"
TRAININGS = 2  # counts up when what a training leaves in a checkpoint changes
EVERY = 30.0  # seconds between two writings
SOURCE = "source"
CURRENT = "current"


class Checkpoint:
    """Snapshots by name, kept in memory and written now and then.

    It is written when the block that it is the context of ends by an exception, Ctrl-C included,
    and removed when that block ends well. A file that cannot be written, as on a full disk, ends
    nothing: that is said once, the fit goes on, and it is tried again at the next occasion.

    Args:
        path: of the file, or None to keep nothing.
        about: what the fit is of, in JSON values; one that is resumed must be of the same.
        seed: of the fit; that of the file if it is resumed.
        resume: whether to go on from the file, if it is there.

    Attributes:
        seed: of the fit.
        started: `time.monotonic()` at which the fit began, pauses left out.

    Raises:
        InputError: there can be no such file; it is there although the fit is to start anew;
            or it is of another fit.
        ArtifactError: the file is damaged, or is not a checkpoint.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None,
        about: Mapping[str, Any],
        seed: int,
        *,
        resume: bool = False,
    ) -> None:
        self.path = None if path is None else Path(path)
        self.about, self.seed, self.started = dict(about), seed, time.monotonic()
        self.entries: dict[str, Snapshot] = {}
        self.failed = False  # the last writing
        self.written = self.started
        if self.path is None:
            if resume:
                raise InputError("`resume` needs a `checkpoint` to go on from. Received none.")
            return
        destination(self.path)
        if not self.path.exists():
            return
        if not resume:
            raise InputError(
                f"{self.path} is there, from a fit that was interrupted. Go on from it with "
                "resume=True (covey fit --resume), or delete it."
            )
        self._read(self.path)

    def _read(self, path: Path) -> None:
        manifest, arrays = container.read(path)
        if manifest.get("kind") != KIND:
            raise ArtifactError(
                f"Expected a file that holds a checkpoint. {path} holds: {manifest.get('kind')!r}."
            )
        if manifest.get("trainings") != TRAININGS:
            raise ArtifactError(
                f"Expected a checkpoint of this version of Covey. {path} is of another, whose "
                "trainings cannot go on here; delete it to start anew."
            )
        try:
            about, names = manifest["about"], self.about
            if other := [name for name in names if about[name] != names[name]]:
                raise InputError(
                    f"{path} is of a fit with other {', '.join(other)}. Resume with the same files "
                    "and parameters, or delete it to start anew."
                )
            self.seed = int(manifest["seed"])
            self.started -= float(manifest["elapsed"])
            for name, entry in manifest["entries"].items():
                prefix = f"{name}/"
                own = {
                    key.removeprefix(prefix): array
                    for key, array in arrays.items()
                    if key.startswith(prefix)
                }
                self.entries[name] = Snapshot(entry, own)
        except (KeyError, TypeError, AttributeError) as error:
            raise ArtifactError(
                f"Expected a complete checkpoint. {path} lacks or garbles {error}; delete it to "
                "start anew."
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.path is None:
            return
        if error is None:
            try:
                self.path.unlink(missing_ok=True)
            except OSError as failure:  # the fit is done all the same
                warn(
                    f"The checkpoint {self.path} could not be removed: {failure.strerror}. The fit "
                    "is done; delete the file."
                )
        elif self.entries:
            self.write()

    def write(self) -> None:
        """Write the file, as a whole or not at all; if that fails, say so and go on."""
        if self.path is None:
            return
        self.written = time.monotonic()
        try:
            self._write(self.path)
            self.failed = False
        except (OSError, InputError) as error:  # no reason to end what runs
            if not self.failed:
                self.failed = True
                before = "It holds an earlier state. " if self.path.exists() else ""
                warn(
                    f"The checkpoint {self.path} could not be written: {error} {before}The fit "
                    "goes on; what it reaches is lost if it is interrupted before the file can be "
                    "written."
                )

    def _write(self, path: Path) -> None:
        manifest = {
            "kind": KIND,
            "trainings": TRAININGS,
            "about": self.about,
            "seed": self.seed,
            "elapsed": time.monotonic() - self.started,
            "entries": {name: entry for name, (entry, _) in self.entries.items()},
        }
        arrays = {
            f"{name}/{key}": array
            for name, (_, own) in self.entries.items()
            for key, array in own.items()
        }
        container.write(path, manifest, arrays)

    def finished(self, family: str) -> tuple[Trained, Snapshot] | None:
        """See `CheckpointStore`."""
        if family not in self.entries:
            return None
        entry, arrays = self.entries[family]
        count = entry["weights"]
        trained = Trained(
            [arrays[f"weights_{number:03d}"] for number in range(count)],
            arrays["best_steps"],
            arrays["scores"],
            entry["steps"],
            entry["setup"],
        )
        return trained, Snapshot(entry[SOURCE], {})

    def resume(self, family: str) -> Snapshot | None:
        """See `CheckpointStore`."""
        current = self.entries.get(CURRENT)
        return current if current and current.manifest.get("family") == family else None

    def keep(self, family: str, snapshot: Snapshot) -> None:
        """Store a snapshot of a training; write the file if that was long ago."""
        manifest = {**snapshot.manifest, "family": family}
        self.entries[CURRENT] = Snapshot(manifest, snapshot.arrays)
        if time.monotonic() - self.written >= EVERY:
            self.write()

    def finish(self, family: str, trained: Trained, source: Snapshot) -> None:
        """Store what a training left, and write the file."""
        entry = {
            "weights": len(trained.weights),
            "steps": trained.steps,
            "setup": trained.setup,
            SOURCE: source.manifest,
        }
        weights = {f"weights_{number:03d}": array for number, array in enumerate(trained.weights)}
        scores: dict[str, Any] = {"best_steps": trained.best_steps, "scores": trained.scores}
        self.entries[family] = Snapshot(entry, {**scores, **weights})
        self.entries.pop(CURRENT, None)
        self.write()
