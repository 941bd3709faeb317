"""The decimal mark of a text file, and its numbers in canonical text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from covey.errors import InputError
from covey.files.cells import MONEY

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["are_thousands", "canonical", "check_decimal", "evidence", "find_decimal", "has_groups"]

# Around a number: a sign, a bound, a currency, a per cent sign, a short unit.
BEFORE = rf"^[\s\x{{a0}}]*(?:[-+(<>~≈−]{{0,2}}\s?{MONEY}?[\s\x{{a0}}]?[-+−]?)?"  # noqa: RUF001
AFTER = r"(?:[eE][-+]?\d+)?[\s\x{a0}]?(?:[^\s\d.,;:/\\-]{0,4})[\s\x{a0}]*$"
SPACE = r" \x{a0}\x{202f}\x{2009}'’"  # noqa: RUF001


def _patterns(mark: str, other: str) -> tuple[str, str, str]:
    """Patterns of numbers with a decimal mark: surely, perhaps, and of thousands alone."""
    grouped = rf"\d{{1,3}}(?:[{other}{SPACE}]\d{{3}})+"
    sure = (
        rf"(?:(?:{grouped}){mark}\d+|\d*{mark}\d{{1,2}}|\d*{mark}\d{{4,}}|0\d*{mark}\d+"
        rf"|\d{{4,}}{mark}\d+|\d{{1,3}}(?:{other}\d{{3}}){{2,}})"
    )
    return (
        f"{BEFORE}{sure}{AFTER}",
        rf"{BEFORE}[1-9]\d{{0,2}}{mark}\d{{3}}{AFTER}",
        f"{BEFORE}{grouped}{AFTER}",
    )


COMMA_SURE, COMMA_PERHAPS, COMMA_GROUPS = _patterns(",", r"\.")
POINT_SURE, POINT_PERHAPS, _ = _patterns(r"\.", ",")
WHOLE = rf"{BEFORE}\d+{AFTER}"


def check_decimal(decimal: str | None) -> None:
    """Refuse what is no decimal mark.

    Args:
        decimal: What the user says.

    Raises:
        InputError: It is neither None, "." nor ",".
    """
    if decimal not in (None, ".", ","):
        raise InputError(f"`decimal` must be '.' or ','. Received: {decimal!r}.")


def find_decimal(columns: Sequence[Any], sep: str, usual: str | None = None) -> tuple[str, str]:
    """The decimal mark of a table, from its first and last cells, or from all if these say nothing.

    Args:
        columns: Arrays of text of pyarrow, one for each column.
        sep: The separator of the file.
        usual: The mark of earlier files, which counts where this one does not tell.

    Returns:
        The mark, "." or ","; and a number that could be read either way, if there is no other
        evidence, else "".
    """
    ends = [_ends(column) for column in columns]
    counted = evidence(ends)
    if not any(counted):
        counted = evidence(columns)
    commas, points = counted
    if commas or points:
        return ("," if commas > points else "."), ""
    return (",", "") if usual == "," else _without_evidence(columns, sep)


def _ends(column: Any, rows: int = 5000) -> Any:
    import pyarrow as pa

    if len(column) <= 2 * rows:
        return column
    return pa.chunked_array([*column[:rows].chunks, *column[len(column) - rows :].chunks])


def evidence(columns: Sequence[Any]) -> tuple[int, int]:
    """Count the cells that tell which decimal mark a table has.

    Args:
        columns: Arrays of text of pyarrow.

    Returns:
        How many are surely numbers with a decimal comma, and how many with a point.
    """
    commas = points = 0
    for column in columns:
        cells = _with(column, r"[.,]")
        own = _count(cells, COMMA_SURE), _count(cells, POINT_SURE)
        # dates and version numbers have points as well: a column of numbers is one of numbers
        if sum(own) >= 0.9 * (
            len(cells) - _count(cells, COMMA_PERHAPS) - _count(cells, POINT_PERHAPS)
        ):
            commas, points = commas + own[0], points + own[1]
    return commas, points


def _without_evidence(columns: Sequence[Any], sep: str) -> tuple[str, str]:
    if sep != ";":
        return ".", ""
    for column in columns:
        if example := _first(column, COMMA_PERHAPS):
            return ",", example
    for column in columns:
        cells = _with(column, r"\.")
        if len(cells) >= 3 and _count(cells, POINT_PERHAPS) == len(cells):
            return ".", _first(column, POINT_PERHAPS)
    return ".", ""


def canonical(column: Any, thousands: bool | None = None) -> Any:
    """Numbers with a decimal comma as programs write them: "1.234,5" becomes "1234.5".

    A cell is judged by itself, so that it reads the same in every file; groups without a comma
    ("1.234") alone need a column in which nothing speaks against thousands.

    Args:
        column: Array of text of pyarrow.
        thousands: Whether nothing does; None to find out, by `are_thousands`.

    Returns:
        An array of the same length.
    """
    import pyarrow.compute as pc

    plain = pc.all(pc.match_substring_regex(column, r"^[-+]?\d*(?:,\d+)?$")).as_py()
    if plain:
        return pc.replace_substring(column, ",", ".")
    if not _count(column, r"[,.]|\d[ \x{a0}\x{202f}\x{2009}'’]\d"):  # noqa: RUF001
        return column
    numbers = _fractions(column)
    if are_thousands(column) if thousands is None else thousands:
        numbers = pc.or_(numbers, pc.match_substring_regex(column, COMMA_GROUPS))
    if not pc.any(numbers).as_py():
        return column
    bare = column
    for _ in range(2):  # groups that share a digit with the one before come in the second round
        bare = pc.replace_substring_regex(bare, rf"(\d)[.{SPACE}](\d{{3}})", r"\1\2")
    return pc.if_else(numbers, pc.replace_substring(bare, ",", "."), column)


def are_thousands(column: Any) -> bool:
    """Whether nothing in a column with a decimal comma speaks against thousands in "1.234".

    Args:
        column: Array of text of pyarrow.
    """
    import pyarrow.compute as pc

    groups = pc.match_substring_regex(column, COMMA_GROUPS)
    whole = pc.match_substring_regex(column, WHOLE)
    known = pc.or_(pc.or_(_fractions(column), groups), whole)
    others = pc.sum(pc.invert(known)).as_py() or 0
    return not _count(column, POINT_SURE) and others <= 0.2 * len(column)


def has_groups(column: Any) -> bool:
    """Whether cells hold groups of digits alone, such as "1.234".

    Args:
        column: Array of text of pyarrow.
    """
    return _count(column, COMMA_GROUPS) > 0


def _fractions(column: Any) -> Any:
    import pyarrow.compute as pc

    return pc.or_(
        pc.match_substring_regex(column, COMMA_SURE),
        pc.match_substring_regex(column, COMMA_PERHAPS),
    )


def _with(column: Any, pattern: str) -> Any:
    import pyarrow.compute as pc

    return pc.filter(column, pc.match_substring_regex(column, pattern))


def _count(column: Any, pattern: str) -> int:
    import pyarrow.compute as pc

    return pc.sum(pc.match_substring_regex(column, pattern)).as_py() or 0


def _first(column: Any, pattern: str) -> str:
    cells = _with(column, pattern)
    return str(cells[0].as_py()) if len(cells) else ""
