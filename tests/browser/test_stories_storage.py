"""The browser has no space left, or deletes what the page kept: it is said, and no text is lost unsaid."""

from itertools import count

import pytest
from playwright.sync_api import expect

from tests.browser.people import LIMIT_MS, Crowd, Tab
from tests.network.agents import Agent

# For a start of the page and a few messages.
SPACE_BYTES = 20_000
# A text that is longer is not drawn whole.
TEXT_SIGNS = 3_900
FULL = "The storage of this browser is full"


@pytest.fixture(scope="module")
def tab(crowd: Crowd, echo: Agent) -> Tab:
    """The window of somebody who writes to the agent."""
    tab = crowd.person("ada").sign_up()
    tab.find_and_ask(echo.name, "It is me.")
    tab.write("before all")
    tab.wait_for_count(2)
    return tab


def test_what_finds_no_space_stays_in_its_chat_and_goes_when_there_is_some(tab: Tab) -> None:
    page, origin = tab.page, {"origin": tab.person.url}
    tools = page.context.new_cdp_session(page)
    usage = tools.send("Storage.getUsageAndQuota", origin)["usage"]
    tools.send("Storage.overrideQuotaForOrigin", {**origin, "quotaSize": usage + SPACE_BYTES})
    # How much is left is looked at when a store is opened.
    page.reload()
    tab.wait_for_count(2)
    refused = page.locator("li.message--failed")
    mine = page.locator("li.message--mine")
    for number in count(1):
        text = text_of(number)
        tab.write(text)
        expect(mine.nth(number)).to_be_visible(timeout=LIMIT_MS)
        if refused.is_visible():
            break

    expect(refused).to_contain_text("Not sent. This device could not store it.")
    expect(refused.locator(".message__text")).to_have_text(text)
    tab.wait_for_notice(FULL)

    tools.send("Storage.overrideQuotaForOrigin", origin)
    refused.get_by_role("button", name="Try again").click()

    texts = ["before all", *(text_of(each) for each in range(1, number + 1))]
    # Receipts that found no space come again when their messages are sent again.
    expect(mine.filter(has_text="Delivered")).to_have_count(len(texts), timeout=2 * LIMIT_MS)
    tab.wait_until_gone(FULL)
    expect(page.locator("li.message")).to_have_count(2 * len(texts), timeout=2 * LIMIT_MS)
    assert sorted(tab.texts()) == sorted(2 * texts)
    assert tab.person.faults == []


def text_of(number: int) -> str:
    """One of a few that fill what is left."""
    return f"{number} " + "x" * TEXT_SIGNS


def test_store_that_the_browser_deletes_is_told_of_and_the_recovery_code_leads_back(
    tab: Tab, echo: Agent
) -> None:
    page, ada = tab.page, tab.person
    tools = page.context.new_cdp_session(page)
    tools.send("Storage.clearDataForOrigin", {"origin": ada.url, "storageTypes": "indexeddb"})

    tab.wait_for_notice("What Mesa keeps in this browser can not be read")
    tab.write("too late")
    refused = page.locator("li.message--failed")
    expect(refused).to_contain_text("Not sent.")
    expect(refused.locator(".message__text")).to_have_text("too late")

    page.get_by_role("button", name="Load again").click()
    expect(page.get_by_role("heading", name="No keys here")).to_be_visible(timeout=LIMIT_MS)
    page.close()
    again = ada.recover(ada.code)
    again.find_and_ask(echo.name, "My browser has forgotten me.")
    again.write("here again")
    again.wait_for_texts(["here again", "here again"])
    assert ada.faults == []
