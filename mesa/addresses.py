"""The network address of a caller: who it is worked out from, and the only form in which it is kept.

Kept is a keyed digest that changes each day, so neither the store nor a log can be searched for an address
later.
"""

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime

from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

IPV6_HOME_PREFIX = 64


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


def _is_in(address: str, networks: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)


def request_address(request: HttpRequest) -> str:
    """Find the address of the caller of a view."""
    return caller_address(
        request.META.get("REMOTE_ADDR") or "",
        request.META.get("HTTP_X_FORWARDED_FOR") or "",
        settings.TRUSTED_PROXIES,
    )


def digest(text: str) -> str:
    """Hash an address or a network under today's key."""
    today = datetime.now(UTC).date().isoformat()
    return salted_hmac(f"mesa/address/{today}", text, algorithm="sha256").hexdigest()[:32]


def hashed_address(request: HttpRequest) -> str:
    """Name the caller's network for counters; one IPv6 home counts as one."""
    address = request_address(request)
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return digest("unknown")
    if parsed.version == 6:
        return digest(str(ipaddress.ip_network((address, IPV6_HOME_PREFIX), strict=False)))
    return digest(str(parsed))
