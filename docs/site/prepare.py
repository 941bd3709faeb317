"""The folder that Sphinx reads: the pages of `docs/`, with what their blocks show.

The pages on disk are plain Markdown. Here they get what only a site needs: output below blocks,
the reference from docstrings and parser, and tables of contents. A new page in one of the folders
of `SECTIONS` is found without being entered anywhere.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from docs.site import api, command_line
from docs.site.outputs import ROOT, outputs, with_outputs

DOCS = ROOT / "docs"
SOURCE = ROOT / "build" / "site" / "source"
PLAIN = ROOT / "build" / "site" / "plain"  # the same as Markdown for any reader
# Folder, its name in the bar at the top, and what is said where it has no index.md.
SECTIONS = (
    ("tutorial", "Tutorial", "From a table to a decision, step by step."),
    ("how-to", "How-to", "One page for each thing that people do."),
    ("explanation", "Explanation", "Why, and how it works."),
    ("reference", "Reference", "Every name, option, file and message."),
    ("coming-from", "Coming from", "Old words to new ones, for those who know another library."),
    ("gallery", "Gallery", "Short examples with pictures."),
    ("project", "Project", "What changed, and how to change it."),
)
# Pages of the repository outside docs/ that are part of the site.
OUTSIDE = {
    "CHANGELOG.md": "project/changelog.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "SECURITY.md": "project/security.md",
}
_PICTURE = re.compile(r"^!\[([^\]]*)\]\((\S+)-light\.(svg|png)\)$", re.M)  # a dark one
_LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)\s#]+)(#[^)\s]*)?\)")


@dataclass(frozen=True)
class Page:
    """A page of the site.

    Attributes:
        path: below the source, such as "how-to/scores.md".
        text: the Markdown as it is on disk, or as it is generated.
        file: where it is on disk; None if it is generated.
    """

    path: str
    text: str
    file: Path | None = None

    @property
    def title(self) -> str:
        """Its first heading."""
        return re.search(r"^# (.*)$", self.text, re.M)[1]  # type: ignore[index]

    @property
    def summary(self) -> str:
        """Its first sentence."""
        body = self.text.partition("\n# ")[2] if "\n# " in self.text else self.text
        for paragraph in re.split(r"\n\s*\n", body):
            if re.match(r"[A-Za-z*`\"]", paragraph) and not paragraph.startswith("* "):
                plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", " ".join(paragraph.split()))
                return re.split(r"(?<=[.?!])\s", plain)[0]
        return ""


def all_pages() -> dict[str, Page]:
    """Every page by its path, those that are generated too."""
    found = {}
    for file in sorted(DOCS.rglob("*.md")):
        path = file.relative_to(DOCS).as_posix()
        found[path] = Page(path, file.read_text(encoding="utf-8"), file)
    for name, path in OUTSIDE.items():
        found[path] = Page(path, (ROOT / name).read_text(encoding="utf-8"), ROOT / name)
    generated = {**api.pages(), "reference/options": command_line.page()}
    for path, text in generated.items():
        found[f"{path}.md"] = Page(f"{path}.md", text)
    for folder, title, said in SECTIONS:
        if f"{folder}/index.md" not in found and _of(folder, found):
            found[f"{folder}/index.md"] = Page(f"{folder}/index.md", f"# {title}\n\n{said}\n")
    return found


def prepare() -> dict[str, Page]:
    """Write the folders that Sphinx and other readers get."""
    pages = all_pages()
    shown = outputs((page.file for page in pages.values() if page.file), tidy=True)
    for folder in (SOURCE, PLAIN):
        shutil.rmtree(folder, ignore_errors=True)
    for path, page in pages.items():
        text = _linked(page, pages)
        if path.endswith("/index.md"):
            text += _listed(path, text, pages)
        plain = text
        if page.file in shown:
            folder = shown[page.file]
            name = f"_shown/{path.removesuffix('.md')}"
            for place, what in ((SOURCE, "*.svg"), (PLAIN, "*-light.svg")):
                (place / name).mkdir(parents=True)
                for file in folder.glob(what):
                    shutil.copy(file, place / name)
            here = os.path.relpath(name, os.path.dirname(path) or ".")
            text = with_outputs(text, folder, f"/{name}")
            plain = with_outputs(plain, folder, here, plain=True)
        text = _PICTURE.sub(_light_and_dark, text)
        if path == "gallery/index.md":
            text = _with_pictures(text, shown)
        if path == "index.md":
            sections = [f"{folder}/index" for folder, _, _ in SECTIONS]
            text += _contents([*sections[:-1], "benchmarks", sections[-1]], pages)
        elif path.endswith("/index.md"):
            text += _contents(_order(path, text, pages), pages)
        for folder, content in ((SOURCE, text), (PLAIN, plain)):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(content, encoding="utf-8")
    for folder in (SOURCE, PLAIN):
        shutil.copytree(DOCS / "pictures", folder / "pictures")
    return pages


def _light_and_dark(match: re.Match[str]) -> str:
    return "\n".join(
        line
        for mode in ("light", "dark")
        for line in (
            f"```{{image}} {match[2]}-{mode}.{match[3]}",
            f":class: drawn only-{mode}",
            f":alt: {match[1]}",
            "```\n",
        )
    )


def _with_pictures(text: str, shown: dict[Path, Path]) -> str:
    """The list of the gallery, with the last figure of each page in it."""

    def card(match: re.Match[str]) -> str:
        name = match[2].removesuffix(".md")
        figures = sorted(shown[DOCS / "gallery" / match[2]].glob("*-light.svg"), key=_numbers)
        picture = f"![{match[1]}](/_shown/gallery/{name}/{figures[-1].name})"
        drawn = _PICTURE.sub(_light_and_dark, picture).replace(
            ":alt:", f":target: {name}.html\n:alt:"
        )
        return (
            f"`````{{container}} card-of-gallery\n{match[0].removeprefix('* ')}\n\n{drawn}\n`````\n"
        )

    return re.sub(r"^\* \[([^\]]*)\]\(([^)]*)\).*$", card, text, flags=re.M)


def _numbers(file: Path) -> list[int]:
    return [int(each) for each in re.findall(r"\d+", file.name)]


def _of(folder: str, pages: dict[str, Page]) -> list[str]:
    """Paths of the pages of a folder, its index and deeper ones left out; of api, its modules."""
    inside = [p for p in pages if os.path.dirname(p) == folder and not p.endswith("/index.md")]
    below = [p for p in pages if os.path.dirname(os.path.dirname(p)) == folder]
    return sorted(inside) + [p for p in below if p.endswith("/index.md")]


def _order(path: str, text: str, pages: dict[str, Page]) -> list[str]:
    """Pages of the folder of an index: in the order of its links, then all others."""
    folder = os.path.dirname(path)
    linked = [os.path.normpath(os.path.join(folder, match[2])) for match in _LINK.finditer(text)]
    inside = _of(folder, pages)
    order = [each for each in dict.fromkeys(linked) if each in inside]
    return [each.removesuffix(".md") for each in [*order, *(p for p in inside if p not in order)]]


def _listed(path: str, text: str, pages: dict[str, Page]) -> str:
    """Links to the pages that an index does not speak of."""
    folder = os.path.dirname(path)
    linked = {os.path.normpath(os.path.join(folder, m[2])) for m in _LINK.finditer(text)}
    missing = [each for each in _of(folder, pages) if each not in linked]
    lines = [
        f"* [{pages[each].title}]({os.path.relpath(each, folder)}): {pages[each].summary}"
        for each in missing
    ]
    heading = "\n## More\n" if linked else ""
    return "\n".join([heading, *lines, ""]) if lines else ""


def _contents(paths: list[str], pages: dict[str, Page]) -> str:
    names = {f"{folder}/index": title for folder, title, _ in SECTIONS}
    there = [path for path in paths if f"{path}.md" in pages]
    lines = [f"{names[p]} </{p}>" if p in names else f"/{p}" for p in there]
    return "\n".join(["\n```{toctree}", ":hidden:", "", *lines, "```", ""]) if there else ""


def _linked(page: Page, pages: dict[str, Page]) -> str:
    """The text of a page, its links as they are on the site; those to other files are code."""
    if page.file is None or page.file.parent == DOCS / os.path.dirname(page.path):
        home = DOCS / os.path.dirname(page.path)
    else:
        home = page.file.parent
    places = {(DOCS / path).resolve(): path for path in pages}
    places.update({ROOT / name: path for name, path in OUTSIDE.items()})
    places[ROOT / "README.md"] = "index.md"

    def replaced(match: re.Match[str]) -> str:
        words, target, anchor = match[1], match[2], match[3] or ""
        if "://" in target or target.startswith("mailto:"):
            return match[0]
        file = (home / target).resolve()
        if file in places:
            here = os.path.relpath(places[file], os.path.dirname(page.path) or ".")
            return f"[{words}]({here}{anchor})"
        if not file.exists():
            raise FileNotFoundError(f"{page.path} links to {target}, and nothing is there.")
        return words

    parts = re.split(r"(^\s*```.*?^\s*```\s*$)", page.text, flags=re.M | re.S)
    return "".join(p if i % 2 else _LINK.sub(replaced, p) for i, p in enumerate(parts))
