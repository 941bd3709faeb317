"""The log of a server: one JSON object in each line."""

from __future__ import annotations

import json
import logging
import sys
import warnings
from datetime import UTC, datetime
from typing import Any

OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "taskName", "color_message"}


class Lines(logging.Formatter):
    """A record as a line of JSON: time, level, what, and whatever else was said of it."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        found: dict[str, Any] = {"time": when, "level": record.levelname.lower()}
        found["message"] = record.getMessage()
        found |= {name: value for name, value in vars(record).items() if name not in OWN}
        if record.exc_info:
            found["exception"] = self.formatException(record.exc_info)
        return json.dumps(found, ensure_ascii=False, default=str)


def log_in_lines(*, quiet: bool = False) -> None:
    """Have everything that the server says go to the standard error, in lines of JSON.

    Args:
        quiet: leave out requests that were answered.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines())
    for name in ("covey.serve", "uvicorn", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers = [handler] if name != "uvicorn.error" else []
        logger.propagate = name == "uvicorn.error"
        logger.setLevel(logging.WARNING if quiet and name == "covey.serve" else logging.INFO)
    log = logging.getLogger("covey.serve")

    def say(message: Any, category: Any, *_: Any, **__: Any) -> None:
        log.warning(str(message), extra={"category": category.__name__})

    warnings.showwarning = say
