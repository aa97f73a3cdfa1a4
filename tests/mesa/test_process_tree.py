import threading
import time

import pytest

from mesa.process_tree import NotReady, ProcessTree

LOOK_S = 0.2
LIMIT_S = 0.5


def test_slow_looks_do_not_lengthen_the_wait() -> None:
    never = threading.Event()
    began = time.monotonic()

    with pytest.raises(NotReady, match="the store"):
        ProcessTree().wait_until(lambda: never.wait(LOOK_S), what="the store", limit_s=LIMIT_S)

    # As long as the limit and one look; a count of quick looks would have made it five times that.
    assert LIMIT_S <= time.monotonic() - began < 3 * LIMIT_S


def test_wait_ends_when_it_is_ready() -> None:
    answers = iter([False, False, True])

    ProcessTree().wait_until(lambda: next(answers), what="the store", limit_s=LIMIT_S)

    assert list(answers) == []
