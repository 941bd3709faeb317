"""Every block of code on every page: Python runs, commands parse."""

import re
import shlex
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from docs.site.blocks import Block, blocks
from docs.site.outputs import kept

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def commands(code):
    """Return the arguments of each `$ covey ...` in a console block."""
    found = []
    for line in code.replace("\\\n", " ").splitlines():
        if line.startswith("$ "):
            lexer = shlex.shlex(line[2:], posix=True, punctuation_chars=True)
            lexer.whitespace_split = True
            words = list(lexer)
            # Variables before the command, and pipes or redirections after it, are the shell's.
            while words and re.match(r"[A-Z_]+=", words[0]):
                words.pop(0)
            end = next((i for i, word in enumerate(words) if set(word) <= set("|&;<>")), None)
            if words[:1] == ["covey"]:
                found.append(words[1:end])
    return found


# pages predict later rows than those they train on, to be quick
@pytest.mark.filterwarnings("ignore:Of .* in training:covey.errors.CoveyWarning")
@each_page
def test_python_blocks_run(page, tmp_path, monkeypatch):
    if kept(page):  # by `make docs`, with this very code
        return
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "__main__"}
    for block in blocks(page.read_text(encoding="utf-8")):
        if block.language == "python":
            # The empty lines make a traceback point to the line on the page.
            code = compile("\n" * block.line + block.code, str(page), "exec")
            if block.run:
                exec(code, namespace)
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@each_page
def test_covey_is_imported_before_keras(page):
    """Who follows a page with jax alone, and no variable set, has a backend then."""
    code = "".join(
        b.code for b in blocks(page.read_text(encoding="utf-8")) if b.language == "python"
    )
    order = re.findall(r"^(?:import|from) (covey|keras)\b", code, re.M)
    assert order[:1] != ["keras"]


@each_page
def test_commands_parse(page):
    for block in blocks(page.read_text(encoding="utf-8")):
        for arguments in commands(block.code) if block.language == "console" else ():
            from covey.cli import parser

            try:
                parser().parse_args(arguments)
            except SystemExit as end:
                if end.code:  # 0 is `--help`
                    command = shlex.join(["covey", *arguments])
                    pytest.fail(f"{page}:{block.line}: `{command}` does not parse")


def test_the_readme_is_a_front_page():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


def test_constraints_are_exact_versions():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = [line for line in lines if line and not line.startswith("#")]
    assert pinned
    assert [line for line in pinned if not re.fullmatch(r"[\w.-]+==[\w.!]+", line)] == []
    names = [re.sub(r"[-_.]+", "-", line.partition("==")[0]).lower() for line in pinned]
    assert len(set(names)) == len(names)


def test_blocks_are_found_where_they_are():
    page = dedent("""\
        # Title
        ```python
        a = 1
        ```
        <!-- no-run -->

        ```python
        b = 2
        ```
        text, then another
        ```python
        if a:
            c = 3
        ```
        1. a list
           ```console
           $ covey info
           ```
        ````text
        ```python
        not code
        ```
        ````
        """)
    assert blocks(page) == [
        Block("python", 2, "a = 1\n", True),
        Block("python", 7, "b = 2\n", False),
        Block("python", 11, "if a:\n    c = 3\n", True),
        Block("console", 16, "$ covey info\n", True),
        Block("text", 19, "```python\nnot code\n```\n", True),
    ]


def test_commands_are_read_as_a_shell_would():
    code = dedent("""\
        $ pip install covey
        $ covey fit "my air.csv" --targets CO,NO2 \\
            --output air.covey  # a comment
        fitted 5 members
        $ KERAS_BACKEND=torch covey info air.covey | head > out.txt
        """)
    assert commands(code) == [
        ["fit", "my air.csv", "--targets", "CO,NO2", "--output", "air.covey"],
        ["info", "air.covey"],
    ]


def test_a_block_that_never_ends_is_an_error():
    with pytest.raises(AssertionError, match="line 1 never ends"):
        blocks("```python\na = 1\n")
