"""What the elements of the account do with what people type, and with refusals. Nothing here needs a peer."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.scenes import FILL_APP, VALUES, heard, listen, open_page
from tests.live_tree import LiveTree


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(reduced_motion="reduce")
    yield page
    page.close()


@pytest.fixture
def chat(page: Page, live_server_tree: LiveTree) -> Page:
    """The app with a conversation open."""
    open_page(page, f"{live_server_tree.url}/app/#c/4")
    page.evaluate(FILL_APP, VALUES)
    return page


def test_skip_link_leaves_the_open_chat_and_goes_to_it(chat: Page) -> None:
    chat.evaluate("() => document.querySelector('.skip-link').focus()")

    chat.keyboard.press("Enter")

    expect(chat.locator("#pane")).to_be_focused()
    expect(chat.get_by_label("Message to bo")).to_be_visible()
    assert chat.evaluate("() => location.hash") == "#c/4"


def test_refused_part_of_a_request_is_named_beside_its_field(page: Page, live_server_tree: LiveTree) -> None:
    refuse = """async (name) => {
        const scripts = document.querySelector("script[src*='/mesa/']").src
        const { problemOf } = await import(new URL("./problems.js", scripts))
        const more = { code: "invalid", fields: ["password", "other"] }
        const refused = Object.assign(new Error("invalid"), more)
        document.querySelector(name).refuse(problemOf(refused))
    }"""
    open_page(page, f"{live_server_tree.url}/sign-up/")
    page.evaluate(refuse, "sign-up-flow")

    expect(page.locator("#password-error")).to_contain_text("too easy to guess")
    expect(page.locator("#password")).to_be_focused()

    open_page(page, f"{live_server_tree.url}/log-in/")
    page.evaluate("() => { document.querySelector('log-in-forms').accounts = [] }")
    page.get_by_role("button", name="Use the recovery code").click()
    page.evaluate(refuse, "log-in-forms")
    expect(page.locator("#new-password-error")).to_contain_text("too easy to guess")


def test_account_is_removed_with_its_password_alone(chat: Page) -> None:
    listen(chat, "account:remove", "account:wipe", "account:password")
    chat.evaluate("() => { location.hash = '#settings' }")

    chat.get_by_role("button", name="Remove account").click()
    dialog = chat.locator("#remove")
    dialog.get_by_role("button", name="Remove the account").click()
    assert heard(chat) == []
    dialog.get_by_label("Password", exact=True).fill("wrong")
    chat.keyboard.press("Enter")
    assert heard(chat) == [["account:remove", {"password": "wrong"}]]
    chat.evaluate(
        "() => document.querySelector('account-form[name=remove]').refuse({ code: 'wrong_password' })"
    )

    expect(dialog.locator("#remove-password-error")).to_have_text("The password is wrong.")
    dialog.get_by_role("button", name="Close").click()
    # Nothing typed stays behind.
    expect(dialog.locator("#remove-password")).to_have_value("")


def test_password_that_was_changed_is_said_to_be(chat: Page) -> None:
    chat.evaluate("() => { location.hash = '#settings' }")
    chat.get_by_role("button", name="Change the password").click()

    chat.evaluate("() => document.querySelector('account-form[name=password]').done()")

    expect(chat.locator("#password")).to_be_hidden()
    expect(chat.get_by_role("status").filter(has_text="Changed")).to_be_visible()


def test_stranger_who_was_blocked_is_listed_and_let_in(chat: Page) -> None:
    listen(chat, "contact:unblock")
    chat.evaluate("() => { location.hash = '#settings' }")
    expect(chat.locator("blocked-people")).to_be_hidden()
    chat.evaluate(
        "() => { document.querySelector('blocked-people').people = [{ number: 9, name: 'mallory' }] }"
    )

    chat.get_by_role("button", name="Unblock mallory").click()

    assert heard(chat) == [["contact:unblock", {"number": 9}]]


@pytest.mark.parametrize(("page_name", "element"), [("sign-up", "sign-up-flow"), ("log-in", "log-in-forms")])
def test_name_that_can_not_be_one_is_refused_beside_it(
    page: Page, live_server_tree: LiveTree, page_name: str, element: str
) -> None:
    open_page(page, f"{live_server_tree.url}/{page_name}/")
    if page_name == "log-in":
        page.evaluate("() => { document.querySelector('log-in-forms').accounts = [] }")
        page.get_by_role("button", name="Use the recovery code").click()

    page.evaluate("(name) => document.querySelector(name).refuse({ code: 'user_name' })", element)

    expect(page.locator("#username-error")).to_contain_text("small letters")
    expect(page.locator("#username")).to_be_focused()
