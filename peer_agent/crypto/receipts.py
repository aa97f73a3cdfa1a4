"""Receipts: proof of arrival that only the two ends can make. Spec: docs/spec/receipts.md"""

from typing import Final, NewType

from .encoding import exactly
from .primitives import mac, same, sha256

ReceiptKey = NewType("ReceiptKey", bytes)

RECEIPT_KEY_BYTES: Final = 32
HASH_PART_BYTES: Final = 16


def envelope_hash(envelope: bytes) -> bytes:
    """SHA-256 of an envelope: how both ends know it again."""
    return sha256(envelope)


def make_receipt(key: ReceiptKey, hashed: bytes) -> bytes:
    """Receipt for the envelope with this SHA-256; `key` came inside the message.

    Layout:
        0    16   first half of the hash
        16   16   first half of HMAC-SHA256 over the whole hash
    """
    exactly(key, RECEIPT_KEY_BYTES)
    return exactly(hashed, 32)[:HASH_PART_BYTES] + mac(key, "receipt", hashed)[:16]


def is_receipt(entry: bytes, key: ReceiptKey, hashed: bytes) -> bool:
    """Check a receipt in constant time."""
    return same(entry, make_receipt(key, hashed))
