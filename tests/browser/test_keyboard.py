"""The app by keyboard alone: everything that can be pressed is reached, and shows that it is."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.scenes import FILL_APP, VALUES, heard, listen, open_page
from tests.live_tree import LiveTree

MOST_STEPS = 80
# What is on the screen and can be pressed or filled in, by its place in the document.
CONTROLS = """() => [...document.querySelectorAll("a[href], button, input, textarea, select")]
    .filter((each) => each.checkVisibility() && !each.disabled)
    .map((each) => each.outerHTML)"""
# The field for messages has its ring around the box that holds it.
FOCUSED = """() => {
    const each = document.activeElement
    if (!each || each === document.body) return null
    const { outlineStyle, outlineWidth } = getComputedStyle(each)
    const box = each.closest(".composer__box")
    const hasRing = outlineStyle !== "none" && parseFloat(outlineWidth) > 0
    return [each.outerHTML, hasRing || (box !== null && getComputedStyle(box).boxShadow !== "none")]
}"""


@pytest.fixture(scope="module")
def opened(browser: Browser, live_server_tree: LiveTree) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1280, "height": 860}, reduced_motion="reduce")
    open_page(page, f"{live_server_tree.url}/app/")
    yield page
    page.close()


@pytest.fixture
def app(opened: Page) -> Page:
    """The app with a conversation open, as if the page had just been filled."""
    opened.evaluate("() => { location.hash = '#c/4' }")
    opened.evaluate(FILL_APP, VALUES)
    return opened


def walk(page: Page) -> dict[str, bool]:
    """Go round by Tab: what gets the focus, and whether that is seen."""
    found: dict[str, bool] = {}
    for _ in range(MOST_STEPS):
        page.keyboard.press("Tab")
        # At its end the page gives the focus away, and gets it back at its beginning.
        name, is_seen = page.evaluate(FOCUSED) or ("", True)
        if name and name in found:
            break
        found[name] = is_seen
    return found


@pytest.mark.parametrize("fragment", ["#c/4", "#contact/4", "#settings", "#welcome"])
def test_everything_is_reached_and_shows_it(app: Page, fragment: str) -> None:
    app.evaluate("(fragment) => { location.hash = fragment }", fragment)

    reached = walk(app)

    assert set(app.evaluate(CONTROLS)) - set(reached) == set()
    assert [name for name, is_seen in reached.items() if not is_seen] == []


def test_request_is_answered_a_chat_opened_and_a_message_written_by_keyboard(app: Page) -> None:
    listen(app, "request:decide", "app:view", "message:submit")

    app.get_by_role("button", name="Accept").press("Enter")
    app.get_by_role("link", name="olga").press("Enter")
    expect(app.get_by_role("heading", name="bo")).to_be_focused()
    app.get_by_label("Message to bo").press("h")
    app.keyboard.type("ello")
    app.keyboard.press("Enter")

    assert heard(app) == [
        ["request:decide", {"number": 2, "decision": "accept"}],
        ["app:view", {"view": "conversation", "number": 7}],
        ["message:submit", {"contact": 4, "text": "hello"}],
    ]
