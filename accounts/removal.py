"""Remove an account with all that belongs to it. Later apps register what they have to remove.

A registered function runs inside the removal's database transaction, before the user's row goes.
"""

from collections.abc import Callable
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts.logins import end_all_logins
from accounts.models import ReservedName, User
from accounts.names import reservation_digest
from p2p.protocol.words import SessionEndCause

NAME_RESERVED = timedelta(days=90)

Remover = Callable[[User], None]
_removers: list[Remover] = []


def register(remover: Remover) -> Remover:
    """Have a function called for each user that is removed; once per process, from `AppConfig.ready`."""
    if remover not in _removers:
        _removers.append(remover)
    return remover


def remove_account(*, user: User) -> None:
    """End all logins, remove every row of the user, and reserve the name for NAME_RESERVED."""
    until = (timezone.now() + NAME_RESERVED).date()
    with transaction.atomic():
        end_all_logins(user=user, cause=SessionEndCause.REMOVED)
        for remover in _removers:
            remover(user)
        ReservedName.objects.update_or_create(pk=reservation_digest(user.username), defaults={"until": until})
        user.delete()
