"""Plain makers of things that tests need. Everything has a default; keywords say what matters to a test."""

import itertools
import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from django.test import Client

from accounts.delivery import digest_of
from accounts.logins import Login, TokenPair, find_login, start_login
from accounts.models import DeliveryToken, Device, Statement, User
from accounts.tokens import TokenKind, read_token
from p2p.protocol.fields import b64_bytes, b64_text
from peer_agent.crypto.chain import verify_chain
from peer_agent.crypto.identity import DeviceKeys, RecoveryKey, create_device, create_recovery_code
from peer_agent.crypto.prekeys import PrekeyId, PrekeyKind, create_prekey
from peer_agent.crypto.primitives import sha256
from peer_agent.crypto.statements import Change, create_first_statement, create_next_statement

PASSWORD = "correct horse battery"
_numbers = itertools.count(1)
# Private keys of the devices and users made here: the rows hold public ones only.
_keys: dict[uuid.UUID, DeviceKeys] = {}
_recovery: dict[uuid.UUID, RecoveryKey] = {}


@dataclass(frozen=True)
class LoggedIn:
    """A login with its tokens, as a device holds them."""

    device: Device
    login: Login
    tokens: TokenPair

    @property
    def header(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens.access}"}


def today() -> int:
    return (datetime.now(UTC).date() - date(1970, 1, 1)).days


def make_statement(
    username: str = "ada",
    *,
    keys: DeviceKeys | None = None,
    recovery: RecoveryKey | None = None,
    day: int | None = None,
) -> bytes:
    recovery = recovery or RecoveryKey.from_code(create_recovery_code())
    return create_first_statement(
        username, keys or create_device(), recovery, day=today() if day is None else day
    )


def make_user(username: str | None = None, *, password: str = PASSWORD, **fields: Any) -> User:
    return User.objects.create_user(username or f"user-{next(_numbers)}", password, **fields)


def log_into_admin(user: User) -> Client:
    """A browser in which a user is logged into the admin, whether they may see anything there or not."""
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.AllowAllUsersModelBackend")
    return client


def make_operator(username: str = "olga", *, is_superuser: bool = False) -> Client:
    """An operator's browser."""
    return log_into_admin(make_user(username, is_staff=True, is_superuser=is_superuser))


def make_device(*, user: User | None = None, username: str | None = None) -> Device:
    """A device with its user (made if none is given), as registration leaves them."""
    owner = user or make_user(username)
    keys = create_device()
    if not owner.statements.exists():
        recovery = _recovery[owner.pk] = RecoveryKey.from_code(create_recovery_code())
        signed = make_statement(owner.username, keys=keys, recovery=recovery)
        Statement.objects.create(user=owner, version=0, signed=signed)
    device = Device.objects.create(
        id=uuid.UUID(bytes=keys.device_id),
        user=owner,
        signing_key=keys.signing.public.raw,
        exchange_key=keys.agreement.public.raw,
        suite=1,
    )
    _keys[device.pk] = keys
    return device


def keys_of(device: Device) -> DeviceKeys:
    """The private keys of a device that `make_device` made."""
    return _keys[device.pk]


def recovery_key_of(user: User) -> RecoveryKey:
    """The recovery key of a user for whom `make_device` made statement 0."""
    return _recovery[user.pk]


def make_next_statement(
    user: User, change: Change, *signers: DeviceKeys | RecoveryKey, day: int | None = None
) -> bytes:
    """A statement that follows on what the server holds of a user."""
    held = [bytes(each.signed) for each in user.statements.order_by("version")]
    keys = (signer.signing for signer in signers)
    return create_next_statement(verify_chain(held), change, *keys, day=today() if day is None else day)


def make_recovery_proof(user: User, challenge: str, *, by: RecoveryKey | None = None) -> str:
    """What the holder of a user's recovery code answers to a challenge."""
    fingerprint = sha256(bytes(user.statements.get(version=0).signed))
    key = by or recovery_key_of(user)
    return b64_text(key.prove(fingerprint, b64_bytes(challenge)))


def make_login(*, device: Device | None = None, username: str | None = None) -> LoggedIn:
    owner = device or make_device(username=username)
    tokens = start_login(device=owner)
    found = find_login(read_token(tokens.access, TokenKind.ACCESS))
    assert found is not None
    return LoggedIn(owner, found[1], tokens)


def make_client(logged_in: LoggedIn | None = None) -> Client:
    """A test client that enforces CSRF and, with a login, sends its header."""
    return Client(enforce_csrf_checks=True, headers=logged_in.header if logged_in else None)


def make_delivery_token(*, recipient: User) -> bytes:
    """A live delivery token of a user; the server has its hash."""
    token = uuid.uuid4().bytes + uuid.uuid4().bytes
    DeliveryToken.objects.create(digest=digest_of(token), recipient=recipient)
    return token


def make_packed_prekey(device: Device, kind: PrekeyKind, prekey_id: int, *, day: int | None = None) -> bytes:
    private = create_prekey(kind, PrekeyId(prekey_id), day=today() if day is None else day)
    return private.public(keys_of(device)).pack()


def make_prekeys(device: Device, *, one_time: int = 1, first_id: int = 1) -> dict[str, Any]:
    """A body for `PUT prekeys/`: both standing prekeys and `one_time` of each other kind."""
    ids = itertools.count(first_id)

    def text(kind: PrekeyKind) -> str:
        return b64_text(make_packed_prekey(device, kind, next(ids)))

    return {
        "signed_prekey": text(PrekeyKind.SIGNED),
        "last_resort": text(PrekeyKind.LAST_RESORT_KEM),
        "one_time": [text(PrekeyKind.ONE_TIME) for _ in range(one_time)],
        "one_time_kem": [text(PrekeyKind.ONE_TIME_KEM) for _ in range(one_time)],
    }
