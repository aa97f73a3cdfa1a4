"""What arrives: each message is stored once, with its receipt, in one commit; then it may be shown.

Spec: docs/spec/receipts.md, and docs/spec/agent.md, section "Order of messages"
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from p2p.protocol.ids import DIGEST_BYTES
from p2p.protocol.parts import ReceiptEntry
from peer_agent.books import Books
from peer_agent.clock import Clock
from peer_agent.contact_book import ContactState, accepted
from peer_agent.crypto.messages import ContactAccept, ContactRequest, SessionReset, Text
from peer_agent.crypto.receipts import envelope_hash, make_receipt
from peer_agent.events import ContactAdded, Event, MessageReceived
from peer_agent.history import Kept, Stored
from peer_agent.opening import NotReadable, Opened, Opener

HOLD_S = 30.0
NEWER_VERSION = "(this message needs a newer version of Mesa)"


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
        self._held_since: dict[tuple[int, int], float] = {}

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
        """Show messages whose predecessors did not come in time."""
        now = self._clock.monotonic()
        contacts = {contact for (contact, _), since in self._held_since.items() if now - since >= HOLD_S}
        for contact in contacts:
            with self._books.store.transaction():
                shown = self._show_ready(contact)
            self._report(shown)

    def resume(self) -> None:
        """Take up the messages that were held when the last run ended."""
        for contact in self._books.history.contacts_with(Kept.HELD):
            with self._books.store.transaction():
                shown = self._show_ready(contact)
            self._report(shown)

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
            shown = self._show_ready(contact)
        for event in news:
            self._edges.report(event)
        self._report(shown)
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
        is_shown = not isinstance(content, ContactAccept | ContactRequest | SessionReset)
        kept = Kept.HELD if is_shown else Kept.SILENT
        stored = self._books.history.receive(contact, opened.message, state=kept)
        if stored is None:
            return []
        if isinstance(content, ContactAccept):
            return self._accepted(contact, content)
        if isinstance(content, SessionReset):
            self._reset(contact, opened)
        if is_shown:
            self._held_since[contact, stored.number] = self._clock.monotonic()
        return []

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

    def _show_ready(self, contact: int) -> list[Stored]:
        """Mark as shown what has all its predecessors, or has waited long enough for them."""
        shown: list[Stored] = []
        for stored in self._books.history.held(contact):
            if self._books.history.misses(stored) and not self._is_overdue(stored):
                continue
            shown.append(self._books.history.mark(stored, Kept.SHOWN))
        return shown

    def _is_overdue(self, stored: Stored) -> bool:
        since = self._held_since.setdefault((stored.contact, stored.number), self._clock.monotonic())
        return self._clock.monotonic() - since >= HOLD_S

    def _report(self, shown: list[Stored]) -> None:
        for stored in shown:
            self._held_since.pop((stored.contact, stored.number), None)
            contact = self._books.contacts.get(stored.contact)
            content = stored.message.content
            text = content.text if isinstance(content, Text) else NEWER_VERSION
            self._edges.report(MessageReceived(stored.number, contact.username, text, stored.message.sent_ms))

    def _known_receipt(self, digest: bytes) -> ReceiptEntry | None:
        row = self._books.store.row("SELECT record FROM received WHERE digest = ?", (digest,))
        return None if row is None else _entry(self._books.store.open("received", digest, row[0]))


def _entry(receipt: bytes) -> ReceiptEntry:
    return ReceiptEntry(receipt[:DIGEST_BYTES], receipt[DIGEST_BYTES:])
