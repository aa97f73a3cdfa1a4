"""All couriers of this device: starts one per contact, and leads each frame to the one it is for.

Spec: docs/spec/outbox.md
"""

import itertools
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from p2p.protocol.ids import TransactionId
from p2p.protocol.limits import MAX_WATCH_PER_FRAME
from p2p.protocol.to_peer import (
    AttemptFailed,
    ContactOnline,
    DirectReady,
    PathReady,
    Snapshot,
    TransactionEnded,
    TransactionReceipt,
)
from p2p.protocol.to_server import Complete, Watch
from peer_agent.contact_book import Contact, ContactState, DirectState
from peer_agent.courier import Courier, CourierParts
from peer_agent.crypto.messages import MAX_BODY_BYTES, Content, Text
from peer_agent.direct_courier import DirectCourier, DirectParts
from peer_agent.errors import ContactBlocked, NoDirectLinks, UsageError
from peer_agent.history import Kept, Stored
from peer_agent.outbound_events import (
    ContactCame,
    Failed,
    SocketClosed,
    SocketOpened,
    StoreLost,
    attempt_over,
)
from peer_agent.outbox import Sealed
from peer_agent.safety import weak_device, weakest_suite

REMEMBERED_TRANSACTIONS = 256
# One commit for so many messages at most: nothing else has a turn meanwhile.
SENT_AT_ONCE = 64
# Of a message that is direct, or not.
_UNDELIVERED = {False: Kept.UNDELIVERED, True: Kept.UNDELIVERED_DIRECT}


