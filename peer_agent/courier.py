"""Carries the messages for one contact: does what `Outbound` decides, with real links, frames and time.

Spec: docs/spec/outbox.md
"""

import asyncio
import contextlib
import logging
import random
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import ClassVar, NoReturn

from p2p.protocol.cells import FRAGMENT_BYTES
from p2p.protocol.frames import FrameToServer
from p2p.protocol.ids import HopId, LinkId, TransactionId
from p2p.protocol.parts import Credit, ReceiptEntry
from p2p.protocol.to_peer import DirectReady, PathReady, TransactionEnded
from p2p.protocol.to_server import Complete, Repath
from p2p.protocol.words import EndState, TransactionState
from peer_agent import outbound_events as happened
from peer_agent.api import Api
from peer_agent.books import Books
from peer_agent.clock import Clock
from peer_agent.contact_book import Contact
from peer_agent.crypto.errors import CryptoError, NotValidNow, WeakKey
from peer_agent.errors import AgentError, ContactBlocked, LoginRefused, NoDirectLinks, StoreFull
from peer_agent.events import Event, FalseClaim, FalseWord, MessageProgress
from peer_agent.handshakes import Handshakes
from peer_agent.history import Stored
from peer_agent.outbound import LATER, Outbound
from peer_agent.outbound_step import Chance
from peer_agent.outbox import Sealed
from peer_agent.pins import Pins
from peer_agent.progress import AskRepath, End, Start, Step, Tell
from peer_agent.route import Route, make_route
from peer_agent.sealer import Sealer
from peer_agent.tasks import Tasks

logger = logging.getLogger(__name__)

RETRY_S = 0.25
LAST_RETRY_S = 10.0
LONGEST_SLEEP_S = 60.0
MAX_TOLD_FALSE = 64


@dataclass(frozen=True, slots=True)
class CourierParts:
    """What couriers share. `send_cell` tells whether the link exists and took the frame."""

    api: Api
    books: Books
    handshakes: Handshakes
    pins: Pins
    tasks: Tasks
    clock: Clock
    send_cell: Callable[[LinkId, bytes], bool]
    send_frame: Callable[[FrameToServer], None]
    started: Callable[[TransactionId, int], None]
    report: Callable[[Event], None]


