"""The two cookies of a browser's login.

Spec: docs/spec/rest.md, section "Terms and notation"
"""

from datetime import timedelta

from django.conf import settings
from django.http import HttpResponse

from accounts.logins import TokenPair
from accounts.tokens import ACCESS_LIFETIME, REFRESH_LIFETIME

# Sent nowhere else, so that no other request carries the longer-lived of the two.
REFRESH_PATH = "/api/accounts/refresh/"


def access_name() -> str:
    """Name the cookie of the access token; the prefix makes browsers refuse one that was set without TLS."""
    return "__Host-mesa_access" if settings.HTTPS else "mesa_access"


def refresh_name() -> str:
    """Name the cookie of the refresh token. `__Host-` would not allow its path."""
    return "__Secure-mesa_refresh" if settings.HTTPS else "mesa_refresh"


def set_login_cookies(response: HttpResponse, pair: TokenPair) -> None:
    """Hand a browser both tokens where no script can read them."""
    _set(response, access_name(), pair.access, ACCESS_LIFETIME)
    _set(response, refresh_name(), pair.refresh, REFRESH_LIFETIME)


def clear_login_cookies(response: HttpResponse) -> None:
    """Take both tokens back from a browser."""
    _set(response, access_name(), "", timedelta(0))
    _set(response, refresh_name(), "", timedelta(0))


def _set(response: HttpResponse, name: str, token: str, lifetime: timedelta) -> None:
    narrow = name == refresh_name()
    response.set_cookie(
        name,
        token,
        max_age=lifetime,
        path=REFRESH_PATH if narrow else "/",
        secure=settings.HTTPS,
        httponly=True,
        # Lax: a link from elsewhere still opens the page logged in. Nothing links to the refresh.
        samesite="Strict" if narrow else "Lax",
    )
