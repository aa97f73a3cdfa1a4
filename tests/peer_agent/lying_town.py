"""ada and bo, contacts of each other, at a server that can be made to lie; and ada with a message for bo."""

import asyncio
import secrets
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from p2p.protocol.frames import FrameToServer
from p2p.protocol.ids import HopId, LinkId, TransactionId
from p2p.protocol.to_peer import PathReady
from peer_agent.crypto.onion_keys import OnionKeys
from peer_agent.events import Event, MessageProgress
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


@asynccontextmanager
async def open_town(path: Path) -> AsyncIterator[Town]:
    async with Tasks() as tasks:
        made = Town(path, tasks)
        await made.acquaint()
        yield made


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
