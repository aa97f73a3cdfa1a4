"""Time as an edge: tests pass their own."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

MS_PER_S = 1_000
S_PER_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Clock:
    """Two clocks, both in seconds: `monotonic` for waits, `unix` for what people and other devices see."""

    monotonic: Callable[[], float] = time.monotonic
    unix: Callable[[], float] = time.time

    def unix_ms(self) -> int:
        return int(self.unix() * MS_PER_S)

    def day(self) -> int:
        """Whole days since 1970-01-01 UTC."""
        return int(self.unix() // S_PER_DAY)


def spoken(duration_s: float) -> str:
    """A length of time for a person: whole seconds, minutes or hours, rounded up."""
    seconds = max(1, math.ceil(duration_s))
    units = (("hour", 3_600), ("minute", 60), ("second", 1))
    word, unit_s = next(each for each in units if seconds >= each[1])
    count = math.ceil(seconds / unit_s)
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def local_time(unix_ms: int, *, now_s: float | None = None) -> str:
    """A date and time of day for a person here; only the time of day if it is that of today."""
    try:
        at = time.localtime(unix_ms / MS_PER_S)
    except (OverflowError, ValueError, OSError):
        # It comes from another device, which may have written anything.
        return "(no time)"
    if now_s is not None and at[:3] == time.localtime(now_s)[:3]:
        return time.strftime("%H:%M", at)
    return time.strftime("%Y-%m-%d %H:%M", at)
