"""The tutorial's notebook is its page, executed."""

import json
from textwrap import dedent

import pytest

from tests.notebook import NOTEBOOK, PAGE, cells


@pytest.fixture(scope="module")
def book():
    return json.loads(NOTEBOOK.read_text(encoding="utf-8"))


def text(lines):
    return lines if isinstance(lines, str) else "".join(lines)


def test_page_and_notebook_say_the_same(book):
    """Where this fails: `python -m tests.notebook` writes the notebook anew."""
    found = [(cell["cell_type"], text(cell["source"])) for cell in book["cells"]]
    assert found == cells(PAGE.read_text(encoding="utf-8"))


def test_every_cell_ran_and_none_failed(book):
    code = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell["outputs"]]
    assert all(output["output_type"] != "error" for output in outputs)
    assert any("image/png" in output.get("data", {}) for output in outputs)
    said = "".join(text(output.get("text", "")) for output in outputs)
    assert "Good? Yes" in said
    assert "covey: error" not in said
    assert "CoveyWarning" in said
    assert "site-packages" not in said  # nothing of the machine that it ran on


def test_a_page_is_cut_into_cells():
    page = dedent("""\
        # Title

        Words.

        ```python
        a = 1

        b = 2
        ```
        ```console
        $ covey info a \\
            b
        $ covey info c
        ```

        The end.
        """)
    assert cells(page) == [
        ("markdown", "# Title\n\nWords."),
        ("code", "a = 1\n\nb = 2"),
        ("code", "!covey info a \\\n    b\n!covey info c"),
        ("markdown", "The end."),
    ]
