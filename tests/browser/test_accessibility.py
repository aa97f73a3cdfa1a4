"""axe-core finds nothing, dark on a phone and light on a desktop; pages fit any window and large letters."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.scenes import SCENES, Scene, show
from tests.js import tools
from tests.live_tree import LiveTree

# Rules of the norm and those that experience adds.
RUN_AXE = """async () => {
    const found = await axe.run(document, { resultTypes: ["violations"] })
    return found.violations.map((each) => `${each.id}: ${each.nodes.map((one) => one.html).join(" ")}`)
}"""
PHONE, DESKTOP = (360, 740), (1280, 860)
WIDTHS = (320, 360, 768, 1280)
TOO_WIDE = """() => {
    const inside = document.documentElement.clientWidth
    const isSeen = (each) => each.checkVisibility() && !each.closest("svg, .unseen, .skip-link")
    const isCut = (each) => getComputedStyle(each.parentElement).overflowX !== "visible"
    return [...document.querySelectorAll("body *")]
        .filter((each) => isSeen(each) && !isCut(each) && each.getBoundingClientRect().right > inside + 1)
        .map((each) => each.outerHTML.slice(0, 120))
}"""
SMALL_TARGETS = """() => [...document.querySelectorAll("a, button, input, select")]
    .filter((each) => each.checkVisibility() && !each.disabled)
    .filter((each) => !each.closest("p, message-text, .unseen, .skip-link"))
    .map((each) => [(each.closest("label.switch, label.choice__row") ?? each).getBoundingClientRect(), each])
    .filter(([box]) => box.height < 43.5 || box.width < 43.5)
    .map(([box, each]) => `${Math.round(box.width)}x${Math.round(box.height)} ${each.outerHTML}`)
"""
TWO_FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
LARGE_LETTERS = "() => document.documentElement.style.setProperty('font-size', '200%')"
each_scene = pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """A page that every test of this module goes on with: a browser profile for each takes longer."""
    context = browser.new_context(reduced_motion="reduce")
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def axe() -> str:
    tools.install()
    return (tools.MODULES / "axe-core" / "axe.min.js").read_text()


@each_scene
def test_page_is_for_everybody(live_server_tree: LiveTree, page: Page, axe: str, scene: Scene) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))

    page.emulate_media(color_scheme="dark")
    resize(page, *PHONE)
    show(page, live_server_tree.url, scene)
    page.evaluate(axe)
    found = broken_rules(page, "phone, dark")
    page.emulate_media(color_scheme="light")
    resize(page, *DESKTOP)
    found += broken_rules(page, "desktop, light") + cut_at_some_width(page)

    assert found == []
    # The browser itself says when a page is not there, and gives advice.
    assert [line for line in said if "404" not in line and "[DOM]" not in line] == []


def broken_rules(page: Page, where: str) -> list[str]:
    return [f"{where}: {each}" for each in page.evaluate(RUN_AXE)]


def cut_at_some_width(page: Page) -> list[str]:
    """What stands out of the window, or is too small for a finger, at usual widths and with large letters."""
    found = []
    for width in WIDTHS:
        resize(page, width, 740)
        found += [f"{width}: {each}" for each in page.evaluate(TOO_WIDE) + page.evaluate(SMALL_TARGETS)]
    page.evaluate(LARGE_LETTERS)
    for width in (360, 1280):
        resize(page, width, 740)
        found += [f"{width} at 200 %: {each}" for each in page.evaluate(TOO_WIDE)]
    return found


def resize(page: Page, width: int, height: int) -> None:
    """Change the window, and wait until its rules and transitions have been applied."""
    page.set_viewport_size({"width": width, "height": height})
    page.evaluate(TWO_FRAMES)
