"""Keys that a device leaves with the server, so that others can begin a session while it is away.

Spec: docs/spec/prekeys.md
"""

import os
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final, NewType

from .encoding import VERSION, Reader, u8, u32
from .errors import Downgrade, Malformed, NotValidNow
from .identity import DeviceEntry, DeviceKeys, Suite
from .primitives import (
    KEM_PUBLIC_BYTES,
    KEY_BYTES,
    SIGNATURE_BYTES,
    KemPrivate,
    KemPublic,
    Rng,
    X25519Private,
    X25519Public,
)

PrekeyId = NewType("PrekeyId", int)

NO_PREKEY: Final = PrekeyId(0)
MAX_PREKEY_ID: Final = 2**32 - 1
MAX_AGE_DAYS: Final = 90
CLOCK_SKEW_DAYS: Final = 1


class PrekeyKind(IntEnum):
    """What a prekey is for."""

    SIGNED = 1
    LAST_RESORT_KEM = 2
    ONE_TIME_KEM = 3
    ONE_TIME = 4


_KEM_KINDS: Final = (PrekeyKind.LAST_RESORT_KEM, PrekeyKind.ONE_TIME_KEM)
_SIGNED_KINDS: Final = (PrekeyKind.SIGNED, *_KEM_KINDS)


@dataclass(frozen=True, slots=True)
class Prekey:
    """The public half of a prekey, as it is uploaded and handed out.

    Layout:
        0      1   version, 1
        1      1   kind
        2      4   prekey id, 1 to MAX_PREKEY_ID
        6      4   day of creation; absent in a one-time X25519 prekey
        6/10   …   public key: 32 bytes X25519, 1184 bytes ML-KEM-768
        …     64   signature of the device; absent in a one-time X25519 prekey
    """

    kind: PrekeyKind
    prekey_id: PrekeyId
    day: int
    key: X25519Public | KemPublic
    signature: bytes

    def pack(self) -> bytes:
        return self._signed_part + self.signature

    @property
    def _signed_part(self) -> bytes:
        day = u32(self.day) if self.kind in _SIGNED_KINDS else b""
        return u8(VERSION) + u8(self.kind) + u32(self.prekey_id) + day + self.key.raw

    @classmethod
    def unpack(cls, raw: bytes) -> "Prekey":
        """Parse one public prekey; its signature is not looked at.

        Raises:
            UnknownVersion, Malformed, WeakKey
        """
        reader = Reader(raw)
        reader.version()
        kind, prekey_id = _read_head(reader)
        signed = kind in _SIGNED_KINDS
        day = reader.u32() if signed else 0
        key = reader.take(KEM_PUBLIC_BYTES if kind in _KEM_KINDS else KEY_BYTES)
        signature = reader.take(SIGNATURE_BYTES if signed else 0)
        reader.finish()
        public = KemPublic(key) if kind in _KEM_KINDS else X25519Public(key)
        return cls(kind, prekey_id, day, public, signature)

    def verify(self, entry: DeviceEntry, *, today: int) -> None:
        """Check that the device made this key, and not too long ago.

        Raises:
            BadSignature: by another device, or changed.
            NotValidNow: older than MAX_AGE_DAYS, or from a day to come.
        """
        entry.signing.verify("prekey", entry.device_id + self._signed_part, self.signature)
        if not -CLOCK_SKEW_DAYS <= today - self.day <= MAX_AGE_DAYS:
            raise NotValidNow


def _read_head(reader: Reader) -> tuple[PrekeyKind, PrekeyId]:
    kind, prekey_id = reader.u8(), PrekeyId(reader.u32())
    if kind not in tuple(PrekeyKind) or prekey_id == NO_PREKEY:
        raise Malformed
    return PrekeyKind(kind), prekey_id


