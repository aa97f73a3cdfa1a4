"""From payloads of cells to envelopes, and from receipts to frames that keep the socket's rate.

Spec: docs/spec/cells.md, section "Receiver must"
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import NoReturn

from p2p.protocol.cells import Fragment, Reassembler
from p2p.protocol.errors import CellError
from p2p.protocol.ids import HopId
from p2p.protocol.limits import MAX_RECEIPT_ENTRIES
from p2p.protocol.parts import Credit, ReceiptEntry
from p2p.protocol.to_server import Receipt

# One commit for so many envelopes at most: nothing else has a turn meanwhile.
TAKEN_AT_ONCE = 16
QUEUED_RECEIPTS = 4_096
BETWEEN_FRAMES_S = 0.02

_Waiting = tuple[HopId, ReceiptEntry | Credit]
# Stores envelopes that arrived together; returns their receipts, None for those that get none.
Take = Callable[[Sequence[bytes]], Sequence[ReceiptEntry | None]]


class Receiving:
    """Takes what ends at this peer, and sends receipts and credit for it."""

    def __init__(self, take: Take, send: Callable[[Receipt], None]) -> None:
        self._take = take
        self._send = send
        self._reassembler = Reassembler()
        self._arrived: list[tuple[HopId, bytes]] = []
        self._waiting: deque[_Waiting] = deque(maxlen=QUEUED_RECEIPTS)
        self._has_waiting = asyncio.Event()

    def payload(self, hop: HopId, payload: bytes) -> None:
        """Take the payload of one cell that came in over a hop; what is malformed is dropped."""
        try:
            fragment = Fragment.unpack(payload)
            progress = self._reassembler.add(fragment, now=asyncio.get_running_loop().time(), hop=hop)
        except CellError:
            return
        if progress.envelope is not None:
            self._arrive(hop, progress.envelope)
        elif progress.credit_index is not None:
            self._queue(hop, Credit(fragment.stream, progress.credit_index))

    def _arrive(self, hop: HopId, envelope: bytes) -> None:
        """Take an envelope together with what else has come by the end of this turn of the loop."""
        self._arrived.append((hop, envelope))
        if len(self._arrived) == 1:
            asyncio.get_running_loop().call_soon(self._take_arrived)
        elif len(self._arrived) >= TAKEN_AT_ONCE:
            self._take_arrived()

    def _take_arrived(self) -> None:
        arrived, self._arrived = self._arrived, []
        if not arrived:
            return
        entries = self._take([envelope for _, envelope in arrived])
        for (hop, _), entry in zip(arrived, entries, strict=True):
            if entry is not None:
                self._queue(hop, entry)

    async def run(self) -> NoReturn:
        """Send what waits: at once when there was a pause, and in bundles under load."""
        while True:
            await self._has_waiting.wait()
            self._send(self._next_frame())
            if not self._waiting:
                self._has_waiting.clear()
            await asyncio.sleep(BETWEEN_FRAMES_S)

    def _queue(self, hop: HopId, item: ReceiptEntry | Credit) -> None:
        self._waiting.append((hop, item))
        self._has_waiting.set()

    def _next_frame(self) -> Receipt:
        """Take as many as one frame holds: entries of one hop, and one credit."""
        hop, credit = self._waiting[0][0], None
        entries: list[ReceiptEntry] = []
        while self._waiting and self._waiting[0][0] == hop and len(entries) < MAX_RECEIPT_ENTRIES:
            item = self._waiting[0][1]
            if isinstance(item, ReceiptEntry):
                entries.append(item)
            elif credit is None or credit.stream == item.stream:
                credit = item
            else:
                break
            self._waiting.popleft()
        return Receipt(hop, tuple(entries), credit)
