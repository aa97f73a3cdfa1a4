"""A page and a real server: sign up, log in, stay logged in, and open the socket, all by cookie.

The document is the server's own front page: to a made-up one the browser lets no socket of this machine be
opened. Only the scripts of the tests come from the repository.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route

from tests.js.pages import SERVED, answer
from tests.live_tree import ROOT, LiveTree

PASSWORD = "a long pass phrase"
SignUp = Callable[[Page, str], Any]
OTHER_PASSWORD = "another long pass phrase"
RUN = "async ([step, form]) => (await import('/tests/js/peer/live.js')).run(step, form)"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveTree]:
    running = LiveTree(tmp_path_factory.mktemp("tree"), environment={"MESA_REGISTRATION": "invitation"})
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def sign_up(tree: LiveTree) -> SignUp:
    """Makes an account in a page, with an invitation that nobody used."""
    made = subprocess.run(
        [sys.executable, "manage.py", "mesa_invite", "--count", "40"],
        cwd=ROOT,
        env=tree.environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    codes = iter(made.stdout.split())
    return lambda page, name: do(page, "signUp", userName=name, password=PASSWORD, invitation=next(codes))


@pytest.fixture
def page(tree: LiveTree, browser: Browser) -> Iterator[Page]:
    context = new_context(browser)
    yield open_page(context, tree)
    context.close()


def new_context(browser: Browser) -> BrowserContext:
    # The front page is plain text, whose policy lets nothing in.
    return browser.new_context(bypass_csp=True)


def open_page(context: BrowserContext, tree: LiveTree) -> Page:
    context.route("**/*", answer_pages)
    page = context.new_page()
    page.goto(f"{tree.url}/")
    return page


def answer_pages(route: Route) -> None:
    name = urlsplit(route.request.url).path.removeprefix("/")
    if name.startswith(SERVED):
        answer(route)
    else:
        route.continue_()


def do(page: Page, step: str, **form: Any) -> Any:
    return page.evaluate(RUN, [step, form])


def test_account_is_made_and_logged_in(page: Page, sign_up: SignUp) -> None:
    code = sign_up(page, "ada1")

    assert len(code) == 26
    assert do(page, "me") == "ada1"
    assert do(page, "profiles") == ["ada1"]
    assert do(page, "welcome") == ["mesa.1"]


def test_keys_and_login_outlive_the_page(page: Page, sign_up: SignUp) -> None:
    sign_up(page, "ada2")
    before = do(page, "chainLength")

    page.reload()

    assert do(page, "current") == "ada2"
    assert do(page, "chainLength") == before > 0
    assert do(page, "me") == "ada2"


def test_device_with_keys_logs_in_again(page: Page, sign_up: SignUp) -> None:
    sign_up(page, "ada3")
    do(page, "logOut")
    assert do(page, "me") == "LoginRefused ended"

    assert do(page, "logIn", userName="ada3", password="not this one") == "LoginRefused wrong_password"
    assert do(page, "logIn", userName="Ada3", password=PASSWORD) is None
    assert do(page, "me") == "ada3"


def test_expired_token_is_refreshed_in_silence(page: Page, sign_up: SignUp) -> None:
    sign_up(page, "ada4")

    page.context.clear_cookies(name="mesa_access")
    assert do(page, "manyAtOnce") == 4

    page.context.clear_cookies(name="mesa_access")
    assert do(page, "welcome") == ["mesa.1"]


def test_two_windows_refresh_without_ending_the_login(page: Page, sign_up: SignUp, tree: LiveTree) -> None:
    sign_up(page, "ada5")
    others = [open_page(page.context, tree) for _ in range(2)]
    start = "async (step) => void (globalThis.done = (await import('/tests/js/peer/live.js')).run(step))"
    for _ in range(3):
        page.context.clear_cookies(name="mesa_access")
        for each in (page, *others):
            each.evaluate(start, "manyAtOnce")
        assert [each.evaluate("globalThis.done") for each in (page, *others)] == [4, 4, 4]


def test_name_that_is_taken_leaves_nothing(
    page: Page, sign_up: SignUp, tree: LiveTree, browser: Browser
) -> None:
    sign_up(page, "ada6")
    elsewhere = new_context(browser)
    other = open_page(elsewhere, tree)

    assert sign_up(other, "ada6") == "Refused username_taken"
    assert do(other, "profiles") == []
    elsewhere.close()


def test_form_that_can_not_be_is_told_before_the_server_hears_of_it(page: Page, sign_up: SignUp) -> None:
    assert sign_up(page, "1ada") == "UsageError user_name"
    assert do(page, "signUp", userName="ada7", password="short") == "UsageError password_short"
    assert do(page, "logIn", userName="ada7", password=PASSWORD) == "UsageError no_keys"


def test_password_that_is_easy_to_guess_is_named(page: Page) -> None:
    assert do(page, "signUp", userName="ada8", password="1234567890") == "Refused invalid"
    assert do(page, "profiles") == []


def test_one_account_at_a_time_is_logged_in(page: Page, sign_up: SignUp) -> None:
    sign_up(page, "ada9")

    assert sign_up(page, "bo9") == "UsageError logged_in"
    do(page, "logOut")
    assert len(sign_up(page, "bo9")) == 26
    assert sorted(do(page, "profiles")) == ["ada9", "bo9"]


def test_logout_may_leave_nothing_here(page: Page, sign_up: SignUp) -> None:
    sign_up(page, "ada10")

    do(page, "logOut", wipe=True)

    assert do(page, "profiles") == []
    assert page.evaluate("async () => (await indexedDB.databases()).map((each) => each.name)") == [
        "mesa-profiles"
    ]


def test_recovery_code_puts_a_new_device_in_the_place_of_a_lost_one(
    page: Page, sign_up: SignUp, tree: LiveTree, browser: Browser
) -> None:
    code = sign_up(page, "ada11")
    elsewhere = new_context(browser)
    other = open_page(elsewhere, tree)
    wrong = "0" * 26

    assert do(other, "recover", userName="ada11", code=wrong, password=OTHER_PASSWORD) == (
        "LoginRefused recovery_refused"
    )
    assert do(other, "recover", userName="ada11", code=code, password=OTHER_PASSWORD) is None

    assert do(other, "me") == "ada11"
    assert do(other, "welcome") == ["mesa.1"]
    assert do(page, "me") == "LoginRefused ended"
    assert do(page, "logIn", userName="ada11", password=OTHER_PASSWORD) == "LoginRefused device_unknown"
    elsewhere.close()


def test_recovery_code_gives_a_new_password_to_a_device_that_stays(page: Page, sign_up: SignUp) -> None:
    code = sign_up(page, "ada12")
    before = do(page, "chainLength")
    assert do(page, "storedCode") == code

    assert do(page, "recover", userName="ada12", code=code.lower(), password=OTHER_PASSWORD) is None

    assert do(page, "chainLength") == before
    assert do(page, "me") == "ada12"
    # Whoever typed it has it.
    assert do(page, "storedCode") is None


def test_sign_up_whose_answer_got_lost_goes_on_with_the_same_keys(page: Page, sign_up: SignUp) -> None:
    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    page.context.route("**/api/accounts/register/", lose)
    assert sign_up(page, "ada13") == "ServerUnreachable no_answer"
    page.context.unroute("**/api/accounts/register/")
    page.reload()

    assert len(sign_up(page, "ada13")) == 26
    assert do(page, "me") == "ada13"
    assert do(page, "profiles") == ["ada13"]


def test_server_by_invitation_takes_nobody_without_one(page: Page) -> None:
    assert do(page, "signUp", userName="ada14", password=PASSWORD) == "Refused invitation_refused"
    assert do(page, "profiles") == []
