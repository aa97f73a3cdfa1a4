"""People chat: in real browsers, over a real server and real forwarders."""

import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.people import LIMIT_MS, Crowd, Tab, meet
from tests.live_tree import LiveTree
from tests.network.agents import register

MESSAGES = 50
HELPERS = 3


@pytest.mark.usefixtures("forwarders")
def test_two_people_meet_and_write_fifty_messages_each(crowd: Crowd) -> None:
    ada, bo = crowd.person("ada"), crowd.person("bo")
    hers, his = meet(ada, bo)

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


@pytest.mark.usefixtures("forwarders")
def test_browser_and_agent_write_to_each_other(crowd: Crowd, agents_folder: Path) -> None:
    ada = crowd.person("ada")
    hers = ada.sign_up()
    bo = register(crowd.url, crowd.name("bo"), agents_folder)
    listener = bo.start("listen", "--accept-all")
    listener.wait_for_event("online")

    hers.find_and_ask(bo.name, "It is me.")
    expect(hers.page.locator(".thread-note__words")).to_have_text("It is me.")
    hers.write("to an agent")
    hers.wait_until_delivered("to an agent")
    assert listener.all_received(1) == ["to an agent"]
    # It fails if no receipt comes.
    bo.run("send", ada.name, "to a browser", "--timeout", "120")

    hers.wait_for_texts(["to an agent", "to a browser"])
    assert ada.faults == []
    ada.close()


@pytest.fixture
def quiet_tree(tmp_path: Path) -> Iterator[LiveTree]:
    """A server where nobody is but those who come to it."""
    made = LiveTree(tmp_path)
    made.start()
    yield made
    made.stop()


def test_tabs_of_three_other_people_are_all_the_forwarders(browser: Browser, quiet_tree: LiveTree) -> None:
    crowd = Crowd(browser, quiet_tree.url, count(1))
    ada, bo = crowd.person("ada"), crowd.person("bo")
    hers, his = meet(ada, bo)
    hers.write("is anybody there?")
    his.write("not yet")
    helpers = [crowd.person("f") for _ in range(HELPERS)]
    tabs = [each.sign_up() for each in helpers]

    hers.wait_until_all_delivered(1)
    his.wait_until_all_delivered(1)

    for tab in tabs:
        wait_until_it_carried(tab)
    assert [each.faults for each in crowd.people] == [[]] * len(crowd.people)
    crowd.leave()


def wait_until_it_carried(tab: Tab) -> None:
    """Wait until a window says that it carried cells of others; it may still show what was drawn before."""
    tab.page.get_by_role("link", name="Settings", exact=True).click()
    total = tab.page.locator('forwarding-meter [data-part="total"]')
    expect(total).to_have_text(re.compile("[1-9][0-9,]* cell"), timeout=LIMIT_MS)
