"""The doors to `cryptography`: typed keys, key derivation and authenticated encryption, nothing composed.

Spec: docs/spec/encoding.md, section "Primitives"
"""

import hashlib
import hmac
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, Final, NewType, Self

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, mlkem, x25519
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from .encoding import exactly, label
from .errors import BadSignature, CryptoError, NotOpened, WeakKey

Rng = Callable[[int], bytes]
SealKey = NewType("SealKey", bytes)

KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
KEM_PUBLIC_BYTES: Final = 1184
KEM_CIPHERTEXT_BYTES: Final = 1088
SEAL_OVERHEAD_BYTES: Final = 28

FIELD_PRIME: Final = 2**255 - 19
_LARGEST: Final = "ec" + 30 * "ff" + "7f"
_ZERO_AND_ONE: Final = (64 * "0", "01" + 62 * "0")


def _numbers(*little_endian: str) -> frozenset[int]:
    return frozenset(int.from_bytes(bytes.fromhex(text), "little") for text in little_endian)


X25519_SMALL_ORDER: Final = _numbers(
    *_ZERO_AND_ONE,
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    _LARGEST,
)
ED25519_SMALL_ORDER: Final = _numbers(
    *_ZERO_AND_ONE,
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    _LARGEST,
)


@dataclass(frozen=True, slots=True)
class _Public:
    """A public key of exactly SIZE bytes."""

    raw: bytes = field(repr=False)

    SIZE: ClassVar[int] = KEY_BYTES

    def __post_init__(self) -> None:
        exactly(self.raw, self.SIZE)


@dataclass(frozen=True, slots=True, eq=False)
class _Secret:
    """A private key of exactly SIZE bytes; compared in constant time and never shown."""

    raw: bytes = field(repr=False)

    SIZE: ClassVar[int] = KEY_BYTES

    def __post_init__(self) -> None:
        exactly(self.raw, self.SIZE)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and hmac.compare_digest(self.raw, other.raw)

    def __hash__(self) -> int:
        return hash((type(self), self.raw))

    @classmethod
    def generate(cls, rng: Rng = os.urandom) -> Self:
        return cls(rng(cls.SIZE))


@dataclass(frozen=True, slots=True)
class X25519Public(_Public):
    """Where a Diffie-Hellman exchange goes to.

    Raises:
        WeakKey: not canonical, or of small order.
    """

    def __post_init__(self) -> None:
        u = int.from_bytes(exactly(self.raw, KEY_BYTES), "little")
        if u >= FIELD_PRIME or u in X25519_SMALL_ORDER:
            raise WeakKey


@dataclass(frozen=True, eq=False)
class X25519Private(_Secret):
    """One side of a Diffie-Hellman exchange."""

    @cached_property
    def public(self) -> X25519Public:
        return X25519Public(self._key.public_key().public_bytes_raw())

    def exchange(self, peer: X25519Public) -> bytes:
        """Agree on 32 bytes with the holder of `peer`.

        Raises:
            WeakKey: the exchange has no contribution of this side.
        """
        try:
            return self._key.exchange(x25519.X25519PublicKey.from_public_bytes(peer.raw))
        except ValueError:
            raise WeakKey from None

    # Loading computes the public half, which costs as much as an exchange: once per key, not per use.
    @cached_property
    def _key(self) -> x25519.X25519PrivateKey:
        return x25519.X25519PrivateKey.from_private_bytes(self.raw)


@dataclass(frozen=True, slots=True)
class Ed25519Public(_Public):
    """Verifies signatures.

    Raises:
        WeakKey: not canonical, or of small order (with such a key one signature fits every text).
    """

    def __post_init__(self) -> None:
        y = int.from_bytes(exactly(self.raw, KEY_BYTES), "little") & (2**255 - 1)
        if y >= FIELD_PRIME or y in ED25519_SMALL_ORDER:
            raise WeakKey

    def verify(self, what: str, body: bytes, signature: bytes) -> None:
        """Check a signature made under the domain label of `what`.

        Raises:
            BadSignature: it is not this key's over this label and body.
        """
        try:
            key = ed25519.Ed25519PublicKey.from_public_bytes(self.raw)
            key.verify(exactly(signature, SIGNATURE_BYTES), label(what) + body)
        except (InvalidSignature, ValueError):
            raise BadSignature from None


@dataclass(frozen=True, eq=False)
class Ed25519Private(_Secret):
    """Makes signatures; the raw form is the 32-byte seed."""

    @cached_property
    def public(self) -> Ed25519Public:
        return Ed25519Public(self._key.public_key().public_bytes_raw())

    def sign(self, what: str, body: bytes) -> bytes:
        """Sign under the domain label of `what`."""
        return self._key.sign(label(what) + body)

    @cached_property
    def _key(self) -> ed25519.Ed25519PrivateKey:
        return ed25519.Ed25519PrivateKey.from_private_bytes(self.raw)