class Courier:
    """The way out to one contact."""

    is_direct: ClassVar[bool] = False

    def __init__(self, contact: int, parts: CourierParts) -> None:
        self._contact = contact
        self._parts = parts
        self._outbound = Outbound(Chance(lambda: TransactionId(uuid.uuid4()), random.random))
        self._sealer = Sealer(parts.books, parts.handshakes, parts.clock)
        self._route: Route | None = None
        self._wake = asyncio.Event()
        self._retry_at: float | None = None
        self._paused_until = 0.0
        self._pause_s = RETRY_S
        self._told_false: set[tuple[FalseWord, int | None]] = set()

    @property
    def tx(self) -> TransactionId | None:
        """The transaction that the server is asked for, or has."""
        return self._outbound.tx

    async def run(self) -> NoReturn:
        """Send what may be sent, and wake up for what is due, until cancelled."""
        while True:
            self._wake.clear()
            self._carry_out(self._outbound.receive(LATER, now=_now()))
            self._mind_link()
            await self._pump()
            await self._sleep()

    def receive(self, event: happened.Event) -> None:
        """Do what follows from an event, and look again at what may be sent."""
        self._carry_out(self._outbound.receive(event, now=_now()))
        self._wake.set()

    def seal_at_once(self, stored: Stored) -> Sealed | None:
        """Seal a message in the transaction that stores it, if there is a path for it already."""
        if self._route is None or self._outbound.path is None:
            return None
        return self._sealer.seal_at_once(stored, self._route.device)

    def queue(self, number: int, sealed: Sealed | None) -> None:
        """Carry a message that was just stored; at once, if it is sealed and the first that may go."""
        self.receive(happened.MessageQueued(number))
        is_next = self._outbound.next_to_send(now=_now()) == (number, 0) and _now() >= self._paused_until
        if sealed is not None and self._route is not None and is_next:
            self._send(sealed, 0, self._route)

    def take_up(self, number: int) -> None:
        """Carry a message that was stored before, unless it is carried already."""
        if not self._outbound.flight.has(number):
            self.receive(happened.MessageQueued(number))

    def snapshot(self, listed: Mapping[TransactionId, tuple[TransactionState, int]]) -> None:
        """Compare the transaction with those that the server has."""
        found = None if self._outbound.tx is None else listed.get(self._outbound.tx)
        self.receive(happened.Unlisted() if found is None else happened.Listed(*found))

    def path_ready(self, frame: PathReady) -> None:
        """Take a path, if the receiver's key on it is the pinned device's."""
        contact = self._parts.books.contacts.get(self._contact)
        if contact.is_closed:
            self.stop()
            return
        if not contact.has_device(frame.device.bytes):
            self._parts.tasks.spawn(self._look_for_device(frame))
            return
        try:
            device = contact.device(frame.device.bytes)
            route = make_route(frame, device, now_s=int(self._parts.clock.unix()))
        except (NotValidNow, WeakKey):
            logger.warning("a path with an unusable key was refused")
            self._parts.send_frame(Repath(frame.tx, frame.attempt))
        except CryptoError:
            self._block()
        else:
            self._take_path(route, happened.PathGiven(frame.tx, frame.attempt))

    def direct_ready(self, frame: DirectReady) -> None:
        """Ignore a direct link: these messages are routed, whatever the server says (invariant 6)."""

    def receipts(self, entries: tuple[ReceiptEntry, ...], credit: Credit | None) -> None:
        """Take receipts that name a transaction to this contact; only genuine ones count."""
        told = self._parts.books.outbox.receipted(self._contact, entries)
        for number in told.false:
            self._tell_false(FalseWord.RECEIPT, number)
        for number in told.delivered:
            self.receive(happened.MessageReceipted(number))
        known = None if credit is None or self._route is None else self._route.message_of(credit.stream)
        if known is not None and credit is not None:
            self.receive(happened.CellsCredited(known, credit.index))

    def ended(self, frame: TransactionEnded) -> None:
        """Go on with another transaction if one ends whose messages are not all delivered."""
        if frame.tx == self._outbound.tx and frame.state is EndState.COMPLETED and self._outbound.flight:
            # Only the sender completes a transaction, and this one did not.
            self._tell_false(FalseWord.END, None)
        self.receive(happened.transaction_over(frame))

    def resend(self) -> None:
        """Seal again what has no receipt: the contact could not open it."""
        if self._outbound.tx is not None and self._outbound.state.attempt:
            self._parts.send_frame(Repath(self._outbound.tx, self._outbound.state.attempt))

    def stop(self) -> None:
        """Send nothing more: keys do not match, or the user blocked the contact."""
        self._route = None
        self.receive(happened.Blocked())

    def close(self) -> None:
        """Tell the server that nothing more comes from this run."""
        if self._outbound.tx is not None:
            self._parts.send_frame(Complete(self._outbound.tx))

    def _take_path(self, route: Route, event: happened.PathGiven) -> None:
        given = (event.tx, event.attempt)
        was_open = self._outbound.path == given
        steps = self._outbound.receive(event, now=_now())
        if self._outbound.path == given and not was_open:
            self._route = route
        self._carry_out(steps)
        self._wake.set()

    async def _sleep(self) -> None:
        due = [at for at in (self._outbound.next_at(), self._retry_at, self._link_due()) if at is not None]
        pause_s = min([LONGEST_SLEEP_S, *(at - _now() for at in due)])
        try:
            async with asyncio.timeout(max(pause_s, 0.0)):
                await self._wake.wait()
        except TimeoutError:
            self._retry_at = None

    async def _pump(self) -> None:
        """Send as many cells as the window allows, in the order of the messages."""
        if _now() < self._paused_until:
            return
        while (due := self._outbound.next_to_send(now=_now())) is not None and self._route is not None:
            number, first = due
            route = self._route
            sealed = await self._sealed(number, route)
            if sealed is None:
                return
            # The path may have changed while the session was made.
            if route is self._route and due == self._outbound.next_to_send(now=_now()):
                if not self._send(sealed, first, route):
                    self._retry_at = _now() + RETRY_S
                    return
                await asyncio.sleep(0)

    async def _sealed(self, number: int, route: Route) -> Sealed | None:
        """The sealed form of a message; None when there can be none now."""
        if self._parts.books.contacts.get(self._contact).is_closed:
            self.stop()
            return None
        try:
            sealed = await self._sealer.sealed(self._contact, number, route.device)
        except ContactBlocked:
            self.stop()
            return None
        except LoginRefused:
            raise
        except AgentError:
            # Whatever it is, it concerns this contact: the others' messages go on.
            logger.info("a message could not be sealed")
            self._paused_until = self._retry_at = _now() + self._pause_s
            self._pause_s = min(2 * self._pause_s, LAST_RETRY_S)
            return None
        self._pause_s = RETRY_S
        return sealed

    def _send(self, sealed: Sealed, first: int, route: Route) -> bool:
        """Send cells of one message; tells whether the link took all that fit into the window."""
        total = -(-len(sealed.envelope) // FRAGMENT_BYTES)
        capacity = self._outbound.flight.capacity
        frames = route.frames(sealed.number, sealed.envelope, first=first)
        until = first
        for frame in islice(frames, capacity):
            if not self._parts.send_cell(route.link, frame):
                break
            until += 1
        if until > first:
            sent = happened.CellsSent(sealed.number, until, total)
            self._carry_out(self._outbound.receive(sent, now=_now()))
        return until == min(first + capacity, total)

    def _carry_out(self, steps: list[Step]) -> None:
        for step in steps:
            if isinstance(step, Start):
                self._parts.started(step.tx, self._contact)
                self._parts.tasks.spawn(self._start(step.tx))
            elif isinstance(step, AskRepath):
                self._parts.send_frame(Repath(step.tx, step.attempt))
            elif isinstance(step, End):
                self._parts.send_frame(Complete(step.tx))
            else:
                self._tell(step)

    async def _start(self, tx: TransactionId) -> None:
        try:
            await self._request(tx, self._parts.books.contacts.get(self._contact))
        except (ContactBlocked, NoDirectLinks):
            self.stop()
        except LoginRefused:
            raise
        except AgentError as error:
            at_least_s = getattr(error, "retry_after_s", None) or 0.0
            self.receive(happened.StartRefused(tx, at_least_s))
        else:
            self.receive(happened.StartTaken(tx))

    async def _request(self, tx: TransactionId, contact: Contact) -> None:
        """Ask the server for the transaction.

        Raises:
            ContactBlocked: nothing may go to this contact.
            LoginRefused, Refused, ServerUnreachable
        """
        if contact.their_token is None or contact.is_closed:
            raise ContactBlocked(f"Nothing goes to {contact.username}.")
        tickets = self._parts.books.guards.tickets()
        await self._parts.api.transactions.start(tx, contact.their_token, tickets)

    def _mind_link(self) -> None:
        """Look after a link of this courier's own; those of paths are the network's."""

    def _link_due(self) -> float | None:
        """When `_mind_link` has something to do."""
        return None

    async def _look_for_device(self, frame: PathReady | DirectReady) -> None:
        """Ask for the contact's chain: a path leads to a device that the pinned one does not name."""
        contact = self._parts.books.contacts.get(self._contact)
        try:
            bundle = await self._parts.api.keys.claim_bundle(
                contact.username, None, fingerprint=contact.identity.fingerprint
            )
            contact = self._parts.pins.server_shows(contact.number, bundle.statements)
        except ContactBlocked:
            self.stop()
            return
        except LoginRefused:
            raise
        except AgentError:
            logger.info("the device of a path could not be looked up")
        else:
            if not contact.has_device(frame.device.bytes):
                self._block()
                return
        # If it was found, the next path leads to it as well.
        self._parts.send_frame(Repath(frame.tx, frame.attempt))

    def _block(self) -> None:
        # What can not be kept now comes up again with the next path.
        with contextlib.suppress(StoreFull):
            self._parts.pins.block(self._contact)
        self.stop()

    @cached_property
    def _username(self) -> str:
        """The contact's name, which is its for ever."""
        return self._parts.books.contacts.get(self._contact).username

    def _tell_false(self, word: FalseWord, number: int | None) -> None:
        """Tell the user once what was claimed falsely; a liar must not fill the screen."""
        if (word, number) not in self._told_false and len(self._told_false) < MAX_TOLD_FALSE:
            self._told_false.add((word, number))
            self._parts.report(FalseClaim(word, self._username, number))

    def _tell(self, step: Tell) -> None:
        hops: tuple[HopId, ...] = ()
        if step.attempt and self._route is not None and step.attempt == self._outbound.state.attempt:
            hops = self._route.hop_ids
        self._parts.report(
            MessageProgress(
                step.number,
                self._username,
                step.state,
                step.attempt,
                hops,
                step.waits_for,
                step.forwarders,
                self.is_direct,
            )
        )


def _now() -> float:
    return asyncio.get_running_loop().time()
