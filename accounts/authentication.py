"""Who makes a request: a token from the header, or from the cookie together with Django's CSRF token.

Spec: docs/spec/rest.md, section "Terms and notation"
"""

from django.http import HttpResponse
from rest_framework.authentication import BaseAuthentication, CSRFCheck, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from accounts import cookies
from accounts.logins import Login, find_login
from accounts.models import User
from accounts.tokens import TokenInvalid, TokenKind, read_token

SCHEME = "Bearer"


class TokenAuthentication(BaseAuthentication):
    """Gives `request.user` and, as `request.auth`, the `Login`. Denylist and version are asked each time."""

    def authenticate(self, request: Request) -> tuple[User, Login] | None:
        """Find the live login of the token; None when there is no token at all.

        Raises:
            AuthenticationFailed: the token is not good, or its login has ended.
            PermissionDenied: the token came by cookie, and the CSRF token is missing.
        """
        header = get_authorization_header(request)
        # The header wins: a page can not make a browser send one, so it needs no CSRF token.
        if header:
            return authenticate_token(_read_header(header))
        token = request.COOKIES.get(cookies.access_name())
        if token is None:
            return None
        found = authenticate_token(token)
        enforce_csrf(request)
        return found

    def authenticate_header(self, request: Request) -> str:
        return SCHEME


def authenticate_token(text: str) -> tuple[User, Login]:
    """Find user and login of an access token.

    Raises:
        AuthenticationFailed: the token is not good, or its login has ended.
    """
    try:
        found = find_login(read_token(text, TokenKind.ACCESS))
    except TokenInvalid:
        raise AuthenticationFailed from None
    if found is None:
        raise AuthenticationFailed
    return found


def enforce_csrf(request: Request) -> None:
    """Insist on Django's CSRF token for an unsafe method.

    Raises:
        PermissionDenied: it is missing or wrong, or the origin is foreign.
    """
    check = CSRFCheck(_unused)
    check.process_request(request._request)
    if check.process_view(request._request, _unused, (), {}) is not None:
        raise PermissionDenied


def _unused(_: object) -> HttpResponse:
    """Stand in for the view: the check calls it in no case."""
    raise NotImplementedError


def _read_header(header: bytes) -> str:
    scheme, _, token = header.partition(b" ")
    if scheme.lower() != SCHEME.lower().encode() or not token.isascii():
        raise AuthenticationFailed
    return token.decode()
