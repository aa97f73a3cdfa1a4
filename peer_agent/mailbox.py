"""Empties this device's mailbox: each post is taken in once, and deleted only after its content is committed.

Spec: docs/spec/rest.md, routes `mailbox/`
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from peer_agent.api import MAILBOX_IDS_PER_REQUEST, Api, Post
from peer_agent.backoff import Backoff
from peer_agent.clock import Clock
from peer_agent.contact_book import Contact
from peer_agent.crypto.errors import CryptoError
from peer_agent.crypto.identity import DeviceKeys
from peer_agent.crypto.messages import ContactRequest
from peer_agent.crypto.sealing import open_post
from peer_agent.errors import AgentError, LoginRefused
from peer_agent.inbox import Inbox
from peer_agent.opening import NotReadable, Opened, Opener
from peer_agent.store import Store

logger = logging.getLogger(__name__)

# Longer than a post lives at the server.
REMEMBER_DAYS = 21
# Beyond this many, what can not be handled stays at the server.
MAX_SET_ASIDE = 256
TABLE = "set_aside"


@dataclass(frozen=True, slots=True)
class MailboxParts:
    """What a post passes through.

    owed, answer: contacts that asked again, and how they get a yes. answered: one has it, and gave a token.
    """

    own: DeviceKeys
    api: Api
    store: Store
    opener: Opener
    inbox: Inbox
    is_genuine: Callable[[Opened], Awaitable[bool]]
    asked: Callable[[Opened], Contact | None]
    owed: Callable[[], list[int]]
    answer: Callable[[int], Awaitable[None]]
    answered: Callable[[int], None]
    clock: Clock


class Mailbox:
    """The sealed posts that wait at the server, and those set aside here until they can be handled."""

    def __init__(self, parts: MailboxParts) -> None:
        self._parts = parts
        # Of posts that were set aside, by id, and of answers that are owed, by contact.
        self._pauses: Backoff[bytes | int] = Backoff(parts.clock)

    async def empty(self) -> None:
        """Take in everything that waits, and answer who asked again; what fails now stops nothing else.

        Raises:
            LoginRefused, ServerUnreachable, Refused: the server does not show the mailbox now.
        """
        self._forget_old()
        mailbox = self._parts.api.mailbox
        while posts := await mailbox.fetch():
            ids = [post.id for post in posts if self._is_done(post) or await self._handle(post)]
            if ids:
                await mailbox.delete(ids)
            if len(ids) < MAILBOX_IDS_PER_REQUEST:
                break
        await self._try_again()
        await self._answer_owed()

    @property
    def retry_in_s(self) -> float | None:
        """Seconds until something that failed is tried again; None if there is nothing."""
        return self._pauses.due_in_s()

    async def _handle(self, post: Post) -> bool:
        """Take a post in, or set it aside; tells whether the server may forget it."""
        try:
            await self._take(post.envelope)
        except LoginRefused:
            raise
        except AgentError:
            return self._set_aside(post)
        # Between the commit inside and this line a crash does no harm: what is known is not taken in again.
        self._remember(post.id.bytes)
        return True

    async def _take(self, sealed: bytes) -> None:
        try:
            envelope = open_post(self._parts.own, sealed)
            if self._parts.inbox.knows(envelope):
                return
            opened = self._parts.opener.open(envelope)
            if not isinstance(opened.message.content, ContactRequest):
                self._parts.inbox.take(envelope)
            elif await self._parts.is_genuine(opened):
                # Opened again: while the server was asked, the session may have moved on.
                self._parts.asked(self._parts.opener.open(envelope))
        except (CryptoError, NotReadable):
            logger.info("a post does not open")

    def _set_aside(self, post: Post) -> bool:
        """Keep a post here, so that it fills nothing at the server; tells whether there was space."""
        store, key = self._parts.store, post.id.bytes
        row = store.row("SELECT COUNT(*) FROM set_aside")
        if row is None or row[0] >= MAX_SET_ASIDE:
            return False
        record = store.seal(TABLE, key, post.envelope)
        values = (key, self._parts.clock.day(), record)
        with store.transaction():
            store.change("INSERT OR IGNORE INTO set_aside (post, day, record) VALUES (?, ?, ?)", values)
            self._remember(key)
        self._pauses.failed(key)
        logger.info("a post was set aside")
        return True

    async def _try_again(self) -> None:
        """Handle posts that were set aside, each in its own time."""
        store = self._parts.store
        for key, record in store.rows("SELECT post, record FROM set_aside"):
            if await self._succeeds(key, partial(self._take, store.open(TABLE, key, record))):
                self._drop(key)

    async def _answer_owed(self) -> None:
        """Say each yes that is owed, in its own time."""
        for number in self._parts.owed():
            if await self._succeeds(number, partial(self._parts.answer, number)):
                self._pauses.done(number)
                self._parts.answered(number)

    async def _succeeds(self, key: bytes | int, step: Callable[[], Awaitable[None]]) -> bool:
        """Do what failed before, if it is due; tells whether it is done."""
        if not self._pauses.is_due(key):
            return False
        try:
            await step()
        except LoginRefused:
            raise
        except AgentError as error:
            self._pauses.failed(key, at_least_s=error.retry_after_s or 0.0)
            return False
        return True

    def _drop(self, key: bytes) -> None:
        self._parts.store.change("DELETE FROM set_aside WHERE post = ?", (key,))
        self._pauses.done(key)

    def _is_done(self, post: Post) -> bool:
        sql = "SELECT 1 FROM mailbox_done WHERE post = ?"
        return self._parts.store.row(sql, (post.id.bytes,)) is not None

    def _remember(self, key: bytes) -> None:
        values = (key, self._parts.clock.day())
        self._parts.store.change("INSERT OR IGNORE INTO mailbox_done (post, day) VALUES (?, ?)", values)

    def _forget_old(self) -> None:
        oldest = self._parts.clock.day() - REMEMBER_DAYS
        self._parts.store.change("DELETE FROM mailbox_done WHERE day < ?", (oldest,))
        for (key,) in self._parts.store.rows("SELECT post FROM set_aside WHERE day < ?", (oldest,)):
            self._drop(key)
