"""The one transaction that carries the messages for one contact: start, send, ask again, end. Pure.

Time in seconds and randomness are passed in; what comes back is a list of steps to carry out, in order.

Spec: docs/spec/agent.md, section "Outbox"
"""

from collections.abc import Callable, Mapping
from enum import StrEnum

from p2p.protocol.ids import TransactionId
from p2p.protocol.words import EndState, TransactionState
from peer_agent.flight import Flight
from peer_agent.progress import AskRepath, End, MessageState, Start, Step, Tell, WaitsFor

SILENCE_S = 150.0
# The server answers a repath at once, with `attempt_failed`; one that says nothing knows nothing.
REPATH_ANSWER_S = 10.0
COMPLETE_IDLE_S = 10.0
# Below what forwarders and server allow (10 s idle, 60 s in all): no cell meets a hop that has just ended.
PATH_IDLE_S = 8.0
PATH_AGE_S = 50.0
WAITS_FOR_CONTACT_S = 2.0
SNAPSHOT_LAG_S = 5.0
FIRST_PAUSE_S = 1.0
LAST_PAUSE_S = 30.0


class Phase(StrEnum):
    """Where the transaction is."""

    IDLE = "idle"
    STARTING = "starting"
    WAITING = "waiting"
    OPEN = "open"
    PAUSED = "paused"


