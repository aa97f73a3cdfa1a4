"""The outbox's decisions: when it starts, sends, asks again and ends. Time and randomness are the test's."""

import uuid

import pytest

from p2p.protocol.cells import FIRST_WINDOW, WINDOW
from p2p.protocol.ids import TransactionId
from p2p.protocol.words import TransactionState
from peer_agent import outbound_events as happened
from peer_agent.flight import FIRST_RECEIPT_S, RECEIPT_S
from peer_agent.outbound_state import (
    COMPLETE_IDLE_S,
    FIRST_PAUSE_S,
    LAST_PAUSE_S,
    PATH_AGE_S,
    PATH_IDLE_S,
    REPATH_ANSWER_S,
    SILENCE_S,
    SNAPSHOT_LAG_S,
    WAITS_FOR_CONTACT_S,
)
from peer_agent.outbound_table import Phase
from peer_agent.progress import AskRepath, End, MessageState, Start, Tell, WaitsFor
from tests.peer_agent.outbound_desk import Desk, kinds, states


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

    desk.feed(happened.SocketOpened())

    assert kinds(desk.asked) == [Start]


def test_path_may_be_ready_before_the_post_is_answered() -> None:
    desk = Desk()
    desk.path()
    desk.send_all()
    desk.started()

    assert desk.phase is Phase.OPEN


def test_one_transaction_carries_all_messages_in_order() -> None:
    desk = Desk(messages=5)
    desk.open_path()

    assert desk.send_all() == [1, 2, 3, 4, 5]
    assert kinds(desk.asked) == [Start]


def test_window_holds_back_what_is_too_much() -> None:
    desk = Desk(messages=2 * WINDOW).open_path()

    assert len(desk.send_all()) == FIRST_WINDOW
    desk.receipt(1)
    # The first receipt shows that the whole path passes cells on.
    assert len(desk.send_all()) == WINDOW - FIRST_WINDOW + 1
    desk.receipt(2)

    assert desk.send_all() == [WINDOW + 2]


def test_each_path_has_to_show_anew_that_it_passes_cells_on() -> None:
    desk = Desk(messages=2 * WINDOW).open_path()
    desk.send_all()
    desk.receipt(1)
    desk.lose()
    desk.path(2)

    assert len(desk.send_all()) == FIRST_WINDOW


def test_receipt_for_what_went_over_another_path_before_shows_nothing_of_this_one() -> None:
    desk = Desk(messages=2 * WINDOW).open_path()
    desk.send_all()
    desk.lose()
    desk.path(2)
    desk.send_all()

    desk.receipt(2)

    assert desk.send_all() == [FIRST_WINDOW + 1]


def test_receipt_before_any_cell_went_out_shows_nothing() -> None:
    desk = Desk(messages=2 * WINDOW)
    desk.receipt(1)
    desk.open_path()

    assert len(desk.send_all()) == FIRST_WINDOW


def test_credit_opens_the_window_for_one_long_message() -> None:
    desk = Desk().open_path()
    desk.send_all(cells=19)
    assert desk.outbound.flight.capacity == 0

    desk.feed(happened.CellsCredited(1, 7))

    assert desk.outbound.next_to_send(now=desk.now) == (1, 16)
    assert desk.outbound.flight.capacity == WINDOW - 8


@pytest.mark.parametrize("index", [16, 40])
def test_credit_for_cells_that_were_never_sent_is_ignored(index: int) -> None:
    desk = Desk().open_path()
    desk.send_all(cells=19)

    desk.feed(happened.CellsCredited(1, index))

    assert desk.outbound.flight.capacity == 0


def test_failed_attempt_sends_everything_without_receipt_again() -> None:
    desk = Desk(messages=3).open_path()
    desk.send_all()
    desk.receipt(2)

    desk.lose()
    assert desk.send_all() == []
    desk.path(2)

    assert desk.send_all() == [1, 3]


def test_too_few_forwarders_is_said_with_their_number() -> None:
    desk = Desk()
    desk.started()

    told = desk.lose(0, forwarders=2)

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
    desk.queue(2)
    desk.send_all()
    desk.queue(3)
    desk.send_all()
    desk.receipt(2)

    assert kinds(desk.wait(RECEIPT_S)) == [AskRepath]


def test_lost_attempt_is_not_opened_again() -> None:
    desk = Desk().open_path()
    desk.send_all()
    desk.wait(FIRST_RECEIPT_S)

    desk.path(1)

    assert desk.phase is Phase.WAITING


def test_late_receipt_of_an_earlier_attempt_counts() -> None:
    desk = Desk().open_path()
    desk.send_all()
    desk.lose()

    assert states(desk.receipt(1)) == [MessageState.DELIVERED]


def test_idle_transaction_is_completed() -> None:
    desk = Desk().open_path()
    desk.send_all()
    desk.receipt(1)

    assert kinds(desk.wait(COMPLETE_IDLE_S - 0.1)) == []
    assert kinds(desk.wait(0.1)) == [End]
    assert desk.phase is Phase.IDLE


@pytest.mark.parametrize("idle_s", [PATH_IDLE_S, PATH_AGE_S])
def test_old_path_takes_no_new_message(idle_s: float) -> None:
    desk = Desk().open_path()
    desk.send_all()
    desk.receipt(1)
    desk.now += idle_s

    steps = desk.queue(2)

    assert kinds(steps) == [End, Start]


