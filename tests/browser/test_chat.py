"""What the open chat does with what is written in it. The leader is a stand-in."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.scenes import CONTACT, message, open_page
from tests.live_tree import LiveTree

# Bo is 4, olga 7. A call that `held` names waits for `answer(name, value | error)`.
JOIN = """async ({ contact, messages }) => {
    const base = document.querySelector('script[src*="/mesa/app.js"]').src.replace("app.js", "")
    const { ChatWiring } = await import(base + "elements/chat-wiring.js")
    const { Windows } = await import(base + "peer/windows.js")
    const { browserClock } = await import(base + "lib/timing.js")
    const names = { 4: "bo", 7: "olga" }
    const waiting = {}
    const answers = {
        conversation: (number) => ({ contact: answers.contact(number), unread: 0,
            draft: globalThis.drafts[number] ?? "", messages: messages[number] }),
        contact: (number) => ({ ...contact, ...changes, number, name: names[number] }),
        draft: (number, text) => { globalThis.drafts[number] = text },
        showed: () => {}, send: () => 1, decide: () => {},
        older: (number, before) => old.filter((each) => each.number < before).slice(-50),
    }
    Object.assign(globalThis, { called: [], held: [], drafts: {}, changes: {}, messages, old: [] })
    Object.assign(globalThis, { refused: null, refusing: ["send"] })
    globalThis.answer = (name) => waiting[name].shift()()
    const call = async (name, args) => {
        called.push([name, ...args])
        const value = answers[name](...args)
        const why = refusing.includes(name) && refused
        if (held.includes(name)) await new Promise((resolve) => (waiting[name] ??= []).push(resolve))
        if (why) throw Object.assign(new Error(why), { name: why })
        return value
    }
    const windows = new Windows({
        name: "chats", clock: browserClock, told: () => {}, lead: async () => ({ call, stop() {} }),
    })
    globalThis.wiring = new ChatWiring(windows)
    globalThis.faults = []
    addEventListener("unhandledrejection", ({ reason }) => faults.push(String(reason)))
}"""
MESSAGES = {
    "4": [message(1, "of bo", 5)],
    "7": [message(number, f"of olga {number}", 9) for number in (1, 2, 3)],
}
SENT = "() => called.filter(([name]) => name === 'send').map(([_, contact, text]) => [contact, text])"
OLDER = "() => called.filter(([name]) => name === 'older').map((each) => each.slice(1))"
SHOWED = "() => called.filter(([name]) => name === 'showed').map((each) => each.slice(1))"


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": 860}, reduced_motion="reduce")
    yield context
    context.close()


@pytest.fixture
def chats(context: BrowserContext, live_server_tree: LiveTree) -> Iterator[Page]:
    page = context.new_page()
    open_page(page, f"{live_server_tree.url}/app/")
    page.evaluate(JOIN, {"contact": CONTACT, "messages": MESSAGES})
    yield page
    assert page.evaluate("() => faults") == []
    page.close()


def go(page: Page, name: str, view: str = "c") -> None:
    """Open the view of a contact and wait until it is there."""
    begin_to_go(page, name, view)
    place = "contact-view" if view == "contact" else ".conversation__head"
    expect(page.locator(f"{place} [data-name], {place} [data-part=name]").first).to_have_text(name)


def begin_to_go(page: Page, name: str, view: str = "c") -> None:
    page.evaluate("(hash) => { location.hash = hash }", f"#{view}/{ {'bo': 4, 'olga': 7}[name] }")


def write(page: Page, text: str) -> None:
    page.locator("#text").fill(text)
    page.keyboard.press("Enter")


def texts(page: Page) -> Any:
    return page.locator(".message__text")


def wait_for(page: Page, condition: str) -> None:
    """Wait for it within the page, whose policy forbids Playwright's own way."""
    page.evaluate(
        f"""() => new Promise((resolve) => {{
            const look = () => (({condition})() ? resolve() : requestAnimationFrame(look))
            look()
        }})"""
    )


