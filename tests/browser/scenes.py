"""What the pages show in pictures and in tests: ada's, with view objects instead of a peer."""

from dataclasses import dataclass, field
from typing import Any, Final

from playwright.sync_api import Page

# 15 October 2025, 14:33 in Vilnius.
NOW: Final = 1_760_527_980_000
MINUTE: Final = 60_000
DAY: Final = 24 * 60 * MINUTE
SAFETY_NUMBER: Final = "305718442019936572086601327749901854336211874750963825102647"
FINGERPRINT: Final = "k7Qm4xWp2d9HvTb3RnCe6fYj8A0sLu5ZgNi1oEhBtXc"
CONTACT: Final[dict[str, Any]] = {
    "number": 4,
    "name": "bo",
    "state": "accepted",
    "greeting": "",
    "ownGreeting": "",
    "verified": True,
    "blocked": False,
    "danger": None,
    "added": 0,
    "removed": 0,
    "suite": 1,
    "safetyNumber": SAFETY_NUMBER,
}


@dataclass(frozen=True)
class Scene:
    """One page in one state."""

    name: str
    address: str
    script: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    # What the page shows by itself, before the script may say something else.
    begins: str = ""


def message(number: int, text: str, minutes_ago: int, **more: Any) -> dict[str, Any]:
    """A message of bo's, or of ada's if its state is given."""
    state = more.pop("state", "received")
    time = NOW - minutes_ago * MINUTE
    return {
        "number": number,
        "text": text,
        "outgoing": state != "received",
        "state": state,
        "time": time,
    } | more


