"""A model of a file, loaded once in each process, and what is to be written of its predictions."""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from covey.errors import InputError, shown
from covey.fitted.figures import Figures

if TYPE_CHECKING:
    import pandas as pd

BLOCK = 2**15  # rows that are predicted together, at most
CELLS = 2**24  # numbers that they are, about, and those of a part

_models: dict[tuple[Any, ...], Any] = {}  # of this process, by file
_loading = threading.Lock()


class Predictor:
    """What is predicted of tables, by a model that is loaded when it is first needed.

    Args:
        model: path of a saved model.
        columns: what to predict; see `covey.bulk.Scorer`.
        given: names of targets that tables hold already.
        keep: names of columns that go before the predictions.
        random_state: of samples.
        trusted: see `covey.load`.
    """

    def __init__(
        self,
        model: str | os.PathLike[str],
        columns: str | Iterable[str] | None = None,
        given: str | Iterable[str] = (),
        keep: str | Iterable[str] = (),
        *,
        random_state: int | None = None,
        trusted: Collection[str] = (),
    ) -> None:
        try:
            self.model = os.fsdecode(model)
        except TypeError:
            raise InputError(
                f"`model` must be the path of a saved model. Received: {shown(model)}. Save it: "
                "model.save(path)."
            ) from None
        words = _names(columns)
        self.columns, self.given, self.keep = words, _names(given), _names(keep)
        self.random_state, self.trusted = random_state, tuple(trusted)
        self.figures = Figures.named(words, random_state) if words else None

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "nothing"}

    def loaded(self, *, anew: bool = False) -> Any:
        """The model, loaded once in each process.

        Args:
            anew: load it again, as one that warns of everything once more.
        """
        from covey.regressor import load

        state = os.stat(self.model) if os.path.exists(self.model) else None
        key = (self.model, state and (state.st_mtime_ns, state.st_size), self.trusted)
        with _loading:
            if anew or key not in _models:
                _models[key] = load(self.model, trusted=self.trusted)
            return _models[key]

    @property
    def block(self) -> int:
        """How many rows are predicted together, so that their covariances are not too many."""
        targets = len(self.loaded().targets_)
        return min(BLOCK, max(CELLS // (targets**2 + len(self.nothing.columns)), 1))

    @cached_property
    def nothing(self) -> pd.DataFrame:
        """A table of no rows with the columns that are predicted."""
        import pandas as pd

        model = self.loaded()
        names = getattr(model, "feature_names_in_", None)
        empty = np.full((1, model.n_features_in_), np.nan)  # a row without values
        features = empty if names is None else pd.DataFrame(empty, columns=list(names))
        joint = model.predict_distribution(features)
        found = joint.to_frame() if self.figures is None else self.figures.of(joint)
        return found.iloc[:0]

    def frame(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Predict the rows of a DataFrame, some at a time.

        Args:
            frame: of N rows.

        Returns:
            DataFrame with its row labels.
        """
        import pandas as pd

        model = self.loaded()
        self.check(model, list(map(str, frame.columns)), "the table")
        if not len(frame):
            raise InputError("Expected a table with rows. Received none.")
        features = features_of(model, frame)
        parts = []
        for start in range(0, len(frame), self.block):
            rows = slice(start, start + self.block)
            parts.append(self.predict(model, features.iloc[rows], frame.iloc[rows], self.figures))
        found = pd.concat(parts) if len(parts) > 1 else parts[0]
        kept = frame[list(self.keep)]
        return pd.concat([kept, found.set_axis(kept.index)], axis=1) if self.keep else found

    def predict(self, model: Any, features: Any, table: Any, figures: Figures | None) -> Any:
        """The figures of a block of rows.

        Args:
            model: from `loaded`.
            features: DataFrame of N rows, of what the model reads.
            table: DataFrame of the same rows, with the targets that are given.
            figures: which.

        Returns:
            DataFrame of N rows.
        """
        observed = table[list(self.given)] if self.given else None
        joint = model.predict_distribution(features, given=observed, keep=True)
        return joint.to_frame() if figures is None else figures.of(joint)

    def seeded(self, *place: int) -> Figures | None:
        """The figures, with samples that a place in the data decides."""
        if self.figures is None or self.random_state is None:
            return self.figures
        state = np.random.SeedSequence([self.random_state, *place]).generate_state(1, np.uint64)
        return Figures(self.figures.parts, int(state[0] >> np.uint64(1)))

    def check(self, model: Any, names: Sequence[str], of: str) -> None:
        """Refuse a table that lacks a column, or names that do not fit.

        Args:
            model: from `loaded`.
            names: of the columns of the table.
            of: what messages call it.

        Raises:
            InputError: it lacks some.
        """
        if unknown := [name for name in self.given if name not in model.targets_]:
            raise InputError(
                f"`given` takes targets of the model: {', '.join(model.targets_)}. Received: "
                f"{unknown}."
            )
        for role in ("given", "keep"):
            if lacking := [name for name in getattr(self, role) if name not in names]:
                raise InputError(
                    f"`{role}` must name columns of {of}. Received: {lacking}. There are: "
                    f"{', '.join(names)}."
                )
        known = getattr(model, "feature_names_in_", None)
        if known is not None and (lacking := [name for name in known if name not in names]):
            raise InputError(
                f"Expected in {of} all columns that training had. Received a table without "
                f"{', '.join(map(repr, lacking))}. Add what is lacking, without values if these "
                "are unknown."
            )

    def needed(self, model: Any, names: Sequence[str]) -> list[str]:
        """The columns of a table that predictions need, or that are kept, in its order."""
        known = getattr(model, "feature_names_in_", None)
        read = set(names) - set(model.targets_) if known is None else set(map(str, known))
        wanted = read | {*self.given, *self.keep}
        return [name for name in names if name in wanted]


def features_of(model: Any, table: pd.DataFrame) -> Any:
    """The columns that a model reads, where it knows their names; else all but its targets.

    Args:
        model: a fitted estimator.
        table: of N rows, which has them.
    """
    known = getattr(model, "feature_names_in_", None)
    if known is not None:
        present = {str(name): name for name in table.columns}
        return table[[present[name] for name in known]]
    return table.drop(columns=[name for name in model.targets_ if name in table.columns])


def _names(words: str | Iterable[str] | None) -> tuple[str, ...]:
    """Names given as a list, or as one text with commas between them."""
    if words is None:
        return ()
    if isinstance(words, str):
        words = words.split(",")
    found = tuple(words)
    if not all(isinstance(word, str) and word.strip() for word in found):
        raise InputError(f"Expected names, as text. Received: {shown(found)}.")
    return tuple(dict.fromkeys(word.strip() for word in found))
