"""The receiver's process is killed in mid-traffic, again and again: nothing is lost, or shown twice at will.

Spec: docs/spec/agent.md, section "Showing messages"
"""

from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from tests.network.agents import Agent, Event
from tests.network.conftest import BO, FORWARDERS, Town

KILLS = 3
BATCH = 50
MESSAGES = (KILLS + 1) * BATCH
SHOWN_BEFORE_A_KILL = 5
DELIVERY_LIMIT_S = 150.0

Shown = tuple[int, str]


def listen(town: Town) -> Agent:
    bo = town.bo.start("listen", "--no-forward")
    bo.wait_for_event("online")
    return bo


def is_shown(event: Event) -> bool:
    return bool(event["event"] == "message_received")


def shown_by(agent: Agent) -> list[Shown]:
    return [(event["number"], event["text"]) for event in agent.events if is_shown(event)]


def delivered(events: list[Event]) -> int:
    return sum(event.get("state") == "delivered" for event in events)


@dataclass
class Sender:
    """ada, who writes in batches."""

    agent: Agent
    texts: list[str] = field(default_factory=list)

    def write(self) -> None:
        batch = [f"message {len(self.texts) + number}" for number in range(BATCH)]
        self.texts += batch
        self.agent.write("\n".join(batch) + "\n")

    @property
    def waits(self) -> bool:
        """Whether some of what was written has no receipt yet."""
        return delivered(self.agent.events) < len(self.texts)


def run_until_killed(town: Town, ada: Sender) -> tuple[list[Shown], bool]:
    """Kill bo while he shows a batch; returns what he showed, and whether more was on its way."""
    bo = listen(town)
    ada.write()
    bo.wait_for(lambda events: sum(map(is_shown, events)) >= SHOWN_BEFORE_A_KILL)
    bo.kill()
    return shown_by(bo), ada.waits


def run_to_the_end(town: Town, ada: Sender) -> list[Shown]:
    bo = listen(town)
    ada.write()
    ada.agent.wait_for(lambda events: delivered(events) >= MESSAGES, limit_s=DELIVERY_LIMIT_S)
    bo.wait_for(lambda events: any(event.get("text") == ada.texts[-1] for event in events))
    bo.stop()
    return shown_by(bo)


@pytest.mark.timeout(300)
def test_a_killed_listener_shows_all_in_order_and_twice_only_what_it_could_not_note(town: Town) -> None:
    town.forward(*FORWARDERS[:3])
    ada = Sender(town.ada.start("send", BO, "--lines", "--timeout", str(DELIVERY_LIMIT_S)))

    killed = [run_until_killed(town, ada) for _ in range(KILLS)]
    runs = [*(shown for shown, _ in killed), run_to_the_end(town, ada)]
    ada.agent.close_input()

    assert ada.agent.finish() == 0
    assert any(was_in_traffic for _, was_in_traffic in killed)
    for before, after in pairwise(runs):
        # Only the line that a crash parted from its note comes again: the last one, first, under its number.
        if after[:1] == before[-1:]:
            after.pop(0)
    shown = [each for run in runs for each in run]
    assert [text for _, text in shown] == ada.texts
    assert [number for number, _ in shown] == sorted({number for number, _ in shown})
