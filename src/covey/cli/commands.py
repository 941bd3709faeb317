"""The parser of all commands."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

from covey import __version__
from covey.cli import calibrate, demo, evaluate, export, fit, info, predict, serve

EXAMPLES = """\
examples:
  covey demo
  covey fit air.csv --targets CO,NOx,NO2 --output air.covey
  covey predict air.covey new.csv --output joint.csv
  covey predict air.covey - --columns mean,interval90 < new.csv > joint.csv
  covey evaluate air.covey test.csv --report report.html
  covey calibrate air.covey fresh.csv --output calibrated.covey
  covey export air.covey --output air.onnx
  covey serve air.covey --port 8000
  covey info air.covey

Each command has a help of its own: covey fit --help
"""


class Parser(argparse.ArgumentParser):
    """A parser that offers the option that was meant, and keeps examples as they are typed."""

    def __init__(self, **settings: Any) -> None:
        settings.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(**settings)

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse; an option that is not known is an error of the command that it was given to."""
        words = self._joined(sys.argv[1:] if args is None else list(args))
        if self._subparsers is None:  # else they are those of a command
            known = [option for action in self._actions for option in action.option_strings]
            for word in words:
                name = word.partition("=")[0]
                if name.startswith("--") and not any(each.startswith(name) for each in known):
                    close = get_close_matches(name, known, n=1)
                    self.error(
                        f"no option {name}" + (f"; did you mean {close[0]}?" if close else "")
                    )
        return super().parse_known_args(words, namespace)

    def _joined(self, words: list[str]) -> list[str]:
        """Options with values that begin with -, such as --na -999,?, as one word each."""
        found: list[str] = []
        with_value = {
            option
            for action in self._actions
            for option in action.option_strings
            if action.nargs is None
        }
        for word in words:
            before = found[-1] if found else ""
            if before in with_value and re.match("-[^-]", word):
                found[-1] = f"{before}={word}"
            else:
                found.append(word)
        return found

    def error(self, message: str) -> NoReturn:
        """Say what is wrong in a line, and where the help is."""
        self.exit(2, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    top = Parser(
        prog="covey",
        description="Joint predictions for tabular data: for every row a mean vector and a full\n"
        "covariance matrix of several targets.",
        epilog=EXAMPLES,
    )
    top.add_argument("-V", "--version", action="version", version=f"covey {__version__}")
    commands = top.add_subparsers(
        dest="command", required=True, metavar="COMMAND", parser_class=Parser
    )
    for command in (fit, predict, evaluate, calibrate, export, serve, info, demo):
        command.add(commands)
    return top
