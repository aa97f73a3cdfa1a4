"""What the server verifies: signatures, keys, prekeys and proofs. It opens nothing.

Spec: docs/spec/identity.md, docs/spec/prekeys.md, docs/spec/encoding.md
"""

import uuid
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey

from accounts.days import is_about
from accounts.layouts import VERSION, Reader, Refused
from accounts.models import PrekeyKind

KEY_BYTES = 32
SIGNATURE_BYTES = 64
KEM_KEY_BYTES = 1_184

FIELD_PRIME = 2**255 - 19
Y_MASK = 2**255 - 1


def _small_order(*encodings: str) -> frozenset[int]:
    named = {int.from_bytes(bytes.fromhex(raw), "little") for raw in encodings}
    return frozenset({0, 1, FIELD_PRIME - 1} | named)


# Points whose group is so small that a signature or an agreement under them proves nothing.
SMALL_ORDER_X25519 = _small_order(
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
)
SMALL_ORDER_ED25519 = _small_order(
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
)


@dataclass(frozen=True, slots=True)
class Prekey:
    """A prekey that verifies: its kind, its id and the bytes that claimers get."""

    kind: PrekeyKind
    key_id: int
    packed: bytes


def verify_prekey(packed: bytes, *, device_id: uuid.UUID, signing_key: bytes, today: int) -> Prekey:
    """Read one prekey of a device and check its signature, if it has one. `today`: days since 1970-01-01.

    Raises:
        Refused: with the error name of the spec page.

    Spec: docs/spec/prekeys.md, section "Layout"
    """
    reader = Reader(packed)
    reader.version()
    kind = _read_kind(reader)
    key_id = reader.number(4)
    if key_id == 0:
        raise Refused("malformed")
    if kind is PrekeyKind.ONE_TIME:
        key = reader.take(KEY_BYTES)
        reader.finish()
        check_exchange_key(key)
        return Prekey(kind, key_id, packed)
    day = reader.number(4)
    key = reader.take(KEY_BYTES if kind is PrekeyKind.SIGNED else KEM_KEY_BYTES)
    body, signature = reader.taken, reader.take(SIGNATURE_BYTES)
    reader.finish()
    check_exchange_key(key) if kind is PrekeyKind.SIGNED else _kem_key(key)
    verify_signature(signing_key, "prekey", device_id.bytes + body, signature)
    if not is_about(day, of=today):
        raise Refused("not-valid-now")
    return Prekey(kind, key_id, packed)


def verify_login_proof(*, signing_key: bytes, device_id: uuid.UUID, challenge: bytes, proof: bytes) -> None:
    """Check that the holder of a device's key answered this challenge.

    Raises:
        Refused: the proof is for another device, key or challenge.

    Spec: docs/spec/identity.md, section "Proofs to the server"
    """
    verify_signature(signing_key, "login", device_id.bytes + challenge, proof)


def verify_recovery_proof(*, recovery_key: bytes, fingerprint: bytes, challenge: bytes, proof: bytes) -> None:
    """Check that the holder of an identity's recovery key answered this challenge.

    Raises:
        Refused: the proof is by another key, or for another identity or challenge.

    Spec: docs/spec/identity.md, section "Proofs to the server"
    """
    verify_signature(recovery_key, "recover", fingerprint + challenge, proof)


def verify_signature(key: bytes, what: str, body: bytes, signature: bytes) -> None:
    """Check an Ed25519 signature made under the domain label of `what`.

    Raises:
        Refused: it is not this key's over this label and body.
    """
    label = f"mesa/{what}/{VERSION}".encode() + b"\x00"
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, label + body)
    except (InvalidSignature, ValueError):
        raise Refused("bad-signature") from None


def check_signing_key(raw: bytes) -> bytes:
    """Pass an Ed25519 public key through.

    Raises:
        Refused: it is not canonical, or of small order.
    """
    y = int.from_bytes(raw, "little") & Y_MASK
    if y >= FIELD_PRIME or y in SMALL_ORDER_ED25519:
        raise Refused("weak-key")
    return raw


def check_exchange_key(raw: bytes) -> bytes:
    """Pass an X25519 public key through.

    Raises:
        Refused: it is not canonical, or of small order.
    """
    u = int.from_bytes(raw, "little")
    if u >= FIELD_PRIME or u in SMALL_ORDER_X25519:
        raise Refused("weak-key")
    return raw


def _read_kind(reader: Reader) -> PrekeyKind:
    try:
        return PrekeyKind(reader.number(1))
    except ValueError:
        raise Refused("malformed") from None


def _kem_key(raw: bytes) -> bytes:
    try:
        MLKEM768PublicKey.from_public_bytes(raw)
    except ValueError:
        raise Refused("weak-key") from None
    return raw
