"""The parts of a run one after the other, on this machine.

Reading takes little beside predicting: a thread that reads ahead was measured, and gained nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from covey.bulk.job import Job
from covey.bulk.manifest import Run


def parts(run: Run, job: Job, layouts: Any, size: int) -> Iterator[tuple[dict[str, Any], bool]]:
    """Score what is not done yet.

    Args:
        run: that this is a part of.
        job: what all parts have in common.
        layouts: the files, in order.
        size: rows of a part.

    Yields:
        What each part says of itself, and whether it was scored now.
    """
    rows: dict[str, int] = {}  # of the last part
    for layout in layouts:
        for part in layout.parts(size, lambda part: rows[part.name]):
            record = run.done(part)
            is_new = record is None
            if record is None:
                record = job.write(part, job.read(part, layout))
            rows.clear()
            rows[part.name] = record["rows"]
            yield record, is_new
