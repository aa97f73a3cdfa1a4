"""What pages show for a moment, besides the scenes: refusals, waiting, what is blocked or not found."""

from typing import Any, Final

from tests.browser.scenes import (
    CONTACT,
    EMPTY,
    FILL_APP,
    FIND_BO,
    FINGERPRINT,
    SHOW_ACCOUNTS,
    SHOW_CODE,
    VALUES,
    Scene,
)

FLOW: Final = "document.querySelector('sign-up-flow')"
FORMS: Final = "document.querySelector('log-in-forms')"
SEARCH: Final = "document.querySelector('user-search')"
CODE: Final = {"code": "K7QM4XWP2D9HVTB3RNCE6FYJ8A"}
ADA: Final = {"accounts": [{"name": "ada", "number": 1}]}
NOTICES: Final = [
    ["newer_version", {}],
    ["clock", {"minutes": "90 minutes"}],
    ["not_persistent", {}],
    ["storage_full", {}],
    ["offline", {}],
    ["other_tab", {}],
    ["logged_out", {}],
    ["own_keys", {}],
    ["guards_limit", {}],
    ["no_turn", {}],
    ["damaged", {}],
    ["refused", {"why": "There is no connection to the server."}],
    ["broken", {}],
]


def of_app(name: str, fragment: str, script: str = "", **values: Any) -> Scene:
    """Make a moment of the app: filled anew, and then something done."""
    fill = f"""(values) => {{
        for (const dialog of document.querySelectorAll("dialog")) dialog.close()
        document.querySelector("notice-list").replaceChildren()
        location.hash = "{fragment}"
        ;({FILL_APP})(values)
        {script}
    }}"""
    return Scene(name, "/app/", fill, VALUES | values)


def searching(script: str) -> str:
    return f";({FIND_BO})(values); {script}"


def opening(dialog: str) -> str:
    return f"document.querySelector('#{dialog}').showModal()"


# The moments of one page follow each other in it, without loading it again.
MOMENTS: Final = {
    "sign-up": (
        Scene("busy", "/sign-up/", f"() => {FLOW}.busy('busy.keys')"),
        Scene("name-refused", "/sign-up/", f"() => {FLOW}.refuse({{ code: 'username_taken' }})"),
        Scene("refused", "/sign-up/", f"() => {FLOW}.refuse({{ code: 'throttled', count: 30 }})"),
        Scene(
            "code-unconfirmed",
            "/sign-up/",
            f"(values) => {{ ({SHOW_CODE})(values); document.querySelector('recovery-code').isConfirmed() }}",
            CODE,
        ),
        Scene("done", "/sign-up/", f"() => {FLOW}.finish()"),
    ),
    "log-in": (
        Scene(
            "refused",
            "/log-in/",
            f"(values) => {{ ({SHOW_ACCOUNTS})(values); {FORMS}.refuse({{ code: 'login_refused' }}) }}",
            ADA,
        ),
        Scene("recover", "/log-in/", f"() => {FORMS}.querySelector('[data-part=forgotten]').click()"),
        Scene("code-refused", "/log-in/", f"() => {FORMS}.refuse({{ code: 'recovery_refused' }})"),
        Scene("busy", "/log-in/", f"() => {FORMS}.busy('busy.recover')"),
        Scene(
            "forget",
            "/log-in/",
            f"""(values) => {{
                ({SHOW_ACCOUNTS})(values)
                document.querySelector("#forget [data-part=name]").textContent = "ada"
                {opening("forget")}
            }}""",
            ADA,
        ),
    ),
    "invite": (Scene("broken", "/invite/#olga"),),
    "app": (
        Scene("starting", "/app/"),
        of_app("notices", "#c/4", notices=NOTICES),
        of_app("blocked", "#c/4", contact=CONTACT | {"blocked": True, "suite": 2}),
        of_app(
            "too-long",
            "#c/4",
            "document.querySelector('message-composer').view = "
            "{ name: 'bo', draft: 'x'.repeat(65_537), stopped: null }",
        ),
        of_app("contact-verified", "#contact/4", contact=CONTACT | {"blocked": True, "suite": 2}),
        of_app("contact-unsafe", "#contact/4", contact=CONTACT | {"danger": "rolled_back"}),
        of_app(
            "alone-offline",
            "#welcome",
            "document.querySelector('forwarder-wait').view = { found: 0, online: false }",
            **EMPTY,
        ),
        of_app("ready", "#welcome"),
        of_app(
            "no-match",
            "#chats",
            "const filter = document.querySelector('[data-part=filter]'); filter.value = 'zz'; "
            "filter.dispatchEvent(new Event('input', { bubbles: true }))",
        ),
        of_app(
            "not-forwarding",
            "#settings",
            "document.querySelector('settings-panel').values = { forward: false, relay_only: true }; "
            "document.querySelector('forwarding-meter').view = { forwards: false, rates: [], total: 0 }",
        ),
        of_app(
            "blocked-people",
            "#settings",
            "document.querySelector('blocked-people').people = [{ number: 9, name: 'mallory' }]; "
            "document.querySelector('settings-panel').isAtRisk = true",
        ),
        of_app("password", "#settings", opening("password")),
        of_app(
            "password-refused",
            "#settings",
            opening("password") + "; document.querySelector('account-form[name=password]')"
            ".refuse({ code: 'wrong_password' })",
        ),
        of_app("wipe", "#settings", opening("wipe")),
        of_app(
            "removing",
            "#settings",
            opening("remove") + "; document.querySelector('account-form[name=remove]').busy()",
        ),
        of_app("found-nobody", "#chats", searching(f"{SEARCH}.showFound('bo', [])")),
        of_app("search-refused", "#chats", searching(f"{SEARCH}.refuse({{ code: 'throttled', count: 9 }})")),
        of_app("asked", "#chats", searching(f"{SEARCH}.sent()")),
        of_app("invited", f"#invite/olga.{FINGERPRINT}"),
        of_app("lacking", "#chats", "document.querySelector('missing-features').show(['webrtc', 'storage'])"),
    ),
}
