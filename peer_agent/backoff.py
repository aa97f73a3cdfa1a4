"""Pauses between tries: each thing that failed has its own, twice as long after each failure."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from peer_agent.clock import Clock

FIRST_PAUSE_S = 15.0
LAST_PAUSE_S = 3_600.0

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class _Pause:
    length_s: float
    until: float


class Backoff(Generic[Key]):
    """When what failed may be tried again. What never failed is always due."""

    def __init__(self, clock: Clock, *, first_s: float = FIRST_PAUSE_S, last_s: float = LAST_PAUSE_S) -> None:
        self._clock = clock
        self._first_s = first_s
        self._last_s = last_s
        self._pauses: dict[Key, _Pause] = {}

    def is_due(self, key: Key) -> bool:
        """Tell whether something may be tried."""
        pause = self._pauses.get(key)
        return pause is None or self._clock.monotonic() >= pause.until

    def failed(self, key: Key, *, at_least_s: float = 0.0) -> None:
        """Leave something alone for a while."""
        before = self._pauses.get(key)
        length_s = self._first_s if before is None else min(2 * before.length_s, self._last_s)
        self._pauses[key] = _Pause(length_s, self._clock.monotonic() + max(length_s, at_least_s))

    def done(self, key: Key) -> None:
        """Forget the failures of something."""
        self._pauses.pop(key, None)

    def due_in_s(self) -> float | None:
        """Seconds until the first of what failed is due; None if nothing failed."""
        if not self._pauses:
            return None
        return max(0.0, min(pause.until for pause in self._pauses.values()) - self._clock.monotonic())
