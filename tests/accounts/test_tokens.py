"""What a token must be to open a door: ours, of the right kind, alive, of the user's present version."""

import base64
import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import jwt
import pytest
from django.conf import settings
from django.db.models import F
from django.test import override_settings
from django.utils import timezone

from accounts.logins import end_all_logins
from accounts.models import DeviceLogin, RevokedToken, User
from accounts.tokens import TokenInvalid, TokenKind, read_token, write_token
from p2p.protocol.words import SessionEndCause
from tests.accounts.rest import Rest, code
from tests.factories import LoggedIn, make_client, make_login

REFUSED = (401, "not_authenticated")


def me(token: str, scheme: str = "Bearer") -> Any:
    return make_client().get("/api/accounts/me/", headers={"Authorization": f"{scheme} {token}"})


def write(ada: LoggedIn, **changes: Any) -> str:
    return write_token(replace(read_token(ada.tokens.access, TokenKind.ACCESS), **changes))


def test_good_token_opens_the_door() -> None:
    ada = make_login(username="ada")

    answer = Rest(ada).get("me/")

    assert answer.json() == {
        "user": str(ada.device.user_id),
        "username": "ada",
        "device": str(ada.device.pk),
        "sid": str(ada.login.sid),
    }


def test_no_token_is_not_authenticated() -> None:
    response = Rest().get("me/")

    assert code(response) == REFUSED
    assert response.headers["WWW-Authenticate"] == "Bearer"


def foreign(ada: LoggedIn) -> str:
    claims = read_token(ada.tokens.access, TokenKind.ACCESS)
    with override_settings(SECRET_KEY="another server's key, long enough to sign"):
        return write_token(claims)


def signed_with_the_django_key(ada: LoggedIn) -> str:
    claims = jwt.decode(ada.tokens.access, options={"verify_signature": False})
    return jwt.encode(claims, settings.SECRET_KEY, "HS256")


def unsigned(ada: LoggedIn) -> str:
    claims = jwt.decode(ada.tokens.access, options={"verify_signature": False})
    return jwt.encode(claims, "", "none")


def of_another_user(ada: LoggedIn) -> str:
    return write(ada, user_id=make_login().login.user_id)


def changed(ada: LoggedIn) -> str:
    head, claims, signature = ada.tokens.access.split(".")
    parsed = json.loads(base64.urlsafe_b64decode(claims + "=="))
    parsed["sub"] = str(make_login().login.user_id)
    text = base64.urlsafe_b64encode(json.dumps(parsed).encode()).decode().rstrip("=")
    return f"{head}.{text}.{signature}"


@pytest.mark.parametrize(
    "make",
    [
        foreign,
        signed_with_the_django_key,
        unsigned,
        changed,
        of_another_user,
        lambda ada: write(ada, expires_at=timezone.now() - timedelta(seconds=1)),
        lambda ada: write(ada, ver=1),
        lambda ada: write(ada, sid=uuid.uuid4()),
        lambda ada: write(ada, jti=uuid.uuid4()),
        lambda ada: write(ada, jti=uuid.uuid4(), parent=uuid.uuid4()),
        lambda ada: ada.tokens.refresh,
        lambda ada: ada.tokens.access[:-8],
        lambda ada: "",
        lambda ada: "x",
        lambda ada: ada.tokens.access + " x",
        lambda ada: "é",
    ],
)
def test_other_token_is_refused(make: Callable[[LoggedIn], str]) -> None:
    ada = make_login(username="ada")

    assert code(me(make(ada))) == REFUSED


@pytest.mark.parametrize("scheme", ["Basic", "Token", "JWT", ""])
def test_other_scheme_is_refused(scheme: str) -> None:
    assert code(me(make_login().tokens.access, scheme)) == REFUSED


@pytest.mark.parametrize("claim", ["sub", "sid", "jti", "ver", "exp", "typ"])
def test_token_without_a_claim_is_refused(claim: str) -> None:
    ada = make_login()
    key = read_signing_key()
    claims = jwt.decode(ada.tokens.access, options={"verify_signature": False})
    assert me(jwt.encode(claims, key, "HS256")).status_code == 200
    del claims[claim]

    with pytest.raises(TokenInvalid):
        read_token(jwt.encode(claims, key, "HS256"), TokenKind.ACCESS)


def read_signing_key() -> Any:
    from accounts import tokens

    return tokens._backend(settings.SECRET_KEY).signing_key


def test_denied_pair_is_refused_while_another_of_its_login_is_not() -> None:
    ada = make_login()
    jti = uuid.uuid4()
    denied = write(ada, jti=jti, parent=DeviceLogin.objects.get().pair)
    RevokedToken.objects.create(pk=jti, expires_on=timezone.now().date())

    assert code(me(denied)) == REFUSED
    assert me(ada.tokens.access).status_code == 200


def test_denied_login_is_refused_although_its_row_exists() -> None:
    ada = make_login()
    RevokedToken.objects.create(pk=ada.login.sid, expires_on=timezone.now().date())

    assert code(me(ada.tokens.access)) == REFUSED


def test_login_without_a_row_is_refused() -> None:
    ada = make_login()
    DeviceLogin.objects.all().delete()

    assert code(me(ada.tokens.access)) == REFUSED


def test_older_version_is_refused() -> None:
    ada = make_login()
    User.objects.update(ver=F("ver") + 1)

    assert code(me(ada.tokens.access)) == REFUSED


def test_inactive_user_is_refused() -> None:
    ada = make_login()
    User.objects.update(is_active=False)

    assert code(me(ada.tokens.access)) == REFUSED


def test_ending_all_logins_ends_each_of_them() -> None:
    ada = make_login()
    second = make_login(device=ada.device)
    bo = make_login()

    end_all_logins(user=ada.device.user, cause=SessionEndCause.REVOKED)

    assert [me(each.tokens.access).status_code for each in (ada, second, bo)] == [401, 401, 200]


def test_token_says_nothing_but_its_claims() -> None:
    claims = jwt.decode(make_login(username="ada").tokens.access, options={"verify_signature": False})

    assert claims.keys() == {"sub", "sid", "jti", "ver", "exp", "typ"}
