"""Walks the permission table of the operators' pages, and the pages themselves: none is without a row."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.forms.models import model_to_dict
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from accounts.invitations import make_invitations
from accounts.models import Invitation, User
from mesa import store
from p2p.models import P2PTransaction, to_the_minute
from tests.factories import make_device
from tests.permissions.admin_rows import (
    ACT_ROUTE,
    ADMIN_ROWS,
    MAKERS,
    USER,
    AdminCaller,
    AdminRow,
)

# It sends whoever is logged in nowhere to the front, which sends on.
LOGOUT = "admin/logout/"
OPERATORS = {AdminCaller.LOOKER, AdminCaller.SUPERUSER}


@pytest.fixture(autouse=True)
def empty_world(db: None, empty_store: store.Client) -> None:
    """A database and a store with nothing in them."""


def admin_routes(patterns: Any = None, prefix: str = "") -> Iterator[str]:
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from admin_routes(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern) and route.startswith("admin/"):
            yield route


def make_rows() -> dict[str, str]:
    """One row of each model; returns what the routes name."""
    ada = make_device(username="ada").user
    P2PTransaction.objects.create(pk=uuid.uuid4(), started=to_the_minute(timezone.now()))
    make_invitations(count=1, days=1)
    return {
        "<uuid:user_id>": str(ada.pk),
        "<slug:name>": "ban",
        USER: str(ada.pk),
        "admin/r/": str(ada.pk),
        "<path:content_type_id>": str(ContentType.objects.get_for_model(User).pk),
    }


def address(route: str, named: dict[str, str]) -> str:
    for place, value in named.items():
        if place.startswith("<"):
            route = route.replace(place, value)
        elif route.startswith(place):
            route = route.replace("<path:object_id>", value)
    route = route.replace("^(?P<app_label>accounts|p2p)/$", "accounts/").replace("(?P<url>.*)$", "nothing/")
    return f"/{route}"


def everything() -> list[dict[str, Any]]:
    rows = [*User.objects.filter(username="ada"), *Invitation.objects.all(), *P2PTransaction.objects.all()]
    return [model_to_dict(row) for row in rows]


@pytest.mark.parametrize("caller", AdminCaller)
@pytest.mark.parametrize("row", ADMIN_ROWS, ids=str)
def test_caller_gets_what_the_table_says(row: AdminRow, caller: AdminCaller) -> None:
    named, client = make_rows(), MAKERS[caller]()
    before = everything()

    response = client.generic(
        row.method,
        address(row.route, named),
        "&".join(f"{key}={value}" for key, value in (row.body or {}).items()),
        content_type="application/x-www-form-urlencoded",
    )

    assert response.status_code == row.statuses[caller]
    if caller not in OPERATORS and response.status_code == 302:
        assert response.headers["Location"].startswith("/admin/login/") or row.route == LOGOUT
    if caller is not AdminCaller.SUPERUSER:
        assert everything() == before


def test_every_operators_page_has_a_row() -> None:
    assert set(admin_routes()) == {row.route for row in ADMIN_ROWS}


@pytest.mark.parametrize("row", ADMIN_ROWS, ids=str)
def test_every_row_speaks_of_every_caller(row: AdminRow) -> None:
    assert row.statuses.keys() == set(AdminCaller)


def test_a_superusers_post_does_what_the_row_says() -> None:
    named, client = make_rows(), MAKERS[AdminCaller.SUPERUSER]()

    client.post(address(ACT_ROUTE, named))

    assert not User.objects.get(username="ada").is_active
