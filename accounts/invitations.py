"""Invitations: codes that an operator hands out, each good for one account. Kept as keyed hashes.

A code that is used leaves nothing: no row says who was invited, by whom, or when.
Spec: docs/spec/rest.md, section "Accounts"
"""

import secrets
from datetime import date, timedelta

from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.errors import InvitationRefused
from accounts.models import Invitation
from accounts.row_order import scatter

# 80 bits under a rate per address are not found by trying. No letter looks like a digit.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
SIGNS = 16
GROUP = 4
MISREAD = str.maketrans({"O": "0", "I": "1", "L": "1", "-": "", " ": ""})
MAX_CODE_CHARACTERS = 64
MAX_AT_ONCE = 100
DEFAULT_DAYS = 14
MAX_DAYS = 365


def make_invitations(*, count: int, days: int) -> list[str]:
    """Make codes that are good until the end of the day in so many days; they are shown this once."""
    codes = [_draw() for _ in range(count)]
    expires_on = _today() + timedelta(days=days)
    digests = [_digest(code) for code in codes]
    Invitation.objects.bulk_create(Invitation(digest=each, expires_on=expires_on) for each in digests)
    scatter(Invitation, digests)
    return codes


def withdraw_invitations() -> int:
    """End all codes that nobody has used; returns how many."""
    return Invitation.objects.all().delete()[0]


def is_invitation(code: str) -> bool:
    """Say whether a code is good at the moment."""
    return Invitation.objects.filter(pk=_digest(code), expires_on__gte=_today()).exists()


def use_invitation(code: str) -> None:
    """Use a code up, in the transaction that makes the account: of several at once one has it.

    Raises:
        InvitationRefused: unknown, used or expired.
    """
    deleted, _ = Invitation.objects.filter(pk=_digest(code), expires_on__gte=_today()).delete()
    if not deleted:
        raise InvitationRefused


def _draw() -> str:
    signs = "".join(secrets.choice(ALPHABET) for _ in range(SIGNS))
    return "-".join(signs[at : at + GROUP] for at in range(0, SIGNS, GROUP))


def _digest(code: str) -> bytes:
    # Keyed: whoever has the database alone can not search it for short codes.
    return salted_hmac("mesa/invitation/1", code.upper().translate(MISREAD), algorithm="sha256").digest()


def _today() -> date:
    return timezone.now().date()
