"""What to do about what a verdict finds amiss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from covey.assess.evaluation import CONSTANT
from covey.assess.verdict import LEAST, MUCH, calibrated, too_many, verdict

Figures = Mapping[str, Any]
INDENT = "  To do: "


def verdict_with_advice(figures: Figures, *, held_out: bool = False) -> list[str]:
    """The verdict, with a line under each that finds something amiss, which says what to do.

    That is a No, a Yes with a But, or too few rows to say either.

    Args:
        figures: what `evaluate` returned.
        held_out: as for `verdict`.

    Returns:
        Five lines, and one more for each that there is something to do about.
    """
    lines = verdict(figures, held_out=held_out)
    found = []
    for line, hint in zip(lines, advice(figures, held_out=held_out), strict=True):
        found.append(line)
        if hint:
            found.append(f"{INDENT}{hint}")
    return found


def advice(figures: Figures, *, held_out: bool = False) -> list[str]:
    """What to do about each line of a verdict.

    Args:
        figures: what `evaluate` returned.
        held_out: as for `verdict`.

    Returns:
        As many sentences as the verdict has lines, each empty where there is nothing to do.
    """
    if not figures["rows"]:
        return ["bring rows whose targets are known."]
    hints = [
        _for_gain(figures, held_out),
        _for_accuracy(figures),
        _for_calibration(figures, held_out),
    ]
    # what lines in between call for, they say themselves
    between = len(verdict(figures, held_out=held_out)) - len(hints) - 1
    return [*hints, *[""] * between, _for_attention(figures)]


def _for_gain(figures: Figures, held_out: bool) -> str:
    found = figures["baselines"][CONSTANT]
    if figures.get("training_rows", 0.0) > MUCH:
        return "evaluate on rows that had no part in the fit."
    if figures["effective_rows"] < LEAST:
        return "bring more rows whose targets are known."
    if found["gain"] > max(2 * found["standard_error"], 0.005):
        return ""
    if found["gain"] >= -max(2 * found["standard_error"], 0.005):
        return (
            "add features that tell more of the targets, or more rows; until then the simple "
            "prediction does as well."
        )
    if held_out:
        return (
            "look for rows that are errors, and for features that tell which rows a row depends "
            "on (a date, a place, a batch)."
        )
    return (
        "these rows differ from those of the training: train again with rows like them among "
        "the others; of later rows, hold out later ones when fitting (covey fit --time, "
        'cv="later").'
    )


def _for_accuracy(figures: Figures) -> str:
    nothing = [
        name
        for name, found in figures["per_target"].items()
        if found["r2"] is not None and found["r2"] <= 0
    ]
    if not nothing:
        return ""
    names = ", ".join(nothing[:3]) + (f" and {len(nothing) - 3} more" if nothing[3:] else "")
    return f"add features that tell of {names}, or take the spread alone for what is known of it."


def _for_calibration(figures: Figures, held_out: bool) -> str:
    if calibrated(figures, held_out=held_out)[0]:
        return ""
    if figures["effective_rows"] < LEAST:
        return "bring more rows whose targets are known."
    if held_out:
        return "see on fresh rows whether regions hold once corrected: covey evaluate."
    return (
        "calibrate on 200 fresh rows or more, of the kind that is to be predicted: covey "
        "calibrate, or model.calibrate(X, Y)."
    )


def _for_attention(figures: Figures) -> str:
    if too_many(figures["improbable"]):
        return "look at the most surprising rows, in the report: covey evaluate --report page.html."
    return ""
