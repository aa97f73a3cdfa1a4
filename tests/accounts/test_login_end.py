"""The end of a login reaches its sockets at once, and everything that carries its `sid`."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from django.utils import timezone

from accounts.logins import end_all_logins, end_login, recheck_login
from accounts.models import DeviceLogin, RevokedToken, User
from accounts.pruning import prune_expired_rows
from accounts.removal import remove_account
from p2p.protocol.words import SessionEndCause
from tests.accounts.rest import Rest, code
from tests.accounts.socket_ear import heard_by_socket
from tests.factories import LoggedIn, make_login


@pytest.mark.django_db(transaction=True)
def test_logout_closes_the_socket() -> None:
    ada = make_login()

    heard = asyncio.run(heard_by_socket(ada, lambda: Rest(ada).post("logout/", {})))

    assert heard == {"type": "session.end", "cause": "logout"}


@pytest.mark.django_db(transaction=True)
def test_reused_refresh_token_closes_the_socket() -> None:
    ada = make_login()
    pair = Rest().post("refresh/", {"refresh": ada.tokens.refresh}).json()
    Rest().post("refresh/", {"refresh": pair["refresh"]})

    heard = asyncio.run(
        heard_by_socket(ada, lambda: Rest().post("refresh/", {"refresh": ada.tokens.refresh}))
    )

    assert heard == {"type": "session.end", "cause": "revoked"}


@pytest.mark.django_db(transaction=True)
def test_removal_closes_the_socket() -> None:
    ada = make_login()

    heard = asyncio.run(heard_by_socket(ada, lambda: remove_account(user=ada.device.user)))

    assert heard == {"type": "session.end", "cause": "removed"}


def test_logout_ends_this_login_and_no_other() -> None:
    ada = make_login()
    second = make_login(device=ada.device)

    assert Rest(ada).post("logout/", {}).status_code == 204

    assert code(Rest(ada).get("me/")) == (401, "not_authenticated")
    assert code(Rest().post("refresh/", {"refresh": ada.tokens.refresh})) == (401, "not_authenticated")
    assert Rest(second).get("me/").status_code == 200


def test_logout_twice_is_not_authenticated() -> None:
    ada = make_login()
    Rest(ada).post("logout/", {})

    assert code(Rest(ada).post("logout/", {})) == (401, "not_authenticated")


def test_ending_a_login_twice_does_no_harm() -> None:
    ada = make_login()

    end_login(sid=ada.login.sid, cause=SessionEndCause.REVOKED)
    end_login(sid=ada.login.sid, cause=SessionEndCause.LOGOUT)

    assert list(RevokedToken.objects.values_list("pk", flat=True)) == [ada.login.sid]


def test_recheck_finds_a_live_login_as_it_is() -> None:
    ada = make_login()

    assert recheck_login(ada.login) == ada.login


def deny(ada: LoggedIn) -> None:
    end_login(sid=ada.login.sid, cause=SessionEndCause.LOGOUT)


def deny_all(ada: LoggedIn) -> None:
    end_all_logins(user=ada.device.user, cause=SessionEndCause.REMOVED)


def ban(ada: LoggedIn) -> None:
    User.objects.filter(pk=ada.device.user_id).update(is_active=False)


def take_row_away(ada: LoggedIn) -> None:
    DeviceLogin.objects.filter(pk=ada.login.sid).delete()


@pytest.mark.parametrize("end", [deny, deny_all, ban, take_row_away])
def test_recheck_says_that_a_login_was_revoked(end: Callable[[LoggedIn], None]) -> None:
    ada = make_login()
    end(ada)

    assert recheck_login(ada.login) is SessionEndCause.REVOKED


@pytest.mark.parametrize("is_pruned", [False, True])
def test_recheck_says_that_a_login_expired(*, is_pruned: bool) -> None:
    ada = make_login()
    DeviceLogin.objects.filter(pk=ada.login.sid).update(expires_on="2020-01-01")
    if is_pruned:
        prune_expired_rows()

    # As the socket knows it: from a time when it was alive.
    known = replace(ada.login, expires_at=timezone.now())

    assert recheck_login(known) is SessionEndCause.EXPIRED


def test_recheck_of_a_denied_login_says_revoked_however_old_it_is() -> None:
    ada = make_login()
    deny(ada)

    assert recheck_login(replace(ada.login, expires_at=timezone.now())) is SessionEndCause.REVOKED
