"""The outbox of one contact with a clock and chances of the test's."""

import uuid

from p2p.protocol.ids import TransactionId
from peer_agent import outbound_events as happened
from peer_agent.outbound import LATER, Outbound
from peer_agent.outbound_step import Chance
from peer_agent.outbound_table import Phase
from peer_agent.progress import MessageState, Step, Tell


class Desk:
    """An outbox with a clock, and what it asked for."""

    def __init__(self, messages: int = 1, *, is_online: bool = True) -> None:
        self.now = 1_000.0
        self.asked: list[Step] = []
        self.outbound = Outbound(Chance(lambda: TransactionId(uuid.uuid4()), lambda: 1.0))
        if is_online:
            self.feed(happened.SocketOpened())
        for number in range(1, messages + 1):
            self.queue(number)

    def feed(self, event: happened.Event) -> list[Step]:
        steps = self.outbound.receive(event, now=self.now)
        self.asked += steps
        return steps

    def wait(self, seconds: float) -> list[Step]:
        self.now += seconds
        return self.feed(LATER)

    @property
    def tx(self) -> TransactionId:
        assert self.outbound.tx is not None
        return self.outbound.tx

    @property
    def phase(self) -> Phase:
        return self.outbound.state.phase

    def queue(self, number: int) -> list[Step]:
        return self.feed(happened.MessageQueued(number))

    def started(self) -> None:
        self.feed(happened.StartTaken(self.tx))

    def path(self, attempt: int = 1) -> list[Step]:
        return self.feed(happened.PathGiven(self.tx, attempt))

    def lose(self, attempt: int = 1, *, forwarders: int | None = None) -> list[Step]:
        return self.feed(happened.AttemptLost(self.tx, attempt, forwarders))

    def send_all(self, cells: int = 1) -> list[int]:
        """Hand everything the window allows to the link; returns the numbers in order."""
        sent = []
        while (due := self.outbound.next_to_send(now=self.now)) is not None:
            number, first = due
            until = min(cells, first + self.outbound.flight.capacity)
            self.feed(happened.CellsSent(number, until, cells))
            sent.append(number)
        return sent

    def receipt(self, number: int) -> list[Step]:
        return self.feed(happened.MessageReceipted(number))

    def open_path(self) -> "Desk":
        self.started()
        self.path()
        return self


def states(steps: list[Step], number: int = 1) -> list[MessageState]:
    return [step.state for step in steps if isinstance(step, Tell) and step.number == number]


def kinds(steps: list[Step]) -> list[type[Step]]:
    return [type(step) for step in steps if not isinstance(step, Tell)]
