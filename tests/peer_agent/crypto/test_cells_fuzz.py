"""Cells with errors of every sort: nothing is peeled but what was wrapped, and nothing crashes."""

from p2p.protocol.cells import (
    CELL_BYTES,
    LINK_FRAME_BYTES,
    PAYLOAD_BYTES,
    LinkFrame,
    direct_cell,
    direct_payload,
)
from p2p.protocol.errors import CellError
from p2p.protocol.ids import HopId
from peer_agent.crypto import onion as o
from peer_agent.crypto.errors import CellRejected
from peer_agent.crypto.primitives import SealKey, X25519Private, derive, seal_once
from tests.fuzz_cases import Fuzz, fuzzed
from tests.fuzz_edits import Good, edited, how, picked

from .cases.onion import HOPS, PAYLOAD, PRIVATE, carried, only
from .vector_files import Drawn

Arrived = tuple[int, HopId, bytes]

CELLS = carried(o.wrap(HOPS, PAYLOAD))
# Ephemeral key, tag, hop information, rest.
GOOD_CELLS = [Good.of(cell, 32, 16, 1, 1, 14) for cell in CELLS]
EPHEMERAL = X25519Private.generate(Drawn("a layer with errors"))
_KEYS = [
    derive(
        EPHEMERAL.exchange(hop.key),
        "onion",
        CELL_BYTES.to_bytes(2, "big") + hop.hop_id + EPHEMERAL.public.raw + hop.key.raw,
        size=112,
    )
    for hop in HOPS
]
# Command, direction, reserved, payload, filler.
LAYERS = [
    Good.of(bytes([command]) + bytes(15) + PAYLOAD + bytes(192), 1, 1, 14, PAYLOAD_BYTES)
    for command in (0, 1)
]
LINK_FRAMES = [Good.of(hop.hop_id + cell, 8) for hop, cell in zip(HOPS, CELLS, strict=True)]
DIRECT_CELLS = [
    Good.of(direct_cell(payload), 8, 2, 2, 2, PAYLOAD_BYTES - 14, 1)
    for payload in (PAYLOAD, PAYLOAD[::-1], PAYLOAD[:1_000].ljust(PAYLOAD_BYTES, b"\0"))
]


def arrived(drawn: bytes) -> Arrived:
    """A cell that came in over a hop: the cell with errors, or another hop's."""
    number = int.from_bytes(drawn[:2], "big") % len(HOPS)
    hop_id = HOPS[number].hop_id
    if how(drawn, 8) == 7:
        hop_id = HopId(edited(Good.of(hop_id), drawn)[:8].ljust(8, b"\0"))
        return number, hop_id, CELLS[drawn[15] % len(CELLS)]
    return number, hop_id, edited(GOOD_CELLS[number], drawn)


def check_peel(made: Arrived) -> None:
    number, hop_id, cell = made
    try:
        o.peel(cell, hop_id, only(PRIVATE[number]))
    except CellRejected:
        assert (cell, hop_id) != (CELLS[number], HOPS[number].hop_id)
        return
    assert (cell, hop_id) == (CELLS[number], HOPS[number].hop_id)


def layer(drawn: bytes) -> tuple[int, bytes]:
    """What a sender may put into a layer, and the number of the hop that is to open it."""
    return drawn[2] % len(HOPS), edited(picked(LAYERS, drawn), drawn)


def check_layer(made: tuple[int, bytes]) -> None:
    number, body = made
    keys = _KEYS[number]
    sealed = seal_once(SealKey(keys[:32]), body)
    cell = EPHEMERAL.public.raw + sealed[-16:] + sealed[:-16]
    is_good = len(cell) == CELL_BYTES and body[0] in (0, 1) and not any(body[1:16])
    try:
        peeled = o.peel(cell, HOPS[number].hop_id, only(PRIVATE[number]))
    except CellRejected:
        assert not is_good
        return
    assert is_good
    if body[0]:
        assert peeled == o.Deliver(body[16 : 16 + PAYLOAD_BYTES], keys[96:])
    else:
        assert peeled == o.Forward(body[16:] + keys[32:96], keys[96:])


def check_link_frame(raw: bytes) -> None:
    try:
        frame = LinkFrame.unpack(raw)
    except CellError:
        assert len(raw) != LINK_FRAME_BYTES
        return
    assert len(frame.cell) == CELL_BYTES
    assert frame.pack() == raw


def check_direct_cell(raw: bytes) -> None:
    try:
        payload = direct_payload(raw)
    except CellError:
        assert len(raw) != CELL_BYTES or any(raw[PAYLOAD_BYTES:])
        return
    assert len(payload) == PAYLOAD_BYTES
    assert direct_cell(payload) == raw


CASES = {
    "peel": Fuzz(arrived, check_peel),
    "layer": Fuzz(layer, check_layer),
    "link frame": Fuzz(lambda drawn: edited(picked(LINK_FRAMES, drawn), drawn), check_link_frame),
    "direct cell": Fuzz(lambda drawn: edited(picked(DIRECT_CELLS, drawn), drawn), check_direct_cell),
}


@fuzzed(CASES)
def test_nothing_is_taken_from_a_cell_with_an_error(case: Fuzz) -> None:
    case.run()
