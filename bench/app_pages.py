"""The app page of a real server in a real browser: how soon it is there, and what switching leaves behind."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, CDPSession

from bench.app_chain import heap_bytes
from tests.browser.people import Person, Tab
from tests.live_tree import LiveTree
from tests.network.agents import register

FRIENDS = ("bo", "f1")
PAINTED_MS = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"
# What stands there while the keys are opened is gone, and the chats can be chosen.
READY_MS = """() => new Promise((resolve) => {
  const look = () => document.querySelector("app-shell[data-view=starting]")
    ? requestAnimationFrame(look) : resolve(performance.now())
  look()
})"""

# In one call: the driver of the browser keeps something in the page for each of its own.
SWITCH = """async ([times, names]) => {
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve))
  const heading = document.querySelector("#conversation-name")
  for (let at = 0; at < times; at += 1) {
    const name = names[at % names.length]
    const rows = [...document.querySelectorAll(".conversation-row")]
    rows.find((row) => row.textContent.includes(name)).click()
    while (heading.textContent.trim() !== name) await frame()
  }
}"""


class AppPages:
    """Ada at her app, with two people to switch between."""

    def __init__(self, tab: Tab, debugger: CDPSession) -> None:
        self._tab = tab
        self._debugger = debugger

    def load(self, *, cached: bool) -> tuple[float, float]:
        """Load the page; milliseconds to its first paint, and until chats can be chosen."""
        page = self._tab.page
        self._debugger.send("Network.enable")
        self._debugger.send("Network.setCacheDisabled", {"cacheDisabled": not cached})
        page.goto("about:blank")
        page.goto(f"{self._tab.person.url}/app/", wait_until="commit")
        ready_ms = float(page.evaluate(READY_MS))
        page.wait_for_function(PAINTED_MS)
        painted_ms = float(page.evaluate(PAINTED_MS))
        self._tab.wait_until_ready()
        return painted_ms, ready_ms

    def switch(self, times: int) -> None:
        """Open one conversation and the other, in turn."""
        self._tab.page.evaluate(SWITCH, [times, FRIENDS])

    def heap_bytes(self) -> int:
        """What the page's scripts hold, after all that nobody needs is gone."""
        return heap_bytes(self._debugger)


@contextmanager
def app_pages(browser: Browser) -> Iterator[AppPages]:
    """Run a server, and sign ada up there."""
    with tempfile.TemporaryDirectory(prefix="mesa-bench-") as folder, _server(Path(folder)) as tree:
        for name in FRIENDS:
            register(tree.url, name, Path(folder))
        ada = Person.at(browser, tree.url, "ada")
        try:
            tab = ada.sign_up()
            for name in FRIENDS:
                tab.find_and_ask(name, "It is me, ada.")
            yield AppPages(tab, ada.context.new_cdp_session(tab.page))
        finally:
            ada.close()


@contextmanager
def _server(folder: Path) -> Iterator[LiveTree]:
    state = folder / "server"
    state.mkdir()
    tree = LiveTree(state)
    tree.start()
    try:
        yield tree
    finally:
        tree.stop()