class Delivery:
    """Everything that is on its way out."""

    def __init__(self, parts: CourierParts, direct: DirectParts) -> None:
        self._parts = parts
        self._direct = direct
        self._routed: dict[int, Courier] = {}
        self._directly: dict[int, DirectCourier] = {}
        # Receipts of a transaction may come after the next one began.
        self._courier_of: OrderedDict[TransactionId, Courier] = OrderedDict()
        self._is_online = False

    def send(self, username: str, text: str, *, is_direct: bool = False) -> int:
        """Accept a message: when this returns its number, it is on the disk and will be delivered.

        is_direct: over a link to the contact itself and never otherwise; without, never so.

        Raises:
            UnknownUser: no accepted contact of that name.
            ContactBlocked: the contact's keys do not match, or the user refuses the suite of its device.
            NoDirectLinks: it is to go directly, and the two users have not agreed to that.
            UsageError: a text that is empty, longer than a message holds, or no text at all.
        """
        return self.send_all(username, (text,), is_direct=is_direct)[0]

    def send_all(self, username: str, texts: Sequence[str], *, is_direct: bool = False) -> list[int]:
        """Accept several messages, in this order and in one commit: all of them, or as with `send` none.

        Raises:
            UnknownUser, ContactBlocked, NoDirectLinks: as `send`.
            UsageError: more than SENT_AT_ONCE, one that `send` would refuse, or one text instead of several.
        """
        # A text is a sequence of texts, too: of its letters.
        if isinstance(texts, str):
            raise UsageError("The texts are to be a list.")
        if len(texts) > SENT_AT_ONCE:
            raise UsageError(f"At most {SENT_AT_ONCE} messages can be sent at once.")
        if not all(0 < _size_of(text) <= MAX_BODY_BYTES for text in texts):
            raise UsageError(f"A message has 1 to {MAX_BODY_BYTES:,} bytes of text.")
        books = self._parts.books
        contact = books.contacts.require(username)
        if contact.is_closed:
            raise self._parts.pins.blocked(contact.number)
        if books.sessions.refuses(weakest_suite(contact)):
            raise ContactBlocked(weak_device(contact.username))
        if is_direct and not contact.allows_direct:
            raise NoDirectLinks(why_not_direct(contact))
        courier = self._courier(contact.number, is_direct=is_direct)
        with books.store.transaction():
            written = [self._write(courier, contact.number, Text(text)) for text in texts]
        for at, (stored, sealed) in enumerate(written):
            # The first goes at once, the others in turns of the loop: its cells need one to leave.
            courier.queue(stored.number, sealed if at == 0 else None)
        return [stored.number for stored, _ in written]

    def say(self, contact: int, decide: Callable[[], Content | None]) -> int | None:
        """Accept what the agent itself has to tell a contact, as `decide` says in the same transaction.

        Returns the message's number; None if there is nothing to tell.
        """
        courier = self._courier(contact)
        with self._parts.books.store.transaction():
            content = decide()
            if content is None:
                return None
            stored, sealed = self._write(courier, contact, content)
        courier.queue(stored.number, sealed)
        return stored.number

    def _write(self, courier: Courier, contact: int, content: Content) -> tuple[Stored, Sealed | None]:
        now_ms, state = self._parts.clock.unix_ms(), _UNDELIVERED[courier.is_direct]
        stored = self._parts.books.history.write(contact, content, now_ms=now_ms, state=state)
        return stored, courier.seal_at_once(stored)

    def resume(self) -> None:
        """Take up the messages without a receipt that earlier runs left."""
        books = self._parts.books
        for number in books.history.contacts_with(Kept.UNDELIVERED):
            contact = books.contacts.get(number)
            if contact.state is ContactState.ACCEPTED and not contact.is_closed:
                self._take_up(number, is_direct=False)
        for number in books.history.contacts_with(Kept.UNDELIVERED_DIRECT):
            self.consent_began(number)

    def go_on(self, number: int) -> None:
        """Take up the messages for one contact that have no receipt."""
        self._take_up(number, is_direct=False)
        self.consent_began(number)

    def reached_anew(self, number: int) -> None:
        """Go on by the token that a contact gave just now: the one before may reach nobody any more."""
        contact = self._parts.books.contacts.get(number)
        if contact.state is not ContactState.ACCEPTED or contact.is_closed or contact.their_token is None:
            return
        self.watch_contact(contact.their_token)
        courier = self._routed.get(number)
        if courier is None:
            return
        if courier.tx is not None:
            courier.close()
            courier.receive(Failed(courier.tx))
        courier.receive(ContactCame())

    def stop(self, number: int) -> None:
        """Carry nothing more to one contact; its messages stay in the outbox."""
        for courier in self._of_contact(number):
            courier.stop()

    def consent_began(self, contact: int) -> None:
        """Take up what waits for direct links with a contact, if they may be."""
        if self._parts.books.contacts.get(contact).allows_direct:
            self._take_up(contact, is_direct=True)

    def consent_ended(self, contact: int) -> None:
        """Stop what is to go directly; it stays in the outbox, and goes no other way."""
        if contact in self._directly:
            self._directly[contact].consent_ended()

    def _take_up(self, contact: int, *, is_direct: bool) -> None:
        for stored in self._parts.books.history.undelivered(contact, _UNDELIVERED[is_direct]):
            self._courier(contact, is_direct=is_direct).take_up(stored.number)

    def online(self, is_online: bool) -> None:
        """The session socket came or went."""
        self._is_online = is_online
        if is_online:
            self._watch()
        for courier in self._all():
            courier.receive(_socket(is_online))

    def store_lost(self) -> None:
        """The server has forgotten all transactions."""
        for courier in self._all():
            courier.receive(StoreLost())

    def resend(self, contact: int) -> None:
        """A contact asks for everything without a receipt again."""
        for courier in self._of_contact(contact):
            courier.resend()

    def path_ready(self, frame: PathReady) -> None:
        courier = self._of(frame.tx)
        if courier is not None:
            courier.path_ready(frame)

    def direct_ready(self, frame: DirectReady) -> None:
        courier = self._of(frame.tx)
        if courier is not None:
            courier.direct_ready(frame)

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
        if number is not None:
            for courier in self._of_contact(number):
                courier.receive(ContactCame())

    def snapshot(self, frame: Snapshot) -> None:
        """Follow a snapshot: take the receipts it held back, then compare transactions."""
        for held in frame.receipts:
            courier = self._of(held.tx)
            if courier is not None:
                courier.receipts(held.entries, held.credit)
        listed = {each.tx: (each.state, each.attempt) for each in frame.transactions}
        self._end_strays(listed.keys())
        for courier in self._all():
            courier.snapshot(listed)

    def watch_contact(self, their_token: bytes) -> None:
        """Ask to be told when a new contact comes online."""
        if self._is_online:
            self._parts.send_frame(Watch((their_token,)))

    def close(self) -> None:
        """Let the server forget the transactions of this run; messages stay in the outbox."""
        for courier in self._all():
            courier.close()

    def _end_strays(self, listed: Collection[TransactionId]) -> None:
        """End transactions that carry nothing: of an earlier run, or begun though the answer got lost.

        The server would look for paths for them until it gives them up.
        """
        carrying = {courier.tx for courier in self._all()}
        for tx in listed:
            if tx not in carrying:
                self._parts.send_frame(Complete(tx))

    def _watch(self) -> None:
        known = iter(self._parts.books.contacts.reached())
        while part := tuple(itertools.islice(known, MAX_WATCH_PER_FRAME)):
            self._parts.send_frame(Watch(part))

    def _all(self) -> list[Courier]:
        return [*self._routed.values(), *self._directly.values()]

    def _of_contact(self, contact: int) -> list[Courier]:
        found = (self._routed.get(contact), self._directly.get(contact))
        return [courier for courier in found if courier is not None]

    def _courier(self, contact: int, *, is_direct: bool = False) -> Courier:
        known = self._directly.get(contact) if is_direct else self._routed.get(contact)
        if known is not None:
            return known
        courier: Courier
        parts = replace(self._parts, started=lambda tx, _: self._started(tx, courier))
        if is_direct:
            courier = self._directly[contact] = DirectCourier(contact, parts, self._direct)
        else:
            courier = self._routed[contact] = Courier(contact, parts)
        courier.receive(_socket(self._is_online))
        self._parts.tasks.spawn(courier.run())
        return courier

    def _started(self, tx: TransactionId, courier: Courier) -> None:
        self._courier_of[tx] = courier
        while len(self._courier_of) > REMEMBERED_TRANSACTIONS:
            self._courier_of.popitem(last=False)

    def _of(self, tx: TransactionId) -> Courier | None:
        return self._courier_of.get(tx)


def _socket(is_online: bool) -> SocketOpened | SocketClosed:
    return SocketOpened() if is_online else SocketClosed()


def _size_of(text: str) -> int:
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        raise UsageError("A message is text: what was given is not.") from None


def why_not_direct(contact: Contact) -> str:
    """Say in words why nothing goes directly to a contact."""
    name = contact.username
    why = {
        DirectState.ASKED: f"{name} has not agreed to direct links yet.",
        DirectState.ASKING: f"{name} asks for direct links: `mesa-peer direct {name} --accept` agrees.",
        DirectState.UNSAFE: f"Somebody stood between on the way to a direct link with {name}: "
        f"`mesa-peer direct {name}` asks anew.",
    }
    return why.get(
        contact.direct, f"You and {name} have not agreed to direct links: `mesa-peer direct {name}` asks."
    )
