"""How long somebody who is to be answered lets the database take, for all its statements together."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# A statement that begins when the time is up is sent all the same, and is told at once that it is too late.
LEAST_S = 0.01

_ends_at: ContextVar[float] = ContextVar("ends_at")


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Let the statements of this block, and of the threads that it waits for, take so long in all."""
    token = _ends_at.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _ends_at.reset(token)


def time_left_s(most: float) -> float:
    """How long the next statement may take, at most `most`."""
    left_s = _ends_at.get(float("inf")) - time.monotonic()
    return max(LEAST_S, min(left_s, most))
