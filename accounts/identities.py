"""The identity of an account: its chain grows, and its devices are those that the chain names.

Spec: docs/spec/identity.md, section "The server"
"""

from collections.abc import Collection

from django.db import IntegrityError, transaction

from accounts.chains import DeviceEntry, Identity, Kind, Verdict, judge, read_place, verify_chain
from accounts.days import is_about, today
from accounts.errors import StatementBehind, StatementInvalid, StockFull
from accounts.layouts import Refused
from accounts.logins import end_logins
from accounts.models import Device, DeviceLogin, Statement, User
from p2p.protocol.words import SessionEndCause

# Until a second one can be linked.
MAX_DEVICES = 1
# Kind 5 sets a password, too: it has a route of its own.
APPENDED = frozenset(Kind) - {Kind.RECOVER}


def statements_of(user: User) -> list[bytes]:
    """List the statements of a user's chain in order."""
    return [bytes(each.signed) for each in user.statements.order_by("version")]


def read_identity(user: User) -> Identity:
    """Read what the chain of a user says."""
    return verify_chain(statements_of(user))


def append_statement(*, user: User, signed: bytes, kinds: Collection[Kind] = APPENDED) -> int:
    """Let a statement follow on a user's chain, or overrule what devices said there; returns its place.

    Devices that the chain names no more go with all that is theirs, and their sockets are closed.

    Raises:
        StatementInvalid: it does not verify, is of another kind, or names a device of somebody else.
        StatementBehind: the chain is not where the statement wants to stand.
        StockFull: the user would have more than MAX_DEVICES.
    """
    try:
        with transaction.atomic():
            # The lock makes it one step to compare and to write.
            User.objects.select_for_update().get(pk=user.pk)
            held = read_identity(user)
            shown = _continue(held, signed, kinds)
            if len(shown.devices) > max(MAX_DEVICES, len(held.devices)):
                raise StockFull
            user.statements.filter(version__gte=shown.number).delete()
            Statement.objects.create(user=user, version=shown.number, signed=signed)
            _match_devices(user, shown.devices.values())
    except (Refused, IntegrityError):
        # A device id that is somebody's already breaks a constraint.
        raise StatementInvalid from None
    return shown.number


def create_device(user: User, entry: DeviceEntry) -> Device:
    """Make the row of a device that the user's chain names."""
    return Device.objects.create(
        id=entry.device_id,
        user=user,
        signing_key=entry.signing_key,
        exchange_key=entry.exchange_key,
        suite=entry.suite,
    )


def _continue(held: Identity, signed: bytes, kinds: Collection[Kind]) -> Identity:
    number, previous = read_place(signed)
    before = verify_chain(held.statements[:number]) if 0 < number <= len(held.statements) else None
    if before is None or before.head != previous:
        raise StatementBehind(held.number)
    shown = verify_chain([*before.statements, signed])
    if judge(held, shown) not in {Verdict.EXTENDED, Verdict.RECOVERED}:
        raise StatementBehind(held.number)
    if shown.kind not in kinds or not is_about(shown.day, of=today()):
        raise StatementInvalid
    return shown


def _match_devices(user: User, entries: Collection[DeviceEntry]) -> None:
    named = {entry.device_id: entry for entry in entries}
    gone = user.devices.exclude(pk__in=named)
    end_logins(DeviceLogin.objects.filter(device__in=gone), SessionEndCause.REMOVED)
    gone.delete()
    for device in user.devices.all():
        entry = named.pop(device.pk)
        if device.suite != entry.suite:
            user.devices.filter(pk=device.pk).update(suite=entry.suite)
    for entry in named.values():
        create_device(user, entry)
