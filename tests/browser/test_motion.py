"""Who asked the system for less motion sees none."""

from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.scenes import FILL_APP, VALUES, open_page
from tests.live_tree import LiveTree

# What changes by and by, in seconds of its own or of what stands before and after it.
MOVING = """() => {
    const parts = [null, "::before", "::after"]
    const times = ({ transitionDuration, animationName, animationDuration }) =>
        [transitionDuration, animationName === "none" ? "0s" : animationDuration].join().split(",")
    const isMoving = (each) => parts.some(
        (part) => times(getComputedStyle(each, part)).some((time) => parseFloat(time) > 0))
    return [...document.querySelectorAll("body, body *")].filter(isMoving).length
}"""
Motion = Literal["no-preference", "reduce"]


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    yield page
    page.close()


@pytest.mark.parametrize("address", ["/", "/app/#c/4"])
def test_nothing_moves_for_who_asked_for_less_motion(
    page: Page, live_server_tree: LiveTree, address: str
) -> None:
    def moving(motion: Motion) -> int:
        page.emulate_media(reduced_motion=motion)
        found: int = page.evaluate(MOVING)
        return found

    open_page(page, live_server_tree.url + address)
    if address != "/":
        page.evaluate(FILL_APP, VALUES)

    assert moving("no-preference") > 0
    assert moving("reduce") == 0