EVENING: Final = 19 * 60 + 20
EARLIER: Final = [
    message(1, "Are we still on for the archive tomorrow?", EVENING),
    message(2, "Yes. I have the key from olga.", EVENING - 3, state="delivered"),
    message(3, "Good. Bring the long ladder too, the top shelf is out of reach.", EVENING - 6),
    message(
        4,
        "It is in the car. The form we need is the Grundstücksverkehrsgenehmigungszuständigkeitsübertragungs"
        "verordnung, second cabinet.\nThe way in: https://mesa.example/archive (north gate)",
        EVENING - 19,
        state="delivered",
    ),
]
STATES: Final = [
    message(5, "Can you open the side gate at two?", 40, state="failed", why="storage"),
    message(6, "I can also ask olga for the spare key.", 33, state="queued"),
    message(7, "Leaving now.", 25, state="waiting", waitsFor="contact"),
    message(
        8,
        "The bridge is closed, I take the long way round.",
        20,
        state="waiting",
        waitsFor="forwarders",
        forwarders=2,
    ),
    message(9, "Still on time, I think.", 11, state="sent", attempt=2),
]
LATEST: Final = [
    message(10, "Gate is open.", 5),
    message(11, "Coffee is on the sill to the left.", 4),
    message(12, "You are kind.", 3, state="delivered"),
    message(13, "Ten minutes away.", 1, state="delivered"),
]
ROWS: Final = [
    {
        "number": 4,
        "name": "bo",
        "state": "accepted",
        "verified": True,
        "unsafe": False,
        "unread": 0,
        "last": LATEST[-1],
        "draft": "",
    },
    {
        "number": 7,
        "name": "olga",
        "state": "accepted",
        "verified": False,
        "unsafe": False,
        "unread": 3,
        "last": message(3, "The rota for November is ready", 88),
        "draft": "",
    },
    {
        "number": 9,
        "name": "hausverwaltungsgenossenschaft",
        "state": "accepted",
        "verified": False,
        "unsafe": False,
        "unread": 0,
        "last": message(5, "Thank you", 2 * 24 * 60, state="delivered"),
        "draft": "About the boiler",
    },
]
REQUESTS: Final = [{"number": 2, "name": "mallory", "greeting": "It is mallory, from the workshop."}]
TIMELINE: Final = {"number": 13, "contact": "bo", "attempt": 1, "pathMs": 26, "firstMs": 31, "totalMs": 58}
VALUES: Final[dict[str, Any]] = {
    "now": NOW,
    "rows": ROWS,
    "requests": REQUESTS,
    "contact": CONTACT,
    "draft": "",
    "note": "Messages go through three forwarders. The server does not carry them.",
    "messages": EARLIER + LATEST,
    "timeline": TIMELINE,
    "unread": 0,
    "peer": {"state": "forwarding", "found": 3, "guards": 2, "links": 5},
    "found": 3,
    "rates": [9 + (7 * second) % 13 + second % 5 * 2 for second in range(39)] + [14],
    "account": {
        "name": "ada",
        "fingerprint": FINGERPRINT,
        "link": f"https://mesa.example/invite/#ada.{FINGERPRINT}",
    },
    "notices": [],
}
FILL_APP: Final = """async (values) => {
    const scripts = document.querySelector("script[src$='/mesa/app.js']").src
    const { drawCode } = await import(new URL("./elements/code-drawing.js", scripts))
    const find = (name) => document.querySelector(name)
    const list = find("conversation-list")
    list.showRows(values.rows, values.now)
    list.showRequests(values.requests)
    find("peer-status").view = values.peer
    find("forwarder-wait").account = values.account.name
    find("forwarder-wait").view = { found: values.found, online: true }
    find("invite-link").link = values.account.link
    find("invite-link").showCode(drawCode(values.account.link))
    find("contact-view").view = values.contact
    find("conversation-view").view = { contact: values.contact, draft: values.draft }
    const { name, greeting, ownGreeting } = values.contact
    const around = { name, greeting, ownGreeting, note: values.note, unread: values.unread, now: values.now }
    find("message-list").open(around, values.messages)
    if (values.timeline) {
        const drawn = document.importNode(find("template#timeline").content, true).firstElementChild
        drawn.view = values.timeline
        find("message-list").setBelow(values.timeline.number, drawn)
    }
    const panel = find("settings-panel")
    panel.values = { forward: true, visibility: "prefix", relay_only: false, refuses_suite_2: false }
    panel.account = values.account
    find("forwarding-meter").view = { forwards: true, rates: values.rates, total: 18400 }
    for (const [kind, more] of values.notices) find("notice-list").show(kind, more)
    find("app-shell").start()
}"""
SHOW_CODE: Final = "(values) => document.querySelector('sign-up-flow').showCode(values.code)"
FINISH: Final = "() => document.querySelector('sign-up-flow').finish()"
NO_KEYS: Final = "[data-step=none]:not([hidden])"
SHOW_ACCOUNTS: Final = "(values) => { document.querySelector('log-in-forms').accounts = values.accounts }"
SHOW_RECOVERY: Final = f"""(values) => {{
    ({SHOW_ACCOUNTS})(values)
    document.querySelector("log-in-forms [data-part=forgotten]").click()
}}"""
FIND_BO: Final = """(values) => {
    document.querySelector("#new-chat").showModal()
    document.querySelector("user-search").showFound("bo", ["bo", "bodil"])
    document.querySelector("user-search").ask("bo")
}"""
EMPTY: Final = VALUES | {
    "rows": [],
    "requests": [],
    "messages": [],
    "timeline": None,
    "found": 1,
    "peer": {"state": "waiting", "found": 1, "guards": 1, "links": 1},
}
CHANGED: Final = VALUES | {
    "contact": CONTACT | {"verified": False, "danger": "other_keys"},
    "rows": [
        ROWS[0] | {"unsafe": True, "last": message(14, "Which cabinet was it?", 0, state="blocked")},
        *ROWS[1:],
    ],
    "messages": [*EARLIER, *LATEST, message(14, "Which cabinet was it?", 0, state="blocked")],
    "timeline": None,
}
WAITING: Final = message(1, "It is ada, from the archive.", 3, state="waiting", waitsFor="acceptance")
ASKED: Final = VALUES | {
    "contact": CONTACT | {"state": "asked", "verified": False},
    "rows": [ROWS[0] | {"verified": False, "last": WAITING}, *ROWS[1:]],
    "note": "You asked bo. What you write waits on this device until bo accepts.",
    "messages": [WAITING],
    "timeline": None,
}
RENEWED: Final = VALUES | {"contact": CONTACT | {"added": 1, "removed": 1}}
STATED: Final = VALUES | {
    "messages": EARLIER + STATES + LATEST[:2],
    "timeline": None,
    "unread": 2,
    "notices": [["offline", {}]],
    "peer": {"state": "offline", "found": 0, "guards": 2, "links": 0},
}
SCENES: Final = (
    Scene("landing", "/"),
    Scene("sign-up", "/sign-up/"),
    Scene("sign-up-code", "/sign-up/", SHOW_CODE, {"code": "K7QM4XWP2D9HVTB3RNCE6FYJ8A"}),
    Scene("sign-up-done", "/sign-up/", FINISH),
    Scene("log-in", "/log-in/", SHOW_ACCOUNTS, {"accounts": [{"name": "ada", "number": 1}]}, NO_KEYS),
    Scene("log-in-no-keys", "/log-in/", SHOW_ACCOUNTS, {"accounts": []}, NO_KEYS),
    Scene("log-in-recover", "/log-in/", SHOW_RECOVERY, {"accounts": [{"name": "ada", "number": 1}]}, NO_KEYS),
    Scene("invite", f"/invite/#ada.{FINGERPRINT}"),
    Scene("app", "/app/#c/4", FILL_APP, VALUES),
    Scene("app-list", "/app/", FILL_APP, VALUES),
    Scene("app-states", "/app/#c/4", FILL_APP, STATED),
    Scene("app-asked", "/app/#c/4", FILL_APP, ASKED),
    Scene("app-empty", "/app/#welcome", FILL_APP, EMPTY),
    Scene("app-changed-key", "/app/#c/4", FILL_APP, CHANGED),
    Scene("app-changed-devices", "/app/#c/4", FILL_APP, RENEWED),
    Scene("app-contact", "/app/#contact/4", FILL_APP, VALUES | {"contact": CONTACT | {"verified": False}}),
    Scene("app-contact-changed", "/app/#contact/4", FILL_APP, CHANGED),
    Scene("app-settings", "/app/#settings", FILL_APP, VALUES),
    Scene(
        "app-new-chat", "/app/", f"async (values) => {{ await ({FILL_APP})(values); ({FIND_BO})() }}", VALUES
    ),
    Scene("not-found", "/nowhere/"),
)


