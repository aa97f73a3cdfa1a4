"""PyPI `doubleratchet`, set to our derivations, AEAD and header, as the independent judge of our ratchet."""

import os
import random
import struct
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from doubleratchet import AEAD, AuthenticationFailedException, DoubleRatchet, EncryptedMessage, Header
from doubleratchet.recommended import HashFunction, diffie_hellman_ratchet_curve25519, kdf_hkdf

from peer_agent.crypto.errors import CryptoError
from peer_agent.crypto.ratchet import Ratchet

from .cases.ratchet import PREKEY, SECRET, SESSION_ID, TRANSCRIPT
from .vector_files import flipped

T = TypeVar("T")


class _Root(kdf_hkdf.KDF):
    @staticmethod
    def _get_hash_function() -> HashFunction:
        return HashFunction.SHA_256

    @staticmethod
    def _get_info() -> bytes:
        return b"mesa/ratchet-root/1\x00"


class _Chain(_Root):
    @staticmethod
    def _get_info() -> bytes:
        return b"mesa/ratchet-chain/1\x00"


class _Gcm(AEAD):
    @staticmethod
    async def encrypt(plaintext: bytes, key: bytes, associated_data: bytes) -> bytes:
        start = os.urandom(12)
        return start + AESGCM(key).encrypt(start, plaintext, associated_data)

    @staticmethod
    async def decrypt(ciphertext: bytes, key: bytes, associated_data: bytes) -> bytes:
        try:
            return AESGCM(key).decrypt(ciphertext[:12], ciphertext[12:], associated_data)
        except InvalidTag as error:
            raise AuthenticationFailedException from error


def _header(header: Header) -> bytes:
    counts = header.previous_sending_chain_length, header.sending_chain_length
    return b"\x01" + header.ratchet_pub + struct.pack(">II", *counts)


class _Library(DoubleRatchet):
    @staticmethod
    def _build_associated_data(associated_data: bytes, header: Header) -> bytes:
        return associated_data + _header(header)


CONFIGURATION: dict[str, Any] = {
    "diffie_hellman_ratchet_class": diffie_hellman_ratchet_curve25519.DiffieHellmanRatchet,
    "root_chain_kdf": _Root,
    "message_chain_kdf": _Chain,
    "message_chain_constant": b"\x01",
    "dos_protection_threshold": 1000,
    "max_num_skipped_message_keys": 2000,
    "aead": _Gcm,
}
BOUND = b"mesa/ratchet/1\x00" + TRANSCRIPT + SESSION_ID


def _drive(coroutine: Coroutine[Any, Any, T]) -> T:
    """Finish a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("the library waited for something")


class Side(Protocol):
    """One end of a conversation."""

    def encrypt(self, plaintext: bytes) -> bytes: ...

    def decrypt(self, message: bytes) -> bytes: ...


@dataclass
class Ours:
    """Our ratchet behind a face that changes."""

    state: Ratchet

    def encrypt(self, plaintext: bytes) -> bytes:
        self.state, message = self.state.encrypt(plaintext)
        return message

    def decrypt(self, message: bytes) -> bytes:
        self.state, plaintext = self.state.decrypt(message)
        return plaintext


@dataclass
class Theirs:
    """The library behind the same face; it starts with its first message."""

    ratchet: Any = field(default=None)

    def encrypt(self, plaintext: bytes) -> bytes:
        if self.ratchet is None:
            self.ratchet, made = _drive(
                _Library.encrypt_initial_message(
                    **CONFIGURATION,
                    shared_secret=SECRET,
                    recipient_ratchet_pub=PREKEY.public.raw,
                    message=plaintext,
                    associated_data=BOUND,
                )
            )
        else:
            made = _drive(self.ratchet.encrypt_message(plaintext, BOUND))
        return SESSION_ID + _header(made.header) + made.ciphertext

    def decrypt(self, message: bytes) -> bytes:
        counts = struct.unpack(">II", message[49:57])
        received = EncryptedMessage(Header(message[17:49], *counts), message[57:])
        if self.ratchet is None:
            self.ratchet, opened = _drive(
                _Library.decrypt_initial_message(
                    **CONFIGURATION,
                    shared_secret=SECRET,
                    own_ratchet_priv=PREKEY.raw,
                    message=received,
                    associated_data=BOUND,
                )
            )
            return bytes(opened)
        return bytes(_drive(self.ratchet.decrypt_message(received, BOUND)))


def _sides(initiator: str) -> tuple[Side, Side]:
    if initiator == "ours":
        return Ours(Ratchet.begin(SESSION_ID, TRANSCRIPT, SECRET, PREKEY.public)), Theirs()
    return Theirs(), Ours(Ratchet.accept(SESSION_ID, TRANSCRIPT, SECRET, PREKEY))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("initiator", ["ours", "theirs"])
def test_random_traffic_with_the_library_opens_on_both_sides(initiator: str, seed: int) -> None:
    rng = random.Random(f"{initiator} {seed}")
    sides = _sides(initiator)
    assert sides[1].decrypt(sides[0].encrypt(b"first")) == b"first"
    waiting: list[list[tuple[bytes, bytes]]] = [[], []]
    opened = 0
    for _ in range(500):
        side = rng.randrange(2)
        if rng.random() < 0.5:
            text = rng.randbytes(rng.randrange(40))
            message = sides[side].encrypt(text)
            if rng.random() > 0.1:
                waiting[1 - side].append((message, text))
        elif waiting[side]:
            at = rng.randrange(len(waiting[side])) if rng.random() < 0.4 else 0
            message, text = waiting[side].pop(at)
            _refuses(sides[side], flipped(message, rng.randrange(57, len(message))))
            assert sides[side].decrypt(message) == text
            _refuses(sides[side], message)
            opened += 1

    assert opened > 100


def _refuses(side: Side, message: bytes) -> None:
    # The library has its own family of refusals; ours must refuse in its own words.
    with pytest.raises(CryptoError if isinstance(side, Ours) else Exception):
        side.decrypt(message)
