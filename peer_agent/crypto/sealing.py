"""Posts for a mailbox: one-off sealing to a device's key, so that the server sees neither session nor header.

Spec: docs/spec/sealing.md
"""

from typing import Final

from .encoding import VERSION, Reader, pad, u8, u32
from .errors import Malformed
from .identity import DeviceEntry, DeviceKeys
from .primitives import hpke_open, hpke_seal

STEP_BYTES: Final = 4096
MAX_PLAINTEXT_BYTES: Final = 65_536
MAX_ENVELOPE_BYTES: Final = MAX_PLAINTEXT_BYTES - 4
OVERHEAD_BYTES: Final = 1 + 32 + 16


def seal_post(to: DeviceEntry, envelope: bytes) -> bytes:
    """Seal an envelope to a device.

    Raises:
        Malformed: more than MAX_ENVELOPE_BYTES, or nothing.
    """
    if not 1 <= len(envelope) <= MAX_ENVELOPE_BYTES:
        raise Malformed
    plaintext = pad(u32(len(envelope)) + envelope, STEP_BYTES)
    return u8(VERSION) + hpke_seal(to.agreement, "sealed", to.device_id, plaintext)


def open_post(own: DeviceKeys, post: bytes) -> bytes:
    """Open a post of this device's mailbox.

    Raises:
        UnknownVersion, Malformed: not a post.
        NotOpened: changed, or for another device.
    """
    size = len(post) - OVERHEAD_BYTES
    reader = Reader(post)
    reader.version()
    if size % STEP_BYTES or not 0 < size <= MAX_PLAINTEXT_BYTES:
        raise Malformed
    opened = Reader(hpke_open(own.agreement, "sealed", own.device_id, reader.rest()))
    envelope = opened.take(opened.u32())
    opened.padding(STEP_BYTES)
    if not envelope:
        raise Malformed
    return envelope
