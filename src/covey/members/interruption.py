"""Ctrl-C during a fit: the first one ends the training and keeps the best so far."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType
from typing import Any, ClassVar, Self

from covey.errors import counted, warn

AGAIN = 2.0  # seconds after an interrupted fit in which a new one is part of the same work


class Interruption:
    """Whether Ctrl-C asked a fit to end.

    Within the `with` block the first Ctrl-C is noted and the second raises `KeyboardInterrupt`, as
    any does elsewhere. Nothing is changed in other threads than the main one, nor where a program
    has a handler of its own. In a loop over fits each would end early, one Ctrl-C for each; so a
    fit that starts right after an interrupted one lets Ctrl-C through.

    Attributes:
        asked: whether it was pressed.
    """

    _over: ClassVar[float] = -AGAIN  # when the last interrupted fit ended

    def __init__(self) -> None:
        self.asked = False
        self._said = self._mine = False

    def __enter__(self) -> Self:
        plain = (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        )
        if plain and time.monotonic() - Interruption._over > AGAIN:
            signal.signal(signal.SIGINT, self._note)
            self._mine = True
        return self

    def __exit__(self, *_: Any) -> None:
        if self._mine:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            self._mine = False
        if self.asked:
            Interruption._over = time.monotonic()

    def say(self, steps: int, most: int) -> None:
        """Warn, once, that the training ended after so many of the steps that it may take."""
        if not self._said:
            self._said = True
            warn(
                f"Ctrl-C ended the training after {steps:,} of at most {counted(most, 'step')}. "
                "The best so far is kept; fit again to train for longer. Another Ctrl-C ends at "
                "once."
            )

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
