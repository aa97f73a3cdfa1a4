"""Tickets of guards, as far as a device can see them."""

import secrets

from peer_agent.guards import (
    TICKET_BYTES,
)

HOUR_S = 3_600


def a_ticket(name: bytes | None = None) -> bytes:
    """What a server would seal, as far as a device can see."""
    name = name or secrets.token_bytes(8)
    return b"\x01" + name + secrets.token_bytes(TICKET_BYTES - 9)
