"""Who a user is: device keys, the recovery code and the hash-chained list of signed statements.

Spec: docs/spec/identity.md
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, NewType

from .encoding import VERSION, Reader, exactly, u8, u16, u32
from .errors import (
    BadRecoveryCode,
    BrokenChain,
    Malformed,
    UnknownDevice,
    UnknownStatement,
    UnsupportedSuite,
    WeakKey,
)
from .primitives import (
    KEY_BYTES,
    SIGNATURE_BYTES,
    Ed25519Private,
    Ed25519Public,
    Rng,
    X25519Private,
    X25519Public,
    derive,
    sha256,
)

DeviceId = NewType("DeviceId", bytes)
RecoveryCode = NewType("RecoveryCode", str)

ID_BYTES: Final = 16
ENTRY_BYTES: Final = 81
MAX_NAME_BYTES: Final = 64
CODE_SIGNS: Final = 26
_CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LOOKALIKES: Final = str.maketrans("OIL", "011", "- ")
_FIRST_DEVICE: Final = 0


class Suite(IntEnum):
    """What a device can agree keys with. Entries of one device only ever rise (towards 1)."""

    HYBRID = 1
    CLASSICAL = 2


@dataclass(frozen=True, slots=True)
class DeviceEntry:
    """A device as its user's identity names it.

    Layout (ENTRY_BYTES):
        0   16   device id
        16  32   Ed25519 public key
        48  32   X25519 public key
        80   1   suite
    """

    device_id: DeviceId
    signing: Ed25519Public
    agreement: X25519Public
    suite: Suite = Suite.HYBRID

    def pack(self) -> bytes:
        return self.device_id + self.signing.raw + self.agreement.raw + u8(self.suite)

    @classmethod
    def read(cls, reader: Reader) -> "DeviceEntry":
        device_id = DeviceId(reader.take(ID_BYTES))
        signing, agreement = reader.take(KEY_BYTES), reader.take(KEY_BYTES)
        suite = reader.u8()
        if suite not in tuple(Suite):
            raise UnsupportedSuite
        return cls(device_id, Ed25519Public(signing), X25519Public(agreement), Suite(suite))


@dataclass(frozen=True, slots=True)
class DeviceKeys:
    """The long-term keys of this device. They are made here and never leave it.

    Layout of `pack`, for the encrypted local store only:
        0    1   version, 1
        1   16   device id
        17  32   Ed25519 seed
        49  32   X25519 private key
    """

    device_id: DeviceId
    signing: Ed25519Private
    agreement: X25519Private

    @property
    def entry(self) -> DeviceEntry:
        return DeviceEntry(self.device_id, self.signing.public, self.agreement.public)

    def prove_login(self, challenge: bytes) -> bytes:
        """Sign the server's 32-byte login challenge."""
        return self.signing.sign("login", self.device_id + exactly(challenge, KEY_BYTES))

    def pack(self) -> bytes:
        return u8(VERSION) + self.device_id + self.signing.raw + self.agreement.raw

    @classmethod
    def unpack(cls, raw: bytes) -> "DeviceKeys":
        """Read keys back from the store.

        Raises:
            UnknownVersion, Malformed
        """
        reader = Reader(raw)
        reader.version()
        device_id = DeviceId(reader.take(ID_BYTES))
        signing, agreement = Ed25519Private(reader.take(KEY_BYTES)), X25519Private(reader.take(KEY_BYTES))
        reader.finish()
        return cls(device_id, signing, agreement)


def create_device(rng: Rng = os.urandom) -> DeviceKeys:
    """Make the keys and the id (a UUIDv4) of a new device."""
    device_id = bytearray(rng(ID_BYTES))
    device_id[6] = device_id[6] & 0x0F | 0x40
    device_id[8] = device_id[8] & 0x3F | 0x80
    return DeviceKeys(DeviceId(bytes(device_id)), Ed25519Private.generate(rng), X25519Private.generate(rng))


def create_recovery_code(rng: Rng = os.urandom) -> RecoveryCode:
    """Draw 130 random bits as 26 signs that are easy to read out and type."""
    return RecoveryCode("".join(_CROCKFORD[byte & 31] for byte in rng(CODE_SIGNS)))


def read_recovery_code(typed: str) -> RecoveryCode:
    """Accept a code as people type it: any case, O for 0, I and L for 1, dashes and spaces anywhere.

    Raises:
        BadRecoveryCode: not 26 signs of the alphabet.
    """
    code = typed.upper().translate(_LOOKALIKES)
    if len(code) != CODE_SIGNS or not set(code) <= set(_CROCKFORD):
        raise BadRecoveryCode
    return RecoveryCode(code)


