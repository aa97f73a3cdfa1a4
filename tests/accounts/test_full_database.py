"""A database without space: the request is undone and answered 503, and all goes on when there is space."""

from collections.abc import Iterator

import pytest
from django.db import connection

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
def full_database(ada: LoggedIn) -> Iterator[None]:
    """The database has the pages that it has, and gets no more."""
    if connection.vendor != "sqlite":
        pytest.skip("only SQLite can be told how large it may be")
    make_space(1)
    yield
    make_space(2**30)


def make_space(pages: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA max_page_count = {pages}")


@pytest.mark.usefixtures("full_database")
def test_request_that_finds_no_space_is_undone_and_answered_503(ada: LoggedIn) -> None:
    rest = Rest(ada)
    token = make_delivery_token(recipient=ada.device.user)
    post = {"token": b64_text(token), "username": None, "device": str(ada.device.pk), "envelope": BIG}

    refused = rest.post("mailbox/", post)

    assert code(refused) == (503, "unavailable")
    assert refused.headers["Retry-After"]
    assert not Envelope.objects.exists()
    assert rest.get("me/").status_code == 200
    make_space(2**30)
    assert rest.post("mailbox/", post).status_code == 202
    assert Envelope.objects.count() == 1
