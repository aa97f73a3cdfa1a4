"""Links that look well to everybody, and nothing passes: the next message goes around them all the same.

Spec: docs/spec/links.md, section "Limits and timers", and docs/spec/transactions.md, "What fails an attempt"
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from p2p import limits
from tests.network.agents import Agent, Event
from tests.network.conftest import BO, FORWARDERS, Town

# The first of them waits until the town is built.
pytestmark = pytest.mark.timeout(300)

# A neighbour's limit, the server's and the sender's come one after another.
AROUND_WITHIN_S = 2 * limits.RECEIPT_WITHIN.total_seconds()


@contextmanager
def frozen(agent: Agent) -> Iterator[None]:
    os.kill(agent.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(agent.pid, signal.SIGCONT)


def send(ada: Agent, text: str, *, as_number: int) -> Event:
    """Have ada write a line; returns what she says of its receipt, with the seconds that it took."""
    seen = len(ada.events)
    ada.write(f"{text}\n")
    ada.wait_for(lambda events: len(receipts(events)) >= as_number)
    receipt = receipts(ada.events)[as_number - 1]
    return receipt | {"took_s": receipt["time"] - ada.events[seen]["time"]}


def receipts(events: list[Event]) -> list[Event]:
    return [event for event in events if event.get("state") == "delivered"]


def test_next_message_goes_around_a_forwarder_that_froze(town: Town, bo_listens: Agent) -> None:
    forwarders = town.forward(*FORWARDERS)
    ada = town.ada.start("send", BO, "--lines", "--timeout", "60")
    before = send(ada, "one", as_number=1)
    # The one in the middle: an end whose guards are away may have to wait for them.
    passed = {"event": "cells_passed", "incoming": before["hops"][1]}
    (middle,) = [each for each in forwarders if any(passed.items() <= said.items() for said in each.events)]

    with frozen(middle):
        after = send(ada, "two", as_number=2)

    # Another attempt, and no other transaction: that would know nothing of what to go around.
    assert after["attempt"] == before["attempt"] + 1
    assert set(after["hops"]).isdisjoint(before["hops"])
    assert after["took_s"] < AROUND_WITHIN_S
    ada.close_input()
    assert ada.finish() == 0


@pytest.mark.long
def test_next_message_takes_other_links_when_all_went_deaf(town: Town, bo_listens: Agent) -> None:
    town.stop()
    accounts = [town.forwarders[name] for name in FORWARDERS[:3]]
    command = [sys.executable, "-m", "tests.network.deafening_forwarder"]
    forwarders = [Agent(account, [*command, str(account.state)]) for account in accounts]
    for forwarder in forwarders:
        forwarder.wait_for_event("online")
    ada = town.ada.start("send", BO, "--lines", "--timeout", "60")
    before = send(ada, "one", as_number=1)

    for forwarder in forwarders:
        os.kill(forwarder.pid, signal.SIGUSR1)
    after = send(ada, "two", as_number=2)

    assert after["attempt"] == before["attempt"] + 1
    assert after["took_s"] < AROUND_WITHIN_S
    ada.close_input()
    assert [ada.finish(), *(forwarder.stop() for forwarder in forwarders)] == [0, 0, 0, 0]
