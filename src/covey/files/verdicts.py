"""What a large text file means by its cells, judged once, so that all its stretches read alike."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from covey.errors import InputError, counted
from covey.files.foot import begins_like_footer
from covey.files.numerals import are_thousands, canonical, evidence, has_groups
from covey.files.text import behind_marks, have_comments, without_comments

__all__ = ["FOOT", "Verdicts", "footer_in"]

FOOT = "It looks like a total or a note below the rows: it begins with {!r}."  # of a last row


@dataclass(frozen=True)
class Verdicts:
    """How the cells of a file are to be taken, as its beginning and its end tell.

    Attributes:
        name: What messages call the file.
        names: One for each column.
        decimal: Its decimal mark.
        sure: Whether some cell tells which mark it is, or the user said it.
        thousands: For each column, whether "1.234" is a number of thousands where "," is the mark.
        comments: Whether rows that begin with "#" are comments.
        marked: Whether some rows begin with "#" and are none.
        as_written: Names of columns whose numbers keep their decimal comma.
    """

    name: str
    names: tuple[str, ...]
    decimal: str
    sure: bool
    thousands: tuple[bool, ...]
    comments: bool
    marked: bool
    as_written: Collection[str]

    @classmethod
    def of(
        cls,
        name: str,
        names: tuple[str, ...],
        columns: Sequence[Any],
        decimal: str,
        sure: bool,
        as_written: Collection[str] = (),
    ) -> Verdicts:
        """Judge a file by its beginning and its end.

        Args:
            name: What messages call it.
            names: One for each column.
            columns: Arrays of text of pyarrow, of these rows.
            decimal: The decimal mark.
            sure: Whether that is known.
            as_written: Names of columns whose numbers keep their decimal comma.
        """
        import pyarrow.compute as pc

        comments = have_comments(columns[0])
        marked = not comments and bool(pc.any(behind_marks(columns[0])).as_py())
        thousands = [decimal == "," and are_thousands(column) for column in columns]
        return cls(name, names, decimal, sure, tuple(thousands), comments, marked, as_written)

    def without_comments(self, columns: list[Any], whole: bool) -> list[Any]:
        """Leave out rows that are comments.

        Args:
            columns: Arrays of text of pyarrow, of a stretch of the file.
            whole: Whether it is all of the file, which then tells by itself.

        Returns:
            The columns without these rows.

        Raises:
            InputError: Most rows of the stretch would be none.
        """
        if whole:
            return without_comments(columns)[0]
        found, count = without_comments(columns, self.comments)
        if count > len(columns[0]) / 2:
            raise InputError(
                f"Expected few comments in {self.name}, as where it begins and ends. Received "
                f"{count:,} of {counted(len(columns[0]), 'row')} that begin with '#'. Take them "
                "out of the file if they are comments; else name the first column something else "
                "than '#...'."
            )
        return found

    def is_comment(self, line: str) -> bool:
        """Whether a line of too many or too few cells is a comment.

        Args:
            line: Its text.
        """
        return line.lstrip().startswith("#") and not self.marked

    def numbers(self, place: int, column: Any, whole: bool) -> Any:
        """The numbers of a column as programs write them.

        Args:
            place: Which column it is.
            column: Array of text of pyarrow, of a stretch of the file.
            whole: Whether it is all of the file, which then tells by itself.

        Returns:
            An array of the same length.

        Raises:
            InputError: The stretch speaks for other numbers than the file does.
        """
        if self.decimal != "," or self.names[place] in self.as_written:
            return column
        own = are_thousands(column)
        if not whole and own != self.thousands[place] and has_groups(column):
            raise InputError(
                f"Expected numbers of {self.names[place]!r} to mean in all of {self.name} what "
                "they mean where it begins and ends. Received others with a point and three "
                "digits, as in 1.234, which may be thousands or not. Write this column without "
                "thousands, or the file as Parquet."
            )
        return canonical(column, own if whole else self.thousands[place])

    def check_decimal(self, columns: Sequence[Any], wanted: Sequence[str]) -> None:
        """Refuse another decimal mark than the beginning and the end of the file let expect.

        Args:
            columns: Arrays of text of pyarrow, of a stretch of the file.
            wanted: Names of those that are looked at.

        Raises:
            InputError: Cells in between have another one.
        """
        if self.sure:
            return
        own = [c for n, c in zip(self.names, columns, strict=True) if n in wanted]
        commas, points = evidence(own)
        if (commas > points) if self.decimal == "." else (points > commas):
            other = "," if self.decimal == "." else "."
            raise InputError(
                f"Expected numbers with {self.decimal!r} for decimals in {self.name}, as at its "
                f"beginning and end. Received others with {other!r} in between. Pass `decimal`."
            )


def footer_in(columns: Sequence[Any], row: int) -> str:
    """The first cell of a last row that is like that of a total or a note, and of no other row.

    Args:
        columns: Arrays of text of pyarrow.
        row: Number of the row.

    Returns:
        The cell; "" if the row does not begin so.
    """
    import pyarrow.compute as pc

    for column in columns:
        if cell := str(column[row].as_py() or "").strip():
            if not begins_like_footer(cell) or (pc.sum(pc.equal(column, cell)).as_py() or 0) > 1:
                return ""
            return cell
    return ""
