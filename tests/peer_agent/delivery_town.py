"""A sender with its outbox, a receiver with its inbox, and a path of real cells between them, no network."""

import asyncio
import secrets
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from p2p.protocol.cells import Fragment, LinkFrame, Reassembler
from p2p.protocol.frames import FrameToServer
from p2p.protocol.ids import HopId, LinkId, TransactionId
from p2p.protocol.parts import ReceiptEntry
from p2p.protocol.to_peer import PathReady, TransactionReceipt
from peer_agent.clock import S_PER_DAY
from peer_agent.crypto import onion
from peer_agent.crypto.onion_keys import OnionKeys
from peer_agent.events import Event, MessageProgress, MessageReceived
from peer_agent.state_dir import prepare_state_dir
from peer_agent.store import open_store
from peer_agent.tasks import Tasks
from tests.peer_agent.devices import HandClock, make_account
from tests.peer_agent.fake_server import FakeServer, Party

LIMIT_S = 10.0
LINK = LinkId(b"l" * 16)


@dataclass
class Town:
    """ada, who sends; bo, who receives; three onion keys between them; and a server of dictionaries."""

    ada: Party
    bo: Party
    server: FakeServer
    time: HandClock
    cells: "asyncio.Queue[bytes]" = field(default_factory=asyncio.Queue)
    frames: "asyncio.Queue[FrameToServer]" = field(default_factory=asyncio.Queue)
    told: "asyncio.Queue[Event]" = field(default_factory=asyncio.Queue)
    envelopes: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.hops: list[HopId] = []
        self.wait(0.0)

    def wait(self, days: float) -> None:
        """Let days pass; everybody on paths has the keys of the new day."""
        self.time.now += days * S_PER_DAY
        self.keys = [OnionKeys.create(day=self.time.clock().day()) for _ in range(4)]

    def listen_to(self, ada: Party) -> None:
        """Hear what ada says from here on."""

        def keep_cell(link: LinkId, frame: bytes) -> bool:
            self.cells.put_nowait(frame)
            return link == LINK

        ada.send_cell, ada.send_frame, ada.listener = keep_cell, self.frames.put_nowait, self.told.put_nowait
        ada.assemble()

    async def start(self, text: str = "hello") -> TransactionId:
        """Accept a message and wait for its transaction; returns the transaction's id."""
        self.ada.parts.delivery.send("bo", text)
        self.ada.parts.delivery.online(True)
        return await self.next_transaction()

    async def next_transaction(self) -> TransactionId:
        async with asyncio.timeout(LIMIT_S):
            while not (posts := self.server.bodies("POST transactions")):
                await self.server.asked.get()
        self.server.requests.clear()
        return TransactionId(uuid.UUID(posts[-1]["id"]))

    def path_frame(self, tx: TransactionId, attempt: int = 1) -> PathReady:
        """A path to bo, as the server would tell it."""
        self.hops = [HopId(secrets.token_bytes(8)) for _ in range(4)]
        return PathReady(
            tx=tx,
            attempt=attempt,
            device=self.bo.account.device_id,
            onion_key=self.keys[3].signed(self.bo.account.device).pack(),
            forwarders=tuple(keys.current.public.raw for keys in self.keys[:3]),
            hops=tuple(self.hops),
            link=LINK,
        )

    def path(self, tx: TransactionId, attempt: int = 1) -> None:
        """Give ada a path to bo."""
        self.ada.parts.delivery.path_ready(self.path_frame(tx, attempt))

    async def cell(self) -> bytes:
        return await asyncio.wait_for(self.cells.get(), LIMIT_S)

    def peel(self, frame: bytes) -> Fragment:
        """Take all four layers off a cell, as the path would."""
        cell = LinkFrame.unpack(frame).cell
        for keys, hop in zip(self.keys, self.hops, strict=True):
            peeled = onion.peel(cell, hop, keys)
            if isinstance(peeled, onion.Deliver):
                return Fragment.unpack(peeled.payload)
            cell = peeled.cell
        raise AssertionError("the cell goes on")

    async def next_envelope(self) -> bytes:
        """Put the cells of the next message together."""
        reassembler = Reassembler()
        while True:
            progress = reassembler.add(self.peel(await self.cell()), now=0)
            if progress.envelope is not None:
                self.envelopes.append(progress.envelope)
                return progress.envelope

    async def arrive(self) -> ReceiptEntry | None:
        """Bring the next message to bo."""
        return self.bo.parts.inbox.take(await self.next_envelope())

    def receipt(self, tx: TransactionId, entry: ReceiptEntry | None) -> None:
        assert entry is not None
        self.ada.parts.delivery.receipt(TransactionReceipt(tx, (entry,), None))

    async def progress(self, state: str) -> MessageProgress:
        """Wait until a message of ada's reaches a state."""
        async with asyncio.timeout(LIMIT_S):
            while True:
                event = await self.told.get()
                if isinstance(event, MessageProgress) and event.state == state:
                    return event

    async def frame(self, kind: type) -> FrameToServer:
        async with asyncio.timeout(LIMIT_S):
            while True:
                frame = await self.frames.get()
                if isinstance(frame, kind):
                    return frame

    def shown(self) -> list[str]:
        return [event.text for event in self.bo.events if isinstance(event, MessageReceived)]


@asynccontextmanager
async def open_town(path: Path) -> AsyncIterator[Town]:
    """Make ada and bo contacts of each other; their sessions are established."""
    time, server = HandClock(), FakeServer()
    async with Tasks() as tasks:

        def party(name: str) -> Party:
            account = make_account(name, time.clock())
            server.add(account)
            store = open_store(prepare_state_dir(path / name), None)
            return Party(account, store, server, time.clock(), tasks)

        town = Town(party("ada"), party("bo"), server, time)
        town.listen_to(town.ada)
        await acquaint(town)
        yield town


async def acquaint(town: Town) -> None:
    await town.ada.look()
    await town.bo.look()
    await town.ada.parts.contacts.request("bo")
    await town.bo.look()
    await town.bo.parts.contacts.accept("ada")
    await town.ada.look()
    town.server.requests.clear()
