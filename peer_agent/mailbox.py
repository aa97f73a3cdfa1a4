"""Empties this device's mailbox: each post is taken in once, and deleted only after its content is committed.

Spec: docs/spec/rest.md, routes `mailbox/`
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from peer_agent.api import MAILBOX_IDS_PER_REQUEST, Api, Post
from peer_agent.clock import Clock
from peer_agent.contact_book import Contact
from peer_agent.crypto.errors import CryptoError
from peer_agent.crypto.identity import DeviceKeys
from peer_agent.crypto.messages import ContactRequest
from peer_agent.crypto.sealing import open_post
from peer_agent.inbox import Inbox
from peer_agent.opening import NotReadable, Opened, Opener
from peer_agent.store import Store

logger = logging.getLogger(__name__)

# Longer than a post lives at the server.
REMEMBER_DAYS = 21


@dataclass(frozen=True, slots=True)
class MailboxParts:
    """What a post passes through."""

    own: DeviceKeys
    api: Api
    store: Store
    opener: Opener
    inbox: Inbox
    asked: Callable[[Opened], Awaitable[Contact | None]]
    clock: Clock


class Mailbox:
    """The sealed posts that wait at the server."""

    def __init__(self, parts: MailboxParts) -> None:
        self._parts = parts

    async def empty(self) -> None:
        """Take in everything that waits.

        Raises:
            ServerUnreachable: what is left waits for the next time.
        """
        self._forget_old()
        while posts := await self._parts.api.fetch_mailbox():
            for post in posts:
                if not self._is_done(post):
                    await self._take(post)
            ids = [post.id for post in posts]
            await self._parts.api.delete_from_mailbox(ids)
            if len(posts) < MAILBOX_IDS_PER_REQUEST:
                return

    async def _take(self, post: Post) -> None:
        try:
            envelope = open_post(self._parts.own, post.envelope)
            request = self._request_in(envelope)
        except (CryptoError, NotReadable):
            request, envelope = None, b""
            logger.info("a post does not open")
        if request is not None:
            await self._parts.asked(request)
        elif envelope:
            self._parts.inbox.take(envelope)
        # Between the commit inside and this line a crash does no harm: what is known is not taken in again.
        values = (post.id.bytes, self._parts.clock.day())
        self._parts.store.change("INSERT OR IGNORE INTO mailbox_done (post, day) VALUES (?, ?)", values)

    def _request_in(self, envelope: bytes) -> Opened | None:
        if self._parts.inbox.knows(envelope):
            return None
        opened = self._parts.opener.open(envelope)
        return opened if isinstance(opened.message.content, ContactRequest) else None

    def _is_done(self, post: Post) -> bool:
        sql = "SELECT 1 FROM mailbox_done WHERE post = ?"
        return self._parts.store.row(sql, (post.id.bytes,)) is not None

    def _forget_old(self) -> None:
        oldest = self._parts.clock.day() - REMEMBER_DAYS
        self._parts.store.change("DELETE FROM mailbox_done WHERE day < ?", (oldest,))
