"""This peer's place in the network: socket, links, presence, and the cells that pass through or end here.

Every `ready_to_receive` is treated alike, whichever part of a path it is for.

Spec: docs/spec/signaling.md and docs/spec/cells.md
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

from p2p.protocol import to_peer
from p2p.protocol.frames import FrameToPeer
from p2p.protocol.ids import HopId, LinkId
from p2p.protocol.parts import IceServer, Order
from p2p.protocol.to_server import Answer, HopFailed, LinkDown, LinkUp
from p2p.protocol.words import How
from peer_agent.clock import Clock
from peer_agent.crypto.identity import DeviceKeys
from peer_agent.direct_links import DirectEdges, DirectLinks
from peer_agent.errors import NoTurnServer
from peer_agent.events import Event, LinkClosed, LinkOpened, SessionClosed
from peer_agent.finding_network import NetworkFacts
from peer_agent.forwarding import Exits, Forwarding
from peer_agent.guards_watch import GuardsWatch
from peer_agent.link_end import LinkReports, Sent
from peer_agent.links import Links
from peer_agent.presence import Presence, PresenceParts
from peer_agent.receiving import Receiving, Take
from peer_agent.rest import Rest
from peer_agent.rtc import TransportFactory, aiortc_factory, has_turn
from peer_agent.session import Greeting, Session, SessionEdges
from peer_agent.tasks import Tasks

HOUSEKEEPING_S = 1.0


class MakeTransports(Protocol):
    """Makes the transports for a list of ICE servers; `turn_only`: through TURN servers, or not at all."""

    def __call__(self, ice_servers: Sequence[IceServer], *, turn_only: bool) -> TransportFactory: ...


@dataclass(frozen=True, slots=True)
class Listener:
    """Who takes what is not the network's own: envelopes, frames about messages, the state of the socket."""

    take: Take
    frame: Callable[[FrameToPeer], None]
    online: Callable[[bool], None]
    store_lost: Callable[[], None]


@dataclass(frozen=True, slots=True)
class NetworkParts:
    """What a network is made of.

    forwards: whether this peer carries other people's cells.
    turn_only: whether other peers may see nothing of it but an address at a TURN server.
    """

    url: str
    rest: Rest
    device: DeviceKeys
    tasks: Tasks
    clock: Clock
    report: Callable[[Event], None]
    forwards: bool
    guards: GuardsWatch
    turn_only: bool = False
    make_transports: MakeTransports = aiortc_factory


