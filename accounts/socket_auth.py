"""Who opens a socket: ASGI middleware that puts the `Login`, or None, into `scope["login"]`.

`scope["is_known"]` is false when the database did not tell: then a socket that is refused may come again.

Two kinds, one per route: a browser can send only its cookie (and its origin is checked before), an agent
sends a header and its cookies are ignored. Neither reads the address: a token there would end up in a log.

Spec: docs/spec/signaling.md, section "Terms and notation"
"""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

from channels.db import database_sync_to_async
from django.http import parse_cookie

from accounts import cookies
from accounts.logins import Login, find_login, recheck_login
from accounts.tokens import TokenInvalid, TokenKind, read_token
from mesa.outages import DATABASE_DOWN
from mesa.patience import within
from p2p.protocol.words import SessionEndCause

Headers = Iterable[tuple[bytes, bytes]]

# Shorter than peers wait for the socket to open.
LOOKUP_DEADLINE_S: Final = 4.0


class HeaderAuth:
    """For agents: `Authorization: Bearer <access token>`."""

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        token = _bearer_token(scope["headers"])
        await self.application({**scope, **await _find(token)}, receive, send)


class CookieAuth:
    """For browsers: the access cookie."""

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        token = _cookie_token(scope["headers"])
        await self.application({**scope, **await _find(token)}, receive, send)


async def recheck(login: Login) -> Login | SessionEndCause:
    """Ask again whether a socket's login lives, as the socket must each minute; if not, by what it ended."""
    found: Login | SessionEndCause = await database_sync_to_async(recheck_login)(login)
    return found


async def _find(token: str | None) -> dict[str, Any]:
    try:
        claims = read_token(token or "", TokenKind.ACCESS)
    except TokenInvalid:
        return {"login": None, "is_known": True}
    try:
        # One thread asks for all sockets of the process: who stands far behind others waits no longer either.
        async with asyncio.timeout(LOOKUP_DEADLINE_S):
            with within(LOOKUP_DEADLINE_S):
                found = await database_sync_to_async(find_login)(claims)
    except (TimeoutError, *DATABASE_DOWN):
        return {"login": None, "is_known": False}
    return {"login": None if found is None else found[1], "is_known": True}


def _bearer_token(headers: Headers) -> str | None:
    values = [value for name, value in headers if name == b"authorization"]
    scheme, _, token = values[0].decode("latin-1").partition(" ") if len(values) == 1 else ("", "", "")
    return token if scheme.lower() == "bearer" else None


def _cookie_token(headers: Headers) -> str | None:
    joined = "; ".join(value.decode("latin-1") for name, value in headers if name == b"cookie")
    return parse_cookie(joined).get(cookies.access_name())