@dataclass(frozen=True, slots=True)
class RecoveryKey:
    """The key behind the recovery code: it signs for an account whose devices are lost."""

    signing: Ed25519Private = field(repr=False)

    @classmethod
    def from_code(cls, code: RecoveryCode) -> "RecoveryKey":
        number = 0
        for sign in read_recovery_code(code):
            number = number << 5 | _CROCKFORD.index(sign)
        return cls(Ed25519Private(derive(number.to_bytes(17, "big"), "recovery-key")))


@dataclass(frozen=True, slots=True)
class Identity:
    """What a verified chain says about a user.

    `fingerprint` is SHA-256 of statement 0 and what contacts pin; `head` is SHA-256 of the last statement and
    `number` its place in the chain.
    """

    user_name: str
    fingerprint: bytes
    devices: tuple[DeviceEntry, ...]
    recovery: Ed25519Public
    head: bytes
    number: int

    def device(self, device_id: DeviceId) -> DeviceEntry:
        """Find a device by id.

        Raises:
            UnknownDevice: the identity does not name it.
        """
        for entry in self.devices:
            if entry.device_id == device_id:
                return entry
        raise UnknownDevice


def create_first_statement(
    user_name: str, device: DeviceKeys, recovery: RecoveryKey, *, day: int, suite: Suite = Suite.HYBRID
) -> bytes:
    """Write and sign statement 0; `user_name` is case-folded, `day` counts from 1970-01-01 UTC.

    Raises:
        Malformed: a name that no reader accepts.
    """
    name = user_name.encode("utf-8")
    _check_name(name)
    entry = DeviceEntry(device.device_id, device.signing.public, device.agreement.public, suite)
    body = b"".join(
        (
            *(u8(VERSION), u8(_FIRST_DEVICE), u32(0), bytes(32), u32(day)),
            *(u8(len(name)), name, entry.pack(), recovery.signing.public.raw),
        )
    )
    return body + device.signing.sign("statement", body) + recovery.signing.sign("statement", body)


def pack_chain(statements: Sequence[bytes]) -> bytes:
    """Write a chain as one string of bytes."""
    return u8(VERSION) + u8(len(statements)) + b"".join(u16(len(each)) + each for each in statements)


def split_chain(chain: bytes) -> list[bytes]:
    """Take a packed chain apart without looking into the statements.

    Raises:
        UnknownVersion, Malformed
    """
    reader = Reader(chain)
    reader.version()
    statements = [reader.take(reader.u16()) for _ in range(reader.u8())]
    reader.finish()
    return statements


def verify_chain(statements: Sequence[bytes]) -> Identity:
    """Read a chain and check every signature and link in it.

    Raises:
        UnknownVersion, UnknownStatement, UnsupportedSuite: needs a newer version.
        Malformed, WeakKey, BadSignature, BrokenChain: not an identity.
    """
    if not statements:
        raise Malformed
    identity = _verify_first(statements[0])
    for number, statement in enumerate(statements[1:], start=1):
        kind = _check_link(Reader(statement), number, identity.head)
        # Only statement 0 has a meaning in this version, and it can not stand here.
        raise BrokenChain if kind == _FIRST_DEVICE else UnknownStatement
    return identity


def _check_link(reader: Reader, number: int, previous: bytes) -> int:
    reader.version()
    kind = reader.u8()
    if reader.u32() != number or reader.take(32) != previous:
        raise BrokenChain
    return kind


def _verify_first(statement: bytes) -> Identity:
    reader = Reader(statement)
    if _check_link(reader, 0, bytes(32)) != _FIRST_DEVICE:
        raise UnknownStatement
    reader.u32()
    name = reader.take(reader.u8())
    entry = DeviceEntry.read(reader)
    recovery = Ed25519Public(reader.take(KEY_BYTES))
    body = reader.taken
    by_device, by_recovery = reader.take(SIGNATURE_BYTES), reader.take(SIGNATURE_BYTES)
    reader.finish()
    _check_name(name)
    if entry.signing == recovery:
        raise WeakKey
    entry.signing.verify("statement", body, by_device)
    recovery.verify("statement", body, by_recovery)
    head = sha256(statement)
    return Identity(name.decode("utf-8"), head, (entry,), recovery, head, 0)


def _check_name(name: bytes) -> None:
    # No Unicode table is consulted, so that all implementations agree; the server folds at registration.
    if not 1 <= len(name) <= MAX_NAME_BYTES or any(byte <= 0x20 or byte == 0x7F for byte in name):
        raise Malformed
    if any(0x41 <= byte <= 0x5A for byte in name):
        raise Malformed
    Reader(name).text(len(name))


def safety_number(one: Identity, other: Identity) -> str:
    """Sixty digits in twelve groups that both users read to each other; the same from either side."""
    low, high = sorted((one.fingerprint, other.fingerprint))
    stream = derive(low + high, "safety-number", size=60)
    groups = (int.from_bytes(stream[at : at + 5], "big") % 100_000 for at in range(0, 60, 5))
    return " ".join(f"{group:05}" for group in groups)
