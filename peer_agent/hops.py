"""The hop table: where a cell that came in over one hop goes out. Pure: time in seconds is passed in.

Spec: docs/spec/cells.md, section "Forwarder must"
"""

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TypeVar

from p2p.protocol.cells import HOP_IDLE_S, HOP_LIFE_S, PENDING_CELLS, PENDING_S, LinkFrame
from p2p.protocol.ids import HopId, LinkId
from p2p.protocol.limits import MAX_HOPS
from p2p.protocol.parts import Order
from peer_agent.crypto.onion import ReplayWindow

MAX_PENDING_LINKS = 64
# A snapshot that was taken just before an order does not list its hops yet.
SNAPSHOT_LAG_S = 5.0

_Key = tuple[LinkId, HopId]
_T = TypeVar("_T")


@dataclass(slots=True)
class Hop:
    """This peer's place on one path: what comes in here goes out there."""

    link_in: LinkId
    incoming: HopId
    link_out: LinkId
    outgoing: HopId
    ordered_at: float
    expires_at: float
    replay: ReplayWindow = field(default_factory=ReplayWindow)
    cells: int = 0
    failed: bool = False

    def extend(self, now: float) -> None:
        """Live on for HOP_IDLE_S, up to HOP_LIFE_S from the order."""
        self.expires_at = min(now + HOP_IDLE_S, self.ordered_at + HOP_LIFE_S)


class HopTable:
    """The hops this peer was told of, and the cells that came before their order."""

    def __init__(self) -> None:
        self._hops: dict[_Key, Hop] = {}
        self._pending: dict[LinkId, deque[tuple[float, LinkFrame]]] = {}

    def order(self, incoming: Order, outgoing: Order, *, now: float) -> Hop:
        """Enter a hop; a repeated order prolongs it."""
        key = (incoming.link, incoming.hop)
        known = self._hops.get(key)
        if known is not None:
            known.ordered_at = now
            known.extend(now)
            return known
        while len(self._hops) >= MAX_HOPS:
            del self._hops[_first(self._hops)]
        hop = Hop(incoming.link, incoming.hop, outgoing.link, outgoing.hop, now, now + HOP_IDLE_S)
        self._hops[key] = hop
        return hop

    def find(self, link: LinkId, hop: HopId, *, now: float) -> Hop | None:
        """Look up a live hop by the link it was announced on; on any other link it is unknown."""
        found = self._hops.get((link, hop))
        return None if found is None or found.expires_at < now else found

    def hold(self, link: LinkId, frame: LinkFrame, *, now: float) -> None:
        """Keep a cell whose hop is not known yet; the oldest goes when there are too many."""
        if link not in self._pending and len(self._pending) >= MAX_PENDING_LINKS:
            del self._pending[_first(self._pending)]
        waiting = self._pending.setdefault(link, deque(maxlen=PENDING_CELLS))
        waiting.append((now, frame))

    def release(self, hop: Hop, *, now: float) -> list[LinkFrame]:
        """Give out the cells that waited for a hop, oldest first."""
        waiting = self._pending.pop(hop.link_in, deque())
        fresh = [(since, frame) for since, frame in waiting if now - since <= PENDING_S]
        others = [(since, frame) for since, frame in fresh if frame.hop != hop.incoming]
        if others:
            self._pending[hop.link_in] = deque(others, maxlen=PENDING_CELLS)
        return [frame for _, frame in fresh if frame.hop == hop.incoming]

    def leaving_by(self, link: LinkId) -> list[Hop]:
        """The hops whose cells go out over a link."""
        return [hop for hop in self._hops.values() if hop.link_out == link]

    def expire(self, *, now: float) -> list[Hop]:
        """Forget what is over, silently; returns the hops that ended."""
        for link, waiting in tuple(self._pending.items()):
            if not waiting or now - waiting[-1][0] > PENDING_S:
                del self._pending[link]
        return self._forget([key for key, hop in self._hops.items() if hop.expires_at < now])

    def keep_only(self, listed: Collection[HopId], *, now: float) -> list[Hop]:
        """Forget the hops that a snapshot does not list; returns them."""
        return self._forget(
            [
                key
                for key, hop in self._hops.items()
                if hop.incoming not in listed
                and hop.outgoing not in listed
                and now - hop.ordered_at > SNAPSHOT_LAG_S
            ]
        )

    def clear(self) -> list[Hop]:
        """Forget everything."""
        self._pending.clear()
        return self._forget(list(self._hops))

    def _forget(self, keys: list[_Key]) -> list[Hop]:
        return [self._hops.pop(key) for key in keys]


def _first(mapping: dict[_T, object] | dict[_T, Hop] | dict[_T, deque[tuple[float, LinkFrame]]]) -> _T:
    return next(iter(mapping))
