"""What the outbox knows of the transaction for one contact, and when each of its waits ends. Pure.

Spec: docs/spec/outbox.md, section "Limits and timers"
"""

from dataclasses import dataclass, replace
from typing import Protocol

from p2p.protocol.ids import TransactionId
from peer_agent.outbound_table import RUNNING, Phase
from peer_agent.progress import WaitsFor

SILENCE_S = 150.0
# The server answers a repath at once, with `attempt_failed`; one that says nothing knows nothing.
REPATH_ANSWER_S = 10.0
COMPLETE_IDLE_S = 10.0
# Below what forwarders and server allow (10 s idle, 60 s in all): no cell meets a hop that has just ended.
PATH_IDLE_S = 8.0
PATH_AGE_S = 50.0
WAITS_FOR_CONTACT_S = 2.0
# What began just now may be missing from a snapshot that was taken a moment before.
SNAPSHOT_LAG_S = 5.0
FIRST_PAUSE_S = 1.0
LAST_PAUSE_S = 30.0
# Doublings after which the pause is the longest in any case.
MAX_FAILURES = 10


class Messages(Protocol):
    """What the transaction has to know of the messages that it carries."""

    def __bool__(self) -> bool:
        """Whether one has no receipt."""
        ...

    def overdue_at(self) -> float | None:
        """When the first message on its way will have waited too long; None if none is on its way."""
        ...


@dataclass(frozen=True, slots=True)
class State:
    """One transaction, or the pause between two. Times are in seconds.

    tx: the last one's id while none is running. attempt: the last that had a path, 0 for none.
    waits_for, forwarders: what is said of waiting messages. since: when the phase began. news_at: when the
    server or the receiver was last heard. used_at: when the path last took cells. asked_at: when another path
    was asked for, without an answer so far. failures: pauses since the last receipt.
    """

    phase: Phase = Phase.IDLE
    is_online: bool = False
    tx: TransactionId | None = None
    attempt: int = 0
    waits_for: WaitsFor = WaitsFor.PATH
    forwarders: int | None = None
    since: float = 0.0
    news_at: float = 0.0
    used_at: float = 0.0
    pause_until: float = 0.0
    asked_at: float | None = None
    failures: int = 0

    @property
    def running_tx(self) -> TransactionId | None:
        """The transaction that the server is asked for, or has."""
        return self.tx if self.phase in RUNNING else None

    def enter(self, phase: Phase, *, now: float) -> "State":
        """Begin a phase, or the same one again."""
        return replace(self, phase=phase, since=now, news_at=now, asked_at=None)

    @property
    def silent_at(self) -> float:
        """When the server will have said nothing for too long."""
        silent_at = self.news_at + SILENCE_S
        return silent_at if self.asked_at is None else min(silent_at, self.asked_at + REPATH_ANSWER_S)

    @property
    def late_at(self) -> float | None:
        """When a path that does not come means that the contact is away; None if that was said."""
        return self.since + WAITS_FOR_CONTACT_S if self.waits_for is WaitsFor.PATH else None

    @property
    def worn_at(self) -> float:
        """When the path will be too old, or unused for too long, for another message."""
        return min(self.since + PATH_AGE_S, self.used_at + PATH_IDLE_S)

    @property
    def unused_at(self) -> float:
        """When a path without messages will have been kept for long enough."""
        return self.used_at + COMPLETE_IDLE_S

    def due_at(self, messages: Messages) -> float | None:
        """When time alone may change something; None for never."""
        if self.phase is Phase.PAUSED:
            return self.pause_until if self.is_online and messages else None
        if self.phase is Phase.WAITING:
            silent_at = self.silent_at if self.is_online else None
            return silent_at if self.late_at is None else self.late_at
        if self.phase is Phase.OPEN:
            return messages.overdue_at() or (self.worn_at if messages else self.unused_at)
        return None


def pause_s(failures: int, jitter: float) -> float:
    """How long to leave the server alone; half of it is random."""
    return min(FIRST_PAUSE_S * 2.0**failures, LAST_PAUSE_S) * (0.5 + jitter / 2)
