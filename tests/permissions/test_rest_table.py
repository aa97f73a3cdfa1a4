"""Walks the permission table of the REST routes, and the routes themselves: none is without a row."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from mesa import store
from tests.factories import make_client, make_login, make_operator
from tests.permissions.callers import Caller, World, client_of, make_world
from tests.permissions.rest_rows import ROWS, Row

RATES = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]
# Two calls that end the caller's login are in tests/accounts/test_throttles.py.
ENDING = {"POST api/accounts/logout/", "DELETE api/accounts/me/"}
LIMITED = [row for row in ROWS if row.route.startswith("api/") and str(row) not in ENDING]
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
# Django's own pages for operators: they have their own door, see below.
OPERATORS = "admin/"
PAGES = ("", "sign-up/", "log-in/", "app/", "invite/")
PLAIN_PAGES = (*PAGES, "healthz", "readyz", "static/<str:release>/<path:name>")
OWNERS = {Caller.USER, Caller.COOKIE_ALONE, Caller.COOKIE_WITH_CSRF}
ALLOWED = {str(row) for row in ROWS}


@pytest.fixture(autouse=True)
def empty_world(db: None, empty_store: store.Client) -> None:
    """A database and a store with nothing in them."""


def routes(patterns: Any = None, prefix: str = "") -> Iterator[str]:
    """Every route of the URLconf but the operators' pages."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            if route != OPERATORS:
                yield from routes(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield route


def send(client: Client, row: Row, world: World) -> Any:
    body = json.dumps(row.body(world))
    return client.generic(row.method, f"/{row.route}{row.query}", body, content_type="application/json")


@pytest.mark.parametrize("caller", Caller)
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_caller_gets_what_the_table_says(row: Row, caller: Caller) -> None:
    world = make_world()
    row.prepare(world)

    response = send(client_of(caller, world), row, world)

    assert response.status_code == row.statuses[caller]
    if caller not in OWNERS or response.status_code in {401, 403}:
        assert row.untouched(world)


def test_every_route_has_a_row() -> None:
    assert set(routes()) == {row.route for row in ROWS}


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_every_row_speaks_of_every_caller(row: Row) -> None:
    assert row.statuses.keys() == set(Caller)


@pytest.mark.parametrize("route", sorted({row.route for row in ROWS}))
@pytest.mark.parametrize("method", METHODS)
def test_method_without_a_row_is_not_allowed(method: str, route: str) -> None:
    if f"{method} {route}" in ALLOWED:
        return

    response = make_client(make_login()).generic(method, f"/{route}", "{}", content_type="application/json")

    # On plain pages the CSRF check comes before the method.
    plain_answers = {405} if method == "OPTIONS" else {403, 405}
    assert response.status_code in (plain_answers if route in PLAIN_PAGES else {405})


@pytest.mark.parametrize("row", LIMITED, ids=str)
def test_every_route_is_limited(row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    world = make_world()
    row.prepare(world)
    # What prepares a row may have asked the same route at its own rate: of 600 a minute, that counts 0.1 s.
    # So long the second is refused, and a third that comes later is let in.
    for name in store.client().scan_iter(store.key("throttle", "*")):
        store.client().delete(name)
    for scope in RATES:
        monkeypatch.setitem(RATES, scope, "2/day")

    first, second, third = (send(client_of(Caller.USER, world), row, world) for _ in range(3))

    assert first.status_code == row.statuses[Caller.USER]
    assert second.status_code != 429
    assert (third.status_code, third.json()["code"]) == (429, "throttled")


def test_nobody_sees_the_envelopes_of_another() -> None:
    world = make_world()
    row = next(row for row in ROWS if str(row) == "GET api/accounts/mailbox/")
    row.prepare(world)

    seen = {
        caller: len(json.loads(send(client_of(caller, world), row, world).content).get("envelopes", []))
        for caller in Caller
    }

    assert seen == {caller: int(caller in OWNERS) for caller in Caller}


def test_table_fails_for_a_route_without_a_row() -> None:
    assert set(routes()) != {row.route for row in ROWS[1:]}


@pytest.mark.parametrize("caller", Caller)
def test_operators_pages_are_closed_to_users(caller: Caller) -> None:
    response = client_of(caller, make_world()).get("/admin/accounts/user/")

    assert response.status_code == 302
    assert response.headers["Location"].startswith("/admin/login/")


def test_operators_pages_are_open_to_operators() -> None:
    client = make_operator()

    assert client.get("/admin/accounts/user/").status_code == 200
