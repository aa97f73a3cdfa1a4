"""Delivery tokens: the right to reach a user, handed out by that user, kept here as hashes.

Spec: docs/spec/rest.md, section "Accounts"
"""

import hashlib
import uuid
from collections.abc import Callable, Sequence
from functools import partial

from django.db import IntegrityError, transaction

from accounts.errors import DigestTaken, StockFull
from accounts.models import DeliveryToken, User, WithdrawnToken
from accounts.row_order import scatter

MAX_LIVE_TOKENS = 2_048
MAX_WITHDRAWN_TOKENS = 2_048

Listener = Callable[[Sequence[bytes]], None]
_listeners: list[Listener] = []


def register(listener: Listener) -> None:
    """Have a function called with the digests of tokens that were deleted; from `AppConfig.ready`."""
    if listener not in _listeners:
        _listeners.append(listener)


def digest_of(token: bytes) -> bytes:
    """Hash a token to what the server keeps of it."""
    return hashlib.sha256(token).digest()


def mint_tokens(*, user: User, digests: Sequence[bytes]) -> None:
    """Make tokens with these digests live for a user: all of them, or none.

    Raises:
        DigestTaken: one of them exists already, or did until it was withdrawn.
        StockFull: the user would have more than MAX_LIVE_TOKENS.
    """
    try:
        with transaction.atomic():
            # The lock makes the count exact when two requests come at once.
            User.objects.select_for_update().get(pk=user.pk)
            if any(
                model.objects.filter(pk__in=digests).exists() for model in (DeliveryToken, WithdrawnToken)
            ):
                raise DigestTaken
            if DeliveryToken.objects.filter(recipient=user).count() + len(digests) > MAX_LIVE_TOKENS:
                raise StockFull
            tokens = [DeliveryToken(digest=digest, recipient=user) for digest in digests]
            DeliveryToken.objects.bulk_create(tokens)
            scatter(DeliveryToken, digests)
    except IntegrityError:
        raise DigestTaken from None


def delete_tokens(*, user: User, digests: Sequence[bytes]) -> None:
    """End tokens of a user; who presents one from here on is not told.

    Their hashes stay, for claims alone: whoever is refused keys, or may mint the hash, would be told by that.
    """
    with transaction.atomic():
        # The lock makes the count exact when two requests come at once.
        User.objects.select_for_update().get(pk=user.pk)
        live = DeliveryToken.objects.filter(recipient=user, pk__in=digests)
        ended = [bytes(digest) for digest in live.values_list("pk", flat=True)]
        live.delete()
        _drop_surplus(user, len(ended))
        WithdrawnToken.objects.bulk_create(WithdrawnToken(digest=each, recipient=user) for each in ended)
        scatter(WithdrawnToken, ended)
        for listener in _listeners:
            transaction.on_commit(partial(listener, ended))


def delete_all_tokens(*, user: User) -> None:
    """End every token of a user, as `delete_tokens` does."""
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        live = DeliveryToken.objects.filter(recipient=user).values_list("pk", flat=True)
        delete_tokens(user=user, digests=[bytes(digest) for digest in live])


def recipient_of(digest: bytes) -> uuid.UUID | None:
    """Find the user that a live token reaches; None when it is unknown or deleted."""
    return DeliveryToken.objects.filter(pk=digest).values_list("recipient_id", flat=True).first()


def may_claim(*, digest: bytes, user: User) -> bool:
    """Say whether a token of this user gets one-time keys: a live one, or one that was withdrawn."""
    return any(
        model.objects.filter(pk=digest, recipient=user).exists() for model in (DeliveryToken, WithdrawnToken)
    )


def _drop_surplus(user: User, count: int) -> None:
    kept = WithdrawnToken.objects.filter(recipient=user)
    surplus = kept.count() + count - MAX_WITHDRAWN_TOKENS
    if surplus > 0:
        # Nothing says which is the oldest, so chance decides.
        leaving = list(kept.order_by("?").values_list("pk", flat=True)[:surplus])
        kept.filter(pk__in=leaving).delete()
