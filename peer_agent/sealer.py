"""Gives a message its sealed form for a device: the one it has, or a new one after days without an answer.

Spec: docs/spec/outbox.md, section "Sealed forms", and docs/spec/handshake.md, section "Sessions"
"""

import logging
from dataclasses import replace

from peer_agent.books import Books
from peer_agent.clock import Clock
from peer_agent.contact_book import Contact
from peer_agent.crypto.errors import NotReady
from peer_agent.crypto.identity import DeviceEntry
from peer_agent.crypto.sessions import Session
from peer_agent.errors import Refused
from peer_agent.handshakes import Handshakes
from peer_agent.history import Stored
from peer_agent.outbox import Sealed

logger = logging.getLogger(__name__)

# Longer than most receivers are away; short against the two weeks for which they hold what follows.
GIVEN_UP_AFTER_MS = 3 * 86_400_000


class Sealer:
    """Seals what leaves this device, each message once as long as there is hope."""

    def __init__(self, books: Books, handshakes: Handshakes, clock: Clock) -> None:
        self._books = books
        self._handshakes = handshakes
        self._clock = clock

    async def sealed(self, number: int, message: int, device: DeviceEntry) -> Sealed:
        """The form in which a contact's device gets a message; `number` is the contact's.

        Raises:
            ContactBlocked: the server shows another chain for this contact than the pinned one.
            Refused: there are no usable prekeys, or the session can not send yet.
            ServerUnreachable
        """
        known = self._books.outbox.find(number, message, device)
        if known is None:
            session = await self._handshakes.session_with(self._books.contacts.get(number), device)
        elif self._clock.unix_ms() - known.sealed_ms < GIVEN_UP_AFTER_MS:
            return known
        else:
            session = await self._begin_anew(number, known, device)
        stored = self._followable(self._books.history.get(number, message))
        try:
            return self._books.outbox.seal(stored, device, session, now_ms=self._clock.unix_ms())
        except NotReady as error:
            raise Refused("The session can not send yet.") from error

    def seal_at_once(self, stored: Stored, device: DeviceEntry) -> Sealed | None:
        """Seal a new message in the transaction that stores it, if a session is at hand: one commit less."""
        session = self._handshakes.session_at_hand(self._books.contacts.get(stored.contact), device)
        if session is None:
            return None
        try:
            stored = self._followable(stored)
            return self._books.outbox.put(stored, device, session, now_ms=self._clock.unix_ms())
        except NotReady:
            return None

    def _followable(self, stored: Stored) -> Stored:
        first = self._books.contacts.get(stored.contact).knows_from
        return self._books.history.followable(stored, first) if first > 1 else stored

    async def _begin_anew(self, number: int, known: Sealed, device: DeviceEntry) -> Session:
        """A session begun after a form was sealed that nobody receipted; all forms of before are forgotten.

        Nothing is forgotten before there is such a session, and one that is there is not begun again: whoever
        swallows receipts, or can not open what comes, causes one handshake in three days.
        """
        contact = _after(self._books.contacts.get(number), known)
        session = await self._handshakes.session_with(contact, device, lasting_only=True)
        with self._books.store.transaction():
            # Read again: while the server was asked, the contact may have changed.
            after = _after(self._books.contacts.get(number), known)
            self._books.contacts.change(number, sessions_from_ms=after.sessions_from_ms)
            self._books.outbox.unseal_all(number)
        logger.info("messages without an answer are sealed anew")
        return session


def _after(contact: Contact, known: Sealed) -> Contact:
    """The contact with sessions that were there when a form was sealed kept for receiving only."""
    return replace(contact, sessions_from_ms=max(contact.sessions_from_ms, known.sealed_ms + 1))
