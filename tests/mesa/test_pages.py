"""What the server renders for browsers. Spec: docs/spec/web-app.md, sections "Pages" and "Content policy"."""

import re
from collections import Counter
from pathlib import Path

import pytest
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path

from mesa import urls
from mesa.middleware import ADMIN_POLICY, PAGE_POLICY
from mesa.refusals import server_error, unavailable
from tests.mesa.markup import Markup, read

PAGES = ("/", "/sign-up/", "/log-in/", "/app/", "/invite/")
BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
CONTROLS = ("input", "textarea", "select")
each_page = pytest.mark.parametrize("address", [*PAGES, "/nowhere/"])


def fail(_request: HttpRequest) -> HttpResponse:
    raise RuntimeError("this is a bug")


# The project's own addresses, and two that go wrong.
urlpatterns = [path("fails/", fail), path("down/", unavailable), *urls.urlpatterns]
handler404, handler500 = urls.handler404, server_error


def page(address: str) -> Markup:
    return read(Client().get(address, headers=BROWSER).content.decode())


@pytest.mark.parametrize("address", PAGES)
def test_anybody_gets_the_page(address: str) -> None:
    answer = Client().get(address)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Content-Security-Policy"] == PAGE_POLICY
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"].startswith(("no-store", "max-age=0"))


def test_policy_is_that_of_the_spec_and_knows_no_source_but_the_server() -> None:
    words = Path(settings.BASE_DIR, "docs/spec/web-app.md").read_text()
    (written,) = re.findall(r"(?s)```\n(default-src .*?)\n```", words)
    directives = [each.split() for each in PAGE_POLICY.split(";")]

    assert " ".join(written.split()) == PAGE_POLICY
    assert directives[0] == ["default-src", "'none'"]
    sources = {source for name, *sources in directives if name.endswith("-src") for source in sources}
    assert sources == {"'self'", "'none'"}


def test_pages_may_turn_no_text_into_script_or_markup_by_themselves() -> None:
    directives = dict(each.strip().partition(" ")[::2] for each in PAGE_POLICY.split(";"))
    makers = list((settings.BASE_DIR / "static/mesa").rglob("trusted.js"))

    assert directives["require-trusted-types-for"] == "'script'"
    assert directives["trusted-types"] == ("mesa" if makers else "'none'")


@each_page
def test_page_needs_no_exception_from_the_policy(address: str) -> None:
    markup = page(address)

    assert [each for each in markup.named("script") if not each.get("src") or each.text.strip()] == []
    assert markup.named("style", "base", "iframe", "object", "embed") == []
    inline = [
        name
        for each in markup.elements
        for name in each.attributes
        if name.startswith("on") or name == "style"
    ]
    assert inline == []


@each_page
def test_page_loads_from_this_release_alone(address: str) -> None:
    markup = page(address)
    loaded = [each.get("src") for each in markup.named("script")]
    loaded += [each.get("href") for each in markup.named("link")]

    assert loaded
    for name in loaded:
        assert name.startswith(settings.STATIC_URL), name
        assert (settings.STATIC_DIR / name.removeprefix(settings.STATIC_URL)).is_file(), name


@each_page
def test_page_names_itself_and_has_one_first_heading(address: str) -> None:
    markup = page(address)

    assert [each.get("lang") for each in markup.named("html")] == ["en"]
    assert [bool(each.text.strip()) for each in markup.named("h1")] == [True]
    assert [bool(each.text.strip()) for each in markup.named("title")] == [True]
    assert len(markup.named("main")) == 1
    names = [each.get("name") for each in markup.named("meta")]
    assert {"viewport", "description", "color-scheme"} <= set(names)
    assert names.count("theme-color") == 2


@each_page
def test_ids_are_given_once_and_what_points_at_one_finds_it(address: str) -> None:
    markup = page(address)
    ids = Counter(each.get("id") for each in markup.elements if each.get("id"))
    pointers = ("for", "aria-labelledby", "aria-describedby", "dialog")
    wanted = {word for each in markup.elements for name in pointers for word in each.get(name).split()}
    icons = {each.get("href").removeprefix("#") for each in markup.named("use") if each.get("href")}

    assert [name for name, count in ids.items() if count > 1] == []
    assert wanted - set(ids) == set()
    assert icons - set(ids) == set()


@each_page
def test_every_dialog_and_region_has_a_name(address: str) -> None:
    places = [
        each for each in page(address).elements if each.name == "dialog" or each.get("role") == "region"
    ]

    nameless = [each for each in places if not (each.get("aria-labelledby") or each.get("aria-label"))]
    assert [each.get("id") or each.name for each in nameless] == []


