"""Fuzzing: good bytes with an error of any sort, and a check that is run on very many of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

LONG = 1_000_000

T = TypeVar("T")

# One draw of bytes: with a strategy for each part, hypothesis would take most of the time.
drawings = st.binary(min_size=4, max_size=9)

_HEAD_BYTES = 4


@dataclass(frozen=True)
class Fuzz:
    """A check, and how many inputs it is run on: in the short tier as many as its price allows."""

    check: Callable[[Any], None]
    tries: int
    inputs: st.SearchStrategy[Any] = drawings

    def run(self) -> None:
        """Run it; the first input that fails is made small and shown."""
        settings(max_examples=self.tries, deadline=None, database=None)(given(self.inputs)(self.check))()


def fuzzed(fuzzes: Mapping[str, Fuzz]) -> pytest.MarkDecorator:
    """Give a test each of these as its `fuzz`, and in the long tier each with a million tries."""
    long = (pytest.mark.long, pytest.mark.timeout(0))
    return pytest.mark.parametrize(
        "fuzz",
        [
            *(pytest.param(fuzz, id=name) for name, fuzz in fuzzes.items()),
            *(
                pytest.param(replace(fuzz, tries=LONG), id=f"{name}, a million", marks=long)
                for name, fuzz in fuzzes.items()
            ),
        ],
    )


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
