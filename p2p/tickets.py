"""Guard tickets: a forwarder's name, sealed for the one device that keeps it, so that the server need not.

Spec: docs/spec/guards.md, section "Ticket"
"""

import hmac
import secrets
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from p2p.records import DeviceKey, UserKey

VERSION: Final = 1
NAME_BYTES: Final = 8
RANDOM_BYTES: Final = 12
TAG_BYTES: Final = 16
HOUR_S: Final = 3_600
LIFE: Final = timedelta(days=30)
LABEL: Final = b"mesa/guard-ticket/1"

HEADER: Final = struct.Struct(f"!B{NAME_BYTES}s")
INSIDE: Final = struct.Struct("!16s16sI")
BYTES: Final = HEADER.size + RANDOM_BYTES + INSIDE.size + TAG_BYTES


@dataclass(frozen=True, slots=True)
class Grant:
    """What a ticket says: which forwarder, since when. `name`: the same in all tickets of this grant."""

    name: bytes
    device: DeviceKey
    account: UserKey
    granted: datetime


@dataclass(frozen=True, slots=True)
class Opened:
    """A ticket that was read. `is_outdated`: under a former secret, so it is to be sealed anew."""

    grant: Grant
    is_outdated: bool


def make_grant(device: DeviceKey, account: UserKey, *, now: datetime) -> Grant:
    """Name a forwarder a guard from this hour on."""
    hour = datetime.fromtimestamp(now.timestamp() // HOUR_S * HOUR_S, UTC)
    return Grant(secrets.token_bytes(NAME_BYTES), device, account, hour)


def seal_ticket(grant: Grant, *, holder: DeviceKey) -> bytes:
    """Write a ticket that only this server reads, and only from this device.

    Layout:
        0    1   version, 1
        1    8   name of the grant
        9    12  random
        21   36  sealed: device 16, account 16, hours since 1970 4
        57   16  tag
    """
    header = HEADER.pack(VERSION, grant.name)
    hours = int(grant.granted.timestamp()) // HOUR_S
    inside = INSIDE.pack(UUID(grant.device).bytes, UUID(grant.account).bytes, hours)
    fresh = secrets.token_bytes(RANDOM_BYTES)
    return header + fresh + AESGCM(next(_keys(holder))).encrypt(fresh, inside, header)


def open_ticket(ticket: bytes, *, holder: DeviceKey, now: datetime) -> Opened | None:
    """Read a ticket that a device shows; None for another device's, an altered or an expired one."""
    if len(ticket) != BYTES or ticket[0] != VERSION:
        return None
    header, fresh = ticket[: HEADER.size], ticket[HEADER.size : HEADER.size + RANDOM_BYTES]
    for place, key in enumerate(_keys(holder)):
        try:
            inside = AESGCM(key).decrypt(fresh, ticket[HEADER.size + RANDOM_BYTES :], header)
        except InvalidTag:
            continue
        grant = _to_grant(header, inside)
        return Opened(grant, is_outdated=place > 0) if now < grant.granted + LIFE else None
    return None


def _to_grant(header: bytes, inside: bytes) -> Grant:
    _, name = HEADER.unpack(header)
    device, account, hours = INSIDE.unpack(inside)
    return Grant(
        name=name,
        device=DeviceKey(str(UUID(bytes=device))),
        account=UserKey(str(UUID(bytes=account))),
        granted=datetime.fromtimestamp(hours * HOUR_S, UTC),
    )


def _keys(holder: DeviceKey) -> Iterator[bytes]:
    """Derive a device's keys, that of the present secret first."""
    for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        yield hmac.digest(secret.encode(), LABEL + b"\x00" + UUID(holder).bytes, sha256)
