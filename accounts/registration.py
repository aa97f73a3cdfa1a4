"""Sign-up: a name, a password and statement 0 become an account with one device.

Spec: docs/spec/rest.md, section "Accounts"
"""

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.errors import StatementInvalid, UsernameTaken
from accounts.layouts import Refused
from accounts.models import Device, ReservedName, Statement, User
from accounts.names import fold_name, reservation_digest
from accounts.passwords import hashing_slot
from accounts.statements import FirstStatement, verify_first_statement


def register_user(*, username: str, password: str, statement: bytes) -> Device:
    """Make an account and the device of its statement 0.

    Raises:
        StatementInvalid: it does not verify, names another user, or a device that exists.
        UsernameTaken: the name exists or is reserved.
        TooBusy: too many passwords are being hashed.
    """
    first = _verify(statement, username)
    user = User(username=username)
    # Not within the transaction: the database would be locked for as long as hashing takes.
    with hashing_slot():
        user.set_password(password)
    try:
        with transaction.atomic():
            _refuse_taken(first)
            user.save(force_insert=True)
            Statement.objects.create(user=user, version=0, signed=statement)
            return Device.objects.create(
                id=first.device_id,
                user=user,
                signing_key=first.signing_key,
                exchange_key=first.exchange_key,
                suite=first.suite,
            )
    except IntegrityError:
        # Somebody was faster between the look and the write.
        raise UsernameTaken from None


def _verify(statement: bytes, username: str) -> FirstStatement:
    try:
        first = verify_first_statement(statement)
    except Refused:
        raise StatementInvalid from None
    # Device ids travel as UUIDv4 text; another number in those bits could never be written by anybody.
    if first.username != username or fold_name(username) != username or first.device_id.version != 4:
        raise StatementInvalid
    return first


def _refuse_taken(first: FirstStatement) -> None:
    if User.objects.filter(username=first.username).exists():
        raise UsernameTaken
    reserved = ReservedName.objects.filter(
        pk=reservation_digest(first.username), until__gte=timezone.now().date()
    )
    if reserved.exists():
        raise UsernameTaken
    if Device.objects.filter(pk=first.device_id).exists():
        raise StatementInvalid
