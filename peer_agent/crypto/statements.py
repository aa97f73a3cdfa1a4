"""Signed changes of an identity, one by one: their layouts, and how they are written.

Whether a statement may stand where it stands is for `chain` to say.

Spec: docs/spec/identity.md, section "Layout"
"""

from dataclasses import dataclass
from typing import ClassVar, Final, get_args

from .encoding import VERSION, Reader, u8, u32
from .errors import BrokenChain, Malformed, UnknownStatement
from .identity import ID_BYTES, DeviceEntry, DeviceId, DeviceKeys, Identity, RecoveryKey, Suite
from .primitives import KEY_BYTES, SIGNATURE_BYTES, Ed25519Private, Ed25519Public

HASH_BYTES: Final = 32
MAX_NAME_BYTES: Final = 64
# In the place of a device id: the recovery key signs.
BY_RECOVERY: Final = DeviceId(bytes(ID_BYTES))
_SIGNER_AT: Final = 42


@dataclass(frozen=True, slots=True)
class FirstDevice:
    """Kind 0: a user name, the first device and the recovery key."""

    KIND: ClassVar[int] = 0
    SIGNATURES: ClassVar[int] = 2
    user_name: str
    device: DeviceEntry
    recovery: Ed25519Public

    def pack(self) -> bytes:
        name = self.user_name.encode()
        return u8(len(name)) + name + self.device.pack() + self.recovery.raw

    @classmethod
    def read(cls, reader: Reader) -> "FirstDevice":
        name = _checked_name(reader.take(reader.u8()))
        return cls(name, DeviceEntry.read(reader), Ed25519Public(reader.take(KEY_BYTES)))


@dataclass(frozen=True, slots=True)
class AddDevice:
    """Kind 1: one more device, named by another."""

    KIND: ClassVar[int] = 1
    SIGNATURES: ClassVar[int] = 2
    signer: DeviceId
    device: DeviceEntry

    def pack(self) -> bytes:
        return self.signer + self.device.pack()

    @classmethod
    def read(cls, reader: Reader) -> "AddDevice":
        return cls(_read_id(reader), DeviceEntry.read(reader))


@dataclass(frozen=True, slots=True)
class RemoveDevice:
    """Kind 2: a device less."""

    KIND: ClassVar[int] = 2
    SIGNATURES: ClassVar[int] = 1
    signer: DeviceId
    device_id: DeviceId

    def pack(self) -> bytes:
        return self.signer + self.device_id

    @classmethod
    def read(cls, reader: Reader) -> "RemoveDevice":
        return cls(_read_id(reader), _read_id(reader))


@dataclass(frozen=True, slots=True)
class RaiseSuite:
    """Kind 3: the signing device can agree keys in a better way from here on."""

    KIND: ClassVar[int] = 3
    SIGNATURES: ClassVar[int] = 1
    signer: DeviceId
    suite: Suite

    def pack(self) -> bytes:
        return self.signer + u8(self.suite)

    @classmethod
    def read(cls, reader: Reader) -> "RaiseSuite":
        return cls(_read_id(reader), Suite.read(reader))


@dataclass(frozen=True, slots=True)
class NewRecoveryKey:
    """Kind 4: another recovery code, confirmed by the one before."""

    KIND: ClassVar[int] = 4
    SIGNATURES: ClassVar[int] = 2
    recovery: Ed25519Public

    def pack(self) -> bytes:
        return BY_RECOVERY + self.recovery.raw

    @classmethod
    def read(cls, reader: Reader) -> "NewRecoveryKey":
        reader.zeros(ID_BYTES)
        return cls(Ed25519Public(reader.take(KEY_BYTES)))


@dataclass(frozen=True, slots=True)
class Recover:
    """Kind 5: all devices are lost, and this is the new one."""

    KIND: ClassVar[int] = 5
    SIGNATURES: ClassVar[int] = 2
    device: DeviceEntry

    def pack(self) -> bytes:
        return BY_RECOVERY + self.device.pack()

    @classmethod
    def read(cls, reader: Reader) -> "Recover":
        reader.zeros(ID_BYTES)
        return cls(DeviceEntry.read(reader))


