"""Fakes of the edges: what stands for the world in a test."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta


@dataclass
class FakeClock:
    """A clock that moves when the test says so."""

    now: datetime = field(default_factory=lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta) -> datetime:
        self.now += by
        return self.now

    def unix(self) -> float:
        """Seconds since 1970: what `peer_agent.clock.Clock` takes."""
        return self.now.timestamp()
