"""Relay-only: kept with the device, refused without a TURN server, and never given up for a link."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from p2p.protocol.frames import FrameToPeer, to_text
from p2p.protocol.parts import LIMITS, IceServer
from p2p.protocol.to_peer import IceServers, Welcome
from peer_agent import cli
from peer_agent.clock import Clock
from peer_agent.config import Config
from peer_agent.crypto.identity import create_device
from peer_agent.desk import new_store, opened_store
from peer_agent.errors import NoTurnServer, UsageError
from peer_agent.guards_watch import GuardsWatch
from peer_agent.ice_patch import apply_ice_patch
from peer_agent.network import Listener, Network, NetworkParts
from peer_agent.rest import Rest, Tokens
from peer_agent.rtc import AiortcTransport, Callbacks, TransportFactory, TransportFailed
from peer_agent.tasks import Tasks
from peer_agent.turn_only import is_turn_only
from tests.peer_agent.devices import Device
from tests.peer_agent.fake_server import LATER
from tests.peer_agent.wires import Wire

LIMIT_S = 10.0
NOBODY = Callbacks(lambda: None, lambda: None, lambda frame: None, lambda: None)
STUN = IceServer(("stun:192.0.2.1",), None, None)
TURN = IceServer(("turn:192.0.2.1",), "1761998400:name", "word")
WITHOUT_LOGIN = IceServer(("turn:192.0.2.1",), None, None)


@pytest.fixture
def ada(tmp_path: Path) -> Path:
    device = Device(tmp_path / "ada", "ada")
    device.store.close()
    return device.path


def chosen_by(state: Path, *option: str) -> bool:
    """What a device keeps after a run with this option."""
    options = cli.parser().parse_args(["send", "bo", "hello", *option])
    with opened_store(Config(state, turn_only=options.turn_only)) as store:
        return is_turn_only(store)


def test_choice_stays_with_the_device_until_it_is_taken_back(ada: Path) -> None:
    runs: tuple[list[str], ...] = ([], ["--relay-only"], [], ["--no-relay-only"], [])

    assert [chosen_by(ada, *option) for option in runs] == [False, True, True, False, False]


@pytest.mark.parametrize("command", [["register", "ada"], ["forward"], ["listen"], ["send", "bo", "hello"]])
def test_commands_that_go_online_and_the_first_one_take_the_choice(command: list[str]) -> None:
    chosen = [cli.parser().parse_args([*command, *option]).turn_only for option in ([], ["--relay-only"])]

    assert chosen == [None, True]


def test_choice_at_registration_holds_from_the_first_link_on(tmp_path: Path) -> None:
    with new_store(Config(tmp_path / "ada", turn_only=True)) as store:
        assert is_turn_only(store)


def test_refused_command_changes_no_choice(ada: Path) -> None:
    assert chosen_by(ada, "--relay-only")

    with pytest.raises(UsageError), opened_store(Config(ada, "https://other.example", turn_only=False)):
        pass

    assert chosen_by(ada)


@dataclass
class Desk:
    """A network of which only the socket is real, and what it was told to make links with."""

    network: Network
    tasks: Tasks
    sockets: "asyncio.Queue[ServerConnection]"
    used: list[tuple[Sequence[IceServer], bool]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def make(self, ice_servers: Sequence[IceServer], *, turn_only: bool) -> TransportFactory:
        self.used.append((ice_servers, turn_only))
        self.changed.set()
        return Wire

    async def says(self, *frames: FrameToPeer) -> None:
        far = await asyncio.wait_for(self.sockets.get(), LIMIT_S)
        for frame in frames:
            await far.send(to_text(frame))

    async def uses(self, count: int) -> None:
        async with asyncio.timeout(LIMIT_S):
            while len(self.used) < count:
                self.changed.clear()
                await self.changed.wait()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    sockets: asyncio.Queue[ServerConnection] = asyncio.Queue()

    async def accept(far: ServerConnection) -> None:
        sockets.put_nowait(far)
        await far.wait_closed()

    async with serve(accept, "127.0.0.1", 0, subprotocols=[Subprotocol("mesa.1")]) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        made = Desk.__new__(Desk)
        tasks = Tasks()
        parts = NetworkParts(
            url=f"ws://127.0.0.1:{port}",
            rest=Rest(f"http://127.0.0.1:{port}", tokens=Tokens(LATER, "refresh")),
            device=create_device(),
            tasks=tasks,
            clock=Clock(),
            report=lambda event: None,
            forwards=True,
            guards=GuardsWatch(Device(tmp_path / "f1", "f1").books.guards, Clock(), lambda event: None),
            turn_only=True,
            make_transports=lambda ice_servers, turn_only: made.make(ice_servers, turn_only=turn_only),
        )
        made.__init__(Network(parts), tasks, sockets)  # type: ignore[misc]  # the parts need it
        yield made


def start(network: Network) -> None:
    network.start(Listener(lambda envelopes: [], lambda frame: None, lambda on: None, lambda: None))


async def told(desk: Desk, *frames: FrameToPeer) -> None:
    """Run the network until it ends by what the server says."""
    async with desk.tasks:
        start(desk.network)
        await desk.says(*frames)
        await asyncio.wait_for(asyncio.Event().wait(), LIMIT_S)


def welcome(*servers: IceServer) -> Welcome:
    return Welcome(("mesa.1",), servers, LIMITS, b"e" * 16, b"r" * 32, False)


@pytest.mark.parametrize("servers", [(), (STUN,), (STUN, WITHOUT_LOGIN)])
async def test_peer_stays_offline_where_there_is_no_turn_server(
    desk: Desk, servers: tuple[IceServer, ...]
) -> None:
    with pytest.raises(NoTurnServer, match="names no TURN server"):
        await told(desk, welcome(*servers))

    assert desk.used == []


async def test_new_servers_are_used_and_the_choice_holds_for_them(desk: Desk) -> None:
    later = IceServer(TURN.urls, "1762002000:other", "word")
    async with desk.tasks:
        start(desk.network)
        await desk.says(welcome(STUN, TURN), IceServers((later,)))
        await desk.uses(2)

    assert desk.used == [((STUN, TURN), True), ((later,), True)]


async def test_peer_leaves_when_the_turn_server_goes(desk: Desk) -> None:
    with pytest.raises(NoTurnServer):
        await told(desk, welcome(TURN), IceServers((STUN,)))

    assert len(desk.used) == 1


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that never answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{deaf.getsockname()[1]}"


async def test_offer_that_would_show_an_address_is_not_made(silent: str) -> None:
    assert apply_ice_patch()
    turn = IceServer((f"turn:{silent}",), "name", "word")
    transport = AiortcTransport(NOBODY, (STUN, turn), turn_only=True)

    with pytest.raises(TransportFailed):
        await asyncio.wait_for(transport.offer(), LIMIT_S)

    gatherer = transport._connection.sctp.transport.transport.iceGatherer  # type: ignore[union-attr]  # after an offer it is there
    assert gatherer.getLocalCandidates() == []
    await transport.close()


async def test_answer_that_would_show_an_address_is_not_made(silent: str) -> None:
    assert apply_ice_patch()
    other = AiortcTransport(NOBODY, ())
    turn = IceServer((f"turn:{silent}",), "name", "word")
    transport = AiortcTransport(NOBODY, (turn,), turn_only=True)

    with pytest.raises(TransportFailed):
        await asyncio.wait_for(transport.answer(await other.offer()), LIMIT_S)

    await transport.close()
    await other.close()


async def test_servers_that_do_not_answer_keep_no_offer_back(silent: str) -> None:
    """In time for a link, though each would be asked for longer."""
    assert apply_ice_patch()
    servers = (IceServer((f"stun:{silent}",), None, None), IceServer((f"turn:{silent}",), "name", "word"))
    transport = AiortcTransport(NOBODY, servers)

    offer = await asyncio.wait_for(transport.offer(), 2.9)

    assert "typ host" in offer
    await transport.close()
