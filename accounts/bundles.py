"""What a claimer gets to begin a session with a user: the chain, and prekeys of each device.

Spec: docs/spec/rest.md, section "Accounts"
"""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction

from accounts.delivery import digest_of, may_claim
from accounts.errors import UserNotFound
from accounts.models import Device, PrekeyKind, StandingPrekey, Statement, User, Visibility
from accounts.prekeys import claim_one_time
from accounts.quotas import Quota, spend

# Claims without a token, by caller and by target; the two are never brought together. The target's is many
# times the caller's, so that few accounts can not shut all strangers out.
CALLER_QUOTA = Quota("bundles_caller", 60, timedelta(hours=1))
TARGET_QUOTA = Quota("bundles_target", 6_000, timedelta(hours=1))
# Counted by token, so that strangers can not shut contacts out; fewer than a stock, so that no holder empties
# it within a day.
TOKEN_QUOTA = Quota("bundles_token", 24, timedelta(days=1))


@dataclass(frozen=True, slots=True)
class DeviceBundle:
    """Packed prekeys of one device; None: not uploaded, out of stock, or the claimer has no token."""

    device_id: uuid.UUID
    signed_prekey: bytes | None
    last_resort: bytes | None
    one_time: bytes | None
    one_time_kem: bytes | None


@dataclass(frozen=True, slots=True)
class UserBundle:
    """A user's chain and a bundle for each device."""

    username: str
    statements: list[bytes]
    devices: list[DeviceBundle]


def claim_bundles(
    *, caller: User, username: str, token: bytes | None, fingerprint: bytes | None
) -> UserBundle:
    """Give out a user's keys; the one-time ones only to a holder of a delivery token of that user.

    A token that was withdrawn gets them, too: its holder is not to learn that it was. A hidden user is there
    for a holder, and for who names the fingerprint; all others get the answer of a name that nobody has,
    after as many look-ups.

    Raises:
        QuotaSpent: the caller asked too often in this hour, too many did for this user's keys, or too many
            with this token today.
        UserNotFound: no such user, or one without a device, or hidden from this caller.
    """
    user = User.objects.filter(username=username, devices__isnull=False).distinct().first()
    digest = None if token is None else digest_of(token)
    is_holder = digest is not None and may_claim(digest=digest, user=user or User())
    if is_holder and digest is not None:
        spend(TOKEN_QUOTA, digest.hex())
    else:
        spend(CALLER_QUOTA, str(caller.pk))
        spend(TARGET_QUOTA, username)
    chain = Statement.objects.filter(user__username=username).order_by("version")
    statements = [bytes(signed) for signed in chain.values_list("signed", flat=True)]
    # Who is banned is gone for strangers. Who has its token sees somebody who is offline.
    if user is None or not (is_holder or (user.is_active and _is_shown(user, statements, fingerprint))):
        raise UserNotFound
    with transaction.atomic():
        devices = [_bundle(device, is_holder) for device in user.devices.order_by("pk")]
    return UserBundle(user.username, statements, devices)


def _is_shown(user: User, statements: Sequence[bytes], fingerprint: bytes | None) -> bool:
    if user.visibility != Visibility.HIDDEN:
        return True
    return fingerprint is not None and hashlib.sha256(statements[0]).digest() == fingerprint


def _bundle(device: Device, is_holder: bool) -> DeviceBundle:
    standing = {
        kind: bytes(packed)
        for kind, packed in StandingPrekey.objects.filter(device=device).values_list("kind", "packed")
    }

    def claim(kind: PrekeyKind) -> bytes | None:
        return claim_one_time(device_id=device.pk, kind=kind) if is_holder else None

    return DeviceBundle(
        device_id=device.pk,
        signed_prekey=standing.get(PrekeyKind.SIGNED),
        last_resort=standing.get(PrekeyKind.LAST_RESORT),
        one_time=claim(PrekeyKind.ONE_TIME),
        one_time_kem=claim(PrekeyKind.ONE_TIME_KEM),
    )
