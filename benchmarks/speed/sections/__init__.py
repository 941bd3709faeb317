"""The sections of the page: a module each, and one line here.

A section has `TITLE`; `run(plan) -> record`, what JSON can hold; and `report(found) -> str`, the
Markdown from the records of all machines, as (title of the machine, record).
"""

from __future__ import annotations

from types import ModuleType

from benchmarks.speed.sections import (
    low_rank,
    many_fits,
    members,
    peers,
    predict,
    streaming,
    target,
    training,
    waiting,
)

SECTIONS: dict[str, ModuleType] = {
    "training": training,
    "target": target,
    "waiting": waiting,
    "peers": peers,
    "members": members,
    "predict": predict,
    "many-fits": many_fits,
    "low-rank": low_rank,
    "streaming": streaming,
}
