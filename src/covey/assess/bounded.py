"""What a verdict says of targets that are never below 0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from covey.errors import counted

FEW = 0.01  # share of means or intervals below 0 that is not worth a word
SEVERAL = 30  # observations that say something of a target
MOST_NAMED = 3  # targets below 0 that are named
LEAST_SHARE = 0.005  # of predicted means below 0 that is worth a word


def bounded(figures: Mapping[str, Any]) -> list[str]:
    """What to say of targets that are never below 0: how they are predicted, or that they go there.

    The figures of an evaluation on other rows than those of training name no transforms.
    """
    said = []
    for name, found in (figures.get("transforms") or {}).items():
        gain = found["gain"]
        worth = "" if gain is None else f" (out-of-fold {gain:+.2f} nats by linear models)"
        said.append(f"{name} is never below 0: predicted through {found['transform']}{worth}")
    off = {
        name: found["below_zero"]
        for name, found in figures["per_target"].items()
        if found.get("below_zero")
        and max(found["below_zero"]) >= FEW
        and found["observed"] >= SEVERAL
    }
    if off:
        means, intervals = (max(share) for share in zip(*off.values(), strict=True))
        one, most = len(off) == 1, "" if len(off) == 1 else "up to "
        its = "its" if one else "their"
        below = f"{most}{intervals:.0%} of {its} 90% intervals reach below"
        if means >= LEAST_SHARE:
            below = f"{most}{means:.0%} of {its} predicted means and " + below.removeprefix(most)
        said.append(
            f"{_named(list(off))} {'is' if one else 'are'} never below 0, but {below}; "
            f'transform="auto" keeps {"it" if one else "them"} above'
        )
    return [f"Above 0? {'; '.join(said)}."] if said else []


def _named(names: list[str]) -> str:
    """Names in a sentence, the first few of them."""
    few, more = names[:MOST_NAMED], len(names) - MOST_NAMED
    if more > 0:
        return f"{', '.join(few)} and {counted(more, 'more target')}"
    return " and ".join([", ".join(few[:-1]), few[-1]] if len(few) > 1 else few)
