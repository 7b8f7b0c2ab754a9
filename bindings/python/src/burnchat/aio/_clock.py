"""The one place where this package asks what time it is (spec section 12.2)."""

from __future__ import annotations

import sys
import time


def _steady_ns() -> int:
    """A clock that never steps and goes on while the machine sleeps."""
    if sys.platform == "linux":
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    if sys.platform == "darwin":
        # Apple's counts sleep; what `time.monotonic` takes there does not.
        return time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    return time.monotonic_ns()


class Clock:
    """The time of day at the start, and from there the steady clock."""

    def __init__(self) -> None:
        self._wall_ns = time.time_ns()
        self._started_ns = _steady_ns()

    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch."""
        return (self._wall_ns + _steady_ns() - self._started_ns) // 1_000_000
