"""What a page can not do, for now or at all, it says where the user looks; nothing is lost by it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Route, expect

from tests.browser.people import LIMIT_MS, OUTAGE, Crowd, Person, Tab

OFFLINE = "What you write waits on this device"
REFUSED = "That did not work"
OTHER_KEYS = "The server shows other keys for you"
NEWER = "There is a newer version of Mesa"
NEWER_LIST = """
async () => {
    const request = indexedDB.open("mesa-profiles", 99)
    await new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result.close())
        request.onerror = () => reject(request.error)
    })
}
"""
# What a browser does with a page that it keeps while others are shown.
LEAVE_AND_COME_BACK = """
() => {
    dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true }))
    dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }))
}
"""


@pytest.fixture(scope="module")
def tab(crowd: Crowd) -> Tab:
    ada = crowd.person("ada")
    ada.expected = OUTAGE
    return ada.sign_up()


@pytest.fixture
def offline(tab: Tab) -> Iterator[Tab]:
    """A browser that says it is offline; what is open stays open."""
    tab.page.context.set_offline(True)
    yield tab
    tab.page.context.set_offline(False)
    tab.wait_until_gone(OFFLINE)
    tab.wait_until_ready()
    assert tab.person.faults == []


def test_browser_that_says_it_is_offline_is_believed_at_once(offline: Tab) -> None:
    offline.wait_for_notice(OFFLINE)
    expect(offline.page.locator("peer-status")).to_contain_text("Offline")


def test_setting_that_can_not_be_changed_shows_what_holds(offline: Tab) -> None:
    page = offline.page
    page.goto(f"{offline.person.url}/app/#settings")
    choice = page.get_by_label("Who can find me by search")

    choice.select_option("hidden")

    offline.wait_for_notice(REFUSED)
    expect(choice).to_have_value("prefix")
    offline.page.context.set_offline(False)
    choice.select_option("exact")
    offline.wait_until_gone(REFUSED)


def test_log_out_without_a_server_goes_on_as_before(offline: Tab) -> None:
    offline.page.goto(f"{offline.person.url}/app/#settings")

    offline.page.get_by_role("button", name="Log out").click()

    offline.wait_for_notice(REFUSED)


def test_decision_that_fails_leaves_the_request_there(crowd: Crowd, tab: Tab) -> None:
    olga = crowd.person("olga")
    olga.sign_up().find_and_ask(tab.person.name, "It is olga.")
    request = tab.page.locator("article.request", has_text=olga.name)
    expect(request).to_be_visible(timeout=LIMIT_MS)
    tab.page.context.route("**/api/**", lambda route: route.abort())

    request.get_by_role("button", name="Accept").click()

    tab.wait_for_notice(REFUSED)
    expect(request).to_be_visible()
    tab.page.context.unroute("**/api/**")
    tab.accept(olga.name)
    tab.wait_until_gone(REFUSED)
    assert tab.person.faults == olga.faults == []
    olga.close()


def test_other_keys_for_oneself_are_said_in_every_window_and_stop_nothing(tab: Tab) -> None:
    def lie(route: Route) -> None:
        route.fulfill(json={"statements": ["AAAA"]})

    tab.page.context.route("**/api/accounts/statements/", lie)
    tab.page.reload()

    tab.wait_for_notice(OTHER_KEYS)
    tab.wait_until_ready()
    second = tab.person.open()
    second.wait_for_notice(OTHER_KEYS)
    second.page.close()
    tab.page.context.unroute("**/api/accounts/statements/")
    assert tab.person.faults == []


def test_page_that_the_browser_has_kept_begins_anew(tab: Tab) -> None:
    with tab.page.expect_event("load", timeout=LIMIT_MS):
        tab.page.evaluate(LEAVE_AND_COME_BACK)

    tab.wait_until_ready()
    assert tab.person.faults == []


@pytest.mark.parametrize("path", ["/app/", "/log-in/", "/sign-up/"])
def test_newer_list_of_accounts_is_left_alone_and_said_so(newer: Person, path: str) -> None:
    tab = newer.open(path)

    tab.wait_for_notice(NEWER)
    expect(tab.page.get_by_role("button", name="Load again")).to_be_visible()
    tab.page.close()
    assert newer.faults == []


@pytest.fixture(scope="module")
def newer(crowd: Crowd) -> Iterator[Person]:
    """A browser profile in which a newer version was used."""
    bo = crowd.person("bo")
    page = bo.open("/").page
    page.evaluate(NEWER_LIST)
    page.close()
    yield bo
    bo.close()
