"""Two people chat, as people do: in real browsers, over a real server and real forwarders."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.people import Person
from tests.live_tree import LiveTree
from tests.network.agents import Agent, register

FORWARDERS = ("f1", "f2", "f3", "f4")
MESSAGES = 50


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveTree]:
    made = LiveTree(tmp_path_factory.mktemp("tree"))
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def forwarders(tree: LiveTree, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Agent]]:
    """Agents that forward."""
    folder = tmp_path_factory.mktemp("agents")
    agents = [register(tree.url, name, folder).start("forward") for name in FORWARDERS]
    for agent in agents:
        agent.wait_for_event("online")
    yield agents
    for agent in agents:
        agent.stop()


@pytest.mark.usefixtures("forwarders")
def test_two_people_meet_and_write_fifty_messages_each(browser: Browser, tree: LiveTree) -> None:
    ada, bo = (Person.at(browser, tree.url, name) for name in ("ada", "bo"))
    hers, his = ada.sign_up(), bo.sign_up()

    hers.find_and_ask("bo", "It is me, ada.")
    his.accept("ada")
    hers.open_chat("bo")
    his.open_chat("ada")
    for number in range(MESSAGES):
        hers.write(f"ada {number}")
        his.write(f"bo {number}")
    hers.wait_until_all_delivered(MESSAGES)
    his.wait_until_all_delivered(MESSAGES)

    for tab in (hers, his):
        texts = tab.texts()
        for name in ("ada", "bo"):
            assert [each for each in texts if each.startswith(name)] == [
                f"{name} {n}" for n in range(MESSAGES)
            ]
    assert ada.faults == bo.faults == []
    ada.close()
    bo.close()
