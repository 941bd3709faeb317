"""The command line: parses, calls, prints."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from covey.backend.cache import keep_compiled
from covey.cli.commands import parser
from covey.cli.words import in_options
from covey.errors import CoveyError, CoveyWarning

__all__ = ["main"]

FITTING = ("demo", "fit")  # commands that compile
FAILED, INTERRUPTED = 2, 130  # exit statuses; the second is what shells give after Ctrl-C


def __dir__() -> list[str]:
    return __all__


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: the words after `covey`; those of the process by default.

    Returns:
        Exit status: 0; 2 after an error that was said on the standard error; 130 after Ctrl-C, also
        where a fit kept the best so far and wrote its model.
    """
    options = parser().parse_args(arguments)
    command = getattr(options, "command", None)
    if command in FITTING:
        keep_compiled()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", CoveyWarning)
            warnings.showwarning = _show_for(command)
            return int(options.call(options) or 0)
    except BrokenPipeError:  # the reader of the output has seen enough
        # what is left in the buffer must go somewhere when Python ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except CoveyError as error:
        print(f"covey: error: {in_options(str(error), command)}", file=sys.stderr)
    except OSError as error:
        print(f"covey: error: {_of_the_system(error)}", file=sys.stderr)
    except KeyboardInterrupt:
        print("covey: interrupted", file=sys.stderr)
        return INTERRUPTED
    return FAILED


def _show_for(command: str | None) -> Callable[..., None]:
    """What shows a warning to somebody who typed a command."""

    def show(message: Any, *_: Any, **__: Any) -> None:
        print(f"covey: warning: {in_options(str(message), command)}", file=sys.stderr)

    return show


def _of_the_system(error: OSError) -> str:
    """What the system says, without its number."""
    if error.filename is None or not error.strerror:
        return str(error)
    return f"{os.fsdecode(error.filename)}: {error.strerror}."
