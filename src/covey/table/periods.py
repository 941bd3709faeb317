"""Periods of pandas, such as months: what pyarrow has to know of them, and when they begin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from covey.arguments.labels import row_name
from covey.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


def know_periods() -> None:
    """Have pyarrow know periods, which it takes for whole numbers in a process that met none."""
    import pandas as pd
    import pyarrow as pa

    pa.array(pd.PeriodIndex([], freq="D"))


def starts(column: pd.Series) -> pd.Series:
    """The first moment of each period in a column.

    Args:
        column: N periods, or N cells some of which are; the others are left as they are.

    Raises:
        InputError: one begins where pandas has no dates.
    """
    import pandas as pd

    if isinstance(column.dtype, pd.PeriodDtype):
        try:
            found = column.dt.to_timestamp()
            if ((found.dt.to_period(column.dtype.freq) == column) | column.isna()).all():
                return found
        except (ValueError, OverflowError):
            pass  # which it is, is found below
    cells = [_start(column, row, cell) for row, cell in enumerate(column)]
    return pd.Series(cells, column.index, dtype=object, name=column.name)


def _start(column: pd.Series, row: int, cell: Any) -> Any:
    import pandas as pd

    if not isinstance(cell, pd.Period):
        return cell
    try:
        found = cell.to_timestamp()
        if found.to_period(cell.freq) == cell:  # that of the year 2**62 is in 1970
            return found
    except (ValueError, OverflowError):
        pass
    raise InputError(
        f"Periods of {column.name!r} must begin at a date. Received: number {cell.ordinal} of the "
        f"frequency {cell.freqstr!r} in {row_name(column.index, row)}, which is beyond all dates. "
        "Correct it, or mark it as missing."
    )
