"""What a peer does again and again while it is online: mailbox, prekeys, delivery tokens, overdue messages.

Spec: docs/spec/agent.md, sections "Order of messages" and "Mailbox and posts"
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NoReturn

from peer_agent.assembly import Conversations
from peer_agent.backoff import Backoff
from peer_agent.clock import Clock
from peer_agent.contact_book import ContactState
from peer_agent.errors import AgentError, LoginRefused, StoreFull
from peer_agent.tasks import Tasks

logger = logging.getLogger(__name__)

SHOW_OVERDUE_EVERY_S = 60.0
MAILBOX_RETRY_S = 15.0
# More than a pause asks for: never a loop without one.
MAILBOX_SLACK_S = 1.0
# The word that a post came can be lost. Up to half of it less, so that peers do not ask all at once.
MAILBOX_EVERY_S = 600.0
PREKEYS_EVERY_S = 3_600.0
PREKEYS_RETRY_S = 30.0
TOKENS_EVERY_S = 3_600.0


class Chores:
    """Loops that go on whatever fails, until the login has ended."""

    def __init__(
        self,
        parts: Conversations,
        *,
        accepts_all: bool,
        rng: random.Random | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._parts = parts
        self._accepts_all = accepts_all
        self._rng = rng or random.SystemRandom()
        self._mail_waits = asyncio.Event()
        self._accepting: Backoff[int] = Backoff(clock or Clock())

    def start(self, tasks: Tasks) -> None:
        """Begin all of them; the login's end ends the tasks with `LoginRefused`."""
        loops = (self._mind_mailbox, self._mind_prekeys, self._mind_tokens, self._show_overdue)
        for loop in loops:
            tasks.spawn(loop())

    def look_into_mailbox(self) -> None:
        """Do a round of the mailbox soon: something may be in it, or what could not leave may."""
        self._mail_waits.set()

    async def _mind_mailbox(self) -> NoReturn:
        """Empty the mailbox whenever something may be in it, and bring out what could not leave before."""
        parts = self._parts
        while True:
            self._mail_waits.clear()
            steps = (parts.tokens.withdraw, parts.posts.deliver, parts.mailbox.empty, self._accept_all)
            if any([await _failure_of(step) for step in steps]):
                logger.info("the mailbox has to wait")
                await asyncio.sleep(MAILBOX_RETRY_S)
                continue
            retries_in_s = (parts.posts.retry_in_s, parts.mailbox.retry_in_s, self._accepting.due_in_s())
            due_in_s = [each + MAILBOX_SLACK_S for each in retries_in_s if each is not None]
            latest_s = self._rng.uniform(MAILBOX_EVERY_S / 2, MAILBOX_EVERY_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min([latest_s, *due_in_s])):
                    await self._mail_waits.wait()

    async def _accept_all(self) -> None:
        """Accept whoever asks, if that is wished; one who can not be accepted now has a pause of its own."""
        for contact in self._parts.books.contacts.all() if self._accepts_all else ():
            is_welcome = not (contact.is_closed or contact.is_ignored)
            if contact.state is ContactState.ASKING and is_welcome and self._accepting.is_due(contact.number):
                failure = await _failure_of(partial(self._parts.contacts.accept, contact.username))
                if failure is None or self._is_closed(contact.number):
                    # Keys that do not match wait for the user's word, not for time.
                    self._accepting.done(contact.number)
                else:
                    self._accepting.failed(contact.number, at_least_s=failure.retry_after_s or 0.0)

    def _is_closed(self, number: int) -> bool:
        return self._parts.books.contacts.get(number).is_closed

    async def _mind_prekeys(self) -> NoReturn:
        while True:
            if await _failure_of(self._parts.prekeys.check):
                logger.info("prekeys have to wait")
                await asyncio.sleep(PREKEYS_RETRY_S)
            else:
                await asyncio.sleep(PREKEYS_EVERY_S)

    async def _mind_tokens(self) -> NoReturn:
        """Fill the stock of delivery tokens up at random times, which tell nothing about contacts."""
        while True:
            await asyncio.sleep(self._rng.uniform(0.0, 2 * TOKENS_EVERY_S))
            if await _failure_of(self._parts.tokens.refill):
                logger.info("delivery tokens have to wait")

    async def _show_overdue(self) -> NoReturn:
        while True:
            await asyncio.sleep(SHOW_OVERDUE_EVERY_S)
            with contextlib.suppress(StoreFull):
                self._parts.inbox.show_overdue()


async def _failure_of(step: Callable[[], Awaitable[object]]) -> AgentError | None:
    """Do one of several things that must not stop each other.

    Raises:
        LoginRefused: there is nothing left to do.
    """
    try:
        await step()
    except LoginRefused:
        raise
    except AgentError as error:
        return error
    return None
