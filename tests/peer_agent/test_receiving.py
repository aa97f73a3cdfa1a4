"""Payloads become envelopes, and receipts become as few frames as the socket likes."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import pytest

from p2p.protocol.cells import FRAGMENT_BYTES, PAYLOAD_BYTES, Fragment, fragments
from p2p.protocol.ids import HopId, StreamId
from p2p.protocol.limits import MAX_RECEIPT_ENTRIES
from p2p.protocol.parts import ReceiptEntry
from p2p.protocol.to_server import Receipt
from peer_agent.receiving import TAKEN_AT_ONCE, Receiving
from peer_agent.tasks import Tasks

LIMIT_S = 5.0
NONSENSE = b"nonsense"
HOP, OTHER = HopId(b"h" * 8), HopId(b"o" * 8)


@dataclass
class End:
    """A receiver whose inbox takes everything but nonsense."""

    taken: list[bytes] = field(default_factory=list)
    together: list[int] = field(default_factory=list)
    frames: "asyncio.Queue[Receipt]" = field(default_factory=asyncio.Queue)

    def __post_init__(self) -> None:
        self.receiving = Receiving(self.take, self.frames.put_nowait)

    def take(self, envelopes: Sequence[bytes]) -> list[ReceiptEntry | None]:
        self.together.append(len(envelopes))
        return [self.take_one(envelope) for envelope in envelopes]

    def take_one(self, envelope: bytes) -> ReceiptEntry | None:
        self.taken.append(envelope)
        number = len(self.taken).to_bytes(16, "big")
        return None if envelope == NONSENSE else ReceiptEntry(number, bytes(16))

    def put(self, envelope: bytes, hop: HopId = HOP) -> None:
        for fragment in fragments(envelope, StreamId(secrets.token_bytes(8))):
            self.receiving.payload(hop, fragment.pack())


@pytest.fixture
async def end() -> AsyncIterator[End]:
    async with Tasks() as tasks:
        made = End()
        tasks.spawn(made.receiving.run())
        yield made


async def next_frame(end: End) -> Receipt:
    return await asyncio.wait_for(end.frames.get(), LIMIT_S)


async def test_envelope_is_receipted_over_its_hop(end: End) -> None:
    end.put(b"envelope")

    frame = await next_frame(end)
    assert (frame.hop, len(frame.entries), frame.credit) == (HOP, 1, None)
    assert end.taken == [b"envelope"]


async def test_envelopes_that_arrive_together_are_taken_together_in_order(end: End) -> None:
    for text in (b"one", b"two", b"three"):
        end.put(text)
    assert end.taken == []

    frame = await next_frame(end)

    assert (end.taken, end.together) == ([b"one", b"two", b"three"], [3])
    assert [int.from_bytes(entry.digest, "big") for entry in frame.entries] == [1, 2, 3]


async def test_no_more_are_taken_together_than_may_keep_others_waiting(end: End) -> None:
    for _ in range(2 * TAKEN_AT_ONCE + 1):
        end.put(b"envelope")

    await next_frame(end)

    assert end.together == [TAKEN_AT_ONCE, TAKEN_AT_ONCE, 1]


async def test_receipts_are_bundled_under_load(end: End) -> None:
    for _ in range(MAX_RECEIPT_ENTRIES + 10):
        end.put(b"envelope")

    sizes = [len((await next_frame(end)).entries) for _ in range(2)]
    assert sizes == [MAX_RECEIPT_ENTRIES, 10]


async def test_receipts_of_two_hops_go_in_two_frames(end: End) -> None:
    end.put(b"envelope", HOP)
    end.put(b"envelope", OTHER)

    assert [(await next_frame(end)).hop for _ in range(2)] == [HOP, OTHER]


async def test_long_envelope_earns_credit_on_the_way(end: End) -> None:
    stream = StreamId(b"s" * 8)
    parts = list(fragments(bytes(19 * FRAGMENT_BYTES), stream))

    for fragment in parts[:8]:
        end.receiving.payload(HOP, fragment.pack())
    frame = await next_frame(end)

    assert frame.credit is not None
    assert (frame.credit.stream, frame.credit.index, frame.entries) == (stream, 7, ())


async def test_envelope_that_nobody_wants_gets_no_answer(end: End) -> None:
    end.put(NONSENSE)
    end.put(b"envelope")

    assert len((await next_frame(end)).entries) == 1
    assert end.frames.empty()


@pytest.mark.parametrize("payload", [b"", bytes(PAYLOAD_BYTES), b"\xff" * PAYLOAD_BYTES, bytes(10)])
async def test_malformed_payload_is_dropped(end: End, payload: bytes) -> None:
    end.receiving.payload(HOP, payload)
    end.put(b"envelope")

    assert (await next_frame(end)).hop == HOP
    assert end.taken == [b"envelope"]


async def test_fragment_that_contradicts_its_stream_is_dropped(end: End) -> None:
    stream = StreamId(b"s" * 8)
    first, second = fragments(bytes(FRAGMENT_BYTES) + b"end", stream)
    end.receiving.payload(HOP, first.pack())
    end.receiving.payload(HOP, Fragment(stream, 1, 3, bytes(FRAGMENT_BYTES)).pack())

    end.receiving.payload(HOP, second.pack())
    await next_frame(end)

    assert end.taken == [bytes(FRAGMENT_BYTES) + b"end"]
