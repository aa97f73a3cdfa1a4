"""What the line of the device and its meter say of what the user chooses. The leader is a stand-in."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.scenes import open_page
from tests.live_tree import LiveTree

JOIN = """async () => {
    const base = document.querySelector('script[src*="/mesa/app.js"]').src.replace("app.js", "")
    const { StatusWiring } = await import(base + "elements/status-wiring.js")
    const status = { isOpen: true, guards: 2, links: 1, forwards: true, carried: 7, forwarders: 3 }
    const answers = {
        status: () => ({ ...status, hasOtherKeys: false }),
        settings: () => ({ forward: status.forwards }),
        visibility: () => "exact",
        change: (name, value) => { status.forwards = value },
    }
    // No later look: what a choice changes is drawn by the choice.
    Object.defineProperty(document, "visibilityState", { value: "hidden" })
    const wiring = new StatusWiring({ call: async (name, ...args) => answers[name](...args) })
    globalThis.wiring = wiring
    globalThis.answers = answers
    await wiring.look()
}"""


@pytest.fixture
def app(browser: Browser, live_server_tree: LiveTree) -> Iterator[Page]:
    page = browser.new_page(reduced_motion="reduce")
    open_page(page, f"{live_server_tree.url}/app/")
    page.evaluate(JOIN)
    yield page
    page.close()


def test_line_and_meter_follow_the_choice_to_forward_at_once(app: Page) -> None:
    expect(app.locator("peer-status")).to_contain_text("Forwarding for others")
    app.evaluate("() => { location.hash = '#settings' }")

    app.get_by_role("switch", name="Forward for others").uncheck()

    expect(app.locator("peer-status")).to_contain_text("Online")
    expect(app.locator("forwarding-meter")).to_contain_text("forwarding is off")


def test_line_says_when_nothing_runs_and_when_it_runs_again(app: Page) -> None:
    app.evaluate("() => { answers.kept = answers.status; answers.status = () => { throw new Error() } }")

    app.evaluate("() => wiring.told({ event: 'failed', code: 'LoginRefused' })")
    app.evaluate("() => wiring.look()")

    expect(app.locator("peer-status")).to_contain_text("Stopped")
    app.evaluate("() => { answers.status = answers.kept; return wiring.look() }")
    expect(app.locator("peer-status")).to_contain_text("Forwarding for others")
