"""What a device is changes what the page does: what it carries for others, and what it promises to keep."""

import pytest
from playwright.sync_api import expect

from tests.browser.people import LIMIT_MS, Crowd

PHONE = "Object.defineProperty(Navigator.prototype, 'userAgentData', { get: () => ({ mobile: true }) })"
METERED = "Object.defineProperty(Navigator.prototype, 'connection', { get: () => ({ saveData: true }) })"

AT_RISK = "The browser may delete your messages"


@pytest.mark.parametrize(
    ("device", "forwards"),
    [("", True), (PHONE, False), (METERED, False)],
    ids=["desktop", "phone", "metered"],
)
def test_device_forwards_as_it_is_or_as_its_user_says(crowd: Crowd, device: str, *, forwards: bool) -> None:
    olga = crowd.person("olga")
    olga.context.add_init_script(device)
    tab = olga.sign_up()
    page = tab.page
    page.get_by_role("link", name="Settings", exact=True).click()
    switch = page.get_by_role("switch", name="Forward for others")
    meter = page.locator("forwarding-meter")

    expect(switch).to_be_checked(checked=forwards, timeout=LIMIT_MS)
    expect(meter).to_contain_text("a second" if forwards else "forwarding is off", timeout=LIMIT_MS)
    switch.set_checked(not forwards)
    expect(meter).to_contain_text("forwarding is off" if forwards else "a second", timeout=LIMIT_MS)
    page.reload()

    # What was chosen counts, whatever the device is.
    expect(switch).to_be_checked(checked=not forwards, timeout=LIMIT_MS)
    assert olga.faults == []
    olga.close()


def test_browser_that_may_delete_what_is_stored_is_said_until_it_is_put_off(crowd: Crowd) -> None:
    olga = crowd.person("olga")
    tab = olga.sign_up()
    tab.wait_for_notice(AT_RISK)
    # Another window later says it, too.
    tab.page.reload()
    tab.wait_for_notice(AT_RISK)

    tab.notice(AT_RISK).get_by_role("button", name="Not now").click()
    tab.wait_until_gone(AT_RISK)
    tab.page.reload()

    tab.wait_until_ready()
    tab.page.get_by_role("link", name="Settings", exact=True).click()
    expect(tab.page.locator("settings-panel").get_by_text(AT_RISK)).to_be_visible(timeout=LIMIT_MS)
    expect(tab.notice(AT_RISK)).to_have_count(0)
    assert olga.faults == []
    olga.close()
