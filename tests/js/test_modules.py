"""Every test of a script runs in a page: an exported function of a `*.test.js` is one, its name a claim.

The page comes from no server: what it asks for is answered with files of the repository, under the policy of
the app. So the browser's own cryptography, database and locks are what they are for users.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route

from mesa.middleware import PAGE_POLICY
from mesa.views import KINDS
from tests.chromium import chromium
from tests.live_tree import ROOT

HERE = Path(__file__).parent
# Named like a secure origin: elsewhere a page has neither cryptography nor locks.
ORIGIN = "https://mesa.example"
SERVED = ("static/mesa/", "tests/js/", "docs/spec/vectors/")
EXPORTED = re.compile(r"^export (?:async )?function (\w+)", re.MULTILINE)
RUN = "async ([file, name]) => { await (await import(file))[name]() }"
NOTE_REPORTS = """
addEventListener("securitypolicyviolation", (event) =>
    console.error(`content policy: ${event.violatedDirective} ${event.blockedURI}`))
"""
TESTS = [
    (path.relative_to(ROOT).as_posix(), name)
    for path in sorted(HERE.rglob("*.test.js"))
    if "node_modules" not in path.parts
    for name in EXPORTED.findall(path.read_text())
]

OpenPage = Callable[[str], Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def page_for(browser: Browser) -> OpenPage:
    """Opens the page of a file: its tests share one, and a file has a browser profile of its own."""
    opened: dict[str, Page] = {}

    def open_page(file: str) -> Page:
        if file not in opened:
            for page in opened.values():
                page.context.close()
            opened.clear()
            context = browser.new_context()
            context.route("**/*", answer)
            context.add_init_script(NOTE_REPORTS)
            opened[file] = context.new_page()
            opened[file].goto(f"{ORIGIN}/")
        return opened[file]

    return open_page


def answer(route: Route) -> None:
    """Answer with a file of the repository, or with an empty page."""
    name = urlsplit(route.request.url).path.removeprefix("/")
    headers = {"Content-Security-Policy": PAGE_POLICY}
    if not name:
        route.fulfill(body="<!doctype html><title>Tests</title>", content_type="text/html", headers=headers)
    elif name.startswith(SERVED) and (ROOT / name).is_file():
        kind = KINDS[Path(name).suffix]
        route.fulfill(body=(ROOT / name).read_bytes(), content_type=kind, headers=headers)
    else:
        route.fulfill(status=404)


@pytest.mark.parametrize(("file", "name"), TESTS, ids=[f"{file}::{name}" for file, name in TESTS])
def test_claim_holds(page_for: OpenPage, file: str, name: str) -> None:
    page = page_for(file)
    said: list[str] = []

    def note(message: object) -> None:
        said.append(str(message))

    page.on("pageerror", note)
    page.on("console", note)
    try:
        page.evaluate(RUN, [f"/{file}", name])
    finally:
        page.remove_listener("pageerror", note)
        page.remove_listener("console", note)

    assert said == []


def test_there_are_tests() -> None:
    assert TESTS
