"""What does not open tells nobody who is a contact, and costs a session nothing."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from p2p.protocol.cells import MAX_ENVELOPE_BYTES
from peer_agent.api import Api
from peer_agent.crypto.handshake import InitialHeader, KemPart
from peer_agent.crypto.identity import DeviceEntry
from peer_agent.crypto.prekeys import NO_PREKEY, PrekeyId, PrekeyKind
from peer_agent.handshakes import Handshakes
from peer_agent.prekey_book import LONGEST_STEP
from peer_agent.resets import Resets
from peer_agent.state_dir import prepare_state_dir
from peer_agent.store import open_store
from peer_agent.tasks import Tasks
from tests.peer_agent.devices import Device, HandClock, make_account
from tests.peer_agent.fake_server import FakeServer, Party

LIMIT_S = 10.0


def garbage_from(entry: DeviceEntry, bo: Device, one_time: PrekeyId = NO_PREKEY) -> bytes:
    """An initial envelope in somebody's name, made of public keys only."""
    signed = bo.books.prekeys.newest(PrekeyKind.SIGNED)
    last_resort = bo.books.prekeys.newest(PrekeyKind.LAST_RESORT_KEM)
    assert signed is not None
    assert last_resort is not None
    header = InitialHeader(
        entry,
        entry.agreement,
        signed.prekey_id,
        one_time,
        KemPart(PrekeyKind.LAST_RESORT_KEM, last_resort.prekey_id, secrets.token_bytes(1_088)),
    )
    return b"\x01" + header.pack() + secrets.token_bytes(400)


@pytest.mark.parametrize("named", ["contact", "stranger"])
def test_first_envelope_that_does_not_open_changes_nothing(ada: Device, bo: Device, named: str) -> None:
    entry = ada.account.device.entry
    if named == "stranger":
        entry = make_account("olga", bo.time.clock()).device.entry
    before = everything(bo)

    assert bo.inbox.take(garbage_from(entry, bo)) is None

    assert bo.unreadable == []
    assert everything(bo) == before


def test_first_envelope_that_does_not_open_spends_no_one_time_prekey(ada: Device, bo: Device) -> None:
    with bo.store.transaction():
        one_time = bo.books.prekeys.make(PrekeyKind.ONE_TIME, 1, day=bo.time.clock().day())[0]

    bo.inbox.take(garbage_from(ada.account.device.entry, bo, one_time.prekey_id))

    assert bo.books.prekeys.find(PrekeyKind.ONE_TIME, one_time.prekey_id) is not None


def everything(device: Device) -> list[object]:
    tables = ("contacts", "sessions", "prekeys", "first_headers", "posts", "received")
    return [device.store.rows(f"SELECT * FROM {table}") for table in tables]  # noqa: S608  names of our own


def test_envelope_of_a_session_that_does_not_open_is_reported(ada: Device, bo: Device) -> None:
    bo.inbox.take(ada.write(bo, "hello"))
    damaged = bytearray(ada.write(bo, "again"))
    damaged[-1] ^= 1

    bo.inbox.take(bytes(damaged))

    assert bo.unreadable == [bo.contact(ada).number]


def test_envelope_of_an_unknown_session_is_not_reported(ada: Device, bo: Device) -> None:
    for size in (0, 1, 100, 1_217, 1_400, MAX_ENVELOPE_BYTES):
        bo.inbox.take(b"\x02" + secrets.token_bytes(size))

    assert bo.unreadable == []


def test_ids_of_prekeys_rise_and_do_not_count(ada: Device) -> None:
    with ada.store.transaction():
        made = [
            prekey.prekey_id
            for _ in range(4)
            for prekey in ada.books.prekeys.make(PrekeyKind.ONE_TIME, 50, day=20_000)
        ]

    steps = [after - before for before, after in pairwise(made)]
    assert min(steps) >= 1
    assert max(steps) <= LONGEST_STEP
    assert len(set(steps)) > len(steps) // 2


@dataclass
class Town:
    """ada and bo, contacts at a server of dictionaries, and bo's resets with a pause the test ends."""

    server: FakeServer
    ada: Party
    bo: Party
    tasks: Tasks

    def __post_init__(self) -> None:
        self.paused: asyncio.Queue[asyncio.Event] = asyncio.Queue()

    def resets(self) -> Resets:
        parts = self.bo.parts
        self.server.requests.clear()
        own, api = self.bo.account.device, Api(self.bo.rest)
        handshakes = Handshakes(own, api, parts.books, parts.pins, self.bo.clock, self.bo.events.append)
        return Resets(parts.books, handshakes, parts.posts, self.bo.clock, pause=self._pause)

    async def _pause(self) -> None:
        over = asyncio.Event()
        self.paused.put_nowait(over)
        await over.wait()

    @property
    def number(self) -> int:
        return self.bo.parts.books.contacts.require("ada").number


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    time, server = HandClock(), FakeServer()
    async with Tasks() as tasks:

        def party(name: str) -> Party:
            account = make_account(name, time.clock())
            server.add(account)
            store = open_store(prepare_state_dir(tmp_path / name), None)
            return Party(account, store, server, time.clock(), tasks)

        made = Town(server, party("ada"), party("bo"), tasks)
        await made.ada.look()
        await made.bo.look()
        await made.ada.parts.contacts.request("bo")
        await made.bo.look()
        await made.bo.parts.contacts.accept("ada")
        await made.ada.look()
        yield made


async def test_reset_claims_and_posts_only_after_a_pause(town: Town) -> None:
    resets = town.resets()
    asking = asyncio.create_task(resets.ask(town.number))
    over = await asyncio.wait_for(town.paused.get(), LIMIT_S)
    assert town.server.requests == []

    over.set()
    await asyncio.wait_for(asking, LIMIT_S)

    assert [route for route, _ in town.server.requests] == ["POST bundles", "POST mailbox"]


async def test_reset_is_asked_for_once_however_many_envelopes_do_not_open(town: Town) -> None:
    resets = town.resets()
    asking = asyncio.create_task(resets.ask(town.number))
    over = await asyncio.wait_for(town.paused.get(), LIMIT_S)

    await asyncio.wait_for(resets.ask(town.number), LIMIT_S)
    over.set()
    await asyncio.wait_for(asking, LIMIT_S)
    await asyncio.wait_for(resets.ask(town.number), LIMIT_S)

    assert len(town.server.bodies("POST bundles")) == 1
    assert town.paused.empty()
