"""A message from outbox to receipt, over a path of real cells between parts that have no network."""

import asyncio
import secrets
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from p2p.protocol.cells import Fragment, LinkFrame, Reassembler
from p2p.protocol.frames import FrameToServer
from p2p.protocol.ids import HopId, LinkId, TransactionId
from p2p.protocol.parts import Credit, HeldReceipt, ReceiptEntry
from p2p.protocol.to_peer import AttemptFailed, PathReady, Snapshot, TransactionReceipt
from p2p.protocol.to_server import Complete, Repath
from p2p.protocol.words import Cause
from peer_agent.contact_book import ContactState, new_contact
from peer_agent.crypto import onion
from peer_agent.crypto.onion_keys import OnionKeys
from peer_agent.errors import ContactBlocked, UnknownUser, UsageError
from peer_agent.events import ContactUnsafe, Event, MessageProgress, MessageReceived
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
        day = self.time.clock().day()
        self.keys = [OnionKeys.create(day=day) for _ in range(4)]
        self.hops: list[HopId] = []

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
            peeled = onion.peel(cell, onion.HopId(hop), keys)
            if isinstance(peeled, onion.Deliver):
                return Fragment.unpack(peeled.payload)
            cell = peeled.cell
        raise AssertionError("the cell goes on")

    async def arrive(self) -> ReceiptEntry | None:
        """Bring the next message to bo."""
        reassembler = Reassembler()
        while True:
            progress = reassembler.add(self.peel(await self.cell()), now=0)
            if progress.envelope is not None:
                self.envelopes.append(progress.envelope)
                return self.bo.parts.inbox.take(progress.envelope)

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


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    time, server = HandClock(), FakeServer()
    async with Tasks() as tasks:

        def party(name: str) -> Party:
            account = make_account(name, time.clock())
            server.add(account)
            store = open_store(prepare_state_dir(tmp_path / name), None)
            return Party(account, store, server, time.clock(), tasks)

        made = Town(party("ada"), party("bo"), server, time)
        made.listen_to(made.ada)
        await acquaint(made)
        yield made


async def acquaint(town: Town) -> None:
    await town.ada.look()
    await town.bo.look()
    await town.ada.parts.contacts.request("bo")
    await town.bo.look()
    await town.bo.parts.contacts.accept("ada")
    await town.ada.look()
    town.server.requests.clear()


async def test_message_arrives_and_its_receipt_ends_the_wait(town: Town) -> None:
    tx = await town.start()
    town.path(tx)
    town.receipt(tx, await town.arrive())

    event = await town.progress("delivered")

    assert (event.to, event.attempt) == ("bo", 1)
    assert town.shown() == ["hello"]


async def test_progress_names_the_hops_in_order(town: Town) -> None:
    tx = await town.start()
    town.path(tx)

    assert list((await town.progress("path")).hops) == town.hops
    assert list((await town.progress("sent")).hops) == town.hops


async def test_second_attempt_sends_the_same_message_in_new_cells(town: Town) -> None:
    tx = await town.start()
    town.path(tx)
    first = await town.cell()
    before = town.peel(first)
    town.ada.parts.delivery.attempt_failed(AttemptFailed(tx, 1, Cause.NO_RECEIPT, None))
    town.path(tx, 2)
    second = await town.cell()
    after = town.peel(second)

    assert after.body == before.body
    assert after.stream != before.stream
    pieces = {first[at : at + 8] for at in range(len(first) - 7)}
    assert not any(second[at : at + 8] in pieces for at in range(len(second) - 7))


async def test_message_that_arrives_over_two_attempts_is_shown_once(town: Town) -> None:
    tx = await town.start()
    town.path(tx)
    lost = await town.arrive()
    town.ada.parts.delivery.attempt_failed(AttemptFailed(tx, 1, Cause.NO_RECEIPT, None))
    town.path(tx, 2)
    again = await town.arrive()
    town.receipt(tx, again)
    await town.progress("delivered")

    assert lost == again
    assert town.shown() == ["hello"]


async def test_many_messages_share_one_transaction_and_one_session(town: Town) -> None:
    tx = await town.start("0")
    for number in range(1, 40):
        town.ada.parts.delivery.send("bo", str(number))
    town.path(tx)
    for _ in range(40):
        town.receipt(tx, await town.arrive())

    assert town.shown() == [str(number) for number in range(40)]
    assert [route for route, _ in town.server.requests] == []
    assert town.ada.store.rows("SELECT COUNT(*) FROM sessions") == [(1,)]


async def test_long_message_goes_in_windows_that_credit_renews(town: Town) -> None:
    tx = await town.start("x" * 65_000)
    town.path(tx)
    cells = [await town.cell() for _ in range(16)]
    assert town.cells.empty()
    stream = town.peel(cells[0]).stream

    town.ada.parts.delivery.receipt(TransactionReceipt(tx, (), Credit(stream, 15)))

    rest = [town.peel(await town.cell()).index for _ in range(2)]
    assert rest == [16, 17]


