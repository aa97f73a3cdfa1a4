"""How somebody begins: by an invitation, without a chat, looking for people. Nothing here needs a peer."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.scenes import (
    EMPTY,
    FILL_APP,
    FIND_BO,
    FINGERPRINT,
    READY,
    VALUES,
    heard,
    listen,
    open_page,
)
from tests.live_tree import LiveTree

ADD_ACCOUNT = """async () => {
    const base = document.querySelector('script[src*="/mesa/invite.js"]').src.replace("invite.js", "")
    const { Profiles } = await import(base + "peer/profiles.js")
    await new Profiles().add("ada")
}"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(reduced_motion="reduce")
    yield page
    page.close()


def test_invitation_leads_from_its_page_to_the_request(page: Page, live_server_tree: LiveTree) -> None:
    open_page(page, f"{live_server_tree.url}/invite/#olga.{FINGERPRINT}")
    listen(page, "request:send")
    expect(page.get_by_role("heading", name="olga invites you")).to_be_visible()

    page.get_by_role("link", name="Open Mesa").click()
    page.wait_for_url("**/app/**")
    page.evaluate(READY)
    page.evaluate(FILL_APP, VALUES)
    listen(page, "request:send")
    page.get_by_role("button", name="Send the request").click()

    given = {"username": "olga", "fingerprint": FINGERPRINT, "greeting": ""}
    assert heard(page) == [["request:send", given]]
    assert page.evaluate("() => location.hash") == "#chats"


def test_newcomer_keeps_the_invitation_through_every_page(page: Page, live_server_tree: LiveTree) -> None:
    invited = f"#invite/olga.{FINGERPRINT}"
    open_page(page, f"{live_server_tree.url}/invite/#olga.{FINGERPRINT}")
    main = page.locator("invitation-card .button--main")
    expect(main).to_have_text("Create account")
    expect(main).to_have_attribute("href", re.compile(f"/sign-up/{invited}$"))

    page.get_by_role("link", name="Log in").click()
    page.get_by_role("main").get_by_role("link", name="Create account").click()

    assert page.evaluate("() => location.pathname + location.hash") == f"/sign-up/{invited}"
    page.evaluate(READY)
    page.evaluate("() => document.querySelector('sign-up-flow').finish()")
    expect(page.get_by_role("link", name="Open Mesa")).to_have_attribute(
        "href", re.compile(f"/app/{invited}$")
    )


def test_invitation_leads_who_has_an_account_to_the_app(page: Page, live_server_tree: LiveTree) -> None:
    open_page(page, f"{live_server_tree.url}/invite/#olga.{FINGERPRINT}")
    page.evaluate(ADD_ACCOUNT)

    page.reload()

    buttons = page.locator("invitation-card .button-row a")
    expect(buttons).to_have_text(["Open Mesa", "Create account"])
    expect(page.locator("invitation-card .button--main")).to_have_text("Open Mesa")


def test_phone_without_a_chat_welcomes_until_somebody_asks(page: Page, live_server_tree: LiveTree) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    open_page(page, f"{live_server_tree.url}/app/")

    page.evaluate(FILL_APP, EMPTY)

    expect(page.get_by_role("heading", name="Welcome, ada")).to_be_visible()
    expect(page.get_by_role("img", name="QR code of your invite link")).to_be_visible()
    page.evaluate("() => document.querySelector('app-shell').welcomed()")
    expect(page.get_by_role("link", name="Settings")).to_be_visible()


def test_phone_with_a_chat_begins_with_the_list(page: Page, live_server_tree: LiveTree) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    open_page(page, f"{live_server_tree.url}/app/")

    page.evaluate(FILL_APP, VALUES)

    expect(page.get_by_role("link", name="Settings")).to_be_visible()
    expect(page.get_by_role("heading", name="Welcome, ada")).to_be_hidden()


@pytest.mark.parametrize(
    "fragment", ["", "#olga", "#olga.short", f"#Olga.{FINGERPRINT}", f"#<b>.{FINGERPRINT}"]
)
def test_broken_invitation_is_said(page: Page, live_server_tree: LiveTree, fragment: str) -> None:
    open_page(page, f"{live_server_tree.url}/invite/{fragment}")

    expect(page.get_by_role("heading", name="This link is not whole")).to_be_visible()
    expect(page.get_by_role("heading", name="invites you")).to_be_hidden()


def test_new_chat_begins_without_the_name_before(page: Page, live_server_tree: LiveTree) -> None:
    open_page(page, f"{live_server_tree.url}/app/#c/4")
    page.evaluate(FILL_APP, VALUES)
    page.evaluate(FIND_BO)
    page.get_by_label("User name").fill("bo")
    page.locator("#new-chat").get_by_role("button", name="Close").click()
    # An answer that comes late.
    page.evaluate("() => document.querySelector('user-search').showFound('bo', ['bo'])")

    page.get_by_role("button", name="New chat").click()

    expect(page.get_by_label("User name")).to_have_value("")
    expect(page.get_by_label("User name")).to_be_focused()
    expect(page.locator("#new-chat").get_by_role("listitem")).to_have_count(0)
    expect(page.get_by_label("First words")).to_be_hidden()
    expect(page.locator("#new-chat .dialog__status")).to_have_text("")


def test_invitation_asks_for_first_words_and_no_name(page: Page, live_server_tree: LiveTree) -> None:
    open_page(page, f"{live_server_tree.url}/app/#invite/olga.{FINGERPRINT}")

    page.evaluate(FILL_APP, VALUES)

    expect(page.get_by_role("heading", name="Ask olga")).to_be_visible()
    expect(page.get_by_label("User name")).to_be_hidden()
    page.locator("#new-chat").get_by_role("button", name="Close").click()
    page.get_by_role("button", name="New chat").click()
    expect(page.get_by_label("User name")).to_be_focused()


def test_name_is_found_as_it_is_often_written(page: Page, live_server_tree: LiveTree) -> None:
    open_page(page, f"{live_server_tree.url}/app/#c/4")
    page.evaluate(FILL_APP, VALUES)
    listen(page, "users:search")
    page.get_by_role("button", name="New chat").click()

    page.get_by_label("User name").fill(" @Bo ")
    page.keyboard.press("Enter")

    assert heard(page) == [["users:search", {"query": "Bo"}]]


def test_notice_that_was_put_off_leaves_room_for_messages(page: Page, live_server_tree: LiveTree) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    open_page(page, f"{live_server_tree.url}/app/#c/4")
    page.evaluate("() => document.documentElement.style.setProperty('font-size', '200%')")
    listen(page, "notice:act")

    page.evaluate(FILL_APP, VALUES | {"notices": [["not_persistent", {}]]})

    box = page.locator(".app__top").bounding_box()
    assert box is not None
    assert box["height"] < 740 / 3
    expect(page.get_by_label("Message to bo")).to_be_in_viewport(ratio=1)
    page.get_by_role("button", name="Not now").click()
    assert heard(page) == [["notice:act", {"kind": "not_persistent"}]]


def test_settings_go_on_saying_that_the_browser_may_delete(page: Page, live_server_tree: LiveTree) -> None:
    open_page(page, f"{live_server_tree.url}/app/#settings")
    page.evaluate(FILL_APP, VALUES)
    words = page.locator("settings-panel").get_by_text("The browser may delete your messages")
    expect(words).to_be_hidden()

    page.evaluate("() => { document.querySelector('settings-panel').isAtRisk = true }")

    expect(words).to_be_visible()
