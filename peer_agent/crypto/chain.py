"""The chain of an identity: reads all statements of a user in order, and judges one chain beside another.

Spec: docs/spec/identity.md
"""

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from functools import lru_cache
from itertools import takewhile
from typing import Final

from .encoding import VERSION, Reader, u8, u16
from .errors import BrokenChain, Downgrade, Malformed, UnknownDevice, WeakKey
from .identity import DeviceEntry, DeviceId, Identity
from .primitives import Ed25519Public, sha256
from .statements import (
    BY_RECOVERY,
    HASH_BYTES,
    AddDevice,
    Change,
    FirstDevice,
    NewRecoveryKey,
    RaiseSuite,
    Recover,
    RemoveDevice,
    Statement,
    is_by_recovery,
)

MAX_STATEMENTS: Final = 64
MAX_DEVICES: Final = 8


class Verdict(StrEnum):
    """What a chain is beside the one that is pinned."""

    SAME = "same"
    EXTENDED = "extended"
    RECOVERED = "recovered"
    ROLLED_BACK = "rolled-back"
    CHANGED = "changed"


# The chain may be pinned in place of the other.
GOOD: Final = frozenset({Verdict.SAME, Verdict.EXTENDED, Verdict.RECOVERED})


def judge(pinned: Identity, shown: Identity) -> Verdict:
    """Say whether a chain is the pinned one, goes on from it, overrules it, or is none of these."""
    common = sum(1 for _ in takewhile(_are_equal, zip(pinned.statements, shown.statements, strict=False)))
    ours, theirs = pinned.statements[common:], shown.statements[common:]
    if not ours:
        return Verdict.EXTENDED if theirs else Verdict.SAME
    if not theirs:
        return Verdict.ROLLED_BACK
    if _overrules(theirs, ours):
        return Verdict.RECOVERED
    return Verdict.ROLLED_BACK if _overrules(ours, theirs) else Verdict.CHANGED


def _are_equal(pair: tuple[bytes, bytes]) -> bool:
    return pair[0] == pair[1]


def _overrules(one: Sequence[bytes], other: Sequence[bytes]) -> bool:
    return is_by_recovery(one[0]) and not any(is_by_recovery(each) for each in other)


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
    count = reader.u8()
    if not 1 <= count <= MAX_STATEMENTS:
        raise Malformed
    statements = [reader.take(reader.u16()) for _ in range(count)]
    reader.finish()
    return statements


def verify_chain(statements: Sequence[bytes]) -> Identity:
    """Read a chain and check every signature and link in it.

    Raises:
        UnknownVersion, UnknownStatement, UnsupportedSuite: needs a newer version.
        Malformed, WeakKey, BadSignature, BrokenChain, UnknownDevice, Downgrade: not an identity.
    """
    if not 1 <= len(statements) <= MAX_STATEMENTS:
        raise Malformed
    so_far = _SoFar()
    previous = bytes(HASH_BYTES)
    for number, raw in enumerate(statements):
        so_far.follow(Statement.read(raw, number=number, previous=previous))
        previous = sha256(raw)
    return Identity(
        user_name=so_far.user_name,
        fingerprint=sha256(statements[0]),
        devices=tuple(so_far.devices.values()),
        recovery=so_far.recovery,
        head=previous,
        number=len(statements) - 1,
        day=so_far.day,
        statements=tuple(statements),
    )


@lru_cache(maxsize=512)
def read_chain(chain: bytes) -> Identity:
    """Verify a packed chain; one that is read again and again, as those of contacts are, costs once.

    Raises:
        CryptoError: as `split_chain` and `verify_chain`.
    """
    return verify_chain(split_chain(chain))


class _SoFar:
    """What a chain says up to some place."""

    user_name: str
    recovery: Ed25519Public

    def __init__(self) -> None:
        self.day = 0
        self.devices: dict[DeviceId, DeviceEntry] = {}
        # Also of devices that were removed, and of recovery keys that were replaced.
        self._named: set[bytes] = set()

    def follow(self, statement: Statement) -> None:
        """Take in the next statement, if its signers may say what it says."""
        if statement.day < self.day:
            raise BrokenChain
        self.day = statement.day
        signers = self._apply(statement.change)
        for signer, signature in zip(signers, statement.signatures, strict=True):
            signer.verify("statement", statement.body, signature)

    def _apply(self, change: Change) -> tuple[Ed25519Public, ...]:
        """Change what the chain says; returns whose signatures that needs, in order."""
        match change:
            case FirstDevice():
                return self._begin(change)
            case AddDevice():
                return self._device(change.signer).signing, self._add(change.device)
            case RemoveDevice():
                return (self._remove(change),)
            case RaiseSuite():
                return (self._raise_suite(change),)
            case NewRecoveryKey():
                return self._replace_recovery_key(change.recovery)
            case Recover():
                self.devices.clear()
                return self.recovery, self._add(change.device)

    def _begin(self, change: FirstDevice) -> tuple[Ed25519Public, ...]:
        self.user_name, self.recovery = change.user_name, change.recovery
        signing = self._add(change.device)
        self._name(change.recovery.raw)
        return signing, change.recovery

    def _add(self, device: DeviceEntry) -> Ed25519Public:
        if len(self.devices) == MAX_DEVICES or device.device_id in self._named:
            raise BrokenChain
        self._named.add(device.device_id)
        self._name(device.signing.raw)
        self._name(device.agreement.raw)
        self.devices[device.device_id] = device
        return device.signing

    def _remove(self, change: RemoveDevice) -> Ed25519Public:
        by_recovery = change.signer == BY_RECOVERY
        signing = self.recovery if by_recovery else self._device(change.signer).signing
        self._device(change.device_id)
        if len(self.devices) == 1:
            raise BrokenChain
        del self.devices[change.device_id]
        return signing

    def _raise_suite(self, change: RaiseSuite) -> Ed25519Public:
        device = self._device(change.signer)
        if change.suite >= device.suite:
            raise Downgrade
        self.devices[device.device_id] = replace(device, suite=change.suite)
        return device.signing

    def _replace_recovery_key(self, recovery: Ed25519Public) -> tuple[Ed25519Public, ...]:
        self._name(recovery.raw)
        before, self.recovery = self.recovery, recovery
        return before, recovery

    def _device(self, device_id: DeviceId) -> DeviceEntry:
        if device_id not in self.devices:
            raise UnknownDevice
        return self.devices[device_id]

    def _name(self, key: bytes) -> None:
        if key in self._named:
            raise WeakKey
        self._named.add(key)
