"""What a wheel and an sdist hold, and that it is all they should hold and nothing else."""

import sys
import tarfile
import zipfile
from pathlib import Path

LARGEST_WHEEL = 2_000_000  # bytes
ASSETS = {".css", ".html", ".jinja", ".js", ".md", ".parquet", ".typed"}  # beside Python
OUTER = (
    *("CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md"),
    *("SECURITY.md", "constraints.txt", "constraints-lowest.txt", "pyproject.toml"),
)
FOLDERS = ("benchmarks", "docs", "src", "tests")
MADE = ("__pycache__", ".pyc", ".egg-info", ".DS_Store", ".ipynb_checkpoints")


def built(folder: Path) -> tuple[Path, Path]:
    """The one wheel and the one sdist of a folder."""
    found = [*folder.glob("covey-*.whl"), *folder.glob("covey-*.tar.gz")]
    if len(found) != 2 or found[0].suffix == found[1].suffix:
        names = ", ".join(path.name for path in found) or "nothing"
        sys.exit(f"Expected one wheel and one sdist in {folder}. Found {names}. Run `make wheel`.")
    return found[0], found[1]


def check(wheel: Path, sdist: Path, root: Path) -> None:
    """End unless both packages hold what they should."""
    with zipfile.ZipFile(wheel) as archive:
        inside = archive.namelist()
    with tarfile.open(sdist) as archive:
        outer = {"/".join(name.split("/")[1:]) for name in archive.getnames()}
    faults = [
        *wrong_in_wheel(inside, package(root)),
        *wrong_in_sdist(outer, package(root)),
    ]
    if wheel.stat().st_size > LARGEST_WHEEL:
        faults.append(f"{wheel.name} has {wheel.stat().st_size:,} bytes")
    if faults:
        sys.exit("\n".join(faults))
    for path in (wheel, sdist):
        print(f"{path.name}: {path.stat().st_size:,} bytes, as it should be", flush=True)


def package(root: Path) -> set[str]:
    """Files of the package in the source tree, from `covey/` on."""
    source = root / "src"
    files = (path for path in (source / "covey").rglob("*") if path.is_file())
    return {
        path.relative_to(source).as_posix()
        for path in files
        if not any(made in path.as_posix() for made in MADE)
    }


def wrong_in_wheel(names: list[str], package: set[str]) -> list[str]:
    """What is missing in a wheel, or too much."""
    code = {name for name in names if ".dist-info/" not in name}
    faults = [f"the wheel lacks {name}" for name in sorted(package - code)]
    faults += [f"the wheel holds {name}" for name in sorted(code - package)]
    faults += [
        f"the wheel holds {name}, which is neither Python nor listed in ASSETS"
        for name in sorted(code & package)
        if Path(name).suffix not in {".py", *ASSETS}
    ]
    if not any(name.endswith(".dist-info/licenses/LICENSE") for name in names):
        faults.append("the wheel lacks the license")
    return faults


def wrong_in_sdist(names: set[str], package: set[str]) -> list[str]:
    """What is missing in an sdist, or too much; names as in the tree."""
    expected = {*OUTER, *(f"src/{name}" for name in package), "tests/conftest.py", "docs/index.md"}
    faults = [f"the sdist lacks {name}" for name in sorted(expected - names)]
    allowed = {*OUTER, *FOLDERS, "PKG-INFO", ".gitignore", ""}
    faults += [
        f"the sdist holds {name}"
        for name in sorted(names)
        if name.split("/")[0] not in allowed or any(made in name for made in MADE)
    ]
    return faults


def unpack(sdist: Path, folder: Path) -> Path:
    """Unpack an sdist; returns its only folder."""
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    return folder / sdist.name.removesuffix(".tar.gz")
