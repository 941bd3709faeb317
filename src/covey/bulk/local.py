"""The parts of a run one after the other, on this machine: one is read while one is predicted."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from covey.bulk.job import Job, Read
from covey.bulk.manifest import Run
from covey.bulk.parts import Part


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
    waiting: tuple[Part, Future[Read]] | None = None
    with ThreadPoolExecutor(1, thread_name_prefix="covey-reader") as reader:
        for layout in layouts:
            counts: dict[int, Any] = {}

            def counted(part: Part, counts: dict[int, Any] = counts) -> int:
                found = counts[part.number]
                return int(found.result().rows if isinstance(found, Future) else found)

            for part in layout.parts(size, counted):
                if (record := run.done(part)) is not None:
                    counts[part.number] = record["rows"]
                    if waiting is not None:
                        yield _written(job, *waiting), True
                        waiting = None
                    yield record, False
                    continue
                counts[part.number] = future = reader.submit(job.read, part, layout)
                counts.pop(part.number - 1, None)
                if waiting is not None:
                    yield _written(job, *waiting), True
                waiting = part, future
        if waiting is not None:
            yield _written(job, *waiting), True


def _written(job: Job, part: Part, future: Future[Read]) -> dict[str, Any]:
    return job.write(part, future.result())
