"""One of two web processes is killed in mid-traffic: nobody waits long for the peers that it took along.

Spec: docs/spec/transactions.md, section "Arrivals and departures"
"""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from p2p import store_keys
from tests.network.agents import Account, Agent, Event, register
from tests.network.crash_scene import ADA, BO, Scene, build_scene
from tests.waiting import wait_for

# Silence of 2 s, the look each second, the grace of 3 s for a path that was drawn meanwhile, two tries.
NOTICED_WITHIN_S, DELIVERED_WITHIN_S = 5.0, 12.0
LOST_ONES = ("g1", "g2", "g3")


@pytest.fixture
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with build_scene(tmp_path_factory.mktemp("webs"), postgresql=False) as made:
        yield made


@pytest.fixture
def lost_ones(scene: Scene, tmp_path: Path) -> Iterator[list[Agent]]:
    """Three more who forward, at a web process of their own."""
    scene.server.second_web.start()
    accounts = [register(scene.server.second_url, name, tmp_path) for name in LOST_ONES]
    agents = [account.start("forward") for account in accounts]
    for agent in agents:
        agent.wait_for_event("online")
    yield agents
    for agent in agents:
        agent.stop()


def web_count(scene: Scene) -> int:
    with scene.server.store() as store:
        return int(store.zcard(store_keys.WEBS))


def send(ada: Account, text: str) -> list[Event]:
    """Send a text over a path of its own; returns what became of it."""
    return [event for event in ada.run("send", BO, text) if event["event"] == "message_progress"]


@pytest.mark.long
@pytest.mark.timeout(200)
def test_peers_of_a_killed_web_process_cost_no_attempt_once_it_is_noticed(
    scene: Scene, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    scene.begin()
    ada = scene.accounts[ADA]
    # Their guards are those that stay.
    send(ada, "before")
    lost: list[Agent] = request.getfixturevalue("lost_ones")
    assert web_count(scene) == 2

    scene.server.second_web.kill()
    began = time.monotonic()
    meanwhile = send(ada, "meanwhile")
    took_s = time.monotonic() - began
    wait_for(lambda: web_count(scene) == 1, limit_s=NOTICED_WITHIN_S)
    afterwards = [send(ada, f"afterwards {number}") for number in range(4)]

    assert meanwhile[-1]["state"] == "delivered"
    assert took_s < DELIVERED_WITHIN_S
    assert [(each[-1]["state"], each[-1]["attempt"]) for each in afterwards] == [("delivered", 1)] * 4
    assert scene.texts() == ["before", "meanwhile", *(f"afterwards {number}" for number in range(4))]

    scene.server.second_web.start()
    for agent in lost:
        agent.wait_for(lambda events: [event["event"] for event in events].count("session_opened") == 2)
