"""The outbox's decisions: when it starts, sends, asks again and ends. Time and randomness are the test's."""

import random
import uuid
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2p.protocol.cells import FIRST_WINDOW
from p2p.protocol.ids import TransactionId
from p2p.protocol.words import EndState, TransactionState
from peer_agent.flight import FIRST_RECEIPT_S, RECEIPT_S
from peer_agent.outbound import (
    COMPLETE_IDLE_S,
    PATH_AGE_S,
    PATH_IDLE_S,
    REPATH_ANSWER_S,
    SILENCE_S,
    SNAPSHOT_LAG_S,
    WAITS_FOR_CONTACT_S,
    Outbound,
    Phase,
)
from peer_agent.progress import AskRepath, End, MessageState, Start, Step, Tell, WaitsFor


class Desk:
    """An outbox with a clock, and what it asked for."""

    def __init__(self, messages: int = 1, *, is_online: bool = True) -> None:
        self.now = 1_000.0
        self.asked: list[Step] = []
        self.outbound = Outbound(lambda: TransactionId(uuid.uuid4()), lambda: 1.0)
        self.take(self.outbound.online(is_online, now=self.now))
        for number in range(1, messages + 1):
            self.take(self.outbound.queue(number, now=self.now))

    def take(self, steps: list[Step]) -> list[Step]:
        self.asked += steps
        return steps

    def wait(self, seconds: float) -> list[Step]:
        self.now += seconds
        return self.take(self.outbound.tick(now=self.now))

    @property
    def tx(self) -> TransactionId:
        assert self.outbound.tx is not None
        return self.outbound.tx

    def started(self) -> None:
        self.take(self.outbound.started(self.tx, now=self.now))

    def path(self, attempt: int = 1) -> list[Step]:
        return self.take(self.outbound.path_ready(self.tx, attempt, now=self.now))

    def send_all(self, cells: int = 1) -> list[int]:
        """Hand everything the window allows to the link; returns the numbers in order."""
        sent = []
        while (due := self.outbound.next_to_send(now=self.now)) is not None:
            number, first = due
            until = min(cells, first + self.outbound.flight.capacity)
            self.take(self.outbound.sent(number, until=until, total=cells, now=self.now))
            sent.append(number)
        return sent

    def receipt(self, number: int) -> list[Step]:
        return self.take(self.outbound.receipted(number, now=self.now))

    def open_path(self) -> "Desk":
        self.started()
        self.path()
        return self


def states(steps: list[Step], number: int = 1) -> list[MessageState]:
    return [step.state for step in steps if isinstance(step, Tell) and step.number == number]


def kinds(steps: list[Step]) -> list[type[Step]]:
    return [type(step) for step in steps if not isinstance(step, Tell)]


def test_message_goes_from_queued_to_delivered() -> None:
    desk = Desk()
    desk.open_path()
    desk.send_all()
    desk.receipt(1)

    assert states(desk.asked) == [
        MessageState.QUEUED,
        MessageState.WAITING,
        MessageState.PATH,
        MessageState.SENT,
        MessageState.DELIVERED,
    ]
    assert kinds(desk.asked) == [Start]


def test_nothing_starts_without_a_socket() -> None:
    desk = Desk(is_online=False)
    assert kinds(desk.asked) == []

    desk.take(desk.outbound.online(True, now=desk.now))

    assert kinds(desk.asked) == [Start]


def test_path_may_be_ready_before_the_post_is_answered() -> None:
    desk = Desk()
    desk.path()
    desk.send_all()
    desk.started()

    assert desk.outbound.phase is Phase.OPEN


def test_one_transaction_carries_all_messages_in_order() -> None:
    desk = Desk(messages=5)
    desk.open_path()

    assert desk.send_all() == [1, 2, 3, 4, 5]
    assert kinds(desk.asked) == [Start]


def test_window_holds_back_what_is_too_much() -> None:
    desk = Desk(messages=FIRST_WINDOW + 3).open_path()

    assert len(desk.send_all()) == FIRST_WINDOW
    desk.receipt(1)

    assert desk.send_all() == [FIRST_WINDOW + 1]


def test_credit_opens_the_window_for_one_long_message() -> None:
    desk = Desk().open_path()
    desk.send_all(cells=19)
    assert desk.outbound.flight.capacity == 0

    desk.outbound.credited(1, 7, now=desk.now)

    assert desk.outbound.next_to_send(now=desk.now) == (1, 16)
    assert desk.outbound.flight.capacity == 8


@pytest.mark.parametrize("index", [16, 40])
def test_credit_for_cells_that_were_never_sent_is_ignored(index: int) -> None:
    desk = Desk().open_path()
    desk.send_all(cells=19)

    desk.outbound.credited(1, index, now=desk.now)

    assert desk.outbound.flight.capacity == 0


