"""Sessions between two devices, and the envelopes that travel between them.

Spec: docs/spec/handshake.md, sections "Envelope" and "Sessions"
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Final

from .encoding import VERSION, Reader, u8, u32, u64
from .errors import Malformed, NotOpened
from .handshake import HEADER_BYTES, Encapsulate, FindPrekey, InitialHeader, initiate, respond
from .identity import DeviceEntry, DeviceKeys
from .prekeys import NO_PREKEY, Bundle, PrekeyId, PrekeyKind
from .primitives import Ed25519Public, KemPublic, Rng, sha256
from .ratchet import OVERHEAD_BYTES as RATCHET_BYTES
from .ratchet import SESSION_ID_BYTES, Ratchet, SessionId

MAX_SESSIONS: Final = 4
RENEW_AFTER_MESSAGES: Final = 500
RENEW_AFTER_MS: Final = 7 * 86_400_000
WORN_AFTER_MESSAGES: Final = 5_000
WORN_AFTER_MS: Final = 28 * 86_400_000
# What a number of a script holds exactly.
MAX_STARTED_MS: Final = 2**53 - 1
OVERHEAD_BYTES: Final = 1 + HEADER_BYTES + RATCHET_BYTES


class EnvelopeKind(IntEnum):
    """The first byte of an envelope."""

    INITIAL = 1
    RATCHET = 2


@dataclass(frozen=True, slots=True)
class Envelope:
    """What travels between devices.

    Layout:
        0     1      kind: 1 initial, 2 ratchet
        1     1216   handshake header, in an initial envelope only
        …     …      ratchet message; its first 16 bytes are the session id
    """

    session_id: SessionId
    header: InitialHeader | None
    message: bytes = field(repr=False)

    def pack(self) -> bytes:
        if self.header is None:
            return u8(EnvelopeKind.RATCHET) + self.message
        return u8(EnvelopeKind.INITIAL) + self.header.pack() + self.message

    @classmethod
    def unpack(cls, raw: bytes) -> "Envelope":
        """Parse as far as the session id.

        Raises:
            Malformed, UnknownVersion, UnsupportedSuite, WeakKey
        """
        reader = Reader(raw)
        kind = reader.u8()
        if kind not in tuple(EnvelopeKind):
            raise Malformed
        initial = kind == EnvelopeKind.INITIAL
        header = InitialHeader.unpack(reader.take(HEADER_BYTES)) if initial else None
        message = reader.rest()
        if len(message) < RATCHET_BYTES:
            raise Malformed
        return cls(SessionId(message[:SESSION_ID_BYTES]), header, message)


@dataclass(frozen=True, slots=True)
class Session:
    """A ratchet with one device of a peer. A value: store the next one, then send or show.

    peer: what the handshake proved the peer to hold; compare it with the pinned identity before trusting it.
    header_hash: SHA-256 of the handshake header. header: the header itself while it must be repeated.
    messages: sealed and opened in this session, together.
    """

    ratchet: Ratchet
    peer: DeviceEntry
    is_initiator: bool
    header_hash: bytes = field(repr=False)
    header: InitialHeader | None
    started_ms: int
    messages: int = 0

    @property
    def session_id(self) -> SessionId:
        return self.ratchet.session_id

    @property
    def is_established(self) -> bool:
        """Whether the peer is known to hold this session too."""
        return self.header is None

    def is_begun_by_lower(self, own: Ed25519Public) -> bool:
        """Whether the device with the lower signing key began it."""
        return self.is_initiator == (own.raw < self.peer.signing.raw)

    def confirmed(self) -> "Session":
        """Stop sending the header: a verified receipt has shown that the peer holds the session."""
        return replace(self, header=None)

    def needs_renewal(self, now_ms: int) -> bool:
        """Whether it is time for a new handshake (its ML-KEM heals what the ratchet alone can not)."""
        return self.messages >= RENEW_AFTER_MESSAGES or now_ms - self.started_ms >= RENEW_AFTER_MS

    def is_worn_out(self, now_ms: int) -> bool:
        """Whether nothing more may be sealed in it: withheld prekeys delay healing, and do not end it."""
        return self.messages >= WORN_AFTER_MESSAGES or now_ms - self.started_ms >= WORN_AFTER_MS

    def encrypt(self, plaintext: bytes, rng: Rng = os.urandom) -> tuple["Session", bytes]:
        """Seal a plaintext into an envelope; the header rides along until the peer has answered.

        Raises:
            NotReady: the session can not send.
        """
        ratchet, message = self.ratchet.encrypt(plaintext, rng)
        envelope = Envelope(self.session_id, self.header, message)
        return replace(self, ratchet=ratchet, messages=self.messages + 1), envelope.pack()

    def decrypt(self, envelope: Envelope, rng: Rng = os.urandom) -> tuple["Session", bytes]:
        """Open an envelope of this session. A refusal changes nothing.

        Raises:
            NotOpened: changed, of another session, or with another header than the first one had.
            Replayed, TooFarAhead, Malformed, UnknownVersion, WeakKey
        """
        if envelope.header is not None and not self._repeats(envelope.header):
            raise NotOpened
        ratchet, plaintext = self.ratchet.decrypt(envelope.message, rng)
        return replace(self, ratchet=ratchet, header=None, messages=self.messages + 1), plaintext

    def _repeats(self, header: InitialHeader) -> bool:
        return not self.is_initiator and sha256(header.pack()) == self.header_hash

    def pack(self) -> bytes:
        """Write the session, for the encrypted local store only. Spec: docs/spec/handshake.md, "Sessions"."""
        header = b"" if self.header is None else self.header.pack()
        return b"".join(
            (
                *(u8(VERSION), self.peer.pack(), u8(self.is_initiator), self.header_hash),
                *(u8(self.header is not None), header, u64(self.started_ms), u32(self.messages)),
                self.ratchet.pack(),
            )
        )

    @classmethod
    def unpack(cls, raw: bytes) -> "Session":
        """Read a session back from the store.

        Raises:
            UnknownVersion, Malformed, WeakKey, UnsupportedSuite
        """
        reader = Reader(raw)
        reader.version()
        peer, is_initiator, header_hash = DeviceEntry.read(reader), reader.u8(), reader.take(32)
        has_header = reader.u8()
        if is_initiator > 1 or has_header > is_initiator:
            raise Malformed
        header = InitialHeader.unpack(reader.take(HEADER_BYTES)) if has_header else None
        started_ms, messages = reader.u64(), reader.u32()
        if started_ms > MAX_STARTED_MS:
            raise Malformed
        ratchet = Ratchet.unpack(reader.rest())
        return cls(ratchet, peer, bool(is_initiator), header_hash, header, started_ms, messages)


def begin_session(
    own: DeviceKeys,
    bundle: Bundle,
    *,
    now_ms: int,
    rng: Rng = os.urandom,
    encapsulate: Encapsulate = KemPublic.encapsulate,
) -> Session:
    """Begin a session with the device of a verified bundle.

    Raises:
        WeakKey: a key that contributes nothing.
    """
    ratchet, header = initiate(own, bundle, rng=rng, encapsulate=encapsulate)
    return Session(ratchet, bundle.device, True, sha256(header.pack()), header, now_ms)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A session that its first message has proven.

    spent: one-time prekeys to delete in the same transaction that stores the session.
    """

    session: Session
    plaintext: bytes = field(repr=False)
    spent: tuple[PrekeyId, ...]