Change = FirstDevice | AddDevice | RemoveDevice | RaiseSuite | NewRecoveryKey | Recover
KINDS: Final[dict[int, type[Change]]] = {kind.KIND: kind for kind in get_args(Change)}


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement with its signatures, which nobody has looked at yet.

    Layout:
        0    1   version, 1
        1    1   kind
        2    4   number
        6   32   SHA-256 of the statement before, zeros in statement 0
        38   4   day
        42   …   what the kind says, then its signatures of 64 bytes
    """

    number: int
    previous: bytes
    day: int
    change: Change
    signatures: tuple[bytes, ...] = ()

    @property
    def body(self) -> bytes:
        """What the signatures cover."""
        head = u8(VERSION) + u8(self.change.KIND) + u32(self.number) + self.previous + u32(self.day)
        return head + self.change.pack()

    def pack(self) -> bytes:
        return self.body + b"".join(self.signatures)

    @classmethod
    def read(cls, raw: bytes, *, number: int, previous: bytes) -> "Statement":
        """Take apart the statement that stands at a place of a chain.

        Raises:
            BrokenChain: it belongs at another place, or after another statement.
            UnknownVersion, UnknownStatement, UnsupportedSuite: needs a newer version.
            Malformed, WeakKey
        """
        reader = Reader(raw)
        reader.version()
        kind = reader.u8()
        if reader.u32() != number or reader.take(HASH_BYTES) != previous:
            raise BrokenChain
        if kind not in KINDS:
            raise UnknownStatement
        if (kind == FirstDevice.KIND) != (number == 0):
            raise BrokenChain
        day = reader.u32()
        change = KINDS[kind].read(reader)
        signatures = tuple(reader.take(SIGNATURE_BYTES) for _ in range(change.SIGNATURES))
        reader.finish()
        return cls(number, previous, day, change, signatures)


def is_by_recovery(statement: bytes) -> bool:
    """Tell whether the recovery key signed a verified statement in the place of a device."""
    # False for statement 0, which both sign: there the length of a name comes first, and is not 0.
    return statement[_SIGNER_AT : _SIGNER_AT + ID_BYTES] == BY_RECOVERY


def create_first_statement(user_name: str, device: DeviceKeys, recovery: RecoveryKey, *, day: int) -> bytes:
    """Write and sign statement 0; `user_name` is case-folded, `day` counts from 1970-01-01 UTC.

    Raises:
        Malformed: a name that no reader accepts.
    """
    _checked_name(user_name.encode())
    change = FirstDevice(user_name, device.entry, recovery.signing.public)
    first = Statement(0, bytes(HASH_BYTES), day, change)
    return _signed(first, device.signing, recovery.signing)


def create_next_statement(before: Identity, change: Change, *signers: Ed25519Private, day: int) -> bytes:
    """Write and sign a statement that follows on a chain; the signers stand in the order of the layout."""
    following = Statement(before.number + 1, before.head, max(day, before.day), change)
    return _signed(following, *signers)


def _signed(statement: Statement, *signers: Ed25519Private) -> bytes:
    return statement.body + b"".join(signer.sign("statement", statement.body) for signer in signers)


def _read_id(reader: Reader) -> DeviceId:
    return DeviceId(reader.take(ID_BYTES))


def _checked_name(name: bytes) -> str:
    # No Unicode table is consulted, so that all implementations agree; the server folds at registration.
    if not 1 <= len(name) <= MAX_NAME_BYTES or any(byte <= 0x20 or byte == 0x7F for byte in name):
        raise Malformed
    if any(0x41 <= byte <= 0x5A for byte in name):
        raise Malformed
    return Reader(name).text(len(name))
