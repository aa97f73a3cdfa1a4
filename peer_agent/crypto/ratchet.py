"""The Double Ratchet over X25519, HKDF-SHA256 and AES-256-GCM. A state is a value; a step returns the next.

Spec: docs/spec/ratchet.md
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, NewType

from .encoding import VERSION, Reader, label, u8, u16, u32
from .errors import Malformed, NotOpened, NotReady, Replayed, TooFarAhead
from .primitives import (
    KEY_BYTES,
    SEAL_OVERHEAD_BYTES,
    Rng,
    SealKey,
    X25519Private,
    X25519Public,
    derive,
    seal,
    unseal,
)

SessionId = NewType("SessionId", bytes)
ChainKey = NewType("ChainKey", bytes)
_Skipped = Mapping[tuple[bytes, int], SealKey]

SESSION_ID_BYTES: Final = 16
HEADER_BYTES: Final = 41
OVERHEAD_BYTES: Final = SESSION_ID_BYTES + HEADER_BYTES + SEAL_OVERHEAD_BYTES
MAX_SKIP: Final = 1000
MAX_KEPT_KEYS: Final = 2000
MAX_COUNT: Final = 2**32 - 1


@dataclass(frozen=True, slots=True)
class _Header:
    """What precedes the ciphertext, in the clear and authenticated.

    Layout (HEADER_BYTES):
        0    1   version, 1
        1   32   ratchet public key
        33   4   length of the sender's previous chain
        37   4   number in this chain
    """

    key: X25519Public
    previous: int
    number: int

    def pack(self) -> bytes:
        return u8(VERSION) + self.key.raw + u32(self.previous) + u32(self.number)

    @classmethod
    def read(cls, reader: Reader) -> "_Header":
        reader.version()
        key, previous, number = reader.take(KEY_BYTES), reader.u32(), reader.u32()
        return cls(X25519Public(key), previous, number)


@dataclass(frozen=True, slots=True)
class Ratchet:
    """One side of a session.

    bound: SHA-256 of the handshake transcript, authenticated with every message.
    sent, received: messages in the current sending and receiving chain; previous: in the last sending chain.
    skipped: keys of messages that did not arrive yet, oldest first.
    """

    session_id: SessionId
    bound: bytes = field(repr=False)
    root: ChainKey = field(repr=False)
    own: X25519Private
    peer: X25519Public | None = None
    sending: ChainKey | None = field(default=None, repr=False)
    receiving: ChainKey | None = field(default=None, repr=False)
    sent: int = 0
    received: int = 0
    previous: int = 0
    skipped: _Skipped = field(default_factory=dict, repr=False)

    @classmethod
    def begin(
        cls, session_id: SessionId, bound: bytes, secret: ChainKey, peer: X25519Public, rng: Rng = os.urandom
    ) -> "Ratchet":
        """Start as the initiator, against the responder's signed prekey."""
        own = X25519Private.generate(rng)
        root, sending = _next_root(secret, own, peer)
        return cls(session_id, bound, root, own, peer, sending)

    @classmethod
    def accept(cls, session_id: SessionId, bound: bytes, secret: ChainKey, own: X25519Private) -> "Ratchet":
        """Start as the responder with the signed prekey that was used; it can send once it has received."""
        return cls(session_id, bound, secret, own)

    @property
    def may_send(self) -> bool:
        return self.sending is not None and self.sent < MAX_COUNT

    def encrypt(self, plaintext: bytes, rng: Rng = os.urandom) -> tuple["Ratchet", bytes]:
        """Seal one message; store the returned state before the message leaves the device.

        Raises:
            NotReady: a responder that has received nothing yet, or a chain at its end.
        """
        if self.sending is None or not self.may_send:
            raise NotReady
        sending, key = _next_key(self.sending)
        header = _Header(self.own.public, self.previous, self.sent).pack()
        sealed = seal(key, plaintext, self._bound(header), rng)
        return replace(self, sending=sending, sent=self.sent + 1), self.session_id + header + sealed

    def decrypt(self, message: bytes, rng: Rng = os.urandom) -> tuple["Ratchet", bytes]:
        """Open one message, in whatever order it comes. A refusal changes nothing.

        Raises:
            Malformed, UnknownVersion, WeakKey: not a message.
            NotOpened: changed, or of another session.
            Replayed: opened before, or its key was given up.
            TooFarAhead: skips more than MAX_SKIP messages.
        """
        reader = Reader(message)
        session_id = reader.take(SESSION_ID_BYTES)
        header = _Header.read(reader)
        sealed = reader.rest()
        if len(sealed) < SEAL_OVERHEAD_BYTES:
            raise Malformed
        if session_id != self.session_id:
            raise NotOpened
        state, key = self._advance(header, rng)
        return state, unseal(key, sealed, self._bound(header.pack()))

    def _bound(self, header: bytes) -> bytes:
        return label("ratchet") + self.bound + self.session_id + header

    def _advance(self, header: _Header, rng: Rng) -> tuple["Ratchet", SealKey]:
        """State and key that open a message, provided that it is genuine."""
        place = (header.key.raw, header.number)
        if place in self.skipped:
            rest = {at: key for at, key in self.skipped.items() if at != place}
            return replace(self, skipped=rest), self.skipped[place]
        state = self if header.key == self.peer else self._skip(header.previous)._turn(header.key, rng)
        if header.number < state.received:
            raise Replayed
        state = state._skip(header.number)
        if state.receiving is None:
            # The signed prekey begins a session and never a chain of its own: only a forger sends under it.
            raise NotOpened
        receiving, key = _next_key(state.receiving)
        return replace(state, receiving=receiving, received=state.received + 1), key

    def _turn(self, peer: X25519Public, rng: Rng) -> "Ratchet":
        """The Diffie-Hellman step: a new receiving chain, and a new sending chain to answer on."""
        root, receiving = _next_root(self.root, self.own, peer)
        own = X25519Private.generate(rng)
        root, sending = _next_root(root, own, peer)
        return replace(
            self,
            root=root,
            own=own,
            peer=peer,
            sending=sending,
            receiving=receiving,
            sent=0,
            received=0,
            previous=self.sent,
        )

    def _skip(self, until: int) -> "Ratchet":
        """Keep the keys of the messages before number `until` of the current receiving chain."""
        if self.receiving is None or self.peer is None or until <= self.received:
            return self
        if until - self.received > MAX_SKIP:
            raise TooFarAhead
        chain, skipped = self.receiving, dict(self.skipped)
        for number in range(self.received, until):
            chain, skipped[self.peer.raw, number] = _next_key(chain)
        for place in list(skipped)[: max(0, len(skipped) - MAX_KEPT_KEYS)]:
            del skipped[place]
        return replace(self, receiving=chain, received=until, skipped=skipped)

    def pack(self) -> bytes:
        """Write the state, for the encrypted local store only. Spec: docs/spec/ratchet.md, "State"."""
        keys = b"".join(place[0] + u32(place[1]) + key for place, key in self.skipped.items())
        return b"".join(
            (
                *(u8(VERSION), self.session_id, self.bound, self.root, self.own.raw),
                _optional(self.peer.raw if self.peer else None),
                *(_optional(self.sending), _optional(self.receiving)),
                *(u32(self.sent), u32(self.received), u32(self.previous)),
                *(u16(len(self.skipped)), keys),
            )
        )

    @classmethod
    def unpack(cls, raw: bytes) -> "Ratchet":
        """Read a state back from the store.

        Raises:
            UnknownVersion, Malformed, WeakKey
        """
        reader = Reader(raw)
        state = cls.read(reader)
        reader.finish()
        return state

    @classmethod
    def read(cls, reader: Reader) -> "Ratchet":
        reader.version()
        session_id, bound = SessionId(reader.take(SESSION_ID_BYTES)), reader.take(32)
        root, own = ChainKey(reader.take(KEY_BYTES)), X25519Private(reader.take(KEY_BYTES))
        peer, sending, receiving = (_read_optional(reader) for _ in range(3))
        sent, received, previous = reader.u32(), reader.u32(), reader.u32()
        skipped = _read_skipped(reader)
        return cls(
            session_id,
            bound,
            root,
            own,
            X25519Public(peer) if peer else None,
            ChainKey(sending) if sending else None,
            ChainKey(receiving) if receiving else None,
            sent,
            received,
            previous,
            skipped,
        )


