"""The daily key of a device's onion layers, and how others check whose it is.

Spec: docs/spec/onion.md, section "Onion keys"
"""

import os
from dataclasses import dataclass
from typing import Final

from .encoding import VERSION, Reader, u8, u32
from .errors import NotValidNow, UnknownDevice
from .identity import ID_BYTES, DeviceEntry, DeviceId, DeviceKeys
from .primitives import KEY_BYTES, SIGNATURE_BYTES, Rng, X25519Private, X25519Public

DAY_S: Final = 86_400
VALID_S: Final = 2 * DAY_S
CLOCK_SKEW_S: Final = 3_600


@dataclass(frozen=True, slots=True)
class SignedOnionKey:
    """A device's onion key of one day.

    Layout (p2p.protocol.ids.SIGNED_ONION_KEY_BYTES):
        0    1   version, 1
        1   16   device id
        17   4   day
        21  32   X25519 public key
        53  64   signature of the device
    """

    device_id: DeviceId
    day: int
    key: X25519Public
    signature: bytes

    def pack(self) -> bytes:
        return _signed_part(self.device_id, self.day, self.key) + self.signature

    @classmethod
    def unpack(cls, raw: bytes) -> "SignedOnionKey":
        """Parse; the signature is not looked at.

        Raises:
            UnknownVersion, Malformed, WeakKey
        """
        reader = Reader(raw)
        reader.version()
        device_id, day = DeviceId(reader.take(ID_BYTES)), reader.u32()
        key, signature = reader.take(KEY_BYTES), reader.take(SIGNATURE_BYTES)
        reader.finish()
        return cls(device_id, day, X25519Public(key), signature)

    def verify(self, entry: DeviceEntry, *, now_s: int) -> X25519Public:
        """Check that this is the device's key and valid at a Unix time.

        Raises:
            UnknownDevice: names another device.
            BadSignature: not signed by the device.
            NotValidNow: before its day or 48 hours after that day began.
        """
        if self.device_id != entry.device_id:
            raise UnknownDevice
        entry.signing.verify("onion-key", _signed_part(self.device_id, self.day, self.key), self.signature)
        age_s = now_s - self.day * DAY_S
        if not -CLOCK_SKEW_S <= age_s < VALID_S:
            raise NotValidNow
        return self.key


def _signed_part(device_id: DeviceId, day: int, key: X25519Public) -> bytes:
    return u8(VERSION) + device_id + u32(day) + key.raw


@dataclass(frozen=True, slots=True)
class OnionKeys:
    """The private onion keys a device holds: of this day and of the one before. Never stored."""

    day: int
    current: X25519Private
    previous: X25519Private | None = None

    @classmethod
    def create(cls, *, day: int, rng: Rng = os.urandom) -> "OnionKeys":
        return cls(day, X25519Private.generate(rng))

    def rotated(self, *, day: int, rng: Rng = os.urandom) -> "OnionKeys":
        """Go on to a later day; the key before the previous one is gone for good."""
        if day <= self.day:
            return self
        previous = self.current if day == self.day + 1 else None
        return OnionKeys(day, X25519Private.generate(rng), previous)

    def signed(self, device: DeviceKeys) -> SignedOnionKey:
        """Sign the public half of the current key for publication."""
        key = self.current.public
        signature = device.signing.sign("onion-key", _signed_part(device.device_id, self.day, key))
        return SignedOnionKey(device.device_id, self.day, key, signature)
