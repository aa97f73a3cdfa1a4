"""One account in several windows: they show the same, one works for all, and its end is nobody's loss."""

import re
from collections.abc import Iterator

import pytest

from tests.browser.people import PASSWORD, Crowd, Person, Tab
from tests.network.agents import Agent
from tests.waiting import wait_for

# Longer than a window waits for an answer of the one that leads.
FROZEN_S = 6
OTHER = "Mesa is open in another tab"
# Nothing leaves by a link: what is written is on the disk, and stays on its way.
MUTE = "() => { RTCDataChannel.prototype.send = () => {} }"


@pytest.fixture
def first(crowd: Crowd, echo: Agent) -> Iterator[Tab]:
    """The window of somebody who writes to the agent, and leads."""
    ada = crowd.person("ada")
    tab = ada.sign_up()
    tab.find_and_ask(echo.name, "It is me.")
    yield tab
    assert ada.faults == []
    ada.close()


def test_windows_of_one_account_show_the_same_and_both_send(first: Tab, echo: Agent) -> None:
    first.write("one")
    first.wait_for_texts(["one", "one"])
    first.page.reload()
    first.wait_for_texts(["one", "one"])

    second = another(first.person, echo)
    second.wait_for_notice(OTHER)
    second.write("two")
    for tab in (first, second):
        tab.wait_for_texts(["one", "one", "two", "two"])
        tab.wait_until_all_delivered(2)
    first.write("three")
    for tab in (first, second):
        tab.wait_for_texts(["one", "one", "two", "two", "three", "three"])
        tab.wait_until_all_delivered(3)

    assert first.numbers() == second.numbers() == [1, 2, 3, 4, 5, 6]
    first.wait_until_gone(OTHER)


def test_second_window_takes_over_from_one_that_is_closed_in_mid_send(first: Tab, echo: Agent) -> None:
    second = another(first.person, echo)
    second.write("before")
    second.wait_until_all_delivered(1)
    first.page.evaluate(MUTE)
    first.write("from the one that goes")
    # What is shown is on the disk.
    first.wait_for_text("from the one that goes")
    second.write("from the one that stays")
    first.page.close()
    second.write("after")

    second.wait_until_gone(OTHER)
    arrive_once(second, ["before", "from the one that goes", "from the one that stays", "after"])


def test_second_window_takes_over_from_one_that_crashes_in_mid_send(first: Tab, echo: Agent) -> None:
    second = another(first.person, echo)
    second.write("before")
    second.wait_until_all_delivered(1)
    texts = [f"through it {number}" for number in range(5)]
    for text in texts:
        second.write(text)
    first.crash()
    second.write("after")

    arrive_once(second, ["before", *texts, "after"])
    second.wait_until_gone(OTHER)


def test_window_that_froze_writes_nothing_when_it_goes_on(first: Tab, echo: Agent) -> None:
    second = another(first.person, echo)
    second.write("before")
    second.wait_until_all_delivered(1)
    first.freeze(FROZEN_S)
    second.write("while it is frozen")
    second.wait_until_gone(OTHER)
    # What was written there comes when the page goes on, to a window that leads no longer.
    first.write("after it")

    for tab in (first, second):
        arrive_once(tab, ["before", "while it is frozen", "after it"])
    # On a busy machine the second one may be silent for so long that the first takes over again.
    wait_for(lambda: [tab.notice(OTHER).is_visible() for tab in (first, second)].count(True) == 1, limit_s=30)
    assert first.numbers() == second.numbers()


@pytest.mark.parametrize("is_logged_out", [False, True], ids=["logged-in", "logged-out"])
def test_logging_in_beside_an_open_window_connects_both(crowd: Crowd, *, is_logged_out: bool) -> None:
    ada = crowd.person("ada")
    first = ada.sign_up()
    second = ada.open("/log-in/")
    if is_logged_out:
        ada.expected = re.compile("status of 401")
        ada.context.clear_cookies()
        first.page.evaluate("openSockets.splice(0).forEach((each) => each.close())")
        first.wait_for_notice("You are logged out")
        second.page.reload()
    second.page.get_by_label("Password", exact=True).locator("visible=true").fill(PASSWORD)
    second.page.get_by_role("button", name="Log in", exact=True).click()
    second.page.wait_for_url("**/app/**")

    for tab in (first, second):
        tab.wait_until_ready()
        tab.wait_until_gone("You are logged out")
    # Whoever leads can still write.
    second.page.reload()
    second.wait_until_ready()
    first.wait_until_ready()
    assert ada.faults == []
    ada.close()


def another(person: Person, echo: Agent) -> Tab:
    """Open a second window with the same chat."""
    tab = person.open()
    tab.wait_until_ready()
    tab.open_chat(echo.name)
    return tab


def arrive_once(tab: Tab, texts: list[str]) -> None:
    """Wait until each of these texts has arrived and come back, and nothing twice."""
    tab.wait_until_all_delivered(len(texts))
    tab.wait_for_count(2 * len(texts))
    assert sorted(tab.texts()) == sorted(2 * texts)
