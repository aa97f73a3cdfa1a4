"""Who a user is: device keys, the recovery code, and what a chain of statements says.

Spec: docs/spec/identity.md
"""

import os
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, NewType

from .encoding import VERSION, Reader, exactly, u8
from .errors import BadRecoveryCode, Malformed, UnknownDevice, UnsupportedSuite
from .primitives import KEY_BYTES, Ed25519Private, Ed25519Public, Rng, X25519Private, X25519Public, derive

DeviceId = NewType("DeviceId", bytes)
RecoveryCode = NewType("RecoveryCode", str)

ID_BYTES: Final = 16
ENTRY_BYTES: Final = 81
CODE_SIGNS: Final = 26
_CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LOOKALIKES: Final = str.maketrans("OIL", "011", "- ")


class Suite(IntEnum):
    """What a device can agree keys with. Entries of one device only ever rise (towards 1)."""

    HYBRID = 1
    CLASSICAL = 2

    @staticmethod
    def of_both(one: "Suite", other: "Suite") -> "Suite":
        """What two devices agree keys with: the better one, if both have it."""
        return max(one, other)

    @classmethod
    def read(cls, reader: Reader) -> "Suite":
        """Read a suite's number.

        Raises:
            UnsupportedSuite: one that this code does not have.
        """
        number = reader.u8()
        if number not in tuple(cls):
            raise UnsupportedSuite
        return cls(number)


@dataclass(frozen=True, slots=True)
class DeviceEntry:
    """A device as its user's identity names it.

    Layout (ENTRY_BYTES):
        0   16   device id, a UUIDv4
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
        if device_id[6] >> 4 != 4 or device_id[8] >> 6 != 2:
            raise Malformed
        signing, agreement = reader.take(KEY_BYTES), reader.take(KEY_BYTES)
        suite = Suite.read(reader)
        return cls(device_id, Ed25519Public(signing), X25519Public(agreement), suite)


@dataclass(frozen=True, slots=True)
class DeviceKeys:
    """The long-term keys of this device. They are made here and never leave it.

    suite: what its identity says of it; not a part of `pack`.

    Layout of `pack`, for the encrypted local store only:
        0    1   version, 1
        1   16   device id
        17  32   Ed25519 seed
        49  32   X25519 private key
    """

    device_id: DeviceId
    signing: Ed25519Private
    agreement: X25519Private
    suite: Suite = Suite.HYBRID

    @property
    def entry(self) -> DeviceEntry:
        return DeviceEntry(self.device_id, self.signing.public, self.agreement.public, self.suite)

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

    def prove(self, fingerprint: bytes, challenge: bytes) -> bytes:
        """Sign the server's 32-byte recovery challenge for the identity with this fingerprint."""
        return self.signing.sign("recover", exactly(fingerprint, 32) + exactly(challenge, KEY_BYTES))


@dataclass(frozen=True, slots=True)
class Identity:
    """What a verified chain says about a user. Made by `chain.verify_chain`, and nowhere else.

    `fingerprint` is SHA-256 of statement 0 and what contacts pin; `head` is SHA-256 of the last statement,
    `number` its place in the chain and `day` its date. `devices` stand in the order in which they were named.
    """

    user_name: str
    fingerprint: bytes
    devices: tuple[DeviceEntry, ...]
    recovery: Ed25519Public
    head: bytes
    number: int
    day: int
    statements: tuple[bytes, ...]

    def device(self, device_id: DeviceId) -> DeviceEntry:
        """Find a device by id.

        Raises:
            UnknownDevice: the identity does not name it.
        """
        for entry in self.devices:
            if entry.device_id == device_id:
                return entry
        raise UnknownDevice


def safety_number(one: Identity, other: Identity) -> str:
    """Sixty digits in twelve groups that both users read to each other; the same from either side."""
    low, high = sorted((one.fingerprint, other.fingerprint))
    stream = derive(low + high, "safety-number", size=60)
    groups = (int.from_bytes(stream[at : at + 5], "big") % 100_000 for at in range(0, 60, 5))
    return " ".join(f"{group:05}" for group in groups)