def _optional(key: bytes | None) -> bytes:
    return u8(0) if key is None else u8(1) + key


def _read_optional(reader: Reader) -> bytes | None:
    there = reader.u8()
    if there > 1:
        raise Malformed
    return reader.take(KEY_BYTES) if there else None


def _read_skipped(reader: Reader) -> dict[tuple[bytes, int], SealKey]:
    count = reader.u16()
    skipped = {}
    for _ in range(count):
        place = reader.take(KEY_BYTES), reader.u32()
        skipped[place] = SealKey(reader.take(KEY_BYTES))
    if len(skipped) != count or count > MAX_KEPT_KEYS:
        raise Malformed
    return skipped


def _next_root(root: ChainKey, own: X25519Private, peer: X25519Public) -> tuple[ChainKey, ChainKey]:
    out = derive(own.exchange(peer), "ratchet-root", size=2 * KEY_BYTES, chained=root)
    return ChainKey(out[:KEY_BYTES]), ChainKey(out[KEY_BYTES:])


def _next_key(chain: ChainKey) -> tuple[ChainKey, SealKey]:
    out = derive(b"\x01", "ratchet-chain", size=2 * KEY_BYTES, chained=chain)
    return ChainKey(out[:KEY_BYTES]), SealKey(out[KEY_BYTES:])