def tell(page: Page, contact: int, view: dict[str, Any]) -> None:
    page.evaluate(
        "([contact, message]) => wiring.told({ event: 'message_changed', contact, message })", [contact, view]
    )


def test_refused_message_stays_in_its_chat_and_goes_to_nobody_else(chats: Page) -> None:
    go(chats, "bo")
    chats.evaluate("() => { held.push('send'); refused = 'StoreFull' }")
    write(chats, "for bo alone")
    go(chats, "olga")
    expect(texts(chats)).to_have_count(3)

    chats.evaluate("() => { answer('send'); held.length = 0; refused = null }")
    wait_for(chats, "() => drafts[4] === 'for bo alone'")
    expect(chats.get_by_role("button", name="Try again")).to_have_count(0)
    go(chats, "bo")
    expect(texts(chats)).to_have_text(["of bo", "for bo alone"])
    expect(chats.locator("#text")).to_have_value("")
    chats.get_by_role("button", name="Try again").click()

    expect(texts(chats)).to_have_text(["of bo"])
    assert chats.evaluate(SENT) == [[4, "for bo alone"], [4, "for bo alone"]]
    assert (
        chats.evaluate(
            "() => new Set(called.filter(([name]) => name === 'send').map((each) => each[3])).size"
        )
        == 1
    )


def test_refused_message_is_not_overwritten_by_the_next_one(chats: Page) -> None:
    go(chats, "bo")
    chats.evaluate("() => { refused = 'StoreFull' }")
    write(chats, "my long text")
    expect(texts(chats)).to_have_text(["of bo", "my long text"])

    tell(chats, 4, message(2, "second of bo", 0))

    expect(texts(chats)).to_have_text(["of bo", "second of bo", "my long text"])


def test_refused_message_is_edited_in_its_composer(chats: Page) -> None:
    go(chats, "bo")
    chats.evaluate("() => { refused = 'StoreFull' }")
    write(chats, "one")
    chats.locator("#text").fill("two")

    chats.get_by_role("button", name="Edit").click()

    expect(texts(chats)).to_have_text(["of bo"])
    expect(chats.locator("#text")).to_have_value("one\n\ntwo")
    expect(chats.locator("#text")).to_be_focused()


def test_what_is_written_while_another_chat_opens_goes_to_whom_it_says(chats: Page) -> None:
    go(chats, "bo")
    chats.evaluate("() => held.push('conversation')")
    begin_to_go(chats, "olga")
    expect(chats.locator("#text")).to_have_attribute("placeholder", "Message to bo")

    write(chats, "for bo alone")
    chats.locator("#text").fill("and this too")
    chats.evaluate("() => answer('conversation')")

    expect(chats.locator("#text")).to_have_attribute("placeholder", "Message to olga")
    expect(chats.locator("#text")).to_have_value("")
    assert chats.evaluate(SENT) == [[4, "for bo alone"]]
    wait_for(chats, "() => drafts[4] === 'and this too'")


def test_message_for_a_chat_that_is_being_opened_stands_in_no_other(chats: Page) -> None:
    go(chats, "bo")
    chats.evaluate("() => held.push('conversation')")
    begin_to_go(chats, "olga")
    wait_for(chats, "() => called.some(([name, contact]) => name === 'conversation' && contact === 7)")

    tell(chats, 7, message(4, "just came", 0))

    expect(texts(chats)).to_have_text(["of bo"])
    chats.evaluate("() => answer('conversation')")
    expect(texts(chats)).to_have_text(["of olga 1", "of olga 2", "of olga 3", "just came"])


def test_only_what_stands_in_view_was_seen(chats: Page) -> None:
    go(chats, "olga")
    wait_for(chats, "() => called.some(([name]) => name === 'showed')")
    go(chats, "bo", view="contact")

    tell(chats, 4, message(2, "unseen", 0))
    chats.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    go(chats, "bo")
    wait_for(chats, "() => called.filter(([name]) => name === 'showed').length > 1")

    assert chats.evaluate(SHOWED) == [[7, 3], [4, 1]]


