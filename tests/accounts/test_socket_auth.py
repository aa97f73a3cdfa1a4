"""Sockets: the agent's header and the browser's cookie, and never the one in the other's place."""

from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from accounts.logins import end_login
from accounts.socket_auth import CookieAuth, HeaderAuth, recheck
from p2p.protocol.words import SessionEndCause
from tests.factories import LoggedIn, make_login

# A socket's look-up has its own connection: it sees what was committed.
pytestmark = pytest.mark.django_db(transaction=True)


def login_in_scope(middleware: Any, headers: list[tuple[bytes, bytes]], query: bytes = b"") -> Any:
    """What the consumer behind the middleware finds in its scope."""
    seen: dict[str, Any] = {}

    async def consumer(scope: Any, receive: Any, send: Any) -> None:
        seen.update(scope)

    scope = {"type": "websocket", "path": "/ws/agent/", "headers": headers, "query_string": query}
    async_to_sync(middleware(consumer))(scope, None, None)
    assert "login" in seen
    return seen["login"]


def bearer(token: str) -> list[tuple[bytes, bytes]]:
    return [(b"authorization", f"Bearer {token}".encode())]


def cookie(token: str) -> list[tuple[bytes, bytes]]:
    return [(b"cookie", f"theme=dark; mesa_access={token}; x".encode())]


def of_an_ended_login(ada: LoggedIn) -> str:
    end_login(sid=ada.login.sid, cause=SessionEndCause.LOGOUT)
    return ada.tokens.access


@pytest.mark.parametrize(("middleware", "carry"), [(HeaderAuth, bearer), (CookieAuth, cookie)])
def test_token_gives_the_login(middleware: Any, carry: Callable[[str], Any]) -> None:
    ada = make_login()

    assert login_in_scope(middleware, carry(ada.tokens.access)) == ada.login


@pytest.mark.parametrize(("middleware", "carry"), [(HeaderAuth, bearer), (CookieAuth, cookie)])
@pytest.mark.parametrize(
    "make",
    [
        lambda ada: "",
        lambda ada: "x",
        lambda ada: ada.tokens.refresh,
        lambda ada: ada.tokens.access[:-4],
        of_an_ended_login,
    ],
)
def test_other_token_gives_no_login(
    middleware: Any, carry: Callable[[str], Any], make: Callable[[LoggedIn], str]
) -> None:
    assert login_in_scope(middleware, carry(make(make_login()))) is None


def test_no_token_gives_no_login() -> None:
    assert login_in_scope(HeaderAuth, []) is None
    assert login_in_scope(CookieAuth, []) is None


def test_cookie_is_ignored_where_agents_come_in() -> None:
    assert login_in_scope(HeaderAuth, cookie(make_login().tokens.access)) is None


def test_header_is_ignored_where_browsers_come_in() -> None:
    assert login_in_scope(CookieAuth, bearer(make_login().tokens.access)) is None


@pytest.mark.parametrize("middleware", [HeaderAuth, CookieAuth])
def test_token_in_the_address_is_ignored(middleware: Any) -> None:
    token = make_login().tokens.access

    assert login_in_scope(middleware, [], f"token={token}&access_token={token}".encode()) is None


def test_two_headers_are_no_header() -> None:
    token = make_login().tokens.access

    assert login_in_scope(HeaderAuth, bearer(token) * 2) is None


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"Bearer", b"Bearer \xff", b"Basic eDp4", b""])
def test_malformed_header_gives_no_login(raw: bytes) -> None:
    assert login_in_scope(HeaderAuth, [(b"authorization", raw)]) is None


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"mesa_access", b"=;=;", b"mesa_access=\xff"])
def test_malformed_cookie_gives_no_login(raw: bytes) -> None:
    assert login_in_scope(CookieAuth, [(b"cookie", raw)]) is None


def test_recheck_ends_with_the_login() -> None:
    ada = make_login()
    assert async_to_sync(recheck)(ada.login) == ada.login

    end_login(sid=ada.login.sid, cause=SessionEndCause.LOGOUT)

    assert async_to_sync(recheck)(ada.login) is SessionEndCause.REVOKED
