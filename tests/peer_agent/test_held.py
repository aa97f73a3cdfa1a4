"""Messages that wait for others are released in slices and in order, and are bounded, whatever is sent."""

import asyncio
import contextlib
import itertools
import os
import random
import sqlite3
from pathlib import Path

import pytest

from peer_agent import held
from peer_agent.contact_book import ContactState, new_contact
from peer_agent.crypto.messages import MAX_SEEN, Message, MessageId, Text, create_message
from peer_agent.events import MessageMissing, MessageReceived
from peer_agent.history import Kept
from peer_agent.inbox import HOLD_S, Inbox, InboxEdges
from peer_agent.releasing import RELEASED_AT_ONCE
from peer_agent.state_dir import prepare_state_dir
from peer_agent.store import open_store
from peer_agent.tasks import Tasks
from tests.peer_agent.devices import CrashAt, Device, envelope_of, make_account
from tests.peer_agent.fake_server import FakeServer, Party

LIMIT_S = 10.0
MANY = 5 * RELEASED_AT_ONCE + 1


def message(at: int, *seen: MessageId, text: str = "") -> Message:
    return create_message(Text(text or str(at)), now_ms=at, seen=seen)


def take(receiver: Device, sender: Device, *messages: Message) -> None:
    for each in messages:
        assert receiver.inbox.take(envelope_of(sender, receiver, each)) is not None


def keep(receiver: Device, sender: Device, *messages: Message) -> None:
    """Store messages as if they had been taken earlier, in one commit."""
    number, now_ms = receiver.contact(sender).number, receiver.time.clock().unix_ms()
    with receiver.store.transaction():
        for each in messages:
            receiver.books.history.receive(number, each, now_ms=now_ms)


def chain(count: int) -> list[Message]:
    """Messages that each name the last ones before."""
    made: list[Message] = []
    for at in range(count):
        made.append(message(at, *(each.message_id for each in made[-MAX_SEEN:])))
    return made


def is_empty(device: Device) -> bool:
    return not any(device.store.rows(f"SELECT * FROM {table}") for table in ("held", "waits", "came"))  # noqa: S608  names of our own


async def test_a_long_chain_is_released_in_slices_and_in_order(ada: Device, bo: Device) -> None:
    first, *others = chain(MANY)
    random.Random(1).shuffle(others)
    keep(bo, ada, *others)

    take(bo, ada, first)
    at_once = len(bo.shown)
    await bo.inbox.release_rest()

    assert at_once <= 1 + 2 * RELEASED_AT_ONCE
    assert bo.shown == [str(at) for at in range(MANY)]
    assert is_empty(bo)


async def test_all_that_follow_one_message_are_released_in_order_of_each_slice(
    ada: Device, bo: Device
) -> None:
    first = message(0)
    followers = [message(at, first.message_id) for at in range(1, MANY)]
    keep(bo, ada, *followers)

    take(bo, ada, first)
    await bo.inbox.release_rest()

    assert bo.shown == [str(at) for at in range(MANY)]
    assert is_empty(bo)


async def test_everybody_else_has_a_turn_between_slices(ada: Device, bo: Device) -> None:
    first, *others = chain(MANY)
    keep(bo, ada, *others)
    take(bo, ada, first)
    turns, loop = list[int](), asyncio.get_running_loop()

    def others_turn() -> None:
        turns.append(len(bo.shown))
        if len(bo.shown) < MANY:
            loop.call_soon(others_turn)

    others_turn()
    await bo.inbox.release_rest()

    steps = [after - before for before, after in itertools.pairwise(turns)]
    assert max(steps) <= 2 * RELEASED_AT_ONCE
    assert len(turns) >= MANY // (2 * RELEASED_AT_ONCE)


def test_what_is_left_is_told_of_once(ada: Device, bo: Device) -> None:
    told: list[None] = []
    edges = InboxEdges(bo.events.append, bo.unreadable.append, bo.resent.append, lambda: told.append(None))
    bo.inbox = Inbox(bo.books, bo.opener, bo.pins, edges, bo.time.clock())
    first, *others = chain(MANY)
    keep(bo, ada, *others)

    take(bo, ada, first)
    take(bo, ada, message(MANY))

    assert len(told) == 1


async def test_a_release_goes_on_after_a_crash(ada: Device, bo: Device) -> None:
    first, *others = chain(MANY)
    keep(bo, ada, *others)
    take(bo, ada, first)
    bo.crash()

    bo.inbox.resume()
    await bo.inbox.release_rest()

    assert bo.shown == [str(at) for at in range(MANY)]


@pytest.mark.parametrize("nth", range(20))
def test_crash_between_any_two_writes_of_a_release_loses_and_doubles_nothing(
    ada: Device, bo: Device, nth: int
) -> None:
    first, second, third = (envelope_of(ada, bo, each) for each in chain(3))
    bo.inbox.take(third)
    bo.inbox.take(second)
    bo.store._database = CrashAt(bo, nth)  # type: ignore[assignment]  # the edge that fails

    with contextlib.suppress(sqlite3.OperationalError):
        bo.inbox.take(first)
    bo.store._database = bo.store._database.database  # type: ignore[attr-defined]  # the real one
    bo.events.clear()
    bo.crash()
    bo.inbox.resume()

    assert bo.inbox.take(first) is not None
    rows = bo.store.rows("SELECT state FROM messages ORDER BY place")
    assert rows == [(Kept.READY,)] * 3
    order = [entry.number for entry in bo.books.history.unshown(3)]
    assert order == [3, 2, 1]
    assert is_empty(bo)


