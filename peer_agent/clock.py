"""Time as an edge: tests pass their own."""

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
