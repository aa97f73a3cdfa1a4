"""Parts of the network die in mid-traffic; every message still arrives, once and in order."""

import subprocess
from itertools import pairwise

import pytest
import redis

from mesa import store
from mesa.state_dir import store_socket
from tests.network.agents import Agent, Event
from tests.network.conftest import BO, FORWARDERS, Town

MESSAGES = 100
BATCH = 20
FAULT_LIMIT_S = 150.0


class Sender:
    """ada, who writes in batches and waits for some of each to arrive before something breaks."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.texts: list[str] = []

    def write(self, count: int) -> None:
        texts = [f"message {len(self.texts) + number}" for number in range(count)]
        self.texts += texts
        self.agent.write("\n".join(texts) + "\n")

    def wait_for_receipts(self, count: int) -> None:
        self.agent.wait_for(lambda events: delivered(events) >= count, limit_s=FAULT_LIMIT_S)

    def path(self) -> list[str]:
        """Hop ids of the newest path."""
        return next((event["hops"] for event in reversed(self.agent.events) if event.get("hops")), [])


def delivered(events: list[Event]) -> int:
    return sum(event.get("state") == "delivered" for event in events)


def forwarder_on(path: list[str], town: Town) -> str:
    """The name of a forwarder that is in the middle of a path."""
    return next(
        name
        for name, agent in town.running.items()
        if any(event.get("incoming") == path[1] for event in agent.events)
    )


class Outsider:
    """Somebody who reaches into the running store, as an operator's mistake would."""

    def __init__(self, town: Town) -> None:
        url = town.servers.environment.get("MESA_REDIS_URL")
        self._client: redis.Redis[bytes] = redis.Redis.from_url(
            url or f"unix://{store_socket(town.tree.state_dir)}"
        )

    def epoch(self) -> bytes | None:
        return self._client.get(store.EPOCH)

    def flush(self) -> None:
        self._client.flushall()


def session_words(events: list[Event]) -> list[str]:
    return [event["event"] for event in events if event["event"].startswith("session_")]


def has_session(events: list[Event]) -> bool:
    return session_words(events)[-1:] == ["session_opened"]


def new_stores_noticed(events: list[Event]) -> int:
    """How often an open socket got another welcome: so the server says that its store was emptied."""
    return list(pairwise(session_words(events))).count(("session_opened", "session_opened"))


@pytest.mark.db
@pytest.mark.timeout(400)
def test_nothing_is_lost_or_doubled_while_parts_die(town: Town, bo_listens: Agent) -> None:
    town.forward(*FORWARDERS)
    sender = Sender(town.ada.start("send", BO, "--lines", "--timeout", "200"))

    sender.write(BATCH)
    sender.wait_for_receipts(BATCH // 2)
    town.running.pop(forwarder_on(sender.path(), town)).kill()
    sender.write(BATCH)
    sender.wait_for_receipts(BATCH + BATCH // 2)

    subprocess.run(["kill", "-KILL", str(town.tree.pids["worker"])], check=True)
    sender.write(BATCH)
    town.tree.wait()
    town.tree.start()
    sender.wait_for_receipts(2 * BATCH + BATCH // 2)

    sender.write(BATCH)
    town.tree.restart()
    sender.wait_for_receipts(3 * BATCH + BATCH // 2)

    # Who comes back only after the flush has nothing to notice.
    sender.agent.wait_for(has_session)
    outsider = Outsider(town)
    epoch, noticed = outsider.epoch(), new_stores_noticed(sender.agent.events)
    sender.write(BATCH)
    outsider.flush()
    assert delivered(sender.agent.events) < MESSAGES
    sender.wait_for_receipts(MESSAGES)
    sender.agent.wait_for(lambda events: new_stores_noticed(events) > noticed)
    sender.agent.close_input()

    assert sender.agent.finish() == 0
    assert outsider.epoch() not in (None, epoch)
    assert len(sender.texts) == MESSAGES
    assert bo_listens.all_received(MESSAGES) == sender.texts
    # The first path, and one after each fault that surely broke it. A store of its own outlives the tree.
    paths = {tuple(event["hops"]) for event in sender.agent.events if event.get("hops")}
    assert len(paths) >= (4 if town.servers.store is None else 3)
