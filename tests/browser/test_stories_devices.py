"""Phones and connections that are paid by their bytes carry nothing for others, unless their user says so."""

import pytest
from playwright.sync_api import expect

from tests.browser.people import LIMIT_MS, Crowd

PHONE = "Object.defineProperty(Navigator.prototype, 'userAgentData', { get: () => ({ mobile: true }) })"
METERED = "Object.defineProperty(Navigator.prototype, 'connection', { get: () => ({ saveData: true }) })"


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
    page.get_by_role("link", name="Settings").click()
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