class Outbound:
    """What has to be done, and when, until every message for one contact has its receipt."""

    def __init__(self, new_tx: Callable[[], TransactionId], jitter: Callable[[], float]) -> None:
        """Take the edges: ids for transactions, and random numbers from 0 to 1."""
        self.phase = Phase.IDLE
        self.tx: TransactionId | None = None
        self.attempt = 0
        self.flight = Flight()
        self._new_tx = new_tx
        self._jitter = jitter
        self._is_online = False
        self._lost_attempt = 0
        self._since = self._news_at = self._used_at = self._pause_until = 0.0
        self._asked_at: float | None = None
        self._failures = 0
        self._waits_for = WaitsFor.PATH
        self._forwarders: int | None = None

    def queue(self, number: int, *, now: float) -> list[Step]:
        """A message was stored; it goes out after those before it."""
        self.flight.add(number)
        return [Tell(number, MessageState.QUEUED, 0), *self.tick(now=now)]

    def online(self, is_online: bool, *, now: float) -> list[Step]:
        """The session socket came or went."""
        self._is_online = is_online
        return self.tick(now=now)

    def contact_online(self, *, now: float) -> list[Step]:
        """The contact came online: no reason to wait any longer."""
        self._pause_until = now
        return self.tick(now=now)

    def started(self, tx: TransactionId, *, now: float) -> list[Step]:
        """The server took the transaction."""
        if tx != self.tx or self.phase is not Phase.STARTING:
            return []
        self._enter(Phase.WAITING, now)
        return self.tick(now=now)

    def start_failed(self, tx: TransactionId, *, now: float, at_least_s: float = 0.0) -> list[Step]:
        """The server could not take it, and wants to be left alone for a while."""
        if tx != self.tx or self.phase is not Phase.STARTING:
            return []
        self._pause(now, at_least_s=at_least_s)
        return self.tick(now=now)

    def path_ready(self, tx: TransactionId, attempt: int, *, now: float) -> list[Step]:
        """There is a path; whatever has no receipt goes over it."""
        is_open = self.phase is Phase.OPEN and attempt <= self.attempt
        if tx != self.tx or attempt <= self._lost_attempt or is_open:
            return []
        self.attempt = attempt
        self.flight.begin(attempt)
        self._forwarders, self._waits_for = None, WaitsFor.PATH
        self._used_at = now
        self._enter(Phase.OPEN, now)
        return [*self.flight.tell_first(MessageState.PATH)]

    def attempt_failed(
        self, tx: TransactionId, attempt: int, *, now: float, forwarders: int | None = None
    ) -> list[Step]:
        """The path is gone, or none could be found yet; the server goes on by itself."""
        if tx != self.tx or attempt < self.attempt:
            return []
        if not self.flight:
            # Everything has its receipt: the server need not look for another path.
            return self._finish(now)
        self._waits_for = WaitsFor.PATH if forwarders is None else WaitsFor.FORWARDERS
        self._forwarders = forwarders
        return self._lose(now)

    def let_go(self, tx: TransactionId, attempt: int, *, now: float) -> list[Step]:
        """The path was not used for long enough, and no other follows by itself."""
        if tx != self.tx or attempt < self.attempt:
            return []
        return [End(tx), *self._start(now)] if self.flight else self._finish(now)

    def ended(self, tx: TransactionId, state: EndState, *, now: float) -> list[Step]:
        """The server has ended the transaction."""
        if tx != self.tx or self.phase in (Phase.IDLE, Phase.PAUSED):
            return []
        if state is EndState.COMPLETED or not self.flight:
            self._enter(Phase.IDLE, now)
        else:
            self._pause(now)
        return [*self._tell_waiting(), *self.tick(now=now)]

    def receipted(self, number: int, *, now: float) -> list[Step]:
        """A verified receipt came, over whichever attempt."""
        attempt = self.flight.remove(number)
        if attempt is None:
            return []
        self._failures = 0
        self._news_at = now
        return [Tell(number, MessageState.DELIVERED, attempt), *self.tick(now=now)]

    def credited(self, number: int, index: int, *, now: float) -> None:
        """Cells of a message up to an index have arrived on the present attempt."""
        if self.flight.credited(number, index, now=now):
            self._news_at = now

    def snapshot(
        self, listed: Mapping[TransactionId, tuple[TransactionState, int]], *, now: float
    ) -> list[Step]:
        """Follow the server's word on which transactions there are."""
        # What began just now may be missing from a snapshot that was taken a moment before.
        if self.tx is None or self.phase not in _AT_SERVER or now - self._since < SNAPSHOT_LAG_S:
            return []
        if self.tx not in listed:
            return self.ended(self.tx, EndState.FAILED, now=now)
        self._news_at, self._asked_at = now, None
        state, attempt = listed[self.tx]
        is_ours = self.phase is Phase.OPEN and state is TransactionState.OPEN and attempt <= self.attempt
        if is_ours or attempt == 0 or not self.flight or state is TransactionState.FINDING:
            return []
        # A frame got lost, with a path's keys or with its end. Another path mends both.
        told = self._lose(now) if self.phase is Phase.OPEN else []
        return [*self._ask(attempt, now), *told]

    def store_lost(self, *, now: float) -> list[Step]:
        """The server has forgotten every transaction."""
        if self.phase not in _AT_SERVER:
            return []
        return self._start(now) if self.flight and self._is_online else self._finish(now)

    def block(self) -> list[Step]:
        """Keys do not match: nothing goes out any more."""
        ending: list[Step] = [] if self.tx is None else [End(self.tx)]
        told = self.flight.tell_all(MessageState.BLOCKED)
        self.flight.clear()
        self.tx, self.phase = None, Phase.IDLE
        return [*ending, *told]

    def next_to_send(self, *, now: float) -> tuple[int, int] | None:
        """The message to send next, and the first of its cells that is still to go."""
        if self.phase is not Phase.OPEN:
            return None
        return self.flight.next_to_send(takes_new=self._takes_new(now))

    def sent(self, number: int, *, until: int, total: int, now: float) -> list[Step]:
        """Cells of a message were handed to the first link, up to but not including `until`."""
        self._used_at = now
        return [*self.flight.sent(number, until=until, total=total, now=now)]

    def tick(self, *, now: float) -> list[Step]:
        """Do what is due."""
        if self.phase is Phase.WAITING:
            return self._tick_waiting(now)
        if self.phase is Phase.OPEN:
            return self._tick_open(now)
        if self.phase is Phase.PAUSED and now < self._pause_until:
            return []
        if self.phase in (Phase.IDLE, Phase.PAUSED) and self.flight and self._is_online:
            return self._start(now)
        return []

    def next_at(self) -> float | None:
        """When `tick` may have something to do, if nothing happens before; None for never."""
        if self.phase is Phase.PAUSED:
            return self._pause_until if self._is_online and self.flight else None
        if self.phase is Phase.WAITING:
            if self._waits_for is WaitsFor.PATH:
                return self._since + WAITS_FOR_CONTACT_S
            return self._silent_at() if self._is_online else None
        if self.phase is Phase.OPEN:
            return self.flight.overdue_at() or self._closes_at()
        return None

    def _tick_waiting(self, now: float) -> list[Step]:
        if now >= self._silent_at() and self._is_online:
            return self._start(now) if self.flight else self._finish(now)
        if self._waits_for is WaitsFor.PATH and now - self._since >= WAITS_FOR_CONTACT_S:
            self._waits_for = WaitsFor.CONTACT
            return self._tell_waiting()
        return []

    def _tick_open(self, now: float) -> list[Step]:
        assert self.tx is not None  # noqa: S101  a path belongs to a transaction
        overdue_at = self.flight.overdue_at()
        if overdue_at is not None:
            if now < overdue_at:
                return []
            told = self._lose(now)
            return [*self._ask(self.attempt, now), *told]
        if self.flight and not self._takes_new(now):
            return [End(self.tx), *self._start(now)]
        return self._finish(now) if not self.flight and now >= self._closes_at() else []

    def _silent_at(self) -> float:
        """When the server will have said nothing for too long."""
        silent_at = self._news_at + SILENCE_S
        return silent_at if self._asked_at is None else min(silent_at, self._asked_at + REPATH_ANSWER_S)

    def _closes_at(self) -> float:
        """When an open path without a cell on its way is of no more use."""
        if not self.flight:
            return self._used_at + COMPLETE_IDLE_S
        return min(self._since + PATH_AGE_S, self._used_at + PATH_IDLE_S)

    def _finish(self, now: float) -> list[Step]:
        ending: list[Step] = [] if self.tx is None else [End(self.tx)]
        self._enter(Phase.IDLE, now)
        return ending

    def _ask(self, attempt: int, now: float) -> list[Step]:
        assert self.tx is not None  # noqa: S101  there is one to ask for
        self._asked_at = now
        return [AskRepath(self.tx, attempt)]

    def _lose(self, now: float) -> list[Step]:
        """The present attempt is over, or the next one is late."""
        self._lost_attempt = self.attempt
        self._enter(Phase.WAITING, now)
        return self._tell_waiting()

    def _start(self, now: float) -> list[Step]:
        self.tx = self._new_tx()
        self.attempt = self._lost_attempt = 0
        self.flight.begin(0)
        self._forwarders, self._waits_for = None, WaitsFor.PATH
        self._enter(Phase.STARTING, now)
        return [Start(self.tx), *self._tell_waiting()]

    def _pause(self, now: float, *, at_least_s: float = 0.0) -> None:
        longest_s = min(FIRST_PAUSE_S * 2**self._failures, LAST_PAUSE_S)
        self._failures = min(self._failures + 1, 10)
        self._pause_until = now + max(at_least_s, longest_s * (0.5 + self._jitter() / 2))
        self._enter(Phase.PAUSED, now)

    def _enter(self, phase: Phase, now: float) -> None:
        self.phase = phase
        self._since = self._news_at = now
        self._asked_at = None
        if phase in (Phase.IDLE, Phase.PAUSED):
            self.tx = None

    def _takes_new(self, now: float) -> bool:
        return now < min(self._since + PATH_AGE_S, self._used_at + PATH_IDLE_S)

    def _tell_waiting(self) -> list[Step]:
        return [*self.flight.tell_all(MessageState.WAITING, self._waits_for, self._forwarders)]


_AT_SERVER = (Phase.WAITING, Phase.OPEN)