# Stands in for what starts the peer of a profile, of which these pages have none.
NO_PEER = """
import { AppShell } from "./app-shell.js"
import { find } from "./base.js"
export const startApp = async () => find(document, "app-shell", AppShell).start()
"""
# Scripts of a page may run after its load: an element is ready once it is defined.
READY: Final = """() => Promise.all(
    [...document.querySelectorAll(":not(:defined)")].map((each) => customElements.whenDefined(each.localName))
)"""
# What elements say, for tests.
NOTE_EVENTS: Final = """(types) => {
    globalThis.hearing?.abort()
    globalThis.hearing = new AbortController()
    globalThis.heard = []
    const { signal } = hearing
    for (const type of types)
        addEventListener(type, (event) => heard.push([type, event.detail]), { signal })
}"""
HEARD: Final = "() => heard"


def open_page(page: Page, address: str) -> None:
    """Open a page and wait until its elements live; the app's are joined to no peer."""
    page.route(
        "**/elements/app-page.js", lambda route: route.fulfill(body=NO_PEER, content_type="text/javascript")
    )
    # A new fragment alone would not load the page again.
    page.goto("about:blank")
    page.goto(address)
    page.evaluate(READY)


def show(page: Page, url: str, scene: Scene) -> None:
    """Open a page, and have its elements show the scene."""
    open_page(page, url + scene.address)
    if scene.begins:
        page.wait_for_selector(scene.begins)
    if scene.script:
        page.evaluate(scene.script, scene.values)


def listen(page: Page, *types: str) -> None:
    page.evaluate(NOTE_EVENTS, list(types))


def heard(page: Page) -> list[Any]:
    found: list[Any] = page.evaluate(HEARD)
    return found
