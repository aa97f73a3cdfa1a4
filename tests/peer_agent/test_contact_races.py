"""What is learned of a contact while the server is asked is not forgotten, and no yes is left unsaid."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from peer_agent.api import Api
from peer_agent.contact_book import Contact, ContactState, new_contact
from peer_agent.errors import ContactBlocked, Refused
from peer_agent.events import ContactAdded, UserUnblocked
from peer_agent.handshakes import Handshakes
from peer_agent.resets import Resets
from peer_agent.state_dir import prepare_state_dir
from peer_agent.store import open_store
from peer_agent.tasks import Tasks
from tests.peer_agent.devices import HandClock, make_account
from tests.peer_agent.fake_server import FakeServer, Party

LIMIT_S = 10.0
CLAIM, POST = "POST bundles", "POST mailbox"


@dataclass
class Two:
    """ada and bo at one server."""

    ada: Party
    bo: Party
    server: FakeServer
    time: HandClock

    async def meanwhile(
        self, route: str, work: Awaitable[Any], happens: Callable[[], Awaitable[object]]
    ) -> None:
        """Do some work, and have something happen while its first request to a route is on its way."""
        while not self.server.asked.empty():
            self.server.asked.get_nowait()
        over = self.server.hold_up(route)
        doing = asyncio.ensure_future(work)
        async with asyncio.timeout(LIMIT_S):
            while await self.server.asked.get() != route:
                pass
            await happens()
            over.set()
            await doing

    async def acquaint(self) -> None:
        await self.ada.parts.contacts.request("bo")
        await self.bo.look()
        await self.bo.parts.contacts.accept("ada")
        await self.ada.look()

    def mail(self, name: str) -> dict[str, str]:
        return self.server.users[name].mailbox


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[Two]:
    time, server = HandClock(), FakeServer()
    async with Tasks() as tasks:

        async def party(name: str) -> Party:
            account = make_account(name, time.clock())
            server.add(account)
            store = open_store(prepare_state_dir(tmp_path / name), None)
            made = Party(account, store, server, time.clock(), tasks)
            await made.look()
            return made

        yield Two(await party("ada"), await party("bo"), server, time)


def known(party: Party, name: str) -> Contact:
    found = party.parts.books.contacts.find(name)
    assert found is not None
    return found


def change(party: Party, name: str, **fields: Any) -> None:
    with party.store.transaction():
        party.parts.books.contacts.change(known(party, name).number, **fields)


async def test_two_requests_that_cross_make_one_contact(two: Two) -> None:
    await two.bo.parts.contacts.request("ada")

    await two.meanwhile(CLAIM, two.ada.parts.contacts.request("bo"), two.ada.parts.mailbox.empty)
    await two.bo.look()

    (contact,) = two.ada.parts.books.contacts.all()
    assert contact.state is ContactState.ACCEPTED
    assert known(two.bo, "ada").state is ContactState.ACCEPTED


async def test_a_yes_that_comes_while_asking_again_is_not_forgotten(two: Two) -> None:
    await two.ada.parts.contacts.request("bo")
    await two.bo.look()
    await two.bo.parts.contacts.accept("ada")

    await two.meanwhile(CLAIM, two.ada.parts.contacts.request("bo"), two.ada.parts.mailbox.empty)

    assert two.ada.events == [ContactAdded("bo")]
    assert known(two.ada, "bo").state is ContactState.ACCEPTED
    assert known(two.ada, "bo").their_token == known(two.bo, "ada").my_token
    assert two.mail("bo") == {}


async def test_two_contacts_of_one_name_can_not_be_written(two: Two) -> None:
    await two.ada.parts.contacts.request("bo")
    again = new_contact("bo", ContactState.ASKING, two.bo.account.chain)

    with pytest.raises(sqlite3.IntegrityError), two.ada.store.transaction():
        two.ada.parts.books.contacts.add(again)


def reset(two: Two) -> Awaitable[None]:
    """Let bo ask ada for a new session."""

    async def at_once() -> None:
        pass

    bo, books = two.bo, two.bo.parts.books
    handshakes = Handshakes(bo.account.device, Api(bo.rest), books, bo.parts.pins, bo.clock, bo.events.append)
    return Resets(books, handshakes, bo.parts.posts, bo.clock, pause=at_once).ask(known(bo, "ada").number)


async def test_a_reset_takes_nothing_back_that_was_learned_meanwhile(two: Two) -> None:
    await two.acquaint()
    token = bytes(32)

    async def learn() -> None:
        change(two.bo, "ada", their_token=token, greeting="hi")

    await two.meanwhile(CLAIM, reset(two), learn)

    contact = known(two.bo, "ada")
    assert (contact.their_token, contact.greeting) == (token, "hi")
    assert contact.reset_at_ms == two.bo.clock.unix_ms()


async def test_a_reset_is_not_sent_to_who_was_blocked_meanwhile(two: Two) -> None:
    await two.acquaint()
    two.server.requests.clear()

    async def block() -> None:
        change(two.bo, "ada", is_unsafe=True)

    await two.meanwhile(CLAIM, reset(two), block)

    assert known(two.bo, "ada").is_unsafe
    assert two.server.bodies(POST) == []


async def test_a_yes_is_not_said_to_who_was_blocked_meanwhile(two: Two) -> None:
    await two.ada.parts.contacts.request("bo")
    await two.bo.look()
    two.bo.store.change("DELETE FROM sessions")

    async def block() -> None:
        change(two.bo, "ada", is_unsafe=True)

    with pytest.raises(ContactBlocked):
        await two.meanwhile(CLAIM, two.bo.parts.contacts.accept("ada"), block)

    assert known(two.bo, "ada").state is ContactState.ASKING
    assert two.mail("ada") == {}


async def test_who_asks_again_is_answered(two: Two) -> None:
    await two.acquaint()
    change(two.ada, "bo", state=ContactState.ASKED, their_token=None)
    await two.ada.parts.contacts.request("bo")

    await two.bo.parts.mailbox.empty()
    await two.ada.parts.mailbox.empty()

    assert not known(two.bo, "ada").owes_yes
    assert known(two.ada, "bo").state is ContactState.ACCEPTED


async def owing(two: Two) -> None:
    """Let bo owe ada a yes that needs a new session."""
    await two.acquaint()
    change(two.bo, "ada", owes_yes=True)
    two.bo.store.change("DELETE FROM sessions")
    two.server.problems[CLAIM] = (429, "throttled")
    await two.bo.parts.mailbox.empty()
    assert two.mail("ada") == {}


async def test_a_yes_that_could_not_be_said_is_said_later(two: Two) -> None:
    await owing(two)
    wait_s = two.bo.parts.mailbox.retry_in_s
    assert wait_s is not None
    two.server.problems.clear()

    await two.bo.parts.mailbox.empty()
    assert two.mail("ada") == {}
    two.time.now += wait_s
    await two.bo.parts.mailbox.empty()
    await two.bo.parts.mailbox.empty()

    assert len(two.mail("ada")) == 1
    assert two.bo.parts.mailbox.retry_in_s is None


async def test_a_yes_that_is_owed_is_said_by_the_next_run(two: Two) -> None:
    await owing(two)
    two.server.problems.clear()

    two.bo.assemble()
    await two.bo.parts.mailbox.empty()

    assert len(two.mail("ada")) == 1


async def test_a_yes_said_again_needs_no_other_token(two: Two) -> None:
    await two.acquaint()
    before = known(two.bo, "ada").my_token
    change(two.bo, "ada", owes_yes=True)
    two.bo.store.change("DELETE FROM tokens WHERE contact IS NULL")
    two.server.problems["POST tokens"] = (409, "stock_full")

    await two.bo.parts.mailbox.empty()

    assert len(two.mail("ada")) == 1
    assert known(two.bo, "ada").my_token == before


async def test_a_yes_that_can_not_be_said_keeps_no_mail_out(two: Two) -> None:
    await owing(two)
    change(two.ada, "bo", state=ContactState.ASKED)
    del two.server.problems[CLAIM]
    await two.ada.parts.contacts.request("bo", "again")
    await two.bo.parts.mailbox.empty()

    assert two.mail("bo") == {}
    assert known(two.bo, "ada").greeting == "again"


async def test_a_yes_said_twice_at_once_is_said_once(two: Two) -> None:
    await two.ada.parts.contacts.request("bo")
    await two.bo.look()
    two.bo.store.change("DELETE FROM sessions")
    again: list[asyncio.Future[Contact]] = []

    async def accept_again() -> None:
        again.append(asyncio.ensure_future(two.bo.parts.contacts.accept("ada")))

    await two.meanwhile(CLAIM, two.bo.parts.contacts.accept("ada"), accept_again)
    await asyncio.gather(*again)

    assert len(two.mail("ada")) == 1
    assert two.bo.events.count(ContactAdded("ada")) == 1


async def test_a_post_that_two_hand_over_at_once_is_left_once(two: Two) -> None:
    with two.ada.store.transaction():
        number = two.ada.parts.posts.add(two.bo.account.device.entry, b"x", username="bo")
    posts = two.ada.parts.posts

    async def other() -> None:
        second.append(asyncio.ensure_future(posts.hand_over(number)))

    second: list[asyncio.Future[None]] = []
    await two.meanwhile(POST, posts.hand_over(number), other)
    await asyncio.gather(*second)

    assert len(two.mail("bo")) == 1


async def test_one_token_is_never_given_to_two(two: Two) -> None:
    await two.ada.parts.tokens.refill()
    two.ada.store.change("DELETE FROM tokens WHERE digest NOT IN (SELECT digest FROM tokens LIMIT 1)")
    two.ada.parts.tokens.give(1)

    with pytest.raises(Refused):
        two.ada.parts.tokens.give(2)


async def test_block_that_comes_while_an_unblocking_asks_the_server_stays(two: Two) -> None:
    await two.acquaint()
    blocking = two.bo.parts.blocking
    await blocking.block("ada")
    two.bo.store.change("DELETE FROM sessions")

    with pytest.raises(ContactBlocked):
        await two.meanwhile(CLAIM, blocking.unblock("ada"), lambda: blocking.block("ada"))

    assert (known(two.bo, "ada").is_blocked, known(two.bo, "ada").my_token) == (True, None)
    await blocking.unblock("ada")
    assert two.bo.events.count(UserUnblocked("ada")) == 1
