"""The command `forward`: carry other people's cells, and show how many."""

import sys
import time
from argparse import Namespace
from collections.abc import AsyncIterable
from dataclasses import dataclass, field

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from p2p.protocol.fields import b64_text
from peer_agent.cli_connection import Connection
from peer_agent.cli_history import says_what_waits
from peer_agent.cli_listen import sentence_of
from peer_agent.cli_output import Output
from peer_agent.config import Config
from peer_agent.events import CellsPassed, Event, HopEnded, LinkClosed, LinkOpened, TimedEvent
from peer_agent.peer import Peer

SHOWN_HOPS = 12
REFRESH_PER_S = 4


@dataclass(slots=True)
class Tally:
    """What a forwarder has seen so far; nothing in it says who the ends are."""

    connection: Connection = field(default_factory=Connection)
    links: set[bytes] = field(default_factory=set)
    hops: dict[tuple[bytes, bytes], tuple[str, int]] = field(default_factory=dict)
    hop_count: int = 0
    cells: int = 0
    _counted: dict[tuple[bytes, bytes], int] = field(default_factory=dict)

    def take(self, event: Event, clock: str) -> bool:
        """Count an event; tells whether the connection has changed by it."""
        if isinstance(event, LinkOpened):
            self.links.add(event.link)
        elif isinstance(event, LinkClosed):
            self.links.discard(event.link)
        elif isinstance(event, CellsPassed):
            # Not at the order: those for standing links come again and again, and lead to no cell.
            self._show(event, clock)
            self._count(event)
        elif isinstance(event, HopEnded):
            self._count(event)
        return self.connection.changes_by(event)

    @property
    def state(self) -> str:
        """Whether it forwards now, in a word or a sentence."""
        return self.connection.trouble or "forwarding"

    @property
    def total(self) -> str:
        """All of it in one sentence."""
        return f"Passed on {_counted(self.cells, 'cell')} of {_counted(self.hop_count, 'path')}."

    def picture(self) -> RenderableType:
        """The picture for a terminal: one line, and the latest hops below it once there are some."""
        counts = f"{_counted(len(self.links), 'link')} · {_counted(self.cells, 'cell')}"
        line = Text(f"{self.state} · {counts}", no_wrap=True, overflow="ellipsis")
        if not self.hops:
            return line
        table = Table()
        for heading in ("since", "in", "out", "cells"):
            table.add_column(heading, justify="right" if heading == "cells" else "left")
        for (incoming, outgoing), (since, cells) in self.hops.items():
            table.add_row(since, b64_text(incoming), b64_text(outgoing), str(cells))
        return Group(line, table)

    def _show(self, event: CellsPassed, clock: str) -> None:
        self.hop_count += 1
        self.hops[event.incoming, event.outgoing] = (clock, 0)
        while len(self.hops) > SHOWN_HOPS:
            del self.hops[next(iter(self.hops))]

    def _count(self, event: CellsPassed | HopEnded) -> None:
        hop = event.incoming, event.outgoing
        self.cells += event.cells - self._counted.pop(hop, 0)
        if isinstance(event, CellsPassed):
            self._counted[hop] = event.cells
        if hop in self.hops:
            self.hops[hop] = (self.hops[hop][0], event.cells)


async def forward(options: Namespace, config: Config, output: Output) -> None:
    """Carry other people's cells until stopped."""
    tally = Tally()
    async with (
        Peer(config) as peer,
        output.beside(),
        says_what_waits(peer, output),
        peer.watching() as events,
    ):
        if sys.stdout.isatty() and not output.is_json:
            await _draw(events, tally)
            return
        try:
            await write_lines(events, tally, output)
        finally:
            if not output.is_json:
                await output.tell_last("", tally.total)


async def _draw(events: AsyncIterable[TimedEvent], tally: Tally) -> None:
    with Live(tally.picture(), console=Console(), refresh_per_second=REFRESH_PER_S) as live:
        async for timed in events:
            tally.take(timed.event, time.strftime("%H:%M:%S", time.localtime(timed.time)))
            if sentence := sentence_of(timed.event):
                live.console.print(Text(sentence))
            live.update(tally.picture())


async def write_lines(events: AsyncIterable[TimedEvent], tally: Tally, output: Output) -> None:
    """Write each event; for people a line whenever something changes, and what they have to know."""
    async for timed in events:
        state = [tally.state] if tally.take(timed.event, "") else []
        sentence = sentence_of(timed.event)
        await output.tell(timed, *state, *([] if sentence is None else [sentence]))


def _counted(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