def test_too_many_are_not_waited_for(ada: Device, bo: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held, "MAX_HELD", 6)
    waiting = [message(at, MessageId(os.urandom(16))) for at in range(7)]

    take(bo, ada, *reversed(waiting[1:]))
    assert bo.events == []
    take(bo, ada, waiting[0])

    assert bo.shown == ["0", "1", "2", "3"]
    assert sum(isinstance(event, MessageMissing) for event in bo.events) == 4
    assert bo.store.rows("SELECT messages FROM held") == [(3,)]


def test_too_much_is_not_waited_for(ada: Device, bo: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held, "MAX_HELD_BYTES", 200_000)
    waiting = [message(at, MessageId(os.urandom(16)), text="x" * 60_000) for at in range(4)]

    take(bo, ada, *waiting[:3])
    assert bo.shown == []
    take(bo, ada, waiting[3])

    assert len(bo.shown) == 2
    ((size,),) = bo.store.rows("SELECT SUM(LENGTH(record)) FROM messages WHERE state = 'held'")
    assert bo.store.rows("SELECT messages, bytes FROM held") == [(2, size)]


async def test_more_than_a_slice_is_given_up_in_order(ada: Device, bo: Device) -> None:
    waiting = [message(at, MessageId(os.urandom(16))) for at in range(MANY)]
    keep(bo, ada, *random.Random(2).sample(waiting, MANY))
    bo.time.now += HOLD_S

    bo.inbox.show_overdue()
    at_once = len(bo.shown)
    await bo.inbox.release_rest()

    assert at_once <= 2 * RELEASED_AT_ONCE
    assert bo.shown == [str(at) for at in range(MANY)]
    assert sum(isinstance(event, MessageMissing) for event in bo.events) == MANY
    assert is_empty(bo)


def test_messages_that_wait_for_each_other_or_themselves_are_shown_when_overdue(
    ada: Device, bo: Device
) -> None:
    one, other, lone = (message(at) for at in range(3))
    circle = [
        Message(one.message_id, 0, one.content, one.receipt_key, (other.message_id,)),
        Message(other.message_id, 1, other.content, other.receipt_key, (one.message_id,)),
        Message(lone.message_id, 2, lone.content, lone.receipt_key, (lone.message_id, lone.message_id)),
    ]
    take(bo, ada, *circle)
    assert bo.shown == []

    bo.time.now += HOLD_S
    bo.inbox.show_overdue()

    assert bo.shown == ["0", "1", "2"]
    assert not any(isinstance(event, MessageMissing) for event in bo.events)
    assert is_empty(bo)


def test_a_message_that_comes_after_its_gap_waits_for_nothing(ada: Device, bo: Device) -> None:
    late = message(0, MessageId(os.urandom(16)))
    take(bo, ada, message(1, late.message_id))
    bo.time.now += HOLD_S
    bo.inbox.show_overdue()

    take(bo, ada, late)

    assert bo.shown == ["1", "0"]
    numbers = [event.number for event in bo.events if isinstance(event, MessageReceived | MessageMissing)]
    assert numbers[0] == numbers[2]


def test_a_message_that_is_overdue_shows_none_that_came_later_and_follow_others(
    ada: Device, bo: Device
) -> None:
    take(bo, ada, message(5, MessageId(os.urandom(16))))
    bo.time.now += HOLD_S - 1
    take(bo, ada, message(6, MessageId(os.urandom(16))), message(4, MessageId(os.urandom(16))))
    bo.time.now += 1

    bo.inbox.show_overdue()

    assert bo.shown == ["4", "5"]


def test_what_one_contact_waits_for_is_nothing_to_another(ada: Device, bo: Device, olga: Device) -> None:
    awaited = message(0)
    take(bo, ada, message(1, awaited.message_id))

    take(bo, olga, awaited)

    assert bo.shown == ["0"]


def test_a_gap_lets_all_go_that_waited_for_it(ada: Device, bo: Device) -> None:
    lost = MessageId(os.urandom(16))
    take(bo, ada, message(1, lost))
    bo.time.now += HOLD_S - 1
    take(bo, ada, message(2, lost))
    bo.time.now += 1

    bo.inbox.show_overdue()

    assert bo.shown == ["1", "2"]
    assert len(bo.events) == 3


async def test_an_agent_releases_all_without_being_told(tmp_path: Path, ada: Device) -> None:
    shown, server = asyncio.Event(), FakeServer()
    account = make_account("bo", ada.time.clock())
    server.add(account)
    store = open_store(prepare_state_dir(tmp_path / "agent"), None)

    async with Tasks() as tasks:
        bo = Party(account, store, server, ada.time.clock(), tasks)
        bo.listener = lambda _: shown.set() if len(bo.events) == 2 * MANY else None
        contact = new_contact("ada", ContactState.ACCEPTED, ada.account.chain)
        with store.transaction():
            bo.parts.books.contacts.add(contact)
            for at in range(MANY):
                waiting = message(at, MessageId(os.urandom(16)))
                bo.parts.books.history.receive(contact.number, waiting, now_ms=0)
        bo.parts.inbox.resume()
        async with asyncio.timeout(LIMIT_S):
            await shown.wait()

    store.close()
