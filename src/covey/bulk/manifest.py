"""What a folder of predictions is of: written before the first part, and again after the last."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from covey import __version__
from covey.bulk.inputs import Input
from covey.bulk.parts import Part
from covey.bulk.places import Place
from covey.errors import InputError, clipped

MANIFEST, REJECTS, REJECTED = "_covey_manifest.json", "_covey_rejects.csv", "_covey_rejects"
FORMAT, LAYOUT = "covey predictions", 1
KEY = b"covey.part"  # of what a part says of itself, in its own file
TEMPORARY = ".covey-"  # begins the names of files that were not finished


@dataclass(frozen=True)
class Run:
    """A run: which model, which options, which files, into which folder.

    Attributes:
        output: the folder.
        model: hash of the model's file.
        options: as JSON has them.
        inputs: what tells the files, in order.
    """

    output: Place
    model: str
    options: dict[str, Any]
    inputs: list[dict[str, Any]]

    @classmethod
    def of(cls, output: Place, model: str, options: dict[str, Any], inputs: Sequence[Input]) -> Run:
        """Describe a run.

        Args:
            output: the folder.
            model: hash of the model's file.
            options: whatever changes what is written, as JSON has it.
            inputs: the files.
        """
        plain = json.loads(json.dumps(options))
        return cls(output, model, plain, [each.identity for each in inputs])

    @property
    def fingerprint(self) -> str:
        """Text that changes with anything that changes what is written."""
        about = json.dumps([LAYOUT, self.model, self.options, self.inputs], sort_keys=True)
        return hashlib.sha256(about.encode()).hexdigest()

    def begin(self) -> None:
        """Make the folder ready: a new one, or one in which this run was begun before.

        Raises:
            InputError: it holds something else.
        """
        if self.output.kind == "file":
            raise InputError(
                f"Expected a folder to write predictions to. Received: a file, {self.output.name}."
            )
        files = self.output.below() if self.output.kind else []
        names = [each.path.rpartition("/")[2] for each in files]
        if MANIFEST in names:
            self._check(self._read())
            for each, name in zip(files, names, strict=True):
                if name.startswith(TEMPORARY):
                    each.delete()
            return
        if files:
            raise InputError(
                "Expected an empty folder to write predictions to, or one in which the same run "
                f"was begun. Received: {self.output.name}, which holds {files[0].name}. Name "
                "another folder."
            )
        self.output.create()
        self._write({"complete": False})

    def finish(self, records: Sequence[dict[str, Any]]) -> None:
        """Write which rows are in which part.

        Args:
            records: what each part says of itself, in order.
        """
        self._gather_rejects(records)
        own = ("part", "file", "first", "rows", "rejected", "bytes")
        parts = [{name: each[name] for name in own if name in each} for each in records]
        counts = {name: sum(each[name] for each in records) for name in ("rows", "rejected")}
        self._write({"complete": True, **counts, "parts": parts})

    def done(self, part: Part) -> dict[str, Any] | None:
        """What a part says of itself that was finished before; None if it is not there.

        Args:
            part: of this run.
        """
        from pyarrow import ArrowException
        from pyarrow.parquet import read_schema

        place = self.output / part.name
        if place.kind != "file":
            return None
        try:
            with place.opened() as file:
                said = (read_schema(file).metadata or {}).get(KEY, b"{}")
            found = json.loads(said)
        except (ArrowException, OSError, ValueError):
            return None  # damaged: it is written again
        if found.get("run") != self.fingerprint:
            return None
        same = all(found.get(name) == value for name, value in part.about.items())
        return found if same else None

    def _gather_rejects(self, records: Sequence[dict[str, Any]]) -> None:
        """Put the rejects of all parts into one file."""
        from covey.bulk.rejects import as_csv

        folder = self.output / REJECTED
        parts = [folder / f"{each['part']}.csv" for each in records if each["rejected"]]
        if not parts:
            return
        found = self.output / REJECTS
        if found.kind != "file" or all(each.kind for each in parts):  # else put together before
            found.write(as_csv("", [], names=True) + b"".join(_content(each) for each in parts))
        for each in folder.below():
            each.delete()
        if folder.kind == "folder":
            folder.files.delete_dir(folder.path)

    def _write(self, more: dict[str, Any]) -> None:
        about = {
            "format": FORMAT,
            "layout": LAYOUT,
            "written_by": __version__,
            "model": {"sha256": self.model},
            "options": self.options,
            "inputs": self.inputs,
            **more,
        }
        text = json.dumps(about, indent=1, ensure_ascii=False) + "\n"
        (self.output / MANIFEST).write(text.encode("utf-8"))

    def _read(self) -> dict[str, Any]:
        place = self.output / MANIFEST
        try:
            found = json.loads(_content(place))
            if found["format"] != FORMAT or found["layout"] != LAYOUT:
                raise ValueError("another format")
            return dict(found)
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"Expected a manifest that Covey wrote. Received: {place.name}: "
                f"{clipped(str(error))}. Name another folder."
            ) from None

    def _check(self, before: dict[str, Any]) -> None:
        """Refuse a folder that holds another run."""
        other = []
        if before.get("model") != {"sha256": self.model}:
            other.append("another model")
        options = before.get("options", {})
        changed = [
            name
            for name in {**options, **self.options}
            if options.get(name) != self.options.get(name)
        ]
        if changed:
            other.append(f"another `{'`, another `'.join(changed)}`")
        if before.get("inputs") != self.inputs:
            names = [
                {each["file"] for each in of} for of in (before.get("inputs", []), self.inputs)
            ]
            if names[0] != names[1]:
                other.append(f"other files (such as {sorted(names[0] ^ names[1])[0]})")
            else:
                pairs = zip(before["inputs"], self.inputs, strict=True)
                first = next(own for was, own in pairs if was != own)
                other.append(f"files that were changed since (such as {first['file']})")
        if other:
            raise InputError(
                f"Expected a folder in which the same run was begun. Received: {self.output.name}, "
                f"of {' and '.join(other)}. Name another folder, or empty this one."
            )


def _content(place: Place) -> bytes:
    return place.bytes_of(0, place.state()[0])
