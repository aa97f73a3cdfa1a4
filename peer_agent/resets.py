"""Asks a contact to begin anew when its messages do not open: at most once an hour, by mailbox.

Spec: docs/spec/messages.md, kind 4
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

from peer_agent.books import Books
from peer_agent.clock import Clock
from peer_agent.contact_book import Contact, ContactState
from peer_agent.crypto.messages import SessionReset, create_message
from peer_agent.errors import AgentError
from peer_agent.handshakes import Handshakes
from peer_agent.posts import Posts

logger = logging.getLogger(__name__)

BETWEEN_RESETS_MS = 3_600_000
PAUSE_S = (2.0, 10.0)


async def pause() -> None:
    """Wait a random time, so that a reset does not tell when the message came that caused it."""
    await asyncio.sleep(random.uniform(*PAUSE_S))  # noqa: S311  only spreads a moment


class Resets:
    """Session resets that this device sends."""

    def __init__(
        self,
        books: Books,
        handshakes: Handshakes,
        posts: Posts,
        clock: Clock,
        *,
        pause: Callable[[], Awaitable[None]] = pause,
    ) -> None:
        self._books = books
        self._handshakes = handshakes
        self._posts = posts
        self._clock = clock
        self._pause = pause
        self._asking: set[int] = set()

    async def ask(self, number: int) -> None:
        """Ask one contact, unless that was done within the hour; a failure is left for the next occasion."""
        if number in self._asking or not self._may_ask(self._books.contacts.get(number)):
            return
        self._asking.add(number)
        try:
            await self._pause()
            await self._ask(number)
        finally:
            self._asking.discard(number)

    def _may_ask(self, contact: Contact) -> bool:
        since_ms = self._clock.unix_ms() - contact.reset_at_ms
        is_open = contact.state is ContactState.ACCEPTED and not contact.is_closed
        return is_open and since_ms >= BETWEEN_RESETS_MS

    async def _ask(self, number: int) -> None:
        contact = self._books.contacts.get(number)
        if not self._may_ask(contact):
            return
        now_ms = self._clock.unix_ms()
        try:
            session = await self._handshakes.begin_with(contact, contact.devices[0])
            session, envelope = session.encrypt(create_message(SessionReset(), now_ms=now_ms).pack())
            with self._books.store.transaction():
                # Read again: while the server was asked, the contact may have changed.
                contact = self._books.contacts.get(number)
                if not self._may_ask(contact):
                    return
                self._books.contacts.change(number, reset_at_ms=now_ms, sessions_from_ms=session.started_ms)
                self._books.sessions.save(number, session)
                self._posts.add(session.peer, envelope, token=contact.their_token)
            await self._posts.deliver()
        except AgentError:
            logger.info("a session reset could not be sent")
