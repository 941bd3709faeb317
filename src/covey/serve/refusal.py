"""Why a request is not answered: a status of HTTP, a sentence, and the rows that are to blame."""

from __future__ import annotations

import json
from typing import Any

MOST_ROWS = 20  # that a refusal names


class Faults:
    """Cells that cannot be used: the first of them, and how many there are."""

    def __init__(self) -> None:
        self._first: list[dict[str, Any]] = []
        self._count, self._more = 0, False

    def add(self, row: int, column: str | None, reason: str) -> None:
        """Count one more.

        Args:
            row: counted from 0.
            column: its name, None for the whole row.
            reason: why it cannot be used.
        """
        self._count += 1
        if len(self._first) < MOST_ROWS:
            self._first.append({"row": row, "column": column, "reason": reason})

    def leave_off(self) -> None:
        """Note that there are more, which nobody counted."""
        self._more = True

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The first of them: `row`, `column` and `reason` of each."""
        return self._first

    @property
    def refusal(self) -> Refusal | None:
        """The refusal of the rows; None if there is no such cell."""
        return Refusal.of_rows(self._first, self._count, self._more) if self._first else None

    def check(self) -> None:
        """Refuse the rows, if there is one such cell.

        Raises:
            Refusal: 422.
        """
        if refusal := self.refusal:
            raise refusal


class Refusal(Exception):  # noqa: N818  # it is an answer, not a failure
    """A request that cannot be answered as it is.

    Args:
        status: of HTTP, such as 422.
        message: what was expected, what came, what to do.
        rows: for rows that cannot be used, each its `row` (counted from 0), `column` (or None) and
            `reason`.
        retry_after: seconds after which to try again, or None.
    """

    def __init__(
        self,
        status: int,
        message: str,
        rows: list[dict[str, Any]] | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message = status, message
        self.rows, self.retry_after = rows or [], retry_after

    @classmethod
    def of_rows(
        cls, rows: list[dict[str, Any]], count: int | None = None, others: bool = False
    ) -> Refusal:
        """The refusal of rows, which names the first of them.

        Args:
            rows: as for the class, at least one.
            count: how many there are, if not all of them are among `rows`.
            others: whether there are others, which are not counted.
        """
        first, count = rows[0], count or len(rows)
        at = f"row {first['row']}"
        if first["column"] is not None:
            at += f", column {first['column']!r}"
        least = "at least " if others else ""
        more = f" ({least}{count - 1:,} more)" if count > 1 else ""
        return cls(422, f"{at}: {first['reason']}{more}", rows[:MOST_ROWS])

    def body(self, path: str, request_id: str) -> bytes:
        """The refusal as JSON, in the form of the protocol that was spoken at a path."""
        content: dict[str, Any]
        if path == "/v2" or path.startswith("/v2/"):
            content = {"error": self.message}
        elif path in ("/invocations", "/version"):
            code = "BAD_REQUEST" if self.status < 500 else "INTERNAL_ERROR"
            content = {"error_code": code, "message": self.message}
        else:
            error: dict[str, Any] = {"status": self.status, "message": self.message}
            if self.rows:
                error["rows"] = self.rows
            content = {"error": {**error, "request_id": request_id}}
        # what came may hold letters that are none
        return json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")

    @property
    def headers(self) -> dict[str, str]:
        """Headers of the answer, but for its length."""
        found = {"content-type": "application/json"}
        if self.status == 401:
            found["www-authenticate"] = 'Basic realm="covey", charset="UTF-8", Bearer'
        if self.retry_after is not None:
            found["retry-after"] = str(self.retry_after)
        return found
