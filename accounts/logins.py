"""Logins: a `sid` bound to one device, its rotating refresh token, and its end.

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
from accounts.tokens import REFRESH_LIFETIME, Claims, TokenInvalid, TokenKind, read_token, write_token
from mesa import push
from mesa.push import SessionEnd

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
    """The two tokens that a login has at a time."""

    sid: uuid.UUID
    access: str
    refresh: str


def start_login(*, device: Device) -> TokenPair:
    """Begin a login of a device whose user and key were proven."""
    row = DeviceLogin.objects.create(device=device, refresh_jti=uuid.uuid4(), expires_on=_last_day())
    return _write_pair(row, device.user)


def find_login(claims: Claims) -> tuple[User, Login] | None:
    """Find the live login behind a token whose signature was checked; None when it has ended."""
    row = _live_logins(claims).first()
    if row is None:
        return None
    return row.device.user, _describe(row)


def refresh_login(*, refresh: str) -> TokenPair:
    """Exchange a refresh token for a new pair. Each is good once: a second use ends the login.

    Raises:
        RefreshRefused: expired, forged, of an ended login, or used before.
    """
    try:
        claims = read_token(refresh, TokenKind.REFRESH)
    except TokenInvalid:
        raise RefreshRefused from None
    row = _live_logins(claims).first()
    if row is None:
        raise RefreshRefused
    fresh_jti = uuid.uuid4()
    rotated = DeviceLogin.objects.filter(pk=row.pk, refresh_jti=claims.jti).update(
        refresh_jti=fresh_jti, expires_on=_last_day()
    )
    if not rotated:
        # Either the thief or the owner came second; nobody can tell which, so neither stays (RFC 9700, 4.14).
        end_login(sid=claims.sid, cause="revoked")
        raise RefreshRefused
    row.refresh_jti = fresh_jti
    return _write_pair(row, row.device.user)


def end_login(*, sid: uuid.UUID, cause: SessionEnd) -> None:
    """Deny all tokens of a login at once and close its sockets."""
    _end([sid], cause)


def end_all_logins(*, user: User, cause: SessionEnd) -> None:
    """Deny every token of a user and close all sockets."""
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(ver=F("ver") + 1)
        _end(list(DeviceLogin.objects.filter(device__user=user).values_list("pk", flat=True)), cause)


def recheck_login(login: Login) -> Login | None:
    """Read a login again, as its socket does while it is open; None when it has ended."""
    row = (
        DeviceLogin.objects.select_related("device")
        .filter(pk=login.sid, device__user__is_active=True, expires_on__gte=_today())
        .exclude(Exists(RevokedToken.objects.filter(pk=login.sid)))
        .first()
    )
    return None if row is None else _describe(row)


def _end(sids: Iterable[uuid.UUID], cause: SessionEnd) -> None:
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


def _write_pair(row: DeviceLogin, user: User) -> TokenPair:
    now = timezone.now()

    def write(kind: TokenKind, jti: uuid.UUID) -> str:
        return write_token(kind, user_id=user.pk, sid=row.pk, jti=jti, ver=user.ver, now=now)

    return TokenPair(
        sid=row.pk,
        access=write(TokenKind.ACCESS, uuid.uuid4()),
        refresh=write(TokenKind.REFRESH, row.refresh_jti),
    )


def _today() -> date:
    return timezone.now().date()


def _last_day() -> date:
    # The exact moment stands in the token; the row only has to outlive it.
    return (timezone.now() + REFRESH_LIFETIME).date()
