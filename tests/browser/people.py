"""People at their browsers: what they do, as they would do it, and what they see."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Locator,
    Page,
    Request,
    WebSocket,
    expect,
)

PASSWORD = "four unrelated words here"
# Machines that are shared, with many pages at work at once.
LIMIT_MS = 30_000
# A page that crashes does not answer any more.
CRASH_MS = 1_000
NOTE_REPORTS = """
addEventListener("securitypolicyviolation", (event) =>
    console.error(`content policy: ${event.violatedDirective} ${event.blockedURI}`))
"""


# The browser's own way to be offline leaves open sockets as they are.
KEEP_SOCKETS = """
globalThis.openSockets = []
globalThis.WebSocket = class extends WebSocket {
    constructor(...args) {
        super(...args)
        openSockets.push(this)
    }
}
"""
FREEZE = """
(ms) => {
    setTimeout(() => {
        const end = performance.now() + ms
        while (performance.now() < end);
    }, 0)
}
"""
# What the browser itself writes down, about itself, when the server can not be reached.
OUTAGE = re.compile(r"net::ERR_|WebSocket connection to|status of 50\d")


@dataclass
class Person:
    """One user in one browser profile.

    faults: what no story may have: errors, reports, foreign requests. expected: what of it a story is about.
    code: what sign-up showed, to recover with.
    """

    name: str
    url: str
    context: BrowserContext
    faults: list[str] = field(default_factory=list)
    expected: re.Pattern[str] | None = None
    code: str = ""

    @classmethod
    def at(cls, browser: Browser, url: str, name: str) -> "Person":
        context = browser.new_context(locale="en-US")
        context.set_default_timeout(LIMIT_MS)
        person = cls(name, url, context)
        context.add_init_script(NOTE_REPORTS)
        context.add_init_script(KEEP_SOCKETS)
        context.on("page", person._watch)
        return person

    def open(self, path: str = "/app/") -> "Tab":
        page = self.context.new_page()
        page.goto(self.url + path)
        return Tab(self, page)

    def sign_up(self) -> "Tab":
        """Make an account as people do, and open the app."""
        tab = self.open("/sign-up/")
        page = tab.page
        tab.fill_in_account()
        code = page.locator(".recovery-code")
        expect(code).to_be_visible(timeout=LIMIT_MS)
        groups = [re.sub(r"^\d+\s*", "", each) for each in code.locator("> span").all_inner_texts()]
        self.code = " ".join(groups)
        asked = page.locator('[data-part="ask"]').inner_text()
        typed = " ".join(groups[int(number) - 1] for number in re.findall(r"\d+", asked))
        page.locator("#code").fill(typed)
        page.get_by_role("button", name="I have it").click()
        page.get_by_role("link", name="Open Mesa").click()
        tab.wait_until_ready()
        return tab

    def recover(self, code: str) -> "Tab":
        """Come back with the recovery code, in a browser without keys, and open the app."""
        tab = self.open("/log-in/")
        page = tab.page
        page.locator('[data-step="none"]').get_by_role("button", name="Use the recovery code").click()
        page.get_by_label("User name").fill(self.name)
        page.get_by_role("textbox", name="Recovery code").fill(code)
        page.get_by_label("New password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Set the new password").click()
        tab.wait_until_ready()
        return tab

    def close(self) -> None:
        self.context.close()

    def _watch(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.faults.append(f"error: {error.stack or error}"))
        page.on("console", self._listen)
        page.on("request", self._look_at)
        page.on("websocket", self._look_at)

    def _listen(self, said: ConsoleMessage) -> None:
        if said.type != "error" or (self.expected and self.expected.search(said.text)):
            return
        self.faults.append(f"console: {said.text}")

    def _look_at(self, request: Request | WebSocket) -> None:
        address = urlsplit(request.url)
        if address.netloc != urlsplit(self.url).netloc:
            self.faults.append(f"{address.scheme} request to {address.netloc}")


@dataclass
class Crowd:
    """The people of one server, each with a name that nobody had before."""

    browser: Browser
    url: str
    numbers: Iterator[int]
    people: list[Person] = field(default_factory=list)

    def name(self, stem: str) -> str:
        return f"{stem}{next(self.numbers)}"

    def person(self, stem: str) -> Person:
        made = Person.at(self.browser, self.url, self.name(stem))
        self.people.append(made)
        return made

    def elsewhere(self, person: Person) -> Person:
        """The same name in another browser profile."""
        made = Person.at(self.browser, self.url, person.name)
        self.people.append(made)
        return made

    def leave(self) -> None:
        for each in self.people:
            each.close()


@dataclass
class Tab:
    """One window of a person."""

    person: Person
    page: Page

    def wait_until_ready(self) -> None:
        """Wait until the keys are open and the peer is online."""
        expect(self.page.locator("peer-status")).to_contain_text(
            re.compile("Online|Forwarding|Waiting for forwarders"), timeout=LIMIT_MS
        )

    def fill_in_account(self) -> None:
        """Do the first step of sign-up."""
        page = self.page
        page.get_by_label("User name").fill(self.person.name)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Make my keys").click()

    def find_and_ask(self, name: str, greeting: str) -> None:
        page = self.page
        page.get_by_role("button", name="New chat").click()
        page.get_by_label("User name").fill(name)
        page.get_by_role("button", name="Find", exact=True).click()
        page.locator("#new-chat").get_by_role("button", name=name).click()
        page.get_by_label("First words").fill(greeting)
        page.get_by_role("button", name="Send the request").click()
        expect(page.locator("#new-chat")).to_be_hidden(timeout=LIMIT_MS)

    def accept(self, name: str) -> None:
        request = self.page.locator("article.request", has_text=name)
        expect(request).to_be_visible(timeout=LIMIT_MS)
        request.get_by_role("button", name="Accept").click()
        expect(request).to_be_hidden(timeout=LIMIT_MS)

    def open_chat(self, name: str) -> None:
        self.page.locator(".conversation-row", has_text=name).click()
        expect(self.page.locator("#conversation-name")).to_have_text(name)

    def write(self, text: str) -> None:
        """Write and send; the field is empty at once."""
        self.page.locator("#text").fill(text)
        self.page.locator("#text").press("Enter")

    def texts(self) -> list[str]:
        """The messages of the open chat, oldest first."""
        return self.page.locator("li.message .message__text").all_inner_texts()

    def wait_for_texts(self, wanted: list[str]) -> None:
        """Wait until the open chat shows these messages and no others."""
        expect(self.page.locator("li.message .message__text")).to_have_text(wanted, timeout=LIMIT_MS)

    def wait_for_text(self, text: str) -> None:
        """Wait until the open chat shows a message with this text."""
        expect(self.page.locator("li.message", has_text=text).first).to_be_visible(timeout=LIMIT_MS)

    def wait_until_delivered(self, text: str) -> None:
        message = self.page.locator("li.message--mine", has_text=text).last
        expect(message).to_contain_text("Delivered", timeout=LIMIT_MS)

    def wait_until_all_delivered(self, count: int) -> None:
        """Wait until so many messages of one's own have arrived."""
        delivered = self.page.locator("li.message--mine", has_text="Delivered")
        expect(delivered).to_have_count(count, timeout=LIMIT_MS)

    def notice(self, words: str) -> Locator:
        return self.page.locator("notice-list .notice", has_text=words)

    def wait_for_notice(self, words: str) -> None:
        expect(self.notice(words)).to_be_visible(timeout=LIMIT_MS)

    def wait_until_gone(self, words: str) -> None:
        """Wait until a notice is no longer shown."""
        expect(self.notice(words)).to_have_count(0, timeout=LIMIT_MS)

    def crash(self) -> None:
        """End the process behind this window, as a lack of memory does."""
        with suppress(Error):
            self.page.goto("chrome://crash", timeout=CRASH_MS)

    def lose_network(self) -> None:
        """Be offline: nothing reaches the server, and the socket ends."""
        self.page.context.set_offline(True)
        self.page.evaluate("openSockets.splice(0).forEach((each) => each.close())")

    def find_network(self) -> None:
        self.page.context.set_offline(False)

    def freeze(self, seconds: float) -> None:
        """Let the page's own script do nothing for a while; the call returns at once."""
        self.page.evaluate(FREEZE, seconds * 1_000)

    def wait_for_count(self, count: int) -> None:
        """Wait until the open chat shows so many messages."""
        expect(self.page.locator("li.message")).to_have_count(count, timeout=LIMIT_MS)

    def numbers(self) -> list[int]:
        """The places of the messages in the open chat, as they stand there."""
        items = self.page.locator("li.message")
        return [int(each.get_attribute("data-number") or 0) for each in items.all()]


def meet(ada: Person, bo: Person) -> tuple[Tab, Tab]:
    """Both sign up; one asks, the other accepts, and each opens the chat."""
    hers, his = ada.sign_up(), bo.sign_up()
    hers.find_and_ask(bo.name, "It is me, ada.")
    his.accept(ada.name)
    hers.open_chat(bo.name)
    his.open_chat(ada.name)
    return hers, his
