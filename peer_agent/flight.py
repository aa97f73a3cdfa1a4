"""Which cells of which messages are on their way over a path, and how long they may take. Pure.

Spec: docs/spec/cells.md, section "Sender must", and docs/spec/outbox.md
"""

from collections.abc import Iterator
from dataclasses import dataclass

from p2p.protocol.cells import FIRST_WINDOW, WINDOW
from peer_agent.progress import (
    Begin,
    Clear,
    FlightCommand,
    MessageState,
    Tell,
    TellAll,
    TellFirst,
    WaitsFor,
)

RECEIPT_S = 10.0
# The server times the first message of an attempt; this side steps in when its word is lost.
FIRST_RECEIPT_S = 11.0


@dataclass(slots=True)
class _Item:
    """One message: how much of it went out on which attempt, and since when it waits for news.

    run: counts attempts over all transactions; `attempt` begins anew with each transaction. first_run: the
    run on which its first cell went out.
    """

    number: int
    run: int = 0
    first_run: int = 0
    attempt: int = 0
    sent: int = 0
    total: int = 0
    credited: int = 0
    news_at: float = 0.0
    is_first: bool = False
    told: Tell | None = None

    def tell(self, state: MessageState, waits_for: WaitsFor | None, forwarders: int | None) -> Iterator[Tell]:
        said = Tell(self.number, state, self.attempt, waits_for, forwarders)
        if said != self.told:
            self.told = said
            yield said


class Flight:
    """The messages for one contact, in the order they were written, and how far each is."""

    def __init__(self) -> None:
        self._items: dict[int, _Item] = {}
        self._attempt = 0
        self._run = 0
        # Whether cells of this run are known to have arrived.
        self._is_proven = False

    def __bool__(self) -> bool:
        return bool(self._items)

    def add(self, number: int) -> None:
        """Take a message; it goes after all others."""
        self._items[number] = _Item(number)

    def has(self, number: int) -> bool:
        """Tell whether a message is here."""
        return number in self._items

    def remove(self, number: int) -> int | None:
        """Let a message go; returns the attempt it went over, None if it is not here."""
        item = self._items.pop(number, None)
        if item is None:
            return None
        # One that went over another path before may have its receipt from there.
        self._is_proven = self._is_proven or item.first_run == self._run > 0
        return item.attempt

    def follow(self, command: FlightCommand) -> list[Tell]:
        """Do what a command says of all messages; returns what is to be reported."""
        match command:
            case Begin(attempt):
                self._attempt = attempt
                self._run += 1
                self._is_proven = False
                return []
            case TellFirst(state):
                first = next(iter(self._items.values()), None)
                return [] if first is None else [Tell(first.number, state, self._attempt)]
            case TellAll(state, waits_for, forwarders):
                items = self._items.values()
                return [said for item in items for said in item.tell(state, waits_for, forwarders)]
            case Clear():
                self._items.clear()
                return []

    @property
    def is_flying(self) -> bool:
        """Whether a cell is on its way that nobody has confirmed."""
        return any(self._flying())

    @property
    def capacity(self) -> int:
        """How many cells the window has left: all streams of a path share it."""
        window = WINDOW if self._is_proven else FIRST_WINDOW
        return window - sum(item.sent - item.credited for item in self._flying())

    def next_to_send(self, *, takes_new: bool) -> tuple[int, int] | None:
        """The message to send next, and the first of its cells that is still to go."""
        if self.capacity <= 0:
            return None
        for item in self._items.values():
            if item.run != self._run:
                return (item.number, 0) if takes_new else None
            if item.sent < item.total:
                return item.number, item.sent
        return None

    def sent(self, number: int, *, until: int, total: int, now: float) -> list[Tell]:
        """Cells of a message went out, up to but not including `until`."""
        item = self._items[number]
        if item.run != self._run:
            item.is_first = not self.is_flying
            item.run, item.attempt, item.credited = self._run, self._attempt, 0
            item.first_run = item.first_run or self._run
        item.sent, item.total, item.news_at = until, total, now
        return list(item.tell(MessageState.SENT, None, None)) if until == total else []

    def credited(self, number: int, index: int, *, now: float) -> bool:
        """Cells up to an index have arrived; tells whether that is news."""
        item = self._items.get(number)
        if item is None or item.run != self._run or not item.credited <= index < item.sent:
            return False
        item.credited, item.news_at = index + 1, now
        self._is_proven = True
        return True

    def overdue_at(self) -> float | None:
        """When the first message on its way will have waited too long for a receipt."""
        return min((item.news_at + _patience_s(item) for item in self._flying()), default=None)

    def _flying(self) -> Iterator[_Item]:
        """Messages with a cell on its way. Those of the present run come first, however many wait behind."""
        for item in self._items.values():
            if item.run != self._run:
                return
            if item.sent > item.credited:
                yield item


def _patience_s(item: _Item) -> float:
    return FIRST_RECEIPT_S if item.is_first else RECEIPT_S
