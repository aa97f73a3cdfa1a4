import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p.protocol.cells import (
    CREDIT_EVERY,
    FIRST_WINDOW,
    FRAGMENT_BYTES,
    MAX_ENVELOPE_BYTES,
    MAX_STREAMS,
    MAX_UNFINISHED_BYTES,
    PAYLOAD_BYTES,
    STREAM_IDLE_S,
    WINDOW,
    Fragment,
    LinkFrame,
    Reassembler,
    fragments,
)
from p2p.protocol.errors import CellError
from p2p.protocol.ids import HopId, StreamId
from tests.protocol.strategies import quick

STREAM = StreamId(b"stream 1")
envelopes = st.binary(min_size=1, max_size=200).flatmap(
    lambda start: st.integers(1, MAX_ENVELOPE_BYTES).map(lambda size: (start * -(-size // len(start)))[:size])
)


@quick
@given(st.binary(min_size=8, max_size=8), st.binary(min_size=1, max_size=9))
def test_a_link_frame_comes_back_as_it_was_written(hop: bytes, cell: bytes) -> None:
    frame = LinkFrame(HopId(hop), cell.ljust(4_096, b"."))

    assert LinkFrame.unpack(frame.pack()) == frame


@pytest.mark.parametrize(
    ("hop_bytes", "cell_bytes"), [(7, 4_096), (9, 4_096), (8, 4_095), (8, 4_097), (9, 4_095)]
)
def test_a_link_frame_of_wrong_parts_is_never_written(hop_bytes: int, cell_bytes: int) -> None:
    with pytest.raises(CellError):
        LinkFrame(HopId(bytes(hop_bytes)), bytes(cell_bytes)).pack()


@quick
@given(envelopes)
def test_fragments_in_any_order_make_the_envelope_again(envelope: bytes) -> None:
    packed = [fragment.pack() for fragment in fragments(envelope, STREAM)]
    random.Random(len(envelope)).shuffle(packed)
    reassembler = Reassembler()

    made = [reassembler.add(Fragment.unpack(raw), now=0.0).envelope for raw in packed]

    assert {len(raw) for raw in packed} == {PAYLOAD_BYTES}
    assert made[-1] == envelope
    assert made[:-1] == [None] * (len(packed) - 1)


@quick
@given(st.binary(min_size=PAYLOAD_BYTES, max_size=PAYLOAD_BYTES) | st.binary(max_size=60))
def test_payloads_that_parse_are_written_back_to_the_same_bytes(raw: bytes) -> None:
    raw = raw.ljust(PAYLOAD_BYTES, b"\0") if len(raw) > 40 else raw
    try:
        fragment = Fragment.unpack(raw)
    except CellError:
        return
    assert fragment.pack() == raw


@quick
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.booleans()), max_size=120),
    st.lists(st.integers(2 * FRAGMENT_BYTES, 6 * FRAGMENT_BYTES), min_size=4, max_size=4),
)
def test_loss_reordering_and_repeats_never_make_a_wrong_envelope(
    arrivals: list[tuple[int, int, bool]], sizes: list[int]
) -> None:
    """Fragments of four streams arrive in any order, any number of times, some never, some forged."""
    whole = [bytes([65 + number]) * size for number, size in enumerate(sizes)]
    cut = [list(fragments(one, StreamId(bytes([number]) * 8))) for number, one in enumerate(whole)]
    reassembler = Reassembler()
    held: list[set[int]] = [set(), set(), set(), set()]

    for number, index, forged in arrivals:
        fragment = cut[number][index % len(cut[number])]
        if forged and fragment.index in held[number]:
            with pytest.raises(CellError):
                reassembler.add(
                    Fragment(fragment.stream, fragment.index, fragment.count, b"?" * len(fragment.body)),
                    now=1.0,
                )
            continue
        made = reassembler.add(fragment, now=1.0).envelope
        held[number].add(fragment.index)
        assert (made is not None) == (len(held[number]) == len(cut[number]))
        if made is not None:
            assert made == whole[number]
            held[number].clear()


@quick
@given(st.integers(FIRST_WINDOW + 1, 19), st.randoms(use_true_random=False))
def test_a_sender_that_keeps_the_window_always_gets_credit_to_go_on(count: int, rng: random.Random) -> None:
    cut = list(fragments(b"x" * (count * FRAGMENT_BYTES), STREAM))
    reassembler = Reassembler()
    allowed, sent, in_flight = FIRST_WINDOW, 0, list[Fragment]()
    envelope = None

    while envelope is None:
        while sent < min(allowed, count):
            in_flight.append(cut[sent])
            sent += 1
        progress = reassembler.add(in_flight.pop(rng.randrange(len(in_flight))), now=0.0)
        envelope = progress.envelope
        if progress.credit_index is not None:
            allowed = progress.credit_index + WINDOW

    assert len(envelope) == count * FRAGMENT_BYTES


def test_credit_comes_at_most_once_in_eight_fragments() -> None:
    cut = list(fragments(b"x" * MAX_ENVELOPE_BYTES, STREAM))
    reassembler = Reassembler()

    credits_given = [reassembler.add(fragment, now=0.0).credit_index for fragment in cut]

    assert [index for index in credits_given if index is not None] == [CREDIT_EVERY - 1, 2 * CREDIT_EVERY - 1]


def test_a_short_stream_gets_no_credit() -> None:
    reassembler = Reassembler()

    for fragment in fragments(b"x" * (CREDIT_EVERY * FRAGMENT_BYTES), STREAM):
        assert reassembler.add(fragment, now=0.0).credit_index is None


def test_streams_are_bounded_in_number() -> None:
    reassembler = Reassembler()
    halves = [
        next(iter(fragments(b"x" * 4_000, StreamId(number.to_bytes(8, "big")))))
        for number in range(MAX_STREAMS + 1)
    ]

    for half in halves:
        reassembler.add(half, now=0.0)

    assert reassembler.unfinished_streams == MAX_STREAMS


def test_unfinished_bytes_are_bounded() -> None:
    reassembler = Reassembler(max_envelope_bytes=MAX_UNFINISHED_BYTES // 8)
    for number in range(20):
        cut = list(fragments(b"x" * (MAX_UNFINISHED_BYTES // 8), StreamId(number.to_bytes(8, "big"))))
        for fragment in cut[:-1]:
            reassembler.add(fragment, now=float(number))
            assert reassembler.unfinished_bytes <= MAX_UNFINISHED_BYTES


def test_a_silent_stream_is_forgotten() -> None:
    first, last = fragments(b"x" * 4_000, STREAM)
    reassembler = Reassembler()
    reassembler.add(first, now=0.0)

    late = reassembler.add(last, now=STREAM_IDLE_S + 0.1)

    assert late.envelope is None


def test_a_stream_over_the_size_of_an_envelope_is_refused() -> None:
    too_many = -(-MAX_ENVELOPE_BYTES // FRAGMENT_BYTES) + 1

    with pytest.raises(CellError):
        Reassembler().add(Fragment(STREAM, too_many - 1, too_many, b"end"), now=0.0)
