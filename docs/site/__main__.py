"""`python -m docs.site`: builds `build/docs`; warnings and broken links are errors."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from sphinx.cmd.build import build_main

from docs.site.check import faults
from docs.site.prepare import PLAIN, ROOT, SECTIONS, SOURCE, Page, prepare

HERE = Path(__file__).parent
BUILT = ROOT / "build" / "docs"
ABOUT = (
    "# Covey\n\n> Joint predictions for tabular data: for every row a mean vector and a full "
    "covariance matrix of several targets, as a distribution to score, sample, condition and "
    "save.\n"
)


def main() -> int:
    """Build, and say what is wrong; returns the exit status."""
    began = time.monotonic()
    pages = prepare()
    ran = time.monotonic()
    shutil.rmtree(BUILT, ignore_errors=True)
    words = ["-b", "html", "-q", "-W", "--keep-going", "-j", "auto", "-c", str(HERE)]
    kept = ["-d", str(ROOT / "build" / "site" / "doctrees")]
    status = build_main([*words, *kept, str(SOURCE), str(BUILT)])
    if status:
        return status
    shutil.copytree(PLAIN, BUILT, dirs_exist_ok=True)
    (BUILT / "llms.txt").write_text("\n".join(_for_programs(pages)), encoding="utf-8")
    wrong = faults(BUILT)
    print(*wrong, sep="\n", file=sys.stderr, end="\n" if wrong else "")
    built = time.monotonic()
    print(f"{len(pages)} pages: {ran - began:.0f} s to run them, {built - ran:.0f} s to build them")
    print(f"Open {(BUILT / 'index.html').relative_to(ROOT)}")
    return 1 if wrong else 0


def _for_programs(pages: dict[str, Page]) -> Iterator[str]:
    """The lines of llms.txt: every page, as Markdown, with its first sentence."""
    yield ABOUT
    for folder, title, _ in (*SECTIONS, ("", "More", "")):
        inside = [p for p in pages if p.rpartition("/")[0].partition("/")[0] == folder]
        if inside:
            yield f"## {title}\n"
            yield from (f"- [{pages[p].title}]({p}): {pages[p].summary}" for p in sorted(inside))
            yield ""


if __name__ == "__main__":
    sys.exit(main())
