"""How pages on disk become pages of the site, without Sphinx."""

import json
from textwrap import dedent

import pytest

from docs.site.check import faults
from docs.site.docstrings import to_markdown
from docs.site.figures import DARK, LIGHT, SETTINGS, described, pictures
from docs.site.outputs import with_outputs
from docs.site.run_page import run_page


@pytest.fixture
def ran(tmp_path):
    def of(text):
        page = tmp_path / "page.md"
        page.write_text(dedent(text), encoding="utf-8")
        run_page(page, tmp_path)
        return json.loads((tmp_path / "shown.json").read_text(encoding="utf-8"))

    return of


def test_a_block_shows_what_it_prints_and_its_last_value(ran):
    shown = ran("""\
        ```python
        a = 1
        print("hello")
        a + 1
        ```
        ```python
        a + 2
        b = a
        ```
        <!-- no-run -->
        ```python
        1 / 0
        ```
        ```python
        b + 9
        ```
        """)
    assert {line: each["text"] for line, each in shown.items()} == {"1": "hello\n2", "14": "10"}


def test_a_block_that_fails_is_named(ran):
    with pytest.raises(RuntimeError, match=r"page\.md, the block in line 2"):
        ran("text\n```python\n1 / 0\n```\n")


def test_figures_are_kept_though_a_block_closes_them(ran, tmp_path):
    shown = ran("""\
        ```python
        from matplotlib import pyplot as plt
        figure, ax = plt.subplots()
        ax.set_title("one")
        plt.close("all")
        plt.figure().add_subplot().set_title("two")
        ```
        """)
    assert shown["1"]["text"] == ""
    assert [words for _, words in shown["1"]["figures"]] == ["Figure: one", "Figure: two"]
    assert (tmp_path / "1-1-dark.svg").is_file()


def test_a_figure_is_light_and_dark():
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(SETTINGS):
        figure = Figure()
        ax = figure.add_subplot()
        ax.plot([0, 1], color="#0072B2")
        ax.set(xlabel="CO", ylabel="NO2")
        drawn = pictures(figure)
        assert described(figure) == "Figure: CO; NO2"
    ink, other = set(LIGHT.values()), set(DARK.values())
    assert all(colour in drawn["light"] for colour in ink)
    assert all(colour in drawn["dark"] and colour not in drawn["light"] for colour in other)
    assert not any(colour in drawn["dark"] for colour in ink)
    assert all("#0072b2" in svg for svg in drawn.values())


def test_output_comes_below_its_block_also_in_a_list(tmp_path):
    shown = {"2": {"text": "out", "figures": []}}
    (tmp_path / "shown.json").write_text(json.dumps(shown), encoding="utf-8")
    page = "1. do\n   ```python\n   1\n   ```\n2. then\n"
    assert with_outputs(page, tmp_path, "p", plain=True) == (
        "1. do\n   ```python\n   1\n   ```\n\n   ````text\n   out\n   ````\n\n2. then\n"
    )


def test_docstrings_become_markdown():
    text = dedent("""\
        First line.

        Args:
            x: array of shape (N, D),
                in units.
            **more: passed on.

        Returns:
            A number,
            in nats.

        Raises:
            InputError: it is wrong.

        References:
            Kish (1965), Survey
            Sampling.
            Rao (1973).
        """)
    assert to_markdown(text) == (
        "First line.\n\n:param x: array of shape (N, D), in units.\n:param more: passed on.\n\n"
        ":returns: A number, in nats.\n\n:raises InputError: it is wrong.\n\n"
        "**References**\n\n* Kish (1965), Survey Sampling.\n* Rao (1973)."
    )


def test_faults_of_what_was_built_are_found(tmp_path):
    (tmp_path / "b.html").write_text('<p id="here">')
    (tmp_path / "a.html").write_text(
        '<a href="b.html#here"></a><a href="b.html#gone"></a><a href="c.html"></a>'
        '<a href="https://example.org"></a><script src="https://example.org/x.js"></script>'
    )
    assert faults(tmp_path) == [
        "a.html loads https://example.org/x.js",
        "a.html links to b.html#gone, which has no such place",
        "a.html links to c.html, and nothing is there",
    ]
