"""The picture of a message's path, joined from ada's and the forwarders' own events. Nobody else knows it.

ada's events name the hop ids of her path in order, a forwarder's the two hop ids it joins. Where they meet
is its place.
"""

from dataclasses import dataclass, field
from typing import Any

from rich.align import Align
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

Event = dict[str, Any]

SENDER = "ada"
RECEIVER = "bo"
PLACES = 5
LINKS_OPEN = {False: "link open", True: "links open"}
STEPS = {
    "queued": "message accepted: it is on ada's disk",
    "waiting": "transaction started, waiting for a path",
    "path": "path found; only ada has its keys and hop ids",
    "sent": "wrapped in four layers; leaves when the first link is open",
    "delivered": "delivered: bo's receipt verified",
    "blocked": "not sent: bo's keys have changed",
}


@dataclass
class Moment:
    """One line of the timeline."""

    time: float
    who: str
    what: str


@dataclass
class PathPicture:
    """What has been learned so far of one message's way."""

    hops: list[str] = field(default_factory=list)
    all_hops: set[str] = field(default_factory=set)
    attempt: int = 0
    joins: dict[tuple[str, str], str] = field(default_factory=dict)
    passed: dict[tuple[str, str], float] = field(default_factory=dict)
    links: dict[str, list[float]] = field(default_factory=dict)
    moments: list[Moment] = field(default_factory=list)
    delivered: bool = False
    received_at: float | None = None

    def hear(self, who: str, event: Event) -> None:
        """Take one event of one agent; events that tell nothing of the path change nothing."""
        match event["event"]:
            case "hop_ready":
                self.joins[event["incoming"], event["outgoing"]] = who
            case "cells_passed":
                self.joins[event["incoming"], event["outgoing"]] = who
                self.passed.setdefault((event["incoming"], event["outgoing"]), event["time"])
            case "link_opened":
                self.links.setdefault(who, []).append(event["time"])
            case "message_progress" if who == SENDER:
                self._progress(event)
            case "message_received" if who == RECEIVER and self.received_at is None:
                self.received_at = event["time"]

    def _progress(self, event: Event) -> None:
        self.all_hops |= set(event["hops"])
        if event["hops"]:
            self.hops, self.attempt = event["hops"], event["attempt"]
        self.delivered = self.delivered or event["state"] == "delivered"
        self.moments.append(Moment(event["time"], SENDER, _said(event)))

    @property
    def forwarders(self) -> list[str]:
        """Names of the forwarders on the path, in order, as far as they are known."""
        return [name for name in map(self.joins.get, self._inner_joins) if name]

    @property
    def timeline(self) -> list[Moment]:
        """Everything about this message in order of time."""
        cells = [
            Moment(self.passed[join], self.joins[join], "peeled its layer and passed the cell on")
            for join in self._inner_joins
            if join in self.passed
        ]
        received = (
            [Moment(self.received_at, RECEIVER, "message decrypted and committed")]
            if self.received_at
            else []
        )
        return sorted(
            [*self.moments, *self._opened_links(), *cells, *received], key=lambda moment: moment.time
        )

    def _opened_links(self) -> list[Moment]:
        """When everybody on the path had the last of their links open; links that are reused are silent."""
        if not self.moments:
            return []
        since = self.moments[0].time
        until = self.received_at or float("inf")
        opened = {
            who: [time for time in self.links.get(who, []) if since <= time <= until]
            for who in (SENDER, *self.forwarders, RECEIVER)
        }
        return [Moment(max(times), who, LINKS_OPEN[len(times) > 1]) for who, times in opened.items() if times]

    @property
    def _inner_joins(self) -> list[tuple[str, str]]:
        return list(zip(self.hops, self.hops[1:], strict=False))

    def __rich__(self) -> RenderableType:
        return Group(
            Panel(Align.center(self._chain()), title="the path of this message", padding=(1, 2)),
            self._table(),
        )

    def _chain(self) -> Text:
        between = [(self.joins.get(join, "?"), join in self.passed) for join in self._inner_joins]
        between += [("?", False)] * (PLACES - 2 - len(between))
        chain = Text()
        for place, (name, is_lit) in enumerate(
            [(SENDER, True), *between, (RECEIVER, self.received_at is not None)]
        ):
            if place:
                chain.append(" ━━▶ " if is_lit else " ──▷ ", style="green" if is_lit else "dim")
            chain.append(f" {name} ", style="bold reverse green" if is_lit else "reverse dim")
        return chain

    def _table(self) -> Table:
        table = Table(box=None, padding=(0, 2), show_header=False)
        table.add_column(justify="right", style="cyan")
        table.add_column(style="bold")
        table.add_column()
        timeline = self.timeline
        start = timeline[0].time if timeline else 0.0
        for moment in timeline:
            table.add_row(f"{(moment.time - start) * 1_000:,.0f} ms", moment.who, moment.what)
        return table


def _said(event: Event) -> str:
    attempt = f", attempt {event['attempt']}" if event["attempt"] > 1 else ""
    return f"{_step(event)}{attempt}"


def _step(event: Event) -> str:
    match event["state"], event["waits_for"]:
        case "waiting", "contact":
            return f"waiting: {RECEIVER} is not reachable yet"
        case "waiting", "forwarders":
            return f"waiting for forwarders, {event['forwarders']} of {PLACES - 2}"
    return STEPS[event["state"]]
