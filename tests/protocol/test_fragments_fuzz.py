"""Fragments with errors, alone and several of them: refused, or read and joined as the page says."""

import struct

from p2p.protocol.cells import FRAGMENT_BYTES, PAYLOAD_BYTES, Fragment, Reassembler, fragments
from p2p.protocol.errors import CellError
from p2p.protocol.ids import HopId, StreamId
from tests.fuzz_cases import Fuzz, fuzzed
from tests.fuzz_edits import Good, edited, how, picked

Event = tuple[HopId, Fragment]

# Stream, index, count, length, body, padding.
PAYLOADS = [
    Good.of(fragment.pack(), 8, 2, 2, 2, len(fragment.body))
    for number, size in enumerate((1, 300, FRAGMENT_BYTES, FRAGMENT_BYTES + 1, 9_000))
    for fragment in fragments(bytes([65 + number]) * size, StreamId(bytes([number]) * 8))
]
_NUMBERS = (0, 1, 2, 3, 4, 255, 256, 3_825, 3_826, 3_827, 4_095, 4_096, 4_097, 32_768, 65_535)
_HEADER = struct.Struct("!8sHHH")
_MAX_FRAGMENTS = 4_096


def payload(drawn: bytes) -> bytes:
    """A good payload with errors, or one whose header was put together from odd numbers."""
    if how(drawn, 2):
        return edited(picked(PAYLOADS, drawn), drawn)
    index, count, length = (_number(drawn[at : at + 3]) for at in (4, 7, 10))
    body = drawn * (1 + length // len(drawn))
    raw = _HEADER.pack(drawn[:8], index, count, length) + body[:length]
    return raw[:PAYLOAD_BYTES].ljust(PAYLOAD_BYTES, b"\0") + bytes(drawn[13] % 9 == 8)


def _number(drawn: bytes) -> int:
    return _NUMBERS[drawn[1] % len(_NUMBERS)] if drawn[0] % 8 else int.from_bytes(drawn[1:], "big")


def is_fragment(raw: bytes) -> bool:
    """Read the page once more."""
    if len(raw) != PAYLOAD_BYTES:
        return False
    _, index, count, length = _HEADER.unpack_from(raw)
    is_full = index == count - 1 or length == FRAGMENT_BYTES
    return (
        1 <= count <= _MAX_FRAGMENTS
        and index < count
        and 1 <= length <= FRAGMENT_BYTES
        and is_full
        and not any(raw[14 + length :])
    )


def check_fragment(raw: bytes) -> None:
    try:
        fragment = Fragment.unpack(raw)
    except CellError:
        assert not is_fragment(raw)
        return
    assert is_fragment(raw)
    assert fragment.pack() == raw


# The streams of a test: what belongs together, and what contradicts it.
ENVELOPES = (b"a", b"b" * 3_000, b"c" * 9_000, b"d" * FRAGMENT_BYTES * 4)
POOL = [
    fragment
    for stream in range(2)
    for envelope in (*ENVELOPES, b"e" * 3_000, b"f" * 9_000)
    for fragment in fragments(envelope, StreamId(bytes([stream]) * 8))
]
HOPS = (HopId(bytes(8)), HopId(b"\1" * 8))


def events(drawn: bytes) -> tuple[Event, ...]:
    """Fragments in the order in which they come in, each over a hop."""
    hops = 1 + drawn[0] % len(HOPS)
    return tuple((HOPS[byte // 128 % hops], POOL[byte % len(POOL)]) for byte in drawn[1:])


def check_reassembly(made: tuple[Event, ...]) -> None:
    """Join what came in a second time, without bounds: so few fragments reach none."""
    reassembler = Reassembler()
    model: dict[tuple[HopId, bytes], dict[int, Fragment]] = {}
    for hop, fragment in made:
        held = model.setdefault((hop, fragment.stream), {})
        is_refused = any(
            other.count != fragment.count or (index == fragment.index and other.body != fragment.body)
            for index, other in held.items()
        )
        try:
            progress = reassembler.add(fragment, now=0.0, hop=hop)
        except CellError:
            assert is_refused
            continue
        assert not is_refused
        held[fragment.index] = fragment
        joined = None
        if len(held) == fragment.count:
            joined = b"".join(held[index].body for index in range(fragment.count))
            del model[hop, fragment.stream]
        assert progress.envelope == joined
    assert reassembler.unfinished_bytes == sum(
        len(each.body) for held in model.values() for each in held.values()
    )


CASES = {"fragment": Fuzz(payload, check_fragment), "reassembly": Fuzz(events, check_reassembly)}


@fuzzed(CASES)
def test_fragment_with_an_error_is_refused_or_joined_as_it_stands(case: Fuzz) -> None:
    case.run()
