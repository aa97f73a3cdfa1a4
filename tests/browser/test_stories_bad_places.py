"""Browsers and devices that lack something, or are wrong: the page says what, and does what it still can."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.people import LIMIT_MS, Crowd, Person
from tests.live_tree import LiveTree

DAY_S = 86_400
HOURS_OFF_S = 5 * 3_600
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
    elsewhere = olga.open("/sign-up/")
    tab.page.close()
    elsewhere.page.evaluate(NEWER)

    tab = olga.open()

    tab.wait_for_notice("There is a newer version of Mesa")
    assert olga.faults == []


def test_clock_that_is_hours_off_is_said(ada: Person) -> None:
    page = ada.context.new_page()
    page.clock.set_fixed_time((time.time() + HOURS_OFF_S) * 1_000)
    page.goto(f"{ada.url}/app/")

    notice = page.locator("notice-list .notice", has_text="The clock of this device is wrong")
    expect(notice).to_contain_text("300 minutes", timeout=LIMIT_MS)
    assert ada.faults == []
    page.close()


def test_full_storage_is_said_and_nothing_is_half_done(ada: Person) -> None:
    tab = ada.open()
    tab.wait_until_ready()
    tools = ada.context.new_cdp_session(tab.page)
    tools.send("Storage.overrideQuotaForOrigin", {"origin": ada.url, "quotaSize": 1})
    page = tab.page
    page.get_by_role("link", name="Settings").click()
    page.get_by_label("Forward for others").click()

    tab.wait_for_notice("The storage of this browser is full")
    assert ada.faults == []
    tools.send("Storage.overrideQuotaForOrigin", {"origin": ada.url})
    page.close()


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


@pytest.fixture
def bare_tree(tmp_path: Path) -> Iterator[LiveTree]:
    """A server that is reached by a name that is not this machine's own, without encryption."""
    made = LiveTree(tmp_path, environment={"MESA_ALLOWED_HOSTS": "mesa.test"})
    made.start()
    yield made
    made.stop()
