"""Browsers and devices that lack something, or are wrong: the page says what, and does what it still can."""

import re
import time

import pytest
from playwright.sync_api import expect

from tests.browser.people import LIMIT_MS, Crowd, Person
from tests.browser.scenes import FINGERPRINT
from tests.chromium import ELSEWHERE

HOURS_OFF_S = 5 * 3_600
# What of each page can not work without a secure origin.
NEEDING = {
    "/sign-up/": "#sign-up",
    "/log-in/": "#log-in",
    "/app/": "#pane",
    f"/invite/#ada.{FINGERPRINT}": "#invitation",
}
NEWER = """
async () => {
    for (const { name, version } of await indexedDB.databases()) {
        if (name === "mesa-profiles") continue
        await new Promise((resolve, reject) => {
            const request = indexedDB.open(name, version + 1)
            request.onsuccess = () => resolve(request.result.close())
            request.onerror = () => reject(request.error)
        })
    }
}
"""


@pytest.fixture(scope="module")
def ada(crowd: Crowd) -> Person:
    made = crowd.person("ada")
    made.sign_up().page.close()
    return made


def test_store_of_a_newer_version_is_left_alone_and_said_so(crowd: Crowd) -> None:
    olga = crowd.person("olga")
    tab = olga.sign_up()
    elsewhere = olga.open("/")
    tab.page.close()
    elsewhere.page.evaluate(NEWER)

    tab = olga.open()

    tab.wait_for_notice("There is a newer version of Mesa")
    assert olga.faults == []


def test_clock_that_is_hours_off_is_said(ada: Person) -> None:
    # The server does not take keys that begin tomorrow.
    ada.expected = re.compile("status of 422")
    page = ada.context.new_page()
    page.clock.install(time=time.time() + HOURS_OFF_S)
    page.goto(f"{ada.url}/app/")

    notice = page.locator("notice-list .notice", has_text="The clock of this device is wrong")
    expect(notice).to_contain_text("300 minutes", timeout=LIMIT_MS)
    page.close()
    assert ada.faults == []
    ada.expected = None


def test_full_storage_is_said_and_account_is_made_when_there_is_space(crowd: Crowd) -> None:
    olga = crowd.person("olga")
    # A page without a store: how much space is left is looked at when one is opened.
    tab = olga.open("/")
    tools = olga.context.new_cdp_session(tab.page)
    tools.send("Storage.overrideQuotaForOrigin", {"origin": olga.url, "quotaSize": 1})
    tab.page.goto(f"{olga.url}/sign-up/")
    tab.fill_in_account()

    expect(tab.page.get_by_role("alert")).to_contain_text("storage of this browser is full", timeout=LIMIT_MS)
    tools.send("Storage.overrideQuotaForOrigin", {"origin": olga.url})
    tab.page.close()
    olga.sign_up()
    assert olga.faults == []


def test_plain_http_beyond_this_machine_is_said_and_nothing_else(crowd: Crowd) -> None:
    olga = crowd.person("olga")
    olga.url = olga.url.replace("127.0.0.1", ELSEWHERE)
    # The browser's own word for a header that it ignores there.
    olga.expected = re.compile("Cross-Origin-Opener-Policy")
    for path, needing in NEEDING.items():
        page = olga.open(path).page

        shown = page.locator("[data-lacks]").filter(visible=True)
        expect(shown).to_contain_text(["This address is not safe for keys"], timeout=LIMIT_MS)
        expect(page.locator(needing)).to_be_hidden()
        page.close()
    assert olga.faults == []


def test_browser_without_webrtc_reads_and_says_what_is_lacking(ada: Person) -> None:
    page = ada.context.new_page()
    page.add_init_script("delete globalThis.RTCPeerConnection")
    page.goto(f"{ada.url}/app/")

    expect(page.locator('[data-lacks="webrtc"]')).to_be_visible(timeout=LIMIT_MS)
    expect(page.locator("conversation-list")).to_be_visible()
    expect(page.locator("peer-status")).to_contain_text(
        re.compile("Online|Forwarding|Waiting"), timeout=LIMIT_MS
    )
    assert ada.faults == []
    page.close()
