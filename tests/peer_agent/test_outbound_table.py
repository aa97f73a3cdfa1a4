"""Every cell of the outbox's table: what its rules lead to, what is ignored, and what the page says."""

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import get_args

import pytest

from p2p.protocol.cells import FIRST_WINDOW, WINDOW
from p2p.protocol.ids import TransactionId
from p2p.protocol.words import TransactionState
from peer_agent import outbound_events as happened
from peer_agent import outbound_state as timers
from peer_agent.flight import FIRST_RECEIPT_S, RECEIPT_S
from peer_agent.outbound_events import Event
from peer_agent.outbound_state import State
from peer_agent.outbound_step import CONDITIONS, EFFECTS, Chance, step
from peer_agent.outbound_table import IGNORED, RULES, TRANSITIONS, Do, If, Phase, Rule
from peer_agent.progress import AskRepath, Begin, Clear, Command, End, Start, TellAll, TellFirst, WaitsFor
from peer_agent.sealer import GIVEN_UP_AFTER_MS
from tests.protocol import spec_pages

EVENTS: tuple[type[Event], ...] = get_args(Event)
CELLS = list(product(Phase, EVENTS))
IGNORED_CELLS = [(phase, event) for events, phases in IGNORED for event in events for phase in phases]

OURS, OTHER, NEW = (TransactionId(uuid.UUID(int=number)) for number in (1, 2, 3))
NOW, LONG_AGO = 10_000.0, 9_000.0
CHANCE = Chance(lambda: NEW, lambda: 1.0)
ASKED_FOR: dict[Do, list[type[Command]]] = {
    Do.START: [Start, Begin],
    Do.END: [End],
    Do.ASK: [AskRepath],
    Do.TAKE_PATH: [Begin],
    Do.TELL_PATH: [TellFirst],
    Do.TELL_WAITING: [TellAll],
    Do.GIVE_UP: [TellAll, Clear],
}


@dataclass(frozen=True)
class Messages:
    """How far the messages are, as the test says."""

    are_there: bool
    due_at: float | None

    def __bool__(self) -> bool:
        return self.are_there

    def overdue_at(self) -> float | None:
        return self.due_at


@dataclass(frozen=True)
class Situation:
    state: State
    messages: Messages
    event: Event

    def holds(self, rule: Rule) -> bool:
        return all(CONDITIONS[word](self.state, self.event, NOW, self.messages) for word in rule.when)


# Each event in all its kinds: of this transaction and another, of earlier and later attempts.
PATHS = list(product((OURS, OTHER), (1, 2, 3)))
OCCURRENCES: dict[type[Event], list[Event]] = {
    happened.StartTaken: [happened.StartTaken(tx) for tx in (OURS, OTHER)],
    happened.StartRefused: [happened.StartRefused(tx) for tx in (OURS, OTHER)],
    happened.PathGiven: [happened.PathGiven(*path) for path in PATHS],
    happened.AttemptLost: [happened.AttemptLost(*path) for path in PATHS],
    happened.PathLetGo: [happened.PathLetGo(*path) for path in PATHS],
    happened.Completed: [happened.Completed(tx) for tx in (OURS, OTHER)],
    happened.Failed: [happened.Failed(tx) for tx in (OURS, OTHER)],
    happened.Listed: [happened.Listed(*each) for each in product(TransactionState, (0, 2, 3))],
    happened.MessageQueued: [happened.MessageQueued(7)],
    happened.CellsSent: [happened.CellsSent(7, 1, 1)],
    happened.CellsCredited: [happened.CellsCredited(7, 0)],
    happened.MessageReceipted: [happened.MessageReceipted(7)],
    happened.TimePassed: [happened.TimePassed()],
    happened.SocketOpened: [happened.SocketOpened()],
    happened.SocketClosed: [happened.SocketClosed()],
    happened.ContactCame: [happened.ContactCame()],
    happened.Unlisted: [happened.Unlisted()],
    happened.StoreLost: [happened.StoreLost()],
    happened.Blocked: [happened.Blocked()],
}


def situations(phase: Phase, event: type[Event]) -> Iterator[Situation]:
    """Everything that matters to any condition, in all its combinations."""
    ago = (NOW, LONG_AGO)
    messages = [Messages(False, None), *(Messages(True, due_at) for due_at in (None, NOW - 1, NOW + 5))]
    for online, waits_for, since, news_at, used_at, pause_until in product(
        (True, False), (WaitsFor.PATH, WaitsFor.CONTACT), ago, ago, ago, (NOW, NOW + 5)
    ):
        state = State(
            phase,
            is_online=online,
            tx=OURS,
            attempt=2,
            waits_for=waits_for,
            since=since,
            news_at=news_at,
            used_at=used_at,
            pause_until=pause_until,
            failures=1,
        )
        for each, occurrence in product(messages, OCCURRENCES[event]):
            yield Situation(state, each, occurrence)


