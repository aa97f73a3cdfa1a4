"""A browser for tests of scripts, and pages in it."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.chromium import chromium
from tests.js.pages import open_empty_page

OpenPage = Callable[[str], Page]


# While it runs, this thread has an event loop of its own: no test of another module may run meanwhile.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def page_for(browser: Browser) -> Iterator[OpenPage]:
    """Opens the page of a file: its tests share one, and a file has a browser profile of its own."""
    opened: dict[str, Page] = {}

    def open_page(file: str) -> Page:
        if file not in opened:
            close_all()
            opened[file] = open_empty_page(browser)
        return opened[file]

    def close_all() -> None:
        for page in opened.values():
            page.context.close()
        opened.clear()

    yield open_page
    close_all()


@pytest.fixture
def module_page(browser: Browser) -> Iterator[Page]:
    """A page of a browser profile of its own, which imports scripts by their paths in the repository."""
    page = open_empty_page(browser)
    yield page
    page.context.close()
