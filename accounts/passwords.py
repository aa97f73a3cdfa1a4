"""Password hashing, a few at a time: each takes some 100 MB of memory for a tenth of a second."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from accounts.errors import TooBusy

AT_ONCE = 4
WAIT_S = 5.0

_slots = threading.BoundedSemaphore(AT_ONCE)


@contextmanager
def hashing_slot() -> Iterator[None]:
    """Hash or check a password inside; waits for a turn.

    Raises:
        TooBusy: no turn came within WAIT_S.
    """
    if not _slots.acquire(timeout=WAIT_S):
        raise TooBusy
    try:
        yield
    finally:
        _slots.release()
