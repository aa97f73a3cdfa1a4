"""Sessions that are due: a new handshake where it can be had, the old session where not, an end to that."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from peer_agent.api import Api
from peer_agent.crypto.messages import Text
from peer_agent.crypto.sessions import Envelope, Session
from peer_agent.handshakes import RENEW_AGAIN_S, Handshakes
from tests.peer_agent.delivery_town import LIMIT_S, Town, open_town
from tests.peer_agent.fake_server import Party

CLAIM = "POST bundles"
DUE_DAYS = 8.0
WORN_DAYS = 29.0


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with open_town(tmp_path) as made:
        yield made


@pytest.fixture
async def open_path(town: Town) -> Town:
    """A session of some days, a path, and a server that gives out no prekeys any more."""
    town.wait(DUE_DAYS)
    town.server.problems[CLAIM] = (429, "throttled")
    tx = await town.start("first")
    town.path(tx)
    return town


def session(town: Town) -> Session:
    (row,) = town.ada.store.rows("SELECT session FROM sessions")
    found = town.ada.parts.books.sessions.find(row[0])
    assert found is not None
    return found[1]


def session_of(envelope: bytes) -> bytes:
    return Envelope.unpack(envelope).session_id


async def test_message_goes_in_the_old_session_while_there_are_no_prekeys(open_path: Town) -> None:
    old = session(open_path).session_id

    envelope = await open_path.next_envelope()

    assert session_of(envelope) == old
    assert open_path.bo.parts.inbox.take(envelope) is not None
    assert open_path.shown() == ["first"]


async def test_refused_prekeys_are_asked_for_again_after_ten_minutes(open_path: Town) -> None:
    await open_path.next_envelope()
    refused = len(open_path.server.bodies(CLAIM))
    for _ in range(3):
        open_path.ada.parts.delivery.send("bo", "more")
        await open_path.next_envelope()
    soon = len(open_path.server.bodies(CLAIM))
    open_path.time.now += RENEW_AGAIN_S

    open_path.ada.parts.delivery.send("bo", "later")
    await open_path.next_envelope()

    assert soon == refused
    assert len(open_path.server.bodies(CLAIM)) == soon + 1


async def test_session_is_new_as_soon_as_prekeys_are_there(open_path: Town) -> None:
    old = session(open_path).session_id
    await open_path.next_envelope()
    del open_path.server.problems[CLAIM]
    open_path.time.now += RENEW_AGAIN_S

    open_path.ada.parts.delivery.send("bo", "healed")
    envelope = await open_path.next_envelope()

    assert session_of(envelope) != old


async def test_all_messages_go_in_the_session_that_was_begun_for_the_first(open_path: Town) -> None:
    await open_path.next_envelope()
    del open_path.server.problems[CLAIM]
    open_path.time.now += RENEW_AGAIN_S
    before = len(open_path.server.bodies(CLAIM))

    envelopes = []
    for text in ("one", "two", "three"):
        open_path.ada.parts.delivery.send("bo", text)
        envelopes.append(await open_path.next_envelope())

    assert len({session_of(envelope) for envelope in envelopes}) == 1
    assert len(open_path.server.bodies(CLAIM)) == before + 1


class Meanwhile(dict[str, tuple[int, str]]):
    """Problems of a server, with something that happens while it is asked."""

    def __init__(self, problems: dict[str, tuple[int, str]], happens: Callable[[], object]) -> None:
        super().__init__(problems)
        self._happens = happens

    def get(self, route: str, default: Any = None) -> Any:
        if route == CLAIM:
            self._happens()
        return super().get(route, default)


async def test_message_that_comes_while_prekeys_are_refused_keeps_its_place_in_the_session(
    open_path: Town,
) -> None:
    ada, bo = open_path.ada, open_path.bo
    assert bo.parts.inbox.take(await open_path.next_envelope()) is not None
    answer = sealed_by(bo, "answer")
    open_path.time.now += RENEW_AGAIN_S
    problems = open_path.server.problems
    open_path.server.problems = Meanwhile(problems, lambda: ada.parts.inbox.take(answer))
    books = ada.parts.books
    handshakes = Handshakes(
        ada.account.device, Api(ada.rest), books, ada.parts.pins, ada.clock, ada.events.append
    )
    contact = books.contacts.require("bo")

    chosen = await handshakes.session_with(contact, contact.devices[0])

    assert chosen == session(open_path)
    assert chosen.is_established


def sealed_by(party: Party, text: str) -> bytes:
    """An answer to ada, sealed in the session that she began."""
    books, now_ms = party.parts.books, party.clock.unix_ms()
    contact = books.contacts.require("ada")
    found = books.sessions.choose(contact.number, contact.devices[0], now_ms=now_ms)
    assert found is not None
    with books.store.transaction():
        stored = books.history.write(contact.number, Text(text), now_ms=now_ms)
        return books.outbox.put(stored, contact.devices[0], found, now_ms=now_ms).envelope


async def test_nothing_is_sealed_in_a_worn_out_session(town: Town) -> None:
    town.wait(WORN_DAYS)
    town.server.problems[CLAIM] = (429, "throttled")
    tx = await town.start("first")
    town.path(tx)
    async with asyncio.timeout(LIMIT_S):
        while len(town.server.bodies(CLAIM)) < 2:
            await town.server.asked.get()

    assert town.cells.empty()
    assert town.ada.store.rows("SELECT COUNT(*) FROM envelopes") == [(0,)]
    assert session(town).is_worn_out(town.time.clock().unix_ms())


async def test_message_on_an_open_path_is_stored_and_sealed_in_one_commit(town: Town) -> None:
    tx = await town.start("first")
    town.path(tx)
    await town.next_envelope()
    statements: list[str] = []
    town.ada.store._database.set_trace_callback(statements.append)

    town.ada.parts.delivery.send("bo", "second")
    at_return = list(statements)
    await town.next_envelope()

    assert at_return.count("COMMIT") == 1
    assert statements.count("COMMIT") == 1


async def test_message_on_an_open_path_leaves_before_the_loop_turns(town: Town) -> None:
    tx = await town.start("first")
    town.path(tx)
    await town.next_envelope()

    town.ada.parts.delivery.send("bo", "second")

    assert town.cells.qsize() == 1
    assert town.bo.parts.inbox.take(await town.next_envelope()) is not None


async def test_message_that_can_not_be_stored_leaves_the_session_as_it_was(town: Town) -> None:
    tx = await town.start("first")
    town.path(tx)
    await town.next_envelope()
    before = session(town)
    town.ada.store.change(
        "CREATE TRIGGER full BEFORE INSERT ON envelopes BEGIN SELECT RAISE(ABORT, 'full'); END"
    )

    with pytest.raises(Exception, match="full"):
        town.ada.parts.delivery.send("bo", "second")

    assert session(town) == before
    assert town.ada.store.rows(
        "SELECT COUNT(*) FROM messages WHERE outgoing = 1 AND state = 'undelivered'"
    ) == [(1,)]
