"""Addresses of STUN and TURN servers, as WebRTC writes them.

Spec: docs/spec/signaling.md, section "ICE servers"
"""

from typing import Final

SCHEMES: Final = frozenset({"stun", "turn", "turns"})
# Stricter than the schemes: peers can not begin any connection with a list that has one malformed address.
FORM: Final = r"stun:[^/?@]+|turn:[^/?@]+(\?transport=(udp|tcp))?|turns:[^/?@]+(\?transport=tcp)?"


def is_turn(url: str) -> bool:
    """Tell a TURN server, which wants a login, from a STUN server, which does not."""
    return url.startswith(("turn:", "turns:"))
