"""What a server counts of itself, in the text that Prometheus reads."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Counts since the process began.

    Paths that are no route are counted as one, so that nobody can make the counts grow.
    """

    def __init__(self) -> None:
        self._start = time.time()
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._buckets: dict[str, list[int]] = {}
        self._seconds: Counter[str] = Counter()

    def count(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request that was answered.

        Args:
            route: as it was declared, such as "/v2/models/{name}", or "other".
            method: of HTTP.
            status: of the answer; 0 if the client did not wait for it.
            seconds: from its first byte to the end of the answer.
        """
        self._requests[route, method, status] += 1
        buckets = self._buckets.setdefault(route, [0] * (len(SECONDS) + 1))
        buckets[bisect_left(SECONDS, seconds)] += 1
        self._seconds[route] += seconds  # type: ignore[assignment]

    def text(self, gauges: dict[str, tuple[str, str, float]]) -> str:
        """All counts.

        Args:
            gauges: further figures: for each name its type, what it is, and its value.
        """
        lines = [
            "# HELP covey_requests_total Requests that were answered.",
            "# TYPE covey_requests_total counter",
        ]
        for (route, method, status), count in sorted(self._requests.items()):
            labels = f'route="{route}",method="{method}",status="{status}"'
            lines.append(f"covey_requests_total{{{labels}}} {count}")
        lines += [
            "# HELP covey_request_seconds Seconds from the first byte of a request to its answer.",
            "# TYPE covey_request_seconds histogram",
        ]
        for route, buckets in sorted(self._buckets.items()):
            total = 0
            for limit, count in zip((*SECONDS, "+Inf"), buckets, strict=True):
                total += count
                labels = f'route="{route}",le="{limit}"'
                lines.append(f"covey_request_seconds_bucket{{{labels}}} {total}")
            seconds = f"{self._seconds[route]:.6f}"
            lines.append(f'covey_request_seconds_sum{{route="{route}"}} {seconds}')
            lines.append(f'covey_request_seconds_count{{route="{route}"}} {total}')
        start = ("gauge", "When the process began, in seconds since 1970.", self._start)
        for name, (kind, what, value) in {**gauges, "process_start_time_seconds": start}.items():
            lines += [f"# HELP {name} {what}", f"# TYPE {name} {kind}", f"{name} {value:.15g}"]
        return "\n".join(lines) + "\n"
