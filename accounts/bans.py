"""Ban a user and take it back.

Spec: docs/spec/rest.md, section "Accounts"
"""

from django.db import transaction

from accounts.logins import end_all_logins
from accounts.models import User
from p2p.protocol.words import SessionEndCause


def ban(*, user: User) -> None:
    """End all logins of a user and let none begin. Holders of delivery tokens see somebody who is offline."""
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(is_active=False)
        end_all_logins(user=user, cause=SessionEndCause.REVOKED)


def unban(*, user: User) -> None:
    """Let a user log in again; logins of before stay ended."""
    User.objects.filter(pk=user.pk).update(is_active=True)
