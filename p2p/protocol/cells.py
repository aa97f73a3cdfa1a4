"""What crosses a link, and how an envelope becomes the payloads of cells.

Spec: docs/spec/cells.md
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from p2p.protocol.errors import CellError
from p2p.protocol.ids import HOP_ID_BYTES, STREAM_ID_BYTES, HopId, StreamId

CELL_BYTES = 4_096
LINK_FRAME_BYTES = HOP_ID_BYTES + CELL_BYTES
PAYLOAD_BYTES = 3_840
FRAGMENT_HEADER = struct.Struct("!8sHHH")
FRAGMENT_BYTES = PAYLOAD_BYTES - FRAGMENT_HEADER.size
MAX_FRAGMENTS = 4_096
MAX_ENVELOPE_BYTES = 72 * 1_024

FIRST_WINDOW = 16
WINDOW = 32
CREDIT_EVERY = 8
PENDING_CELLS = 16
PENDING_S = 2.0
HOP_IDLE_S = 10.0
HOP_LIFE_S = 60.0
QUEUED_FRAMES = 256
QUEUED_FRAMES_PER_HOP = 64
MAX_STREAMS = 64
MAX_STREAMS_OF_ALL_HOPS = 512
MAX_UNFINISHED_BYTES = 2 * 1_024 * 1_024
MAX_UNFINISHED_BYTES_OF_ALL_HOPS = 8 * 1_024 * 1_024
STREAM_IDLE_S = 30.0
# What a sender that keeps to the window can have unfinished: less than this, also while one more begins. A
# stream of one cell is never unfinished, so the window holds half as many streams as cells.
FAIR_STREAMS = WINDOW // 2
FAIR_ENVELOPES = 2
STALLED_S = 2.0
LONE_HOP = HopId(bytes(HOP_ID_BYTES))


@dataclass(frozen=True, slots=True)
class LinkFrame:
    """One binary message on a data channel, always LINK_FRAME_BYTES long.

    Layout:
        0    8     hop id
        8    4096  cell
    """

    hop: HopId
    cell: bytes

    def pack(self) -> bytes:
        """Write the frame.

        Raises:
            CellError: a part has the wrong size.
        """
        if len(self.hop) != HOP_ID_BYTES or len(self.cell) != CELL_BYTES:
            raise CellError("a link frame's part has the wrong size")
        return self.hop + self.cell

    @classmethod
    def unpack(cls, raw: bytes) -> "LinkFrame":
        """Parse exactly one frame.

        Raises:
            CellError: wrong size.
        """
        if len(raw) != LINK_FRAME_BYTES:
            raise CellError("a link frame has the wrong size")
        return cls(HopId(raw[:HOP_ID_BYTES]), raw[HOP_ID_BYTES:])


def direct_cell(payload: bytes) -> bytes:
    """Make the cell of a direct link, where there is nothing to peel. Spec: docs/spec/direct.md

    Raises:
        CellError: a payload of the wrong size.
    """
    if len(payload) != PAYLOAD_BYTES:
        raise CellError("a payload has the wrong size")
    return payload.ljust(CELL_BYTES, b"\0")


def direct_payload(cell: bytes) -> bytes:
    """Take the payload out of a cell of a direct link.

    Raises:
        CellError: wrong size, or it ends in anything but zeros.
    """
    if len(cell) != CELL_BYTES or cell[PAYLOAD_BYTES:].strip(b"\0"):
        raise CellError("a cell of a direct link has the wrong size or end")
    return cell[:PAYLOAD_BYTES]


@dataclass(frozen=True, slots=True)
class Fragment:
    """A part of an envelope: the payload of one cell's innermost layer, always PAYLOAD_BYTES long.

    Layout (big-endian):
        0    8    stream id, random per envelope and attempt
        8    2    index, from 0
        10   2    count, 1 to MAX_FRAGMENTS
        12   2    length of the body, 1 to FRAGMENT_BYTES; full in every fragment but the last
        14   …    body, then zeros
    """

    stream: StreamId
    index: int
    count: int
    body: bytes

    def __post_init__(self) -> None:
        if len(self.stream) != STREAM_ID_BYTES or not 1 <= self.count <= MAX_FRAGMENTS:
            raise CellError("a fragment's stream or count is wrong")
        if not 0 <= self.index < self.count:
            raise CellError("a fragment's index is not below its count")
        if not 1 <= len(self.body) <= FRAGMENT_BYTES:
            raise CellError("a fragment's length is wrong")
        if self.index < self.count - 1 and len(self.body) != FRAGMENT_BYTES:
            raise CellError("a fragment before the last is not full")

    def pack(self) -> bytes:
        """Write the payload, padded with zeros."""
        header = FRAGMENT_HEADER.pack(self.stream, self.index, self.count, len(self.body))
        return (header + self.body).ljust(PAYLOAD_BYTES, b"\0")

    @classmethod
    def unpack(cls, raw: bytes) -> "Fragment":
        """Parse exactly one payload.

        Raises:
            CellError: wrong size, index, count or length, or padding that is not zero.
        """
        if len(raw) != PAYLOAD_BYTES:
            raise CellError("a payload has the wrong size")
        stream, index, count, length = FRAGMENT_HEADER.unpack_from(raw)
        end = FRAGMENT_HEADER.size + length
        if length > FRAGMENT_BYTES or raw[end:].strip(b"\0"):
            raise CellError("a payload's length or padding is wrong")
        return cls(StreamId(stream), index, count, raw[FRAGMENT_HEADER.size : end])


def fragments(envelope: bytes, stream: StreamId) -> Iterator[Fragment]:
    """Cut an envelope into fragments, in order.

    Raises:
        CellError: the envelope is empty or over MAX_FRAGMENTS fragments.
    """
    count = -(-len(envelope) // FRAGMENT_BYTES)
    for index in range(max(count, 1)):
        yield Fragment(stream, index, count, envelope[index * FRAGMENT_BYTES : (index + 1) * FRAGMENT_BYTES])


@dataclass(slots=True)
class _Stream:
    """What is there of one envelope; `last_at`: when it last got a fragment that it had not."""

    count: int
    last_at: float
    bodies: dict[int, bytes] = field(default_factory=dict)
    contiguous: int = -1
    credited: int = -1

    @property
    def size_bytes(self) -> int:
        return sum(len(body) for body in self.bodies.values())


@dataclass(slots=True)
class _HopStreams:
    """What one hop has brought so far; streams in the order in which they last got a new fragment."""

    streams: dict[StreamId, _Stream] = field(default_factory=dict)
    size_bytes: int = 0

    @property
    def is_over(self) -> bool:
        return len(self.streams) > MAX_STREAMS or self.size_bytes > MAX_UNFINISHED_BYTES

    @property
    def last_at(self) -> float:
        """When the stream that has stood still longest got its last fragment."""
        return next(iter(self.streams.values())).last_at

    def share(self, fair_bytes: int) -> float:
        """How much it holds, in units of what an honest sender may need."""
        return max(len(self.streams) / FAIR_STREAMS, self.size_bytes / fair_bytes)

    def touch(self, stream_id: StreamId) -> None:
        self.streams[stream_id] = self.streams.pop(stream_id)

    def forget(self, stream_id: StreamId) -> None:
        self.size_bytes -= self.streams.pop(stream_id).size_bytes

    def forget_oldest(self) -> None:
        self.forget(next(iter(self.streams)))


@dataclass(frozen=True, slots=True)
class Progress:
    """What one fragment brought: the whole envelope, or credit to give, or neither."""

    envelope: bytes | None = None
    credit_index: int | None = None


class Reassembler:
    """Puts fragments of many streams together, bounded in number, size and time.

    What a hop brings displaces what the same hop brought. Past the bounds over all hops pays who stands
    still, then who holds more than an honest sender needs, then who came last: neither one hop with much nor
    many hops with little push out a message that is on its way (T-14).

    Pure: time in seconds is passed in.

    Spec: docs/spec/cells.md, section "Receiver must"
    """

    def __init__(self, max_envelope_bytes: int = MAX_ENVELOPE_BYTES) -> None:
        self._max_fragments = -(-max_envelope_bytes // FRAGMENT_BYTES)
        self._fair_bytes = FAIR_ENVELOPES * max_envelope_bytes
        # In the order in which the hops began to hold something.
        self._hops: dict[HopId, _HopStreams] = {}

    @property
    def unfinished_streams(self) -> int:
        """How many streams wait for fragments."""
        return sum(len(hop.streams) for hop in self._hops.values())

    @property
    def unfinished_bytes(self) -> int:
        """How much is kept of them."""
        return sum(hop.size_bytes for hop in self._hops.values())

    def add(self, fragment: Fragment, *, now: float, hop: HopId = LONE_HOP) -> Progress:
        """Take one fragment that came in over a hop; without one all count as of the same hop.

        Raises:
            CellError: it contradicts its stream, or its stream is too large; the stream is unchanged.
        """
        if fragment.count > self._max_fragments:
            raise CellError("a stream is too large")
        self._expire(now)
        held = self._hops.setdefault(hop, _HopStreams())
        stream = held.streams.setdefault(fragment.stream, _Stream(fragment.count, now))
        if fragment.count != stream.count:
            raise CellError("a fragment's count is not its stream's")
        known = stream.bodies.get(fragment.index)
        if known is not None and known != fragment.body:
            raise CellError("a fragment came twice with other bytes")
        _store(held, stream, fragment, now)
        if len(stream.bodies) == stream.count:
            held.forget(fragment.stream)
            return Progress(envelope=b"".join(stream.bodies[index] for index in range(stream.count)))
        self._make_space(held, now)
        return Progress(credit_index=_credit(stream) if fragment.stream in held.streams else None)

    def _expire(self, now: float) -> None:
        for hop_id, held in tuple(self._hops.items()):
            while held.streams and now - held.last_at > STREAM_IDLE_S:
                held.forget_oldest()
            if not held.streams:
                del self._hops[hop_id]

    def _make_space(self, held: _HopStreams, now: float) -> None:
        while held.is_over:
            held.forget_oldest()
        while (
            self.unfinished_streams > MAX_STREAMS_OF_ALL_HOPS
            or self.unfinished_bytes > MAX_UNFINISHED_BYTES_OF_ALL_HOPS
        ):
            self._payer(now).forget_oldest()

    def _payer(self, now: float) -> _HopStreams:
        """The hop that gives up its stream longest without a new fragment."""
        hops = [held for held in self._hops.values() if held.streams]
        stalled = min(hops, key=lambda held: held.last_at)
        if now - stalled.last_at >= STALLED_S:
            return stalled
        largest = max(hops, key=self._share)
        return largest if self._share(largest) > 1 else hops[-1]

    def _share(self, held: _HopStreams) -> float:
        return held.share(self._fair_bytes)


def _store(held: _HopStreams, stream: _Stream, fragment: Fragment, now: float) -> None:
    if fragment.index in stream.bodies:
        return
    stream.bodies[fragment.index] = fragment.body
    stream.last_at = now
    held.size_bytes += len(fragment.body)
    held.touch(fragment.stream)
    while stream.contiguous + 1 in stream.bodies:
        stream.contiguous += 1


def _credit(stream: _Stream) -> int | None:
    if stream.count <= CREDIT_EVERY or stream.contiguous - stream.credited < CREDIT_EVERY:
        return None
    stream.credited = stream.contiguous
    return stream.contiguous
