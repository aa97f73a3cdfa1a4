"""What rows and buttons say, and for how long. Nothing here needs a peer."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.scenes import FILL_APP, VALUES, message, open_page
from tests.live_tree import LiveTree


@pytest.fixture(scope="module")
def opened(browser: Browser, live_server_tree: LiveTree) -> Iterator[Page]:
    context = browser.new_context(permissions=["clipboard-write"], reduced_motion="reduce")
    page = context.new_page()
    page.clock.install()
    open_page(page, f"{live_server_tree.url}/app/")
    yield page
    context.close()


@pytest.fixture
def app(opened: Page) -> Page:
    """The app with the page of a contact, as if it had just been filled."""
    opened.evaluate("() => { location.hash = '#contact/4' }")
    opened.evaluate(FILL_APP, VALUES)
    return opened


def test_row_says_of_a_last_message_that_is_missing_that_it_is_not_there(app: Page) -> None:
    missing = message(3, "", 0) | {"text": None, "time": None, "missing": True}
    row = VALUES["rows"][0] | {"last": missing}

    app.evaluate("(row) => document.querySelector('conversation-list').showRows([row], 0)", row)

    expect(app.locator(".conversation-row__text")).to_have_text(
        "A message is missing here. It did not arrive."
    )


def test_row_says_how_many_messages_are_unread(app: Page) -> None:
    rows = [VALUES["rows"][0] | {"unread": count, "number": 40 + count} for count in (0, 12)]

    app.evaluate("(rows) => document.querySelector('conversation-list').showRows(rows, 0)", rows)

    read, unread = app.locator(".conversation-row").all()
    expect(read.locator(".count")).to_be_hidden()
    expect(unread.locator(".count")).to_have_text("12unread")
    expect(unread).to_have_class(re.compile("conversation-row--unread"))


def test_lines_of_a_text_stay_lines(app: Page) -> None:
    app.evaluate("() => { location.hash = '#c/4' }")
    view = message(1, "one\n  two\n\nfour", 0)

    app.locator("message-list").evaluate("(list, view) => list.open({ name: 'bo', note: '' }, [view])", view)

    assert app.locator("li.message .message__text").inner_text() == view["text"]


def test_copied_is_said_for_a_while_and_of_what_was_copied(app: Page) -> None:
    button = app.locator("contact-view copy-button")
    expect(button).to_have_text("Copy number")
    button.click()
    expect(button).to_have_text("Copied")

    app.clock.run_for(5_000)

    expect(button).to_have_text("Copy number")
    button.click()
    expect(button).to_have_text("Copied")
    other = VALUES["contact"] | {"safetyNumber": "1" * 60}
    app.evaluate("(view) => { document.querySelector('contact-view').view = view }", other)
    expect(button).to_have_text("Copy number")


def test_empty_network_says_how_many_are_there_why_that_is_too_few_and_what_helps(app: Page) -> None:
    app.evaluate("() => { location.hash = '#welcome' }")
    app.evaluate("() => { document.querySelector('forwarder-wait').view = { found: 1, online: true } }")

    welcome = app.locator(".first-run")
    expect(welcome.get_by_role("status")).to_have_text("Waiting for forwarders, 1 of 3")
    expect(welcome.locator(".pips__one--found")).to_have_count(1)
    expect(welcome.locator('[data-part="why"]')).to_contain_text("2 more")
    expect(welcome.get_by_role("heading", name="What helps the network")).to_be_visible()
    expect(welcome.locator(".first-run__help > li")).to_have_count(3)
    app.evaluate("() => { document.querySelector('forwarder-wait').view = { found: 3, online: true } }")

    expect(welcome.get_by_role("status")).not_to_contain_text("Waiting")
    expect(welcome.locator(".pips__one--found")).to_have_count(3)


@pytest.mark.parametrize(("danger", "count"), [("other_keys", 1), ("rolled_back", 0), ("forked", 0)])
def test_numbers_are_compared_where_they_can_tell(app: Page, danger: str, count: int) -> None:
    view = VALUES["contact"] | {"danger": danger}

    app.evaluate("(view) => { document.querySelector('contact-view').view = view }", view)

    shown = app.locator('contact-view [data-state="unsafe"]')
    expect(shown.get_by_role("button", name="Accept without comparing")).to_be_visible()
    expect(shown.get_by_role("button", name="The numbers match")).to_have_count(count)
