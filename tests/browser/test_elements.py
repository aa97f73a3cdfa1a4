"""What the elements of the pages do with what people type and press. Nothing here needs a peer."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.scenes import FILL_APP, VALUES, heard, listen, message, open_page
from tests.live_tree import LiveTree

CODE = "K7QM4XWP2D9HVTB3RNCE6FYJ8A"
BEGIN_AGAIN = """() => {
    document.querySelector("dialog").close()
    document.querySelector("notice-list").replaceChildren()
    location.hash = "#c/4"
}"""
OPEN_LIST = """([messages, unread]) => document.querySelector("message-list")
    .open({ name: "bo", note: "", unread, now: messages.at(-1).time }, messages)"""
TEXTS = "() => [...document.querySelectorAll('.message__text')].map((each) => each.textContent)"


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": 860}, reduced_motion="reduce")
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    page = context.new_page()
    yield page
    page.close()


@pytest.fixture(scope="module")
def app(context: BrowserContext, live_server_tree: LiveTree) -> Page:
    page = context.new_page()
    open_page(page, f"{live_server_tree.url}/app/")
    return page


@pytest.fixture
def chat(app: Page) -> Page:
    """The app with a conversation open, as if the page had just been filled."""
    app.evaluate(BEGIN_AGAIN)
    app.evaluate(FILL_APP, VALUES)
    return app


def test_account_is_begun_by_keyboard_alone(page: Page, live_server_tree: LiveTree) -> None:
    open_page(page, f"{live_server_tree.url}/sign-up/")
    listen(page, "sign-up:submit")

    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("ada")
    page.keyboard.press("Tab")
    page.keyboard.type("short")
    expect(page.locator("#password-hint")).to_contain_text("5 more signs")
    page.keyboard.type(" no longer")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.locator("#password")).to_have_attribute("type", "text")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    assert heard(page) == [
        ["sign-up:submit", {"username": "ada", "password": "short no longer", "invitation": ""}]
    ]


def test_refusal_stands_beside_its_field_and_gets_the_focus(page: Page, live_server_tree: LiveTree) -> None:
    open_page(page, f"{live_server_tree.url}/sign-up/")

    page.evaluate("() => document.querySelector('sign-up-flow').refuse({ code: 'username_taken' })")

    expect(page.locator("#username-error")).to_contain_text("The name is taken")
    expect(page.locator("#username")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#username")).to_be_focused()
    page.evaluate("() => document.querySelector('sign-up-flow').refuse({ code: 'throttled', count: 1 })")
    expect(page.locator("#username-error")).to_be_hidden()
    expect(page.locator('[data-error=""]')).to_have_text("Too many tries. Wait 1 second.")


def test_recovery_code_is_confirmed_by_two_of_its_groups(page: Page, live_server_tree: LiveTree) -> None:
    open_page(page, f"{live_server_tree.url}/sign-up/")
    listen(page, "sign-up:confirmed")
    page.evaluate("(code) => document.querySelector('sign-up-flow').showCode(code)", CODE)

    page.fill("#code", "K7QM 4XWP")
    page.keyboard.press("Enter")
    expect(page.locator("#code-error")).to_contain_text("groups 4 and 6")
    assert heard(page) == []
    # VTB3 and 6FYJ, as people type them.
    page.fill("#code", "vtb3-6fyj")
    page.keyboard.press("Enter")

    assert heard(page) == [["sign-up:confirmed", None]]
    page.evaluate("() => document.querySelector('sign-up-flow').finish()")
    expect(page.get_by_role("link", name="Open Mesa")).to_be_visible()
    assert CODE[:4] not in page.content()


def test_browser_without_keys_offers_the_recovery_code(page: Page, live_server_tree: LiveTree) -> None:
    open_page(page, f"{live_server_tree.url}/log-in/")
    listen(page, "recover:submit", "log-in:submit")
    page.evaluate("() => { document.querySelector('log-in-forms').accounts = [] }")

    page.get_by_role("button", name="Use the recovery code").click()
    expect(page.locator("#username")).to_be_focused()
    page.fill("#username", "ada")
    page.fill("#recovery", CODE)
    page.fill("#new-password", "correct horse battery")
    page.keyboard.press("Enter")

    given = {"username": "ada", "code": CODE, "password": "correct horse battery"}
    assert heard(page) == [["recover:submit", given]]


def test_row_of_who_was_asked_says_what_it_waits_for(chat: Page) -> None:
    asked = VALUES["rows"][0] | {"state": "asked", "last": None}

    chat.evaluate("(row) => document.querySelector('conversation-list').showRows([row], 0)", asked)

    expect(chat.locator(".conversation-row__text")).to_have_text("Asked, waits for bo")


def test_enter_sends_and_shift_enter_begins_a_line(chat: Page) -> None:
    listen(chat, "message:submit")
    text = chat.get_by_label("Message to bo")

    text.click()
    chat.keyboard.type("one")
    chat.keyboard.press("Shift+Enter")
    chat.keyboard.type("two")
    chat.keyboard.press("Enter")
    chat.keyboard.press("Enter")

    assert heard(chat) == [["message:submit", {"contact": 4, "text": "one\ntwo"}]]
    expect(text).to_have_value("")


def test_half_of_a_sign_is_sent_as_a_mark(chat: Page) -> None:
    listen(chat, "message:submit", "message:draft")
    chat.evaluate("() => { document.querySelector('#text').value = 'a\\uD83Db' }")
    chat.locator("#text").dispatch_event("input")
    chat.locator("#text").press("Enter")

    assert [detail["text"] for _, detail in heard(chat)] == ["a\ufffdb"] * 2


def test_enter_that_ends_a_composition_does_not_send(chat: Page) -> None:
    listen(chat, "message:submit")
    composing = """() => {
        const text = document.querySelector("#text")
        text.value = "にほん"
        for (const more of [{ isComposing: true }, { keyCode: 229 }])
            text.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, ...more }))
    }"""

    chat.evaluate(composing)

    assert heard(chat) == []


def test_pasted_megabyte_is_refused_in_words(chat: Page) -> None:
    paste = """() => {
        const more = { inputType: "insertFromPaste", data: "x".repeat(1_048_576) }
        const event = new InputEvent("beforeinput", { ...more, bubbles: true, cancelable: true })
        return document.querySelector("#text").dispatchEvent(event)
    }"""

    is_let_in = chat.evaluate(paste)

    assert not is_let_in
    expect(chat.get_by_text("Too long by 983,040 bytes")).to_be_visible()


def test_text_that_is_too_long_is_not_sent(chat: Page) -> None:
    listen(chat, "message:submit")

    # Three bytes each.
    chat.get_by_label("Message to bo").fill("語" * 21_846)
    chat.keyboard.press("Enter")

    expect(chat.get_by_text("Too long by 2 bytes")).to_be_visible()
    assert heard(chat) == []
    chat.get_by_label("Message to bo").fill("語" * 21_845)
    chat.keyboard.press("Enter")
    assert len(heard(chat)) == 1


def test_changed_key_stops_the_composer_and_asks(chat: Page) -> None:
    listen(chat, "contact:decide")
    unsafe = VALUES["contact"] | {"danger": "other_keys", "verified": False}

    chat.evaluate(
        "(contact) => { document.querySelector('conversation-view').view = { contact, draft: '' } }", unsafe
    )

    expect(chat.get_by_role("alert").filter(has_text="Sending is stopped")).to_be_visible()
    expect(chat.locator("#text")).to_be_disabled()
    chat.get_by_role("button", name="Accept without comparing").click()
    assert heard(chat) == [["contact:decide", {"number": 4, "decision": "accept-new"}]]


def test_markup_in_a_text_stays_text(chat: Page) -> None:
    text = '<img src=x onerror="alert(1)"> & <b>bold</b>'

    chat.evaluate(OPEN_LIST, [[message(1, text, 0)], 0])

    assert chat.evaluate(TEXTS) == [text]
    assert chat.locator(".message__text *").count() == 0


def test_long_text_is_drawn_whole_when_it_is_asked_for(chat: Page) -> None:
    text = "one " * 5_000
    chat.evaluate(OPEN_LIST, [[message(1, text, 0)], 0])
    shown = chat.locator(".message__text")
    assert len(shown.text_content() or "") < 5_000

    chat.get_by_role("button", name="Show all of it, 20,000 signs").click()

    assert shown.text_content() == text


def test_link_opens_elsewhere_and_tells_nothing(chat: Page) -> None:
    chat.evaluate(OPEN_LIST, [[message(1, "see https://mesa.example/a", 0)], 0])

    link = chat.locator(".message__text a")

    expect(link).to_have_attribute("href", "https://mesa.example/a")
    expect(link).to_have_attribute("rel", "noreferrer noopener")
    expect(link).to_have_attribute("target", "_blank")


def test_list_keeps_order_whatever_comes_when(chat: Page) -> None:
    views = [message(number, f"text {number}", 100 - number) for number in (5, 3, 4)]
    chat.evaluate(OPEN_LIST, [views, 0])
    list_ = chat.locator("message-list")

    list_.evaluate(
        "(list, views) => list.addOlder(views)", [message(number, f"text {number}", 99) for number in (1, 2)]
    )
    list_.evaluate("(list, view) => list.put(view)", message(6, "text 6", 0))
    list_.evaluate("(list, view) => list.put(view)", message(4, "text 4, edited", 96))

    texts = ["text 1", "text 2", "text 3", "text 4, edited", "text 5", "text 6"]
    expect(chat.locator(".message__text")).to_have_text(texts)


def test_what_stands_in_the_list_already_is_not_moved(chat: Page) -> None:
    views = [message(number, f"text {number}", 10 - number) for number in (1, 2, 3)]
    chat.evaluate(OPEN_LIST, [views, 1])
    list_ = chat.locator("message-list")
    moved = """(list, view) => new Promise((resolve) => {
        const changes = new MutationObserver((found) => resolve(found.map((each) => each.addedNodes.length)))
        changes.observe(list.querySelector("[data-part=list]"), { childList: true })
        list.put(view)
    })"""

    assert list_.evaluate(moved, message(4, "text 4", 0)) == [1]


def test_changed_state_redraws_one_message_only(chat: Page) -> None:
    views = [message(1, "one", 2, state="queued"), message(2, "two", 1, state="queued")]
    chat.evaluate(OPEN_LIST, [views, 0])
    chat.evaluate("() => { document.querySelector('.message[data-number=\"1\"]').dataset.same = 'yes' }")

    chat.locator("message-list").evaluate("(list, view) => list.put(view)", views[1] | {"state": "delivered"})

    assert chat.locator('.message[data-number="1"]').get_attribute("data-same") == "yes"
    expect(chat.locator('.message[data-number="2"]')).to_contain_text("Delivered")
    expect(chat.locator('.message[data-number="1"]')).to_contain_text("Queued")


def test_older_messages_are_asked_for_once_when_the_reader_comes_near(chat: Page) -> None:
    views = [message(number, f"text {number}", 500 - number) for number in range(101, 201)]
    chat.evaluate(OPEN_LIST, [views, 0])
    listen(chat, "messages:older")
    up = "(list) => { list.scrollTop = -list.scrollHeight; list.dispatchEvent(new Event('scroll')) }"

    chat.locator("message-list").evaluate(up)
    chat.locator("message-list").evaluate(up)

    assert heard(chat) == [["messages:older", {"before": 101}]]


def test_only_what_arrives_is_read_out(chat: Page) -> None:
    opened = """(list, view) => {
        list.open({ name: "bo", note: "", now: view.time }, [view])
        return list.ariaLive
    }"""

    assert chat.locator("message-list").evaluate(opened, message(1, "one", 0)) == "off"
    expect(chat.locator("message-list")).to_have_attribute("aria-live", "polite")


def test_failed_message_can_be_tried_again(chat: Page) -> None:
    chat.evaluate(OPEN_LIST, [[message(9, "text", 0, state="failed", why="storage")], 0])
    listen(chat, "message:retry")

    chat.get_by_role("button", name="Try again").click()

    assert heard(chat) == [["message:retry", {"number": 9}]]


def test_request_shows_a_deceiving_name_with_marks_and_is_decided(chat: Page) -> None:
    request = {"number": 3, "name": "o\u202elga\u200b", "greeting": "Hello"}
    chat.evaluate("(request) => document.querySelector('conversation-list').showRequests([request])", request)
    listen(chat, "request:decide")

    expect(chat.locator(".request__name")).to_have_text("o\ufffdlga\ufffd wants to write to you")
    chat.locator(".request").get_by_role("button", name="Ignore").click()

    assert heard(chat) == [["request:decide", {"number": 3, "decision": "ignore"}]]


def test_fragment_names_the_view_and_going_back_works(chat: Page) -> None:
    listen(chat, "app:view")

    chat.get_by_role("link", name="Settings", exact=True).click()
    expect(chat.get_by_role("heading", name="Settings")).to_be_focused()
    chat.go_back()
    expect(chat.get_by_label("Message to bo")).to_be_visible()

    assert heard(chat) == [
        ["app:view", {"view": "settings", "number": 0}],
        ["app:view", {"view": "conversation", "number": 4}],
    ]


def test_new_chat_is_begun_by_keyboard(chat: Page) -> None:
    listen(chat, "users:search", "request:send")

    chat.get_by_role("button", name="New chat").press("Enter")
    chat.keyboard.type("bod")
    chat.keyboard.press("Enter")
    chat.evaluate("() => document.querySelector('user-search').showFound('bod', ['bodil'])")
    chat.get_by_role("button", name="bodil").press("Enter")
    chat.keyboard.type("It is ada.")
    chat.keyboard.press("Tab")
    chat.keyboard.press("Enter")

    assert heard(chat) == [
        ["users:search", {"query": "bod"}],
        ["request:send", {"username": "bodil", "fingerprint": None, "greeting": "It is ada."}],
    ]
    chat.keyboard.press("Escape")
    expect(chat.locator("#new-chat")).to_be_hidden()


def test_chosen_theme_stays(chat: Page) -> None:
    chat.get_by_role("link", name="Settings", exact=True).click()
    chat.get_by_label("Light or dark").select_option("dark")

    chat.reload()

    assert chat.evaluate("() => document.documentElement.dataset.theme") == "dark"
    chat.evaluate("() => localStorage.clear()")


def test_page_without_a_safe_address_says_so_and_makes_no_keys(
    page: Page, live_server_tree: LiveTree
) -> None:
    # A name that is not this machine's own is no safe address over plain http.
    page.route(
        "http://mesa.example/**",
        lambda route: route.fulfill(
            response=page.request.get(route.request.url.replace("http://mesa.example", live_server_tree.url))
        ),
    )

    page.goto("http://mesa.example/sign-up/")

    expect(page.get_by_text("This address is not safe for keys")).to_be_visible()
    expect(page.get_by_label("User name")).to_be_hidden()


@pytest.mark.parametrize("address", ["/sign-up/", "/log-in/", "/app/", "/invite/"])
def test_page_without_scripts_says_so_and_takes_nothing(
    browser: Browser, live_server_tree: LiveTree, address: str
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()

    page.goto(live_server_tree.url + address)

    expect(page.locator("noscript p")).to_be_visible()
    expect(page.get_by_text("Opening your keys")).to_be_hidden()
    assert page.locator("input[type=password]:enabled").count() == 0
    context.close()


def test_page_without_webrtc_says_so(context: BrowserContext, live_server_tree: LiveTree) -> None:
    page = context.new_page()
    page.add_init_script("delete globalThis.RTCPeerConnection")

    page.goto(f"{live_server_tree.url}/app/")

    expect(page.get_by_text("WebRTC is switched off")).to_be_visible()
    page.close()


def test_notices_stand_once_each_and_go(chat: Page) -> None:
    notices = chat.locator("notice-list")
    listen(chat, "notice:act")

    for _ in range(2):
        notices.evaluate("(list) => list.show('offline')")
    notices.evaluate("(list) => list.show('newer_version')")
    notices.evaluate("(list) => list.show('clock', { minutes: '90 minutes' })")
    notices.get_by_role("button", name="Load again").click()
    notices.evaluate("(list) => list.hide('clock')")

    assert notices.locator(".notice__title").all_text_contents() == [
        "No connection to the server",
        "There is a newer version of Mesa",
    ]
    assert heard(chat) == [["notice:act", {"kind": "newer_version"}]]


def test_two_hundred_switches_leave_no_message_behind(chat: Page) -> None:
    counts = """([one, two]) => {
        const list = document.querySelector("message-list")
        const around = { name: "bo", note: "", now: one.at(-1).time }
        for (let turn = 0; turn < 100; turn++) for (const views of [one, two]) list.open(around, views)
        return list.querySelectorAll(".message").length
    }"""
    one = [message(number, "one", 200 - number) for number in range(1, 11)]
    two = [message(number, "two", 200 - number) for number in range(1, 6)]

    assert chat.evaluate(counts, [one, two]) == 5
    assert set(chat.evaluate(TEXTS)) == {"two"}


def test_meter_draws_no_bar_where_less_was_counted_than_before(chat: Page) -> None:
    draw = """(view) => {
        const meter = document.querySelector("forwarding-meter")
        meter.view = view
        return meter.querySelector('[data-part="bars"]').getAttribute("d")
    }"""

    assert chat.evaluate(draw, {"forwards": True, "rates": [0, -1], "total": 0}) == ""
    assert chat.evaluate(draw, {"forwards": True, "rates": [2, -1], "total": 2}) == "M4 44v-42"
