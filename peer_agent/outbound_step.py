"""What the words of the outbox's table mean: conditions on a state, and commands that change it. Pure.

Spec: docs/spec/outbox.md, section "Table"
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from p2p.protocol.ids import TransactionId
from p2p.protocol.words import TransactionState
from peer_agent.outbound_events import Event, Listed, PathLetGo, StartRefused
from peer_agent.outbound_state import MAX_FAILURES, SNAPSHOT_LAG_S, Messages, State, pause_s
from peer_agent.outbound_table import TRANSITIONS, Do, If, Phase, Rule
from peer_agent.progress import (
    AskRepath,
    Begin,
    Clear,
    Command,
    End,
    MessageState,
    Start,
    TellAll,
    TellFirst,
    WaitsFor,
)


@dataclass(frozen=True, slots=True)
class Chance:
    """What is drawn: ids for transactions, and numbers from 0 to 1."""

    new_tx: Callable[[], TransactionId]
    jitter: Callable[[], float]


Commands = tuple[Command, ...]
Condition = Callable[[State, Any, float, Messages], bool]
Effect = Callable[[State, Any, float, Chance], tuple[State, Commands]]


def step(
    state: State, event: Event, messages: Messages, chance: Chance, *, now: float
) -> tuple[State, Commands]:
    """Apply the first rule that fits; without one nothing changes."""
    for plan in PLANS.get((state.phase, type(event)), ()):
        for holds in plan.conditions:
            if not holds(state, event, now, messages):
                break
        else:
            return plan.apply(state, event, now, chance)
    return state, ()


def _is_silent(state: State, event: Event, now: float, messages: Messages) -> bool:
    return state.is_online and now >= state.silent_at


def _is_late(state: State, event: Event, now: float, messages: Messages) -> bool:
    return state.late_at is not None and now >= state.late_at


def _is_overdue(state: State, event: Event, now: float, messages: Messages) -> bool:
    overdue_at = messages.overdue_at()
    return overdue_at is not None and now >= overdue_at


def _is_worn(state: State, event: Event, now: float, messages: Messages) -> bool:
    return now >= state.worn_at and messages.overdue_at() is None


def _is_unused(state: State, event: Event, now: float, messages: Messages) -> bool:
    return not messages and now >= state.unused_at


def _has_strayed(state: State, event: Listed, now: float, messages: Messages) -> bool:
    """A frame got lost, with a path's keys or with its end. Another path mends both."""
    if not messages or event.attempt == 0 or event.state is TransactionState.FINDING:
        return False
    is_known = event.state is TransactionState.OPEN and event.attempt <= state.attempt
    return not (state.phase is Phase.OPEN and is_known)


CONDITIONS: dict[If, Condition] = {
    If.ONLINE: lambda state, event, now, messages: state.is_online,
    If.MESSAGES: lambda state, event, now, messages: bool(messages),
    If.RESTED: lambda state, event, now, messages: now >= state.pause_until,
    If.SILENT: _is_silent,
    If.LATE: _is_late,
    If.OVERDUE: _is_overdue,
    If.WORN: _is_worn,
    If.UNUSED: _is_unused,
    If.FLYING: lambda state, event, now, messages: messages.overdue_at() is not None,
    If.OURS: lambda state, event, now, messages: event.tx == state.tx,
    If.PRESENT: lambda state, event, now, messages: event.tx == state.tx and event.attempt >= state.attempt,
    If.NEWER: lambda state, event, now, messages: event.tx == state.tx and event.attempt > state.attempt,
    If.SETTLED: lambda state, event, now, messages: now - state.since >= SNAPSHOT_LAG_S,
    If.STRAYED: _has_strayed,
}


def _start(state: State, event: Event, now: float, chance: Chance) -> tuple[State, Commands]:
    tx = chance.new_tx()
    return replace(state, tx=tx, attempt=0, waits_for=WaitsFor.PATH, forwarders=None), (Start(tx), Begin(0))


