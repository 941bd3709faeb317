"""Runs the Python blocks of one page, as a notebook would, and keeps what they show."""

from __future__ import annotations

import ast
import io
import json
import os
import re
import sys
import tempfile
import warnings
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from docs.site.blocks import Block, blocks
from docs.site.figures import SETTINGS, described, pictures

MOST_LINES = 60  # of what a block prints


def run_page(page: Path, folder: Path) -> None:
    """Run a page's blocks in one namespace, and write what they show to a folder.

    Args:
        page: the Markdown.
        folder: where `shown.json` and the pictures go. The former holds, for the line of each
            block, its "text" and its "figures": file names without `-light.svg`, and what
            they show.
    """
    shown = {}
    namespace: dict[str, Any] = {"__name__": "__main__"}
    with _place():
        for block in blocks(page.read_text(encoding="utf-8")):
            if block.language == "python" and block.run:
                text, figures = _run(block, page, namespace)
                names = []
                for number, (drawn, words) in enumerate(figures):
                    name = f"{block.line}-{number}"
                    for mode, svg in drawn.items():
                        (folder / f"{name}-{mode}.svg").write_text(svg, encoding="utf-8")
                    names.append([name, words])
                if text or names:
                    shown[block.line] = {"text": text, "figures": names}
    (folder / "shown.json").write_text(json.dumps(shown, indent=1), encoding="utf-8")


@contextmanager
def _place() -> Any:
    """An empty working folder, and settings that suit a page; as before afterwards."""
    import matplotlib
    import numpy as np
    import pandas as pd

    before = os.getcwd()
    tables = ("display.width", 84, "display.max_columns", 8, "display.max_rows", 8)
    with (
        tempfile.TemporaryDirectory() as folder,
        np.printoptions(precision=3, suppress=True, threshold=24, edgeitems=2, linewidth=84),
        pd.option_context(*tables, "display.precision", 3),
        warnings.catch_warnings(),
        matplotlib.rc_context(SETTINGS),
    ):
        warnings.resetwarnings()
        warnings.simplefilter("ignore")
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)
            if "matplotlib.pyplot" in sys.modules:
                sys.modules["matplotlib.pyplot"].close("all")


def _run(block: Block, page: Path, namespace: dict[str, Any]) -> tuple[str, list[Any]]:
    """What a block prints, and its figures: pairs of pictures and what they show."""
    # The empty lines make a traceback point to the line on the page.
    tree = ast.parse("\n" * block.line + block.code, str(page))
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    out, figures = io.StringIO(), _Figures()
    try:
        with redirect_stdout(out), redirect_stderr(io.StringIO()), figures.kept_when_closed():
            exec(compile(tree, str(page), "exec"), namespace)
            if isinstance(last, ast.Expr):
                value = eval(compile(ast.Expression(last.value), str(page), "eval"), namespace)
                out.write(_echo(value))
            sys.modules["matplotlib.pyplot"].close("all")  # which keeps them
    except Exception as error:
        raise RuntimeError(f"{page}, the block in line {block.line}") from error
    return _tidy(out.getvalue()), figures.kept


class _Figures:
    """The figures of a block, in the order they were made, also those that it closes."""

    def __init__(self) -> None:
        self.kept: list[Any] = []

    def keep_open_ones(self) -> None:
        pyplot = sys.modules.get("matplotlib.pyplot")
        for number in pyplot.get_fignums() if pyplot else ():
            figure = pyplot.figure(number)
            if figure.axes:
                self.kept.append((pictures(figure), described(figure)))

    @contextmanager
    def kept_when_closed(self) -> Any:
        from matplotlib import pyplot

        close = pyplot.close

        def keep_and_close(fig: Any = None) -> None:
            if fig == "all":
                self.keep_open_ones()
            close(fig)

        pyplot.close = keep_and_close
        try:
            yield
        finally:
            pyplot.close = close


def _echo(value: Any) -> str:
    """The last value of a block as text; nothing of pictures, nor of what says only its name."""
    text = "" if value is None or _is_drawn(value) or hasattr(value, "fit") else repr(value)
    return "" if not text or " at 0x" in text else text + "\n"


def _is_drawn(value: Any) -> bool:
    """Whether this is a part of a picture, or holds some."""
    if isinstance(value, list | tuple | dict) or type(value).__name__ == "ndarray":
        inside = value.values() if isinstance(value, dict) else getattr(value, "flat", value)
        return any(_is_drawn(each) for each in inside if not isinstance(each, int | float | str))
    return type(value).__module__.startswith("matplotlib")


def _tidy(text: str) -> str:
    """What is left on a terminal: the last state of each line, and not too many lines."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    lines = [line.rpartition("\r")[2].rstrip() for line in text.strip("\n").splitlines()]
    if len(lines) > MOST_LINES:
        lines = [*lines[: MOST_LINES - 1], f"... ({len(lines) - MOST_LINES + 1} more lines)"]
    return "\n".join(lines)
