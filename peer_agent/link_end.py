"""This end of one link: carries out what the link table says, and keeps frames while they can not be sent.

Spec: docs/spec/links.md
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto

from p2p.protocol.cells import LINK_FRAME_BYTES, QUEUED_FRAMES, QUEUED_FRAMES_PER_HOP
from p2p.protocol.errors import UnexpectedEvent
from p2p.protocol.ids import HOP_ID_BYTES, LinkId
from p2p.protocol.link import (
    CONFIRMED_WITHIN_S,
    FIRST_CELL_S,
    LINK_IDLE_S,
    SET_UP_DEADLINE_S,
    Do,
    Link,
    LinkEvent,
    LinkState,
)
from peer_agent.rtc import Callbacks, TransportFactory, TransportFailed
from peer_agent.tasks import Tasks

logger = logging.getLogger(__name__)

HIGH_WATER_BYTES = 1_024 * 1_024
DESCRIPTION_DEADLINE_S = SET_UP_DEADLINE_S
CLOSE_DEADLINE_S = 5.0
# Between two looks for a confirmation; what is more was spent asleep, and the other end had no say in it.
LOOK_COUNTS_S = 2.0


class Sent(Enum):
    """What became of a frame. Dropped: the link is well, but too much waits for it already."""

    SENT = auto()
    DROPPED = auto()
    GONE = auto()


@dataclass(frozen=True, slots=True)
class LinkReports:
    """Where a link tells what happened to it."""

    up: Callable[[LinkId], None]
    down: Callable[[LinkId], None]
    gone: Callable[[LinkId], None]
    answer: Callable[[LinkId, str], None]
    received: Callable[[LinkId, bytes], None]


class LinkEnd:
    """One end of a link, from its offer to its end."""

    def __init__(
        self, make: TransportFactory, reports: LinkReports, tasks: Tasks, state: LinkState, link: LinkId
    ) -> None:
        self.link = link
        self.kept_until = 0.0
        self._machine = Link(state)
        self.expect()
        self._reports = reports
        self._tasks = tasks
        self._unconfirmed: int | None = None
        self._looked_at = self._stands_still_s = 0.0
        self._deadline: asyncio.TimerHandle | None = None
        self._description = ""
        self._queue: deque[bytes] = deque()
        self._queued_by_hop: Counter[bytes] = Counter()
        self._transport = make(
            Callbacks(
                opened=lambda: self._feed(LinkEvent.CHANNEL_OPENED),
                closed=lambda: self._feed(LinkEvent.CHANNEL_CLOSED),
                received=self._received,
                drained=self._flush,
            )
        )

    @property
    def state(self) -> LinkState:
        return self._machine.state

    def expect(self, *, is_open: bool = False) -> None:
        """Stay, since an order names this link: for FIRST_CELL_S at least, in which cells will come.

        is_open: the order says that the link is open. If it is, it stays as if a cell had come: the server
        repeats such an order for a link that the other end holds.
        """
        stay_s = LINK_IDLE_S if is_open and self.state is LinkState.OPEN else FIRST_CELL_S
        self.kept_until = max(self.kept_until, _now() + stay_s)

    def used(self) -> None:
        """Stay for LINK_IDLE_S: a genuine cell went over this link. Anything else proves nothing (T-14)."""
        self.kept_until = _now() + LINK_IDLE_S

    def stands_still(self) -> bool:
        """Tell whether the other end confirms nothing of what was sent; to be asked about once a second."""
        now, unconfirmed = _now(), self._transport.unconfirmed
        if unconfirmed is None or unconfirmed != self._unconfirmed:
            self._stands_still_s = 0.0
        else:
            self._stands_still_s += min(now - self._looked_at, LOOK_COUNTS_S)
        self._looked_at, self._unconfirmed = now, unconfirmed
        return self._stands_still_s >= CONFIRMED_WITHIN_S

    async def offer(self) -> str:
        """Make the offer of a link in stock.

        Raises:
            TransportFailed: no offer could be made in time.
        """
        try:
            async with asyncio.timeout(DESCRIPTION_DEADLINE_S):
                return await self._transport.offer()
        except TimeoutError:
            raise TransportFailed("no offer could be made in time") from None

    def take(self, link: LinkId) -> None:
        """Somebody took our offer: wait for the answer under this link id."""
        self.link = link
        self.expect()
        self._feed(LinkEvent.TAKEN)

    def answer_offer(self, description: str) -> None:
        self._description = description
        self._feed(LinkEvent.OFFERED)

    def accept_answer(self, description: str) -> None:
        self._description = description
        self._feed(LinkEvent.ANSWERED)

    def drop(self) -> None:
        """Forget the link without a report: the server knows, or never knew."""
        self._feed(LinkEvent.DROPPED)

    def close(self) -> None:
        """End the link and report it."""
        self._feed(LinkEvent.CHANNEL_CLOSED)

    def send(self, frame: bytes) -> Sent:
        """Send a frame now or as soon as the link takes it."""
        if self.state is LinkState.CLOSED:
            return Sent.GONE
        if not self._has_space(frame):
            return Sent.DROPPED
        self._queue.append(frame)
        self._queued_by_hop[frame[:HOP_ID_BYTES]] += 1
        self._flush()
        return Sent.SENT

    def _has_space(self, frame: bytes) -> bool:
        hop = frame[:HOP_ID_BYTES]
        return len(self._queue) < QUEUED_FRAMES and self._queued_by_hop[hop] < QUEUED_FRAMES_PER_HOP

    def _flush(self) -> None:
        while (
            self._queue and self.state is LinkState.OPEN and self._transport.buffered_bytes < HIGH_WATER_BYTES
        ):
            frame = self._queue.popleft()
            self._uncount(frame[:HOP_ID_BYTES])
            try:
                self._transport.send(frame)
                self.used()
            except TransportFailed:
                self._feed(LinkEvent.CHANNEL_CLOSED)

    def _uncount(self, hop: bytes) -> None:
        self._queued_by_hop[hop] -= 1
        if not self._queued_by_hop[hop]:
            del self._queued_by_hop[hop]

    def _received(self, frame: bytes | str) -> None:
        if isinstance(frame, str) or len(frame) != LINK_FRAME_BYTES:
            self.close()
            return
        self._reports.received(self.link, frame)

    def _feed(self, event: LinkEvent) -> None:
        try:
            commands = self._machine.receive(event)
        except UnexpectedEvent as error:
            logger.info("a link had an event out of order: %s", error)
            return
        for command in commands:
            self._carry_out(command)

    def _carry_out(self, command: Do) -> None:
        actions: dict[Do, Callable[[], None]] = {
            Do.START_DEADLINE: self._start_deadline,
            Do.STOP_DEADLINE: self._stop_deadline,
            Do.MAKE_ANSWER: lambda: self._describe(self._make_answer()),
            Do.APPLY_ANSWER: lambda: self._describe(self._transport.accept(self._description)),
            Do.FLUSH: self._flush,
            Do.CLOSE: self._close,
            Do.REPORT_UP: lambda: self._reports.up(self.link),
            Do.REPORT_DOWN: lambda: self._reports.down(self.link),
        }
        actions[command]()

    def _start_deadline(self) -> None:
        self._deadline = asyncio.get_running_loop().call_later(
            SET_UP_DEADLINE_S, self._feed, LinkEvent.TIMED_OUT
        )

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()

    async def _make_answer(self) -> None:
        self._reports.answer(self.link, await self._transport.answer(self._description))

    def _describe(self, work: Awaitable[None]) -> None:
        self._tasks.spawn(self._described(work))

    async def _described(self, work: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(DESCRIPTION_DEADLINE_S):
                await work
        except (TransportFailed, TimeoutError):
            self._feed(LinkEvent.CHANNEL_CLOSED)

    def _close(self) -> None:
        self._stop_deadline()
        self._queue.clear()
        self._queued_by_hop.clear()
        self._reports.gone(self.link)
        self._tasks.spawn(self.closed())

    async def closed(self) -> None:
        """End the transport and wait until the other side can know."""
        try:
            async with asyncio.timeout(CLOSE_DEADLINE_S):
                await self._transport.close()
        except (TimeoutError, OSError):
            logger.info("a link did not close in time")


def _now() -> float:
    return asyncio.get_running_loop().time()
