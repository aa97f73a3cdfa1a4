"""Fuzzing: a check that is run on very many inputs, each of which is made of a few drawn bytes.

An example costs hypothesis more than most checks take, so one of its examples is a block of inputs. The first
of them that fails is given to hypothesis once more, by itself, which makes it small and shows it.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator
from random import SystemRandom
from typing import TypeVar

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
_SHOWN_SIGNS = 1_000

T = TypeVar("T", bound=Hashable)

_inputs = st.binary(min_size=DRAWN_BYTES, max_size=DRAWN_BYTES)
_blocks = st.binary(min_size=DRAWN_BYTES * BLOCK, max_size=DRAWN_BYTES * BLOCK)


def fuzz(make: Callable[[bytes], T], check: Callable[[T], None], *, tries: int, batch: int = BATCH) -> None:
    """Run a check on so many inputs, no two of them alike; one that fails is made small and shown."""
    progress = Progress("tries", tries)
    seen: set[int] = set()
    while len(seen) < tries:
        before, wanted = len(seen), min(batch, tries - len(seen))
        _try(make, check, seen, wanted)
        assert len(seen) - before > wanted // 4, "most inputs were there before"
        if tries > batch:
            progress.advance(min(len(seen), tries) - before)


def pieces(block: bytes) -> Iterator[bytes]:
    """Take a block apart: what is drawn for each input."""
    return (block[at : at + DRAWN_BYTES] for at in range(0, len(block), DRAWN_BYTES))


def _try(make: Callable[[bytes], T], check: Callable[[T], None], seen: set[int], about: int) -> None:
    """Check about so many inputs, apart from those that were seen."""
    failed: list[tuple[bytes, Exception]] = []

    def check_block(block: bytes) -> None:
        for drawn in pieces(block) if not failed else ():
            made = make(drawn)
            if hash(made) in seen:
                continue
            seen.add(hash(made))
            try:
                check(made)
            except Exception as error:
                failed.append((drawn, error))
                return

    # The first block is nothing but zeros.
    blocks = 1 + -(-about // BLOCK)
    # Else, where CI is set, all batches would be the same.
    again = seed(SystemRandom().getrandbits(64))
    some = settings(max_examples=blocks, database=None, phases=[Phase.generate])
    again(some(given(_blocks)(check_block)))()
    for drawn, error in failed:
        _show(make, check, drawn, error)


def _show(make: Callable[[bytes], T], check: Callable[[T], None], failing: bytes, error: Exception) -> None:
    """Have hypothesis make an input small that is known to fail."""

    def fails_with(drawn: bytes) -> None:
        made = make(drawn)
        try:
            check(made)
        except Exception as again:
            again.add_note(f"Input: {repr(made)[:_SHOWN_SIGNS]}")
            raise

    phases = [Phase.reuse, Phase.shrink]
    small = settings(database=_Known(failing), phases=phases, report_multiple_bugs=False)
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
