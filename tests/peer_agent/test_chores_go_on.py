"""What a peer does again and again goes on whatever fails, and at times that say nothing of contacts."""

import asyncio
import random
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from peer_agent import chores as chores_module
from peer_agent.backoff import FIRST_PAUSE_S, Backoff
from peer_agent.chores import TOKENS_EVERY_S, Chores
from peer_agent.clock import Clock
from peer_agent.contact_book import ContactState
from peer_agent.crypto.messages import MessageId, Text, create_message
from peer_agent.delivery_tokens import FULL
from peer_agent.desk import Desk
from peer_agent.errors import LoginRefused, Refused
from peer_agent.events import MessageReceived
from peer_agent.inbox import HOLD_S
from peer_agent.state_dir import prepare_state_dir
from peer_agent.store import open_store
from peer_agent.tasks import Tasks
from tests.peer_agent.devices import HandClock, make_account
from tests.peer_agent.fake_server import FakeServer, Party

LIMIT_S = 10.0
NEVER_S = 1e6
TOKEN_SPAN = (0.0, 2 * TOKENS_EVERY_S)
READ, POST, MINT, DELETE = "GET mailbox", "POST mailbox", "POST tokens", "DELETE mailbox"
UNAVAILABLE = (503, "unavailable")


class Lots(random.Random):
    """Times for making tokens, drawn by the test; after the last one nothing happens by time."""

    def __init__(self, *drawn: float) -> None:
        super().__init__()
        self.drawn = list(drawn)

    def uniform(self, a: float, b: float) -> float:
        return self.drawn.pop(0) if (a, b) == TOKEN_SPAN and self.drawn else NEVER_S


class House:
    """A server, and users whose chores are done."""

    def __init__(self, folder: Path, tasks: Tasks) -> None:
        self.folder, self.tasks = folder, tasks
        self.time, self.server = HandClock(), FakeServer()

    async def party(self, name: str) -> Party:
        account = make_account(name, self.time.clock())
        self.server.add(account)
        store = open_store(prepare_state_dir(self.folder / name), None)
        party = Party(account, store, self.server, self.time.clock(), self.tasks)
        await party.look()
        return party

    def start(self, party: Party, *, accepts_all: bool = False, lots: Lots | None = None) -> Chores:
        """Begin a party's chores; what was asked of the server before is forgotten."""
        while not self.server.asked.empty():
            self.server.asked.get_nowait()
        made = Chores(party.parts, accepts_all=accepts_all, rng=lots or Lots(), clock=self.time.clock())
        made.start(self.tasks)
        return made

    async def asked(self, *routes: str) -> None:
        """Wait until the server was asked these, in this order, whatever comes between."""
        async with asyncio.timeout(LIMIT_S):
            for route in routes:
                while await self.server.asked.get() != route:
                    pass

    def post_for(self, party: Party) -> None:
        """Leave something in a mailbox that does not open: it is taken out all the same."""
        self.server.users[party.account.username].mailbox[str(party.account.device_id)] = "AAAA"


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    for name in ("MAILBOX_RETRY_S", "MAILBOX_SLACK_S", "PREKEYS_RETRY_S", "SHOW_OVERDUE_EVERY_S"):
        monkeypatch.setattr(chores_module, name, 0.01)
    async with Tasks() as tasks:
        yield House(tmp_path, tasks)


async def asks(house: House, name: str, party: Party) -> None:
    """Let a new user ask a party to become a contact."""
    await (await house.party(name)).parts.contacts.request(party.account.username)


def state(party: Party, name: str) -> ContactState | None:
    found = party.parts.books.contacts.find(name)
    return None if found is None else found.state


async def test_the_mailbox_is_emptied_whenever_it_is_told_of(house: House) -> None:
    bo = await house.party("bo")
    chores = house.start(bo)
    await house.asked(READ)

    for _ in range(2):
        house.post_for(bo)
        chores.look_into_mailbox()
        await house.asked(DELETE)

    assert house.server.users["bo"].mailbox == {}


