"""Carries the messages for one contact: does what `Outbound` decides, with real links, frames and time.

Spec: docs/spec/agent.md, section "Outbox"
"""

import asyncio
import logging
import random
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import NoReturn

from p2p.protocol.cells import FRAGMENT_BYTES
from p2p.protocol.frames import FrameToServer
from p2p.protocol.ids import HopId, LinkId, TransactionId
from p2p.protocol.parts import Credit, ReceiptEntry
from p2p.protocol.to_peer import AttemptFailed, PathReady, TransactionEnded
from p2p.protocol.to_server import Complete, Repath
from p2p.protocol.words import Cause, TransactionState
from peer_agent.api import Api
from peer_agent.books import Books
from peer_agent.clock import Clock
from peer_agent.contact_book import Contact
from peer_agent.crypto.errors import CryptoError, NotReady, NotValidNow, WeakKey
from peer_agent.errors import AgentError, ContactBlocked, LoginRefused, Refused
from peer_agent.events import ContactUnsafe, Event, MessageProgress
from peer_agent.handshakes import Handshakes
from peer_agent.outbound import Outbound
from peer_agent.outbox import Sealed
from peer_agent.progress import AskRepath, End, Start, Step, Tell
from peer_agent.route import Route, make_route
from peer_agent.tasks import Tasks

logger = logging.getLogger(__name__)

RETRY_S = 0.25
LAST_RETRY_S = 10.0
LONGEST_SLEEP_S = 60.0


@dataclass(frozen=True, slots=True)
class CourierParts:
    """What couriers share. `send_cell` tells whether the link exists and took the frame."""

    api: Api
    books: Books
    handshakes: Handshakes
    tasks: Tasks
    clock: Clock
    send_cell: Callable[[LinkId, bytes], bool]
    send_frame: Callable[[FrameToServer], None]
    started: Callable[[TransactionId, int], None]
    report: Callable[[Event], None]


