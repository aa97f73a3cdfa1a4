"""A whole peer: one account on one server, as an async context manager with a stream of events.

    async with Peer.open("state") as peer:
        await peer.send("bo", "hello").delivered()
        async for event in peer.events():
            ...

Programs import it from `peer_agent`; docs/how-to/build-a-bot.md tells how. Spec: docs/spec/agent.md
"""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from peer_agent.account import require_account
from peer_agent.assembly import Conversations
from peer_agent.clock import Clock
from peer_agent.config import Config
from peer_agent.contact_book import folded
from peer_agent.desk import Desk, opened_store
from peer_agent.diagnosis import Place, diagnose
from peer_agent.enrolling import PROGRAM, register
from peer_agent.errors import PeerClosed
from peer_agent.events import (
    Events,
    EventStream,
)
from peer_agent.finding_local import Running
from peer_agent.findings import Report
from peer_agent.ice_patch import apply_ice_patch
from peer_agent.known import Known, checked_greeting
from peer_agent.network import MakeTransports
from peer_agent.receipts_awaited import ReceiptsAwaited, SentMessage
from peer_agent.records import ContactInfo, MessageInfo, contact_info
from peer_agent.rtc import aiortc_factory
from peer_agent.running import RunningParts, RunningPeer
from peer_agent.sctp_patch import apply_sctp_patch
from peer_agent.showing import PeerEvents, ShowingStream, Unshown
from peer_agent.sign_up import checked_name
from peer_agent.store import Store
from peer_agent.tasks import Tasks


