"""What the user says of columns: which are categories, and which are dates and how written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from covey.errors import InputError, shown
from covey.table.cells import listed


@dataclass(frozen=True)
class Declared:
    """What the user says of columns.

    Attributes:
        categorical: names of columns whose values are labels.
        dates: for columns that hold dates, a format of `strptime`, or a unit of numbers that count
            from 1970, or "" to find it from the cells.
    """

    categorical: frozenset[str] = frozenset()
    dates: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, categorical: Any, dates: Any) -> Self:
        """Read the parameters of a `JointRegressor`.

        Args:
            categorical: a name, or several; None for none.
            dates: a name, several, or a mapping of names to formats; None for none.

        Raises:
            InputError: they are none of these, or a column is both.
        """
        labels = frozenset(_names(categorical, "categorical"))
        if isinstance(dates, Mapping):
            for name, form in dates.items():
                if form is not None and not isinstance(form, str):
                    raise InputError(
                        '`dates` must give each column a format such as "%d/%m/%Y", or a unit '
                        f'such as "s". Received: {shown(form)} for {name!r}.'
                    )
            forms = {_name(name): form or "" for name, form in dates.items()}
            for name, form in forms.items():
                _check_format(name, form)
        else:
            forms = dict.fromkeys(_names(dates, "dates"), "")
        if both := sorted(labels & forms.keys()):
            raise InputError(
                "A column holds labels or dates. Received in `categorical` and in `dates`: "
                f"{listed(both)}. Leave one out."
            )
        return cls(labels, forms)

    @property
    def plain(self) -> dict[str, Any]:
        """The parameters as JSON has them; those that say nothing are left out."""
        found = {"categorical": sorted(self.categorical), "dates": dict(sorted(self.dates.items()))}
        return {name: value for name, value in found.items() if value}

    def check(self, names: Iterable[str]) -> None:
        """Check that all columns are there.

        Args:
            names: of the features.

        Raises:
            InputError: some are not.
        """
        present = list(names)
        for role, said in (("categorical", self.categorical), ("dates", self.dates)):
            if lacking := [name for name in sorted(said) if name not in present]:
                few = listed(present[:8]) + (" and more" if len(present) > 8 else "")
                raise InputError(
                    f"`{role}` must name columns of `X`. Received {listed(lacking)}, and `X` has "
                    f"{few}. Check the spelling."
                )


def _check_format(name: str, form: str) -> None:
    """Refuse a format that no text could have."""
    import pandas as pd

    if not form:
        return
    try:
        pd.to_datetime(pd.Series(["x"]), format=form, errors="coerce")
    except ValueError as error:
        raise InputError(
            f'`dates` must give formats of strptime, such as "%d/%m/%Y". Received: {shown(form)} '
            f"for {name!r}: {error}."
        ) from None


def _names(names: Any, role: str) -> list[str]:
    if names is None:
        return []
    if isinstance(names, str):
        return [names]
    if not isinstance(names, Iterable) or isinstance(names, Mapping | bytes):
        raise InputError(
            f'`{role}` must be names of columns, such as ["zipcode"]. Received: {shown(names)}.'
        )
    return [_name(name) for name in names]


def _name(name: Any) -> str:
    return name if isinstance(name, str) else str(name)
