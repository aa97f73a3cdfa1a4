"""Five tabs in a row, joined by data channels: cells go through them by Mesa's code, frames by none."""

import re
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, CDPSession, Page, Route

from p2p.protocol.ids import HOP_ID_BYTES

ROOT = Path(__file__).resolve().parent.parent
# Named like a secure origin: elsewhere a page has no cryptography.
ORIGIN = "https://mesa.example"
TABS = 5
HOPS = TABS - 1
# In the middle of a row of three it is alone in passing on.
FORWARDER, COUNTING = 1, 2
CALL = "([name, args]) => import('/tests/js/chain-tab.js').then((tab) => tab[name](...args))"
# Browsers hide addresses of this machine behind names that only a network answers for.
HIDDEN = re.compile(r"[0-9a-f-]{36}\.local")


class TabChain:
    """The tabs, joined; tab 0 sends, the last one receives."""

    def __init__(self, pages: list[Page]) -> None:
        self._pages = pages
        self._debuggers: dict[int, CDPSession] = {}
        address = own_address()
        for at in range(TABS - 1):
            offer = HIDDEN.sub(address, self._call(at, "offer", "on"))
            answer = HIDDEN.sub(address, self._call(at + 1, "answer", "back", offer))
            self._call(at, "accept", "on", answer)
        for at in range(TABS):
            self._call(at, "opened")
        self._keys = [self._call(at, "key") for at in range(1, TABS)]

    def latencies_s(self, count: int, pace_s: float, *, raw: bool) -> list[float]:
        """Send cells through all tabs, one after another; seconds from before each is made to its end."""
        self._begin(TABS - 1, raw=raw)
        sent = self._call(0, "sendPaced", count, pace_s)
        came = self._call(TABS - 1, "waitFor", count)
        return [(end - begin) / 1_000 for begin, end in zip(sent, came, strict=True)]

    def rate(self, count: int, *, raw: bool) -> float:
        """Cells a second that one tab passes on."""
        self._begin(COUNTING, raw=raw)
        self._call(0, "sendBurst", count)
        came = self._call(COUNTING, "waitFor", count)
        return float((count - 1) / (came[-1] - came[0]) * 1_000)

    def heap_bytes(self) -> int:
        """What scripts of the tab that passes on hold, after all that nobody needs is gone."""
        if FORWARDER not in self._debuggers:
            page = self._pages[FORWARDER]
            self._debuggers[FORWARDER] = page.context.new_cdp_session(page)
        return heap_bytes(self._debuggers[FORWARDER])

    def _begin(self, last: int, *, raw: bool) -> None:
        # Fresh hops: those of before are over after a minute.
        hops = [secrets.token_hex(HOP_ID_BYTES) for _ in range(HOPS)]
        for at in range(last + 1):
            self._call(at, "begin", {"isRaw": raw, "at": at, "last": last, "hops": hops, "keys": self._keys})

    def _call(self, at: int, name: str, *args: object) -> Any:
        return self._pages[at].evaluate(CALL, [name, args])


@contextmanager
def tab_chain(browser: Browser) -> Iterator[TabChain]:
    """Open the tabs, each in a browser profile of its own, and join them."""
    pages = [_open_page(browser) for _ in range(TABS)]
    try:
        yield TabChain(pages)
    finally:
        for page in pages:
            page.context.close()


def _open_page(browser: Browser) -> Page:
    page = browser.new_context().new_page()
    page.route("**/*", _answer)
    page.goto(f"{ORIGIN}/")
    return page


def _answer(route: Route) -> None:
    """Answer with a script of the repository, or with an empty page."""
    file = ROOT / urlsplit(route.request.url).path.removeprefix("/")
    if file.suffix == ".js" and file.is_file():
        route.fulfill(path=file, content_type="text/javascript")
    else:
        route.fulfill(body="<!doctype html><title>Bench</title>", content_type="text/html")


def heap_bytes(debugger: CDPSession) -> int:
    debugger.send("HeapProfiler.collectGarbage")
    return int(debugger.send("Runtime.getHeapUsage")["usedSize"])


def own_address() -> str:
    """The address of this machine from which it would reach others; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
