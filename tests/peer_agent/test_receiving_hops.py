"""One sender's unfinished messages cost another sender nothing."""

import secrets
from collections.abc import Sequence

from p2p.protocol.cells import FRAGMENT_BYTES, MAX_STREAMS, Fragment, fragments
from p2p.protocol.ids import HopId, StreamId
from peer_agent.receiving import Receiving
from tests.mesa.socket_app import let_others_run

ADA, MALLORY = HopId(b"hop ada."), HopId(b"hop mall")


async def test_many_streams_over_one_hop_leave_the_message_of_another_whole() -> None:
    taken: list[bytes] = []

    def take(envelopes: Sequence[bytes]) -> list[None]:
        taken.extend(envelopes)
        return [None for _ in envelopes]

    receiving = Receiving(take, lambda frame: None)
    envelope = secrets.token_bytes(2 * FRAGMENT_BYTES)
    first, last = fragments(envelope, StreamId(b"stream 1"))

    receiving.payload(ADA, first.pack())
    for number in range(2 * MAX_STREAMS):
        part = Fragment(StreamId(number.to_bytes(8, "big")), 0, 2, bytes(FRAGMENT_BYTES))
        receiving.payload(MALLORY, part.pack())
    receiving.payload(ADA, last.pack())
    await let_others_run()

    assert taken == [envelope]
