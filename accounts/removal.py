"""Remove an account with all that belongs to it. Later apps register what they have to remove.

A registered function runs inside the removal's database transaction, before the user's row goes.
"""

from collections.abc import Callable
from datetime import timedelta

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts.delivery import delete_all_tokens
from accounts.errors import WrongPassword
from accounts.logins import end_all_logins
from accounts.models import ReservedName, User
from accounts.names import reservation_digest
from accounts.passwords import check_password
from p2p.protocol.words import SessionEndCause

NAME_RESERVED = timedelta(days=90)

Remover = Callable[[User], None]
_removers: list[Remover] = []


def register(remover: Remover) -> Remover:
    """Have a function called for each user that is removed; once per process, from `AppConfig.ready`."""
    if remover not in _removers:
        _removers.append(remover)
    return remover


def close_account(*, request: HttpRequest, user: User, password: str) -> None:
    """Remove the account of a caller who gives its password once more.

    Raises:
        WrongPassword: it is another.
        LoginLocked, TooBusy: as `check_password`.
    """
    checked = check_password(request, user.username, password)
    if checked is None:
        raise WrongPassword
    with transaction.atomic():
        # Compared: after a recovery in between, the old password must not win.
        held = User.objects.select_for_update().filter(pk=user.pk, password=checked.password)
        if not held.exists():
            raise WrongPassword
        remove_account(user=user)


def remove_account(*, user: User) -> None:
    """End all logins, remove every row of the user, and reserve the name for NAME_RESERVED."""
    until = (timezone.now() + NAME_RESERVED).date()
    with transaction.atomic():
        end_all_logins(user=user, cause=SessionEndCause.REMOVED)
        # One by one, so that whoever registered hears of their end: to be removed looks like being offline.
        delete_all_tokens(user=user)
        for remover in _removers:
            remover(user)
        ReservedName.objects.update_or_create(pk=reservation_digest(user.username), defaults={"until": until})
        user.delete()
