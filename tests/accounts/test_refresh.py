"""Refresh: a new pair of the same login, and the end of it when an old token comes back."""

from dataclasses import replace
from datetime import timedelta

import jwt
import pytest
from django.utils import timezone

from accounts.models import DeviceLogin, RevokedToken
from accounts.tokens import TokenKind, read_token, write_token
from tests.accounts.rest import Rest, code
from tests.factories import make_client, make_login

REFUSED = (401, "not_authenticated")


def rotate(token: str) -> dict[str, str]:
    response = Rest().post("refresh/", {"refresh": token})
    assert response.status_code == 200
    pair: dict[str, str] = response.json()
    return pair


def works(access: str) -> bool:
    answer = make_client().get("/api/accounts/me/", headers={"Authorization": f"Bearer {access}"})
    return answer.status_code == 200


def test_refresh_gives_a_new_pair_of_the_same_login() -> None:
    ada = make_login()

    pair = rotate(ada.tokens.refresh)

    assert pair.keys() == {"access", "refresh"}
    assert pair["refresh"] != ada.tokens.refresh
    claims = jwt.decode(pair["access"], options={"verify_signature": False})
    assert claims["sid"] == str(ada.login.sid)
    assert works(pair["access"])


def test_rotated_token_that_comes_back_ends_the_login() -> None:
    ada = make_login()
    pair = rotate(ada.tokens.refresh)
    assert works(pair["access"])

    assert code(Rest().post("refresh/", {"refresh": ada.tokens.refresh})) == REFUSED

    assert not works(pair["access"])
    assert not works(ada.tokens.access)
    assert code(Rest().post("refresh/", {"refresh": pair["refresh"]})) == REFUSED
    assert RevokedToken.objects.filter(pk=ada.login.sid).exists()
    assert not DeviceLogin.objects.exists()


def test_other_logins_outlive_the_end_of_one() -> None:
    ada = make_login()
    other = make_login(device=ada.device)
    assert works(rotate(ada.tokens.refresh)["access"])
    Rest().post("refresh/", {"refresh": ada.tokens.refresh})

    assert not works(ada.tokens.access)
    assert works(other.tokens.access)


def test_long_chain_of_refreshes_stays_alive() -> None:
    token = make_login().tokens.refresh

    for _ in range(5):
        token = rotate(token)["refresh"]

    assert works(rotate(token)["access"])


def test_access_token_does_not_refresh() -> None:
    assert code(Rest().post("refresh/", {"refresh": make_login().tokens.access})) == REFUSED


def test_expired_refresh_token_is_refused() -> None:
    ada = make_login()
    claims = read_token(ada.tokens.refresh, TokenKind.REFRESH)
    old = write_token(replace(claims, expires_at=timezone.now() - timedelta(seconds=1)))

    assert code(Rest().post("refresh/", {"refresh": old})) == REFUSED
    # Time made it bad, not a second use: the login itself is untouched.
    assert works(ada.tokens.access)


def test_refresh_without_any_token_is_refused() -> None:
    assert code(Rest().post("refresh/", {})) == REFUSED


@pytest.mark.parametrize("token", [None, 7, "", ["x"], "x" * 2_049])
def test_refresh_needs_a_text(token: object) -> None:
    assert code(Rest().post("refresh/", {"refresh": token})) == (400, "invalid")
