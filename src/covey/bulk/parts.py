"""Parts of inputs: rows that stand together in one file, and make one file of predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from covey.bulk.inputs import Input


@dataclass(frozen=True)
class Part:
    """Rows of one file.

    Attributes:
        input: the file.
        number: of the part in the file.
        first: number of its first row in the file, from 0.
        rows: how many there are; None if only reading them tells.
        start: for text, its first byte.
        end: for text, the byte behind it.
        last: whether no other part of the file follows.
    """

    input: Input
    number: int
    first: int
    rows: int | None
    start: int = 0
    end: int = 0
    last: bool = True

    @property
    def name(self) -> str:
        """Of its file of predictions."""
        return f"part-{self.input.number:05d}-{self.number:05d}.parquet"

    @property
    def about(self) -> dict[str, Any]:
        """What tells that a file of predictions is of this part, as JSON has it."""
        span = {} if self.rows is not None else {"bytes": [self.start, self.end]}
        return {"file": self.input.place.name, "number": self.number, "first": self.first, **span}
