"""A whole peer: one account on one server, as an async context manager with a stream of events.

    async with Peer(config) as peer, peer.showing() as events:
        number = peer.send("bo", "hello")
        async for timed in events:
            ...

Spec: docs/spec/agent.md
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, NoReturn, Self

from p2p.protocol import to_peer
from p2p.protocol.frames import FrameToPeer
from peer_agent.account import Account, load_tokens, require_account, save_tokens
from peer_agent.api import Api
from peer_agent.assembly import Conversations, Surroundings, assemble
from peer_agent.clock import Clock
from peer_agent.config import Config, socket_url
from peer_agent.contact_book import Contact, ContactState
from peer_agent.desk import opened_store
from peer_agent.errors import AgentError, LoginRefused
from peer_agent.events import ContactAdded, ContactAsked, Event, Events, EventStream
from peer_agent.ice_patch import apply_ice_patch
from peer_agent.network import Listener, MakeTransports, Network, NetworkParts
from peer_agent.rest import Rest
from peer_agent.rtc import aiortc_factory
from peer_agent.showing import ShowingStream, Unshown
from peer_agent.store import Store
from peer_agent.tasks import Tasks

logger = logging.getLogger(__name__)

SHOW_OVERDUE_EVERY_S = 60.0
MAILBOX_RETRY_S = 15.0
PREKEYS_EVERY_S = 3_600.0
PREKEYS_RETRY_S = 30.0
TOKENS_EVERY_S = 3_600.0
GOODBYE_S = 1.0


class Peer:
    """This device, online for as long as its block lasts."""

    def __init__(
        self, config: Config, *, clock: Clock | None = None, make_transports: MakeTransports = aiortc_factory
    ) -> None:
        self._config = config
        self._clock = clock or Clock()
        self._make_transports = make_transports
        self._events = Events(self._clock.unix)
        self._mail_waits = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Lock the state directory, take up what earlier runs left, and go online.

        Raises:
            StateInUse, StoreClosed, LoginRefused: there is nothing to go online with.
        """
        apply_ice_patch()
        async with contextlib.AsyncExitStack() as stack:
            store = stack.enter_context(opened_store(self._config))
            self._tasks = Tasks()
            self._build(store, require_account(store))
            stack.push_async_callback(self._rest.aclose)
            await stack.enter_async_context(self._tasks)
            stack.push_async_callback(self._say_goodbye)
            self._start()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *error: Any) -> bool | None:
        self._events.close()
        return await self._stack.__aexit__(*error)

    def events(self) -> EventStream:
        """Read what happens from now on; messages that come stay unshown."""
        return self._events.read()

    def showing(self) -> ShowingStream:
        """Read what happens as the one who shows messages, beginning with those that wait already."""
        return ShowingStream(self._unshown, self._events.read(), self._clock.unix)

    def waiting_messages(self) -> int:
        """How many messages came and were not shown yet."""
        return self._unshown.count()

    def send(self, username: str, text: str) -> int:
        """Accept a message for a contact; returns its number. See `Delivery.send`."""
        return self._conversations.delivery.send(username, text)

    async def request(self, username: str, greeting: str = "") -> Contact:
        """Ask a user to become a contact. See `Contacts.request`."""
        return await self._conversations.contacts.request(username, greeting)

    async def accept(self, username: str) -> Contact:
        """Say yes to a user who asked. See `Contacts.accept`."""
        return await self._conversations.contacts.accept(username)

    def contacts(self) -> list[Contact]:
        """Everybody this user knows, by name."""
        return self._conversations.books.contacts.all()

    def _build(self, store: Store, account: Account) -> None:
        tokens = load_tokens(store)
        if tokens is None:
            raise LoginRefused("There is no login: run `mesa-peer login`.")
        self._rest = Rest(account.server, tokens=tokens, save=lambda new: save_tokens(store, new))
        self._network = Network(
            NetworkParts(
                url=socket_url(account.server),
                rest=self._rest,
                device=account.device,
                tasks=self._tasks,
                clock=self._clock,
                report=self._events.publish,
                forwards=self._config.forwards,
                make_transports=self._make_transports,
            )
        )
        self._conversations: Conversations = assemble(
            Surroundings(
                account=account,
                api=Api(self._rest),
                store=store,
                tasks=self._tasks,
                clock=self._clock,
                send_cell=self._network.links.send,
                send_frame=self._network.session.send,
                report=self._report,
            )
        )
        self._unshown = Unshown(self._conversations.books)
        delivery = self._conversations.delivery
        self._handlers: dict[type[FrameToPeer], Callable[[Any], None]] = {
            to_peer.PathReady: delivery.path_ready,
            to_peer.AttemptFailed: delivery.attempt_failed,
            to_peer.TransactionEnded: delivery.ended,
            to_peer.TransactionReceipt: delivery.receipt,
            to_peer.ContactOnline: delivery.contact_online,
            to_peer.Snapshot: delivery.snapshot,
            to_peer.Mailbox: lambda _: self._mail_waits.set(),
        }

    def _start(self) -> None:
        self._conversations.inbox.resume()
        self._conversations.delivery.resume()
        parts = self._conversations
        self._network.start(
            Listener(parts.inbox.take, self._received, self._online, parts.delivery.store_lost)
        )
        for loop in (
            self._mind_mailbox(),
            self._mind_prekeys(),
            self._mind_tokens(),
            self._show_overdue(),
        ):
            self._tasks.spawn(loop)

    def _received(self, frame: FrameToPeer) -> None:
        handler = self._handlers.get(type(frame))
        if handler is not None:
            handler(frame)

    def _online(self, is_online: bool) -> None:
        self._conversations.delivery.online(is_online)
        if is_online:
            self._mail_waits.set()

    def _report(self, event: Event) -> None:
        self._events.publish(event)
        if isinstance(event, ContactAdded):
            contact = self._conversations.books.contacts.find(event.user)
            if contact is not None and contact.their_token is not None:
                self._conversations.delivery.watch_contact(contact.their_token)
        elif isinstance(event, ContactAsked) and self._config.accepts_all:
            # Accepted by the mailbox loop, which also does it again after a failure.
            self._mail_waits.set()

    async def _mind_mailbox(self) -> NoReturn:
        """Empty the mailbox whenever something may be in it, and bring out what could not leave before."""
        parts = self._conversations
        while True:
            self._mail_waits.clear()
            steps = (parts.posts.deliver, parts.mailbox.empty, self._accept_all)
            if any([await _failure_of(step) for step in steps]):
                logger.info("the mailbox has to wait")
                await asyncio.sleep(MAILBOX_RETRY_S)
                continue
            retries_in_s = (parts.posts.retry_in_s, parts.mailbox.retry_in_s)
            due_in_s = [each for each in retries_in_s if each is not None]
            with contextlib.suppress(TimeoutError):
                # A second more: never a loop without a pause.
                async with asyncio.timeout(min(due_in_s) + 1.0 if due_in_s else None):
                    await self._mail_waits.wait()

    async def _accept_all(self) -> None:
        """Accept whoever asks; one who can not be accepted now stops no other.

        Raises:
            AgentError: the last failure.
        """
        failure: AgentError | None = None
        for contact in self.contacts() if self._config.accepts_all else ():
            if contact.state is ContactState.ASKING:
                failure = await _failure_of(partial(self.accept, contact.username)) or failure
        if failure is not None:
            raise failure

    async def _mind_prekeys(self) -> NoReturn:
        while True:
            try:
                await self._conversations.prekeys.check()
            except LoginRefused:
                raise
            except AgentError:
                logger.info("prekeys have to wait")
                await asyncio.sleep(PREKEYS_RETRY_S)
            else:
                await asyncio.sleep(PREKEYS_EVERY_S)

    async def _mind_tokens(self) -> NoReturn:
        """Fill the stock of delivery tokens up at random times, which tell nothing about contacts."""
        while True:
            await asyncio.sleep(random.SystemRandom().uniform(0.0, 2 * TOKENS_EVERY_S))
            if await _failure_of(self._conversations.tokens.refill):
                logger.info("delivery tokens have to wait")

    async def _show_overdue(self) -> NoReturn:
        while True:
            await asyncio.sleep(SHOW_OVERDUE_EVERY_S)
            self._conversations.inbox.show_overdue()

    async def _say_goodbye(self) -> None:
        """Leave in order: transactions end, frames go out, links close; then the tasks are cancelled."""
        self._conversations.delivery.close()
        await self._network.close()
        await self._network.session.flush(GOODBYE_S)


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