def test_failed_attempt_sends_everything_without_receipt_again() -> None:
    desk = Desk(messages=3).open_path()
    desk.send_all()
    desk.receipt(2)

    desk.take(desk.outbound.attempt_failed(desk.tx, 1, now=desk.now))
    assert desk.send_all() == []
    desk.path(2)

    assert desk.send_all() == [1, 3]


def test_too_few_forwarders_is_said_with_their_number() -> None:
    desk = Desk()
    desk.started()

    told = desk.take(desk.outbound.attempt_failed(desk.tx, 0, now=desk.now, forwarders=2))

    assert told == [Tell(1, MessageState.WAITING, 0, WaitsFor.FORWARDERS, 2)]


def test_waiting_for_the_contact_is_said_after_a_moment() -> None:
    desk = Desk()
    desk.started()

    told = desk.wait(WAITS_FOR_CONTACT_S)

    assert told == [Tell(1, MessageState.WAITING, 0, WaitsFor.CONTACT, None)]


def test_message_without_receipt_asks_for_another_path_once() -> None:
    desk = Desk().open_path()
    desk.send_all()

    assert kinds(desk.wait(FIRST_RECEIPT_S - 0.1)) == []
    assert kinds(desk.wait(0.1)) == [AskRepath]
    assert kinds(desk.wait(5)) == []


def test_later_message_is_timed_by_this_side() -> None:
    desk = Desk(messages=1).open_path()
    desk.send_all()
    desk.receipt(1)
    desk.wait(1)
    desk.take(desk.outbound.queue(2, now=desk.now))
    desk.send_all()
    desk.take(desk.outbound.queue(3, now=desk.now))
    desk.send_all()
    desk.receipt(2)

    assert kinds(desk.wait(RECEIPT_S)) == [AskRepath]


def test_lost_attempt_is_not_opened_again() -> None:
    desk = Desk().open_path()
    desk.send_all()
    desk.wait(FIRST_RECEIPT_S)

    desk.path(1)

    assert desk.outbound.phase is Phase.WAITING


def test_late_receipt_of_an_earlier_attempt_counts() -> None:
    desk = Desk().open_path()
    desk.send_all()
    desk.take(desk.outbound.attempt_failed(desk.tx, 1, now=desk.now))

    assert states(desk.receipt(1)) == [MessageState.DELIVERED]


def test_idle_transaction_is_completed() -> None:
    desk = Desk().open_path()
    desk.send_all()
    desk.receipt(1)

    assert kinds(desk.wait(COMPLETE_IDLE_S - 0.1)) == []
    assert kinds(desk.wait(0.1)) == [End]
    assert desk.outbound.phase is Phase.IDLE


@pytest.mark.parametrize("idle_s", [PATH_IDLE_S, PATH_AGE_S])
def test_old_path_takes_no_new_message(idle_s: float) -> None:
    desk = Desk().open_path()
    desk.send_all()
    desk.receipt(1)
    desk.now += idle_s

    steps = desk.take(desk.outbound.queue(2, now=desk.now))

    assert kinds(steps) == [End, Start]


def test_busy_path_is_left_after_its_age() -> None:
    desk = Desk().open_path()
    for number in range(2, 60):
        desk.send_all()
        desk.wait(1)
        desk.take(desk.outbound.queue(number, now=desk.now))
        desk.receipt(number - 1)
        if kinds(desk.asked).count(Start) > 1:
            break

    assert PATH_AGE_S - 2 <= number <= PATH_AGE_S + 2


def test_silent_transaction_is_replaced() -> None:
    desk = Desk()
    desk.started()
    first = desk.tx
    desk.wait(WAITS_FOR_CONTACT_S)

    assert kinds(desk.wait(SILENCE_S)) == [Start]
    assert desk.tx != first


def test_failed_transaction_pauses_longer_each_time() -> None:
    desk = Desk()
    pauses = []
    for _ in range(7):
        desk.started()
        desk.take(desk.outbound.ended(desk.tx, EndState.FAILED, now=desk.now))
        due = desk.outbound.next_at()
        assert due is not None
        pauses.append(due - desk.now)
        assert kinds(desk.wait(pauses[-1])) == [Start]

    assert pauses == [1, 2, 4, 8, 16, 30, 30]


def test_contact_coming_online_ends_the_pause() -> None:
    desk = Desk()
    desk.started()
    desk.take(desk.outbound.ended(desk.tx, EndState.FAILED, now=desk.now))

    assert kinds(desk.take(desk.outbound.contact_online(now=desk.now))) == [Start]


def test_server_may_ask_for_a_longer_pause() -> None:
    desk = Desk()

    desk.take(desk.outbound.start_failed(desk.tx, now=desk.now, at_least_s=60))

    assert kinds(desk.wait(59)) == []
    assert kinds(desk.wait(1)) == [Start]


def test_snapshot_without_the_transaction_ends_it_but_keeps_the_message() -> None:
    desk = Desk().open_path()
    desk.send_all()
    desk.now += SNAPSHOT_LAG_S

    desk.take(desk.outbound.snapshot({}, now=desk.now))

    assert kinds(desk.wait(1)) == [Start]
    desk.open_path()
    assert desk.send_all() == [1]


