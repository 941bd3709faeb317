"""How much one request may ask for, and how long it may take."""

from __future__ import annotations

from dataclasses import dataclass, fields

from covey.errors import InputError, shown


@dataclass(frozen=True)
class Limits:
    """What a server refuses.

    Attributes:
        max_rows: rows of one request, at least 1.
        max_bytes: bytes of the body of one request, at least 1.
        max_seconds: seconds until the body has arrived, and again until the answer is there.
        max_waiting: requests whose body is there and whose answer is not; of more, the latest are
            told to come again.
        max_numbers: numbers of the answer to one request: rows times what is asked of each.
    """

    max_rows: int = 100_000
    max_bytes: int = 32 * 2**20
    max_seconds: float = 30.0
    max_waiting: int = 1024
    max_numbers: int = 10_000_000

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            whole = field.name != "max_seconds"
            if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
                what = "a whole number" if whole else "a number of seconds"
                raise InputError(f"`{field.name}` must be {what}. Received: {shown(value)}.")
            if not 0 < value < float("inf"):
                raise InputError(f"`{field.name}` must be above 0. Received: {shown(value)}.")
