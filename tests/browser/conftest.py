"""The browser of the stories of this folder."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.chromium import chromium


# While it runs, this thread has an event loop of its own: no test of another module may run meanwhile.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running