@pytest.mark.parametrize("what", ["device", "signature"])
async def test_wrong_key_of_the_receiver_blocks_the_contact(town: Town, what: str) -> None:
    tx = await town.start()
    stranger = make_account("bo", town.time.clock())
    forged = town.keys[3].signed(stranger.device).pack()
    frame = replace(town.path_frame(tx), onion_key=forged)

    town.ada.parts.delivery.path_ready(
        replace(frame, device=stranger.device_id) if what == "device" else frame
    )

    await town.progress("blocked")
    assert ContactUnsafe("bo") in town.ada.events
    assert town.cells.empty()
    assert isinstance(await town.frame(Complete), Complete)
    with pytest.raises(ContactBlocked):
        town.ada.parts.delivery.send("bo", "more")


async def test_key_of_another_day_asks_for_another_path_and_blocks_nobody(town: Town) -> None:
    tx = await town.start()
    old = OnionKeys.create(day=town.time.clock().day() - 3).signed(town.bo.account.device).pack()

    town.ada.parts.delivery.path_ready(replace(town.path_frame(tx), onion_key=old))

    assert await town.frame(Repath) == Repath(tx, 1)
    assert not town.ada.parts.books.contacts.all()[0].is_unsafe


async def test_chain_that_changed_at_the_server_blocks_before_anything_is_sealed(town: Town) -> None:
    town.ada.store.change("DELETE FROM sessions")
    tx = await town.start()
    town.server.add(make_account("bo", town.time.clock()))

    town.path(tx)

    await town.progress("blocked")
    assert town.cells.empty()


async def test_path_for_a_transaction_of_nobody_is_ignored(town: Town) -> None:
    await town.start()

    town.path(TransactionId(uuid.uuid4()))

    assert town.cells.empty()


async def test_server_that_can_not_take_the_transaction_is_asked_again(town: Town) -> None:
    town.server.problems["POST transactions"] = (503, "unavailable")
    await town.start()
    town.server.problems.clear()

    tx = await town.next_transaction()
    town.path(tx)

    assert await town.arrive() is not None


async def test_false_receipt_delivers_nothing(town: Town) -> None:
    tx = await town.start()
    town.path(tx)
    entry = await town.arrive()
    assert entry is not None

    town.receipt(tx, replace(entry, mac=bytes(16)))
    town.receipt(tx, entry)

    await town.progress("delivered")
    assert town.told.empty()


async def test_receipt_held_in_a_snapshot_counts(town: Town) -> None:
    tx = await town.start()
    town.path(tx)
    entry = await town.arrive()
    assert entry is not None

    held = HeldReceipt(tx, (entry,), None)
    town.ada.parts.delivery.snapshot(Snapshot((), (), (held,), ()))

    await town.progress("delivered")


async def test_undelivered_messages_are_taken_up_by_the_next_run(town: Town) -> None:
    town.ada.parts.delivery.send("bo", "first")
    again = Party(town.ada.account, town.ada.store, town.server, town.time.clock(), town.ada.tasks)
    town.listen_to(again)
    again.parts.delivery.resume()
    again.parts.delivery.online(True)
    town.ada = again

    town.path(await town.next_transaction())

    assert await town.arrive() is not None
    assert town.shown() == ["first"]


async def test_session_reset_sends_the_same_message_under_a_new_session(town: Town) -> None:
    tx = await town.start()
    town.path(tx)
    await town.cell()
    number = town.ada.parts.books.contacts.require("bo").number
    with town.ada.store.transaction():
        town.ada.parts.books.outbox.unseal_all(number)
        contact = replace(town.ada.parts.books.contacts.get(number), sessions_from_ms=2**60)
        town.ada.parts.books.contacts.save(contact)
    town.ada.parts.delivery.resend(number)
    assert isinstance(await town.frame(Repath), Repath)
    town.ada.parts.delivery.attempt_failed(AttemptFailed(tx, 1, Cause.SUPERSEDED, None))

    town.path(tx, 2)

    assert await town.arrive() is not None
    assert town.shown() == ["hello"]


async def test_sending_needs_an_accepted_contact_and_some_text(town: Town) -> None:
    asked = new_contact("olga", ContactState.ASKED, town.bo.account.chain)
    with town.ada.store.transaction():
        town.ada.parts.books.contacts.save(asked)

    for name in ("olga", "nobody"):
        with pytest.raises(UnknownUser):
            town.ada.parts.delivery.send(name, "hi")
    for text in ("", "x" * 65_537):
        with pytest.raises(UsageError):
            town.ada.parts.delivery.send("bo", text)
    assert town.ada.store.rows("SELECT COUNT(*) FROM messages WHERE state = 'undelivered'") == [(0,)]
