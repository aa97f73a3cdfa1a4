"""HPKE's base mode for X25519, HKDF-SHA256 and AES-256-GCM with a given ephemeral key, from RFC 9180 alone.

`cryptography` draws the ephemeral key itself; vectors need one that is given.
"""

import hashlib
import hmac
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from peer_agent.crypto.primitives import X25519Private, X25519Public

_KEM_SUITE = b"KEM" + (0x20).to_bytes(2, "big")
_HPKE_SUITE = b"HPKE" + b"".join(number.to_bytes(2, "big") for number in (0x20, 1, 2))


def _extract(suite: bytes, chained: bytes, what: bytes, secret: bytes) -> bytes:
    return hmac.digest(chained or bytes(32), b"HPKE-v1" + suite + what + secret, hashlib.sha256)


def _expand(suite: bytes, key: bytes, what: bytes, info: bytes, size: int) -> bytes:
    # No output here is longer than one block of HKDF.
    whole = size.to_bytes(2, "big") + b"HPKE-v1" + suite + what + info
    return hmac.digest(key, whole + b"\x01", hashlib.sha256)[:size]


@dataclass(frozen=True)
class Schedule:
    """What the sender comes to on its way to the ciphertext."""

    encapsulated: bytes
    shared_secret: bytes
    key: bytes
    base_nonce: bytes

    def seal(self, plaintext: bytes) -> bytes:
        return self.encapsulated + AESGCM(self.key).encrypt(self.base_nonce, plaintext, b"")


def schedule(
    to: X25519Public, ephemeral: X25519Private, info: bytes, *, spelled: bytes | None = None
) -> Schedule:
    """Seal to a key; `spelled` is another way to write the encapsulated key."""
    exchanged, public = ephemeral.exchange(to), spelled or ephemeral.public.raw
    early = _extract(_KEM_SUITE, b"", b"eae_prk", exchanged)
    shared = _expand(_KEM_SUITE, early, b"shared_secret", public + to.raw, 32)
    hashes = _extract(_HPKE_SUITE, b"", b"psk_id_hash", b""), _extract(_HPKE_SUITE, b"", b"info_hash", info)
    context = b"\x00" + b"".join(hashes)
    secret = _extract(_HPKE_SUITE, shared, b"secret", b"")
    key = _expand(_HPKE_SUITE, secret, b"key", context, 32)
    return Schedule(public, shared, key, _expand(_HPKE_SUITE, secret, b"base_nonce", context, 12))