def test_busy_path_is_left_after_its_age() -> None:
    desk = Desk().open_path()
    for number in range(2, 60):
        desk.send_all()
        desk.wait(1)
        desk.queue(number)
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
        desk.feed(happened.Failed(desk.tx))
        due = desk.outbound.next_at()
        assert due is not None
        pauses.append(due - desk.now)
        assert kinds(desk.wait(pauses[-1])) == [Start]

    assert pauses == [1, 2, 4, 8, 16, 30, 30]


def test_receipt_makes_the_next_pause_a_short_one() -> None:
    desk = Desk(messages=2)
    for _ in range(4):
        desk.open_path()
        desk.feed(happened.Failed(desk.tx))
        desk.wait(LAST_PAUSE_S)
    desk.open_path()
    desk.send_all()
    desk.receipt(1)

    desk.feed(happened.Failed(desk.tx))

    assert kinds(desk.wait(FIRST_PAUSE_S)) == [Start]


def test_contact_coming_online_ends_the_pause() -> None:
    desk = Desk()
    desk.started()
    desk.feed(happened.Failed(desk.tx))

    assert kinds(desk.feed(happened.ContactCame())) == [Start]


def test_server_may_ask_for_a_longer_pause() -> None:
    desk = Desk()

    desk.feed(happened.StartRefused(desk.tx, at_least_s=60))

    assert kinds(desk.wait(59)) == []
    assert kinds(desk.wait(1)) == [Start]


def test_snapshot_without_the_transaction_ends_it_but_keeps_the_message() -> None:
    desk = Desk().open_path()
    desk.send_all()
    desk.now += SNAPSHOT_LAG_S

    desk.feed(happened.Unlisted())

    assert kinds(desk.wait(1)) == [Start]
    desk.open_path()
    assert desk.send_all() == [1]


def test_snapshot_taken_before_the_start_ends_nothing() -> None:
    desk = Desk()
    desk.started()

    desk.feed(happened.Unlisted())

    assert desk.phase is Phase.WAITING


def test_snapshot_with_a_path_nobody_told_of_asks_for_another() -> None:
    desk = Desk()
    desk.started()
    desk.now += SNAPSHOT_LAG_S

    steps = desk.feed(happened.Listed(TransactionState.OPEN, 1))

    assert AskRepath(desk.tx, 1) in steps
    assert kinds(steps) == [AskRepath]


def test_snapshot_without_the_path_we_use_asks_for_another() -> None:
    desk = Desk().open_path()
    desk.send_all()
    desk.now += SNAPSHOT_LAG_S

    steps = desk.feed(happened.Listed(TransactionState.WAITING, 1))

    assert kinds(steps) == [AskRepath]
    assert desk.phase is Phase.WAITING


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
    desk.lose()
    desk.wait(WAITS_FOR_CONTACT_S)

    assert kinds(desk.wait(REPATH_ANSWER_S)) == []


def test_repath_that_a_snapshot_answers_goes_on() -> None:
    desk = Desk().open_path()
    desk.send_all()
    desk.wait(FIRST_RECEIPT_S)
    desk.wait(SNAPSHOT_LAG_S)
    desk.feed(happened.Listed(TransactionState.FINDING, 1))

    assert kinds(desk.wait(REPATH_ANSWER_S)) == []


def test_lost_store_begins_anew_at_once() -> None:
    desk = Desk().open_path()
    desk.send_all()

    assert kinds(desk.feed(happened.StoreLost())) == [Start]


def test_path_let_go_with_a_message_in_hand_begins_anew() -> None:
    desk = Desk().open_path()

    assert kinds(desk.feed(happened.PathLetGo(desk.tx, 1))) == [End, Start]


def test_path_let_go_with_cells_on_their_way_stood_still_and_is_gone_around() -> None:
    desk = Desk(2).open_path()
    desk.send_all()
    desk.receipt(1)

    asked = desk.feed(happened.PathLetGo(desk.tx, 1))
    desk.lose()

    assert kinds(asked) == [AskRepath]
    assert desk.phase is Phase.WAITING
    assert kinds(desk.path(2)) == []
    assert desk.send_all() == [2]


def test_path_let_go_without_a_message_ends_the_transaction() -> None:
    desk = Desk().open_path()
    desk.send_all()
    desk.receipt(1)

    assert kinds(desk.feed(happened.PathLetGo(desk.tx, 1))) == [End]
    assert desk.phase is Phase.IDLE


def test_frames_of_another_transaction_change_nothing() -> None:
    desk = Desk().open_path()
    other = TransactionId(uuid.uuid4())

    assert desk.feed(happened.PathGiven(other, 2)) == []
    assert desk.feed(happened.AttemptLost(other, 1)) == []
    assert desk.feed(happened.Failed(other)) == []
    assert desk.phase is Phase.OPEN


def test_blocked_contact_gets_nothing() -> None:
    desk = Desk(messages=2).open_path()

    steps = desk.feed(happened.Blocked())

    assert kinds(steps) == [End]
    assert states(steps, 1) == states(steps, 2) == [MessageState.BLOCKED]
    assert desk.send_all() == []