def accept_session(
    own: DeviceKeys, envelope: Envelope, find: FindPrekey, *, now_ms: int, rng: Rng = os.urandom
) -> Accepted:
    """Open the first envelope of a session that another device began.

    The peer is whoever holds the keys in `session.peer`: check them against a verified identity.

    Raises:
        Malformed: not an initial envelope.
        Downgrade, UnsupportedSuite, UnknownPrekey: no session can come of it.
        NotOpened: the message does not prove the handshake.
        Replayed, TooFarAhead, WeakKey, UnknownVersion
    """
    header = envelope.header
    if header is None:
        raise Malformed
    ratchet = respond(own, header, envelope.session_id, find)
    ratchet, plaintext = ratchet.decrypt(envelope.message, rng)
    session = Session(ratchet, header.initiator, False, sha256(header.pack()), None, now_ms, 1)
    return Accepted(session, plaintext, _spent(header))


def _spent(header: InitialHeader) -> tuple[PrekeyId, ...]:
    kem = header.kem
    kem_ids = (kem.prekey_id,) if kem is not None and kem.kind is PrekeyKind.ONE_TIME_KEM else ()
    one_time = (header.one_time_id,) if header.one_time_id != NO_PREKEY else ()
    return kem_ids + one_time


def choose_session(own: Ed25519Public, sessions: Iterable[Session], *, now_ms: int) -> Session | None:
    """Pick the session with a device to send on; None if a new one must begin.

    Both sides choose alike: established first, fresh before due for renewal, begun by the device with the
    lower signing key, newest.
    """

    def rank(session: Session) -> tuple[bool, bool, bool, int, bytes]:
        fresh, begun_by_lower = not session.needs_renewal(now_ms), session.is_begun_by_lower(own)
        return session.is_established, fresh, begun_by_lower, session.started_ms, session.session_id

    return max((each for each in sessions if each.ratchet.may_send), key=rank, default=None)
