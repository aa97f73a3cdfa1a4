"""Kinds of callers, and what each brings along."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from django.test import Client, override_settings
from django.utils import timezone

from accounts import cookies
from accounts.logins import end_login
from accounts.tokens import ACCESS_LIFETIME, TokenKind, read_token, write_token
from p2p.protocol.words import SessionEndCause
from tests.factories import LoggedIn, make_client, make_login

CSRF_TOKEN = "c" * 32


class Caller(StrEnum):
    """Who may come to a route. All but OTHER_USER and ANYONE are, or were, owner of what the row names."""

    ANYONE = "anyone"
    USER = "user"
    OTHER_USER = "other user"
    REVOKED = "revoked login"
    EXPIRED = "expired token"
    FOREIGN = "foreign-signed token"
    COOKIE_ALONE = "cookie without CSRF token"
    COOKIE_WITH_CSRF = "cookie with CSRF token"


@dataclass(frozen=True)
class World:
    """ada owns what the rows name; bo is another user with a login of his own."""

    ada: LoggedIn
    bo: LoggedIn


def make_world() -> World:
    return World(ada=make_login(username="ada"), bo=make_login(username="bo"))


def client_of(caller: Caller, world: World) -> Client:
    """The client that a kind of caller would use."""
    return MAKERS[caller](world)


def _with_token(access: str) -> Client:
    return Client(enforce_csrf_checks=True, headers={"Authorization": f"Bearer {access}"})


def _revoked(world: World) -> Client:
    ended = make_login(device=world.ada.device)
    end_login(sid=ended.login.sid, cause=SessionEndCause.REVOKED)
    return make_client(ended)


def _expired(world: World) -> Client:
    claims = read_token(world.ada.tokens.access, TokenKind.ACCESS)
    return _with_token(write_token(replace(claims, expires_at=timezone.now() - ACCESS_LIFETIME)))


def _foreign(world: World) -> Client:
    claims = read_token(world.ada.tokens.access, TokenKind.ACCESS)
    with override_settings(SECRET_KEY="another server's key, long enough to sign"):
        return _with_token(write_token(claims))


def _cookie(world: World, *, csrf: bool) -> Client:
    client = Client(enforce_csrf_checks=True, headers={"X-CSRFToken": CSRF_TOKEN} if csrf else None)
    client.cookies[cookies.access_name()] = world.ada.tokens.access
    client.cookies["csrftoken"] = CSRF_TOKEN
    return client


MAKERS: dict[Caller, Callable[[World], Client]] = {
    Caller.ANYONE: lambda world: make_client(),
    Caller.USER: lambda world: make_client(world.ada),
    Caller.OTHER_USER: lambda world: make_client(world.bo),
    Caller.REVOKED: _revoked,
    Caller.EXPIRED: _expired,
    Caller.FOREIGN: _foreign,
    Caller.COOKIE_ALONE: lambda world: _cookie(world, csrf=False),
    Caller.COOKIE_WITH_CSRF: lambda world: _cookie(world, csrf=True),
}
