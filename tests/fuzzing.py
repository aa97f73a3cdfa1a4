"""Fuzzing: a check that is run on very many inputs, each of which is made of a few drawn bytes.

An example costs hypothesis more than most checks take, so one of its examples is a block of inputs. The first
of them that fails is given to hypothesis once more, by itself, which makes it small and shows it.
"""

from collections.abc import Callable, Iterable, Iterator
from random import SystemRandom

from hypothesis import Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.database import ExampleDatabase, choices_to_bytes

from tests.progress import Progress

LONG = 1_000_000
# What one input is made of.
DRAWN_BYTES = 16
BLOCK = 64
# Hypothesis keeps every example of a run.
BATCH = 50_000

Check = Callable[[bytes], None]

_inputs = st.binary(min_size=DRAWN_BYTES, max_size=DRAWN_BYTES)
_blocks = st.binary(min_size=DRAWN_BYTES * BLOCK, max_size=DRAWN_BYTES * BLOCK)


def fuzz(check: Check, *, tries: int, batch: int = BATCH) -> None:
    """Run a check on at least so many inputs, batch after batch; one that fails is made small and shown."""
    progress = Progress("tries", tries)
    left = tries
    while left > 0:
        tried = min(_try(check, min(batch, left)), left)
        left -= tried
        if tries > batch:
            progress.advance(tried)


def inputs_of(block: bytes) -> Iterator[bytes]:
    """What a block is made of, each only once."""
    return iter(dict.fromkeys(block[at : at + DRAWN_BYTES] for at in range(0, len(block), DRAWN_BYTES)))


def _try(check: Check, about: int) -> int:
    """Check about so many inputs; returns how many they were."""
    tried = 0
    failed: list[tuple[bytes, Exception]] = []

    def check_block(block: bytes) -> None:
        nonlocal tried
        for drawn in inputs_of(block) if not failed else ():
            tried += 1
            try:
                check(drawn)
            except Exception as error:
                failed.append((drawn, error))
                return

    # Else, where CI is set, all batches would be the same.
    again = seed(SystemRandom().getrandbits(64))
    # The first block is nothing but zeros.
    blocks = 1 + -(-about // BLOCK)
    some = settings(max_examples=blocks, deadline=None, database=None, phases=[Phase.generate])
    again(some(given(_blocks)(check_block)))()
    for drawn, error in failed:
        _show(check, drawn, error)
    return tried


def _show(check: Check, failing: bytes, error: Exception) -> None:
    """Have hypothesis make an input small that is known to fail."""

    def fails_with(drawn: bytes) -> None:
        check(drawn)

    phases = [Phase.reuse, Phase.shrink]
    small = settings(database=_Known(failing), deadline=None, phases=phases, report_multiple_bugs=False)
    small(given(_inputs)(fails_with))()
    raise AssertionError(f"only after other inputs: {failing!r}") from error


class _Known(ExampleDatabase):
    """One input that hypothesis is to begin with."""

    def __init__(self, drawn: bytes) -> None:
        super().__init__()
        self._drawn = drawn

    def fetch(self, key: bytes) -> Iterable[bytes]:
        # What is kept under the first key has been made small before.
        return [choices_to_bytes((self._drawn,))] if key.endswith(b".secondary") else []

    def save(self, key: bytes, value: bytes) -> None:
        """Keep nothing."""

    def delete(self, key: bytes, value: bytes) -> None:
        """Keep what is known."""
