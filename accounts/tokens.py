"""Access and refresh tokens: what they claim, and how they are signed and read.

Spec: docs/spec/rest.md, section "Accounts"
"""

import functools
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.utils.crypto import salted_hmac
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError

ACCESS_LIFETIME = timedelta(hours=1)
REFRESH_LIFETIME = timedelta(days=14)


class TokenKind(StrEnum):
    """What a token is good for; one kind is never taken for the other."""

    ACCESS = "access"
    REFRESH = "refresh"


LIFETIMES = {TokenKind.ACCESS: ACCESS_LIFETIME, TokenKind.REFRESH: REFRESH_LIFETIME}


class TokenInvalid(Exception):
    """A token is malformed, expired, of the other kind, or was signed elsewhere."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says: `sid` names the login, `ver` the user's version of tokens.

    `jti` names the pair that the token belongs to, `parent` the pair that was exchanged for it; None: the
    login began with it.
    """

    kind: TokenKind
    user_id: uuid.UUID
    sid: uuid.UUID
    jti: uuid.UUID
    parent: uuid.UUID | None
    ver: int
    expires_at: datetime


def write_token(claims: Claims) -> str:
    """Sign a token."""
    named = {
        "typ": claims.kind.value,
        "sub": str(claims.user_id),
        "sid": str(claims.sid),
        "jti": str(claims.jti),
        "ver": claims.ver,
        "exp": int(claims.expires_at.timestamp()),
    }
    parent = {} if claims.parent is None else {"par": str(claims.parent)}
    return _backend(settings.SECRET_KEY).encode(named | parent)


def read_token(text: str, kind: TokenKind) -> Claims:
    """Check signature, expiry and kind of a token. Whether its login lives is another question.

    Raises:
        TokenInvalid: any of them is wrong, or a claim is missing.
    """
    try:
        claims = _backend(settings.SECRET_KEY).decode(text)  # type: ignore[arg-type]  # annotated wrongly: a text
        if claims["typ"] != kind:
            raise TokenInvalid
        return _parse(claims, kind)
    except (TokenBackendError, KeyError, TypeError, ValueError, AttributeError):
        raise TokenInvalid from None


def _parse(claims: dict[str, Any], kind: TokenKind) -> Claims:
    return Claims(
        kind=kind,
        user_id=uuid.UUID(claims["sub"]),
        sid=uuid.UUID(claims["sid"]),
        jti=uuid.UUID(claims["jti"]),
        parent=uuid.UUID(claims["par"]) if "par" in claims else None,
        ver=int(claims["ver"]),
        expires_at=datetime.fromtimestamp(claims["exp"], UTC),
    )


@functools.cache
def _backend(secret: str) -> TokenBackend:
    # An own key: what signs sessions and forms must not sign tokens.
    key = salted_hmac("mesa/token-signing/1", b"", secret=secret, algorithm="sha256").hexdigest()
    return TokenBackend("HS256", signing_key=key)
