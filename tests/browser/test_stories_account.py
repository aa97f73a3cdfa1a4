"""What ends an account in a browser: whole, and possible whatever became of login and other windows."""

import re

from django.test import Client
from playwright.sync_api import Route, expect
from pytest_django import Settings

from tests.browser.people import LIMIT_MS, OUTAGE, PASSWORD, Crowd, Tab

REFUSALS = re.compile("status of 40[0-9]")
NAMES = "async () => (await indexedDB.databases()).map(({ name }) => name)"
OPEN_NEWER = """
async () => {
    const names = (await indexedDB.databases()).map(({ name }) => name)
    const request = indexedDB.open(names.find((name) => /^mesa-[0-9a-f]{16}$/.test(name)), 99)
    await new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result.close())
        request.onerror = () => reject(request.error)
    })
}
"""


def wipe(tab: Tab) -> None:
    tab.page.goto(f"{tab.person.url}/app/#settings")
    tab.page.get_by_role("button", name="Wipe now").click()
    tab.page.get_by_role("button", name="Wipe this device").click()


def test_wiped_device_keeps_no_database_though_another_window_is_slow_to_leave(crowd: Crowd) -> None:
    ada = crowd.person("ada")
    tab = ada.sign_up()
    other = ada.open()
    other.wait_until_ready()
    held: list[Route] = []
    other.page.route("**/log-in/", lambda route: held.append(route))

    wipe(tab)
    expect(tab.page.get_by_role("heading", name="No keys here")).to_be_visible(timeout=LIMIT_MS)
    tab.page.wait_for_timeout(1_000)
    for route in held:
        route.continue_()

    expect(other.page.get_by_role("heading", name="No keys here")).to_be_visible(timeout=LIMIT_MS)
    assert tab.page.evaluate(NAMES) == ["mesa-profiles"]
    ada.close()


def test_log_out_that_the_server_can_not_do_goes_on_as_before(crowd: Crowd) -> None:
    ada = crowd.person("ada")
    ada.expected = OUTAGE
    tab = ada.sign_up()
    tab.page.context.route("**/api/accounts/logout/", lambda route: route.fulfill(status=503, json={}))
    tab.page.goto(f"{ada.url}/app/#settings")

    tab.page.get_by_role("button", name="Log out").click()

    tab.wait_for_notice("That did not work")
    tab.wait_until_ready()
    expect(tab.notice("Mesa stopped in this tab")).to_have_count(0)
    ada.close()


def test_device_that_was_replaced_can_be_wiped(crowd: Crowd) -> None:
    ada = crowd.person("ada")
    ada.expected = REFUSALS
    tab = ada.sign_up()
    elsewhere = crowd.elsewhere(ada)
    elsewhere.recover(ada.code)
    tab.wait_for_notice("You are logged out")

    wipe(tab)

    expect(tab.page.get_by_role("heading", name="No keys here")).to_be_visible(timeout=LIMIT_MS)
    assert tab.page.evaluate(NAMES) == ["mesa-profiles"]
    ada.close()


def test_device_that_was_replaced_can_be_logged_out(crowd: Crowd) -> None:
    ada = crowd.person("ada")
    ada.expected = REFUSALS
    tab = ada.sign_up()
    other = ada.open()
    other.wait_until_ready()
    crowd.elsewhere(ada).recover(ada.code)
    tab.wait_for_notice("You are logged out")
    tab.page.goto(f"{ada.url}/app/#settings")
    # A page that begins so is one to leave from, too.
    tab.page.reload()

    tab.page.get_by_role("button", name="Log out").click()

    for each in (tab, other):
        expect(each.page.get_by_role("heading", name="On this device")).to_be_visible(timeout=LIMIT_MS)
    # Nobody is logged in here any more: another account may be made.
    tab.page.goto(f"{ada.url}/sign-up/")
    expect(tab.page.get_by_role("button", name="Make my keys")).to_be_enabled(timeout=LIMIT_MS)
    ada.close()


def test_removal_whose_answer_got_lost_is_ended_by_wiping(crowd: Crowd) -> None:
    def lose(route: Route) -> None:
        if route.request.method != "DELETE":
            return route.continue_()
        route.fetch()
        return route.abort()

    ada = crowd.person("ada")
    ada.expected = re.compile(f"{OUTAGE.pattern}|{REFUSALS.pattern}")
    tab = ada.sign_up()
    ada.context.route("**/api/accounts/me/", lose)
    tab.page.goto(f"{ada.url}/app/#settings")
    tab.page.get_by_role("button", name="Remove account").click()
    dialog = tab.page.locator("#remove")
    dialog.get_by_label("Password", exact=True).fill(PASSWORD)
    dialog.get_by_role("button", name="Remove the account").click()
    expect(dialog.get_by_text("There is no connection to the server.")).to_be_visible(timeout=LIMIT_MS)
    tab.wait_for_notice("You are logged out")
    dialog.get_by_role("button", name="Close").click()

    wipe(tab)

    expect(tab.page.get_by_role("heading", name="No keys here")).to_be_visible(timeout=LIMIT_MS)
    assert tab.page.evaluate(NAMES) == ["mesa-profiles"]
    ada.close()


