"""Covey beside its rivals, data set by data set: tables, who is best, and by how much it loses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.quality.markdown import row, table
from benchmarks.quality.methods import METHODS

COVEY = ("covey", "covey-mixture")
TITLES = {
    "covey": "Covey",
    "covey-mixture": "Covey, mixture",
    **{name: method.title for name, method in METHODS.items() if name != "covey"},
}
RIVALS = tuple(name for name in TITLES if name not in COVEY)
SAMPLES = tuple(name for name, method in METHODS.items() if not method.density)
RIDGE_OR_TREES = ("ridge", "catboost", "lightgbm")
NEAR, NOT_FAR = 0.02, 0.05  # of the best of all, and behind ridge or trees
UNTOUCHED = 2  # the split that had no part in choosing the recipe
Records = dict[tuple[str, str], list[dict[str, Any]]]


@dataclass(frozen=True)
class Score:
    """A figure of which less is better.

    Attributes:
        key: its name in results.
        title: what readers see.
        unit: "nats" if differences count, "" if ratios do.
    """

    key: str
    title: str
    unit: str = ""

    def margin(self, ours: float, theirs: float) -> float:
        """By how much we are ahead: a difference in nats, or a share of our figure."""
        return theirs - ours if self.unit else theirs / ours - 1

    def text(self, margin: float) -> str:
        """A margin as readers see it."""
        return f"{margin:+.2f}" if self.unit else f"{margin:+.1%}"

    def loss(self, margin: float) -> str:
        """How far behind: nats, or by how much our figure is the larger one."""
        return f"{-margin:.2f} nats per target" if self.unit else f"{1 / (1 + margin) - 1:.1%}"


DENSITY = Score("nll", "density (negative log-likelihood)", "nats")
ENERGY = Score("energy", "energy score")
RMSE = Score("rmse", "RMSE")
SCORES = (DENSITY, ENERGY, RMSE)


def read(results: Path) -> Records:
    """All figures that are kept, by folder and method; a mixture is a method of its own."""
    records: Records = {}
    for path in sorted(results.glob("*/*.json")):
        record = json.loads(path.read_text())
        method = path.stem.rpartition("-")[0]
        records.setdefault((path.parent.name, method), []).append(record)
        if "mixture" in record:
            twin = {**record, "scores": record["mixture"]}
            records.setdefault((path.parent.name, "covey-mixture"), []).append(twin)
    return records


def mean(found: Iterable[dict[str, Any]], figure: Callable[[dict[str, Any]], float]) -> float:
    """Over those that did not fail; NaN if there are none, or none has that figure."""
    values = [figure(record) for record in found if "failure" not in record]
    return float(np.mean(values)) if values else np.nan


def value(records: Records, name: str, method: str, key: str) -> float:
    """Mean of a score over the splits of a method; NaN if it has none."""
    return mean(records.get((name, method), []), lambda r: r["scores"].get(key, np.nan))


def ahead(records: Records, name: str, ours: str, theirs: str, score: Score) -> float:
    """By how much one method is better, over the splits that both have; NaN if there are none."""
    one, other = (
        {
            r["seed"]: r["scores"][score.key]
            for r in records.get((name, method), [])
            if score.key in r.get("scores", {})
        }
        for method in (ours, theirs)
    )
    common = sorted(one.keys() & other.keys())
    if not common:
        return np.nan
    return score.margin(
        float(np.mean([one[s] for s in common])), float(np.mean([other[s] for s in common]))
    )


def closest(
    records: Records,
    name: str,
    score: Score,
    ours: str = "covey",
    rivals: Iterable[str] = RIVALS,
) -> tuple[float, str] | None:
    """The least margin to a rival, and which; None if there is no rival."""
    found = [(ahead(records, name, ours, rival, score), rival) for rival in rivals]
    return min((pair for pair in found if not np.isnan(pair[0])), default=None)


def glance(records: Records, names: Iterable[str]) -> str:
    """One table for all scores, losses first."""
    names = tuple(names)
    lines = []
    for score in SCORES:
        found = _closest_of_all(records, names, score)
        lines.append(_line(f"best {score.title} of all", score, found, 0.0))
    best, usual = (
        _closest_of_all(records, names, RMSE, rivals) for rivals in (RIVALS, RIDGE_OR_TREES)
    )
    lines.append(_line(f"RMSE within {NEAR:.0%} of the best of all", RMSE, best, NEAR))
    lines.append(_line(f"RMSE at most {NOT_FAR:.0%} behind ridge or trees", RMSE, usual, NOT_FAR))
    lines = [line for line in lines if line]
    if not lines:
        return ""
    head = ["what is asked", "not on", "worst loss", "to", "by", "on"]
    return table(head, lines)


def _closest_of_all(
    records: Records, names: Iterable[str], score: Score, rivals: Iterable[str] = RIVALS
) -> dict[str, tuple[float, str]]:
    rivals = tuple(rivals)
    found = {name: closest(records, name, score, rivals=rivals) for name in names}
    return {name: pair for name, pair in found.items() if pair is not None}


def _line(
    asked: str, score: Score, found: dict[str, tuple[float, str]], allowed: float
) -> list[str]:
    """Of one demand: on how many data sets it is not met, the worst of them, on how many it is."""
    if not found:
        return []
    met = sum(_met(margin, allowed, score) for margin, _ in found.values())
    worst = min(found, key=lambda name: found[name][0])
    margin, rival = found[worst]
    lost = [f"`{worst}`", TITLES[rival], score.loss(margin)] if margin < 0 else ["none", "", ""]
    return [asked, f"{len(found) - met} of {len(found)}", *lost, f"{met} of {len(found)}"]


def _met(margin: float, allowed: float, score: Score) -> bool:
    """Whether our figure is at most by that share the larger one."""
    return margin >= 0 if score.unit else 1 / (1 + margin) <= 1 + allowed


def tables(records: Records, names: Iterable[str], score: Score, title: str = "") -> list[str]:
    """A line for each data set: every method that has this score, the best in bold, the margin."""
    names = tuple(names)
    methods = [m for m in TITLES if any((n, m) in records for n in names)]
    methods = [m for m in methods if score is not DENSITY or m not in SAMPLES]
    if not methods:
        return []
    lines = []
    for name in names:
        values = {m: value(records, name, m, score.key) for m in methods}
        if all(np.isnan(v) for v in values.values()):
            continue
        best = np.nanmin(list(values.values()))
        some = next(records[name, m][0] for m in methods if (name, m) in records)
        cells = [f"`{name}`", f"{some['rows']:,} x {some['targets']}"]
        for method in methods:
            cells.append(_cell(values[method], best, records.get((name, method), []), score))
        pair = closest(records, name, score)
        lines.append([*cells, score.text(pair[0]) if pair else ""])
    head = ["data", "rows x D", *(TITLES[m] for m in methods), "margin"]
    text = "\n".join([row(head), row(["---"] * len(head)), *map(row, lines)]) + "\n"
    return [title, text] if title else [text]


def _cell(figure: float, best: float, found: list[dict[str, Any]], score: Score) -> str:
    if np.isnan(figure):
        return "failed" if any("failure" in record for record in found) else ""
    places = 2 if score.unit else 3
    text = f"{figure:.{places}f}" if abs(figure) < 100 else f"{figure:.0f}"
    if round(figure, places) <= round(best, places):
        text = f"**{text}**"
    marks = "*" if any("trained on" in record.get("note", "") for record in found) else ""
    failed = sum("failure" in record for record in found)
    return text + marks + (f" ({failed} failed)" if failed else "")


def verdict(records: Records, names: Iterable[str], score: Score) -> str:
    """On how many data sets Covey is best by a score, by how much, and where it loses."""
    names = tuple(names)
    margins = {n: pair[0] for n, pair in _closest_of_all(records, names, score).items()}
    if not margins:
        return ""
    figures = list(margins.values())
    mixed = [
        pair[0]
        for n in margins
        if (pair := closest(records, n, score, "covey-mixture")) is not None
    ]
    seeds = max(len(found) for (name, _), found in records.items() if name in margins)
    unit = " nats per target" if score.unit else ""
    text = (
        f"Over {len(margins)} sets and up to {seeds} random splits each, `predict_distribution` "
        f"has the best {score.title} of all on {sum(m >= 0 for m in figures)}; its mean "
        f"margin to the best peer of each set is {score.text(float(np.mean(figures)))}{unit} "
        f"(median {score.text(float(np.median(figures)))})."
    )
    if mixed:
        text += (
            f" The mixture is best on {sum(m >= 0 for m in mixed)}, by "
            f"{score.text(float(np.mean(mixed)))} in the mean."
        )
    split = {
        key: [r for r in found if r.get("seed") == UNTOUCHED] for key, found in records.items()
    }
    untouched = [pair[0] for pair in _closest_of_all(split, names, score).values()]
    if untouched:
        text += (
            f" On split {UNTOUCHED} alone, which had no part in choosing the recipe, "
            f"`predict_distribution` is best on {sum(m >= 0 for m in untouched)} of "
            f"{len(untouched)}, by {score.text(float(np.mean(untouched)))} in the mean."
        )
    lost = sorted((m, n) for n, m in margins.items() if m < 0)
    if lost:
        text += " It is not best on " + ", ".join(f"`{n}` ({score.text(m)})" for m, n in lost) + "."
    return text + _against_ridge(records, margins, score) + _absent(records, margins) + "\n"


def _against_ridge(records: Records, names: Iterable[str], score: Score) -> str:
    found = {n: ahead(records, n, "covey", "ridge", score) for n in names}
    found = {n: margin for n, margin in found.items() if not np.isnan(margin)}
    if not found:
        return ""
    worst = min(found, key=found.__getitem__)
    return (
        " Against ridge with a constant covariance the least margin is "
        f"{score.text(found[worst])} (`{worst}`)."
    )


def _absent(records: Records, names: Iterable[str]) -> str:
    absent = {
        TITLES[rival]: [f"`{n}`" for n in names if _failed(records, n, rival)] for rival in RIVALS
    }
    said = [f"{title} on {', '.join(found)}" for title, found in absent.items() if found]
    if not said:
        return ""
    return " A rival that failed, or did not end in time, is no rival: " + "; ".join(said) + "."


def _failed(records: Records, name: str, method: str) -> bool:
    """Whether a method was tried on a set and has no figure at all."""
    found = records.get((name, method), [])
    return bool(found) and all("failure" in record for record in found)
