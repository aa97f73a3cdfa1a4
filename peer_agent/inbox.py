"""What arrives: each message is stored once, with its receipt, in one commit; then it may be shown.

Spec: docs/spec/receipts.md, and docs/spec/agent.md, section "Order of messages"
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from p2p.protocol.ids import DIGEST_BYTES
from p2p.protocol.parts import ReceiptEntry
from peer_agent.books import Books
from peer_agent.clock import Clock
from peer_agent.contact_book import ContactState
from peer_agent.crypto.messages import ContactAccept, ContactRequest, OfConsent, SessionReset
from peer_agent.crypto.receipts import envelope_hash, make_receipt
from peer_agent.errors import StoreFull
from peer_agent.events import ContactAdded, Event
from peer_agent.history import Entry, Kept
from peer_agent.opening import NotReadable, Opened, Opener
from peer_agent.pins import Pins
from peer_agent.releasing import HOLD_S, Releasing
from peer_agent.showing import NEWER_VERSION, shown_as

__all__ = ["HOLD_S", "NEWER_VERSION", "Inbox", "InboxEdges"]

logger = logging.getLogger(__name__)

TABLE = "received"


@dataclass(frozen=True, slots=True)
class InboxEdges:
    """What the inbox tells: events, a contact whose messages do not open, one who wants messages again.

    more: there is so much to release that `Inbox.release_rest` has to do it.
    consent: follows a message about direct links, inside the transaction that stores it; returns what to
    report. consent_changed: after that commit.
    """

    report: Callable[[Event], None]
    unreadable: Callable[[int], None]
    resend: Callable[[int], None]
    more: Callable[[], None] = lambda: None
    consent: Callable[[int, OfConsent, int], list[Event]] = lambda contact, content, sent_ms: []
    consent_changed: Callable[[int], None] = lambda contact: None


@dataclass(frozen=True, slots=True)
class _Batch:
    """What follows from envelopes that are taken together: whose they are, what to tell after the commit."""

    contacts: set[int] = field(default_factory=set)
    told: list[Callable[[], None]] = field(default_factory=list)


class Inbox:
    """The receiving end of every conversation of this device."""

    def __init__(self, books: Books, opener: Opener, pins: Pins, edges: InboxEdges, clock: Clock) -> None:
        self._books = books
        self._pins = pins
        self._opener = opener
        self._edges = edges
        self._clock = clock
        self._releasing = Releasing(books, clock)
        self._is_more_told = False

    def take(self, envelope: bytes) -> ReceiptEntry | None:
        """Store what an envelope holds; returns its receipt, once and for ever the same.

        None for an envelope that does not open, or is from nobody who may send here, or may no more.
        """
        return self.take_all((envelope,))[0]

    def take_all(self, envelopes: Sequence[bytes]) -> list[ReceiptEntry | None]:
        """Store what arrived together, in one commit, as `take` does with each; nothing is told before it.

        Raises:
            StoreFull: nothing of all of them was stored.
        """
        batch = _Batch()
        try:
            with self._books.store.transaction():
                entries = [self._take(envelope, batch) for envelope in envelopes]
        except BaseException:
            for contact in batch.contacts:
                self._releasing.forget(contact)
            raise
        for tell in batch.told:
            tell()
        self._release_more()
        return entries

    def _take(self, envelope: bytes, batch: "_Batch") -> ReceiptEntry | None:
        digest = envelope_hash(envelope)
        known = self._find(digest)
        if known is not None:
            contact, entry = known
            return entry if self._books.contacts.admitted(contact) is ContactState.ACCEPTED else None
        try:
            opened = self._opener.open(envelope)
        except NotReadable as error:
            if error.contact is not None:
                batch.told.append(partial(self._edges.unreadable, error.contact))
            return None
        if opened.contact is None or not self._may_send(opened.contact, opened):
            return None
        return self._keep(opened, opened.contact, digest, batch)

    def knows(self, envelope: bytes) -> bool:
        """Tell whether an envelope was stored before."""
        return self._find(envelope_hash(envelope)) is not None

    def show_overdue(self) -> None:
        """Let messages be shown whose predecessors did not come in time, with a gap before them."""
        for contact in self._books.held.contacts():
            self._release(contact)

    async def release_rest(self) -> None:
        """Release all that may be, with a turn for everybody else after each slice."""
        try:
            while pending := self._releasing.pending():
                for contact in pending:
                    self._release_slice(contact)
                    await asyncio.sleep(0)
        except StoreFull:
            logger.warning("messages wait for space on the disk")
        finally:
            self._is_more_told = False

    def resume(self) -> None:
        """Take up the messages that were held when the last run ended."""
        self.show_overdue()

    def _keep(self, opened: Opened, contact: int, digest: bytes, batch: "_Batch") -> ReceiptEntry:
        books = self._books
        receipt = make_receipt(opened.message.receipt_key, digest)
        books.sessions.save(contact, opened.session)
        books.prekeys.spend(opened.spent)
        if opened.header is not None:
            books.prekeys.remember(opened.header)
        record = books.store.seal(TABLE, digest, receipt)
        books.store.change(
            "INSERT INTO received (digest, contact, record) VALUES (?, ?, ?)", (digest, contact, record)
        )
        batch.told.append(partial(self._report, self._store_message(opened, contact)))
        batch.contacts.add(contact)
        self._releasing.look(contact)
        if contact in self._releasing.pending():
            batch.told.append(partial(self._report, self._shown(self._releasing.release(contact))))
        if isinstance(opened.message.content, SessionReset):
            batch.told.append(partial(self._edges.resend, contact))
        if isinstance(opened.message.content, OfConsent):
            batch.told.append(partial(self._edges.consent_changed, contact))
        return _entry(receipt)

    def _may_send(self, contact: int, opened: Opened) -> bool:
        state = self._books.contacts.admitted(contact)
        if state is ContactState.ACCEPTED:
            return True
        return state is ContactState.ASKED and isinstance(opened.message.content, ContactAccept)

    def _store_message(self, opened: Opened, contact: int) -> list[Event]:
        content = opened.message.content
        is_silent = isinstance(content, ContactAccept | ContactRequest | SessionReset | OfConsent)
        stored = self._books.history.receive(
            contact, opened.message, now_ms=self._clock.unix_ms(), is_silent=is_silent
        )
        if stored is None or stored.state is Kept.HELD:
            return []
        self._books.held.came(contact, opened.message.message_id)
        if isinstance(content, ContactAccept):
            return self._accepted(contact, content)
        if isinstance(content, SessionReset):
            self._reset(contact, opened)
        if isinstance(content, OfConsent):
            return self._edges.consent(contact, content, opened.message.sent_ms)
        return [] if is_silent else self._shown([stored])

    def _reset(self, number: int, opened: Opened) -> None:
        self._books.contacts.change(number, sessions_from_ms=opened.session.started_ms)
        self._books.outbox.unseal_all(number)

    def _accepted(self, number: int, content: ContactAccept) -> list[Event]:
        fits, news = self._pins.message_carries(number, content.chain)
        contact = self._books.contacts.get(number)
        if not fits or contact.state is not ContactState.ASKED:
            return news
        self._books.contacts.change(number, state=ContactState.ACCEPTED, their_token=content.token)
        return [*news, ContactAdded(contact.username)]

    def _release(self, contact: int) -> None:
        """Release what a contact's messages do not have to wait for; what is too much for now comes after."""
        self._releasing.look(contact)
        if contact in self._releasing.pending():
            self._release_slice(contact)
        self._release_more()

    def _release_more(self) -> None:
        if self._releasing.pending() and not self._is_more_told:
            self._is_more_told = True
            self._edges.more()

    def _release_slice(self, contact: int) -> None:
        try:
            with self._books.store.transaction():
                released = self._shown(self._releasing.release(contact))
        except StoreFull:
            self._releasing.forget(contact)
            raise
        self._report(released)

    def _shown(self, entries: list[Entry]) -> list[Event]:
        if not entries:
            return []
        username = self._books.contacts.get(entries[0].contact).username
        return [shown_as(username, entry) for entry in entries]

    def _report(self, news: list[Event]) -> None:
        for event in news:
            self._edges.report(event)

    def _find(self, digest: bytes) -> tuple[int, ReceiptEntry] | None:
        """The contact and the receipt of an envelope that was stored before."""
        row = self._books.store.row("SELECT contact, record FROM received WHERE digest = ?", (digest,))
        return None if row is None else (row[0], _entry(self._books.store.open(TABLE, digest, row[1])))


def _entry(receipt: bytes) -> ReceiptEntry:
    return ReceiptEntry(receipt[:DIGEST_BYTES], receipt[DIGEST_BYTES:])
