"""The command `forward`: carry other people's cells, and show how many."""

import sys
import time
from argparse import Namespace
from dataclasses import dataclass, field

from rich.console import Console
from rich.live import Live
from rich.table import Table

from p2p.protocol.fields import b64_text
from peer_agent.cli_history import says_what_waits
from peer_agent.cli_output import Output
from peer_agent.config import Config
from peer_agent.events import (
    CellsPassed,
    Event,
    HopEnded,
    HopReady,
    LinkClosed,
    LinkOpened,
    Online,
    SessionClosed,
)
from peer_agent.peer import Peer

SHOWN_HOPS = 12
REFRESH_PER_S = 4


@dataclass(slots=True)
class Tally:
    """What a forwarder has seen so far; nothing in it says who the ends are."""

    is_online: bool = False
    links: set[bytes] = field(default_factory=set)
    hops: dict[tuple[bytes, bytes], tuple[str, int]] = field(default_factory=dict)
    cells: int = 0

    def take(self, event: Event, clock: str) -> None:
        """Count an event."""
        if isinstance(event, Online | SessionClosed):
            self.is_online = isinstance(event, Online)
        elif isinstance(event, LinkOpened):
            self.links.add(event.link)
        elif isinstance(event, LinkClosed):
            self.links.discard(event.link)
        elif isinstance(event, HopReady):
            self.hops[event.incoming, event.outgoing] = (clock, 0)
            while len(self.hops) > SHOWN_HOPS:
                del self.hops[next(iter(self.hops))]
        elif isinstance(event, CellsPassed | HopEnded):
            self._count(event.incoming, event.outgoing, event.cells)

    def table(self) -> Table:
        """The picture for a terminal."""
        state = "online" if self.is_online else "connecting"
        table = Table(title=f"forwarding · {state} · {len(self.links)} links · {self.cells} cells")
        for heading in ("since", "in", "out", "cells"):
            table.add_column(heading, justify="right" if heading == "cells" else "left")
        for (incoming, outgoing), (since, cells) in self.hops.items():
            table.add_row(since, b64_text(incoming), b64_text(outgoing), str(cells))
        return table

    def _count(self, incoming: bytes, outgoing: bytes, cells: int) -> None:
        since, before = self.hops.get((incoming, outgoing), ("", 0))
        self.cells += max(0, cells - before)
        if since:
            self.hops[incoming, outgoing] = (since, cells)


async def forward(options: Namespace, config: Config, output: Output) -> None:
    """Carry cells until stopped."""
    tally = Tally()
    async with Peer(config) as peer, says_what_waits(peer, output), peer.events() as events:
        if output.is_json or not sys.stdout.isatty():
            async for timed in events:
                output.event(timed)
                _say_changes(tally, timed.event, output)
            return
        with Live(tally.table(), console=Console(), refresh_per_second=REFRESH_PER_S) as live:
            async for timed in events:
                tally.take(timed.event, time.strftime("%H:%M:%S", time.localtime(timed.time)))
                live.update(tally.table())


def _say_changes(tally: Tally, event: Event, output: Output) -> None:
    was_online = tally.is_online
    tally.take(event, "")
    if tally.is_online != was_online and not output.is_json:
        output.result("", "forwarding" if tally.is_online else "connection lost, trying again")
