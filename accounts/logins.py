"""Logins: a `sid` bound to one device, its changing pair of tokens, and its end.

Spec: docs/spec/rest.md, section "Accounts"
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial

from django.db import transaction
from django.db.models import Exists, F, QuerySet
from django.utils import timezone

from accounts.errors import RefreshRefused
from accounts.models import Device, DeviceLogin, RevokedToken, User
from accounts.tokens import (
    LIFETIMES,
    REFRESH_LIFETIME,
    Claims,
    TokenInvalid,
    TokenKind,
    read_token,
    write_token,
)
from mesa import push
from p2p.protocol.words import SessionEndCause

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Login:
    """A live login, as requests and sockets carry it. `expires_at` is when it ends if it is not refreshed."""

    user_id: uuid.UUID
    device_id: uuid.UUID
    sid: uuid.UUID
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class TokenPair:
    """An access and a refresh token that were given together."""

    sid: uuid.UUID
    access: str
    refresh: str


def start_login(*, device: Device) -> TokenPair:
    """Begin a login of a device whose user and key were proven."""
    row = DeviceLogin.objects.create(device=device, pair=uuid.uuid4(), expires_on=_last_day())
    return _write_pair(row, jti=row.pair, parent=None)


def find_login(claims: Claims) -> tuple[User, Login] | None:
    """Find the live login behind an access token whose signature was checked; None when it has ended.

    The first token of a new pair that is seen here makes the pair the login's own.
    """
    row = _live_logins(claims).first()
    if row is None or not (claims.jti == row.pair_before or _take_up(row, claims)):
        return None
    return row.device.user, _describe(row)


def refresh_login(*, refresh: str) -> TokenPair:
    """Exchange a refresh token for a new pair, which does not replace the old one before it is used.

    So a token can be exchanged again when the answer was lost. One that was overtaken by a pair in use ends
    the login.

    Raises:
        RefreshRefused: expired, forged, of an ended login, or overtaken.
    """
    try:
        claims = read_token(refresh, TokenKind.REFRESH)
    except TokenInvalid:
        raise RefreshRefused from None
    row = _live_logins(claims).first()
    if row is None:
        raise RefreshRefused
    is_current = _take_up(row, claims)
    if not is_current or not _lengthen(claims):
        # Either the thief or the owner came second; nobody can tell which, so neither stays (RFC 9700, 4.14).
        end_login(sid=claims.sid, cause=SessionEndCause.REVOKED)
        raise RefreshRefused
    return _write_pair(row, jti=uuid.uuid4(), parent=claims.jti)


def end_login(*, sid: uuid.UUID, cause: SessionEndCause) -> None:
    """Deny all tokens of a login at once and close its sockets."""
    _end([sid], cause)


def end_all_logins(*, user: User, cause: SessionEndCause) -> None:
    """Deny every token of a user and close all sockets."""
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(ver=F("ver") + 1)
        end_logins(DeviceLogin.objects.filter(device__user=user), cause)


def end_logins(logins: QuerySet[DeviceLogin], cause: SessionEndCause) -> None:
    """Deny all tokens of some logins at once and close their sockets."""
    _end(list(logins.values_list("pk", flat=True)), cause)


def recheck_login(login: Login) -> Login | SessionEndCause:
    """Read a login again, as its socket does while it is open; when it has ended, say by what."""
    denied = RevokedToken.objects.filter(pk=login.sid)
    row = (
        DeviceLogin.objects.select_related("device__user")
        .filter(pk=login.sid)
        .exclude(Exists(denied))
        .first()
    )
    if row is None:
        # What has expired is pruned; a row that is gone before its time was taken away.
        is_pruned = login.expires_at <= timezone.now() and not denied.exists()
        return SessionEndCause.EXPIRED if is_pruned else SessionEndCause.REVOKED
    if not row.device.user.is_active:
        return SessionEndCause.REVOKED
    return _describe(row) if row.expires_on >= timezone.now().date() else SessionEndCause.EXPIRED


def _end(sids: Iterable[uuid.UUID], cause: SessionEndCause) -> None:
    ended = list(sids)
    with transaction.atomic():
        denied = [RevokedToken(pk=sid, expires_on=_last_day()) for sid in ended]
        RevokedToken.objects.bulk_create(denied, ignore_conflicts=True)
        DeviceLogin.objects.filter(pk__in=ended).delete()
        for sid in ended:
            transaction.on_commit(partial(push.end_login, sid, cause))


def _live_logins(claims: Claims) -> QuerySet[DeviceLogin]:
    denied = RevokedToken.objects.filter(pk__in=[claims.sid, claims.jti])
    return DeviceLogin.objects.select_related("device__user").filter(
        ~Exists(denied),
        pk=claims.sid,
        device__user_id=claims.user_id,
        device__user__ver=claims.ver,
        device__user__is_active=True,
    )


def _describe(row: DeviceLogin) -> Login:
    ends = datetime.combine(row.expires_on, time.min, UTC) + ONE_DAY
    return Login(row.device.user_id, row.device_id, row.pk, ends)


def _take_up(row: DeviceLogin, claims: Claims) -> bool:
    """Make a pair the login's own if it was given for the present one; False if it is not, and can not be."""
    if row.pair == claims.jti:
        return True
    if row.pair != claims.parent:
        return False
    # Of several pairs given for one, the first to be used stays: the update compares.
    present = DeviceLogin.objects.filter(pk=row.pk, pair=claims.parent)
    if present.update(pair=claims.jti, pair_before=claims.parent):
        return True
    return DeviceLogin.objects.filter(pk=row.pk, pair=claims.jti).exists()


def _lengthen(claims: Claims) -> bool:
    """Let a login live as long as the pair that is about to be given; False if its own pair was overtaken."""
    return bool(DeviceLogin.objects.filter(pk=claims.sid, pair=claims.jti).update(expires_on=_last_day()))


def _write_pair(row: DeviceLogin, *, jti: uuid.UUID, parent: uuid.UUID | None) -> TokenPair:
    user, now = row.device.user, timezone.now()

    def write(kind: TokenKind) -> str:
        return write_token(Claims(kind, user.pk, row.pk, jti, parent, user.ver, now + LIFETIMES[kind]))

    return TokenPair(sid=row.pk, access=write(TokenKind.ACCESS), refresh=write(TokenKind.REFRESH))


def _last_day() -> date:
    # The exact moment stands in the token; the row only has to outlive it.
    return (timezone.now() + REFRESH_LIFETIME).date()
