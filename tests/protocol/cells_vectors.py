"""Cases of docs/spec/vectors/cells.json: link frames, payloads, fragmenting, reassembly."""

from collections.abc import Iterator, Sequence

from p2p.protocol.cells import (
    CELL_BYTES,
    FRAGMENT_BYTES,
    FRAGMENT_HEADER,
    MAX_ENVELOPE_BYTES,
    MAX_STREAMS,
    MAX_STREAMS_OF_ALL_HOPS,
    PAYLOAD_BYTES,
    Fragment,
    direct_cell,
    fragments,
)
from p2p.protocol.ids import StreamId
from tests.protocol.vector_files import Case, Parts, bytes_to_parts, drawn

STREAM = StreamId(drawn("stream", 8))
OTHER = StreamId(drawn("other stream", 8))
HOP = drawn("hop", 8)


def cases() -> Iterator[Case]:
    """Every case of the file, in order."""
    yield from _link_frames()
    yield from _payloads()
    yield from _direct_cells()
    yield from _fragments()
    yield from _reassembly()


def envelope(name: str, size: int) -> bytes:
    """An envelope that is short to write down: eight drawn bytes, then one byte again and again."""
    start = drawn(name, 9)
    return start[:8] + start[8:] * (size - 8) if size > 8 else start[:size]


def _hex(raw: bytes) -> Parts:
    return bytes_to_parts(raw)


def _link_frames() -> Iterator[Case]:
    cell = envelope("cell", CELL_BYTES)
    good = {"name": "link frame", "check": "link-frame", "expect": "ok"}
    yield good | {"raw": _hex(HOP + cell), "hop": HOP.hex(), "cell": _hex(cell)}
    for name, raw in {
        "a byte short": (HOP + cell)[:-1],
        "a byte long": HOP + cell + b"\0",
        "empty": b"",
        "a cell without its hop id": cell,
    }.items():
        yield _refused(f"link frame: {name}", "link-frame", raw)


def _direct_cells() -> Iterator[Case]:
    payload = Fragment(STREAM, 0, 1, b"body").pack()
    cell = direct_cell(payload)
    good = {"name": "direct cell", "check": "direct-cell", "expect": "ok"}
    yield good | {"raw": _hex(cell), "payload": _hex(payload)}
    for name, raw in {
        "a byte short": cell[:-1],
        "a byte long": cell + b"\0",
        "something right after the payload": cell[:PAYLOAD_BYTES] + b"\1" + cell[PAYLOAD_BYTES + 1 :],
        "something at the very end": cell[:-1] + b"\1",
    }.items():
        yield _refused(f"direct cell: {name}", "direct-cell", raw)


def _refused(name: str, check: str, raw: bytes) -> Case:
    return {"name": f"refused {name}", "check": check, "expect": "bad_cell", "raw": _hex(raw)}


def _payloads() -> Iterator[Case]:
    full = envelope("full body", FRAGMENT_BYTES)
    for name, fragment in {
        "one byte": Fragment(STREAM, 0, 1, b"\x01"),
        "a body that ends in zeros": Fragment(STREAM, 0, 1, b"\x01\0\0"),
        "a body of zeros": Fragment(STREAM, 0, 1, b"\0" * 5),
        "full and alone": Fragment(STREAM, 0, 1, full),
        "first of two": Fragment(STREAM, 0, 2, full),
        "last of two": Fragment(STREAM, 1, 2, b"end"),
        "last of as many as can be": Fragment(STREAM, 4_095, 4_096, full),
    }.items():
        yield {
            "name": f"payload: {name}",
            "check": "payload",
            "expect": "ok",
            "raw": _hex(fragment.pack()),
            "stream": fragment.stream.hex(),
            "index": fragment.index,
            "count": fragment.count,
            "body": _hex(fragment.body),
        }
    good = Fragment(STREAM, 0, 1, b"body").pack()
    for name, raw in {
        "a byte short": good[:-1],
        "a byte long": good + b"\0",
        "empty": b"",
        "count 0": _raw(0, 0, b"body"),
        "index equal to count": _raw(1, 1, b"body"),
        "index above count": _raw(7, 2, b"body"),
        "count 4,097": _raw(4_096, 4_097, b"body"),
        "length 0": _raw(0, 1, b""),
        "length over the room": FRAGMENT_HEADER.pack(STREAM, 0, 1, FRAGMENT_BYTES + 1) + full,
        "not full before the last": _raw(0, 2, full[:-1]),
        "padding not zero, first byte": good[:18] + b"\x01" + good[19:],
        "padding not zero, last byte": good[:-1] + b"\x01",
    }.items():
        yield _refused(f"payload: {name}", "payload", raw)


def _raw(index: int, count: int, body: bytes) -> bytes:
    return (FRAGMENT_HEADER.pack(STREAM, index, count, len(body)) + body).ljust(PAYLOAD_BYTES, b"\0")


def _fragments() -> Iterator[Case]:
    for size in (1, FRAGMENT_BYTES, FRAGMENT_BYTES + 1, 3 * FRAGMENT_BYTES, MAX_ENVELOPE_BYTES):
        whole = envelope("envelope", size)
        yield {
            "name": f"fragments of {size} bytes",
            "check": "fragments",
            "expect": "ok",
            "envelope": _hex(whole),
            "stream": STREAM.hex(),
            "payloads": [_hex(fragment.pack()) for fragment in fragments(whole, STREAM)],
        }
    for name, size in {"nothing": 0, "a byte too much for any stream": 4_096 * FRAGMENT_BYTES + 1}.items():
        yield {
            "name": f"refused fragments of {name}",
            "check": "fragments",
            "expect": "bad_cell",
            "envelope": [["00", size]] if size else "",
            "stream": STREAM.hex(),
        }


