"""The network a peer connects from: of one network few peers are drawn, however many stand in it (T-05)."""

from typing import Final

from mesa.addresses import Prefixes, adigest, network_text, read_address

# What one who runs many peers gets easily, and with it all the addresses inside.
RENTED: Final = Prefixes(ipv4=24, ipv6=48)


async def network_of(address: str) -> str:
    """Hash the network of an address; empty for loopback and private ones, where accounts count alone."""
    network = counted_network(address)
    return await adigest(network) if network else ""


def counted_network(address: str) -> str:
    """Cut an address to its /24 or /48; empty where a network says nothing about who runs a peer."""
    parsed = read_address(address)
    return network_text(parsed, RENTED) if parsed is not None and parsed.is_global else ""