async def test_a_round_that_failed_is_done_again_without_a_word(house: House) -> None:
    bo = await house.party("bo")
    house.post_for(bo)
    house.server.problems[READ] = UNAVAILABLE
    house.start(bo)
    await house.asked(READ, READ)

    del house.server.problems[READ]

    await house.asked(DELETE)
    assert house.server.users["bo"].mailbox == {}


async def test_posts_that_can_not_leave_do_not_keep_the_mailbox_shut(house: House) -> None:
    ada, bo = await house.party("ada"), await house.party("bo")
    with ada.store.transaction():
        ada.parts.posts.add(bo.account.device.entry, b"x", username="bo")
    house.post_for(ada)
    house.server.problems[POST] = UNAVAILABLE

    house.start(ada)

    await house.asked(POST, READ, DELETE)
    assert house.server.users["ada"].mailbox == {}


async def test_a_post_that_was_refused_leaves_after_its_pause_without_a_word(house: House) -> None:
    ada, _ = await house.party("ada"), await house.party("bo")
    ada.parts.posts._pauses = Backoff(Clock(), first_s=0.01)
    house.server.problems[POST] = (429, "mailbox_full")
    with pytest.raises(Refused):
        await ada.parts.contacts.request("bo")
    house.start(ada)
    await house.asked(POST)

    del house.server.problems[POST]

    await house.asked(POST)
    assert len(house.server.users["bo"].mailbox) == 1


async def test_everybody_who_asks_is_accepted_also_after_a_failure(house: House) -> None:
    bo = await house.party("bo")
    for name in ("ada", "olga"):
        await asks(house, name, bo)
    house.server.problems[MINT] = UNAVAILABLE
    chores = house.start(bo, accepts_all=True)
    await house.asked(MINT, MINT)

    del house.server.problems[MINT]
    house.time.now += 2 * FIRST_PAUSE_S
    chores.look_into_mailbox()

    await house.asked(POST, POST)
    assert [state(bo, name) for name in ("ada", "olga")] == [ContactState.ACCEPTED] * 2


async def test_somebody_who_can_not_be_accepted_stops_no_other(house: House) -> None:
    bo = await house.party("bo")
    for name in ("ada", "olga"):
        await asks(house, name, bo)
    await bo.parts.mailbox.empty()
    bo.store.change("DELETE FROM sessions")
    house.server.users.pop("ada")

    house.start(bo, accepts_all=True)

    await house.asked(POST)
    assert [state(bo, name) for name in ("ada", "olga")] == [ContactState.ASKING, ContactState.ACCEPTED]


async def test_nobody_is_accepted_unasked(house: House) -> None:
    bo = await house.party("bo")
    await asks(house, "ada", bo)
    chores = house.start(bo)
    await house.asked(DELETE)

    chores.look_into_mailbox()

    await house.asked(READ)
    assert state(bo, "ada") is ContactState.ASKING


async def test_a_login_that_ended_ends_the_chores(tmp_path: Path) -> None:
    async def live() -> None:
        async with Tasks() as tasks:
            house = House(tmp_path, tasks)
            bo = await house.party("bo")
            house.server.problems |= {READ: (401, "token_invalid"), "POST refresh": (401, "token_invalid")}
            house.start(bo)
            async with asyncio.timeout(LIMIT_S):
                await asyncio.Event().wait()

    with pytest.raises(LoginRefused):
        await live()


async def test_prekeys_that_could_not_be_checked_are_checked_again(house: House) -> None:
    bo = await house.party("bo")
    house.server.problems["GET prekeys"] = UNAVAILABLE

    house.start(bo)

    await house.asked("GET prekeys", "GET prekeys")


async def test_delivery_tokens_are_made_at_a_time_drawn_by_lot(house: House) -> None:
    bo, lots = await house.party("bo"), Lots(0.0)

    house.start(bo, lots=lots)

    await house.asked(MINT)
    assert len(house.server.tokens) == FULL
    assert lots.drawn == []


