"""A user's chain of statements as the server reads it: who may say what, and what overrules what.

Spec: docs/spec/identity.md
"""

import hashlib
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum, StrEnum

from accounts.layouts import Reader, Refused
from accounts.statements import (
    KEY_BYTES,
    SIGNATURE_BYTES,
    check_exchange_key,
    check_signing_key,
    verify_signature,
)

HASH_BYTES = 32
ID_BYTES = 16
MAX_STATEMENTS = 64
MAX_DEVICES = 8
MAX_NAME_BYTES = 64
SUITES = (1, 2)
# In the place of a device id: the recovery key signs.
BY_RECOVERY = bytes(ID_BYTES)
SIGNER = slice(42, 42 + ID_BYTES)


class Kind(IntEnum):
    """Kinds of statements, numbered as in the spec."""

    FIRST_DEVICE = 0
    ADD_DEVICE = 1
    REMOVE_DEVICE = 2
    RAISE_SUITE = 3
    NEW_RECOVERY_KEY = 4
    RECOVER = 5


class Verdict(StrEnum):
    """What a chain is beside the one that is held."""

    SAME = "same"
    EXTENDED = "extended"
    RECOVERED = "recovered"
    ROLLED_BACK = "rolled-back"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class DeviceEntry:
    """A device as a chain names it."""

    device_id: uuid.UUID
    signing_key: bytes
    exchange_key: bytes
    suite: int


@dataclass(slots=True)
class Identity:
    """What a chain says, from `verify_chain`. `named` holds every id and key that it ever named."""

    username: str = ""
    recovery_key: bytes = b""
    devices: dict[bytes, DeviceEntry] = field(default_factory=dict)
    statements: list[bytes] = field(default_factory=list)
    day: int = 0
    named: set[bytes] = field(default_factory=set)

    @property
    def fingerprint(self) -> bytes:
        return _digest(self.statements[0])

    @property
    def number(self) -> int:
        """The place of the last statement."""
        return len(self.statements) - 1

    @property
    def kind(self) -> Kind:
        """The kind of the last statement."""
        return Kind(self.statements[-1][1])

    @property
    def head(self) -> bytes:
        """What the next statement has to name; zeros before the first."""
        return _digest(self.statements[-1]) if self.statements else bytes(HASH_BYTES)


def _digest(statement: bytes) -> bytes:
    return hashlib.sha256(statement).digest()


# Changes what an identity says, and returns whose signatures that needs, in order.
Rule = Callable[[Identity], tuple[bytes, ...]]


def verify_chain(statements: Sequence[bytes]) -> Identity:
    """Read a chain and check every signature and link in it.

    Raises:
        Refused: with the error name of the spec page.
    """
    if not 1 <= len(statements) <= MAX_STATEMENTS:
        raise Refused("malformed")
    identity = Identity()
    for signed in statements:
        _follow(identity, signed)
        identity.statements.append(signed)
    return identity


def judge(held: Identity, shown: Identity) -> Verdict:
    """Say whether a chain is the one that is held, goes on from it, overrules it, or is none of these."""
    pairs = zip(held.statements, shown.statements, strict=False)
    common = next((at for at, (one, other) in enumerate(pairs) if one != other), None)
    if common is None:
        surplus = len(shown.statements) - len(held.statements)
        if surplus == 0:
            return Verdict.SAME
        return Verdict.EXTENDED if surplus > 0 else Verdict.ROLLED_BACK
    ours, theirs = held.statements[common:], shown.statements[common:]
    if _overrules(theirs, ours):
        return Verdict.RECOVERED
    return Verdict.ROLLED_BACK if _overrules(ours, theirs) else Verdict.CHANGED


def read_place(signed: bytes) -> tuple[int, bytes]:
    """Read where a statement wants to stand: its number, and the hash of the one before.

    Raises:
        Refused: malformed, or it needs a newer version.
    """
    reader = Reader(signed)
    reader.version()
    reader.number(1)
    return reader.number(4), reader.take(HASH_BYTES)


def _overrules(one: Sequence[bytes], other: Sequence[bytes]) -> bool:
    # Statement 0 never does: there the length of a name comes first, and is not 0.
    return one[0][SIGNER] == BY_RECOVERY and all(each[SIGNER] != BY_RECOVERY for each in other)


def _follow(identity: Identity, signed: bytes) -> None:
    reader = Reader(signed)
    kind, day = _read_head(reader, len(identity.statements), identity.head)
    read, signers = LAYOUTS[kind]
    rule = read(reader)
    body = reader.taken
    signatures = [reader.take(SIGNATURE_BYTES) for _ in range(signers)]
    reader.finish()
    if day < identity.day:
        raise Refused("broken-chain")
    identity.day = day
    for key, signature in zip(rule(identity), signatures, strict=True):
        verify_signature(key, "statement", body, signature)


def _read_head(reader: Reader, number: int, previous: bytes) -> tuple[Kind, int]:
    reader.version()
    kind = reader.number(1)
    if reader.number(4) != number or reader.take(HASH_BYTES) != previous:
        raise Refused("broken-chain")
    if kind not in tuple(Kind):
        raise Refused("unknown-statement")
    if (kind == Kind.FIRST_DEVICE) != (number == 0):
        raise Refused("broken-chain")
    return Kind(kind), reader.number(4)


