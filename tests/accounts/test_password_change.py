"""A new password: the old one is asked for and counted, and all other logins end at once."""

import asyncio
from typing import Any

import pytest
from django.conf import settings

from accounts.models import DeviceLogin
from p2p.protocol.fields import b64_text
from peer_agent.crypto.identity import create_device
from tests.accounts.hashing import while_checking, while_hashing
from tests.accounts.household import Household
from tests.accounts.rest import Rest, code
from tests.accounts.socket_ear import heard_by_socket
from tests.factories import PASSWORD, make_login, make_recovery_proof

NEW_PASSWORD = "another correct horse"


@pytest.fixture
def ada() -> Household:
    return Household()


def change(ada: Household, **changes: str) -> Any:
    return ada.rest.post("password/", {"old": PASSWORD, "new": NEW_PASSWORD, **changes})


def log_in(ada: Household, password: str) -> int:
    status: int = Rest().log_in(ada.keys, ada.login.device.pk, "ada", password=password).status_code
    return status


def test_new_password_is_taken_and_the_old_one_no_more(ada: Household) -> None:
    assert change(ada).status_code == 204

    assert (log_in(ada, PASSWORD), log_in(ada, NEW_PASSWORD)) == (401, 200)


def test_other_logins_end_and_this_one_goes_on(ada: Household) -> None:
    other = make_login(device=ada.login.device)

    change(ada)

    assert code(Rest(other).get("me/")) == (401, "not_authenticated")
    assert code(Rest().post("refresh/", {"refresh": other.tokens.refresh})) == (401, "not_authenticated")
    assert ada.rest.get("me/").status_code == 200
    assert Rest().post("refresh/", {"refresh": ada.login.tokens.refresh}).status_code == 200


def test_login_that_is_under_way_with_the_old_password_does_not_begin(ada: Household) -> None:
    """Whoever knows it and has the device could begin one at any time, and one would outlive the change."""
    with while_checking(lambda: change(ada)):
        assert log_in(ada, PASSWORD) == 401

    assert DeviceLogin.objects.filter(device=ada.login.device).count() == 1


@pytest.mark.django_db(transaction=True)
def test_sockets_of_other_logins_are_closed_at_once(ada: Household) -> None:
    other = ada.link(create_device())

    heard = asyncio.run(heard_by_socket(other, lambda: change(ada)))

    assert heard == {"type": "session.end", "cause": "revoked"}


def test_logins_of_other_users_go_on(ada: Household) -> None:
    bo = Household("bo")

    change(ada)

    assert bo.rest.get("me/").status_code == 200


def test_wrong_password_changes_nothing(ada: Household) -> None:
    other = make_login(device=ada.login.device)

    assert code(change(ada, old="wrong horse battery")) == (403, "wrong_password")

    assert Rest(other).get("me/").status_code == 200
    assert log_in(ada, PASSWORD) == 200


def test_old_password_does_not_win_over_a_recovery(ada: Household) -> None:
    challenge = Rest().challenge()
    recovery = {
        "username": "ada",
        "password": "the recovered one",
        "challenge": challenge,
        "signature": make_recovery_proof(ada.user, challenge),
        "statement": None,
    }

    with while_hashing(lambda: Rest().post("recover/", recovery)):
        response = change(ada)

    assert code(response) == (403, "wrong_password")
    assert log_in(ada, "the recovered one") == 200


def test_wrong_passwords_are_counted_with_those_of_logins(ada: Household) -> None:
    for _ in range(settings.AXES_FAILURE_LIMIT):
        change(ada, old="wrong horse battery")

    assert code(change(ada)) == (429, "throttled")
    assert log_in(ada, PASSWORD) == 429


@pytest.mark.parametrize("password", ["short", "1234567890", "password123", ""])
def test_weak_password_is_refused(ada: Household, password: str) -> None:
    response = change(ada, new=password)

    assert code(response) == (400, "invalid")
    assert list(response.json()["fields"]) == ["new"]


def test_password_of_another_is_of_no_use(ada: Household) -> None:
    bo = Household("bo")
    bo.user.set_password("bo has this one")
    bo.user.save()

    assert code(change(ada, old="bo has this one")) == (403, "wrong_password")


@pytest.mark.parametrize("more", [{"user": "bo"}, {"username": b64_text(b"bo")}])
def test_nobody_else_can_be_named(ada: Household, more: dict[str, str]) -> None:
    assert code(change(ada, **more)) == (400, "invalid")