@each_page
def test_every_control_has_a_label(address: str) -> None:
    markup = page(address)
    labelled = {each.get("for") for each in markup.named("label")}
    bare = [
        each.get("id") or each.get("name")
        for each in markup.named(*CONTROLS)
        if "label" not in each.parents and each.get("id") not in labelled
    ]
    mute = [
        each
        for each in markup.named("button", "a")
        if not each.text.strip() and "template" not in each.parents
    ]

    assert bare == []
    assert mute == []


def test_landing_says_what_is_protected_and_what_not_without_a_script() -> None:
    markup = page("/")
    said = [each.text for each in markup.named("h3")]
    lists = [each for each in markup.named("ul") if each.get("class") == "truth__list"]

    assert said[said.index("It protects") + 1] == "It does not protect"
    assert [each.text.strip() != "" for each in lists] == [True, True]
    assert markup.named("noscript", "template") == []


@pytest.mark.django_db
def test_operators_pages_have_a_policy_of_their_own() -> None:
    policy = Client().get("/admin/login/").headers["Content-Security-Policy"]

    # Scripts of Django's own pages write markup from text.
    assert policy == ADMIN_POLICY
    assert "require-trusted-types-for" not in policy


@pytest.mark.parametrize("address", ["/sign-up/", "/log-in/", "/app/", "/invite/"])
def test_page_that_needs_scripts_says_so_without_them(address: str) -> None:
    (words,) = page(address).named("noscript")

    assert "needs JavaScript" in words.text


@pytest.mark.parametrize("address", ["/sign-up/", "/log-in/"])
def test_no_form_sends_a_password_without_scripts(address: str) -> None:
    markup = page(address)
    fields = [each for each in markup.named("input") if each.get("type") == "password"]

    assert fields
    assert all("fieldset" in each.parents for each in fields)
    assert all("disabled" in each.attributes for each in markup.named("fieldset"))
    assert {each.get("method") for each in markup.named("form")} == {"post"}


@pytest.mark.parametrize(
    ("address", "is_set"),
    [("/", False), ("/invite/", False), ("/sign-up/", True), ("/log-in/", True), ("/app/", True)],
)
def test_pages_that_post_get_the_csrf_cookie_and_no_others(address: str, *, is_set: bool) -> None:
    answer = Client().get(address)

    assert set(answer.cookies) == ({"csrftoken"} if is_set else set())


@pytest.mark.parametrize(("mode", "fields"), [("open", 2), ("invitation", 3)])
def test_sign_up_asks_for_an_invitation_where_one_is_needed(mode: str, fields: int) -> None:
    with override_settings(REGISTRATION=mode):
        first = [each for each in page("/sign-up/").named("input") if each.get("name")]

    assert len(first) == fields
    assert ("invitation" in [each.get("name") for each in first]) == (mode == "invitation")


def test_closed_registration_is_said_and_asks_for_nothing() -> None:
    with override_settings(REGISTRATION="closed"):
        markup = page("/sign-up/")

    assert markup.named("input") == []
    assert "No accounts are made here" in markup.named("main")[0].text


@pytest.mark.urls(__name__)
@pytest.mark.parametrize(("address", "status"), [("/nowhere/", 404), ("/fails/", 500), ("/down/", 503)])
def test_people_are_refused_in_words_and_programs_in_json(address: str, status: int) -> None:
    client = Client(raise_request_exception=False)

    person, program = client.get(address, headers=BROWSER), client.get(address, headers={"accept": "*/*"})

    assert person.status_code == program.status_code == status
    assert person.headers["Content-Security-Policy"] == PAGE_POLICY
    assert b'<main class="site__main' in person.content
    assert program.headers["Content-Type"] == "application/problem+json"


def test_the_api_answers_browsers_in_json_too() -> None:
    answer = Client().get("/api/nosuch/", headers=BROWSER)

    assert answer.headers["Content-Type"] == "application/problem+json"


def test_every_template_is_shown_by_a_page() -> None:
    root = Path(settings.BASE_DIR, "templates")
    texts = "".join(each.read_text() for each in root.rglob("*.html"))
    code = "".join(each.read_text() for each in Path(settings.BASE_DIR, "mesa").glob("*.py"))
    names = [each.relative_to(root).as_posix() for each in root.rglob("*.html") if "admin" not in each.parts]

    assert [name for name in names if f'"{name}"' not in texts + code] == []
