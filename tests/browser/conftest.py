"""What the stories of this folder share: a browser, a server with agents that forward, and people."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
import redis
from playwright.sync_api import Browser

from mesa import state_dir, store
from tests.browser.people import Crowd
from tests.chromium import ELSEWHERE, chromium
from tests.live_tree import LiveTree
from tests.network.agents import Agent, register

FORWARDERS = ("f1", "f2", "f3", "f4")


# While it runs, this thread has an event loop of its own: no test of another module may run meanwhile.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveTree]:
    """A server for stories alone, which may restart it."""
    hosts = {"MESA_ALLOWED_HOSTS": f"localhost 127.0.0.1 {ELSEWHERE}"}
    made = LiveTree(tmp_path_factory.mktemp("tree"), environment=hosts)
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="session")
def agents_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("agents")


@pytest.fixture(scope="session")
def forwarders(tree: LiveTree, agents_folder: Path) -> Iterator[list[Agent]]:
    """Agents that forward."""
    agents = [register(tree.url, name, agents_folder).start("forward") for name in FORWARDERS]
    for agent in agents:
        agent.wait_for_event("online")
    yield agents
    for agent in agents:
        agent.stop()


@pytest.fixture(scope="session")
def first_number() -> int:
    """The number behind the first name on the server that the stories share."""
    return 1


@pytest.fixture(scope="session")
def numbers(first_number: int) -> Iterator[int]:
    return count(first_number)


@pytest.fixture(scope="module")
def crowd(browser: Browser, tree: LiveTree, numbers: Iterator[int]) -> Iterator[Crowd]:
    """People at the shared server; what they saw is looked at when their module ends, too.

    All sign up from one address, more than may in an hour: each module's people find the allowance whole.
    """
    with redis.Redis(unix_socket_path=str(state_dir.store_socket(tree.state_dir))) as client:
        for key in client.scan_iter(store.key("throttle", "*")):
            client.delete(key)
    made = Crowd(browser, tree.url, numbers)
    yield made
    assert [each.faults for each in made.people if each.faults] == []
    made.leave()


@pytest.fixture(scope="module")
def echo(crowd: Crowd, agents_folder: Path, forwarders: list[Agent]) -> Iterator[Agent]:
    """An agent that answers each message with its own text."""
    agent = register(crowd.url, crowd.name("bo"), agents_folder).start("listen", "--accept-all", "--echo")
    agent.wait_for_event("online")
    yield agent
    agent.stop()
