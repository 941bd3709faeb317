"""Figures of an evaluation in words: five lines that anybody can read, and tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from covey.assess.bounded import bounded
from covey.assess.evaluation import CONSTANT, UNCORRELATED
from covey.errors import counted

Figures = Mapping[str, Any]
LEVEL = "0.9"
LEAST = 9  # rows that make a region of 90% finite; with fewer nothing is judged
WEAK = 0.1  # correlation, in the mean over rows, that is not worth a word
BENT = 0.05  # nats per target, that targets tell of each other without a correlation
MUCH = 0.1  # share of training rows beyond which nothing can be judged
FEW = 0.01  # share of the rows beyond the range of training that is not worth a word
SEVERAL = 30  # observations that say something of a target
SURE = 3.3  # standard errors, where several figures are looked at
KINDS = ("joint", "interval", "model")  # of coverages


def verdict(figures: Figures, *, held_out: bool = False) -> list[str]:
    """Say what the figures mean.

    Args:
        figures: what `evaluate` returned.
        held_out: whether the rows are those of the training table, each predicted by members that
            did not train on it; their regions are then those of the model alone.

    Returns:
        Five lines: whether it beats the simple alternative, how accurate the means are, whether it
        is calibrated, how the targets move together, what to look at. Before the last comes one
        more where targets that are never below 0 are predicted as such, or are not.
    """
    if not figures["rows"]:
        return ["No row holds a target: there is nothing to judge by."]
    return [
        _gain(figures, held_out),
        _accuracy(figures),
        calibrated(figures, held_out=held_out)[1],
        _together(figures),
        *bounded(figures),
        _attention(figures, held_out),
    ]


def calibrated(figures: Figures, *, held_out: bool = False) -> tuple[bool, str]:
    """Whether regions and intervals of 90% hold 90%, within what chance explains.

    Args:
        figures: as above.
        held_out: as above.

    Returns:
        (yes or no, a sentence that says so, or where not).
    """
    found, n = figures["coverage"][LEVEL], figures["effective_rows"]
    m = None if held_out else figures["calibration_rows"]
    if m is not None and figures["calibration"] == "conformal" and m < LEAST:
        return False, (
            f"Calibrated? Cannot be said: with {_rows(m)} to calibrate on 90% regions are "
            f"infinite; {LEAST} is the least, 200 are good."
        )
    if n < LEAST:
        return False, (
            f"Calibrated? Cannot be said: {_of_rows(figures)} to judge by; {LEAST} is the least."
        )
    which = "model" if held_out else "joint"
    slack = _slack(n, m)
    whose = "the model's own 90% regions" if held_out else "90% regions"
    held = f"{whose} hold {found[which]:.1%} of {figures['rows']:,} rows"
    passing = f"{0.9 - slack:.1%} to {min(0.9 + slack, 1):.1%} would pass"
    if abs(found[which] - 0.9) > slack:
        way = _way(found[which], 0.9)
        if held_out:  # these rows are what predictions are corrected by
            own = f"{held}, too {way} ({passing})"
            return False, f"Calibrated? Once corrected: {own}, and predictions make up for it."
        return False, f"Calibrated? No, too {way}: {held} ({passing})."
    off = [
        f"{level:.0%} regions hold {share:.1%}, too {_way(share, level)}"
        for level, share in (
            (float(name), each[which]) for name, each in figures["coverage"].items()
        )
        if abs(share - level) > _slack(n, m, SURE, level)
    ]
    if off:
        return False, f"Calibrated? At 90% yes: {held}. But {_listed(off)}."
    off = [
        f"{name} ({value:.1%})"
        for name, value in found["per_target"].items()
        if value is not None
        and not held_out
        and abs(value - 0.9) > _slack(_effective(figures, name), m, SURE)
    ]
    if off:
        return False, f"Calibrated? Jointly yes: {held}. Not so the intervals of {_listed(off)}."
    return True, f"Calibrated? Yes: {held} ({passing})."


def _way(share: float, level: float) -> str:
    return "narrow" if share < level else "wide"


def _effective(figures: Figures, target: str) -> float:
    """How many rows of equal weight tell as much of a target as those that hold it."""
    share = figures["effective_rows"] / figures["rows"]
    return float(figures["per_target"][target]["observed"] * share)


def _slack(n: float, m: int | None, errors: float = 1.96, level: float = 0.9) -> float:
    """Standard errors of a share of n rows, by a radius from m, and a percent more."""
    variance = level * (1 - level)
    return errors * float(np.sqrt(variance / n + (variance / m if m else 0.0))) + 0.01


def _gain(figures: Figures, held_out: bool) -> str:
    where = "rows held out of the training" if held_out else "rows"
    found = figures["baselines"][CONSTANT]
    gain, error, simple = found["gain"], found["standard_error"], found["description"]
    if (trained := figures.get("training_rows", 0.0)) > MUCH:
        return (
            f"Good? Cannot be said: about {trained:.0%} of the rows are rows the model was trained "
            "on, so all figures here flatter it."
        )
    if figures["effective_rows"] < LEAST:
        return f"Good? Cannot be said: {_of_rows(figures)} to judge by; {LEAST} is the least."
    if gain is None:
        return "Good? Cannot be said: some values are so far off that no prediction allows them."
    count = f"{figures['rows']:,} {where}"
    if abs(gain) <= max(2 * error, 0.005):
        return (
            f"Good? No better than {simple}, as far as {count} can tell ({gain:+.3f} nats per "
            f"target, give or take {2 * error:.3f})."
        )
    return (
        f"Good? {'Yes' if gain > 0 else 'No'}: the observed values are {_times(gain)} as likely, "
        f"per target, as under {simple} ({gain:+.3f} nats; {count})."
    )


def _times(gain: float) -> str:
    factor = float(np.exp(np.clip(gain, -7.0, 7.0)))
    if factor > 1000:
        return "more than 1,000 times"
    if factor < 0.001:
        return "less than a thousandth"
    return f"{factor:.2f} times" if 0.1 < factor < 10 else f"{factor:.2g} times"


def _accuracy(figures: Figures) -> str:
    known = {
        name: found["r2"]
        for name, found in figures["per_target"].items()
        if found["r2"] is not None
    }
    if not known:
        return "Accurate? Nothing varies in these rows, so there is nothing to explain."
    best, worst = max(known, key=known.__getitem__), min(known, key=known.__getitem__)
    text = f"Accurate? The means explain {_share(known[best])} of the variance of {best}"
    if worst != best:
        text += f" (the best) and {_share(known[worst])} of {worst} (the worst)"
    return text + "."


def _share(r2: float) -> str:
    if r2 <= 0:
        return "nothing"
    return f"{r2:.0%}" if r2 < 0.985 else f"{min(r2, 0.9999):.2%}"


def _together(figures: Figures) -> str:
    strongest = figures["correlation"]
    if strongest is None:
        return "Together? There is one target, so nothing moves together."
    least = figures["baselines"][UNCORRELATED]["negative_log_likelihood_per_target"]
    most_likely = figures["negative_log_likelihood_per_target"]
    known = least is not None and most_likely is not None
    worth = f"worth {least - most_likely:+.3f} nats per target" if known else "of unknown worth"
    first, second, value = strongest
    cuts = {
        name: 1 - found["conditional_error"] / found["mae"]
        for name, found in figures["per_target"].items()
        if found["conditional_error"] is not None and found["mae"]
    }
    if abs(value) >= WEAK:
        text = (
            f"Together? {first} and {second} move together most (correlation {value:+.2f}); the "
            f"correlations are {worth}"
        )
    elif known and least - most_likely > BENT:
        text = (
            f"Together? Yes, though correlations are {WEAK} at most in the mean over rows: what "
            f"targets tell of each other is {worth}"
        )
    else:
        return f"Together? The targets hardly move together: correlations are {WEAK} at most."
    if cuts and (most := max(cuts, key=cuts.__getitem__)) and cuts[most] > 0.005:
        text += f", and knowing the others cuts the error of {most} by {cuts[most]:.0%}"
    return text + "."


def _attention(figures: Figures, held_out: bool) -> str:
    notes = []
    if 0 < (trained := figures.get("training_rows", 0.0)) <= MUCH:
        notes.append(f"about {trained:.0%} of the rows are rows the model was trained on")
    odd = figures["improbable"]
    if too_many(odd):
        notes.append(
            f"{odd['rows']} rows lie where {odd['expected']:.2g} would be expected, beyond one in "
            "10,000: outliers or tails that are heavier than the model's"
        )
    for name, found in figures["per_target"].items():
        if found["observed"] < SEVERAL:
            notes.append(f"{name} was observed in only {_rows(found['observed'])}")
    notes += _beyond_training(figures)
    order = figures.get("order") if held_out else None
    if order and order["folds"] == "later":
        notes.append(
            "each row was predicted by a network that trained on earlier rows alone; rows much "
            "later than these may differ more"
        )
    elif order:
        notes.append(
            "rows were held out in whole blocks, each predicted from those before and after it, "
            "which is all that these figures claim: rows that come later may differ more"
        )
    if figures["rows"] < 200:
        notes.append(f"{_of_rows(figures)} to judge by")
    return f"Look at: {'; '.join(notes)}." if notes else "Look at: nothing stands out."


def _beyond_training(figures: Figures) -> list[str]:
    """What to say of rows beyond the range that training saw, if they are more than a few."""
    found = figures.get("beyond_range")
    if not found or found["rows"] < FEW * figures["of_rows"]:
        return []
    most = sorted(found["columns"].items(), key=lambda item: -sum(item[1].values()))
    names = _listed([f"{name} ({sum(ends.values()):,})" for name, ends in most[:3]])
    more = f" and {len(most) - 3} more" if len(most) > 3 else ""
    verb = "is" if found["rows"] == 1 else "are"
    return [
        f"{_rows(found['rows'])} {verb} beyond the range that training saw, in {names}{more}, and "
        "for networks and trees as if at its end"
    ]


def too_many(improbable: Figures) -> bool:
    """Whether more rows are improbable than chance explains."""
    expected = improbable["expected"]
    return bool(improbable["rows"] > expected + 3 * np.sqrt(expected) + 1)


def _of_rows(figures: Figures) -> str:
    """How many rows there are, and what they are worth if weights make them worth less."""
    n, worth = figures["rows"], figures["effective_rows"]
    found = "there is only 1 row" if n == 1 else f"there are only {n:,} rows"
    return f"{found} (worth {worth:.3g} of equal weight)" if worth < 0.9 * n else found


def _rows(count: int) -> str:
    return counted(count, "row")


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def tabulate(figures: Figures, *, most: int | None = None) -> str:
    """The figures as text of a few tables.

    Args:
        figures: what `evaluate` returned.
        most: how many targets are shown; all by default.

    Returns:
        Several lines: the model beside its baselines, each target, and coverage at each level.
    """
    return "\n\n".join(_table(table[0], table[1:]) for table in tables(figures, most=most))


def tables(figures: Figures, *, most: int | None = None) -> list[list[list[str]]]:
    """The figures as a few tables of text.

    Args:
        figures: what `evaluate` returned.
        most: how many targets are shown; all by default.

    Returns:
        Tables, each a list of rows of cells, the first of which is the head.
    """
    level = figures["coverage"][LEVEL]
    ours = {**figures, "coverage": level["joint"]}
    beside = {each["description"]: each for each in figures["baselines"].values()}
    methods = {"this model": ours, **beside}
    columns = ("negative_log_likelihood_per_target", "energy_score", "coverage")
    targets = list(figures["per_target"].items())
    rest = [] if most is None or len(targets) <= most else [f"... {len(targets) - most} more"]
    return [
        [
            ["", "nats per target", "energy score", "90% regions hold"],
            *(
                [name, *(_cell(found.get(column), column) for column in columns)]
                for name, found in methods.items()
            ),
        ],
        [
            ["target", "observed", "R2", "RMSE", "MAE", "given the others", "90% intervals hold"],
            *(
                [
                    name,
                    f"{found['observed']:,}",
                    *(_cell(found[key]) for key in ("r2", "rmse", "mae", "conditional_error")),
                    _cell(level["per_target"].get(name), "coverage"),
                ]
                for name, found in targets[:most]
            ),
            *([name, *[""] * 6] for name in rest),
        ],
        [
            ["level", "regions hold", "intervals hold", "the model's own regions"],
            *(
                [f"{float(name):.0%}", *(_cell(found[key], "coverage") for key in KINDS)]
                for name, found in figures["coverage"].items()
            ),
        ],
    ]


def tabulate_parts(column: str, parts: Mapping[str, Figures | None]) -> str:
    """A few figures of each part of a table, as text.

    Args:
        column: what the parts are values of.
        parts: what `evaluate` returned for each, by its value; None where no target is known.

    Returns:
        A line for each.
    """
    head = [column, "rows", "nats per target", "gain", "R2, mean", "90% regions hold"]
    rows = []
    for name, found in parts.items():
        if found is None or not found["rows"]:
            rows.append([name, "0", *["-"] * 4])
            continue
        known = [each["r2"] for each in found["per_target"].values() if each["r2"] is not None]
        rows.append(
            [
                name,
                f"{found['rows']:,}",
                _cell(found["negative_log_likelihood_per_target"]),
                "-" if (gain := found["baselines"][CONSTANT]["gain"]) is None else f"{gain:+.3f}",
                _cell(float(np.mean(known)) if known else None),
                _cell(found["coverage"][LEVEL]["joint"], "coverage"),
            ]
        )
    return _table(head, rows)


def _cell(value: float | None, column: str = "") -> str:
    if value is None:
        return "-"
    if column == "coverage":
        return f"{value:.1%}"
    if column.startswith("negative_log_likelihood"):
        return f"{value:.3f}"
    return f"{value:#.4g}".rstrip(".")


def _table(head: list[str], rows: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if number == 0 else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (head, *rows)
    ]
    return "\n".join(lines)