async def test_delivery_tokens_are_not_made_because_a_peer_came_or_met_somebody(house: House) -> None:
    bo = await house.party("bo")
    await bo.parts.tokens.refill()
    bo.store.change("DELETE FROM tokens WHERE digest NOT IN (SELECT digest FROM tokens LIMIT 2)")
    await asks(house, "ada", bo)
    before = len(house.server.bodies(MINT))

    chores = house.start(bo, accepts_all=True)
    await house.asked(POST)
    chores.look_into_mailbox()
    await house.asked(READ)

    assert state(bo, "ada") is ContactState.ACCEPTED
    assert len(house.server.bodies(MINT)) == before


async def test_delivery_tokens_that_could_not_be_made_are_made_at_another_lot(house: House) -> None:
    bo = await house.party("bo")
    house.server.problems[MINT] = UNAVAILABLE
    house.start(bo, lots=Lots(0.0, 0.0))
    await house.asked(MINT)

    del house.server.problems[MINT]

    await house.asked(MINT)
    assert len(house.server.tokens) == FULL


async def test_one_in_four_commands_makes_delivery_tokens(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    bo = await house.party("bo")
    desk = Desk(bo.account, bo.store, bo.parts.contacts._parts.api, bo.parts)
    lots, spans = [3, 1, 0, 2], list[int]()

    def draw(below: int) -> int:
        spans.append(below)
        return lots.pop(0)

    monkeypatch.setattr(secrets, "randbelow", draw)

    made = []
    for _ in range(4):
        await desk.look_into_mailbox()
        made.append(len(house.server.tokens))

    assert made == [0, 0, FULL, FULL]
    assert spans == [4] * 4


async def test_messages_held_too_long_are_shown_without_a_word(house: House) -> None:
    bo = await house.party("bo")
    await asks(house, "ada", bo)
    await bo.parts.mailbox.empty()
    contact = bo.parts.books.contacts.find("ada")
    assert contact is not None
    shown = asyncio.Event()
    bo.listener = lambda event: shown.set() if isinstance(event, MessageReceived) else None
    second = create_message(Text("second"), now_ms=bo.clock.unix_ms(), seen=(MessageId(bytes(16)),))
    with bo.store.transaction():
        bo.parts.books.history.receive(contact.number, second, now_ms=bo.clock.unix_ms())
    house.start(bo)

    house.time.now += HOLD_S

    async with asyncio.timeout(LIMIT_S):
        await shown.wait()


@pytest.mark.parametrize("refusal", ["is_unsafe", "is_blocked", "is_ignored"])
async def test_who_is_not_welcome_is_not_accepted_with_everybody(house: House, refusal: str) -> None:
    bo = await house.party("bo")
    for name in ("ada", "olga"):
        await asks(house, name, bo)
    await bo.parts.mailbox.empty()
    ada = bo.parts.books.contacts.find("ada")
    assert ada is not None
    with bo.store.transaction():
        bo.parts.books.contacts.change(ada.number, **{refusal: True})

    house.start(bo, accepts_all=True)

    await house.asked(POST)
    assert [state(bo, name) for name in ("ada", "olga")] == [ContactState.ASKING, ContactState.ACCEPTED]


async def test_who_asks_with_keys_that_do_not_match_is_tried_once(house: House) -> None:
    """The user has to decide: until then neither time nor another round makes a difference."""
    bo = await house.party("bo")
    await asks(house, "ada", bo)
    await bo.parts.mailbox.empty()
    bo.store.change("DELETE FROM sessions")
    house.server.add(make_account("ada", house.time.clock()))
    chores = house.start(bo, accepts_all=True)
    await house.asked("POST bundles")
    claims = len(house.server.bodies("POST bundles"))

    house.time.now += 2 * FIRST_PAUSE_S
    chores.look_into_mailbox()
    await house.asked(READ)
    chores.look_into_mailbox()
    await house.asked(READ)

    assert len(house.server.bodies("POST bundles")) == claims
    ada = bo.parts.books.contacts.find("ada")
    assert ada is not None
    assert ada.is_unsafe
