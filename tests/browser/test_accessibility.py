"""axe-core finds nothing, light and dark, on phone and desktop; pages fit any window and large letters."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Literal

import pytest
from django.test import Client
from playwright.sync_api import Browser, ConsoleMessage, Error, Page
from pytest_django import Settings

from tests.browser.moments import MOMENTS, NOTICES
from tests.browser.scenes import SCENES, Scene, open_page, show
from tests.js import tools
from tests.live_tree import ROOT, LiveTree

# Rules of the norm and those that experience adds.
RUN_AXE = """async (rules) => {
    const only = rules.length > 0 ? { runOnly: rules } : {}
    const found = await axe.run(document, { resultTypes: ["violations"], ...only })
    return found.violations.map((each) => `${each.id}: ${each.nodes.map((one) => one.html).join(" ")}`)
}"""
PHONE, DESKTOP = (360, 740), (1280, 860)
# What another scheme can change; all other rules have looked at the same page in the same size already.
OF_COLOURS = ["color-contrast", "link-in-text-block"]
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
Scheme = Literal["dark", "light"]
each_scene = pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """A page that every test of this module goes on with: a browser profile for each takes longer."""
    context = browser.new_context(reduced_motion="reduce")
    yield context.new_page()
    context.close()


@pytest.fixture
def said(page: Page) -> Iterator[list[str]]:
    """What the page complains of. The browser itself says when a page is not there, and gives advice."""
    lines: list[str] = []

    def note(message: ConsoleMessage | Error) -> None:
        line = message.text if isinstance(message, ConsoleMessage) else str(message)
        if "404" not in line and "[DOM]" not in line:
            lines.append(line)

    page.on("console", note)
    page.on("pageerror", note)
    yield lines
    page.remove_listener("console", note)
    page.remove_listener("pageerror", note)


@pytest.fixture(scope="module")
def axe() -> str:
    tools.install()
    return (tools.MODULES / "axe-core" / "axe.min.js").read_text()


@each_scene
def test_page_is_for_everybody(
    live_server_tree: LiveTree, page: Page, said: list[str], axe: str, scene: Scene
) -> None:
    resize(page, *PHONE)
    show(page, live_server_tree.url, scene)
    page.evaluate(axe)

    assert broken_anywhere(page) == []
    assert said == []


@pytest.mark.parametrize("moments", MOMENTS.values(), ids=MOMENTS)
def test_page_stays_for_everybody(
    live_server_tree: LiveTree, page: Page, said: list[str], axe: str, moments: Sequence[Scene]
) -> None:
    found = []
    open_page(page, live_server_tree.url + moments[0].address)
    page.evaluate(axe)

    for moment in moments:
        if moment.script:
            page.evaluate(moment.script, moment.values)
        broken = broken_rules(page, PHONE, "dark") + broken_rules(page, DESKTOP, "light")
        found += [f"{moment.name}, {each}" for each in broken]

    assert found == []
    assert said == []


@pytest.mark.parametrize("registration", ["invitation", "closed"])
def test_sign_up_with_other_rules_is_for_everybody(
    live_server_tree: LiveTree,
    page: Page,
    said: list[str],
    axe: str,
    settings: Settings,
    registration: str,
) -> None:
    settings.REGISTRATION = registration
    body = Client().get("/sign-up/").content
    page.route("**/sign-up/", lambda route: route.fulfill(body=body, content_type="text/html"))

    resize(page, *PHONE)
    open_page(page, f"{live_server_tree.url}/sign-up/")
    page.unroute("**/sign-up/")
    page.evaluate(axe)

    assert broken_anywhere(page) == []
    assert said == []


def test_every_notice_is_looked_at() -> None:
    words = json.loads((ROOT / "static/mesa/i18n/en.json").read_text())

    kinds = {each.split(".")[1] for each in words if re.fullmatch(r"notice\.\w+\.title", each)}

    assert kinds == {kind for kind, _ in NOTICES}


def broken_rules(page: Page, size: tuple[int, int], scheme: Scheme, rules: Sequence[str] = ()) -> list[str]:
    """Look with some of the rules, or with all."""
    page.emulate_media(color_scheme=scheme)
    resize(page, *size)
    return [f"{size[0]}, {scheme}: {each}" for each in page.evaluate(RUN_AXE, rules)]


def broken_anywhere(page: Page) -> list[str]:
    """Look with all rules at each size and in each scheme, and at colours in the scheme that is left."""
    return [
        *broken_rules(page, PHONE, "dark"),
        *broken_rules(page, PHONE, "light", OF_COLOURS),
        *broken_rules(page, DESKTOP, "light"),
        *broken_rules(page, DESKTOP, "dark", OF_COLOURS),
        *cut_at_some_width(page),
    ]


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
