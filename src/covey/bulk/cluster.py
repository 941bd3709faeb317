"""The parts of a run as tasks of Ray, each on whichever machine has time for it.

A task is a part, since parts are what is written as a whole, found again and gone on from: Ray
gives the part of a worker that died to another one, and a run that ended altogether goes on where
it was, on any engine.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

from covey.bulk.heard import hearing, say_new
from covey.bulk.job import Job
from covey.bulk.layouts import Layout
from covey.bulk.manifest import Run
from covey.bulk.parts import Part
from covey.errors import CoveyError, InputError

AHEAD = 2  # parts for each core that are handed out beyond those in work
RETRIES = 5  # of a part whose worker died

_written: dict[str, str] = {}  # by this process: models by their hashes, and where they are


def on_ray(address: str | None) -> Callable[..., Iterator[tuple[dict[str, Any], bool]]]:
    """An engine of Ray.

    Args:
        address: of a cluster; None for that of the environment, or one on this machine.

    Returns:
        A function as `covey.bulk.local.parts`.

    Raises:
        InputError: Ray is not installed, or there is no cluster at this address.
    """
    try:
        import ray
    except ImportError:
        raise InputError(
            "`engine='ray'` needs Ray, which is not installed. Install it: pip install "
            '"covey[ray]".'
        ) from None
    if not ray.is_initialized():
        try:
            ray.init(address=address, log_to_driver=False, include_dashboard=False)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise InputError(
                f"Expected a Ray cluster at {address or 'this machine'}. Received: "
                f"{' '.join(str(error).split())[:200]}. Check `address`, or start one: ray start "
                "--head."
            ) from error
    return _parts


def _parts(run: Run, job: Job, layouts: Any, size: int) -> Iterator[tuple[dict[str, Any], bool]]:
    import ray

    with open(job.predictor.model, "rb") as file:
        content = ray.put(file.read())
    shared = ray.put(job)
    task = ray.remote(max_retries=RETRIES, num_cpus=1)(_score)
    most = AHEAD * max(int(ray.cluster_resources().get("CPU", 1)), 1)
    open_tasks: dict[Any, Part] = {}
    told: set[str] = set()
    for layout in layouts:
        counts: dict[int, int] = {}

        def counted(part: Part, layout: Layout = layout, counts: dict[int, int] = counts) -> int:
            if part.number not in counts:  # text: only reading tells
                counts[part.number] = job.read(part, layout).rows
            return counts.pop(part.number)

        there = ray.put(layout)
        for part in layout.parts(size, counted):
            if (record := run.done(part)) is not None:
                counts[part.number] = record["rows"]
                yield record, False
                continue
            open_tasks[task.remote(shared, part, there, content, run.model)] = part
            while len(open_tasks) >= most:
                yield _next(open_tasks, told), True
    while open_tasks:
        yield _next(open_tasks, told), True


def _next(open_tasks: dict[Any, Part], told: set[str]) -> dict[str, Any]:
    """What the first part that is ready says of itself."""
    import ray

    (ready, *_), _ = ray.wait(list(open_tasks), num_returns=1)
    open_tasks.pop(ready)
    try:
        record, messages = ray.get(ready)
    except ray.exceptions.RayTaskError as error:
        cause = error.cause
        for each in open_tasks:
            ray.cancel(each)
        raise (cause if isinstance(cause, CoveyError) else error) from None
    say_new(messages, told)
    return dict(record)


def _score(
    job: Job, part: Part, layout: Layout, content: bytes, digest: str
) -> tuple[dict[str, Any], list[str]]:
    """Score a part on a worker, which may be on another machine than the model's file."""
    if digest not in _written:  # by this process: what others left there might be anything
        folder = tempfile.mkdtemp(prefix="covey-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        _written[digest] = os.path.join(folder, "model.covey")
        with open(_written[digest], "wb") as file:
            file.write(content)
    job.predictor.model = _written[digest]
    with hearing() as heard:
        record = job.write(part, job.read(part, layout))
    return record, heard
