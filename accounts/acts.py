"""What an operator can do to an account: a table, and the log of what was done.

The log names the operator and the account, never the user name; of a removed account it says only that there
was one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from django.contrib.admin.models import CHANGE, DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.utils import timezone

from accounts.bans import ban, unban
from accounts.logins import end_all_logins
from accounts.models import User
from accounts.removal import remove_account
from p2p.protocol.words import SessionEndCause


@dataclass(frozen=True, slots=True)
class Act:
    """One act: its address, the words on its button, what it means, what the log says, and what it does."""

    name: str
    label: str
    means: str
    done: str
    run: Callable[[User], None]
    is_open_to: Callable[[User], bool] = lambda user: True
    removes: bool = False


def _let_act(user: User, *, may: bool) -> None:
    User.objects.filter(pk=user.pk).update(is_superuser=may)


ACTS: Final = (
    Act(
        "ban",
        "Ban",
        "All logins end at once, and none begins until the ban is lifted. Others see a user who is offline. "
        "Keys, contacts and messages on the user's devices stay.",
        "banned",
        lambda user: ban(user=user),
        lambda user: user.is_active,
    ),
    Act(
        "unban",
        "Lift the ban",
        "The user can log in again, on every device as before.",
        "ban lifted",
        lambda user: unban(user=user),
        lambda user: not user.is_active,
    ),
    Act(
        "revoke",
        "End all logins",
        "All logins end at once. The user can log in again with the password.",
        "all logins ended",
        lambda user: end_all_logins(user=user, cause=SessionEndCause.REVOKED),
    ),
    Act(
        "remove",
        "Remove the account",
        "All that the server holds of this account is deleted, and the name is kept from others for 90 days. "
        "This can not be taken back.",
        "removed",
        lambda user: remove_account(user=user),
        removes=True,
    ),
    Act(
        "look-only",
        "Let this operator only look",
        "This operator goes on to see these pages, and can not ban, remove or invite.",
        "may only look",
        partial(_let_act, may=False),
        lambda user: user.is_superuser,
    ),
    Act(
        "superuser",
        "Let this operator act",
        "This operator can ban, remove and invite.",
        "may act",
        partial(_let_act, may=True),
        lambda user: user.is_staff and not user.is_superuser,
    ),
)


def acts_on(user: User, *, operator: User) -> list[Act]:
    """List what an operator can do to an account: nothing to the own one, so that one who can act is left."""
    if not operator.is_superuser or user.pk == operator.pk:
        return []
    return [act for act in ACTS if act.is_open_to(user)]


def carry_out(act: Act, *, user: User, operator: User) -> None:
    """Do it, and write down that this operator did."""
    act.run(user)
    object_id = None if act.removes else user.pk
    note(operator, User, act.done, object_id=object_id, flag=DELETION if act.removes else CHANGE)


def note(
    operator: User, model: type[Model], done: str, *, object_id: object = None, flag: int = CHANGE
) -> None:
    """Write into the admin's log, to the minute, what an operator did."""
    LogEntry.objects.create(
        action_time=timezone.now().replace(second=0, microsecond=0),
        user=operator,
        content_type=ContentType.objects.get_for_model(model),
        object_id=None if object_id is None else str(object_id),
        object_repr=str(model._meta.verbose_name),
        action_flag=flag,
        change_message=done,
    )


def forget_in_log(user: User) -> None:
    """Cut the tie between the log and an account that is removed."""
    entries = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(User))
    entries.filter(object_id=str(user.pk)).update(object_id=None)
