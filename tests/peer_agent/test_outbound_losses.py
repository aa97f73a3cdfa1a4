"""The outbox against a server that loses words, and against any order of events."""

import random
import uuid

from hypothesis import given, settings
from hypothesis import strategies as st

from p2p.protocol.ids import TransactionId
from peer_agent import outbound_events as happened
from peer_agent.outbound import LATER
from peer_agent.outbound_table import Phase
from peer_agent.progress import AskRepath, Start, Tell
from tests.peer_agent.outbound_desk import Desk, kinds


class LossyServer:
    """Answers an outbox, but loses what it says and what it carries with a given chance."""

    def __init__(self, desk: Desk, rng: random.Random, loss: float) -> None:
        self.desk, self.rng, self.loss = desk, rng, loss
        self.attempt = 0
        self.arrived: set[int] = set()

    def works(self) -> bool:
        return self.rng.random() >= self.loss

    def turn(self) -> None:
        """Let half a second pass."""
        desk, before = self.desk, len(self.desk.asked)
        desk.wait(0.5)
        asked = kinds(desk.asked[before:])
        if Start in asked:
            self.attempt = 0
        if desk.phase is Phase.STARTING and self.works():
            desk.started()
        is_due = AskRepath in asked or desk.phase is Phase.WAITING
        if is_due and self.works():
            self.attempt += 1
            desk.path(self.attempt)
        self.arrived |= {number for number in desk.send_all() if self.works()}
        for number in sorted(self.arrived):
            if self.works():
                desk.receipt(number)


@given(seed=st.integers(0, 2**32), loss=st.floats(0, 0.9))
@settings(max_examples=60)
def test_every_message_gets_its_receipt_whatever_is_lost(seed: int, loss: float) -> None:
    """Lose words, cells and receipts at random, then none: everything arrives, and is reported once."""
    desk = Desk(messages=20)
    server = LossyServer(desk, random.Random(seed), loss)

    for turn in range(6_000):
        server.loss = loss if turn < 2_000 else 0.0
        server.turn()
        if not desk.outbound.flight:
            break

    delivered = [step.number for step in desk.asked if isinstance(step, Tell) and step.state == "delivered"]
    assert sorted(delivered) == list(range(1, 21))


@given(seed=st.integers(0, 2**32))
@settings(max_examples=60)
def test_waiting_message_always_has_a_time_to_wake_up_for(seed: int) -> None:
    rng = random.Random(seed)
    desk = Desk(messages=3)
    for _ in range(100):
        desk.now += rng.random() * 12
        tx = desk.outbound.tx or TransactionId(uuid.UUID(int=0))
        events: list[happened.Event] = [
            happened.StartTaken(tx),
            happened.StartRefused(tx),
            happened.PathGiven(tx, rng.randrange(1, 4)),
            happened.AttemptLost(tx, rng.randrange(4)),
            happened.Completed(tx),
            happened.Failed(tx),
            happened.Unlisted(),
            happened.StoreLost(),
            happened.ContactCame(),
            LATER,
        ]
        desk.feed(rng.choice(events))
        desk.send_all()

        assert desk.phase is Phase.STARTING or desk.outbound.next_at() is not None
