"""What one more message costs the database does not grow with the messages that are there.

Counted are the steps of SQLite's virtual machine, which no load of the machine changes.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from peer_agent.contact_book import ContactState, new_contact
from peer_agent.crypto.messages import MAX_SEEN, MessageId, Text, create_message
from peer_agent.history import Kept
from peer_agent.releasing import RELEASED_AT_ONCE
from tests.peer_agent.devices import Device, envelope_of

MANY = 1_500
# Trees become a level deeper, and the indexes are walked through in pages.
SLACK = 1.3


@dataclass
class Cost:
    """What some work cost a device: steps of its database, and records that were opened."""

    steps: int = 0
    opened: int = 0

    def is_like(self, other: "Cost") -> bool:
        return self.steps <= SLACK * other.steps and self.opened <= other.opened + 1


def cost(device: Device, work: Callable[[], object]) -> Cost:
    found, store, open_record = Cost(), device.store, device.store.open

    def step() -> int:
        found.steps += 1
        return 0

    def open_one(table: str, key: bytes, record: bytes) -> bytes:
        found.opened += 1
        return open_record(table, key, record)

    store._database.set_progress_handler(step, 1)
    store.open = open_one  # type: ignore[method-assign]  # counts at the edge to the store
    work()
    store.open = open_record  # type: ignore[method-assign]  # as it was
    store._database.set_progress_handler(None, 0)
    return found


def steps(device: Device, work: Callable[[], object]) -> int:
    return cost(device, work).steps


def exchange(sender: Device, receiver: Device) -> tuple[int, int]:
    """Send one message and take its receipt; returns the steps of both sides."""
    envelopes: list[bytes] = []
    written = steps(sender, lambda: envelopes.append(sender.write(receiver, "hello")))
    taken = steps(receiver, lambda: receiver.inbox.take(envelopes[0]))
    receipt = receiver.inbox.take(envelopes[0])
    assert receipt is not None
    receipted = steps(sender, lambda: sender.receipt(receiver, receipt))
    return written + receipted, taken


@pytest.mark.parametrize("is_outgoing", [False, True])
def test_a_message_costs_the_same_behind_a_long_history(ada: Device, bo: Device, is_outgoing: bool) -> None:
    for _ in range(20):
        exchange(ada, bo)
    before = exchange(ada, bo)
    fill(ada, bo) if is_outgoing else fill(bo, ada)

    after = exchange(ada, bo)

    assert after[0] <= SLACK * before[0]
    assert after[1] <= SLACK * before[1]


def fill(sender: Device, receiver: Device) -> None:
    """Keep many messages that were delivered and shown long ago."""
    to, of = sender.contact(receiver).number, receiver.contact(sender).number
    with sender.store.transaction(), receiver.store.transaction():
        for at in range(MANY):
            ours = sender.books.history.write(to, Text("old"), now_ms=at, state=Kept.DELIVERED)
            theirs = receiver.books.history.receive(of, ours.message, now_ms=at)
            assert theirs is not None
            receiver.books.history.showed(of, theirs.number, Kept.READY)


def test_a_receipt_costs_the_same_however_much_waits(ada: Device, bo: Device) -> None:
    first = bo.inbox.take(ada.write(bo, "first"))
    assert first is not None
    alone = steps(ada, lambda: ada.receipt(bo, first))
    waiting = [ada.write(bo, "more") for _ in range(300)]

    entry = bo.inbox.take(waiting[150])
    assert entry is not None

    assert steps(ada, lambda: ada.receipt(bo, entry)) <= SLACK * alone


def test_a_name_is_found_without_opening_every_contact(ada: Device, bo: Device) -> None:
    fill_contacts(ada)

    assert cost(ada, lambda: ada.books.contacts.require("f7")).opened == 1


def test_a_contact_is_opened_once_for_as_long_as_it_stays_the_same(ada: Device, bo: Device) -> None:
    ada.books.contacts.require("bo")

    assert cost(ada, lambda: ada.books.contacts.require("bo")).opened == 0
    with ada.store.transaction():
        ada.books.contacts.change(ada.books.contacts.require("bo").number, is_blocked=True)
    assert cost(ada, lambda: ada.books.contacts.require("bo")).opened == 1
    assert ada.books.contacts.require("bo").is_blocked


def fill_contacts(device: Device) -> None:
    with device.store.transaction():
        for at in range(20):
            contact = new_contact(f"f{at}", ContactState.ACCEPTED, device.account.chain)
            device.books.contacts.add(contact)


FREE: tuple[MessageId, ...] = ()


def unknown() -> tuple[MessageId, ...]:
    return tuple(MessageId(os.urandom(16)) for _ in range(MAX_SEEN))


def send(sender: Device, receiver: Device, seen: tuple[MessageId, ...]) -> Cost:
    """Send a message that follows others; returns what it cost its receiver."""
    envelope = envelope_of(sender, receiver, create_message(Text("hello"), now_ms=1, seen=seen))
    return cost(receiver, lambda: receiver.inbox.take(envelope))


def hold(device: Device, other: Device, count: int, *, awaited: MessageId | None = None) -> None:
    """Keep many messages that wait: all for one, or each for others that are not known."""
    number, history = device.contact(other).number, device.books.history
    with device.store.transaction():
        for at in range(count):
            message = create_message(Text("held"), now_ms=at, seen=(awaited,) if awaited else unknown())
            history.receive(number, message, now_ms=device.time.clock().unix_ms())


@pytest.mark.parametrize("waits", [False, True])
def test_a_message_costs_the_same_however_many_are_held(ada: Device, bo: Device, waits: bool) -> None:
    hold(bo, ada, 10)
    before = send(ada, bo, unknown() if waits else FREE)
    hold(bo, ada, MANY)

    after = send(ada, bo, unknown() if waits else FREE)

    assert after.is_like(before)


def test_looking_for_the_overdue_costs_the_same_however_many_are_held(ada: Device, bo: Device) -> None:
    hold(bo, ada, 10)
    before = cost(bo, bo.inbox.show_overdue)
    hold(bo, ada, MANY)

    assert cost(bo, bo.inbox.show_overdue).is_like(before)


async def test_a_message_costs_the_same_however_many_follow_it(ada: Device, bo: Device) -> None:
    first, second = (create_message(Text("first"), now_ms=1) for _ in range(2))
    costs = []
    for message, count in ((first, 2 * RELEASED_AT_ONCE), (second, MANY)):
        hold(bo, ada, count, awaited=message.message_id)
        envelope = envelope_of(ada, bo, message)
        costs.append(cost(bo, lambda envelope=envelope: bo.inbox.take(envelope)))  # type: ignore[misc]  # bound early
        await bo.inbox.release_rest()

    assert costs[1].is_like(costs[0])
    assert len(bo.shown) == 2 + 2 * RELEASED_AT_ONCE + MANY
