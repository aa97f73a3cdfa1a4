"""Parts of the network die in mid-traffic; every message still arrives, once and in order."""

import subprocess
from itertools import pairwise

import pytest
import redis

from mesa import store
from mesa.state_dir import store_socket
from tests.network.agents import Agent, Event
from tests.network.conftest import BO, FORWARDERS, Town
from tests.network.deliveries import (
    Sender,
    delivered,
    forwarder_on,
    has_session,
    session_words,
)

MESSAGES = 100
BATCH = 20


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
