"""A whole peer: one account on one server, as an async context manager with a stream of events.

    async with Peer(config) as peer, peer.showing() as events:
        number = peer.send("bo", "hello")
        async for timed in events:
            ...

Spec: docs/spec/agent.md
"""

import contextlib
from collections.abc import Callable
from typing import Any, Self

from p2p.protocol import to_peer
from p2p.protocol.frames import FrameToPeer
from peer_agent.account import Account, load_tokens, require_account, save_tokens
from peer_agent.api import Api
from peer_agent.assembly import Conversations, Surroundings, assemble
from peer_agent.chores import Chores
from peer_agent.clock import Clock
from peer_agent.config import Config, socket_url
from peer_agent.contact_book import Contact
from peer_agent.desk import opened_store
from peer_agent.errors import LoginRefused
from peer_agent.events import (
    ContactAdded,
    ContactAsked,
    ContactRenewed,
    ContactUnsafe,
    Event,
    Events,
    EventStream,
)
from peer_agent.ice_patch import apply_ice_patch
from peer_agent.network import Listener, MakeTransports, Network, NetworkParts
from peer_agent.rest import Rest
from peer_agent.rtc import aiortc_factory
from peer_agent.showing import ShowingStream, Unshown
from peer_agent.store import Store
from peer_agent.tasks import Tasks
from peer_agent.turn_only import is_turn_only

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

    def send(self, username: str, text: str, *, is_direct: bool = False) -> int:
        """Accept a message for a contact; returns its number. See `Delivery.send`."""
        return self._conversations.delivery.send(username, text, is_direct=is_direct)

    def ask_direct(self, username: str) -> int | None:
        """Ask a contact for direct links, over which each learns the other's address. See `Direct.ask`."""
        return self._conversations.direct.ask(username)

    def accept_direct(self, username: str) -> int | None:
        """Say yes to a contact who asks for direct links. See `Direct.accept`."""
        return self._conversations.direct.accept(username)

    def end_direct(self, username: str) -> int | None:
        """Want no direct links with a contact, from this moment on. See `Direct.end`."""
        return self._conversations.direct.end(username)

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
                turn_only=is_turn_only(store),
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
                direct_links=self._network.direct_links,
            )
        )
        self._unshown = Unshown(self._conversations.books)
        self._chores = Chores(self._conversations, accepts_all=self._config.accepts_all)
        delivery = self._conversations.delivery
        self._handlers: dict[type[FrameToPeer], Callable[[Any], None]] = {
            to_peer.PathReady: delivery.path_ready,
            to_peer.AttemptFailed: delivery.attempt_failed,
            to_peer.TransactionEnded: delivery.ended,
            to_peer.TransactionReceipt: delivery.receipt,
            to_peer.ContactOnline: delivery.contact_online,
            to_peer.Snapshot: delivery.snapshot,
            to_peer.DirectAsked: self._conversations.direct.asked,
            to_peer.DirectReady: delivery.direct_ready,
            to_peer.Mailbox: lambda _: self._chores.look_into_mailbox(),
        }

    def _start(self) -> None:
        self._conversations.inbox.resume()
        self._conversations.delivery.resume()
        parts = self._conversations
        self._network.start(
            Listener(parts.inbox.take, self._received, self._online, parts.delivery.store_lost)
        )
        self._chores.start(self._tasks)

    def _received(self, frame: FrameToPeer) -> None:
        handler = self._handlers.get(type(frame))
        if handler is not None:
            handler(frame)

    def _online(self, is_online: bool) -> None:
        self._conversations.delivery.online(is_online)
        if is_online:
            self._chores.look_into_mailbox()

    def _report(self, event: Event) -> None:
        self._events.publish(event)
        if isinstance(event, ContactAdded):
            contact = self._conversations.books.contacts.find(event.user)
            if contact is not None and contact.their_token is not None:
                self._conversations.delivery.watch_contact(contact.their_token)
        elif isinstance(event, ContactUnsafe | ContactRenewed):
            contact = self._conversations.books.contacts.find(event.user)
            if contact is not None:
                self._conversations.direct.changed(contact.number)
        elif isinstance(event, ContactAsked) and self._config.accepts_all:
            # Accepted by the round of the mailbox, which also does it again after a failure.
            self._chores.look_into_mailbox()

    async def _say_goodbye(self) -> None:
        """Leave in order: transactions end, frames go out, links close; then the tasks are cancelled."""
        self._conversations.delivery.close()
        await self._network.close()
        await self._network.session.flush(GOODBYE_S)
