"""What the list of chats keeps while it is drawn anew. Nothing here needs a peer."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.scenes import FILL_APP, NOW, REQUESTS, ROWS, VALUES, open_page
from tests.live_tree import LiveTree

DRAW: Final = """([rows, requests, now]) => {
    const list = document.querySelector("conversation-list")
    list.showRows(rows, now)
    list.showRequests(requests)
}"""
JOIN_PEOPLE: Final = """async ([rows, requests]) => {
    const base = document.querySelector('script[src*="/mesa/app.js"]').src.replace("app.js", "")
    const { PeopleWiring } = await import(base + "elements/people-wiring.js")
    await new PeopleWiring({ call: async () => ({ rows, requests }) }).renew()
}"""
FIRST: Final = [row | {"unread": 0} for row in ROWS]
LATER: Final = [row | {"unread": 1} for row in reversed(ROWS)]


@pytest.fixture
def app(browser: Browser, live_server_tree: LiveTree) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1280, "height": 860}, reduced_motion="reduce")
    open_page(page, f"{live_server_tree.url}/app/")
    page.evaluate(FILL_APP, VALUES | {"rows": FIRST})
    yield page
    page.close()


def draw(page: Page, rows: list[dict[str, Any]], requests: list[dict[str, Any]]) -> None:
    page.evaluate(DRAW, [rows, requests, NOW])


def test_row_keeps_the_focus_when_something_comes(app: Page) -> None:
    row = app.locator(".conversation-row", has_text="olga")
    row.focus()

    draw(app, [row | {"unread": 1} for row in FIRST], REQUESTS)

    expect(row).to_contain_text("unread")
    expect(row).to_be_focused()


@pytest.mark.parametrize("name", ["bo", "olga"], ids=["same", "changed"])
def test_press_that_began_before_a_change_opens_the_chat(app: Page, name: str) -> None:
    changed = [row | {"unread": 1} if row["name"] == "olga" else row for row in FIRST]
    number = next(row["number"] for row in FIRST if row["name"] == name)
    app.locator(f'.conversation-row[href="#c/{number}"]').hover()

    app.mouse.down()
    draw(app, changed, REQUESTS)
    app.mouse.up()

    assert app.evaluate("() => location.hash") == f"#c/{number}"


def test_request_keeps_the_focus_when_another_one_comes(app: Page) -> None:
    accept = app.locator("article.request", has_text="mallory").get_by_role("button", name="Accept")
    accept.focus()

    draw(app, FIRST, [*REQUESTS, {"number": 3, "name": "f1", "greeting": ""}])

    expect(app.locator("article.request")).to_have_count(2)
    expect(accept).to_be_focused()


def test_rows_stand_in_the_order_that_was_given(app: Page) -> None:
    draw(app, LATER, [])

    names = app.locator(".conversation-row__label")
    expect(names).to_have_text([str(row["name"]) for row in LATER])
    draw(app, LATER[:1], [])
    expect(names).to_have_text(str(LATER[0]["name"]))


def test_title_counts_what_is_unread_and_who_asks(app: Page) -> None:
    app.evaluate(JOIN_PEOPLE, [ROWS, REQUESTS])

    expect(app).to_have_title("(4) Mesa")