def _read_first_device(reader: Reader) -> Rule:
    username = _read_name(reader)
    entry, recovery_key = _read_entry(reader), check_signing_key(reader.take(KEY_BYTES))

    def apply(identity: Identity) -> tuple[bytes, ...]:
        identity.username, identity.recovery_key = username, recovery_key
        signing_key = _add(identity, entry)
        _name(identity, recovery_key)
        return signing_key, recovery_key

    return apply


def _read_add_device(reader: Reader) -> Rule:
    signer, entry = reader.take(ID_BYTES), _read_entry(reader)
    return lambda identity: (_find(identity, signer).signing_key, _add(identity, entry))


def _read_remove_device(reader: Reader) -> Rule:
    signer, removed = reader.take(ID_BYTES), reader.take(ID_BYTES)

    def apply(identity: Identity) -> tuple[bytes, ...]:
        by_recovery = signer == BY_RECOVERY
        key = identity.recovery_key if by_recovery else _find(identity, signer).signing_key
        _find(identity, removed)
        if len(identity.devices) == 1:
            raise Refused("broken-chain")
        del identity.devices[removed]
        return (key,)

    return apply


def _read_raise_suite(reader: Reader) -> Rule:
    signer, suite = reader.take(ID_BYTES), _read_suite(reader)

    def apply(identity: Identity) -> tuple[bytes, ...]:
        entry = _find(identity, signer)
        if suite >= entry.suite:
            raise Refused("downgrade")
        identity.devices[signer] = replace(entry, suite=suite)
        return (entry.signing_key,)

    return apply


def _read_new_recovery_key(reader: Reader) -> Rule:
    _read_zeros(reader)
    recovery_key = check_signing_key(reader.take(KEY_BYTES))

    def apply(identity: Identity) -> tuple[bytes, ...]:
        _name(identity, recovery_key)
        before, identity.recovery_key = identity.recovery_key, recovery_key
        return before, recovery_key

    return apply


def _read_recover(reader: Reader) -> Rule:
    _read_zeros(reader)
    entry = _read_entry(reader)

    def apply(identity: Identity) -> tuple[bytes, ...]:
        identity.devices.clear()
        return identity.recovery_key, _add(identity, entry)

    return apply


# How the rest of each kind is read, and how many signatures follow it.
LAYOUTS: dict[Kind, tuple[Callable[[Reader], Rule], int]] = {
    Kind.FIRST_DEVICE: (_read_first_device, 2),
    Kind.ADD_DEVICE: (_read_add_device, 2),
    Kind.REMOVE_DEVICE: (_read_remove_device, 1),
    Kind.RAISE_SUITE: (_read_raise_suite, 1),
    Kind.NEW_RECOVERY_KEY: (_read_new_recovery_key, 2),
    Kind.RECOVER: (_read_recover, 2),
}


def _read_entry(reader: Reader) -> DeviceEntry:
    device_id = uuid.UUID(bytes=reader.take(ID_BYTES))
    # Device ids travel as UUIDv4 text; another number in those bits could never be written by anybody.
    if device_id.version != 4:
        raise Refused("malformed")
    signing_key, exchange_key = reader.take(KEY_BYTES), reader.take(KEY_BYTES)
    suite = _read_suite(reader)
    return DeviceEntry(device_id, check_signing_key(signing_key), check_exchange_key(exchange_key), suite)


def _read_suite(reader: Reader) -> int:
    suite = reader.number(1)
    if suite not in SUITES:
        raise Refused("unsupported-suite")
    return suite


def _read_zeros(reader: Reader) -> None:
    if reader.take(ID_BYTES) != BY_RECOVERY:
        raise Refused("malformed")


def _read_name(reader: Reader) -> str:
    # Byte rules only: no two implementations can disagree about them. Registration compares the folded name.
    name = reader.take(reader.number(1))
    forbidden = any(byte <= 0x20 or 0x41 <= byte <= 0x5A or byte == 0x7F for byte in name)
    if forbidden or not 1 <= len(name) <= MAX_NAME_BYTES:
        raise Refused("malformed")
    try:
        return name.decode()
    except UnicodeDecodeError:
        raise Refused("malformed") from None


def _find(identity: Identity, device_id: bytes) -> DeviceEntry:
    if device_id not in identity.devices:
        raise Refused("unknown-device")
    return identity.devices[device_id]


def _add(identity: Identity, entry: DeviceEntry) -> bytes:
    device_id = entry.device_id.bytes
    if len(identity.devices) == MAX_DEVICES or device_id in identity.named:
        raise Refused("broken-chain")
    identity.named.add(device_id)
    _name(identity, entry.signing_key)
    _name(identity, entry.exchange_key)
    identity.devices[device_id] = entry
    return entry.signing_key


def _name(identity: Identity, key: bytes) -> None:
    if key in identity.named:
        raise Refused("weak-key")
    identity.named.add(key)