class Courier:
    """The way out to one contact."""

    def __init__(self, contact: int, parts: CourierParts) -> None:
        self._contact = contact
        self._parts = parts
        self._outbound = Outbound(lambda: TransactionId(uuid.uuid4()), random.random)
        self._route: Route | None = None
        self._wake = asyncio.Event()
        self._retry_at: float | None = None
        self._paused_until = 0.0
        self._pause_s = RETRY_S

    @property
    def tx(self) -> TransactionId | None:
        """The transaction that runs now."""
        return self._outbound.tx

    async def run(self) -> NoReturn:
        """Send what may be sent, and wake up for what is due, until cancelled."""
        while True:
            self._wake.clear()
            self._carry_out(self._outbound.tick(now=_now()))
            await self._pump()
            await self._sleep()

    def queue(self, number: int) -> None:
        """Carry a message that was just stored."""
        self._do(self._outbound.queue(number, now=_now()))

    def online(self, is_online: bool) -> None:
        self._do(self._outbound.online(is_online, now=_now()))

    def contact_online(self) -> None:
        self._do(self._outbound.contact_online(now=_now()))

    def store_lost(self) -> None:
        self._do(self._outbound.store_lost(now=_now()))

    def snapshot(self, listed: Mapping[TransactionId, tuple[TransactionState, int]]) -> None:
        self._do(self._outbound.snapshot(listed, now=_now()))

    def path_ready(self, frame: PathReady) -> None:
        """Take a path, if the receiver's key on it is the pinned device's."""
        contact = self._parts.books.contacts.get(self._contact)
        try:
            device = contact.device(frame.device.bytes)
            route = make_route(frame, device, now_s=int(self._parts.clock.unix()))
        except (NotValidNow, WeakKey):
            logger.warning("a path with an unusable key was refused")
            self._parts.send_frame(Repath(frame.tx, frame.attempt))
        except CryptoError:
            self._block(contact)
        else:
            steps = self._outbound.path_ready(frame.tx, frame.attempt, now=_now())
            if self._outbound.attempt == frame.attempt:
                self._route = route
            self._do(steps)

    def attempt_failed(self, frame: AttemptFailed) -> None:
        if frame.cause is Cause.IDLE:
            self._do(self._outbound.let_go(frame.tx, frame.attempt, now=_now()))
            return
        forwarders = frame.forwarders if frame.cause is Cause.TOO_FEW_FORWARDERS else None
        self._do(self._outbound.attempt_failed(frame.tx, frame.attempt, now=_now(), forwarders=forwarders))

    def ended(self, frame: TransactionEnded) -> None:
        self._do(self._outbound.ended(frame.tx, frame.state, now=_now()))

    def receipts(self, entries: tuple[ReceiptEntry, ...], credit: Credit | None) -> None:
        """Take receipts that name a transaction to this contact; only genuine ones count."""
        for entry in entries:
            number = self._parts.books.outbox.receipted(self._contact, entry)
            if number is not None:
                self._do(self._outbound.receipted(number, now=_now()))
        number = None if credit is None or self._route is None else self._route.message_of(credit.stream)
        if number is not None and credit is not None:
            self._outbound.credited(number, credit.index, now=_now())
            self._wake.set()

    def resend(self) -> None:
        """Seal again what has no receipt: the contact could not open it."""
        if self.tx is not None and self._outbound.attempt:
            self._parts.send_frame(Repath(self.tx, self._outbound.attempt))

    def close(self) -> None:
        """Tell the server that nothing more comes from this run."""
        if self.tx is not None:
            self._parts.send_frame(Complete(self.tx))

    async def _sleep(self) -> None:
        due = [at for at in (self._outbound.next_at(), self._retry_at) if at is not None]
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
            try:
                sealed = await self._sealed(number, route)
            except ContactBlocked:
                self._block(self._parts.books.contacts.get(self._contact))
                return
            except LoginRefused:
                raise
            except AgentError:
                # Whatever it is, it concerns this contact: the others' messages go on.
                logger.info("a message could not be sealed")
                self._paused_until = self._retry_at = _now() + self._pause_s
                self._pause_s = min(2 * self._pause_s, LAST_RETRY_S)
                return
            self._pause_s = RETRY_S
            # The path may have changed while the session was made.
            if route is self._route and due == self._outbound.next_to_send(now=_now()):
                if not self._send(sealed, first, route):
                    self._retry_at = _now() + RETRY_S
                    return
                await asyncio.sleep(0)

    async def _sealed(self, number: int, route: Route) -> Sealed:
        books = self._parts.books
        known = books.outbox.find(self._contact, number, route.device)
        if known is not None:
            return known
        contact = books.contacts.get(self._contact)
        session = await self._parts.handshakes.session_with(contact, route.device)
        try:
            return books.outbox.seal(books.history.get(self._contact, number), route.device, session)
        except NotReady as error:
            raise Refused("The session can not send yet.") from error

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
            self._carry_out(self._outbound.sent(sealed.number, until=until, total=total, now=_now()))
        return until == min(first + capacity, total)

    def _do(self, steps: list[Step]) -> None:
        """Carry out what follows from an event, and look again at what may be sent."""
        self._carry_out(steps)
        self._wake.set()

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
        contact = self._parts.books.contacts.get(self._contact)
        if contact.their_token is None or contact.is_unsafe:
            self._block(contact)
            return
        try:
            await self._parts.api.start_transaction(tx, contact.their_token)
        except LoginRefused:
            raise
        except AgentError as error:
            at_least_s = getattr(error, "retry_after_s", None) or 0.0
            self._do(self._outbound.start_failed(tx, now=_now(), at_least_s=at_least_s))
        else:
            self._do(self._outbound.started(tx, now=_now()))

    def _block(self, contact: Contact) -> None:
        books = self._parts.books
        if not contact.is_unsafe:
            with books.store.transaction():
                books.contacts.save(replace(contact, is_unsafe=True))
            self._parts.report(ContactUnsafe(contact.username))
        self._route = None
        self._do(self._outbound.block())

    def _tell(self, step: Tell) -> None:
        hops: tuple[HopId, ...] = ()
        if step.attempt and self._route is not None and step.attempt == self._outbound.attempt:
            hops = self._route.hop_ids
        contact = self._parts.books.contacts.get(self._contact)
        self._parts.report(
            MessageProgress(
                step.number,
                contact.username,
                step.state,
                step.attempt,
                hops,
                step.waits_for,
                step.forwarders,
            )
        )


def _now() -> float:
    return asyncio.get_running_loop().time()
