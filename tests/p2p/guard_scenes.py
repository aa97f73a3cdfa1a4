"""Scenes with guards: tickets made by hand, crowds that can be guards, what a device was told."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils import timezone

from mesa import store
from p2p import store_keys
from p2p.protocol.to_peer import Guard, ReadyToReceive
from p2p.protocol.to_server import LinkUp
from p2p.protocol.words import How
from p2p.records import PeerId
from p2p.tickets import Grant, make_grant, open_ticket, seal_ticket
from tests.p2p.peers import Network, TestPeer, make_known
from tests.p2p.scenes import OpenPath, send_to, take_path

ENOUGH = 6


def ticket_for(holder: TestPeer, guard: TestPeer, *, granted: datetime | None = None) -> bytes:
    """A ticket as the server gives it."""
    grant = make_grant(guard.device_key, guard.user, now=granted or timezone.now())
    return seal_ticket(grant, holder=holder.device_key)


def tickets_for(holder: TestPeer, guards: Sequence[TestPeer]) -> tuple[bytes, ...]:
    """Tickets for several guards, the first of them granted first."""
    first = timezone.now() - timedelta(days=1)
    return tuple(
        ticket_for(holder, guard, granted=first + timedelta(hours=at)) for at, guard in enumerate(guards)
    )


async def show(peer: TestPeer, tickets: Sequence[bytes]) -> None:
    """Have a peer show these tickets from now on."""
    peer.tickets = tuple(tickets)
    await peer.settled()


def read(ticket: bytes, holder: TestPeer) -> Grant:
    opened = open_ticket(ticket, holder=holder.device_key, now=timezone.now())
    assert opened is not None
    return opened.grant


async def guards_of(peer: TestPeer) -> list[Guard]:
    """The `guard` frames that have come since the last time."""
    await peer.settled()
    found = [frame for frame in peer.inbox if isinstance(frame, Guard)]
    peer.inbox = [frame for frame in peer.inbox if not isinstance(frame, Guard)]
    return found


def named(frames: Sequence[Guard], holder: TestPeer, crowd: Sequence[TestPeer]) -> list[TestPeer]:
    """The peers whose names are in tickets."""
    by_device = {peer.device_key: peer for peer in crowd}
    return [by_device[read(frame.ticket, holder).device] for frame in frames]


async def orders_of(peer: TestPeer) -> list[ReadyToReceive]:
    return [frame for frame in await peer.everything() if isinstance(frame, ReadyToReceive)]


async def with_guards(network: Network) -> tuple[TestPeer, list[TestPeer], list[TestPeer], list[Guard]]:
    """ada, who was given two guards as she came online; the crowd, her guards, what she was sent."""
    crowd = await network.forwarders(ENOUGH)
    await forget_frames(crowd)
    ada = await network.online("ada")
    frames = await guards_of(ada)
    return ada, crowd, named(frames, ada, crowd), frames


async def come_online(peer: TestPeer, guards: Sequence[TestPeer], *, forward: bool = False) -> None:
    """Greet and publish with tickets for these guards, and be announced."""
    peer.tickets = tickets_for(peer, guards)
    await peer.greet()
    await peer.publish(forward=forward, offers=8)
    await make_known(peer)


async def online_with(
    network: Network, name: str, guards: Sequence[TestPeer], *, forward: bool = False
) -> TestPeer:
    """A user who comes online with tickets for these guards."""
    peer = await network.connect(await network.login(name))
    await come_online(peer, guards, forward=forward)
    return peer


async def guarded_path(network: Network, *, forward: bool = False) -> OpenPath:
    """ada's transaction to bo, of six forwarders: two are guards of hers, two of his, two are free.

    forward: ada and bo forward, too.
    """
    crowd = await network.forwarders(ENOUGH, offers=8)
    ada = await online_with(network, "ada", crowd[0:2], forward=forward)
    bo = await online_with(network, "bo", crowd[2:4], forward=forward)
    tx_key = await send_to(ada, bo.login)
    return await take_path(tx_key, ada, network.peers)


async def forget_frames(peers: Sequence[TestPeer]) -> None:
    """Let all look for guards of their own first; then nobody remembers what came."""
    for peer in peers:
        await peer.settled()
    for peer in peers:
        await peer.everything()


async def let_pause_end(peer: TestPeer) -> None:
    """Let the time be over in which no other standing link is ordered for a peer."""
    await store.async_client().delete(store_keys.ordered(await handle_of(peer)))


async def open_standing(ada: TestPeer, guard: TestPeer, frame: Guard) -> None:
    """Have both ends report a standing link open."""
    link = (frame.out if frame.out.how is How.TAKEN else frame.in_).link
    await ada.send(LinkUp(link))
    await guard.send(LinkUp(link))
    await ada.settled()
    await guard.settled()


async def handle_of(peer: TestPeer) -> PeerId:
    handle = await store.async_client().get(store_keys.device(peer.device_key))
    assert handle is not None
    return PeerId(handle)
