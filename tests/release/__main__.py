"""Try what is released outside the tree: `python -m tests.release wheel`, `lowest` or `extras`.

`make wheel` has built both packages into dist/ before. Needs nothing but Python and pip.
"""

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.release import contents, environment, extras

ROOT = Path(__file__).parents[2]
# What meets every dependency and takes a few minutes: tables and files of all kinds, NumPy and
# SciPy, models on disk, fits with trees, pictures, the report, files by the number, the server, the
# Keras blocks.
LOWEST_TESTS = (
    *("algebra", "archive", "arguments", "bulk", "files", "fitted", "plot", "report", "serve"),
    "table",
    *("test_any_frame.py", "test_demo.py", "test_layers.py", "test_losses.py", "test_scorers.py"),
)
# Old versions warn of newer ones that they depend on, and are right to.
LOWEST_OPTIONS = ("-W", "ignore::DeprecationWarning", "-W", "ignore::PendingDeprecationWarning")


def main() -> None:
    """Run one of the three, in a folder that is removed if all is well."""
    parser = argparse.ArgumentParser(prog="python -m tests.release", description=__doc__)
    parser.add_argument("what", choices=("wheel", "lowest", "extras"))
    parser.add_argument("chosen", nargs="*", help="tests to run, or extras to try; all by default")
    options = parser.parse_args()
    wheel, sdist = contents.built(ROOT / "dist")
    contents.check(wheel, sdist, ROOT)
    folder = Path(tempfile.mkdtemp(prefix="covey-release-"))
    if ROOT in folder.parents:
        sys.exit(f"{folder} is within the tree: set TMPDIR to a folder outside it.")
    started = time.monotonic()
    print(f"in {folder}", flush=True)
    if options.what == "extras":
        extras.try_each(folder, wheel, ROOT, options.chosen)
    else:
        lowest = options.what == "lowest"
        tests = options.chosen or [f"tests/{name}" for name in LOWEST_TESTS if lowest]
        pins = ROOT / ("constraints-lowest.txt" if lowest else "constraints.txt")
        python = environment.create(folder / "environment", wheel, "jax,test", pins)
        tree = contents.unpack(sdist, folder)
        shutil.rmtree(tree / "src")  # what is left can only test what is installed
        environment.run_tests(python, tree, tests, LOWEST_OPTIONS if lowest else ())
    shutil.rmtree(folder)
    print(f"{options.what}: all is well, in {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