class _Trace:
    """Steps of a reassembly, with what each is to give. Steps are a second apart unless said otherwise."""

    def __init__(self) -> None:
        self.now = 0.0
        self.steps: list[Case] = []

    def take(self, payload: bytes, *, after: float = 1.0, result: str = "ok", **given: object) -> "_Trace":
        self.now += after
        self.steps.append({"payload": _hex(payload), "now": self.now, "result": result, **given})
        return self

    def case(self, name: str) -> Case:
        return {"name": f"reassembly: {name}", "check": "reassembly", "expect": "ok", "steps": self.steps}


def _packed(name: str, size: int, stream: StreamId = STREAM) -> tuple[bytes, Sequence[bytes]]:
    whole = envelope(name, size)
    return whole, [fragment.pack() for fragment in fragments(whole, stream)]


def _reassembly() -> Iterator[Case]:
    whole, (first, middle, last) = _packed("envelope", 2 * FRAGMENT_BYTES + 10)
    done = _hex(whole)
    other_whole, (other_first, other_last) = _packed("other", FRAGMENT_BYTES + 1, OTHER)
    lone, (only,) = _packed("lone", 20)
    yield _Trace().take(only, envelope=_hex(lone)).case("one fragment")
    yield _Trace().take(first).take(middle).take(last, envelope=done).case("in order")
    yield _Trace().take(last).take(first).take(middle, envelope=done).case("out of order")
    yield _Trace().take(first).take(first).take(middle).take(last, envelope=done).case("one twice")
    yield _Trace().take(first).take(last).case("one lost")
    yield (
        _Trace()
        .take(first)
        .take(other_last)
        .take(middle)
        .take(other_first, envelope=_hex(other_whole))
        .take(last, envelope=done)
        .case("two streams at once")
    )
    # A refused fragment leaves its stream as it was.
    changed = first[:14] + bytes([first[14] ^ 1]) + first[15:]
    for name, wrong in {
        "other bytes under the same index": changed,
        "another count than the stream's first": Fragment(STREAM, 2, 4, whole[:FRAGMENT_BYTES]).pack(),
    }.items():
        yield (
            _Trace()
            .take(first)
            .take(wrong, result="bad_cell")
            .take(middle)
            .take(last, envelope=done)
            .case(name)
        )
    yield (
        _Trace().take(Fragment(STREAM, 20, 21, b"end").pack(), result="bad_cell").case("a stream over 72 KiB")
    )
    yield (
        _Trace()
        .take(first)
        .take(middle, after=30.0)
        .take(last, after=30.0, envelope=done)
        .case("slow, yet in time")
    )
    yield (
        _Trace()
        .take(first)
        .take(middle)
        .take(last, after=30.5)
        .case("too slow: begun again with the last one")
    )
    yield _crowded()
    yield _credited()
    yield from _crowded_by_many_hops()


def _crowded() -> Case:
    trace = _Trace()
    _, (first, last) = _packed("envelope", FRAGMENT_BYTES + 1)
    trace.take(first)
    whole = b""
    for index in range(64):
        whole, (one, other) = _packed(
            f"crowd {index}", FRAGMENT_BYTES + 1, StreamId(drawn(f"crowd {index}", 8))
        )
        trace.take(one, after=0.125)
    trace.take(other, envelope=_hex(whole))
    return trace.take(last).case("the 65th stream drives out the one longest without a fragment")


def _credited() -> Case:
    trace = _Trace()
    whole, packed = _packed("credited", 18 * FRAGMENT_BYTES)
    order = [0, 1, 2, 4, 5, 6, 7, 8, 3, 9, 10, 11, 12, 13, 14, 15, 16, 17]
    credit = {3: 8, 16: 16}  # after index 3 the first nine are there; eight more with index 16
    for index in order:
        given: dict[str, object] = {"credit": credit[index]} if index in credit else {}
        trace.take(packed[index], **(given if index != 17 else {"envelope": _hex(whole)}))
    return trace.case("credit each time eight more have come without a gap")


def _crowded_by_many_hops() -> Iterator[Case]:
    whole, (first, last) = _packed("envelope", FRAGMENT_BYTES + 1)
    done, little = _hex(whole), 0.001953125
    hops = [{"hop": drawn(f"hop {index}", 8).hex()} for index in range(MAX_STREAMS_OF_ALL_HOPS)]

    trace = _Trace().take(first)
    for hop in hops:
        trace.take(first, after=little, **hop)
    trace.take(last, after=little, envelope=done).take(last, after=little, **hops[-1])
    yield trace.case("with little of each hop, the hop that came last pays")

    trace = _Trace().take(first).take(first, after=1.0, **hops[0])
    for hop in hops[1:]:
        trace.take(first, after=2 * little, **hop)
    trace.take(last, after=little).take(last, after=little, envelope=done, **hops[-1])
    yield trace.case("a stream without a new fragment for 2 s pays first")

    trace = _Trace()
    for index in range(MAX_STREAMS_OF_ALL_HOPS - 1):
        some = Fragment(StreamId(index.to_bytes(8, "big")), 0, 2, bytes(FRAGMENT_BYTES))
        trace.take(some.pack(), after=little, **hops[index // (MAX_STREAMS - 1)])
    trace.take(first, after=little, **hops[-2]).take(first, after=little, **hops[-1])
    for hop in hops[-2:]:
        trace.take(last, after=little, envelope=done, **hop)
    yield trace.case("the hop with most pays before those with little")
