"""The inside of a running peer: its network and its conversations, and what passes between the two."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from p2p.protocol import to_peer
from p2p.protocol.frames import FrameToPeer
from p2p.protocol.parts import ReceiptEntry
from peer_agent.account import Account, load_tokens, save_tokens
from peer_agent.api import Api
from peer_agent.assembly import Surroundings, assemble
from peer_agent.chores import Chores
from peer_agent.clock import Clock
from peer_agent.config import Config, socket_url
from peer_agent.errors import AgentError, LoginRefused, StoreClosed, StoreFull
from peer_agent.events import (
    ContactAdded,
    ContactAsked,
    ContactRenewed,
    ContactUnsafe,
    DiskFull,
    Event,
    Events,
    MessageProgress,
)
from peer_agent.guards_book import GuardBook
from peer_agent.guards_watch import GuardsWatch
from peer_agent.network import Listener, MakeTransports, Network, NetworkParts
from peer_agent.receipts_awaited import ReceiptsAwaited
from peer_agent.rest import Rest
from peer_agent.store import Store
from peer_agent.tasks import Tasks
from peer_agent.turn_only import is_turn_only
from peer_agent.wishes import Wishes

logger = logging.getLogger(__name__)

GOODBYE_S = 1.0
SAY_FULL_EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class RunningParts:
    """What one run stands on."""

    config: Config
    store: Store
    account: Account
    tasks: Tasks
    clock: Clock
    make_transports: MakeTransports
    events: Events
    receipts: ReceiptsAwaited


class RunningPeer:
    """One run of a peer, from its store to its last frame."""

    def __init__(self, parts: RunningParts) -> None:
        """Build everything; nothing goes online yet.

        Raises:
            LoginRefused: there is no login.
        """
        self._parts = parts
        self.account = parts.account
        self.latest: dict[str, MessageProgress] = {}
        self._say_full_at = 0.0
        tokens = load_tokens(parts.store)
        if tokens is None:
            raise LoginRefused("There is no login: run `mesa-peer login`.")
        self.rest = Rest(parts.account.server, tokens=tokens, save=lambda new: save_tokens(parts.store, new))
        self.api = Api(self.rest)
        self.network = self._make_network()
        self.conversations = assemble(
            Surroundings(
                account=parts.account,
                api=self.api,
                store=parts.store,
                tasks=parts.tasks,
                clock=parts.clock,
                send_cell=self.network.links.send,
                send_frame=self.network.session.send,
                report=self._report,
                direct_links=self.network.direct_links,
            )
        )
        self._chores = Chores(self.conversations, accepts_all=parts.config.accepts_all, clock=parts.clock)
        self._handlers = self._make_handlers()

    def start(self) -> None:
        """Take up what earlier runs left, and go online."""
        conversations = self.conversations
        conversations.inbox.resume()
        conversations.delivery.resume()
        store_lost = conversations.delivery.store_lost
        self.network.start(Listener(self._take, self._received, self._online, store_lost))
        self._chores.start(self._parts.tasks)
        wishes = Wishes(self._parts.store, conversations.blocking, self._parts.clock)
        self._parts.tasks.spawn(wishes.mind())

    async def say_goodbye(self) -> None:
        """Leave in order: transactions end, frames go out, links close; then the tasks are cancelled."""
        self.conversations.delivery.close()
        await self.network.close()
        await self.network.session.flush(GOODBYE_S)

    def _make_network(self) -> Network:
        parts = self._parts
        return Network(
            NetworkParts(
                url=socket_url(parts.account.server),
                rest=self.rest,
                device=parts.account.device,
                tasks=parts.tasks,
                clock=parts.clock,
                report=parts.events.publish,
                forwards=parts.config.forwards,
                guards=GuardsWatch(GuardBook(parts.store, parts.clock), parts.clock, parts.events.publish),
                turn_only=is_turn_only(parts.store),
                make_transports=parts.make_transports,
            )
        )

    def _make_handlers(self) -> dict[type[FrameToPeer], Callable[[Any], None]]:
        delivery, direct = self.conversations.delivery, self.conversations.direct
        return {
            to_peer.PathReady: delivery.path_ready,
            to_peer.AttemptFailed: delivery.attempt_failed,
            to_peer.TransactionEnded: delivery.ended,
            to_peer.TransactionReceipt: delivery.receipt,
            to_peer.ContactOnline: delivery.contact_online,
            to_peer.Snapshot: delivery.snapshot,
            to_peer.DirectAsked: direct.asked,
            to_peer.DirectReady: delivery.direct_ready,
            to_peer.Mailbox: lambda _: self._chores.look_into_mailbox(),
        }

    def _take(self, envelopes: Sequence[bytes]) -> list[ReceiptEntry | None]:
        """Take in what arrived together; when that fails, one by one: none takes others with it."""
        try:
            return self.conversations.inbox.take_all(envelopes)
        except AgentError:
            return [self._take_alone(envelope) for envelope in envelopes]

    def _take_alone(self, envelope: bytes) -> ReceiptEntry | None:
        try:
            return self.conversations.inbox.take(envelope)
        except StoreFull:
            # Without a receipt it is sent again.
            self._disk_is_full()
            return None
        except StoreClosed:
            logger.error("a message could not be stored: a record of the local store does not open")
            return None

    def _received(self, frame: FrameToPeer) -> None:
        handler = self._handlers.get(type(frame))
        if handler is None:
            return
        try:
            handler(frame)
        except StoreFull:
            # A receipt that is not kept comes again when its message is sent again.
            self._disk_is_full()

    def _disk_is_full(self) -> None:
        """Say so, but not with each of many messages."""
        if self._parts.clock.monotonic() >= self._say_full_at:
            self._say_full_at = self._parts.clock.monotonic() + SAY_FULL_EVERY_S
            self._parts.events.publish(DiskFull())

    def _online(self, is_online: bool) -> None:
        self.conversations.delivery.online(is_online)
        if is_online:
            self._chores.look_into_mailbox()

    def _report(self, event: Event) -> None:
        self._parts.events.publish(event)
        self._parts.receipts.note(event)
        if isinstance(event, MessageProgress):
            self.latest[event.to] = event
        if isinstance(event, ContactAdded):
            contact = self.conversations.books.contacts.find(event.user)
            if contact is not None and contact.their_token is not None:
                self.conversations.delivery.watch_contact(contact.their_token)
        elif isinstance(event, ContactUnsafe | ContactRenewed):
            contact = self.conversations.books.contacts.find(event.user)
            if contact is not None:
                if contact.is_closed:
                    self.conversations.delivery.stop(contact.number)
                self.conversations.direct.changed(contact.number)
        elif isinstance(event, ContactAsked) and self._parts.config.accepts_all:
            # Accepted by the round of the mailbox, which also does it again after a failure.
            self._chores.look_into_mailbox()
