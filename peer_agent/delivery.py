"""All couriers of this device: starts one per contact, and leads each frame to the one it is for.

Spec: docs/spec/outbox.md
"""

import itertools
from collections import OrderedDict
from dataclasses import replace

from p2p.protocol.ids import TransactionId
from p2p.protocol.limits import MAX_WATCH_PER_FRAME
from p2p.protocol.to_peer import (
    AttemptFailed,
    ContactOnline,
    PathReady,
    Snapshot,
    TransactionEnded,
    TransactionReceipt,
)
from p2p.protocol.to_server import Watch
from peer_agent.contact_book import ContactState
from peer_agent.courier import Courier, CourierParts
from peer_agent.crypto.messages import MAX_BODY_BYTES, Text
from peer_agent.errors import ContactBlocked, UsageError
from peer_agent.history import Kept
from peer_agent.outbound_events import (
    ContactCame,
    MessageQueued,
    SocketClosed,
    SocketOpened,
    StoreLost,
    attempt_over,
)
from peer_agent.safety import weak_device, weakest_suite

REMEMBERED_TRANSACTIONS = 256


class Delivery:
    """Everything that is on its way out."""

    def __init__(self, parts: CourierParts) -> None:
        self._parts = replace(parts, started=self._started)
        self._couriers: dict[int, Courier] = {}
        # Receipts of a transaction may come after the next one began.
        self._contact_of: OrderedDict[TransactionId, int] = OrderedDict()
        self._is_online = False

    def send(self, username: str, text: str) -> int:
        """Accept a message: when this returns its number, it is on the disk and will be delivered.

        Raises:
            UnknownUser: no accepted contact of that name.
            ContactBlocked: the contact's keys do not match, or the user refuses the suite of its device.
            UsageError: a text that is empty, longer than a message holds, or no text at all.
        """
        if not 0 < _size_of(text) <= MAX_BODY_BYTES:
            raise UsageError(f"A message has 1 to {MAX_BODY_BYTES:,} bytes of text.")
        books = self._parts.books
        contact = books.contacts.require(username)
        if contact.is_closed:
            raise self._parts.pins.blocked(contact.number)
        if books.sessions.refuses(weakest_suite(contact)):
            raise ContactBlocked(weak_device(contact.username))
        courier = self._courier(contact.number)
        with books.store.transaction():
            stored = books.history.write(contact.number, Text(text), now_ms=self._parts.clock.unix_ms())
            sealed = courier.seal_at_once(stored)
        courier.queue(stored.number, sealed)
        return stored.number

    def resume(self) -> None:
        """Take up the messages without a receipt that earlier runs left."""
        books = self._parts.books
        for number in books.history.contacts_with(Kept.UNDELIVERED):
            contact = books.contacts.get(number)
            if contact.state is ContactState.ACCEPTED and not contact.is_closed:
                self.go_on(number)

    def go_on(self, number: int) -> None:
        """Take up the messages for one contact that have no receipt."""
        for stored in self._parts.books.history.undelivered(number):
            self._courier(number).receive(MessageQueued(stored.number))

    def stop(self, number: int) -> None:
        """Carry nothing more to one contact; its messages stay in the outbox."""
        if number in self._couriers:
            self._couriers[number].stop()

    def online(self, is_online: bool) -> None:
        """The session socket came or went."""
        self._is_online = is_online
        if is_online:
            self._watch()
        for courier in self._couriers.values():
            courier.receive(_socket(is_online))

    def store_lost(self) -> None:
        """The server has forgotten all transactions."""
        for courier in self._couriers.values():
            courier.receive(StoreLost())

    def resend(self, contact: int) -> None:
        """A contact asks for everything without a receipt again."""
        if contact in self._couriers:
            self._couriers[contact].resend()

    def path_ready(self, frame: PathReady) -> None:
        courier = self._of(frame.tx)
        if courier is not None:
            courier.path_ready(frame)

    def attempt_failed(self, frame: AttemptFailed) -> None:
        courier = self._of(frame.tx)
        if courier is not None:
            courier.receive(attempt_over(frame))

    def ended(self, frame: TransactionEnded) -> None:
        courier = self._of(frame.tx)
        if courier is not None:
            courier.ended(frame)

    def receipt(self, frame: TransactionReceipt) -> None:
        courier = self._of(frame.tx)
        if courier is not None:
            courier.receipts(frame.entries, frame.credit)

    def contact_online(self, frame: ContactOnline) -> None:
        number = self._parts.books.contacts.watched().get(frame.token)
        if number is not None and number in self._couriers:
            self._couriers[number].receive(ContactCame())

    def snapshot(self, frame: Snapshot) -> None:
        """Follow a snapshot: take the receipts it held back, then compare transactions."""
        for held in frame.receipts:
            courier = self._of(held.tx)
            if courier is not None:
                courier.receipts(held.entries, held.credit)
        listed = {each.tx: (each.state, each.attempt) for each in frame.transactions}
        for courier in self._couriers.values():
            courier.snapshot(listed)

    def watch_contact(self, their_token: bytes) -> None:
        """Ask to be told when a new contact comes online."""
        if self._is_online:
            self._parts.send_frame(Watch((their_token,)))

    def close(self) -> None:
        """Let the server forget the transactions of this run; messages stay in the outbox."""
        for courier in self._couriers.values():
            courier.close()

    def _watch(self) -> None:
        known = iter(self._parts.books.contacts.reached())
        while part := tuple(itertools.islice(known, MAX_WATCH_PER_FRAME)):
            self._parts.send_frame(Watch(part))

    def _courier(self, contact: int) -> Courier:
        if contact not in self._couriers:
            courier = self._couriers[contact] = Courier(contact, self._parts)
            courier.receive(_socket(self._is_online))
            self._parts.tasks.spawn(courier.run())
        return self._couriers[contact]

    def _started(self, tx: TransactionId, contact: int) -> None:
        self._contact_of[tx] = contact
        while len(self._contact_of) > REMEMBERED_TRANSACTIONS:
            self._contact_of.popitem(last=False)

    def _of(self, tx: TransactionId) -> Courier | None:
        number = self._contact_of.get(tx)
        return None if number is None else self._couriers.get(number)


def _socket(is_online: bool) -> SocketOpened | SocketClosed:
    return SocketOpened() if is_online else SocketClosed()


def _size_of(text: str) -> int:
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        raise UsageError("A message is text: what was given is not.") from None
