"""The reference is complete, in names, options and errors, and quotes what is said."""

import argparse
import ast
import re
from pathlib import Path

import pytest

import covey
from covey import errors
from docs.site import api, command_line
from docs.site.prepare import all_pages
from tests import public

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"


@pytest.fixture(scope="module")
def described():
    """Full names that the pages of the API describe."""
    opening = re.compile(r"^`{3,}\{py:(?!currentmodule)\w+\} ([\w.]+)", re.M)
    return {name for text in api.pages().values() for name in opening.findall(text)}


def test_every_public_name_is_in_the_reference(described):
    lines = public.LIST.read_text(encoding="utf-8").splitlines()
    names = {re.split(r"[(: ]", line)[0] for line in lines if ": covey." not in line}
    assert len(names) > 200
    assert sorted(names - described) == []


def test_nothing_else_is(described):
    lines = public.LIST.read_text(encoding="utf-8").splitlines()
    names = {re.split(r"[(: ]", line)[0] for line in lines}
    modules = {"covey", *(f"covey.{each}" for each in api.MODULES if each)}
    assert sorted(described - names - modules) == []


def test_every_command_and_option_is_in_the_reference():
    page = command_line.page()
    for name, parser in command_line.parsers().items():
        section = page.partition(f"\n## covey {name}".rstrip() + "\n")[2].partition("\n## ")[0]
        assert section, f"no section for covey {name}"
        for action in parser._actions:
            if not isinstance(action, argparse._SubParsersAction):
                shown = action.option_strings or [action.metavar or action.dest]
                for option in shown:
                    assert re.search(rf"(?<![\w-]){re.escape(str(option))}(?![\w-])", section), (
                        f"covey {name}: {option}"
                    )


def test_every_kind_of_error_and_warning_has_its_cure():
    page = (REFERENCE / "troubleshooting.md").read_text(encoding="utf-8")
    kinds = [n for n in errors.__all__ if issubclass(getattr(errors, n), Exception)]
    assert kinds == errors.__all__
    for name in kinds:
        assert f"| `{name}` |" in page
    headings = " ".join(re.findall(r"^## (.*)$", page, re.M))
    for name in set(kinds) - {"CoveyError"}:
        assert f"`{name}`" in headings


def test_messages_are_quoted_as_they_are():
    page = (REFERENCE / "troubleshooting.md").read_text(encoding="utf-8")
    quoted = re.findall(r'^\| "(.*?)"', page, re.M)
    assert len(quoted) > 40
    said = []
    for file in sorted(Path(covey.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                said.append("".join(_text(part) for part in node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                said.append(node.value)
    everything = "\n".join(" ".join(each.split()) for each in said)
    assert [words for words in quoted if words not in everything] == []


def _text(part):
    return part.value if isinstance(part, ast.Constant) else "{}"


def test_the_front_page_repeats_the_benchmark():
    """Its figures are those of the table at a glance."""
    front = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    bench = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    density = "best density (negative log-likelihood) of all"
    shares = {
        "best density of all (negative log-likelihood)": density,
        "best energy score of all": "best energy score of all",
        "a mean within 2% of the best of all": "RMSE within 2% of the best of all",
    }
    for here, there in shares.items():
        measured = re.search(rf"^\| {re.escape(there)} \|.*\| (\d+ of \d+) \|$", bench, re.M)[1]
        assert f"| {here} | {measured} |" in front
    row = re.search(r"^\| RMSE within 2% .*\| `(\w+)` \| [^|]* \| ([\d.]+%) \|", bench, re.M)
    assert f"{row[2]} behind, on `{row[1]}`" in front


def test_every_page_has_a_title_and_a_first_sentence():
    pages = all_pages()
    assert {"index.md", "reference/options.md", "reference/api/covey.JointRegressor.md"} <= set(
        pages
    )
    assert [path for path, page in pages.items() if not page.title] == []
    assert [path for path, page in pages.items() if page.file and not page.summary] == []
