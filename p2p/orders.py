"""Write the frames that set a path up. Pure: a path and the offers taken for it in, an order per peer out.

Spec: docs/spec/pathfinding.md, section "Orders"
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from p2p.protocol import ids
from p2p.protocol.fields import b64_bytes
from p2p.protocol.ids import DeviceId, HopId, LinkId, OfferId, TransactionId
from p2p.protocol.limits import HOPS
from p2p.protocol.parts import Order
from p2p.protocol.to_peer import Guard, PathReady, ReadyToReceive
from p2p.protocol.words import How
from p2p.records import LinkKey, Offer, PathRecord, Peer, TxKey

# A signed onion key is: version 1 | device 16 | day 4 | key 32 | signature 64. Spec: docs/spec/onion.md
BARE_KEY: Final = slice(21, 53)

Taken = Mapping[LinkKey, Offer]


@dataclass(frozen=True, slots=True)
class Attempt:
    """Which attempt of which transaction a path is for."""

    tx: TxKey
    number: int


def write_orders(path: PathRecord, taken: Taken, rng: random.Random) -> list[ReadyToReceive]:
    """Write one order per peer, in the path's order. `taken`: the offers for links that are not open yet.

    The ends' missing hop is filler that looks like an open one, so no frame tells a role.
    """
    incoming = [_filler(rng), *(_incoming(path, at, taken) for at in range(HOPS))]
    outgoing = [*(_outgoing(path, at, taken) for at in range(HOPS)), _filler(rng)]
    return [ReadyToReceive(in_=into, out=out) for into, out in zip(incoming, outgoing, strict=True)]


@dataclass(frozen=True, slots=True)
class StandingLink:
    """A link between a device and its guard: open already, or to be opened by the offer of one of them."""

    link: LinkKey
    offer: Offer | None = None
    is_guards_offer: bool = False


def write_standing(ticket: str, standing: StandingLink, rng: random.Random) -> tuple[Guard, ReadyToReceive]:
    """Write the orders of a standing link: the device's, and the guard's, which is like any other order."""
    filler, other_filler = _filler(rng), _filler(rng)
    hop, link = HopId(rng.randbytes(ids.HOP_ID_BYTES)), LinkId(b64_bytes(standing.link))
    if standing.offer is None:
        opened = Order(hop=hop, link=link, how=How.OPEN, sdp=None, offer=None)
        return Guard(b64_bytes(ticket), filler, opened), ReadyToReceive(opened, other_filler)
    taken = Order(hop=hop, link=link, how=How.TAKEN, sdp=None, offer=OfferId(b64_bytes(standing.offer["id"])))
    answer = Order(hop=hop, link=link, how=How.ANSWER, sdp=standing.offer["sdp"], offer=None)
    if standing.is_guards_offer:
        return Guard(b64_bytes(ticket), answer, filler), ReadyToReceive(other_filler, taken)
    return Guard(b64_bytes(ticket), filler, taken), ReadyToReceive(answer, other_filler)


def write_ticket(ticket: str, rng: random.Random) -> Guard:
    """Write a ticket without an order."""
    return Guard(b64_bytes(ticket), _filler(rng), _filler(rng))


def write_path_ready(attempt: Attempt, path: PathRecord, peers: Sequence[Peer]) -> PathReady:
    """Write what the sender needs to wrap cells for this path."""
    return PathReady(
        tx=TransactionId(UUID(attempt.tx)),
        attempt=attempt.number,
        device=DeviceId(UUID(peers[-1].device)),
        onion_key=b64_bytes(peers[-1].onion_key),
        forwarders=tuple(b64_bytes(peer.onion_key)[BARE_KEY] for peer in peers[1:-1]),
        hops=tuple(HopId(b64_bytes(hop)) for hop in path.hops),
        link=LinkId(b64_bytes(path.links[0])),
    )


def _incoming(path: PathRecord, at: int, taken: Taken) -> Order:
    offer = taken.get(path.links[at])
    hop, link = HopId(b64_bytes(path.hops[at])), LinkId(b64_bytes(path.links[at]))
    if offer is None:
        return Order(hop=hop, link=link, how=How.OPEN, sdp=None, offer=None)
    return Order(hop=hop, link=link, how=How.ANSWER, sdp=offer["sdp"], offer=None)


def _outgoing(path: PathRecord, at: int, taken: Taken) -> Order:
    offer = taken.get(path.links[at])
    hop, link = HopId(b64_bytes(path.hops[at])), LinkId(b64_bytes(path.links[at]))
    if offer is None:
        return Order(hop=hop, link=link, how=How.OPEN, sdp=None, offer=None)
    return Order(hop=hop, link=link, how=How.TAKEN, sdp=None, offer=OfferId(b64_bytes(offer["id"])))


def _filler(rng: random.Random) -> Order:
    return Order(
        hop=HopId(rng.randbytes(ids.HOP_ID_BYTES)),
        link=LinkId(rng.randbytes(ids.LINK_ID_BYTES)),
        how=How.OPEN,
        sdp=None,
        offer=None,
    )