class Peer:
    """This device, online for as long as its block lasts."""

    @classmethod
    def open(
        cls,
        state_dir: Path | str,
        *,
        passphrase: str | None = None,
        forwards: bool = True,
        accepts_all: bool = False,
        turn_only: bool | None = None,
    ) -> Self:
        """Name an account's state directory; the peer goes online when its `async with` block begins.

        forwards: carry other people's cells, too. accepts_all: accept every contact request. turn_only: show
        other peers the address of a TURN server alone; None leaves what the device keeps.
        """
        return cls(
            Config(
                Path(state_dir),
                passphrase=passphrase,
                forwards=forwards,
                accepts_all=accepts_all,
                command=PROGRAM,
                turn_only=turn_only,
            )
        )

    register = staticmethod(register)

    def __init__(
        self, config: Config, *, clock: Clock | None = None, make_transports: MakeTransports = aiortc_factory
    ) -> None:
        self._config = config
        self._clock = clock or Clock()
        self._make_transports = make_transports
        self._events = Events(self._clock.unix)
        self._receipts = ReceiptsAwaited()
        self._is_open = False

    async def __aenter__(self) -> Self:
        """Lock the state directory, take up what earlier runs left, and go online.

        Raises:
            StateInUse, StoreClosed, LoginRefused: there is nothing to go online with.
        """
        apply_ice_patch()
        apply_sctp_patch()
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(self._close_streams)
            store = stack.enter_context(opened_store(self._config))
            tasks, self._receipts = Tasks(), ReceiptsAwaited()
            running = self._running = RunningPeer(self._parts_of(store, tasks))
            self._unshown = Unshown(running.conversations.books)
            stack.push_async_callback(running.rest.aclose)
            await stack.enter_async_context(tasks)
            stack.push_async_callback(running.say_goodbye)
            running.start()
            self._stack, self._is_open = stack.pop_all(), True
        return self

    async def __aexit__(self, *error: Any) -> bool | None:
        self._close_streams()
        return await self._stack.__aexit__(*error)

    @property
    def user(self) -> str:
        """This account's user name."""
        return self.known.account.username

    @property
    def server(self) -> str:
        """The server that the account is on."""
        return self.known.account.server

    @property
    def fingerprint(self) -> str:
        """This user's fingerprint, in hexadecimal digits."""
        return self.known.account.identity.fingerprint.hex()

    def events(self) -> PeerEvents:
        """Read what happens as the one who handles messages, beginning with what waits already.

        Raises:
            PeerClosed
        """
        known = self.known
        return PeerEvents(self.showing(), known.unanswered, lambda: self._is_open)

    def watching(self) -> EventStream:
        """Read what happens from now on, with times; messages that come stay unshown."""
        return self._events.read()

    def showing(self) -> ShowingStream:
        """Read what `events` gives, with times: as the one who shows messages, from those that wait on."""
        return ShowingStream(self._unshown, self._events.read(), self._clock.unix)

    def waiting_messages(self) -> int:
        """How many messages came and were not shown yet."""
        return self._unshown.count()

    def send(self, username: str, text: str, *, is_direct: bool = False) -> SentMessage:
        """Accept a message for a contact: when this returns, it is on the disk and will be delivered.

        is_direct: over a link to the contact itself and in no other way; each learns the other's address.

        Raises:
            UnknownUser: no accepted contact of that name.
            ContactBlocked: the contact's keys do not match.
            NoDirectLinks: it is to go directly, and the two users have not agreed to that.
            UsageError: a text that is empty, longer than a message holds, or no text at all.
            PeerClosed
        """
        number = self._parts.delivery.send(username, text, is_direct=is_direct)
        return SentMessage(folded(username), number, self.delivered)

    def send_all(self, username: str, texts: Sequence[str], *, is_direct: bool = False) -> list[SentMessage]:
        """Accept up to 64 messages in this order, all of them or none, sooner than one after another.

        Raises:
            UnknownUser, ContactBlocked, NoDirectLinks, UsageError, PeerClosed: as `send`.
        """
        numbers = self._parts.delivery.send_all(username, texts, is_direct=is_direct)
        return [SentMessage(folded(username), number, self.delivered) for number in numbers]

    def ask_direct(self, username: str) -> int | None:
        """Ask a contact for direct links, over which each learns the other's address. See `Direct.ask`."""
        return self._parts.direct.ask(username)

    def accept_direct(self, username: str) -> int | None:
        """Say yes to a contact who asks for direct links. See `Direct.accept`."""
        return self._parts.direct.accept(username)

    def end_direct(self, username: str) -> int | None:
        """Want no direct links with a contact, from this moment on. See `Direct.end`."""
        return self._parts.direct.end(username)

    async def delivered(self, username: str, number: int) -> None:
        """Wait for the receipt of a message of ours, also of one that an earlier run sent.

        Raises:
            UnknownUser: no such contact, or no such message of ours.
            ContactBlocked: the contact's keys do not match; the message stays in the outbox.
            NotDelivered: the peer was closed; the message stays in the outbox.
            PeerClosed
        """
        if not self.known.is_delivered(username, number):
            await self._receipts.wait(folded(username), number)

    async def request(self, username: str, greeting: str = "") -> ContactInfo:
        """Ask a user to become a contact; asks again when the first request had no answer.

        Raises:
            UsageError: this is no name, or the user's own; or the greeting is too long.
            UnknownUser: there is no such user.
            ContactBlocked: the server shows another chain than the one pinned before.
            Refused, ServerUnreachable, PeerClosed
        """
        name, greeting = checked_name(username), checked_greeting(greeting)
        return contact_info(await self._parts.contacts.request(name, greeting))

    async def accept(self, username: str) -> ContactInfo:
        """Say yes to a user who asked.

        Raises:
            UnknownUser: nobody of that name has asked.
            ContactBlocked: the server shows other keys than those that asked.
            Refused, ServerUnreachable: the yes is not said, or is kept as a post that goes later.
            PeerClosed
        """
        return contact_info(await self._parts.contacts.accept(username))

    def ignore(self, username: str) -> ContactInfo:
        """Leave a contact request without an answer; who asked is not told.

        Raises:
            UnknownUser: nobody of that name has asked.
            PeerClosed
        """
        return contact_info(self._parts.blocking.ignore(username))

    async def block(self, username: str) -> ContactInfo:
        """Take nothing more from somebody, and send nothing; for them this user is offline.

        Raises:
            UnknownUser: nobody of that name asked, was asked or is a contact.
            PeerClosed
        """
        return contact_info(await self._parts.blocking.block(username))

    async def unblock(self, username: str) -> ContactInfo:
        """Let somebody in again; a contact gets a new delivery token.

        Raises:
            UnknownUser: nobody of that name is blocked.
            Refused, ServerUnreachable, PeerClosed
        """
        return contact_info(await self._parts.blocking.unblock(username))

    def contacts(self) -> list[ContactInfo]:
        """Everybody this user knows, by name.

        Raises:
            PeerClosed
        """
        return self.known.contacts()

    def history(self, username: str, *, last: int | None = None) -> list[MessageInfo]:
        """The stored messages with a contact, of both sides, in order; `last`: only so many of the latest.

        Raises:
            UnknownUser: no contact of that name.
            PeerClosed
        """
        return self.known.history(username, last)

    def safety_number(self, username: str) -> str:
        """The number that both users compare; the same at both ends means that nobody stands between.

        Raises:
            UnknownUser: no contact of that name.
            PeerClosed
        """
        return self.known.safety_number(username)

    def verify(self, username: str, digits: str) -> ContactInfo:
        """Compare the safety number with the one that the contact reads out, and keep that it is the same.

        Raises:
            UnknownUser: no contact of that name.
            ContactBlocked: it is another number, or the contact's keys have changed.
            PeerClosed
        """
        return self.known.verify(username, digits)

    @property
    def _parts(self) -> Conversations:
        if not self._is_open:
            raise PeerClosed
        return self._running.conversations

    async def status(self) -> Report:
        """Look into everything that can be wrong, as `mesa-peer status` does.

        Raises:
            PeerClosed
        """
        parts, running = self._parts, self._running
        desk = Desk(running.account, parts.books.store, running.api, parts)
        at_work = Running(running.network.session.is_open, running.latest)
        place = Place(self._config.state_dir, running.account, parts.books, at_work)
        return await diagnose(place, desk, self._clock, running.network.facts)

    @property
    def known(self) -> Known:
        """What this device knows by itself.

        Raises:
            PeerClosed
        """
        parts = self._parts
        return Known(self._running.account, parts.books)

    def _parts_of(self, store: Store, tasks: Tasks) -> RunningParts:
        return RunningParts(
            config=self._config,
            store=store,
            account=require_account(store),
            tasks=tasks,
            clock=self._clock,
            make_transports=self._make_transports,
            events=self._events,
            receipts=self._receipts,
        )

    def _close_streams(self) -> None:
        """Let nobody wait for what does not come any more."""
        self._is_open = False
        self._events.close()
        self._receipts.close()