@dataclass(frozen=True, slots=True)
class KemPublic(_Public):
    """An ML-KEM-768 encapsulation key.

    Raises:
        WeakKey: a coefficient is not below the modulus.
    """

    SIZE: ClassVar[int] = KEM_PUBLIC_BYTES

    def __post_init__(self) -> None:
        exactly(self.raw, KEM_PUBLIC_BYTES)
        try:
            self._key()
        except ValueError:
            raise WeakKey from None

    def encapsulate(self) -> tuple[bytes, bytes]:
        """Make a fresh shared secret (32 bytes) and the ciphertext that carries it."""
        return self._key().encapsulate()

    def _key(self) -> mlkem.MLKEM768PublicKey:
        return mlkem.MLKEM768PublicKey.from_public_bytes(self.raw)


@dataclass(frozen=True, slots=True, eq=False)
class KemPrivate(_Secret):
    """An ML-KEM-768 decapsulation key; the raw form is the 64-byte seed."""

    SIZE: ClassVar[int] = 64

    @property
    def public(self) -> KemPublic:
        return KemPublic(self._key().public_key().public_bytes_raw())

    def decapsulate(self, ciphertext: bytes) -> bytes:
        """Recover the shared secret; a foreign ciphertext gives a random one, not an error."""
        return self._key().decapsulate(exactly(ciphertext, KEM_CIPHERTEXT_BYTES))

    def _key(self) -> mlkem.MLKEM768PrivateKey:
        return mlkem.MLKEM768PrivateKey.from_seed_bytes(self.raw)


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def mac(key: bytes, what: str, body: bytes) -> bytes:
    """HMAC-SHA256 under the domain label of `what`."""
    return hmac.digest(key, label(what) + body, "sha256")


def same(left: bytes, right: bytes) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(left, right)


def derive(secret: bytes, what: str, context: bytes = b"", *, size: int = 32, chained: bytes = b"") -> bytes:
    """HKDF-SHA256; `chained` is the key that enters as HKDF's salt."""
    return HKDF(hashes.SHA256(), size, chained, label(what) + context).derive(secret)


def seal(key: SealKey, plaintext: bytes, bound: bytes, rng: Rng = os.urandom) -> bytes:
    """AES-256-GCM with a random 12-byte nonce in front; `bound` is authenticated and not sent."""
    start = rng(12)
    return start + AESGCM(key).encrypt(start, plaintext, bound)


def unseal(key: SealKey, sealed: bytes, bound: bytes) -> bytes:
    """Open what `seal` made.

    Raises:
        NotOpened: changed, or another key or another `bound`.
    """
    if len(sealed) < SEAL_OVERHEAD_BYTES:
        raise NotOpened
    try:
        return AESGCM(key).decrypt(sealed[:12], sealed[12:], bound)
    except InvalidTag:
        raise NotOpened from None


def seal_once(key: SealKey, plaintext: bytes) -> bytes:
    """AES-256-GCM with a zero nonce: only for a key that seals one body in its life."""
    return AESGCM(key).encrypt(bytes(12), plaintext, None)


def unseal_once(key: SealKey, sealed: bytes) -> bytes:
    """Open what `seal_once` made.

    Raises:
        NotOpened: changed, or another key.
    """
    try:
        return AESGCM(key).decrypt(bytes(12), sealed, None)
    except InvalidTag:
        raise NotOpened from None


def once_keystream(key: SealKey, size: int) -> bytes:
    """The bytes that `seal_once` adds to a plaintext: AES-CTR from block counter 2."""
    # GCM counts its blocks from 1 and spends the first on the tag.
    counter = bytes(12) + (2).to_bytes(4, "big")
    return Cipher(algorithms.AES(key), modes.CTR(counter)).encryptor().update(bytes(size))


def argon2id(passphrase: bytes, spice: bytes, *, memory_kib: int, passes: int, lanes: int) -> SealKey:
    kdf = Argon2id(salt=spice, length=KEY_BYTES, iterations=passes, lanes=lanes, memory_cost=memory_kib)
    return SealKey(kdf.derive(passphrase))


def pbkdf2(passphrase: bytes, spice: bytes, *, rounds: int) -> SealKey:
    return SealKey(PBKDF2HMAC(hashes.SHA256(), KEY_BYTES, spice, rounds).derive(passphrase))


_HPKE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def hpke_seal(to: X25519Public, what: str, context: bytes, plaintext: bytes) -> bytes:
    """RFC 9180 base mode, X25519 and AES-256-GCM: encapsulated key (32 bytes) and ciphertext."""
    key = x25519.X25519PublicKey.from_public_bytes(to.raw)
    return _HPKE.encrypt(plaintext, key, info=label(what) + context)


def hpke_open(own: X25519Private, what: str, context: bytes, sealed: bytes) -> bytes:
    """Open what `hpke_seal` made.

    Raises:
        NotOpened: changed, or for another key or context.
    """
    try:
        # The library would take one that is not canonical, and so a post in two spellings.
        X25519Public(sealed[:KEY_BYTES])
        return _HPKE.decrypt(sealed, own._key, info=label(what) + context)
    except (CryptoError, InvalidTag, ValueError):
        raise NotOpened from None
