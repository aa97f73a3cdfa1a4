"""What arrives: each message is stored once, with its receipt, in one commit; then it may be shown.

Spec: docs/spec/receipts.md, and docs/spec/agent.md, section "Order of messages"
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from p2p.protocol.ids import DIGEST_BYTES
from p2p.protocol.parts import ReceiptEntry
from peer_agent.books import Books
from peer_agent.clock import MS_PER_S, Clock
from peer_agent.contact_book import ContactState, accepted
from peer_agent.crypto.messages import ContactAccept, ContactRequest, SessionReset
from peer_agent.crypto.receipts import envelope_hash, make_receipt
from peer_agent.events import ContactAdded, Event
from peer_agent.history import Entry, Kept, Stored
from peer_agent.opening import NotReadable, Opened, Opener
from peer_agent.showing import NEWER_VERSION, shown_as

__all__ = ["HOLD_S", "NEWER_VERSION", "Inbox", "InboxEdges"]

# As long as a post waits in a mailbox: a sender that still has the message has sent it again long before.
HOLD_S = 14 * 86_400.0
# Nobody's messages wait behind more than this many others.
MAX_HELD = 4_096


@dataclass(frozen=True, slots=True)
class InboxEdges:
    """What the inbox tells: events, a contact whose messages do not open, one who wants messages again."""

    report: Callable[[Event], None]
    unreadable: Callable[[int], None]
    resend: Callable[[int], None]


class Inbox:
    """The receiving end of every conversation of this device."""

    def __init__(self, books: Books, opener: Opener, edges: InboxEdges, clock: Clock) -> None:
        self._books = books
        self._opener = opener
        self._edges = edges
        self._clock = clock

    def take(self, envelope: bytes) -> ReceiptEntry | None:
        """Store what an envelope holds; returns its receipt, once and for ever the same.

        None for an envelope that does not open, or is from nobody who may send here.
        """
        digest = envelope_hash(envelope)
        known = self._known_receipt(digest)
        if known is not None:
            return known
        try:
            opened = self._opener.open(envelope)
        except NotReadable as error:
            if error.contact is not None:
                self._edges.unreadable(error.contact)
            return None
        if opened.contact is None:
            return None
        return self._commit(opened, opened.contact, digest)

    def knows(self, envelope: bytes) -> bool:
        """Tell whether an envelope was stored before."""
        return self._known_receipt(envelope_hash(envelope)) is not None

    def show_overdue(self) -> None:
        """Let messages be shown whose predecessors did not come in time, with a gap before them."""
        for contact in self._books.history.contacts_with(Kept.HELD):
            with self._books.store.transaction():
                released = self._release(contact)
            self._report(released)

    def resume(self) -> None:
        """Take up the messages that were held when the last run ended."""
        self.show_overdue()

    def _commit(self, opened: Opened, contact: int, digest: bytes) -> ReceiptEntry | None:
        books = self._books
        receipt = make_receipt(opened.message.receipt_key, digest)
        with books.store.transaction():
            if not self._may_send(contact, opened):
                return None
            books.sessions.save(contact, opened.session)
            books.prekeys.spend(opened.spent)
            if opened.header is not None:
                books.prekeys.remember(opened.header)
            record = books.store.seal("received", digest, receipt)
            books.store.change("INSERT INTO received (digest, record) VALUES (?, ?)", (digest, record))
            news = self._store_message(opened, contact)
        self._report(news)
        if isinstance(opened.message.content, SessionReset):
            self._edges.resend(contact)
        return _entry(receipt)

    def _may_send(self, contact: int, opened: Opened) -> bool:
        state = self._books.contacts.get(contact).state
        if state is ContactState.ACCEPTED:
            return True
        return state is ContactState.ASKED and isinstance(opened.message.content, ContactAccept)

    def _store_message(self, opened: Opened, contact: int) -> list[Event]:
        content = opened.message.content
        is_silent = isinstance(content, ContactAccept | ContactRequest | SessionReset)
        stored = self._books.history.receive(
            contact,
            opened.message,
            now_ms=self._clock.unix_ms(),
            state=Kept.SILENT if is_silent else Kept.HELD,
        )
        if stored is None:
            return []
        if isinstance(content, ContactAccept):
            return self._accepted(contact, content)
        if isinstance(content, SessionReset):
            self._reset(contact, opened)
        # One that waits itself lets no other go: a long row behind a gap costs little.
        return [] if is_silent or self._books.history.waits_for(stored) else self._release(contact)

    def _reset(self, number: int, opened: Opened) -> None:
        contact = self._books.contacts.get(number)
        self._books.contacts.save(replace(contact, sessions_from_ms=opened.session.started_ms))
        self._books.outbox.unseal_all(number)

    def _accepted(self, number: int, content: ContactAccept) -> list[Event]:
        contact = self._books.contacts.get(number)
        if not contact.is_continued_by(content.chain) or contact.state is not ContactState.ASKED:
            return []
        self._books.contacts.save(accepted(contact, content.token))
        return [ContactAdded(contact.username)]

    def _release(self, contact: int) -> list[Event]:
        """Make ready what has all its predecessors, or has waited long enough for them."""
        history = self._books.history
        held = history.held(contact)
        given_up = self._given_up(held)
        released: list[Entry] = []
        for place, stored in enumerate(held):
            waits_for = history.waits_for(stored)
            if waits_for and place >= given_up:
                continue
            gaps = (history.leave_gap(contact, each) for each in waits_for)
            released += [gap for gap in gaps if gap is not None]
            released.append(history.mark(stored, Kept.READY))
        username = self._books.contacts.get(contact).username
        return [shown_as(username, entry) for entry in released]

    def _given_up(self, held: list[Stored]) -> int:
        """How many of the held messages wait no longer: the overdue ones, and all before them in order."""
        overdue_ms = self._clock.unix_ms() - int(HOLD_S * MS_PER_S)
        overdue = [place + 1 for place, stored in enumerate(held) if stored.received_ms <= overdue_ms]
        return max([len(held) - MAX_HELD, *overdue])

    def _report(self, news: list[Event]) -> None:
        for event in news:
            self._edges.report(event)

    def _known_receipt(self, digest: bytes) -> ReceiptEntry | None:
        row = self._books.store.row("SELECT record FROM received WHERE digest = ?", (digest,))
        return None if row is None else _entry(self._books.store.open("received", digest, row[0]))


def _entry(receipt: bytes) -> ReceiptEntry:
    return ReceiptEntry(receipt[:DIGEST_BYTES], receipt[DIGEST_BYTES:])