@dataclass(frozen=True, slots=True)
class PrivatePrekey:
    """The private half of a prekey, for the encrypted local store only.

    Layout:
        0    1   version, 1
        1    1   kind
        2    4   prekey id
        6    4   day of creation
        10   …   32 bytes X25519 private key, or 64 bytes ML-KEM-768 seed
    """

    kind: PrekeyKind
    prekey_id: PrekeyId
    day: int
    key: X25519Private | KemPrivate

    def pack(self) -> bytes:
        return u8(VERSION) + u8(self.kind) + u32(self.prekey_id) + u32(self.day) + self.key.raw

    @classmethod
    def unpack(cls, raw: bytes) -> "PrivatePrekey":
        """Read a private prekey back from the store.

        Raises:
            UnknownVersion, Malformed
        """
        reader = Reader(raw)
        reader.version()
        kind, prekey_id = _read_head(reader)
        day = reader.u32()
        key = reader.rest()
        return cls(kind, prekey_id, day, KemPrivate(key) if kind in _KEM_KINDS else X25519Private(key))

    def public(self, device: DeviceKeys) -> Prekey:
        """Make the public half; signed, unless it is a one-time X25519 prekey."""
        signed = self.kind in _SIGNED_KINDS
        bare = Prekey(self.kind, self.prekey_id, self.day if signed else 0, self.key.public, b"")
        if not signed:
            return bare
        signature = device.signing.sign("prekey", device.device_id + bare.pack())
        return Prekey(bare.kind, bare.prekey_id, bare.day, bare.key, signature)


def create_prekey(kind: PrekeyKind, prekey_id: PrekeyId, *, day: int, rng: Rng = os.urandom) -> PrivatePrekey:
    """Make one prekey; ids of a device rise by random steps and are never used again.

    Raises:
        Malformed: an id out of range.
    """
    if not 1 <= prekey_id <= MAX_PREKEY_ID:
        raise Malformed
    key = KemPrivate.generate(rng) if kind in _KEM_KINDS else X25519Private.generate(rng)
    return PrivatePrekey(kind, prekey_id, day, key)


@dataclass(frozen=True, slots=True)
class KemPrekey:
    """A verified ML-KEM key of a bundle."""

    kind: PrekeyKind
    prekey_id: PrekeyId
    key: KemPublic


@dataclass(frozen=True, slots=True)
class Bundle:
    """The verified prekeys of one device, good for beginning one session; made by `verify_bundle` only.

    kem: None for a device of suite 2, and for none else.
    """

    device: DeviceEntry
    signed_id: PrekeyId
    signed_key: X25519Public
    kem: KemPrekey | None
    one_time_id: PrekeyId = NO_PREKEY
    one_time_key: X25519Public | None = None


def verify_bundle(
    device: DeviceEntry, signed: bytes, kem: bytes | None, one_time: bytes | None, *, today: int
) -> Bundle:
    """Check what the server handed out for a device of a verified identity.

    Raises:
        Downgrade: no ML-KEM key, although the device's signed entry offers one.
        BadSignature, NotValidNow, Malformed, UnknownVersion, WeakKey
    """
    signed_key = Prekey.unpack(signed)
    if signed_key.kind != PrekeyKind.SIGNED or not isinstance(signed_key.key, X25519Public):
        raise Malformed
    signed_key.verify(device, today=today)
    verified_kem = _verified_kem(device, kem, today=today)
    bundle = Bundle(device, signed_key.prekey_id, signed_key.key, verified_kem)
    return bundle if one_time is None else _with_one_time(bundle, Prekey.unpack(one_time))


def _verified_kem(device: DeviceEntry, kem: bytes | None, *, today: int) -> KemPrekey | None:
    if device.suite is Suite.CLASSICAL:
        # Its keys may be there already while its identity is about to rise.
        return None
    if kem is None:
        raise Downgrade
    prekey = Prekey.unpack(kem)
    if not isinstance(prekey.key, KemPublic):
        raise Malformed
    prekey.verify(device, today=today)
    return KemPrekey(prekey.kind, prekey.prekey_id, prekey.key)


def _with_one_time(bundle: Bundle, one_time: Prekey) -> Bundle:
    if one_time.kind != PrekeyKind.ONE_TIME or not isinstance(one_time.key, X25519Public):
        raise Malformed
    return replace(bundle, one_time_id=one_time.prekey_id, one_time_key=one_time.key)
