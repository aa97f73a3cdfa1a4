"""Sign-up: a name, a password and statement 0 become an account with one device.

Spec: docs/spec/rest.md, section "Accounts"
"""

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.chains import Identity, verify_chain
from accounts.days import is_about, today
from accounts.errors import InvitationRefused, RegistrationClosed, StatementInvalid, UsernameTaken
from accounts.identities import create_device
from accounts.invitations import is_invitation, use_invitation
from accounts.layouts import Refused
from accounts.models import Device, ReservedName, Statement, User
from accounts.names import fold_name, reservation_digest
from accounts.passwords import hashing_slot


def register_user(*, username: str, password: str, statement: bytes, invitation: str = "") -> Device:
    """Make an account and the device of its statement 0.

    An invitation that the server does not ask for is not looked at.

    Raises:
        RegistrationClosed: nobody may.
        InvitationRefused: an invitation is needed, and this is none, or somebody was faster with it.
        StatementInvalid: it does not verify, names another user or day, or a device that exists.
        UsernameTaken: the name exists or is reserved.
        TooBusy: too many passwords are being hashed.
    """
    # First: who may not come in must not learn which names are taken, nor have passwords hashed.
    _refuse_uninvited(invitation)
    identity = _verify(statement, username)
    (entry,) = identity.devices.values()
    user = User(username=username)
    # Not within the transaction: the database would be locked for as long as hashing takes.
    with hashing_slot():
        user.set_password(password)
    try:
        with transaction.atomic():
            if settings.REGISTRATION == "invitation":
                use_invitation(invitation)
            _refuse_taken(username)
            if Device.objects.filter(pk=entry.device_id).exists():
                raise StatementInvalid
            user.save(force_insert=True)
            Statement.objects.create(user=user, version=0, signed=statement)
            return create_device(user, entry)
    except IntegrityError:
        # Somebody was faster between the look and the write.
        raise UsernameTaken from None


def _refuse_uninvited(invitation: str) -> None:
    if settings.REGISTRATION == "closed":
        raise RegistrationClosed
    if settings.REGISTRATION == "invitation" and not is_invitation(invitation):
        raise InvitationRefused


def _verify(statement: bytes, username: str) -> Identity:
    try:
        identity = verify_chain([statement])
    except Refused:
        raise StatementInvalid from None
    # A day far ahead would hold up all statements that follow: days never go back.
    if not is_about(identity.day, of=today()):
        raise StatementInvalid
    if identity.username != username or fold_name(username) != username:
        raise StatementInvalid
    return identity


def _refuse_taken(username: str) -> None:
    if User.objects.filter(username=username).exists():
        raise UsernameTaken
    reserved = ReservedName.objects.filter(pk=reservation_digest(username), until__gte=timezone.now().date())
    if reserved.exists():
        raise UsernameTaken
