"""Checks of what was built: links lead somewhere, and nothing is fetched from outside."""

from __future__ import annotations

from collections.abc import Iterable
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {"img": "src", "script": "src", "iframe": "src", "source": "src", "link": "href"}
NOT_LOADED = {"canonical", "author", "license", "next", "prev", "search", "index"}  # of <link rel=>


class Reader(HTMLParser):
    """The anchors of a page, the links in it, and what it loads."""

    def __init__(self) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: Iterable[tuple[str, str | None]]) -> None:
        """Note what a tag says."""
        given = dict(attrs)
        self.anchors.update(given[key] or "" for key in ("id", "name") if key in given)
        if tag == "a" and given.get("href"):
            self.links.append(given["href"] or "")
        elif tag in LOADED and given.get(LOADED[tag]) and given.get("rel") not in NOT_LOADED:
            self.loaded.append(given[LOADED[tag]] or "")


def faults(folder: Path) -> list[str]:
    """What is wrong with the pages of a folder, a line each."""
    pages = {}
    for file in folder.rglob("*.html"):
        if "_static" not in file.relative_to(folder).parts:
            pages[file.resolve()] = Reader()
            pages[file.resolve()].feed(file.read_text(encoding="utf-8"))
    found = []
    for file, page in sorted(pages.items()):
        name = file.relative_to(folder.resolve())
        for link in page.loaded:
            if urlsplit(link).netloc:
                found.append(f"{name} loads {link}")
        for link in [*page.links, *page.loaded]:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            anchors = pages[target].anchors if target in pages else {parts.fragment}
            if not target.exists():
                found.append(f"{name} links to {link}, and nothing is there")
            elif parts.fragment and not {parts.fragment, unquote(parts.fragment)} & anchors:
                found.append(f"{name} links to {link}, which has no such place")
    for sheet in folder.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8", errors="replace")
        for start in ("url(http", 'url("http', "url('http", "url(//", '@import "http'):
            if start in text:
                found.append(f"{sheet.relative_to(folder)} loads something by {start}")
    return found
