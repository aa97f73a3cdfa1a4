"""Delete what has expired."""

from django.contrib.sessions.models import Session
from django.db.models import Model
from django.utils import timezone

from accounts.models import DeviceLogin, Envelope, Invitation, OneTimePrekey, ReservedName, RevokedToken

EXPIRING: tuple[tuple[type[Model], str], ...] = (
    (Envelope, "expires_on"),
    (DeviceLogin, "expires_on"),
    (OneTimePrekey, "forget_on"),
    (RevokedToken, "expires_on"),
    (ReservedName, "until"),
    (Invitation, "expires_on"),
)


def prune_expired_rows() -> int:
    """Delete rows whose date has passed; returns how many. Safe to run at any time and twice."""
    now = timezone.now()
    # Operators' logins: Django leaves those that nobody ends.
    pruned, _ = Session.objects.filter(expire_date__lt=now).delete()
    return pruned + sum(
        model._default_manager.filter(**{f"{field}__lt": now.date()}).delete()[0] for model, field in EXPIRING
    )
