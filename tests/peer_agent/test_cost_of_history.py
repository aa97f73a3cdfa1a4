"""What one more message costs the database does not grow with the messages that are there.

Counted are the steps of SQLite's virtual machine, which no load of the machine changes.
"""

from collections.abc import Callable

import pytest

from peer_agent.contact_book import ContactState, new_contact
from peer_agent.crypto.messages import Text, create_message
from peer_agent.history import Kept
from tests.peer_agent.devices import Device

MANY = 1_500
# Trees become a level deeper, and the indexes are walked through in pages.
SLACK = 1.3


class Steps:
    """The steps of a store's database since this was made."""

    def __init__(self, device: Device) -> None:
        self.count = 0
        device.store._database.set_progress_handler(self._step, 1)

    def _step(self) -> int:
        self.count += 1
        return 0


def steps(device: Device, work: Callable[[], object]) -> int:
    counter = Steps(device)
    work()
    device.store._database.set_progress_handler(None, 0)
    return counter.count


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
    for device, other in ((ada, bo), (bo, ada)):
        fill(device, other, is_outgoing=is_outgoing)

    after = exchange(ada, bo)

    assert after[0] <= SLACK * before[0]
    assert after[1] <= SLACK * before[1]


def fill(device: Device, other: Device, *, is_outgoing: bool) -> None:
    """Keep many messages that were delivered, or shown, long ago."""
    number = device.contact(other).number
    history = device.books.history
    with device.store.transaction():
        for at in range(MANY):
            if is_outgoing:
                history.write(number, Text("old"), now_ms=at, state=Kept.DELIVERED)
            else:
                message = create_message(Text("old"), now_ms=at, seen=())
                history.receive(number, message, now_ms=at, state=Kept.SHOWN)


def test_a_receipt_costs_the_same_however_much_waits(ada: Device, bo: Device) -> None:
    first = bo.inbox.take(ada.write(bo, "first"))
    assert first is not None
    alone = steps(ada, lambda: ada.receipt(bo, first))
    waiting = [ada.write(bo, "more") for _ in range(300)]

    entry = bo.inbox.take(waiting[150])
    assert entry is not None

    assert steps(ada, lambda: ada.receipt(bo, entry)) <= SLACK * alone


def test_a_name_is_found_without_opening_every_contact(ada: Device, bo: Device) -> None:
    ada.books.contacts.require("bo")
    opened: list[bytes] = []
    real = ada.store.open
    ada.store.open = lambda table, key, record: opened.append(key) or real(table, key, record)  # type: ignore[method-assign,func-returns-value]  # counts at the edge to the store
    fill_contacts(ada)

    ada.books.contacts.require("bo")

    assert len(opened) == 1


def fill_contacts(device: Device) -> None:
    with device.store.transaction():
        for at in range(20):
            contact = new_contact(f"f{at}", ContactState.ACCEPTED, device.account.chain)
            device.books.contacts.save(contact)
