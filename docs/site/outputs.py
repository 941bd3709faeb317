"""What the blocks of all pages show: computed side by side, kept until a page or Covey changes."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import shutil
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

from docs.site.blocks import blocks
from docs.site.run_page import run_page
from tests.surroundings import surround

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "build" / "site" / "outputs"


def outputs(pages: Iterable[Path], *, tidy: bool = False) -> dict[Path, Path]:
    """Run the pages whose results are not kept yet.

    Args:
        pages: paths of Markdown.
        tidy: whether these are all pages, so that what is kept of others can go.

    Returns:
        The folder of what each page that has Python blocks shows.
    """
    base = _of_covey()
    folders = {page: KEPT / _key(page, base) for page in pages if _runs(page)}
    waiting = [page for page, folder in folders.items() if not folder.is_dir()]
    for old in set(KEPT.glob("*")) - set(folders.values()) if tidy else ():
        shutil.rmtree(old)
    os.environ.setdefault("MPLBACKEND", "Agg")
    surround()
    # Longer pages first, so that no process is left alone with one at the end.
    waiting.sort(key=lambda page: -page.read_text(encoding="utf-8").count(".fit("))
    processes = min(len(waiting), 4, len(os.sched_getaffinity(0)))
    if waiting:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(processes, mp_context=context) as pool:
            for page in pool.map(_run, waiting, [folders[page] for page in waiting]):
                print(f"ran {page.relative_to(ROOT)}", flush=True)
    return folders


def kept(page: Path) -> bool:
    """Whether the blocks of a page ran already, with Covey and the page as they are now."""
    return (KEPT / _key(page, _of_covey())).is_dir()


def with_outputs(text: str, folder: Path, pictures: str, *, plain: bool = False) -> str:
    """A page with what its blocks show put below each of them.

    Args:
        text: the Markdown.
        folder: one of those of `outputs`.
        pictures: where the pictures will lie, as the page links to them.
        plain: Markdown that any reader understands, rather than that of Sphinx.
    """
    shown: dict[str, Any] = json.loads((folder / "shown.json").read_text(encoding="utf-8"))
    lines = text.splitlines()
    for block in reversed(blocks(text)):
        if block.language == "python" and str(block.line) in shown:
            below = _below(shown[str(block.line)], pictures, plain)
            lines[block.end : block.end] = [block.indent + line if line else "" for line in below]
    return "\n".join(lines) + "\n"


def _below(shown: dict[str, Any], pictures: str, plain: bool) -> list[str]:
    found = []
    if shown["text"]:
        opening = ["````text"] if plain else ["````{code-block} text", ":class: output", ""]
        found += ["", *opening, *shown["text"].splitlines(), "````"]
    for name, words in shown["figures"]:
        if plain:
            found += ["", f"![{words}]({pictures}/{name}-light.svg)"]
        else:
            for mode in ("light", "dark"):
                found += ["", f"```{{image}} {pictures}/{name}-{mode}.svg"]
                found += [f":class: drawn only-{mode}", f":alt: {words}", "```"]
    return [*found, ""]


def _runs(page: Path) -> bool:
    return any(b.language == "python" and b.run for b in blocks(page.read_text(encoding="utf-8")))


@cache
def _of_covey() -> bytes:
    """A hash of all that the results of a page depend on, but the page."""
    found = hashlib.sha256((ROOT / "constraints.txt").read_bytes())
    own = [Path(__file__).parent / name for name in ("blocks.py", "figures.py", "run_page.py")]
    for file in sorted((ROOT / "src").rglob("*.py")) + own:
        found.update(file.read_bytes())
    return found.digest()


def _key(page: Path, base: bytes) -> str:
    found = hashlib.sha256(base)
    for block in blocks(page.read_text(encoding="utf-8")):
        if block.language == "python":
            found.update(f"{block.line} {block.run} {block.code}".encode())
    return f"{page.stem}-{found.hexdigest()[:16]}"


def _run(page: Path, folder: Path) -> Path:
    part = folder.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    run_page(page, part)
    part.rename(folder)
    return page