class Network:
    """One peer among others."""

    def __init__(self, parts: NetworkParts) -> None:
        self._parts = parts
        self._listener: Listener | None = None
        self._is_announced = False
        self._open_links: set[LinkId] = set()
        self._ice_servers: Sequence[IceServer] = ()
        self.session = Session(
            parts.url,
            parts.rest,
            SessionEdges(lambda: self.links.open_ids(), self._welcomed, self._received, self._report),
        )
        self.links = Links(
            LinkReports(self._link_up, self._link_down, self._link_gone, self._answered, self._cell),
            parts.tasks,
            parts.guards.stands,
        )
        self._presence = self._make_presence()
        self._receiving = Receiving(lambda envelopes: self._listening.take(envelopes), self.session.send)
        self._forwarding = Forwarding(
            Exits(self._pass_on, self._receiving.payload, self._hop_failed, parts.report),
            lambda: self._presence.keys,
        )
        self.direct_links = DirectLinks(
            parts.tasks, DirectEdges(self._receiving.payload, self._hop_failed, parts.report)
        )
        self._handlers = self._handlers_of_frames()

    def _make_presence(self) -> Presence:
        parts = self._parts
        return Presence(
            PresenceParts(
                parts.device,
                self.links,
                parts.clock,
                self.session.send,
                parts.report,
                self._announced,
                parts.forwards,
                parts.guards.tickets,
            )
        )

    def _handlers_of_frames(self) -> dict[type[FrameToPeer], Callable[[Any], None]]:
        """Say who takes which frame; what is not here is for the listener."""
        return {
            to_peer.IceServers: lambda frame: self._use(frame.ice_servers),
            to_peer.Snapshot: self._snapshot,
            to_peer.Guard: self._guard,
            to_peer.OfferWanted: lambda _: self._parts.tasks.spawn(self._presence.offer_live()),
            to_peer.ReadyToReceive: self._ready_to_receive,
            Answer: lambda frame: self.links.answer(frame.link, frame.sdp),
            to_peer.LinkDrop: lambda frame: self.links.drop(frame.link),
        }

    def start(self, listener: Listener) -> None:
        """Go online, and stay so until the tasks end."""
        self._listener = listener
        for loop in (self.session.run(), self._presence.run(), self._receiving.run(), self._keep_house()):
            self._parts.tasks.spawn(loop)

    async def facts(self) -> NetworkFacts:
        """How this device stands in the network at the moment."""
        offers = self.links.stock.current()
        return NetworkFacts(
            trouble="" if self.session.is_open else "closed",
            turn_only=self._parts.turn_only,
            servers=tuple(self._ice_servers),
            description=offers[-1].sdp if offers else "",
        )

    async def close(self) -> None:
        """End all links, so that neighbours need no timeout to notice."""
        self._parts.guards.save()
        await self.direct_links.close_all()
        await self.links.close_all()

    @property
    def _listening(self) -> Listener:
        assert self._listener is not None  # noqa: S101  `start` comes first
        return self._listener

    def _received(self, frame: FrameToPeer) -> None:
        self._handlers.get(type(frame), self._listening.frame)(frame)

    def _welcomed(self, greeting: Greeting) -> None:
        self._use(greeting.welcome.ice_servers)
        if greeting.is_forgotten:
            self.links.drop_all()
            self.direct_links.drop_all()
            self._forwarding.clear()
        if greeting.is_new_store:
            self._listening.store_lost()
        self._is_announced = False
        self._presence.renew_soon(whole=True)

    def _use(self, servers: Sequence[IceServer]) -> None:
        """Make links with these ICE servers from now on.

        Raises:
            NoTurnServer: the user wants none but TURN servers, and there is none.
        """
        turn_only, self._ice_servers = self._parts.turn_only, servers
        if turn_only and not has_turn(servers):
            raise NoTurnServer
        make = self._parts.make_transports(servers, turn_only=turn_only)
        self.links.use(make)
        self.direct_links.use(make)

    def _announced(self) -> None:
        """Begin to send only now: a transaction from a peer that the server can not reach would wait."""
        if not self._is_announced:
            self._is_announced = True
            self._parts.guards.online(True)
            self._listening.online(True)

    def _snapshot(self, frame: to_peer.Snapshot) -> None:
        self._forwarding.keep_only(frozenset(frame.hops))
        self._listening.frame(frame)

    def _ready_to_receive(self, frame: to_peer.ReadyToReceive) -> None:
        self._follow(frame.in_)
        has_way_out = self._follow(frame.out, beside=frame.in_.link)
        if self._forwarding.order(frame.in_, frame.out, has_way_out=has_way_out):
            self.links.used(frame.in_.link)

    def _guard(self, frame: to_peer.Guard) -> None:
        # The ticket first: what comes with one that is not on the disk is not done.
        name = self._parts.guards.take(frame.ticket)
        if name is None:
            return
        for order in (frame.in_, frame.out):
            # The other one is filler: no link of this peer has its id.
            if self._follow(order):
                self._parts.guards.hold(name, order.link)

    def _follow(self, order: Order, *, beside: LinkId | None = None) -> bool:
        has_link = self.links.follow(order, beside=beside)
        if order.how is How.TAKEN:
            self._presence.renew_soon()
        return has_link

    def _cell(self, link: LinkId, frame: bytes) -> None:
        if self._forwarding.receive(link, frame):
            self.links.used(link)

    def _pass_on(self, link: LinkId, frame: bytes) -> bool:
        return self.links.pass_on(link, frame) is not Sent.GONE

    def _hop_failed(self, hop: HopId) -> None:
        self.session.send(HopFailed(hop))

    def _answered(self, link: LinkId, description: str) -> None:
        self.session.send(Answer(link, description))

    def _link_up(self, link: LinkId) -> None:
        self.session.send(LinkUp(link))
        self._parts.guards.link_up(link)
        self._open_links.add(link)
        self._parts.report(LinkOpened(link))

    def _link_down(self, link: LinkId) -> None:
        self.session.send(LinkDown(link))
        self._forwarding.link_lost(link)

    def _link_gone(self, link: LinkId) -> None:
        self._parts.guards.link_gone(link)
        # Many a link ends before it opens: nobody was told of it.
        if link in self._open_links:
            self._open_links.remove(link)
            self._parts.report(LinkClosed(link))

    def _report(self, event: Event) -> None:
        if isinstance(event, SessionClosed):
            self._parts.guards.online(False)
            self._listening.online(False)
        self._parts.report(event)

    async def _keep_house(self) -> NoReturn:
        while True:
            await asyncio.sleep(HOUSEKEEPING_S)
            self._forwarding.expire()
            self.links.close_idle()
            self.links.close_dead()
            self._parts.guards.tick()
            self.direct_links.close_idle()
