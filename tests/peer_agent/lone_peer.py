"""A peer whose server is the test: a real socket, and links over transports that say what they are told."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from p2p.protocol.cells import PAYLOAD_BYTES, LinkFrame
from p2p.protocol.fields import b64_bytes
from p2p.protocol.frames import FrameToPeer, to_text
from p2p.protocol.ids import HopId, LinkId
from p2p.protocol.parts import LIMITS, Order
from p2p.protocol.to_peer import ReadyToReceive, Welcome
from p2p.protocol.words import How
from peer_agent.clock import Clock
from peer_agent.crypto import onion
from peer_agent.crypto.identity import create_device
from peer_agent.crypto.onion_keys import SignedOnionKey
from peer_agent.crypto.primitives import X25519Private
from peer_agent.events import Event, HopReady
from peer_agent.guards_watch import GuardsWatch
from peer_agent.network import Listener, Network, NetworkParts
from peer_agent.rest import Rest, Tokens
from peer_agent.rtc import Callbacks
from peer_agent.tasks import Tasks
from tests.peer_agent.devices import Device
from tests.peer_agent.fake_server import LATER
from tests.peer_agent.wires import Wire

LIMIT_S = 10.0
INCOMING, OUTGOING = HopId(b"incoming"), HopId(b"outgoing")


def an_order(link: LinkId) -> Order:
    return Order(HopId(secrets.token_bytes(8)), link, How.ANSWER, "v=0\r\n", None)


@dataclass
class LonePeer:
    """A peer, the server's end of its socket, and the wires of its links."""

    network: Network
    socket: ServerConnection
    events: "asyncio.Queue[Event]"
    wires: list[Wire]
    told: dict[str, Any] = field(init=False)

    async def hears(self, *words: str) -> dict[str, Any]:
        """The next frame of the peer that is one of these."""
        async with asyncio.timeout(LIMIT_S):
            while True:
                frame: dict[str, Any] = json.loads(await self.socket.recv())
                if frame["type"] in words:
                    return frame

    async def greet(self) -> None:
        await self.hears("hello")
        await self.says(Welcome(("mesa.1",), (), LIMITS, b"e" * 16, b"r" * 32, False))
        self.told = await self.hears("ice_client")

    async def says(self, frame: FrameToPeer) -> None:
        await self.socket.send(to_text(frame))

    async def place(self) -> tuple[LinkId, LinkId]:
        """Give the peer a place on a path between two links that are open."""
        links = LinkId(secrets.token_bytes(16)), LinkId(secrets.token_bytes(16))
        for link in links:
            self.network.links.follow(an_order(link))
            self.wires[-1].callbacks.opened()
        incoming, outgoing = (
            Order(hop, link, How.OPEN, None, None)
            for hop, link in zip((INCOMING, OUTGOING), links, strict=True)
        )
        await self.says(ReadyToReceive(in_=incoming, out=outgoing))
        async with asyncio.timeout(LIMIT_S):
            while not isinstance(await self.events.get(), HopReady):
                pass
        return links

    def cell(self) -> bytes:
        """A frame with a genuine cell for the peer's incoming hop."""
        own = SignedOnionKey.unpack(b64_bytes(self.told["onion_key"])).key
        keys = [own, *(X25519Private.generate().public for _ in range(3))]
        hops = [INCOMING, *(HopId(secrets.token_bytes(8)) for _ in range(3))]
        layers = [onion.Hop(key, hop) for key, hop in zip(keys, hops, strict=True)]
        return LinkFrame(INCOMING, onion.wrap(layers, bytes(PAYLOAD_BYTES))).pack()


@asynccontextmanager
async def open_lone_peer(
    device: Device, make_wire: Callable[[Callbacks], Wire] = Wire
) -> AsyncIterator[LonePeer]:
    """Bring a device online at a server that is the test."""
    sockets: asyncio.Queue[ServerConnection] = asyncio.Queue()
    events: asyncio.Queue[Event] = asyncio.Queue()
    wires: list[Wire] = []

    async def accept(socket: ServerConnection) -> None:
        sockets.put_nowait(socket)
        await socket.wait_closed()

    def wire(callbacks: Callbacks) -> Wire:
        wires.append(make_wire(callbacks))
        return wires[-1]

    async with serve(accept, "127.0.0.1", 0, subprotocols=[Subprotocol("mesa.1")]) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with Tasks() as tasks:
            rest = Rest(f"http://127.0.0.1:{port}", tokens=Tokens(LATER, "refresh"))
            network = Network(
                NetworkParts(
                    url=f"ws://127.0.0.1:{port}",
                    rest=rest,
                    device=create_device(),
                    tasks=tasks,
                    clock=Clock(),
                    report=events.put_nowait,
                    forwards=True,
                    guards=GuardsWatch(device.books.guards, device.time.clock(), events.put_nowait),
                    make_transports=lambda ice_servers, turn_only: wire,
                )
            )
            network.start(Listener(lambda envelopes: [], lambda frame: None, lambda on: None, lambda: None))
            socket = await asyncio.wait_for(sockets.get(), LIMIT_S)
            made = LonePeer(network, socket, events, wires)
            await made.greet()
            yield made
