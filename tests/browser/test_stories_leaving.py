"""Changing the password, wiping a device, removing an account: done whole or not at all, in every window."""

import re

from playwright.sync_api import expect

from tests.browser.people import LIMIT_MS, PASSWORD, Crowd, Person, Tab

# The browser writes down each answer that refuses.
REFUSALS = re.compile(r"status of 40[0-9]")


def settings_of(person: Person) -> Tab:
    tab = person.sign_up()
    person.expected = REFUSALS
    tab.page.goto(f"{person.url}/app/#settings")
    return tab


def test_account_is_removed_from_every_window_by_its_password_alone(crowd: Crowd) -> None:
    ada = crowd.person("ada")
    tab = settings_of(ada)
    other = ada.open()
    other.wait_until_ready()
    page = tab.page

    page.get_by_role("button", name="Change the password").click()
    dialog = page.locator("#password")
    dialog.get_by_label("Current password", exact=True).fill(PASSWORD)
    dialog.get_by_label("New password", exact=True).fill("password123")
    dialog.get_by_role("button", name="Change it").click()
    expect(dialog.locator("#new-error")).to_contain_text("too easy to guess", timeout=LIMIT_MS)
    dialog.get_by_label("New password", exact=True).fill(PASSWORD + "!")
    dialog.get_by_role("button", name="Change it").click()
    expect(dialog).to_be_hidden(timeout=LIMIT_MS)
    tab.wait_until_ready()

    page.get_by_role("button", name="Remove account").click()
    dialog = page.locator("#remove")
    dialog.get_by_label("Password", exact=True).fill(PASSWORD)
    dialog.get_by_role("button", name="Remove the account").click()
    expect(dialog.locator("#remove-password-error")).to_have_text("The password is wrong.", timeout=LIMIT_MS)
    dialog.get_by_label("Password", exact=True).fill(PASSWORD + "!")
    dialog.get_by_role("button", name="Remove the account").click()

    for each in (tab, other):
        expect(each.page.get_by_role("heading", name="No keys here")).to_be_visible(timeout=LIMIT_MS)
    assert ada.faults == []
    ada.close()


def test_wiped_device_keeps_no_keys(crowd: Crowd) -> None:
    ada = crowd.person("ada")
    tab = settings_of(ada)

    tab.page.get_by_role("button", name="Wipe now").click()
    tab.page.get_by_role("button", name="Wipe this device").click()

    expect(tab.page.get_by_role("heading", name="No keys here")).to_be_visible(timeout=LIMIT_MS)
    names = "async () => (await indexedDB.databases()).map(({ name }) => name)"
    assert tab.page.evaluate(names) == ["mesa-profiles"]
    assert ada.faults == []
    ada.close()


def test_app_leads_back_to_a_code_that_was_not_confirmed(crowd: Crowd) -> None:
    tab = crowd.person("ada").open("/sign-up/")
    tab.fill_in_account()
    code = tab.page.locator(".recovery-code")
    expect(code).to_be_visible(timeout=LIMIT_MS)
    shown = code.inner_text()

    tab.page.goto(f"{crowd.url}/app/")

    expect(code).to_be_visible(timeout=LIMIT_MS)
    assert code.inner_text() == shown