def test_news_of_the_contact_leave_the_cursor_where_it_is(chats: Page) -> None:
    go(chats, "bo")
    chats.locator("#text").fill("one two")
    chats.evaluate("() => document.querySelector('#text').setSelectionRange(3, 3)")

    chats.evaluate("() => wiring.told({ event: 'contact_changed', contact: 4 })")
    wait_for(chats, "() => called.some(([name]) => name === 'contact')")
    chats.keyboard.type("!")

    expect(chats.locator("#text")).to_have_value(re.compile("^one! two$"))


def test_leader_that_can_do_nothing_leaves_no_fault_behind(chats: Page) -> None:
    go(chats, "bo")
    chats.evaluate("() => { refused = 'StoreDamaged'; refusing = ['send', 'contact', 'showed', 'older'] }")
    chats.evaluate("() => wiring.told({ event: 'contact_changed', contact: 4 })")
    chats.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")

    write(chats, "hello")

    expect(chats.get_by_text("Something went wrong on this device")).to_be_visible()


def test_news_of_a_chat_that_is_being_opened_take_its_draft_from_nobody(chats: Page) -> None:
    chats.evaluate("() => { drafts[7] = 'to olga' }")
    go(chats, "bo")
    chats.locator("#text").fill("to bo")
    chats.evaluate("() => held.push('conversation')")
    begin_to_go(chats, "olga")
    wait_for(chats, "() => called.some(([name, contact]) => name === 'conversation' && contact === 7)")

    chats.evaluate("() => wiring.told({ event: 'contact_changed', contact: 7 })")
    wait_for(chats, "() => called.some(([name]) => name === 'contact')")
    expect(chats.locator("#text")).to_have_value("to bo")
    chats.evaluate("() => answer('conversation')")

    expect(chats.locator("#text")).to_have_value("to olga")


def test_way_of_the_last_message_is_drawn_under_it_from_what_the_leader_tells(chats: Page) -> None:
    go(chats, "bo")
    picture = chats.locator('.message[data-number="2"]').get_by_role("figure")

    for state in ("queued", "path", "sent"):
        tell(chats, 4, message(2, "mine", 0, state=state, attempt=1))
    expect(picture).to_contain_text("Your last message is on its way")
    expect(picture.locator(".path__stop--open")).to_have_count(3)
    tell(chats, 4, message(2, "mine", 0, state="delivered", attempt=1))

    expect(picture).to_contain_text("Your last message took")
    expect(picture.locator(".path__stop--open")).to_have_count(0)
    # Nobody tells when the others had it.
    expect(picture.locator('[data-part="second"], [data-part="third"]')).to_have_text(["no time", "no time"])
    tell(chats, 4, message(3, "another", 0, state="queued"))
    expect(chats.locator('.message[data-number="3"]').get_by_role("figure")).to_be_visible()
    expect(picture).to_have_count(0)


def test_older_messages_come_when_the_reader_scrolls_to_them(chats: Page) -> None:
    views = [message(number, f"text {number}", 300 - number) for number in range(1, 131)]
    chats.evaluate("(views) => { messages[4] = views.slice(-50); old = views }", views)
    go(chats, "bo")
    expect(texts(chats)).to_have_count(50)

    for first in ("text 31", "text 1"):
        chats.locator("message-list").evaluate("(list) => { list.scrollTop = -list.scrollHeight }")
        expect(chats.get_by_text(first, exact=True)).to_have_count(1)

    assert texts(chats).all_text_contents() == [f"text {number}" for number in range(1, 131)]
    assert chats.evaluate(OLDER)[:2] == [[4, 81], [4, 31]]


