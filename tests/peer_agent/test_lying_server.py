"""A server that shows other keys than the pinned ones, or knows nobody by the keys that somebody sends."""

import asyncio
import secrets
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from p2p.protocol.frames import FrameToServer
from p2p.protocol.ids import HopId, LinkId, TransactionId
from p2p.protocol.to_peer import PathReady
from p2p.protocol.to_server import Repath
from peer_agent.api import Api
from peer_agent.crypto.onion_keys import OnionKeys
from peer_agent.errors import ContactBlocked
from peer_agent.events import ContactAsked, ContactUnsafe, Event, MessageProgress
from peer_agent.handshakes import Handshakes
from peer_agent.state_dir import prepare_state_dir
from peer_agent.store import open_store
from peer_agent.tasks import Tasks
from tests.peer_agent.devices import HandClock, make_account
from tests.peer_agent.fake_server import FakeServer, Party

LIMIT_S = 10.0
LINK = LinkId(b"l" * 16)


class Town:
    """ada and bo, contacts of each other, at a server of dictionaries."""

    def __init__(self, path: Path, tasks: Tasks) -> None:
        self.path, self.tasks = path, tasks
        self.time, self.server = HandClock(), FakeServer()
        self.ada, self.bo = self.party("ada"), self.party("bo")

    def party(self, name: str) -> Party:
        account = make_account(name, self.time.clock())
        self.server.add(account)
        store = open_store(prepare_state_dir(self.path / name), None)
        return Party(account, store, self.server, self.time.clock(), self.tasks)

    async def acquaint(self) -> None:
        await self.ada.look()
        await self.bo.look()
        await self.ada.parts.contacts.request("bo")
        await self.bo.look()
        await self.bo.parts.contacts.accept("ada")
        await self.ada.look()
        self.server.requests.clear()

    def substitute(self, name: str) -> None:
        """Show other statements for a user than before, and leave the prekeys as they were."""
        self.server.users[name].statements = [*self.fresh_statements(name)]

    def fresh_statements(self, name: str) -> list[str]:
        other = FakeServer()
        other.add(make_account(name, self.time.clock()))
        return other.users[name].statements


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with Tasks() as tasks:
        made = Town(tmp_path, tasks)
        await made.acquaint()
        yield made


async def test_session_begins_with_nobody_whose_chain_is_another_than_the_pinned(town: Town) -> None:
    ada = town.ada
    books = ada.parts.books
    handshakes = Handshakes(ada.account.device, Api(ada.rest), books, ada.parts.pins, ada.clock)
    bo = books.contacts.require("bo")
    assert await handshakes.begin_with(bo, bo.devices[0])

    town.substitute("bo")

    with pytest.raises(ContactBlocked):
        await handshakes.begin_with(bo, bo.devices[0])


async def somebody_asks_as_olga(town: Town) -> None:
    """Send bo a request with a chain that says olga; at the server it is olga's own."""
    await town.party("olga").parts.contacts.request("bo")


async def test_request_with_the_chain_that_the_server_has_is_shown(town: Town) -> None:
    await somebody_asks_as_olga(town)

    await town.bo.look()

    assert ContactAsked("olga") in town.bo.events


async def test_request_with_a_chain_that_the_server_does_not_have_is_not_shown(town: Town) -> None:
    await somebody_asks_as_olga(town)
    town.substitute("olga")

    await town.bo.look()

    assert ContactAsked("olga") not in town.bo.events
    assert town.bo.parts.books.contacts.find("olga") is None


async def test_request_in_the_name_of_nobody_is_not_shown(town: Town) -> None:
    await somebody_asks_as_olga(town)
    del town.server.users["olga"]

    await town.bo.look()

    assert town.bo.parts.books.contacts.find("olga") is None


@pytest.mark.parametrize(
    "name", ["\N{CYRILLIC SMALL LETTER A}da", "o\N{RIGHT-TO-LEFT OVERRIDE}agl", "olga\x85bo", "olga\x9b2k"]
)
async def test_request_under_a_name_that_looks_like_a_contacts_or_steers_a_terminal_is_not_shown(
    town: Town, name: str
) -> None:
    """Chains have rules for bytes only; that nobody has such a name is the server's word."""
    await town.party(name).parts.contacts.request("bo")
    before = len(town.bo.events)

    await town.bo.look()

    assert town.bo.events[before:] == []
    assert [each.username for each in town.bo.parts.books.contacts.all()] == ["ada"]


class Sender:
    """What ada says while she has a message for bo and the server tells her of a path."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.told: asyncio.Queue[Event] = asyncio.Queue()
        self.frames: asyncio.Queue[FrameToServer] = asyncio.Queue()
        self.cells: list[bytes] = []
        town.ada.listener, town.ada.send_frame = self.told.put_nowait, self.frames.put_nowait
        town.ada.send_cell = self._keep
        town.ada.assemble()
        town.ada.parts.delivery.send("bo", "hello")
        town.ada.parts.delivery.online(True)

    def _keep(self, link: LinkId, frame: bytes) -> bool:
        self.cells.append(frame)
        return link == LINK

    async def transaction(self) -> TransactionId:
        async with asyncio.timeout(LIMIT_S):
            while not (posts := self.town.server.bodies("POST transactions")):
                await self.town.server.asked.get()
        return TransactionId(uuid.UUID(posts[-1]["id"]))

    async def path(self, onion_key: bytes, *, attempt: int = 1) -> TransactionId:
        tx = await self.transaction()
        frame = PathReady(
            tx=tx,
            attempt=attempt,
            device=self.town.bo.account.device_id,
            onion_key=onion_key,
            forwarders=tuple(OnionKeys.create(day=self.day).current.public.raw for _ in range(3)),
            hops=tuple(HopId(secrets.token_bytes(8)) for _ in range(4)),
            link=LINK,
        )
        self.town.ada.parts.delivery.path_ready(frame)
        return tx

    async def frame(self, expected: FrameToServer) -> None:
        async with asyncio.timeout(LIMIT_S):
            while await self.frames.get() != expected:
                pass

    @property
    def day(self) -> int:
        return self.town.time.clock().day()

    async def state(self, word: str) -> None:
        async with asyncio.timeout(LIMIT_S):
            while True:
                event = await self.told.get()
                if isinstance(event, MessageProgress) and event.state == word:
                    return


async def test_onion_key_signed_by_another_in_the_receivers_name_blocks_the_contact(town: Town) -> None:
    sender = Sender(town)
    bo = town.bo.account.device
    forger = replace(make_account("bo", town.time.clock()).device, device_id=bo.device_id)

    await sender.path(OnionKeys.create(day=sender.day).signed(forger).pack())

    await sender.state("blocked")
    assert ContactUnsafe("bo") in town.ada.events
    assert town.ada.parts.books.contacts.require("bo").is_unsafe
    assert sender.cells == []


async def test_onion_key_that_is_out_of_date_asks_for_another_path(town: Town) -> None:
    sender = Sender(town)

    tx = await sender.path(OnionKeys.create(day=sender.day - 3).signed(town.bo.account.device).pack())

    await sender.frame(Repath(tx, 1))
    assert not town.ada.parts.books.contacts.require("bo").is_unsafe
    assert sender.cells == []


async def test_genuine_onion_key_lets_cells_go(town: Town) -> None:
    sender = Sender(town)

    await sender.path(OnionKeys.create(day=sender.day).signed(town.bo.account.device).pack())

    await sender.state("sent")
    assert len(sender.cells) == 1
