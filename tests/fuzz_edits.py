"""Good things with errors in them: what the drawn bytes of an input stand for.

Layout of the drawn bytes (`tests.fuzzing.DRAWN_BYTES`):
    0    2   which good thing
    2    1   for the target: which sort of error
    3    1   how many edits
    4   12   three edits: what, place (2), value
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeVar

T = TypeVar("T")

_EDITS = (1, 2, 2, 3)
_FIRST_EDIT = 4
_EDIT_BYTES = 4
_ALL = range(11)
_KEEPING_SIZE = range(7)
_NEAR_BYTES = 48
_SIZES = (1, 2, 4, 8)
_NUMBERS = (
    0,
    1,
    2,
    3,
    8,
    9,
    64,
    65,
    127,
    128,
    255,
    256,
    1_000,
    4_096,
    65_535,
    2**31,
    2**32 - 1,
    2**63,
    2**64 - 1,
)
_PRIME = 2**255 - 19
# As long as keys, ids and signatures: numbers that curves know well, and what nobody draws.
_RUNS = (
    *(bytes(size) for size in (4, 14, 16, 32, 64)),
    *(b"\xff" * size for size in (4, 16, 32)),
    *((_PRIME + more).to_bytes(32, "little") for more in (-1, 0, 1, 2, 3)),
    *(number.to_bytes(32, "little") for number in (1, 2, 2**255, 2**255 + 1, 2**256 - 1)),
)


@dataclass(frozen=True)
class Good:
    """Bytes that are as they should be, and the places where their fields begin."""

    raw: bytes
    fields: tuple[int, ...] = (0,)

    @classmethod
    def of(cls, raw: bytes, *sizes: int) -> "Good":
        """Bytes whose first fields have these sizes; what follows is one more."""
        return cls(raw, (0, *(at for at in accumulate(sizes) if at <= len(raw))))


def picked(goods: Sequence[T], drawn: bytes) -> T:
    """The good thing that drawn bytes stand for."""
    return goods[int.from_bytes(drawn[:2], "big") % len(goods)]


def how(drawn: bytes, sorts: int) -> int:
    """The sort of error that drawn bytes stand for, from 0."""
    return drawn[2] % sorts


def edited(good: Good, drawn: bytes, *, keep_size: bool = False) -> bytes:
    """Good bytes after the errors that drawn bytes stand for; now and then they are as good as before."""
    edits = _KEEPING_SIZE if keep_size else _ALL
    raw = good.raw
    for number in range(_EDITS[drawn[3] % len(_EDITS)]):
        at = _FIRST_EDIT + number * _EDIT_BYTES
        what = edits[drawn[at] % len(edits)]
        raw = _edit(raw, good.fields, what, drawn[at : at + _EDIT_BYTES])
    return raw[: len(good.raw)] if keep_size else raw


def _place(size: int, fields: Sequence[int], drawn: int) -> int:
    """Where an edit begins: anywhere, near either end, or where a field begins."""
    offset = drawn // 4
    match drawn % 4:
        case 0:
            return fields[offset % len(fields)]
        case 1:
            return offset % (size + 1)
        case 2:
            return offset % (min(size, _NEAR_BYTES) + 1)
    return size - offset % (min(size, _NEAR_BYTES) + 1)


def _edit(raw: bytes, fields: Sequence[int], what: int, drawn: bytes) -> bytes:
    at = _place(len(raw), fields, int.from_bytes(drawn[1:3], "big"))
    if what in _KEEPING_SIZE:
        new = _new(raw, at, what, drawn)
        return raw[:at] + new + raw[at + len(new) :]
    value, noise = drawn[3], hashlib.shake_128(drawn).digest(1 + drawn[3] % 64)
    match what:
        case 7:
            return raw[:at] + raw[at + 1 + value % 20 :]
        case 8:
            return raw[:at] + noise[:40] + raw[at:]
        case 9:
            return raw[:at] + bytes(value % 20)
    return raw + (noise if at % 2 else bytes(len(noise)))


def _new(raw: bytes, at: int, what: int, drawn: bytes) -> bytes:
    """What an edit writes over what is there."""
    value = drawn[3]
    match what:
        case 0:
            return bytes([value])
        case 1:
            return bytes(byte ^ 1 << value % 8 for byte in raw[at : at + 1])
        case 2:
            return _other_number(raw[at : at + _SIZES[value % 4]], value)
        case 3:
            return hashlib.shake_128(drawn).digest(1 + value % 64)
        case 4:
            return raw[value : value + 1 + at % 40]
        case 5:
            return _NUMBERS[value // 4 % len(_NUMBERS)].to_bytes(8, "big")[-_SIZES[value % 4] :]
    return _RUNS[value % len(_RUNS)]


def _other_number(number: bytes, value: int) -> bytes:
    """Add to or take from a number a little."""
    more = (1 + value // 8) * (1 if value & 4 else -1)
    size = len(number)
    return ((int.from_bytes(number, "big") + more) % (1 << 8 * size)).to_bytes(size, "big")
