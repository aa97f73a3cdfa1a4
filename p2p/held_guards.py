"""The guards of a device as its tickets name them, and which of them are reachable now.

Spec: docs/spec/guards.md, section "Server must"
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mesa import store
from p2p import store_keys
from p2p.guards import Standing
from p2p.protocol.fields import b64_bytes
from p2p.records import DeviceKey, Peer, PeerId
from p2p.tickets import Grant, open_ticket


@dataclass(frozen=True, slots=True)
class HeldGuard:
    """A guard that a device holds a ticket for. `is_outdated`: the ticket is to be sealed anew."""

    ticket: str
    grant: Grant
    is_outdated: bool


def read_tickets(texts: Iterable[str], holder: DeviceKey, now: datetime) -> list[HeldGuard]:
    """Read what opens of a device's tickets, the guards it had first coming first, each guard once."""
    read: list[HeldGuard] = []
    for text in texts:
        opened = open_ticket(b64_bytes(text), holder=holder, now=now)
        if opened is not None:
            read.append(HeldGuard(text, opened.grant, opened.is_outdated))
    # Of two tickets for a guard the earlier grant, and of one sealed anew the later sealing.
    read.sort(key=lambda held: (held.grant.granted, held.grant.name, held.is_outdated, held.ticket))
    by_account = {held.grant.account: held for held in reversed(read)}
    return [held for held in read if by_account[held.grant.account] is held]


def tickets_of(peers: Sequence[Peer]) -> list[list[str]]:
    """List the tickets that each of some peers has shown, and those it was given on its socket."""
    with store.client().pipeline(transaction=False) as batch:
        for peer in peers:
            batch.hkeys(store_keys.tickets(peer.peer))
        return [sorted(texts) for texts in batch.execute()]


def peers_of(held: Collection[HeldGuard]) -> list[PeerId]:
    """Find the peers of guards that the store knows; whether they are reachable is another question."""
    devices = sorted({each.grant.device for each in held})
    names = [store_keys.device(device) for device in devices]
    return [PeerId(text) for text in store.client().mget(names) if text] if names else []


def standing(held: Iterable[HeldGuard], forwarding: Mapping[PeerId, Peer]) -> list[Standing]:
    """Give those of a device's guards that are among these peers, in the same order."""
    by_device = {peer.device: peer for peer in forwarding.values()}
    found = (by_device.get(each.grant.device) for each in held)
    return [Standing(peer.peer, peer.user, peer.network) for peer in found if peer is not None]
