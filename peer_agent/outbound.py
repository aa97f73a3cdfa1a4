"""The way out for the messages for one contact: which cells may go, and what to ask of the server. Pure.

Feed it events, carry out the steps that it returns, in order. Time in seconds and randomness are passed in.

Spec: docs/spec/outbox.md
"""

from p2p.protocol.ids import TransactionId
from peer_agent.flight import Flight
from peer_agent.outbound_events import (
    CellsCredited,
    CellsSent,
    Event,
    MessageQueued,
    MessageReceipted,
    OfMessage,
    TimePassed,
)
from peer_agent.outbound_state import State
from peer_agent.outbound_step import Chance, step
from peer_agent.outbound_table import Phase
from peer_agent.progress import FlightCommand, MessageState, Step, Tell

LATER = TimePassed()
MAKE_NOTHING_DUE = (TimePassed, CellsSent, CellsCredited)


class Outbound:
    """The state of the transaction, beside the messages that it carries."""

    def __init__(self, chance: Chance) -> None:
        self.state = State()
        self.flight = Flight()
        self._chance = chance

    @property
    def tx(self) -> TransactionId | None:
        """The transaction that runs now."""
        return self.state.running_tx

    @property
    def path(self) -> tuple[TransactionId, int] | None:
        """The transaction and the attempt that have a path; None while there is none."""
        state = self.state
        return (state.tx, state.attempt) if state.phase is Phase.OPEN and state.tx is not None else None

    def receive(self, event: Event, *, now: float) -> list[Step]:
        """Advance by one event, and do what is due by then."""
        steps: list[Step] = []
        if isinstance(event, OfMessage):
            told = self._advance_message(event, now)
            if told is None:
                return []
            steps += told
        self._advance(event, now, steps)
        if type(event) not in MAKE_NOTHING_DUE:
            self._advance(LATER, now, steps)
        return steps

    def next_to_send(self, *, now: float) -> tuple[int, int] | None:
        """The message to send next, and the first of its cells that is still to go."""
        if self.state.phase is not Phase.OPEN:
            return None
        return self.flight.next_to_send(takes_new=now < self.state.worn_at)

    def next_at(self) -> float | None:
        """When time alone may change something; None for never."""
        return self.state.due_at(self.flight)

    def _advance_message(self, event: OfMessage, now: float) -> list[Tell] | None:
        """Move the message that an event is about; None for one that says nothing new of it."""
        match event:
            case CellsSent(number, until, total):
                return self.flight.sent(number, until=until, total=total, now=now)
            case CellsCredited(number, index):
                return [] if self.flight.credited(number, index, now=now) else None
            case MessageReceipted(number):
                attempt = self.flight.remove(number)
                return None if attempt is None else [Tell(number, MessageState.DELIVERED, attempt)]
            case MessageQueued(number):
                self.flight.add(number)
                return [Tell(number, MessageState.QUEUED, 0)]

    def _advance(self, event: Event, now: float, steps: list[Step]) -> None:
        self.state, commands = step(self.state, event, self.flight, self._chance, now=now)
        for command in commands:
            if isinstance(command, FlightCommand):
                steps += self.flight.follow(command)
            else:
                steps.append(command)