def test_acceptance_is_said_above_the_messages_at_once(chats: Page) -> None:
    chats.evaluate("() => { changes.state = 'asked' }")
    go(chats, "bo")
    expect(chats.locator(".thread-note")).to_have_text(re.compile("^You asked bo"))

    chats.evaluate("() => { changes.state = 'accepted' }")
    chats.evaluate("() => wiring.told({ event: 'contact_changed', contact: 4 })")

    expect(chats.locator(".thread-note")).to_have_text(re.compile("^Messages go through three forwarders"))


def test_who_has_to_be_asked_again_is_asked_by_a_button(chats: Page) -> None:
    waiting = message(1, "hello", 3, state="waiting", waitsFor="asking")
    chats.evaluate("(view) => { changes.state = 'unasked'; messages[4] = [view] }", waiting)
    go(chats, "bo")
    expect(chats.locator(".thread-note")).to_have_text(re.compile("^bo has to be asked again"))
    expect(chats.locator("message-list")).to_contain_text("Waits until you ask bo again")

    chats.get_by_role("button", name="Ask again").click()
    assert chats.evaluate("() => called.find(([name]) => name === 'decide').slice(1, 3)") == [4, "ask"]
    waiting |= {"waitsFor": "acceptance"}
    chats.evaluate("(view) => { changes.state = 'asked'; messages[4] = [view] }", waiting)
    chats.evaluate("() => wiring.told({ event: 'contact_changed', contact: 4 })")

    expect(chats.get_by_role("button", name="Ask again")).to_be_hidden()
    expect(chats.locator("message-list")).to_contain_text("Waits until bo accepts your request")


@pytest.mark.parametrize(
    ("name", "before"), [("greeting", "bo asked to write to you"), ("ownGreeting", "Your first words to bo")]
)
def test_first_words_stand_above_the_messages(chats: Page, name: str, before: str) -> None:
    words = "It is me, <b>from</b> the workshop."
    chats.evaluate("([name, words]) => { changes[name] = words }", [name, words])

    go(chats, "bo")

    expect(chats.locator(".thread-note").last).to_have_text(f"{before}: {words}")


def test_missing_message_has_no_time_and_begins_no_day(chats: Page) -> None:
    go(chats, "bo")

    tell(chats, 4, message(2, "", 0) | {"text": None, "time": None, "missing": True})

    expect(chats.get_by_text("A message is missing here")).to_be_visible()
    expect(chats.locator(".day")).to_have_count(1)
    expect(chats.locator('.message[data-number="2"] time')).to_have_text("")


@pytest.mark.parametrize(
    ("address", "fields"),
    [
        ("/sign-up/", ["#password", "#code"]),
        ("/log-in/", ["#recovery", "#new-password"]),
        ("/app/", ["#text", "#greeting"]),
    ],
)
def test_what_is_typed_is_given_to_no_speller(
    context: BrowserContext, live_server_tree: LiveTree, address: str, fields: list[str]
) -> None:
    page = context.new_page()
    open_page(page, live_server_tree.url + address)

    for field in fields:
        expect(page.locator(field)).to_have_attribute("spellcheck", "false")
        expect(page.locator(field)).to_have_attribute("autocomplete", re.compile("off|new-password"))
    page.close()


def test_timeline_says_on_its_way_of_what_has_a_path_alone(chats: Page) -> None:
    go(chats, "bo")
    title = chats.locator("delivery-timeline .path__title")
    tell(chats, 4, message(2, "for bo", 0, state="queued"))
    expect(title).to_contain_text("not on its way yet")

    tell(chats, 4, message(2, "for bo", 0, state="path"))
    expect(title).to_contain_text("is on its way")
    tell(chats, 4, message(2, "for bo", 0, state="waiting", waitsFor="forwarders", forwarders=2))

    expect(title).to_contain_text("not on its way yet")


def test_chat_that_can_not_be_read_is_not_shown_empty(chats: Page) -> None:
    chats.evaluate("() => { refusing.push('conversation'); refused = 'LoginRefused' }")

    begin_to_go(chats, "bo")

    expect(chats.locator("notice-list")).to_contain_text("You are logged out")
    expect(chats.locator("conversation-view")).to_be_hidden()
