"""Links to contacts themselves, kept apart from those of paths: no path may use them, no server lists them.

Spec: docs/spec/direct.md
"""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from p2p.protocol.cells import LinkFrame, direct_payload
from p2p.protocol.errors import CellError
from p2p.protocol.ids import LINK_ID_BYTES, HopId, LinkId
from p2p.protocol.link import LinkState
from peer_agent.events import Event, LinkClosed, LinkOpened
from peer_agent.link_end import LinkEnd, LinkReports, Sent
from peer_agent.rtc import TransportFactory, TransportFailed
from peer_agent.tasks import Tasks

MAX_DIRECT_LINKS = 32
# Of each direction one that is used, and one that takes its place.
MAX_LINKS_OF_CONTACT = 4


@dataclass(frozen=True, slots=True)
class DirectEdges:
    """Where payloads go that came in over a hop, where the loss of an outgoing one is told, and events."""

    receive: Callable[[HopId, bytes], None]
    lost: Callable[[HopId], None]
    report: Callable[[Event], None]


@dataclass(slots=True)
class _Line:
    """One link and whose it is. hop: where cells go or come from, known once offer and answer are there.

    answered: takes our description, of a link that the contact offered.
    """

    end: LinkEnd
    contact: int
    hop: HopId | None = None
    answered: Callable[[str], None] | None = None
    has_opened: bool = False


class DirectLinks:
    """Every direct link of this device."""

    def __init__(self, tasks: Tasks, edges: DirectEdges) -> None:
        self._tasks = tasks
        self._edges = edges
        self._make: TransportFactory | None = None
        self._lines: dict[LinkId, _Line] = {}

    def use(self, make: TransportFactory) -> None:
        """Take the transports of a welcome."""
        self._make = make

    async def offer(self, contact: int) -> tuple[LinkId, str]:
        """Begin a link to a contact; returns its id here and the description to offer.

        Raises:
            TransportFailed: there is no network yet, or no offer could be made in time.
        """
        link, line = self._new_line(LinkState.STOCK, contact)
        try:
            return link, await line.end.offer()
        except TransportFailed:
            self.close(link)
            raise

    def accept(self, link: LinkId, hop: HopId, description: str) -> None:
        """Use the answer to an offer: it was proved to be the contact's."""
        line = self._lines.get(link)
        if line is not None and line.end.state is LinkState.STOCK:
            line.hop = hop
            line.end.take(link)
            line.end.accept_answer(description)

    def answer(self, contact: int, hop: HopId, description: str, answered: Callable[[str], None]) -> LinkId:
        """Answer a contact's offer, which was proved to be its own; `answered` gets our description.

        Raises:
            TransportFailed: there is no network yet.
        """
        link, line = self._new_line(LinkState.ORDERED, contact)
        line.hop, line.answered = hop, answered
        line.end.answer_offer(description)
        return link

    def send(self, link: LinkId, frame: bytes) -> bool:
        """Send a frame; tells whether the link took it."""
        line = self._lines.get(link)
        return line is not None and line.end.send(frame) is Sent.SENT

    def close(self, link: LinkId) -> None:
        """End a link from this side."""
        line = self._lines.get(link)
        if line is not None:
            line.end.drop()

    def close_all_of(self, contact: int) -> None:
        """End every link with a contact, offered ones too: there is no consent any more."""
        for line in tuple(self._lines.values()):
            if line.contact == contact:
                line.end.drop()

    def close_idle(self) -> None:
        """End links over which nothing came for a while: their other end died without a word."""
        now = asyncio.get_running_loop().time()
        for line in tuple(self._lines.values()):
            if now > line.end.kept_until:
                line.end.drop()

    def drop_all(self) -> None:
        """Forget every link: the server has forgotten their hops."""
        for line in tuple(self._lines.values()):
            line.end.drop()

    async def close_all(self) -> None:
        """End all links, so that contacts learn it at once and not by a timeout."""
        ends = [line.end for line in self._lines.values()]
        self.drop_all()
        await asyncio.gather(*(end.closed() for end in ends))

    def _new_line(self, state: LinkState, contact: int) -> tuple[LinkId, _Line]:
        if self._make is None:
            raise TransportFailed("there is no network yet")
        # First the contact's own: whoever offers many displaces nobody else's (T-14).
        self._make_space(
            [each for each in self._lines.values() if each.contact == contact], MAX_LINKS_OF_CONTACT
        )
        self._make_space(list(self._lines.values()), MAX_DIRECT_LINKS)
        link = LinkId(secrets.token_bytes(LINK_ID_BYTES))
        # A link is gone before it is told to be down.
        lost: Callable[[LinkId], None] = lambda _: self._down(line)  # noqa: E731  the line is made below
        reports = LinkReports(self._up, lost, self._gone, self._answered, self._received)
        line = self._lines[link] = _Line(LinkEnd(self._make, reports, self._tasks, state, link), contact)
        return link, line

    def _make_space(self, lines: list[_Line], most: int) -> None:
        """End the links that have the least time left, until there is space for one more."""
        by_age = sorted(lines, key=lambda line: line.end.kept_until)
        for line in by_age[: max(0, len(lines) - most + 1)]:
            line.end.drop()

    def _up(self, link: LinkId) -> None:
        self._lines[link].has_opened = True
        self._edges.report(LinkOpened(link))

    def _down(self, line: _Line) -> None:
        if line.hop is not None and line.answered is None:
            self._edges.lost(line.hop)

    def _gone(self, link: LinkId) -> None:
        line = self._lines.pop(link, None)
        if line is not None and line.has_opened:
            self._edges.report(LinkClosed(link))

    def _answered(self, link: LinkId, description: str) -> None:
        line = self._lines.get(link)
        if line is not None and line.answered is not None:
            line.answered(description)

    def _received(self, link: LinkId, raw: bytes) -> None:
        """Take a frame of the right size that came in for the hop this link was answered for."""
        line, frame = self._lines.get(link), LinkFrame.unpack(raw)
        if line is None or line.answered is None or frame.hop != line.hop:
            return
        try:
            payload = direct_payload(frame.cell)
        except CellError:
            return
        line.end.expect()
        self._edges.receive(frame.hop, payload)