def test_account_whose_login_is_over_is_forgotten_at_log_in(crowd: Crowd) -> None:
    ada = crowd.person("ada")
    ada.expected = REFUSALS
    tab = ada.sign_up()
    other = ada.open()
    other.wait_until_ready()
    elsewhere = crowd.elsewhere(ada)
    elsewhere.expected = REFUSALS
    elsewhere.recover(ada.code)
    tab.wait_for_notice("You are logged out")
    tab.notice("You are logged out").get_by_role("button", name="Log in").click()
    page = tab.page
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page.get_by_text("does not know this device any more")).to_be_visible(timeout=LIMIT_MS)

    page.get_by_role("button", name="Forget this account here").click()
    dialog = page.get_by_role("dialog", name="Forget this account here?")
    expect(dialog).to_contain_text(ada.name)
    dialog.get_by_role("button", name="Forget it here").click()

    for each in (tab, other):
        expect(each.page.get_by_role("heading", name="No keys here")).to_be_visible(timeout=LIMIT_MS)
    assert page.evaluate(NAMES) == ["mesa-profiles"]
    # The code makes a new device of it, in the place of the other.
    again = Tab(ada, page)
    page.get_by_role("button", name="Use the recovery code").click()
    page.get_by_label("User name").fill(ada.name)
    page.get_by_role("textbox", name="Recovery code").fill(ada.code)
    page.get_by_label("New password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Set the new password").click()
    again.wait_until_ready()
    ada.close()


def test_account_is_forgotten_beside_its_leader_though_no_server_answers(crowd: Crowd) -> None:
    ada = crowd.person("ada")
    ada.expected = OUTAGE
    leading = ada.sign_up()
    tab = ada.open("/log-in/")
    expect(tab.page.get_by_role("button", name="Log in", exact=True)).to_be_enabled(timeout=LIMIT_MS)
    ada.context.route("**/api/**", lambda route: route.abort())

    tab.page.get_by_role("button", name="Forget this account here").click()
    tab.page.get_by_role("button", name="Forget it here").click()

    for each in (tab, leading):
        expect(each.page.get_by_role("heading", name="No keys here")).to_be_visible(timeout=LIMIT_MS)
    assert tab.page.evaluate(NAMES) == ["mesa-profiles"]
    ada.close()


def test_window_whose_database_a_newer_release_takes_over_says_so(crowd: Crowd) -> None:
    ada = crowd.person("ada")
    tab = ada.sign_up()

    page = ada.open("/invite/").page
    page.evaluate(OPEN_NEWER)

    tab.wait_for_notice("There is a newer version of Mesa")
    ada.close()


def test_wiping_that_another_window_takes_over_leaves_nothing(crowd: Crowd) -> None:
    ada = crowd.person("ada")
    ada.expected = REFUSALS
    tab = ada.sign_up()
    other = ada.open("/app/#settings")
    other.wait_until_ready()
    # As where the window dies in the middle of it.
    tab.page.evaluate("indexedDB.deleteDatabase = () => globalThis.isDeleting = {}")

    wipe(other)
    tab.page.wait_for_function("globalThis.isDeleting !== undefined", timeout=LIMIT_MS)
    tab.page.close()

    expect(other.page.get_by_role("heading", name="No keys here")).to_be_visible(timeout=LIMIT_MS)
    assert other.page.evaluate(NAMES) == ["mesa-profiles"]
    ada.close()


def test_status_says_online_no_more_when_the_device_was_replaced(crowd: Crowd) -> None:
    ada = crowd.person("ada")
    ada.expected = REFUSALS
    tab = ada.sign_up()
    crowd.elsewhere(ada).recover(ada.code)

    tab.wait_for_notice("You are logged out")

    expect(tab.page.locator("peer-status")).not_to_contain_text(
        re.compile("Online|Forwarding|Waiting for forwarders")
    )
    ada.close()


def test_what_was_typed_just_before_a_reload_is_there_again(crowd: Crowd) -> None:
    ada, bo = crowd.person("ada"), crowd.person("bo")
    bo.sign_up()
    tab = ada.sign_up()
    tab.find_and_ask(bo.name, "It is me.")
    field = tab.page.locator("#text")
    expect(field).to_be_visible(timeout=LIMIT_MS)
    field.fill("half a thought")

    tab.page.reload()

    expect(field).to_have_value("half a thought", timeout=LIMIT_MS)
    ada.close()
    bo.close()


def test_recovery_code_is_shown_again_where_nobody_makes_an_account_any_more(
    crowd: Crowd, settings: Settings
) -> None:
    ada = crowd.person("ada")
    tab = ada.open("/sign-up/")
    tab.fill_in_account()
    expect(tab.page.locator(".recovery-code")).to_be_visible(timeout=LIMIT_MS)
    settings.REGISTRATION = "closed"
    closed = Client().get("/sign-up/").content
    ada.context.route("**/sign-up/", lambda route: route.fulfill(body=closed, content_type="text/html"))

    tab.page.goto(f"{ada.url}/app/")

    expect(tab.page.locator(".recovery-code")).to_be_visible(timeout=LIMIT_MS)
    expect(tab.page.get_by_role("heading", name="No accounts are made here")).to_be_hidden()
    ada.close()


# As Safari names itself there since 2019.
TABLET = """
const tablet = {
    userAgent: "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Safari/605.1.15",
    userAgentData: undefined, connection: undefined, platform: "MacIntel", maxTouchPoints: 5,
}
for (const [name, value] of Object.entries(tablet)) Object.defineProperty(navigator, name, { value })
"""


def test_tablet_that_says_it_is_a_desktop_forwards_for_nobody_by_itself(crowd: Crowd) -> None:
    ada = crowd.person("ada")
    ada.context.add_init_script(TABLET)
    tab = ada.sign_up()

    tab.page.goto(f"{ada.url}/app/#settings")

    switch = tab.page.get_by_role("switch", name="Forward for others")
    expect(switch).to_be_enabled(timeout=LIMIT_MS)
    expect(switch).not_to_be_checked()
    ada.close()
