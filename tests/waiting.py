"""Waiting with a limit for what other processes do."""

import os
import select
import threading
import time
from collections.abc import Callable

LOOK_EVERY_S = 0.02


class TooLate(AssertionError):
    """What was waited for did not happen within the limit."""


def wait_for(is_so: Callable[[], object], *, limit_s: float = 10) -> None:
    """Wait until something in another process is so."""
    never = threading.Event()
    ends_at = time.monotonic() + limit_s
    while time.monotonic() < ends_at:
        if is_so():
            return
        never.wait(LOOK_EVERY_S)
    raise TooLate(f"not within {limit_s} s")


def is_running(pid: int) -> bool:
    """Tell whether a process runs: a dead one that nobody has collected does not."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        return not select.select([descriptor], [], [], 0)[0]
    finally:
        os.close(descriptor)


def wait_for_end(pid: int, *, limit_s: float = 10) -> None:
    """Wait until a process has ended, whoever its parent is."""
    wait_for(lambda: not is_running(pid), limit_s=limit_s)
