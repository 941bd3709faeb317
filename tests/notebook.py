"""The tutorial as a notebook: `python -m tests.notebook` runs the page and writes what it prints.

The page is what people edit. Needs `pip install -e ".[jax,report,notebook]"`.
"""

import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.test_docs import ROOT, blocks

PAGE = ROOT / "docs" / "tutorial" / "air-quality.md"
NOTEBOOK = PAGE.with_suffix(".ipynb")
PLACES = re.compile(r'[^\s"]*[/\\]ipykernel_\d+[/\\]\d+\.py')  # of cells; differ from run to run


def cells(page: str) -> list[tuple[str, str]]:
    """Cut a page into cells.

    Args:
        page: its Markdown. Blocks of `console` become lines that a notebook hands to the shell.

    Returns:
        Pairs of "markdown" or "code" and the text.
    """
    lines, found, start = page.splitlines(), [], 0
    for block in blocks(page):
        if block.language not in ("python", "console"):
            continue
        found.append(("markdown", "\n".join(lines[start : block.line - 1])))
        code = block.code if block.language == "python" else re.sub("(?m)^[$] ", "!", block.code)
        found.append(("code", code.rstrip("\n")))
        start = block.line + block.code.count("\n") + 1
    found.append(("markdown", "\n".join(lines[start:])))
    return [(kind, text.strip("\n")) for kind, text in found if text.strip()]


def run(parts: list[tuple[str, str]]) -> Any:
    """Run cells in a new folder.

    Args:
        parts: what `cells` returned.

    Returns:
        The notebook, of `nbformat`, with outputs.
    """
    import nbformat
    from nbclient import NotebookClient

    make = {"markdown": nbformat.v4.new_markdown_cell, "code": nbformat.v4.new_code_cell}
    book = nbformat.v4.new_notebook(
        cells=[make[kind](text, id=f"cell-{i}") for i, (kind, text) in enumerate(parts)],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    # `!covey` is the one of this Python
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(book, timeout=600, resources={"metadata": {"path": folder}}).execute()
    for cell in book.cells:
        cell.metadata.clear()  # when it ran
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if _of_the_page(output)]
    return book


def _of_the_page(output: Any) -> bool:
    """Whether it is more than a warning about the machine that the notebook ran on."""
    return output.get("name") != "stderr" or PLACES.search(output.text) is not None


def main() -> None:
    """Write the notebook beside its page."""
    import nbformat

    book = run(cells(PAGE.read_text(encoding="utf-8")))
    NOTEBOOK.write_text(PLACES.sub("cell.py", nbformat.writes(book)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
