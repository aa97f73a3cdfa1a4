"""The bounds of a receiver: what one hop brings costs another nothing."""

import secrets

from p2p.protocol.cells import (
    CREDIT_EVERY,
    FAIR_STREAMS,
    FIRST_WINDOW,
    FRAGMENT_BYTES,
    MAX_STREAMS,
    MAX_STREAMS_OF_ALL_HOPS,
    MAX_UNFINISHED_BYTES,
    MAX_UNFINISHED_BYTES_OF_ALL_HOPS,
    STALLED_S,
    Fragment,
    Reassembler,
    fragments,
)
from p2p.protocol.ids import HopId, StreamId

ADA, MALLORY = HopId(b"hop ada."), HopId(b"hop mall")


def half_of_a_stream(number: int) -> Fragment:
    return Fragment(StreamId(number.to_bytes(8, "big")), 0, 2, bytes(FRAGMENT_BYTES))


def test_many_streams_of_one_hop_leave_another_s_message_whole() -> None:
    envelope = secrets.token_bytes(70_000)
    parts = list(fragments(envelope, StreamId(b"stream 1")))
    reassembler = Reassembler()
    for part in parts[:FIRST_WINDOW]:
        reassembler.add(part, now=0.0, hop=ADA)

    for number in range(10 * MAX_STREAMS):
        reassembler.add(half_of_a_stream(number), now=0.01, hop=MALLORY)
    made = [reassembler.add(part, now=0.1, hop=ADA).envelope for part in parts[FIRST_WINDOW:]]

    assert made[-1] == envelope


def test_many_hops_with_many_streams_leave_another_s_message_whole() -> None:
    first, last = fragments(b"x" * (FRAGMENT_BYTES + 1), StreamId(b"stream 1"))
    reassembler = Reassembler()
    reassembler.add(first, now=0.0, hop=ADA)

    for number in range(2 * MAX_STREAMS_OF_ALL_HOPS):
        hop = HopId((number // 4).to_bytes(8, "big"))
        reassembler.add(half_of_a_stream(number), now=0.01, hop=hop)
        assert reassembler.unfinished_streams <= MAX_STREAMS_OF_ALL_HOPS

    assert reassembler.add(last, now=0.1, hop=ADA).envelope is not None


def test_bytes_of_one_hop_and_of_all_are_bounded() -> None:
    reassembler = Reassembler(max_envelope_bytes=MAX_UNFINISHED_BYTES)
    count = MAX_UNFINISHED_BYTES // FRAGMENT_BYTES
    ada, last = fragments(b"x" * (FRAGMENT_BYTES + 1), StreamId(b"stream 1"))
    reassembler.add(ada, now=0.0, hop=ADA)

    for number in range(2 * MAX_UNFINISHED_BYTES_OF_ALL_HOPS // MAX_UNFINISHED_BYTES):
        for index in range(count):
            fragment = Fragment(StreamId(b"stream 2"), index, count + 1, bytes(FRAGMENT_BYTES))
            reassembler.add(fragment, now=0.01, hop=HopId(number.to_bytes(8, "big")))
            assert reassembler.unfinished_bytes <= MAX_UNFINISHED_BYTES_OF_ALL_HOPS

    assert reassembler.add(last, now=0.1, hop=ADA).envelope is not None


def test_many_hops_with_part_of_a_message_each_leave_another_s_message_whole() -> None:
    envelope = secrets.token_bytes(70_000)
    parts = list(fragments(envelope, StreamId(b"stream 1")))
    reassembler = Reassembler()
    for part in parts[:FIRST_WINDOW]:
        reassembler.add(part, now=0.0, hop=ADA)

    for number in range(160):
        for part in parts[: FIRST_WINDOW - 2]:
            reassembler.add(part, now=0.5, hop=HopId(number.to_bytes(8, "big")))
    made = [reassembler.add(part, now=1.0, hop=ADA).envelope for part in parts[FIRST_WINDOW:]]

    assert made[-1] == envelope


def fill_with_streams(reassembler: Reassembler, *, now: float) -> None:
    """Take up all streams there may be, a few of each hop."""
    for number in range(MAX_STREAMS_OF_ALL_HOPS):
        reassembler.add(half_of_a_stream(number), now=now, hop=HopId((number // 4).to_bytes(8, "big")))


def test_what_stands_still_makes_room_for_who_comes_later() -> None:
    first, last = fragments(b"x" * (FRAGMENT_BYTES + 1), StreamId(b"stream 1"))
    reassembler = Reassembler()
    fill_with_streams(reassembler, now=0.0)

    reassembler.add(first, now=STALLED_S, hop=ADA)

    assert reassembler.add(last, now=STALLED_S, hop=ADA).envelope is not None
    assert reassembler.unfinished_streams == MAX_STREAMS_OF_ALL_HOPS - 1


def test_a_fragment_that_came_before_is_no_progress() -> None:
    first, last = fragments(b"x" * (FRAGMENT_BYTES + 1), StreamId(b"stream 1"))
    reassembler = Reassembler()
    fill_with_streams(reassembler, now=0.0)
    fill_with_streams(reassembler, now=STALLED_S - 0.1)

    reassembler.add(first, now=STALLED_S, hop=ADA)

    assert reassembler.add(last, now=STALLED_S, hop=ADA).envelope is not None


def test_who_holds_more_than_an_honest_sender_needs_makes_room_for_who_comes_later() -> None:
    first, last = fragments(b"x" * (FRAGMENT_BYTES + 1), StreamId(b"stream 1"))
    reassembler = Reassembler()
    for number in range(MAX_STREAMS_OF_ALL_HOPS):
        hop = HopId((number // (2 * FAIR_STREAMS)).to_bytes(8, "big"))
        reassembler.add(half_of_a_stream(number), now=0.0, hop=hop)

    reassembler.add(first, now=0.1, hop=ADA)

    assert reassembler.add(last, now=0.1, hop=ADA).envelope is not None


def test_a_stream_that_is_given_up_gets_no_credit() -> None:
    parts = list(fragments(b"x" * 70_000, StreamId(b"stream 1")))
    reassembler = Reassembler()
    most = MAX_UNFINISHED_BYTES_OF_ALL_HOPS // FRAGMENT_BYTES - CREDIT_EVERY + 1
    for number in range(most):
        hop = HopId((number // (len(parts) - 1)).to_bytes(8, "big"))
        reassembler.add(parts[number % (len(parts) - 1)], now=0.0, hop=hop)

    gained = [reassembler.add(part, now=0.1, hop=ADA).credit_index for part in parts[:CREDIT_EVERY]]

    assert gained == [None] * CREDIT_EVERY
    assert reassembler.unfinished_bytes == most * FRAGMENT_BYTES


def test_two_hops_may_use_the_same_stream_id() -> None:
    ada, mallory = (list(fragments(text * 4_000, StreamId(b"stream 1"))) for text in (b"a", b"m"))
    reassembler = Reassembler()

    reassembler.add(ada[0], now=0.0, hop=ADA)
    reassembler.add(mallory[0], now=0.0, hop=MALLORY)

    assert reassembler.add(ada[1], now=0.0, hop=ADA).envelope == b"a" * 4_000
    assert reassembler.add(mallory[1], now=0.0, hop=MALLORY).envelope == b"m" * 4_000


def test_hops_without_streams_leave_nothing_behind() -> None:
    reassembler = Reassembler()
    (whole,) = fragments(b"x", StreamId(b"stream 1"))

    for number in range(100):
        reassembler.add(whole, now=0.0, hop=HopId(number.to_bytes(8, "big")))

    assert reassembler.unfinished_streams == reassembler.unfinished_bytes == 0
