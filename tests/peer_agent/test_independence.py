"""What goes wrong with one post, contact or message stops no other."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from p2p.protocol.fields import b64_text
from peer_agent.contact_book import Contact, ContactState
from peer_agent.crypto.messages import ContactRequest, DeliveryToken, Text, create_message
from peer_agent.crypto.sealing import seal_post
from peer_agent.crypto.sessions import Session
from peer_agent.delivery_tokens import FULL, REFILL_BELOW
from peer_agent.errors import LoginRefused, Refused
from peer_agent.events import MessageReceived
from peer_agent.mailbox import Mailbox
from peer_agent.opening import Opened
from peer_agent.state_dir import prepare_state_dir
from peer_agent.store import open_store
from peer_agent.tasks import Tasks
from tests.peer_agent.delivery_town import LIMIT_S, Town, acquaint
from tests.peer_agent.devices import HandClock, make_account
from tests.peer_agent.fake_server import FakeServer, Json, Party, User, digest

PAGE = 50


class PickyServer(FakeServer):
    """A server with full mailboxes, with names it does not tell about now, and with pages."""

    def __init__(self) -> None:
        super().__init__()
        self.full: set[str] = set()
        self.silent_about: set[str] = set()

    def _post_mailbox(self, caller: User, name: str, body: Json) -> tuple[int, Json]:
        owner = body["username"] or self.tokens.get(digest(body["token"]))
        if owner in self.full:
            return 429, {"code": "mailbox_full"}
        return super()._post_mailbox(caller, name, body)

    def _post_bundles(self, caller: User, name: str, body: Json) -> tuple[int, Json]:
        if body["username"] in self.silent_about:
            return 429, {"code": "throttled"}
        return super()._post_bundles(caller, name, body)

    def _get_mailbox(self, caller: User, name: str, body: Json) -> tuple[int, Json]:
        status, answer = super()._get_mailbox(caller, name, body)
        return status, {"envelopes": sorted(answer["envelopes"], key=lambda each: each["id"])[:PAGE]}


class Village:
    """Users on one picky server."""

    def __init__(self, folder: Path, tasks: Tasks) -> None:
        self.folder, self.tasks = folder, tasks
        self.time, self.server = HandClock(), PickyServer()

    async def party(self, name: str) -> Party:
        clock = self.time.clock()
        account = make_account(name, clock)
        self.server.add(account)
        store = open_store(prepare_state_dir(self.folder / name), None)
        party = Party(account, store, self.server, clock, self.tasks)
        await party.look()
        return party

    def mailbox(self, name: str) -> dict[str, str]:
        return self.server.users[name].mailbox


@pytest.fixture
async def village(tmp_path: Path) -> AsyncIterator[Village]:
    async with Tasks() as tasks:
        yield Village(tmp_path, tasks)


@pytest.fixture
async def ada(village: Village) -> Party:
    return await village.party("ada")


@pytest.fixture
async def bo(village: Village) -> Party:
    return await village.party("bo")


@pytest.fixture
async def mallory(village: Village) -> Party:
    return await village.party("mallory")


def state(party: Party, name: str) -> ContactState | None:
    found = party.parts.books.contacts.find(name)
    return None if found is None else found.state


async def test_request_that_can_not_be_checked_stops_no_other_post(
    village: Village, ada: Party, bo: Party, mallory: Party
) -> None:
    for number in range(PAGE + 3):
        await mallory.parts.contacts.request("bo", str(number))
    for place, sealed in enumerate(list(village.mailbox("bo").values())):
        # All of them come before anything else in the server's order.
        village.mailbox("bo")[f"00000000-0000-4000-8000-{place:012x}"] = sealed
    for key in [key for key in village.mailbox("bo") if not key.startswith("00000000-")]:
        del village.mailbox("bo")[key]
    village.server.silent_about.add("mallory")
    await ada.parts.contacts.request("bo")

    await bo.parts.mailbox.empty()
    await bo.parts.mailbox.empty()

    assert state(bo, "ada") is ContactState.ASKING
    assert state(bo, "mallory") is None
    assert village.mailbox("bo") == {}


async def test_request_that_was_set_aside_is_taken_in_later(
    village: Village, bo: Party, mallory: Party
) -> None:
    await mallory.parts.contacts.request("bo")
    village.server.silent_about.add("mallory")
    await bo.parts.mailbox.empty()
    village.server.silent_about.clear()
    village.server.requests.clear()

    await bo.parts.mailbox.empty()
    assert village.server.bodies("POST bundles") == []
    wait_s = bo.parts.mailbox.retry_in_s
    assert wait_s is not None
    village.time.now += wait_s
    bo.assemble()
    await bo.parts.mailbox.empty()

    assert state(bo, "mallory") is ContactState.ASKING
    assert bo.store.rows("SELECT * FROM set_aside") == []


async def test_mailbox_that_is_full_holds_up_no_other_post(village: Village, ada: Party, bo: Party) -> None:
    for name in ("mallory", "olga", "f1"):
        await village.party(name)
    village.server.full |= {"mallory", "olga", "f1"}
    for name in ("mallory", "olga", "f1"):
        with pytest.raises(Refused):
            await ada.parts.contacts.request(name)
    with ada.store.transaction():
        for name in ("bo", "mallory", "bo", "olga", "bo"):
            ada.parts.posts.add(bo.account.device.entry, b"x", username=name)

    await ada.parts.posts.deliver()

    assert len(village.mailbox("bo")) == 3
    assert ada.store.rows("SELECT COUNT(*) FROM posts") == [(5,)]


async def test_refused_post_goes_after_its_pause_and_not_before(
    village: Village, ada: Party, bo: Party
) -> None:
    village.server.full.add("bo")
    with pytest.raises(Refused):
        await ada.parts.contacts.request("bo")
    village.server.full.clear()
    await ada.parts.posts.deliver()
    assert village.mailbox("bo") == {}

    wait_s = ada.parts.posts.retry_in_s
    assert wait_s is not None
    village.time.now += wait_s
    await ada.parts.posts.deliver()

    assert len(village.mailbox("bo")) == 1
    assert ada.parts.posts.retry_in_s is None


async def test_pauses_of_a_post_grow(village: Village, ada: Party, bo: Party) -> None:
    village.server.full.add("bo")
    with pytest.raises(Refused):
        await ada.parts.contacts.request("bo")
    waits = []
    for _ in range(3):
        wait_s = ada.parts.posts.retry_in_s
        assert wait_s is not None
        waits.append(round(wait_s))
        village.time.now += wait_s
        await ada.parts.posts.deliver()

    assert waits == [15, 30, 60]


async def test_session_that_moves_on_while_a_request_is_checked_is_not_set_back(
    village: Village, ada: Party, bo: Party
) -> None:
    await ada.parts.contacts.request("bo")
    await bo.look()
    village.mailbox("bo").clear()
    contact = ada.parts.books.contacts.find("bo")
    assert contact is not None
    session = ada.parts.books.sessions.choose(contact.number, contact.devices[0], now_ms=0)
    assert session is not None
    await ask_again(ada, bo, session, contact)
    moved: list[bytes] = []

    async def move_on(opened: Opened) -> bool:
        found = bo.parts.books.sessions.find(session.session_id)
        assert found is not None
        with bo.store.transaction():
            known, _ = found[1].encrypt(create_message(Text("on"), now_ms=1).pack())
            bo.parts.books.sessions.save(found[0], known)
            moved.append(known.pack())
        return True

    await Mailbox(replace(bo.parts.mailbox._parts, is_genuine=move_on)).empty()

    after = bo.parts.books.sessions.find(session.session_id)
    assert moved
    assert after is not None
    assert sent_count(after[1]) == sent_count(Session.unpack(moved[0]))


async def ask_again(ada: Party, bo: Party, session: Session, contact: Contact) -> None:
    """Leave a second request on the session of the first."""
    assert contact.my_token is not None
    content = ContactRequest(ada.account.chain, DeliveryToken(contact.my_token), "again")
    _, envelope = session.encrypt(create_message(content, now_ms=2).pack())
    sealed = b64_text(seal_post(bo.account.device.entry, envelope))
    bo.server.users["bo"].mailbox["00000000-0000-4000-8000-000000000001"] = sealed


def sent_count(session: Session) -> int:
    """How many messages a session has sealed in its present chain."""
    return session.ratchet.sent


async def test_tokens_are_made_before_there_is_a_contact(village: Village, ada: Party, bo: Party) -> None:
    await ada.parts.tokens.refill()
    village.server.requests.clear()

    await ada.parts.contacts.request("bo")

    assert len(village.server.tokens) == FULL
    assert village.server.bodies("POST tokens") == []


async def test_stock_of_tokens_is_filled_only_when_it_is_low(village: Village, ada: Party) -> None:
    await ada.parts.tokens.refill()
    for number in range(FULL - REFILL_BELOW):
        await ada.parts.tokens.provide()
        ada.parts.tokens.give(number)
    await ada.parts.tokens.refill()
    assert len(village.server.tokens) == FULL

    ada.parts.tokens.give(99)
    await ada.parts.tokens.refill()

    assert ada.store.rows("SELECT COUNT(*) FROM tokens WHERE contact IS NULL") == [(FULL,)]


async def test_tokens_are_given_in_no_order_of_the_server_rows(village: Village, ada: Party) -> None:
    await ada.parts.tokens.refill()
    for number in range(FULL):
        ada.parts.tokens.give(number)
    rows = [row[0] for row in ada.store.rows("SELECT digest FROM tokens ORDER BY contact")]

    assert rows != sorted(rows)


async def made_town(folder: Path, tasks: Tasks) -> Town:
    time, server = HandClock(), FakeServer()

    def party(name: str) -> Party:
        account = make_account(name, time.clock())
        server.add(account)
        store = open_store(prepare_state_dir(folder / name), None)
        return Party(account, store, server, time.clock(), tasks)

    town = Town(party("ada"), party("bo"), server, time)
    town.listen_to(town.ada)
    await acquaint(town)
    return town


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with Tasks() as tasks:
        yield await made_town(tmp_path, tasks)


@pytest.mark.parametrize("problem", [(404, "not_found"), (429, "throttled"), (503, "unavailable")])
async def test_trouble_with_one_contact_pauses_its_messages_only(
    town: Town, problem: tuple[int, str]
) -> None:
    town.ada.store.change("DELETE FROM sessions")
    town.server.problems["POST bundles"] = problem
    tx = await town.start()
    town.path(tx)
    async with asyncio.timeout(LIMIT_S):
        while await town.server.asked.get() != "POST bundles":
            pass

    del town.server.problems["POST bundles"]
    assert await town.arrive() is not None

    assert [event.text for event in town.bo.events if isinstance(event, MessageReceived)] == ["hello"]


async def test_login_that_ended_ends_the_agent(tmp_path: Path) -> None:
    async def live() -> None:
        async with Tasks() as tasks:
            town = await made_town(tmp_path, tasks)
            town.ada.store.change("DELETE FROM sessions")
            tx = await town.start()
            town.server.problems["POST bundles"] = (401, "token_invalid")
            town.server.problems["POST refresh"] = (401, "token_invalid")
            town.path(tx)
            await asyncio.wait_for(asyncio.Event().wait(), LIMIT_S)

    with pytest.raises(LoginRefused):
        await live()
