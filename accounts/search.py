"""Find users by the beginning of their name. Nobody is ever listed without one.

Spec: docs/spec/rest.md, section "Accounts"
"""

from django.db.models import Exists, OuterRef

from accounts.models import Device, User

MAX_FOUND = 20


def find_users(*, caller: User, prefix: str) -> list[str]:
    """List at most MAX_FOUND names that begin with a prefix, never the caller's."""
    # Operators have no device: they can not be written to, and need not be known.
    reachable = Exists(Device.objects.filter(user=OuterRef("pk")))
    found = User.objects.filter(reachable, username__startswith=prefix, is_active=True).exclude(pk=caller.pk)
    return list(found.order_by("username").values_list("username", flat=True)[:MAX_FOUND])
