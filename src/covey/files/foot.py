"""What stands below the rows of a table: totals, statistics and notes, and no row of data."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from covey.files.cells import kind, kind_of_most
from covey.files.sums import Above, Sums, number_in
from covey.files.totals import is_spread, sums_of_all

if TYPE_CHECKING:
    from collections.abc import Callable

    from covey.files.notes import Notes

__all__ = ["BEFORE", "LAST", "NOTE", "SUM", "begins_like_footer", "footers", "tell_subtotals"]

LAST, BEFORE = 12, 200  # rows at the end that may be notes, and rows above to compare them with

SUM = re.compile(
    r"(grand |overall |sub)?-?(totals?|sum|summe|gesamt|insgesamt|gesamtsumme|somme|totale"
    r"|suma|totaal|summa)\b.{0,20}",
    re.IGNORECASE,
)
MEAN = re.compile(
    r"(grand |overall )?(average|avg|mean|mittelwert|durchschnitt|moyenne|media|promedio)\b.{0,20}",
    re.IGNORECASE,
)
NOTE = re.compile(
    r"(sources?|quellen?|fuente|notes?|remarks?|hinweis|anmerkung(en)?|nota|stand|legend|disclaimer"
    r"|licen[cs]e|as of|updated|last updated?|generated|created|exported|printed)\b.{0,30}?:"
    r"|data from\b|last updated?\b|copyright\b|©|\(c\)|end of\b|eof\b|\(?\d+ rows?\b"
    r"|\*{1,3} ?\w",
    re.IGNORECASE,
)
# What stands beside a mean, and is none that could be told from a row by its values.
STATISTIC = re.compile(
    r"(std|sd|stdev|std\.? ?dev\.?|standard deviation|variance|min(imum)?|max(imum)?|median|count"
    r"|n|sub-?totals?)\b.{0,20}",
    re.IGNORECASE,
)


def footers(
    rows: list[list[str]], above: list[list[str]], apart: int, column: Callable[[int], Any]
) -> tuple[int, str]:
    """Count the rows at the end of a table that are no rows of data.

    Args:
        rows: The last rows, as text, in order.
        above: Some rows above them, to compare with.
        apart: How many of the last rows follow an empty line.
        column: All cells of a column above these rows, by its number: an array of text or of
            numbers of pyarrow.

    Returns:
        How many of the last rows are notes or totals; and the first cell of a row that is kept
        although it begins like one, else "".
    """
    worded = _worded(rows)
    sums = Sums(column, rows)
    count = 0
    for back, row in enumerate(reversed(rows)):
        if not any(row):
            continue  # counts if there is a footer above it
        # beside other totals, or below a row that is but called like one
        blocks = {max(worded, back + 1), back + 1}
        before = {block: above + rows[: len(rows) - block] for block in blocks}
        if any(
            before[block]
            and (
                _is_footer(row, before[block], back < apart, sums.above(block))
                or (sums_of_all(row, before[block], sums.above(block)) and len(row) > 1)
                or is_spread(row, sums, block)
            )
            for block in blocks
        ):
            count = back + 1
        elif back >= worded:
            break
    while 0 < count < len(rows) and not any(rows[-count - 1]):
        count += 1  # what is empty between the table and its footers is none of its rows
    kept = next(filter(None, rows[-count - 1]), "") if count < len(rows) else ""
    before_it = above + rows[: len(rows) - count - 1]
    if (
        kept
        and before_it
        and sums_of_all(rows[-count - 1], before_it, sums.above(count + 1)) is None
    ):
        return count, kept
    looks = any(each.fullmatch(kept) for each in (SUM, MEAN)) or (NOTE.match(kept) and ":" in kept)
    return count, kept if looks and (above or len(rows) > count + 1) else ""


def begins_like_footer(first: str) -> bool:
    """Whether the first cell of a last row is that of a total, a mean or a note.

    Args:
        first: The first cell that is not empty.
    """
    note = NOTE.match(first) is not None and ":" in first
    return note or any(each.fullmatch(first) for each in (SUM, MEAN))


def tell_subtotals(column: Any, notes: Notes) -> None:
    """Note rows between the others that are called subtotals.

    Args:
        column: The first column, an array of text of pyarrow of N rows.
        notes: What is found is added to them.
    """
    import pyarrow.compute as pc

    marked = pc.match_substring_regex(column, r"(?i)^(sub-?totals?|zwischensummen?|sous-total)\b")
    found = pc.filter(column, pc.fill_null(marked, False))
    if 0 < len(found) < len(column) / 2:
        rows = "row that begins" if len(found) == 1 else "rows that begin"
        kept = "is kept as a row" if len(found) == 1 else "are kept as rows"
        notes.add(f"{len(found)} {rows} with {found[0].as_py()!r} {kept}")


def _worded(rows: list[list[str]]) -> int:
    """How many of the last rows begin like a total or a statistic, or are empty."""
    count = 0
    for row in reversed(rows):
        first = next(filter(None, row), "")
        if first and not any(each.fullmatch(first) for each in (SUM, MEAN, STATISTIC)):
            break
        count += 1
    return count if count < len(rows) else 0


def _is_footer(row: list[str], above: list[list[str]], apart: bool, sums: Above) -> bool:
    place = next(number for number, cell in enumerate(row) if cell)
    first, others = row[place], [cell for cell in row[place + 1 :] if cell]
    kinds = [kind_of_most([other[number] for other in above[-200:]]) for number in range(len(row))]
    known = ("number", "date")
    alien = kinds[place] in known and kind(first) == "text"
    strange = [
        kind(cell) == "text"
        for cell, most in zip(row, kinds, strict=True)
        if cell and most in known
    ]
    if SUM.fullmatch(first) or MEAN.fullmatch(first):
        alone = len(row) > 1 and not others and bool(strange or len(row) > place + 1)
        return alien or alone or _sums_up(row, sums, bool(SUM.fullmatch(first)))
    if NOTE.match(first) and kind(first) == "text":
        return alien or apart if len(row) < 2 else apart or not others or any(strange)
    if len(row) < 2:
        return False
    if apart and strange and all(strange):
        return True
    return alien and not others and " " in first


def _sums_up(row: list[str], sums: Above, by_sum: bool) -> bool:
    """Whether most numbers of a row are the sum, or the mean, of the numbers above them."""
    for comma in (False, True):
        right = wrong = 0
        for number, cell in enumerate(row):
            value = number_in(cell, comma=comma)
            if value is None:
                continue
            total, count = sums(number, comma)
            if count < 2:
                continue
            expected = total if by_sum else total / count
            fits = abs(value - expected) <= 1e-3 * abs(expected)
            right, wrong = right + fits, wrong + (not fits)
        if right > 0 and right >= wrong:
            return True
    return False
