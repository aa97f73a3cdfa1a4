"""What the line of the device, its meter and the welcome say of what it does. The leader is a stand-in."""

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
        allowGuard: () => {
            globalThis.allowed = 1 + (globalThis.allowed ?? 0)
            return new Promise(() => {})
        },
    }
    // No later look: what a choice changes is drawn by the choice.
    Object.defineProperty(document, "visibilityState", { value: "hidden" })
    const wiring = new StatusWiring({ call: async (name, ...args) => answers[name](...args) })
    globalThis.look = (changed) => wiring.look(Object.assign(status, changed))
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


def test_line_and_welcome_say_how_many_forwarders_are_missing(app: Page) -> None:
    app.evaluate("() => { location.hash = '#welcome'; return look({ forwarders: 1 }) }")

    expect(app.locator("peer-status")).to_have_text("Waiting for forwarders, 1 of 3.")
    expect(app.locator("forwarder-wait")).to_contain_text("Waiting for forwarders, 1 of 3")
    app.evaluate("() => look({ isOpen: false })")
    expect(app.locator("peer-status")).to_have_text("Connecting")


def test_one_guard_more_is_allowed_by_two_quick_clicks(app: Page) -> None:
    app.evaluate("() => document.querySelector('notice-list').show('guards_limit')")

    app.get_by_role("button", name="Allow one more").dblclick()

    assert app.evaluate("globalThis.allowed") == 1


def test_line_says_when_nothing_runs_and_when_it_runs_again(app: Page) -> None:
    app.evaluate("() => { answers.kept = answers.status; answers.status = () => { throw new Error() } }")

    app.evaluate("() => wiring.told({ event: 'failed', code: 'LoginRefused' })")
    app.evaluate("() => wiring.look()")

    expect(app.locator("peer-status")).to_contain_text("Stopped")
    app.evaluate("() => { answers.status = answers.kept; return wiring.look() }")
    expect(app.locator("peer-status")).to_contain_text("Forwarding for others")
