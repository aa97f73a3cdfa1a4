"""Peers for tests: a device with a real socket through the real router, speaking the frames of the spec."""

import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator

from mesa import store
from p2p import store_keys
from p2p.protocol.fields import b64_text
from p2p.protocol.frames import FrameToPeer, FrameToServer, parse_to_peer, to_text
from p2p.protocol.ids import LinkId, OfferId
from p2p.protocol.limits import SUBPROTOCOL
from p2p.protocol.parts import Capabilities, StockOffer
from p2p.protocol.to_peer import LinkDrop, Snapshot, Welcome
from p2p.protocol.to_server import Hello, IceClient
from p2p.protocol.words import Nat
from p2p.pushing import apush_frame
from p2p.records import DeviceKey, PeerId, UserKey
from tests.factories import LoggedIn, make_login

F = TypeVar("F", bound=FrameToPeer)
WAIT_S = 20.0


def make_offers(count: int = 4) -> tuple[StockOffer, ...]:
    ids = [uuid.uuid4().bytes[:8] for _ in range(count)]
    return tuple(StockOffer(OfferId(raw), f"v=0\r\no=- {b64_text(raw)}\r\n") for raw in ids)


def make_onion_key(login: LoggedIn) -> bytes:
    """A signed onion key as far as the server looks at it: the device id, and a bare key in its place."""
    day = b"\x00\x00\x50\x00"
    return b"\x01" + login.device.pk.bytes + day + uuid.uuid4().bytes * 2 + bytes(64)


@dataclass
class TestPeer:
    """One device at its socket. What came and was not asked for yet waits in `inbox`, in order."""

    __test__ = False

    login: LoggedIn
    socket: WebsocketCommunicator
    onion_key: bytes = b""
    offers: tuple[StockOffer, ...] = ()
    forward: bool = False
    tickets: tuple[bytes, ...] = ()
    inbox: list[FrameToPeer] = field(default_factory=list)
    welcome: Welcome | None = None
    is_closed: bool = False

    @property
    def device(self) -> str:
        return str(self.login.device.pk)

    @property
    def device_key(self) -> DeviceKey:
        return DeviceKey(self.device)

    @property
    def user(self) -> UserKey:
        return UserKey(str(self.login.device.user_id))

    async def send(self, frame: FrameToServer) -> None:
        await self.socket.send_to(text_data=to_text(frame))

    async def expect(self, kind: type[F], fits: Callable[[F], bool] = lambda _: True) -> F:
        """Wait for a frame of this kind that fits; others that come before stay in the inbox."""
        while True:
            for frame in self.inbox:
                if isinstance(frame, kind) and fits(frame):
                    self.inbox.remove(frame)
                    return frame
            self.inbox.append(parse_to_peer(await self.socket.receive_from(timeout=WAIT_S)))

    async def expect_close(self) -> int:
        """Wait for the server to close; returns the code."""
        while True:
            message = await self.socket.receive_output(timeout=WAIT_S)
            if message["type"] == "websocket.close":
                return int(message["code"])

    async def settled(self) -> Snapshot:
        """Wait until what was sent so far was handled, and what was pushed so far has come."""
        await self.refresh()
        snapshot = await self.expect(Snapshot)
        marker = LinkId(uuid.uuid4().bytes)
        await apush_frame(self.device_key, LinkDrop(marker))
        await self.expect(LinkDrop, lambda frame: frame.link == marker)
        return snapshot

    async def find(self, kind: type[F], fits: Callable[[F], bool] = lambda _: True) -> F | None:
        """Give a frame of this kind that fits, if one has come."""
        await self.settled()
        found = next((frame for frame in self.inbox if isinstance(frame, kind) and fits(frame)), None)
        if found is not None:
            self.inbox.remove(found)
        return found

    async def everything(self) -> list[FrameToPeer]:
        """Give all frames that have come, and forget them."""
        await self.settled()
        frames, self.inbox = self.inbox, []
        return frames

    async def expect_welcome(self) -> Welcome:
        """Wait for a welcome, and keep its resume token."""
        self.welcome = await self.expect(Welcome)
        return self.welcome

    @property
    def resume(self) -> bytes:
        """The resume token of the last welcome."""
        assert self.welcome is not None
        return self.welcome.resume

    async def greet(
        self, resume: bytes | None = None, links: tuple[Any, ...] = (), *, epoch: bytes | None = None
    ) -> Snapshot:
        await self.send(Hello(resume=resume, epoch=epoch, links=links))
        await self.expect_welcome()
        return await self.expect(Snapshot)

    async def refresh(self) -> None:
        """Send a heartbeat with the same stock again."""
        capabilities = Capabilities(forward=self.forward)
        await self.send(IceClient(self.onion_key, capabilities, Nat.UNKNOWN, self.offers, self.tickets))

    async def publish(self, *, forward: bool = False, offers: int = 4) -> Snapshot:
        """Send the first `ice_client`: from here on the peer can be reached."""
        self.onion_key = make_onion_key(self.login)
        self.offers, self.forward = make_offers(offers), forward
        await self.refresh()
        return await self.expect(Snapshot)

    async def close(self) -> None:
        """Close the socket, as a peer that leaves does."""
        if not self.is_closed and not self.socket.future.done():
            self.is_closed = True
            await self.socket.disconnect(timeout=WAIT_S)