def asked_for(rule: Rule) -> list[type[Command]]:
    return [kind for do in rule.do for kind in ASKED_FOR.get(do, [])]


def test_every_cell_has_a_rule_or_is_ignored_by_name() -> None:
    assert sorted([*TRANSITIONS, *IGNORED_CELLS], key=str) == sorted(CELLS, key=str)


@pytest.mark.parametrize(("phase", "event"), IGNORED_CELLS)
def test_ignored_event_changes_nothing(phase: Phase, event: type[Event]) -> None:
    for each in situations(phase, event):
        assert step(each.state, each.event, each.messages, CHANCE, now=NOW) == (each.state, ())


@pytest.mark.parametrize(("phase", "event"), list(TRANSITIONS))
def test_cell_does_what_its_first_fitting_rule_says(phase: Phase, event: type[Event]) -> None:
    reached = set()
    for each in situations(phase, event):
        rule = next((rule for rule in TRANSITIONS[phase, event] if each.holds(rule)), None)

        after, commands = step(each.state, each.event, each.messages, CHANCE, now=NOW)

        if rule is None:
            assert (after, commands) == (each.state, ())
            continue
        reached.add(rule)
        assert after.phase is (rule.next or phase)
        assert after.since == (NOW if rule.next else each.state.since)
        assert [type(command) for command in commands] == asked_for(rule)
    assert reached == set(TRANSITIONS[phase, event]), "a rule that never applies"


@pytest.mark.parametrize(("phase", "event"), CELLS)
def test_only_a_phase_with_a_transaction_asks_the_server_about_one(phase: Phase, event: type[Event]) -> None:
    is_running = phase in (Phase.STARTING, Phase.WAITING, Phase.OPEN)
    for each in situations(phase, event):
        _, commands = step(each.state, each.event, each.messages, CHANCE, now=NOW)

        about = {command.tx for command in commands if isinstance(command, End | AskRepath)}
        assert about <= ({OURS} if is_running else set())


def test_every_word_has_a_meaning() -> None:
    assert list(CONDITIONS) == list(If)
    assert list(EFFECTS) == list(Do)


def name(event: type[Event]) -> str:
    return re.sub(r"(?<=.)(?=[A-Z])", "_", event.__name__).lower()


def names(phases: tuple[Phase, ...]) -> str:
    return "any" if set(phases) == set(Phase) else ", ".join(phases)


def words(place: int) -> list[str]:
    rows = spec_pages.table("outbox", "Table", place)
    return [word for row in rows for word in row[0].split(", ")]


def test_rules_are_the_rows_of_the_page() -> None:
    assert spec_pages.table("outbox", "Table") == [
        [names(rule.phases), name(rule.event), ", ".join(rule.when), rule.next or "=", ", ".join(rule.do)]
        for rule in RULES
    ]


def test_ignored_cells_are_those_of_the_page() -> None:
    rows = spec_pages.table("outbox", "Table", 3)

    assert [row[:2] for row in rows] == [
        [", ".join(map(name, events)), names(phases)] for events, phases in IGNORED
    ]
    assert all(why for _, _, why in rows)


def test_page_explains_every_word_once() -> None:
    rows = spec_pages.table("outbox", "Events")

    assert [event for row in rows for event in row[0].split(", ")] == sorted(
        map(name, EVENTS), key=[event for row in rows for event in row[0].split(", ")].index
    )
    assert sorted(words(1)) == sorted(If)
    assert sorted(words(2)) == sorted(Do)


def test_times_are_those_of_the_page() -> None:
    rows = {rule: value for rule, value, _ in spec_pages.table("outbox", "Limits and timers")}
    said = [[float(each) for each in re.findall(r"\d+", value)] for value in rows.values()]

    assert said == [
        [FIRST_WINDOW, WINDOW],
        [RECEIPT_S, FIRST_RECEIPT_S],
        [timers.SILENCE_S],
        [timers.REPATH_ANSWER_S],
        [timers.WAITS_FOR_CONTACT_S],
        [timers.PATH_IDLE_S],
        [timers.PATH_AGE_S],
        [timers.COMPLETE_IDLE_S],
        [timers.SNAPSHOT_LAG_S],
        [timers.FIRST_PAUSE_S, timers.LAST_PAUSE_S],
        [GIVEN_UP_AFTER_MS / 86_400_000],
    ]
