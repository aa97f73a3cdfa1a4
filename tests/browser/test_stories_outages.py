"""The server is out of reach for a while: what is written meanwhile arrives, by itself and once."""

import pytest

from tests.browser.people import OUTAGE, Crowd, Tab
from tests.live_tree import LiveTree
from tests.network.agents import Agent

OFFLINE = "No connection to the server"


@pytest.fixture(scope="module")
def tab(crowd: Crowd, echo: Agent) -> Tab:
    """The window of somebody who writes to the agent."""
    ada = crowd.person("ada")
    tab = ada.sign_up()
    tab.find_and_ask(echo.name, "It is me.")
    ada.expected = OUTAGE
    tab.write("before all")
    tab.wait_for_count(2)
    return tab


def test_what_is_written_offline_goes_out_by_itself(tab: Tab) -> None:
    there = len(tab.texts())
    tab.lose_network()
    tab.wait_for_notice(OFFLINE)
    tab.write("while offline")
    tab.wait_for_text("while offline")

    tab.find_network()

    tab.wait_until_gone(OFFLINE)
    tab.wait_until_delivered("while offline")
    tab.wait_for_count(there + 2)
    assert tab.person.faults == []


def test_what_is_written_while_the_server_is_down_goes_out_when_it_is_back(tab: Tab, tree: LiveTree) -> None:
    there = len(tab.texts())
    tree.restart()
    tab.write("while it starts")
    tab.write("and more")

    tab.wait_until_delivered("while it starts")
    tab.wait_until_delivered("and more")
    tab.wait_until_gone(OFFLINE)
    tab.wait_for_count(there + 4)
    assert tab.person.faults == []