def communicator(
    login: LoggedIn | None,
    *,
    path: str = "/ws/agent/",
    headers: tuple[tuple[bytes, bytes], ...] = (),
    **more: Any,
) -> WebsocketCommunicator:
    """A socket through the project's router; nothing is sent yet."""
    from mesa.asgi import application

    bearer = ((b"authorization", f"Bearer {login.tokens.access}".encode()),) if login else ()
    subprotocols = more.pop("subprotocols", [SUBPROTOCOL])
    return WebsocketCommunicator(application, path, headers=[*bearer, *headers], subprotocols=subprotocols)


async def connect(login: LoggedIn, **more: Any) -> TestPeer:
    """Open a socket; `hello` is still to be sent."""
    socket = communicator(login, **more)
    connected, _ = await socket.connect(timeout=WAIT_S)
    assert connected
    return TestPeer(login, socket)


async def make_known(peer: TestPeer) -> None:
    """Let the delay be over after which others may notice that a peer is online; its deadline stays."""
    handle = PeerId(str(await store.async_client().get(store_keys.device(peer.device_key))))
    async with store.async_client().pipeline() as batch:
        batch.hset(store_keys.peer(handle), "known", "0")
        batch.expire(store_keys.peer(handle), store_keys.PEER_TTL)
        await batch.execute()


class Network:
    """Makes peers, and closes all of their sockets in the end."""

    def __init__(self) -> None:
        self.peers: list[TestPeer] = []

    async def login(self, name: str) -> LoggedIn:
        made: LoggedIn = await sync_to_async(make_login)(username=name)
        return made

    async def connect(self, login: LoggedIn, **more: Any) -> TestPeer:
        peer = await connect(login, **more)
        self.peers.append(peer)
        return peer

    async def online(self, name: str, *, forward: bool = False, offers: int = 4) -> TestPeer:
        """A new user whose only device is online, has greeted and published, and was announced."""
        peer = await self.connect(await self.login(name))
        await peer.greet()
        await peer.publish(forward=forward, offers=offers)
        await make_known(peer)
        return peer

    async def forwarders(self, count: int = 3, *, offers: int = 4) -> list[TestPeer]:
        names = [f"fw{number}" for number in range(1, count + 1)]
        return [await self.online(name, forward=True, offers=offers) for name in names]


@asynccontextmanager
async def open_network() -> AsyncIterator[Network]:
    network = Network()
    try:
        yield network
    finally:
        for peer in network.peers:
            await peer.close()


def as_json(frame: FrameToPeer) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(to_text(frame))
    return parsed