def _end(state: State, event: Event, now: float, chance: Chance) -> tuple[State, Commands]:
    return state, (End(_running(state)),)


def _ask(state: State, event: Event, now: float, chance: Chance) -> tuple[State, Commands]:
    attempt = event.attempt if isinstance(event, Listed | PathLetGo) else state.attempt
    return replace(state, asked_at=now), (AskRepath(_running(state), attempt),)


def _pause(state: State, event: Event, now: float, chance: Chance) -> tuple[State, Commands]:
    at_least_s = event.at_least_s if isinstance(event, StartRefused) else 0.0
    length_s = max(at_least_s, pause_s(state.failures, chance.jitter()))
    return replace(state, pause_until=now + length_s, failures=min(state.failures + 1, MAX_FAILURES)), ()


def _take_path(state: State, event: Any, now: float, chance: Chance) -> tuple[State, Commands]:
    after = replace(state, attempt=event.attempt, waits_for=WaitsFor.PATH, forwarders=None, used_at=now)
    return after, (Begin(event.attempt),)


def _note_forwarders(state: State, event: Any, now: float, chance: Chance) -> tuple[State, Commands]:
    waits_for = WaitsFor.PATH if event.forwarders is None else WaitsFor.FORWARDERS
    return replace(state, waits_for=waits_for, forwarders=event.forwarders), ()


def _forget_failures(state: State, event: Event, now: float, chance: Chance) -> tuple[State, Commands]:
    return (replace(state, failures=0) if state.failures else state), ()


def _tell_waiting(state: State, event: Event, now: float, chance: Chance) -> tuple[State, Commands]:
    return state, (TellAll(MessageState.WAITING, state.waits_for, state.forwarders),)


def _running(state: State) -> TransactionId:
    assert state.tx is not None  # noqa: S101  rules that need one are for phases that have one
    return state.tx


EFFECTS: dict[Do, Effect] = {
    Do.START: _start,
    Do.END: _end,
    Do.ASK: _ask,
    Do.PAUSE: _pause,
    Do.TAKE_PATH: _take_path,
    Do.NOTE_FORWARDERS: _note_forwarders,
    Do.AWAIT_CONTACT: lambda state, *_: (replace(state, waits_for=WaitsFor.CONTACT), ()),
    Do.TELL_PATH: lambda state, *_: (state, (TellFirst(MessageState.PATH),)),
    Do.TELL_WAITING: _tell_waiting,
    Do.GIVE_UP: lambda state, *_: (state, (TellAll(MessageState.BLOCKED), Clear())),
    Do.HEAR: lambda state, event, now, chance: (replace(state, news_at=now), ()),
    Do.NOTE_ANSWER: lambda state, *_: (replace(state, asked_at=None), ()),
    Do.USE: lambda state, event, now, chance: (replace(state, used_at=now), ()),
    Do.FORGET_FAILURES: _forget_failures,
    Do.GO_ONLINE: lambda state, *_: (replace(state, is_online=True), ()),
    Do.GO_OFFLINE: lambda state, *_: (replace(state, is_online=False), ()),
}


@dataclass(frozen=True, slots=True)
class _Plan:
    """A rule with what its words stand for, looked up once: several rules are tried for each message."""

    conditions: tuple[Condition, ...]
    next: Phase | None
    effects: tuple[Effect, ...]

    def apply(self, state: State, event: Event, now: float, chance: Chance) -> tuple[State, Commands]:
        if self.next is not None:
            state = state.enter(self.next, now=now)
        commands: Commands = ()
        for effect in self.effects:
            state, more = effect(state, event, now, chance)
            commands += more
        return state, commands


def _plan(rule: Rule) -> _Plan:
    conditions = tuple(CONDITIONS[word] for word in rule.when)
    return _Plan(conditions, rule.next, tuple(EFFECTS[word] for word in rule.do))


PLANS = {cell: tuple(_plan(rule) for rule in rules) for cell, rules in TRANSITIONS.items()}
