"""The network a peer connects from, in the only form that is kept: hashed, under a key drawn anew each day.

The key is in the store alone, so once it has ended nobody can search old hashes for an address.
"""

import hmac
import ipaddress
import secrets
from datetime import timedelta
from hashlib import sha256

from mesa import store
from p2p import store_keys

KEY_LIFE = timedelta(days=1)
IPV4_PREFIX = 24
IPV6_PREFIX = 48
DIGEST_CHARACTERS = 16


async def network_of(address: str) -> str:
    """Hash the network of an address; empty for loopback and private ones, where accounts count alone."""
    network = network_text(address)
    if not network:
        return ""
    key = await _todays_key()
    return hmac.new(key.encode(), network.encode(), sha256).hexdigest()[:DIGEST_CHARACTERS]


def network_text(address: str) -> str:
    """Cut an address to its /24 or /48; empty where a network says nothing about who runs a peer."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    if not parsed.is_global:
        return ""
    prefix = IPV4_PREFIX if parsed.version == 4 else IPV6_PREFIX
    return str(ipaddress.ip_network((parsed, prefix), strict=False))


async def _todays_key() -> str:
    name = store_keys.network_key()
    async with store.async_client().pipeline() as batch:
        batch.set(name, secrets.token_urlsafe(32), nx=True, px=KEY_LIFE)
        batch.get(name)
        _, key = await batch.execute()
    return str(key)
