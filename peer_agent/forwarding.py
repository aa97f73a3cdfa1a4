"""Takes cells from links: peels one layer, swaps the hop id, passes on, or hands in what ends here. Silent.

Spec: docs/spec/cells.md and docs/spec/onion.md
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass

from p2p.protocol.cells import LinkFrame
from p2p.protocol.ids import HopId, LinkId
from p2p.protocol.parts import Order
from peer_agent.crypto import onion
from peer_agent.crypto.errors import CellRejected
from peer_agent.crypto.onion_keys import OnionKeys
from peer_agent.events import CellsPassed, Event, HopEnded, HopReady
from peer_agent.hops import Hop, HopTable


@dataclass(frozen=True, slots=True)
class Exits:
    """Where cells and news leave to. `send` tells whether the link is there; a full one drops in silence."""

    send: Callable[[LinkId, bytes], bool]
    deliver: Callable[[HopId, bytes], None]
    hop_failed: Callable[[HopId], None]
    report: Callable[[Event], None]


class Forwarding:
    """One peer's part in all paths it is on; ends and forwarders run the same code."""

    def __init__(self, exits: Exits, keys: Callable[[], OnionKeys]) -> None:
        self._keys = keys
        self._exits = exits
        self._table = HopTable()

    def order(self, incoming: Order, outgoing: Order, *, has_way_out: bool) -> bool:
        """Be ready for cells on a hop; tell whether one that waited for it was genuine.

        has_way_out: whether its outgoing link can be brought up.
        """
        hop = self._table.order(incoming, outgoing, now=_now())
        self._exits.report(HopReady(hop.incoming, hop.outgoing))
        if not has_way_out:
            self._fail(hop)
        opened = [self._pass(hop, frame) for frame in self._table.release(hop, now=_now())]
        return any(opened)

    def receive(self, link: LinkId, raw: bytes) -> bool:
        """Take one link frame of the right size; tell whether it opened for a hop that is known here."""
        frame = LinkFrame.unpack(raw)
        hop = self._table.find(link, frame.hop, now=_now())
        if hop is not None:
            return self._pass(hop, frame)
        self._table.hold(link, frame, now=_now())
        return False

    def link_lost(self, link: LinkId) -> None:
        """Tell the server of every hop that can not go on over this link."""
        for hop in self._table.leaving_by(link):
            self._fail(hop)

    def keep_only(self, listed: Collection[HopId]) -> None:
        """Follow a snapshot."""
        self._ended(self._table.keep_only(listed, now=_now()))

    def expire(self) -> None:
        """Forget hops whose time is over."""
        self._ended(self._table.expire(now=_now()))

    def clear(self) -> None:
        """Forget all hops."""
        self._ended(self._table.clear())

    def _pass(self, hop: Hop, frame: LinkFrame) -> bool:
        try:
            peeled = onion.peel(frame.cell, hop.incoming, self._keys())
            hop.replay.accept(peeled.replay_tag)
        except CellRejected:
            return False
        hop.extend(_now())
        hop.cells += 1
        if hop.cells == 1:
            self._exits.report(CellsPassed(hop.incoming, hop.outgoing, hop.cells))
        if isinstance(peeled, onion.Deliver):
            self._exits.deliver(hop.incoming, peeled.payload)
        elif not self._exits.send(hop.link_out, LinkFrame(hop.outgoing, peeled.cell).pack()):
            self._fail(hop)
        return True

    def _fail(self, hop: Hop) -> None:
        if not hop.failed:
            hop.failed = True
            self._exits.hop_failed(hop.outgoing)

    def _ended(self, hops: list[Hop]) -> None:
        for hop in hops:
            self._exits.report(HopEnded(hop.incoming, hop.outgoing, hop.cells))


def _now() -> float:
    return asyncio.get_running_loop().time()
