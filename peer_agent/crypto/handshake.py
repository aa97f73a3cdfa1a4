"""PQXDH: agree on a session with a device that may be away, from its prekeys alone.

Spec: docs/spec/handshake.md
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from .encoding import VERSION, Reader, label, u8, u32
from .errors import Downgrade, Malformed, UnknownPrekey, UnsupportedSuite
from .identity import ENTRY_BYTES, DeviceEntry, DeviceKeys, Suite
from .prekeys import NO_PREKEY, Bundle, KemPrekey, PrekeyId, PrekeyKind, PrivatePrekey
from .primitives import (
    KEM_CIPHERTEXT_BYTES,
    KEY_BYTES,
    KemPrivate,
    KemPublic,
    Rng,
    X25519Private,
    X25519Public,
    derive,
    sha256,
)
from .ratchet import SESSION_ID_BYTES, ChainKey, Ratchet, SessionId

_KEM_PART_BYTES: Final = 5 + KEM_CIPHERTEXT_BYTES
HEADER_BYTES: Final = 42 + ENTRY_BYTES + _KEM_PART_BYTES

Encapsulate = Callable[[KemPublic], tuple[bytes, bytes]]
FindPrekey = Callable[[PrekeyKind, PrekeyId], PrivatePrekey | None]


@dataclass(frozen=True, slots=True)
class KemPart:
    """What suite 1 has and suite 2 has not.

    Layout:
        0     1   kind of the ML-KEM key
        1     4   id of the ML-KEM key
        5  1088   ML-KEM ciphertext
    """

    kind: PrekeyKind
    prekey_id: PrekeyId
    ciphertext: bytes = field(repr=False)

    def pack(self) -> bytes:
        return u8(self.kind) + u32(self.prekey_id) + self.ciphertext

    @classmethod
    def read(cls, reader: Reader) -> "KemPart":
        kind, prekey_id = reader.u8(), PrekeyId(reader.u32())
        if kind not in (PrekeyKind.LAST_RESORT_KEM, PrekeyKind.ONE_TIME_KEM) or prekey_id == NO_PREKEY:
            raise Malformed
        return cls(PrekeyKind(kind), prekey_id, reader.take(KEM_CIPHERTEXT_BYTES))


@dataclass(frozen=True, slots=True)
class InitialHeader:
    """What the responder needs to come to the same keys.

    Layout (HEADER_BYTES):
        0       1   version, 1
        1       1   suite
        2      81   device entry of the initiator
        83     32   ephemeral X25519 public key
        115     4   id of the signed prekey
        119     4   id of the one-time X25519 prekey, 0 if none
        123  1093   ML-KEM part; zeros in suite 2
    """

    initiator: DeviceEntry
    ephemeral: X25519Public
    signed_id: PrekeyId
    one_time_id: PrekeyId
    kem: KemPart | None

    @property
    def suite(self) -> Suite:
        return Suite.CLASSICAL if self.kem is None else Suite.HYBRID

    @property
    def is_replayable(self) -> bool:
        """Whether no one-time prekey keeps the responder from taking it up twice."""
        if self.kem is not None:
            return self.kem.kind is PrekeyKind.LAST_RESORT_KEM
        return self.one_time_id == NO_PREKEY

    def pack(self) -> bytes:
        start = u8(VERSION) + u8(self.suite) + self.initiator.pack() + self.ephemeral.raw
        kem = bytes(_KEM_PART_BYTES) if self.kem is None else self.kem.pack()
        return start + u32(self.signed_id) + u32(self.one_time_id) + kem

    @classmethod
    def unpack(cls, raw: bytes) -> "InitialHeader":
        """Parse a header; whether its suite is acceptable is for `respond` to say.

        Raises:
            UnknownVersion, UnsupportedSuite, Malformed, WeakKey
        """
        reader = Reader(raw)
        reader.version()
        suite = Suite.read(reader)
        initiator, ephemeral = DeviceEntry.read(reader), X25519Public(reader.take(KEY_BYTES))
        signed_id, one_time_id = PrekeyId(reader.u32()), PrekeyId(reader.u32())
        kem = None
        if suite is Suite.HYBRID:
            kem = KemPart.read(reader)
        elif any(reader.take(_KEM_PART_BYTES)):
            raise Malformed
        reader.finish()
        if signed_id == NO_PREKEY:
            raise Malformed
        return cls(initiator, ephemeral, signed_id, one_time_id, kem)


@dataclass(frozen=True, slots=True)
class _Agreement:
    """Everything both sides mix: what is said openly, and the secrets in the order of the spec."""

    header: InitialHeader
    session_id: SessionId
    responder: DeviceEntry
    signed: X25519Public
    one_time: X25519Public | None
    kem: KemPublic | None
    secrets: tuple[bytes, ...] = field(repr=False)

    @property
    def transcript(self) -> bytes:
        one_time = self.one_time.raw if self.one_time else bytes(KEY_BYTES)
        kem = sha256(self.kem.raw) if self.kem else bytes(KEY_BYTES)
        keys = self.signed.raw + one_time + kem
        return sha256(label("transcript"), self.header.pack(), self.session_id, self.responder.pack(), keys)

    @property
    def secret(self) -> ChainKey:
        mixed = b"\xff" * KEY_BYTES + b"".join(self.secrets)
        return ChainKey(derive(mixed, "handshake", self.transcript))


def initiate(
    own: DeviceKeys,
    bundle: Bundle,
    *,
    rng: Rng = os.urandom,
    encapsulate: Encapsulate = KemPublic.encapsulate,
) -> tuple[Ratchet, InitialHeader]:
    """Begin a session with the device of a verified bundle.

    Raises:
        WeakKey: a key that contributes nothing.
    """
    session_id, ephemeral = SessionId(rng(SESSION_ID_BYTES)), X25519Private.generate(rng)
    kem_key = bundle.kem if own.suite is Suite.HYBRID else None
    kem, shared = (None, b"") if kem_key is None else _encapsulated(kem_key, encapsulate)
    header = InitialHeader(own.entry, ephemeral.public, bundle.signed_id, bundle.one_time_id, kem)
    exchanged = [
        own.agreement.exchange(bundle.signed_key),
        ephemeral.exchange(bundle.device.agreement),
        ephemeral.exchange(bundle.signed_key),
    ]
    if bundle.one_time_key is not None:
        exchanged.append(ephemeral.exchange(bundle.one_time_key))
    agreed = _Agreement(
        header,
        session_id,
        bundle.device,
        bundle.signed_key,
        bundle.one_time_key,
        kem_key.key if kem_key else None,
        (*exchanged, shared),
    )
    return Ratchet.begin(session_id, agreed.transcript, agreed.secret, bundle.signed_key, rng), header


def respond(own: DeviceKeys, header: InitialHeader, session_id: SessionId, find: FindPrekey) -> Ratchet:
    """Come to the initiator's session; only a message that opens proves that it is one.

    Raises:
        Downgrade: suite 2 although both device entries say suite 1.
        UnsupportedSuite: suite 1 although one of the entries says suite 2.
        UnknownPrekey: a prekey that is no longer held.
        WeakKey: a key that contributes nothing.
    """
    if header.suite is not Suite.of_both(header.initiator.suite, own.suite):
        raise Downgrade if header.suite is Suite.CLASSICAL else UnsupportedSuite
    signed = _x25519(find(PrekeyKind.SIGNED, header.signed_id))
    kem, shared = (None, b"") if header.kem is None else _decapsulated(header.kem, find)
    exchanged = [
        signed.exchange(header.initiator.agreement),
        own.agreement.exchange(header.ephemeral),
        signed.exchange(header.ephemeral),
    ]
    one_time = None
    if header.one_time_id != NO_PREKEY:
        one_time = _x25519(find(PrekeyKind.ONE_TIME, header.one_time_id))
        exchanged.append(one_time.exchange(header.ephemeral))
    agreed = _Agreement(
        header,
        session_id,
        own.entry,
        signed.public,
        one_time.public if one_time else None,
        kem,
        (*exchanged, shared),
    )
    return Ratchet.accept(session_id, agreed.transcript, agreed.secret, signed)


def _encapsulated(kem: KemPrekey, encapsulate: Encapsulate) -> tuple[KemPart, bytes]:
    shared, ciphertext = encapsulate(kem.key)
    return KemPart(kem.kind, kem.prekey_id, ciphertext), shared


def _decapsulated(part: KemPart, find: FindPrekey) -> tuple[KemPublic, bytes]:
    kem = find(part.kind, part.prekey_id)
    if kem is None or not isinstance(kem.key, KemPrivate):
        raise UnknownPrekey
    return kem.key.public, kem.key.decapsulate(part.ciphertext)


def _x25519(prekey: PrivatePrekey | None) -> X25519Private:
    if prekey is None or not isinstance(prekey.key, X25519Private):
        raise UnknownPrekey
    return prekey.key