def test_snapshot_taken_before_the_start_ends_nothing() -> None:
    desk = Desk()
    desk.started()

    desk.take(desk.outbound.snapshot({}, now=desk.now))

    assert desk.outbound.phase is Phase.WAITING


def test_snapshot_with_a_path_nobody_told_of_asks_for_another() -> None:
    desk = Desk()
    desk.started()
    desk.now += SNAPSHOT_LAG_S

    steps = desk.outbound.snapshot({desk.tx: (TransactionState.OPEN, 1)}, now=desk.now)

    assert steps == [AskRepath(desk.tx, 1)]


def test_snapshot_without_the_path_we_use_asks_for_another() -> None:
    desk = Desk().open_path()
    desk.send_all()
    desk.now += SNAPSHOT_LAG_S

    steps = desk.take(desk.outbound.snapshot({desk.tx: (TransactionState.WAITING, 1)}, now=desk.now))

    assert kinds(steps) == [AskRepath]
    assert desk.outbound.phase is Phase.WAITING


def test_repath_that_nobody_answers_begins_anew() -> None:
    desk = Desk().open_path()
    desk.send_all()
    desk.wait(FIRST_RECEIPT_S)
    desk.wait(WAITS_FOR_CONTACT_S)

    assert kinds(desk.wait(REPATH_ANSWER_S)) == [Start]


def test_repath_that_is_answered_goes_on() -> None:
    desk = Desk().open_path()
    desk.send_all()
    desk.wait(FIRST_RECEIPT_S)
    desk.take(desk.outbound.attempt_failed(desk.tx, 1, now=desk.now))
    desk.wait(WAITS_FOR_CONTACT_S)

    assert kinds(desk.wait(REPATH_ANSWER_S)) == []


def test_lost_store_begins_anew_at_once() -> None:
    desk = Desk().open_path()
    desk.send_all()

    assert kinds(desk.take(desk.outbound.store_lost(now=desk.now))) == [Start]


def test_path_let_go_with_a_message_in_hand_begins_anew() -> None:
    desk = Desk().open_path()

    assert kinds(desk.take(desk.outbound.let_go(desk.tx, 1, now=desk.now))) == [End, Start]


def test_path_let_go_without_a_message_ends_the_transaction() -> None:
    desk = Desk().open_path()
    desk.send_all()
    desk.receipt(1)

    assert kinds(desk.take(desk.outbound.let_go(desk.tx, 1, now=desk.now))) == [End]
    assert desk.outbound.phase is Phase.IDLE


def test_frames_of_another_transaction_change_nothing() -> None:
    desk = Desk().open_path()
    other = TransactionId(uuid.uuid4())

    assert desk.outbound.path_ready(other, 2, now=desk.now) == []
    assert desk.outbound.attempt_failed(other, 1, now=desk.now) == []
    assert desk.outbound.ended(other, EndState.FAILED, now=desk.now) == []
    assert desk.outbound.phase is Phase.OPEN


def test_blocked_contact_gets_nothing() -> None:
    desk = Desk(messages=2).open_path()

    steps = desk.take(desk.outbound.block())

    assert kinds(steps) == [End]
    assert states(steps, 1) == states(steps, 2) == [MessageState.BLOCKED]
    assert desk.send_all() == []


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
        if desk.outbound.phase is Phase.STARTING and self.works():
            desk.started()
        is_due = AskRepath in asked or desk.outbound.phase is Phase.WAITING
        if is_due and self.works():
            self.attempt += 1
            desk.path(self.attempt)
        self.arrived |= {number for number in desk.send_all() if self.works()}
        for number in sorted(self.arrived):
            if self.works():
                desk.receipt(number)


@given(seed=st.integers(0, 2**32), loss=st.floats(0, 0.9))
@settings(max_examples=60, deadline=None)
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
@settings(max_examples=60, deadline=None)
def test_waiting_message_always_has_a_time_to_wake_up_for(seed: int) -> None:
    rng = random.Random(seed)
    desk = Desk(messages=3)
    outbound = desk.outbound
    for _ in range(100):
        desk.now += rng.random() * 12
        now, tx = desk.now, outbound.tx or TransactionId(uuid.UUID(int=0))
        events: list[Callable[..., list[Step]]] = [
            partial(outbound.started, tx),
            partial(outbound.start_failed, tx),
            partial(outbound.path_ready, tx, rng.randrange(1, 4)),
            partial(outbound.attempt_failed, tx, rng.randrange(4)),
            partial(outbound.ended, tx, rng.choice(list(EndState))),
            partial(outbound.snapshot, {}),
            outbound.store_lost,
            outbound.contact_online,
            outbound.tick,
        ]
        desk.take(rng.choice(events)(now=now))
        desk.send_all()

        assert outbound.phase is Phase.STARTING or outbound.next_at() is not None
