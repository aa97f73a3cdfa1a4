"""The section of accounts in the operator's overview: counts."""

from datetime import datetime

from django.conf import settings
from django.utils import timezone

from accounts.models import Device, Envelope, Invitation, User
from mesa.overview import Figure, Section


def show_accounts(now: datetime) -> Section:
    """Count accounts, devices and what waits for them."""
    users = User.objects.filter(is_staff=False)
    invitations = Invitation.objects.filter(expires_on__gte=timezone.now().date())
    return Section(
        "Accounts",
        [
            Figure("registration", settings.REGISTRATION, "MESA_REGISTRATION: open, invitation or closed"),
            Figure("users", str(users.count())),
            Figure("banned", str(users.filter(is_active=False).count())),
            Figure("devices", str(Device.objects.count())),
            Figure("operators", str(User.objects.filter(is_staff=True).count())),
            Figure("open invitations", str(invitations.count())),
            Figure("envelopes in mailboxes", str(Envelope.objects.count()), "sealed, for 14 days at most"),
        ],
    )
