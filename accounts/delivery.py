"""Delivery tokens: the right to reach a user, handed out by that user, kept here as hashes.

Spec: docs/spec/rest.md, section "Accounts"
"""

import hashlib
import uuid
from collections.abc import Sequence

from django.db import IntegrityError, transaction

from accounts.errors import DigestTaken, StockFull
from accounts.models import DeliveryToken, User

TOKEN_BYTES = 32
DIGEST_BYTES = 32
MAX_LIVE_TOKENS = 2_048


def digest_of(token: bytes) -> bytes:
    """Hash a token to what the server keeps of it."""
    return hashlib.sha256(token).digest()


def mint_tokens(*, user: User, digests: Sequence[bytes]) -> None:
    """Make tokens with these digests live for a user: all of them, or none.

    Raises:
        DigestTaken: one of them exists already.
        StockFull: the user would have more than MAX_LIVE_TOKENS.
    """
    try:
        with transaction.atomic():
            # The lock makes the count exact when two requests come at once.
            User.objects.select_for_update().get(pk=user.pk)
            if DeliveryToken.objects.filter(pk__in=digests).exists():
                raise DigestTaken
            if DeliveryToken.objects.filter(recipient=user).count() + len(digests) > MAX_LIVE_TOKENS:
                raise StockFull
            tokens = [DeliveryToken(digest=digest, recipient=user) for digest in digests]
            DeliveryToken.objects.bulk_create(tokens)
    except IntegrityError:
        raise DigestTaken from None


def delete_tokens(*, user: User, digests: Sequence[bytes]) -> None:
    """End tokens of a user; who presents one from here on is not told."""
    DeliveryToken.objects.filter(recipient=user, pk__in=digests).delete()


def recipient_of(digest: bytes) -> uuid.UUID | None:
    """Find the user that a live token reaches; None when it is unknown or deleted."""
    return DeliveryToken.objects.filter(pk=digest).values_list("recipient_id", flat=True).first()
