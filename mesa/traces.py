"""Finds ids in what the server holds and says, in whatever spelling, whole or in pieces. Pure.

For the demo and the privacy tests. An id is found when eight of its bytes in a row turn up: in hex or as a
UUID, as base64url, as a number, or as they are.
"""

import base64
import re
from collections.abc import Iterator

PIECE_BYTES = 8
# Shorter runs can not hold a piece. A run may begin anywhere in what was encoded, or have signs before it.
HEX = re.compile(r"[0-9a-fA-F-]{16,}")
BASE64 = re.compile(r"[A-Za-z0-9_-]{11,}")
NUMBER = re.compile(r"[0-9]{15,39}")
# A byte as Python prints it.
ESCAPED = re.compile(r"\\x([0-9a-f]{2})")
NUMBER_BYTES = 16


def pieces_of(raw: bytes) -> frozenset[bytes]:
    """Cut an id into all its pieces; they overlap."""
    return frozenset(raw[at : at + PIECE_BYTES] for at in range(len(raw) - PIECE_BYTES + 1))


def pieces_in(text: str) -> frozenset[bytes]:
    """Give every piece that a text could be holding, however it is read."""
    return frozenset().union(*(pieces_of(raw) for raw in _readings(text)))


def _readings(text: str) -> Iterator[bytes]:
    yield text.encode()
    yield ESCAPED.sub(lambda found: chr(int(found[1], 16)), text).encode("latin-1", "replace")
    for run in HEX.findall(text):
        digits = run.replace("-", "")
        yield from (bytes.fromhex(_whole(digits[start:], 2)) for start in range(2))
    for run in BASE64.findall(text.replace("+", "-").replace("/", "_")):
        yield from (_from_base64(run[start:]) for start in range(4))
    for run in NUMBER.findall(text):
        number = int(run)
        if number < 1 << 8 * NUMBER_BYTES:
            yield number.to_bytes(NUMBER_BYTES, "big")
            yield number.to_bytes(NUMBER_BYTES, "little")


def _from_base64(run: str) -> bytes:
    # A sign that stands alone after the last whole four is not enough for a byte.
    signs = run[:-1] if len(run) % 4 == 1 else run
    return base64.urlsafe_b64decode(signs + "=" * (-len(signs) % 4))


def _whole(signs: str, step: int) -> str:
    return signs[: len(signs) // step * step]
