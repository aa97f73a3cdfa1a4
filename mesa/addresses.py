"""The network address of a caller: who it is worked out from, and the only form in which it is kept.

Kept is a digest of a network, under a key that is in the store alone and drawn anew each day: once it has
ended, nobody can search old digests for an address, whatever else they hold.
"""

import hmac
import ipaddress
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Final

from django.conf import settings
from django.http import HttpRequest

from mesa import store

KEY: Final = store.key("network_key")
KEY_LIFE: Final = timedelta(days=1)
KEY_BYTES: Final = 32
DIGEST_CHARACTERS: Final = 16

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Prefixes:
    """How many bits of an address name the network that counts as one."""

    ipv4: int
    ipv6: int


# One IPv6 home has 2⁶⁴ addresses.
HOMES: Final = Prefixes(ipv4=32, ipv6=64)
NOWHERE: Final = "unknown"


def read_address(text: str) -> Address | None:
    """Read an address; an IPv4 one that a socket for both kinds shows as IPv6 is the IPv4 one."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def network_text(address: Address, prefixes: Prefixes) -> str:
    """Cut an address to its network."""
    prefix = prefixes.ipv4 if address.version == 4 else prefixes.ipv6
    return str(ipaddress.ip_network((address, prefix), strict=False))


def digest(network: str) -> str:
    """Hash a network under today's key."""
    with store.client().pipeline() as batch:
        _queue_key(batch)
        return _hashed(network, str(batch.execute()[-1]))


async def adigest(network: str) -> str:
    """Hash a network under today's key, from a socket handler."""
    async with store.async_client().pipeline() as batch:
        _queue_key(batch)
        return _hashed(network, str((await batch.execute())[-1]))


def _queue_key(batch: store.Pipeline | store.AsyncPipeline) -> None:
    batch.set(KEY, secrets.token_urlsafe(KEY_BYTES), nx=True, px=KEY_LIFE)
    batch.get(KEY)


def _hashed(network: str, key: str) -> str:
    return hmac.new(key.encode(), network.encode(), sha256).hexdigest()[:DIGEST_CHARACTERS]


def caller_address(remote: str, forwarded_for: str, trusted: Sequence[str]) -> str:
    """Find the address that the outermost trusted proxy saw.

    The list is read from the right: whatever stands left of the first address that is no proxy of ours was
    written by the caller.
    """
    networks = [ipaddress.ip_network(entry, strict=False) for entry in trusted]
    hops = [entry.strip() for entry in forwarded_for.split(",") if entry.strip()]
    address = remote
    while hops and _is_in(address, networks):
        address = hops.pop()
    return address


def _is_in(text: str, networks: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    address = read_address(text)
    return address is not None and any(address in network for network in networks)


def request_address(request: HttpRequest) -> str:
    """Find the address of the caller of a view."""
    return caller_address(
        request.META.get("REMOTE_ADDR") or "",
        request.META.get("HTTP_X_FORWARDED_FOR") or "",
        settings.TRUSTED_PROXIES,
    )


def hashed_address(request: HttpRequest) -> str:
    """Name the caller's network for counters."""
    address = read_address(request_address(request))
    return digest(NOWHERE if address is None else network_text(address, HOMES))
