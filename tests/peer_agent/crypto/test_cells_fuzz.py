"""Cells with errors of every sort: nothing is peeled but what was wrapped, and nothing crashes."""

from hypothesis import strategies as st

from p2p.protocol.cells import CELL_BYTES, LINK_FRAME_BYTES, Fragment, LinkFrame, Reassembler, fragments
from p2p.protocol.errors import CellError
from p2p.protocol.ids import StreamId
from peer_agent.crypto import onion as o
from peer_agent.crypto.errors import CellRejected
from tests.fuzz_cases import Fuzz, fuzzed
from tests.fuzzing import drawings, edited, picked

from .cases.onion import HOPS, PAYLOAD, PRIVATE, carried, only

CELLS = list(enumerate(carried(o.wrap(HOPS, PAYLOAD))))
PAYLOADS = [
    fragment.pack()
    for number, size in enumerate((1, 3_000, 9_000))
    for fragment in fragments(bytes([65 + number]) * size, StreamId(bytes([number]) * 8))
]


def check_peel(drawn: bytes) -> None:
    number, good = picked(CELLS, drawn)
    cell = edited(good, drawn)
    try:
        o.peel(cell, HOPS[number].hop_id, only(PRIVATE[number]))
    except CellRejected:
        return
    assert cell == good


def check_link_frame(drawn: bytes) -> None:
    number, cell = picked(CELLS, drawn)
    raw = edited(HOPS[number].hop_id + cell, drawn)
    try:
        frame = LinkFrame.unpack(raw)
    except CellError:
        assert len(raw) != LINK_FRAME_BYTES
        return
    assert len(frame.cell) == CELL_BYTES
    assert frame.pack() == raw


def check_fragment(drawn: bytes) -> None:
    raw = edited(picked(PAYLOADS, drawn), drawn)
    try:
        fragment = Fragment.unpack(raw)
    except CellError:
        return
    assert fragment.pack() == raw


def check_reassembly(several: list[bytes]) -> None:
    """Whoever sends whatever to a peer may cost it memory up to a bound, and nothing else."""
    reassembler = Reassembler()
    for drawn in several:
        raw = edited(picked(PAYLOADS, drawn), drawn) if drawn[1] % 3 == 0 else picked(PAYLOADS, drawn)
        try:
            progress = reassembler.add(Fragment.unpack(raw), now=0.0)
        except CellError:
            continue
        assert progress.envelope is None or 1 <= len(progress.envelope) <= 9_000


# Ten thousand together in the short tier.
CASES = {
    "peel": Fuzz(check_peel, 5_000),
    "link frame": Fuzz(check_link_frame, 1_000),
    "fragment": Fuzz(check_fragment, 3_000),
    "reassembly": Fuzz(check_reassembly, 1_000, st.lists(drawings, max_size=12)),
}


@fuzzed(CASES)
def test_nothing_is_taken_from_a_cell_with_an_error(case: Fuzz) -> None:
    case.run()
