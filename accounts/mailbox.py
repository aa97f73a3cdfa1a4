"""Mailboxes: sealed envelopes that wait for a device. Who sent one is not written down.

Spec: docs/spec/rest.md, section "Accounts"
"""

import uuid
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from django.db import transaction
from django.utils import timezone

from accounts.delivery import digest_of, recipient_of
from accounts.errors import MailboxFull, UserNotFound
from accounts.models import Device, Envelope, User
from accounts.quotas import Quota, spend
from accounts.row_order import scatter
from mesa import push
from p2p.protocol.frames import to_text
from p2p.protocol.to_peer import Mailbox

ENVELOPE_LIFETIME = timedelta(days=14)
MAX_WAITING = 500
# Strangers get the smaller part, so that they can not crowd contacts out.
MAX_WAITING_FOR_STRANGERS = 64
MAX_FETCHED = 50
REQUEST_QUOTA = Quota("contact_requests", 20, timedelta(days=1))
# So few that one holder and all strangers together do not fill a mailbox before the first post expires: that
# it fills up would tell the holder that own posts still go in.
TOKEN_QUOTA = Quota("posts_token", 28, timedelta(days=1))
# Each token that is presented leaves a counter for the day, also one that was made up.
CALLER_QUOTA = Quota("posts_caller", 1_000, timedelta(days=1))
# Spec: docs/spec/sealing.md. The server checks the size and looks no further.
ENVELOPE_SIZES = frozenset(49 + 4_096 * steps for steps in range(1, 17))


def post_by_token(*, sender: User, token: bytes, device_id: uuid.UUID, sealed: bytes) -> None:
    """Leave an envelope for a device of the user that the token reaches.

    A token that is unknown or deleted, or a device of somebody else: the envelope is dropped in silence. What
    is refused is refused before the token is looked up, so that the answer does not tell what it is.

    Raises:
        QuotaSpent: too many were posted with this token today, or by this sender with any.
        MailboxFull: as many wait for the device as may.
    """
    digest = digest_of(token)
    spend(CALLER_QUOTA, str(sender.pk))
    spend(TOKEN_QUOTA, digest.hex())
    with transaction.atomic():
        device = _lock_mailbox(device_id, limit=MAX_WAITING)
        if device is not None and device.user_id == recipient_of(digest):
            _leave(device, sealed)


def post_by_name(*, sender: User, username: str, device_id: uuid.UUID, sealed: bytes) -> None:
    """Leave a first contact request for a device of a named user. Costs the sender one of the day's few.

    Raises:
        QuotaSpent: the sender has none left today.
        UserNotFound: no such user, or not a device of that user.
        MailboxFull: as many wait as strangers may add to.
    """
    # Counted for the sender alone, before anything is looked up: no pair is ever formed.
    spend(REQUEST_QUOTA, str(sender.pk))
    if not Device.objects.filter(pk=device_id, user__username=username, user__is_active=True).exists():
        raise UserNotFound
    with transaction.atomic():
        device = _lock_mailbox(device_id, limit=MAX_WAITING_FOR_STRANGERS)
        if device is not None:
            _leave(device, sealed)


def fetch_envelopes(*, device_id: uuid.UUID) -> list[Envelope]:
    """List envelopes that wait for a device, in no order that would tell when they came."""
    waiting = Envelope.objects.filter(device_id=device_id, expires_on__gte=timezone.now().date())
    return list(waiting.order_by("pk")[:MAX_FETCHED])


def delete_envelopes(*, device_id: uuid.UUID, ids: Sequence[uuid.UUID]) -> None:
    """Forget envelopes that the device has committed; those of other devices are left alone."""
    Envelope.objects.filter(device_id=device_id, pk__in=ids).delete()


def _lock_mailbox(device_id: uuid.UUID, *, limit: int) -> Device | None:
    """Find a device whose mailbox takes one more."""
    # The lock makes the count exact when two envelopes come at once.
    device = Device.objects.select_for_update().filter(pk=device_id).first()
    if Envelope.objects.filter(device_id=device_id).count() >= limit:
        raise MailboxFull
    return device


def _leave(device: Device, sealed: bytes) -> None:
    expires_on = (timezone.now() + ENVELOPE_LIFETIME).date()
    envelope = Envelope.objects.create(device=device, sealed=sealed, expires_on=expires_on)
    scatter(Envelope, [envelope.pk])
    transaction.on_commit(partial(push.push_device, device.pk, to_text(Mailbox())))
