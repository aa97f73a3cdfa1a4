"""Prekeys: uploads that verify, stock, and the claim that gives each one-time key away once.

Spec: docs/spec/prekeys.md
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.days import today
from accounts.errors import StatementInvalid, StockFull
from accounts.layouts import Refused
from accounts.models import Device, OneTimePrekey, PrekeyKind, StandingPrekey
from accounts.statements import Prekey, verify_prekey

MAX_STOCK = 100
# So old a prekey is refused by whoever claims it.
PREKEY_LIFETIME = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Upload:
    """Packed prekeys by place; None keeps what is there."""

    signed_prekey: bytes | None
    last_resort: bytes | None
    one_time: Sequence[bytes]
    one_time_kem: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Stock:
    """What a device has left: ids of its standing prekeys (None: never uploaded), counts of the others."""

    signed_prekey: int | None
    last_resort: int | None
    one_time: int
    one_time_kem: int


def store_prekeys(*, device: Device, upload: Upload) -> None:
    """Check an upload and keep all of it, or none.

    A one-time prekey whose id is known is skipped: a repeated upload does no harm, and a key that was claimed
    does not come back.

    Raises:
        StatementInvalid: one of them does not verify, or stands in another kind's place.
        StockFull: more than MAX_STOCK of one kind would be kept.
    """
    standing = _verify(device, PrekeyKind.SIGNED, [upload.signed_prekey]) + _verify(
        device, PrekeyKind.LAST_RESORT, [upload.last_resort]
    )
    one_time = {
        PrekeyKind.ONE_TIME: _verify(device, PrekeyKind.ONE_TIME, upload.one_time),
        PrekeyKind.ONE_TIME_KEM: _verify(device, PrekeyKind.ONE_TIME_KEM, upload.one_time_kem),
    }
    with transaction.atomic():
        # The lock makes the counts exact when two uploads come at once.
        locked = Device.objects.select_for_update().get(pk=device.pk)
        for prekey in standing:
            _replace(locked, prekey)
        for kind, prekeys in one_time.items():
            _add(locked, kind, prekeys)


def count_stock(*, device_id: uuid.UUID) -> Stock:
    """Tell a device what it has left."""
    standing = dict(StandingPrekey.objects.filter(device_id=device_id).values_list("kind", "key_id"))
    kinds = list(_in_stock().filter(device_id=device_id).values_list("kind", flat=True))
    return Stock(
        signed_prekey=standing.get(PrekeyKind.SIGNED),
        last_resort=standing.get(PrekeyKind.LAST_RESORT),
        one_time=kinds.count(PrekeyKind.ONE_TIME),
        one_time_kem=kinds.count(PrekeyKind.ONE_TIME_KEM),
    )


def claim_one_time(*, device_id: uuid.UUID, kind: PrekeyKind) -> bytes | None:
    """Take a one-time prekey out of the stock for good; None when there is none.

    Which one is left to chance: in any order, a claimer could tell from two ids how many others were claimed.
    """
    with transaction.atomic():
        # PostgreSQL: parallel claimers lock different rows. SQLite: the transaction itself is the lock.
        free = _in_stock().select_for_update(skip_locked=True)
        taken = free.filter(device_id=device_id, kind=kind).order_by("?").first()
        # The update compares, so that even without any lock nobody could take what another took.
        if taken is None or taken.packed is None or not _in_stock().filter(pk=taken.pk).update(packed=None):
            return None
        return bytes(taken.packed)


def _in_stock() -> QuerySet[OneTimePrekey]:
    return OneTimePrekey.objects.filter(packed__isnull=False)


def _verify(device: Device, place: PrekeyKind, packed: Iterable[bytes | None]) -> list[Prekey]:
    day = today()
    try:
        prekeys = [
            verify_prekey(each, device_id=device.pk, signing_key=bytes(device.signing_key), today=day)
            for each in packed
            if each is not None
        ]
    except Refused:
        raise StatementInvalid from None
    ids = {prekey.key_id for prekey in prekeys}
    if len(ids) != len(prekeys) or any(prekey.kind is not place for prekey in prekeys):
        raise StatementInvalid
    return prekeys


def _replace(device: Device, prekey: Prekey) -> None:
    newer = StandingPrekey.objects.filter(device=device, kind=prekey.kind, key_id__gt=prekey.key_id)
    if not newer.exists():
        StandingPrekey.objects.update_or_create(
            device=device, kind=prekey.kind, defaults={"key_id": prekey.key_id, "packed": prekey.packed}
        )


def _add(device: Device, kind: PrekeyKind, prekeys: Sequence[Prekey]) -> None:
    own = OneTimePrekey.objects.filter(device=device, kind=kind)
    known = set(own.filter(key_id__in=[each.key_id for each in prekeys]).values_list("key_id", flat=True))
    fresh = [prekey for prekey in prekeys if prekey.key_id not in known]
    if not fresh:
        return
    if own.filter(packed__isnull=False).count() + len(fresh) > MAX_STOCK:
        raise StockFull
    OneTimePrekey.objects.bulk_create(
        OneTimePrekey(
            device=device, kind=kind, key_id=each.key_id, packed=each.packed, forget_on=_forget_on()
        )
        for each in fresh
    )


def _forget_on() -> date:
    """Give the first day of a month after all that is uploaded today has grown too old."""
    too_old = (timezone.now() + PREKEY_LIFETIME).date()
    return (too_old.replace(day=1) + timedelta(days=32)).replace(day=1)
