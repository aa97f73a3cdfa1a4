"""What long tests say while they run: how far they are. `make test-long` shows it."""

import sys
import time

PARTS = 20


class Progress:
    """Counts what is done, and says at each twentieth how much that is and how long the rest will take."""

    def __init__(self, what: str, total: int) -> None:
        self._what = what
        self._total = total
        self._done = 0
        self._began = time.monotonic()

    def advance(self, by: int = 1) -> None:
        before, self._done = self._done, self._done + by
        if self._done * PARTS // self._total == before * PARTS // self._total:
            return
        took = time.monotonic() - self._began
        left = took / self._done * (self._total - self._done)
        say(f"{self._done:,} of {self._total:,} {self._what} in {took:.0f} s, {left:.0f} s left")


def say(line: str) -> None:
    """Write a line that is seen at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
