"""The page and the agent decide alike what the outbox does: random traces, compared step by step."""

import random
from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import Page

from p2p.protocol.words import TransactionState
from peer_agent import outbound_events as happened
from peer_agent.outbound import Outbound
from peer_agent.outbound_events import Event
from peer_agent.outbound_step import Chance
from peer_agent.outbound_table import Phase
from peer_agent.progress import Step

TRACES, EVENTS = 40, 120
FOLLOW = """async ([traces]) => {
    const { follow } = await import("/tests/js/peer/outbound.js")
    return traces.map(follow)
}"""
# What Python calls by another word.
STEP_KINDS = {"AskRepath": "askRepath"}

Trace = list[tuple[float, Event]]


def make_trace(rng: random.Random) -> Trace:
    """Draw events that fit together often enough to lead everywhere."""
    now, trace, numbers = 1_000.0, Trace(), count(1)
    state = {"tx": 0, "attempt": 0, "queued": 0}

    def tx() -> Any:
        return f"tx{max(1, state['tx'] - (rng.random() < 0.1))}"

    def attempt() -> int:
        state["attempt"] += rng.random() < 0.7
        return max(1, state["attempt"] - (rng.random() < 0.2))

    def number() -> int:
        return rng.randint(1, max(1, state["queued"]))

    def queued() -> Event:
        state["queued"] = next(numbers)
        return happened.MessageQueued(state["queued"])

    def sent() -> Event:
        total = rng.randint(1, 40)
        return happened.CellsSent(number(), rng.randint(1, total), total)

    draws: list[Callable[[], Event]] = [
        happened.TimePassed,
        happened.SocketOpened,
        happened.SocketClosed,
        happened.ContactCame,
        queued,
        queued,
        lambda: happened.CellsCredited(number(), rng.randint(0, 30)),
        lambda: happened.MessageReceipted(number()),
        lambda: happened.StartTaken(tx()),
        lambda: happened.StartRefused(tx(), rng.choice([0.0, 7.5])),
        lambda: happened.PathGiven(tx(), attempt()),
        lambda: happened.PathGiven(tx(), attempt()),
        lambda: happened.AttemptLost(tx(), attempt(), rng.choice([None, 0, 2])),
        lambda: happened.PathLetGo(tx(), attempt()),
        lambda: happened.Completed(tx()),
        lambda: happened.Failed(tx()),
        lambda: happened.Listed(rng.choice(list(TransactionState)), rng.randint(0, 3)),
        happened.Unlisted,
        happened.StoreLost,
        happened.Blocked,
    ]
    model = make_outbound(state)
    trace.append((now, happened.SocketOpened()))
    for _ in range(EVENTS):
        # Cells leave only while there is a path, and only of messages that are there.
        is_open = model.state.phase is Phase.OPEN
        event = sent() if is_open and rng.random() < 0.3 else rng.choice(draws)()
        if isinstance(event, happened.CellsSent) and not model.flight.has(event.number):
            continue
        now += rng.choice([0.0, 0.01, 0.5, 3.0, 11.0, 60.0, 200.0])
        model.receive(event, now=now)
        trace.append((now, event))
    return trace


def make_outbound(state: dict[str, int] | None = None) -> Outbound:
    draws, txs = count(1), count(1)

    def new_tx() -> Any:
        made = next(txs)
        if state is not None:
            state.update({"tx": made, "attempt": 0})
        return f"tx{made}"

    return Outbound(Chance(new_tx, lambda: next(draws) % 10 / 10))


def follow(trace: Trace) -> Iterator[dict[str, Any]]:
    outbound = make_outbound()
    for now, event in trace:
        steps = outbound.receive(event, now=now)
        due, path = outbound.next_to_send(now=now), outbound.path
        yield {
            "steps": [step_json(step) for step in steps],
            "next": None if due is None else {"number": due[0], "first": due[1]},
            "nextAt": outbound.next_at(),
            "capacity": outbound.flight.capacity,
            "phase": outbound.state.phase.value,
            "path": None if path is None else {"tx": path[0], "attempt": path[1]},
        }


def step_json(step: Step) -> dict[str, Any]:
    name = type(step).__name__
    return {"kind": STEP_KINDS.get(name, name.lower()), **camel(asdict(step))}


def event_json(event: Event) -> dict[str, Any]:
    kinds = {
        "TimePassed": "passed",
        "MessageQueued": "queued",
        "MessageReceipted": "receipted",
    }
    name = type(event).__name__
    return {"kind": kinds.get(name, name[0].lower() + name[1:]), **camel(asdict(event))}


def camel(fields: dict[str, Any]) -> dict[str, Any]:
    def renamed(name: str) -> str:
        first, *others = name.split("_")
        return first + "".join(each.capitalize() for each in others)

    return {renamed(name): value for name, value in fields.items()}


@pytest.mark.parametrize("seed", range(2))
def test_page_and_agent_take_the_same_steps(module_page: Page, seed: int) -> None:
    rng = random.Random(seed)
    traces = [make_trace(rng) for _ in range(TRACES)]
    asked = [[{"now": now, "event": event_json(event)} for now, event in trace] for trace in traces]

    answers = module_page.evaluate(FOLLOW, [asked])

    for trace, answer in zip(traces, answers, strict=True):
        assert answer == list(follow(trace))


def test_traces_lead_everywhere() -> None:
    rng = random.Random(0)
    phases = {each["phase"] for _ in range(20) for each in follow(make_trace(rng))}

    assert phases == {each.value for each in Phase}
