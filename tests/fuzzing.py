"""Fuzzing: good bytes with an error of any sort, and a check that is run on very many of them."""

from collections.abc import Callable, Sequence
from random import SystemRandom
from typing import TypeVar

from hypothesis import given, seed, settings
from hypothesis import strategies as st

from tests.progress import Progress

LONG = 1_000_000
# Hypothesis keeps every input of a run: with a million of them it is half as fast, and needs a gigabyte.
BATCH = 10_000

T = TypeVar("T")

# One draw of bytes: with a strategy for each part, hypothesis would take most of the time.
drawings = st.binary(min_size=4, max_size=9)

_HEAD_BYTES = 4


def fuzz(check: Callable[[T], None], inputs: st.SearchStrategy[T], *, tries: int, batch: int = BATCH) -> None:
    """Run a check on many inputs, a batch at a time; the first that fails it is made small and shown."""
    progress = Progress("tries", tries)
    for begin in range(0, tries, batch):
        size = min(batch, tries - begin)
        # Else, where CI is set, all batches would be the same.
        again = seed(SystemRandom().getrandbits(64))
        again(settings(max_examples=size, deadline=None, database=None)(given(inputs)(check)))()
        if tries > batch:
            progress.advance(size)


def picked(goods: Sequence[T], drawn: bytes) -> T:
    """The good thing that drawn bytes stand for."""
    return goods[drawn[0] % len(goods)]


def edited(good: bytes, drawn: bytes) -> bytes:
    """Good bytes after the error that drawn bytes stand for; now and then they are as good as before."""
    at = int.from_bytes(drawn[2:_HEAD_BYTES], "big") % (len(good) + 1)
    new = drawn[_HEAD_BYTES:]
    match drawn[1] % 6:
        case 0:
            return good[:at] + new + good[at + len(new) :]
        case 1:
            return good[:at] + good[at + len(new) :]
        case 2:
            return good[:at] + new + good[at:]
        case 3:
            return good[at:] + good[:at]
        case 4:
            return good[:at]
    return good[:at] + bytes(byte ^ 1 << (drawn[1] >> 5) for byte in good[at : at + 1]) + good[at + 1 :]
