"""Pages whose files come from the repository instead of a server."""

from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, Route

from mesa.middleware import PAGE_POLICY
from mesa.views import KINDS
from tests.live_tree import ROOT

# Named like a secure origin: elsewhere a page has neither cryptography nor locks.
ORIGIN = "https://mesa.example"
SERVED = ("static/mesa/", "tests/js/", "docs/spec/vectors/")
NOTE_REPORTS = """
addEventListener("securitypolicyviolation", (event) =>
    console.error(`content policy: ${event.violatedDirective} ${event.blockedURI}`))
"""


def open_empty_page(browser: Browser) -> Page:
    context = browser.new_context()
    context.route("**/*", answer)
    context.add_init_script(NOTE_REPORTS)
    page = context.new_page()
    page.goto(f"{ORIGIN}/")
    return page


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
