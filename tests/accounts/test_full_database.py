"""A database without space: the request is undone and answered 503, and all goes on when there is space."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError, connection

from accounts.models import Envelope
from p2p.protocol.fields import b64_text
from tests.accounts.rest import Rest, code
from tests.factories import LoggedIn, make_delivery_token, make_login

pytestmark = pytest.mark.django_db(transaction=True)
BIG = b64_text(bytes(49 + 16 * 4_096))


@pytest.fixture
def ada() -> LoggedIn:
    return make_login(username="ada")


@pytest.fixture
def token(ada: LoggedIn) -> bytes:
    return make_delivery_token(recipient=ada.device.user)


@pytest.fixture
def full_database(token: bytes) -> Iterator[None]:
    """The database gets no more space than it has."""
    if connection.vendor == "sqlite":
        limit_pages(1)
    else:
        connection.execute_wrappers.append(refuse_rows)
    yield
    make_space()


def make_space() -> None:
    connection.execute_wrappers.clear()
    if connection.vendor == "sqlite":
        limit_pages(2**30)


def limit_pages(pages: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA max_page_count = {pages}")


def refuse_rows(execute: Any, sql: str, *more: Any) -> Any:
    """Say what Django makes of PostgreSQL's `disk_full`."""
    if sql.startswith("INSERT"):
        raise OperationalError("could not extend file: No space left on device")
    return execute(sql, *more)


@pytest.mark.usefixtures("full_database")
def test_request_that_finds_no_space_is_undone_and_answered_503(ada: LoggedIn, token: bytes) -> None:
    rest = Rest(ada)
    post = {"token": b64_text(token), "username": None, "device": str(ada.device.pk), "envelope": BIG}

    refused = rest.post("mailbox/", post)

    assert code(refused) == (503, "unavailable")
    assert refused.headers["Retry-After"]
    assert not Envelope.objects.exists()
    assert rest.get("me/").status_code == 200
    make_space()
    assert rest.post("mailbox/", post).status_code == 202
    assert Envelope.objects.count() == 1
