"""Find users by the beginning of their name. Nobody is ever listed without one.

Spec: docs/spec/rest.md, section "Accounts"
"""

from django.db.models import Exists, OuterRef, Q

from accounts.models import Device, User, Visibility
from accounts.names import MIN_PREFIX_CHARACTERS

MAX_FOUND = 20


def find_users(*, caller: User, prefix: str) -> list[str]:
    """List at most MAX_FOUND names that begin with a prefix, never the caller's, as their owners allow it.

    One under MIN_PREFIX_CHARACTERS would list too many strangers: it finds only the name that is all of it.
    """
    # Operators have no device: they can not be written to, and need not be known.
    reachable = Exists(Device.objects.filter(user=OuterRef("pk")))
    wanted = Q(username=prefix) & ~Q(visibility=Visibility.HIDDEN)
    if len(prefix) >= MIN_PREFIX_CHARACTERS:
        wanted |= Q(username__startswith=prefix, visibility=Visibility.PREFIX)
    found = User.objects.filter(wanted, reachable, is_active=True).exclude(pk=caller.pk)
    return list(found.order_by("username").values_list("username", flat=True)[:MAX_FOUND])
